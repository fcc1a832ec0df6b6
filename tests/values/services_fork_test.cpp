// crypto/1 and compress/1 work in the child of a fork, whatever other threads were doing with them when it was made.

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "cmocka_cpp.h"
#include "core/build_config.h"
#include "core/values/compress.h"
#include "core/values/crypto.h"

namespace {

const cachecore_crypto_service &crypto = *cachecore_internal::crypto_service();

// Uses every function once; also run in children, where cmocka's assertions must not be.
bool all_work() {
  const std::string plain = "a text of a few words, a text of a few words";
  uint8_t key[32], hash[32], sealed[128], opened[128];
  if (crypto.random(key, sizeof(key)) != CACHECORE_OK) return false;
  if (crypto.sha256("abc", 3, hash) != CACHECORE_OK || hash[0] != 0xba) return false;
  if (crypto.hmac_sha256("", 0, "", 0, hash) != CACHECORE_OK || hash[0] != 0xb6) return false;
  if (crypto.seal(key, "a", 1, plain.data(), plain.size(), sealed) != CACHECORE_OK) return false;
  if (crypto.open(key, "a", 1, sealed, plain.size() + 28, opened) != CACHECORE_OK) return false;
  if (crypto.equal(opened, plain.data(), plain.size()) != 1) return false;
  const cachecore_compress_service *service = cachecore_internal::compress_service();
  if (service == nullptr) return CACHECORE_HAVE_ZSTD == 0;
  char packed[256], back[128];
  size_t size = 0, written = 0;
  return service->compress(plain.data(), plain.size(), packed, sizeof(packed), &size) == CACHECORE_OK &&
         service->decompress(packed, size, back, sizeof(back), &written) == CACHECORE_OK &&
         std::string_view(back, written) == plain;
}

void children_can_use_everything(void **) {
  std::atomic<bool> stop{false};
  std::atomic<int> broken{0};
  std::vector<std::thread> threads;
  threads.reserve(3);
  for (int i = 0; i < 3; i++) {
    threads.emplace_back([&] {
      while (!stop) broken += !all_work();
    });
  }
  int failed = 0;
  for (int i = 0; i < 50; i++) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);  // a child that hangs ends by a signal, and fails the test
      _exit(all_work() ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    failed += status != 0;
  }
  stop = true;
  for (std::thread &thread : threads) thread.join();
  assert_int_equal(failed, 0);
  assert_int_equal(broken, 0);
}

void children_get_other_random_bytes(void **) {
  std::set<std::string> seen;
  char bytes[16];
  for (int i = 0; i < 20; i++) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      crypto.random(bytes, sizeof(bytes));
      _exit(write(ends[1], bytes, sizeof(bytes)) == sizeof(bytes) ? 0 : 1);
    }
    assert_int_equal(read(ends[0], bytes, sizeof(bytes)), sizeof(bytes));
    seen.insert(std::string(bytes, sizeof(bytes)));
    assert_int_equal(crypto.random(bytes, sizeof(bytes)), CACHECORE_OK);
    seen.insert(std::string(bytes, sizeof(bytes)));
    close(ends[0]);
    close(ends[1]);
    waitpid(child, nullptr, 0);
  }
  assert_int_equal(seen.size(), 40);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(children_can_use_everything),
      cmocka_unit_test(children_get_other_random_bytes),
  };
  return cmocka_run_group_tests_name("values services fork", tests, nullptr, nullptr);
}
