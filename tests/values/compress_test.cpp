// The service compress/1.

#include "core/values/compress.h"

#include <zstd.h>

#include <random>
#include <thread>
#include <vector>

#include "cmocka_cpp.h"

namespace {

const cachecore_compress_service &service = *cachecore_internal::compress_service();

std::string compressed(std::string_view plain) {
  std::string out(service.bound(plain.size()), '\0');
  size_t size = 0;
  assert_int_equal(service.compress(plain.data(), plain.size(), out.data(), out.size(), &size), CACHECORE_OK);
  out.resize(size);
  return out;
}

// Into a buffer with a guard behind it, which must stay.
cachecore_status decompress(std::string_view data, std::string &out) {
  size_t size = 0;
  const cachecore_status known = service.original_size(data.data(), data.size(), &size);
  if (known != CACHECORE_OK) {
    assert_int_equal(size, 0);
    return known;
  }
  std::string room(size + 8, '#');
  size_t written = 1;
  const cachecore_status status = service.decompress(data.data(), data.size(), room.data(), size, &written);
  assert_int_equal(written, status == CACHECORE_OK ? size : 0);
  assert_text(std::string_view(room).substr(size), "########");
  out = room.substr(0, written);
  return status;
}

std::string sample(size_t size) {
  std::string out;
  for (int i = 0; out.size() < size; i++) out += "{\"id\":" + std::to_string(i * 7919) + ",\"name\":\"somebody\"},";
  out.resize(size);
  return out;
}

void values_come_back(void **) {
  for (const size_t size : std::vector<size_t>{0, 1, 10, 200, 5'000, 300'000, 3'000'000}) {
    const std::string plain = sample(size);
    std::string back;
    assert_int_equal(decompress(compressed(plain), back), CACHECORE_OK);
    assert_true(plain == back);
  }
  assert_true(compressed(sample(5'000)).size() < 1'500);
}

void what_cannot_be_compressed_fits_the_bound(void **) {
  std::mt19937_64 random(5);
  for (const size_t size : std::vector<size_t>{1, 100, 70'000}) {
    std::string plain(size, '\0');
    for (char &byte : plain) byte = static_cast<char>(random());
    std::string back;
    assert_int_equal(decompress(compressed(plain), back), CACHECORE_OK);
    assert_true(plain == back);
  }
}

// No change of one byte, no cut and no addition is taken for a value.
void every_damage_is_noticed(void **) {
  const std::string plain = sample(2'000);
  const std::string whole = compressed(plain);
  std::string back;
  for (size_t place = 0; place < whole.size(); place++) {
    for (const int change : {1, 0x80, 0xFF}) {
      std::string damaged = whole;
      damaged[place] = static_cast<char>(damaged[place] ^ change);
      const cachecore_status status = decompress(damaged, back);
      if (status == CACHECORE_OK) assert_true(back == plain);  // a reserved bit that says nothing
      if (status != CACHECORE_OK) assert_int_equal(status, CACHECORE_CORRUPT);
    }
    assert_int_equal(decompress(std::string_view(whole).substr(0, place), back), CACHECORE_CORRUPT);
  }
  assert_int_equal(decompress(whole + '\0', back), CACHECORE_CORRUPT);
  assert_int_equal(decompress(whole + whole, back), CACHECORE_CORRUPT);
  assert_int_equal(decompress(whole + compressed(""), back), CACHECORE_CORRUPT);
  assert_int_equal(decompress(whole + std::string("\x50\x2a\x4d\x18\0\0\0\0", 8), back),
                   CACHECORE_CORRUPT);  // skippable
  assert_int_equal(decompress(plain, back), CACHECORE_CORRUPT);
}

// A frame made by hand: it says how large the original is, and then little else.
std::string frame_that_claims(uint64_t size) {
  std::string frame = "\x28\xb5\x2f\xfd";
  frame += '\xe0';  // single segment, eight bytes of size
  for (int i = 0; i < 8; i++) frame += static_cast<char>(size >> 8 * i);
  frame.append("\x01\x00\x00", 3);  // a last block without bytes
  return frame;
}

void huge_claims_are_refused(void **) {
  size_t size = 0;
  const std::string most = frame_that_claims(cachecore_internal::max_original_size);
  assert_int_equal(service.original_size(most.data(), most.size(), &size), CACHECORE_OK);
  assert_int_equal(size, cachecore_internal::max_original_size);
  for (const uint64_t claim :
       {uint64_t{cachecore_internal::max_original_size} + 1, uint64_t{1} << 40, UINT64_MAX - 3}) {
    const std::string frame = frame_that_claims(claim);
    assert_int_equal(service.original_size(frame.data(), frame.size(), &size), CACHECORE_CORRUPT);
    assert_int_equal(size, 0);
  }
  std::string back;
  assert_int_equal(decompress(frame_that_claims(100), back), CACHECORE_CORRUPT);
}

void unknown_sizes_are_refused(void **) {
  ZSTD_CCtx *context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  std::string out(1000, '\0');
  out.resize(ZSTD_compress2(context, out.data(), out.size(), "some text", 9));
  ZSTD_freeCCtx(context);
  std::string back;
  assert_int_equal(decompress(out, back), CACHECORE_CORRUPT);
}

void wrong_arguments_are_refused(void **) {
  const cachecore_status refused = CACHECORE_INVALID_ARGUMENT;
  const std::string whole = compressed(sample(1'000));
  char out[2'000];
  size_t size = 1;
  assert_int_equal(service.compress(nullptr, 1, out, sizeof(out), &size), refused);
  assert_int_equal(size, 0);
  assert_int_equal(service.compress("a", 1, nullptr, 100, &size), refused);
  assert_int_equal(service.compress("a", 1, out, sizeof(out), nullptr), refused);
  assert_int_equal(service.compress(out, SIZE_MAX / 2, out, sizeof(out), &size), refused);
  assert_int_equal(service.compress(sample(1'000).data(), 1'000, out, 20, &size), refused);
  assert_int_equal(service.bound(SIZE_MAX), 0);
  assert_int_equal(service.bound(cachecore_internal::max_original_size + 1), 0);
  assert_true(service.bound(cachecore_internal::max_original_size) > cachecore_internal::max_original_size);
  assert_int_equal(service.original_size(nullptr, 1, &size), refused);
  assert_int_equal(service.original_size(whole.data(), whole.size(), nullptr), refused);
  assert_int_equal(service.original_size(nullptr, 0, &size), CACHECORE_CORRUPT);
  assert_int_equal(service.decompress(nullptr, 1, out, sizeof(out), &size), refused);
  assert_int_equal(service.decompress(whole.data(), whole.size(), nullptr, 1'000, &size), refused);
  assert_int_equal(service.decompress(whole.data(), whole.size(), out, 999, &size), refused);
  assert_int_equal(service.decompress(whole.data(), whole.size(), out, sizeof(out), nullptr), refused);
  assert_int_equal(service.decompress(whole.data(), whole.size(), out, sizeof(out), &size), CACHECORE_OK);
  assert_int_equal(size, 1'000);
  assert_int_equal(service.struct_size, sizeof(cachecore_compress_service));
}

void threads_do_not_disturb_each_other(void **) {
  std::vector<std::thread> threads;
  std::vector<int> right(16, 0);
  threads.reserve(right.size());
  for (size_t number = 0; number < right.size(); number++) {
    threads.emplace_back([number, &count = right[number]] {
      const std::string plain = sample(1'000 + number * 100);
      for (int i = 0; i < 100; i++) {
        std::string packed(service.bound(plain.size()), '\0'), back(plain.size(), '\0');
        size_t size = 0, written = 0;
        count += service.compress(plain.data(), plain.size(), packed.data(), packed.size(), &size) == CACHECORE_OK &&
                 service.decompress(packed.data(), size, back.data(), back.size(), &written) == CACHECORE_OK &&
                 back == plain;
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
  for (const int count : right) assert_int_equal(count, 100);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(values_come_back),
      cmocka_unit_test(what_cannot_be_compressed_fits_the_bound),
      cmocka_unit_test(every_damage_is_noticed),
      cmocka_unit_test(huge_claims_are_refused),
      cmocka_unit_test(unknown_sizes_are_refused),
      cmocka_unit_test(wrong_arguments_are_refused),
      cmocka_unit_test(threads_do_not_disturb_each_other),
  };
  return cmocka_run_group_tests_name("values compress", tests, nullptr, nullptr);
}
