// What expires leaves nothing, and near misses take the same time as far ones.

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>

#include "auth_core.h"
#include "groups.h"
#include "tests/support/unit.h"

using namespace auth_test;

namespace {

constexpr int tokens_each = 50;

// The users of a round are signed in by several threads.
void sign_in(const auth_core &core, int first_user, int users, int64_t ttl_ms) {
  constexpr int threads = 8;
  on_threads(threads, [&](int thread) {
    for (int user = first_user + thread; user < first_user + users; user += threads) {
      const std::string name = "user" + std::to_string(user);
      for (int i = 0; i < tokens_each; i++) core.ok("issue", {text(name), text("m"), number(ttl_ms), text("phone")});
    }
  });
}

// 10^5 users with 50 tokens each in the long form, a part of them at a time.
void memory_returns_to_its_baseline(void ** /*state*/) {
  // The log of slow commands keeps their words, and it is not what is measured.
  const char *const args[] = {"--hz", "100", "--slowlog-max-len", "0", nullptr};
  test_server *server = test_server_start(nullptr, args);
  {
    const auth_core core(test_server_url(server));
    const int users = long_form() ? 10'000 : 60;
    const int rounds = long_form() ? 10 : 1;
    const int64_t ttl_ms = long_form() ? 20'000 : 1'000;
    // One round shows what the server needs to have worked at all: buffers, scripts, statistics.
    sign_in(core, 0, 8, 1);
    wait_for(server, "DBSIZE", "0");
    const int64_t baseline = test_server_info(server, "used_memory");
    for (int round = 0; round < rounds; round++) {
      sign_in(core, round * users, users, ttl_ms);
      const int64_t full = test_server_info(server, "used_memory_peak");
      assert_true(full > baseline + (long_form() ? 20'000'000 : 100'000));
      wait_for(server, "DBSIZE", "0");
      struct waited {
        test_server *server;
        int64_t most;
      } context{server, baseline + baseline / 20};
      const auto back = [](void *given) {
        const auto &about = *static_cast<waited *>(given);
        return test_server_info(about.server, "used_memory") <= about.most ? 1 : 0;
      };
      if (test_wait_until(back, &context, test_patience_ms()) == 0) {
        print_error("baseline %lld, now %lld\n", static_cast<long long>(baseline),
                    static_cast<long long>(test_server_info(server, "used_memory")));
        test_die("memory does not return to its baseline");
      }
      print_message("baseline %lld, peak %lld, after %lld\n", static_cast<long long>(baseline),
                    static_cast<long long>(full), static_cast<long long>(test_server_info(server, "used_memory")));
    }
  }
  test_server_stop(server);
}

// The record of a token: without it the token is not good.
std::string record_of(const auth_core &core, const std::string &token) {
  const std::vector<std::string> before = keys_of(shared_server(), "auth:*:t:*");
  for (const std::string &key : before) {
    redis(shared_server(), "RENAME " + key + " aside");
    const bool was = !core.verify(token).is_ok();
    redis(shared_server(), "RENAME aside " + key);
    if (was) return key;
  }
  test_die("no record of this token");
}

// A token whose digest differs from its record in one byte of the half that is compared.
std::string token_that_misses_at(const auth_core &core, int byte) {
  const std::string token = core.ok("issue", {text("ada"), nil(), number(3'600'000)})["token"];
  const std::string record = record_of(core, token);
  const std::string script =
      "local v = redis.call('HGET', KEYS[1], 'v') local at = tonumber(ARGV[1]) "
      "return redis.call('HSET', KEYS[1], 'v', v:sub(1, at) .. string.char((v:byte(at + 1) + 1) % 256) .. v:sub(at + "
      "2))";
  free(test_command_text(shared_server(), "EVAL %s 1 %s %d", script.c_str(), record.c_str(), byte));
  return token;
}

double ns_of_verify(const auth_core &core, const std::string &token) {
  timespec begun{};
  timespec ended{};
  clock_gettime(CLOCK_MONOTONIC, &begun);
  const outcome came = core.verify(token);
  clock_gettime(CLOCK_MONOTONIC, &ended);
  if (came.status != CACHECORE_NOT_FOUND) test_die("a near miss is good");
  return static_cast<double>(ended.tv_sec - begun.tv_sec) * 1e9 + static_cast<double>(ended.tv_nsec - begun.tv_nsec);
}

// Welch's t of two samples, each without its slowest tenth.
double welch(std::vector<double> a, std::vector<double> b) {
  double mean[2];
  double error[2];
  int side = 0;
  for (std::vector<double> *sample : {&a, &b}) {
    std::sort(sample->begin(), sample->end());
    sample->resize(sample->size() * 9 / 10);
    double sum = 0;
    for (const double each : *sample) sum += each;
    mean[side] = sum / static_cast<double>(sample->size());
    double squares = 0;
    for (const double each : *sample) squares += (each - mean[side]) * (each - mean[side]);
    error[side] = squares / static_cast<double>(sample->size() - 1) / static_cast<double>(sample->size());
    side++;
  }
  return (mean[0] - mean[1]) / std::sqrt(error[0] + error[1]);
}

// Each way to miss is one read and one comparison. The long form also measures: classes in random order, so that both
// meet the same noise, and a difference has to appear three times in a row (|t| > 4.5, as dudect has it) to be one.
void near_misses_differ_in_nothing(void ** /*state*/) {
  const auth_core core(shared_url());
  const std::string misses[] = {token_that_misses_at(core, 0), token_that_misses_at(core, 15)};
  for (const std::string &token : misses) {
    const int64_t before = test_server_info(shared_server(), "total_commands_processed");
    (void)ns_of_verify(core, token);
    assert_int_equal(test_server_info(shared_server(), "total_commands_processed") - before, 2);
  }
  if (!long_form()) return;
  std::mt19937 random(20261130);
  double t = 0;
  for (int attempt = 0; attempt < 3; attempt++) {
    std::vector<double> taken[2];
    for (int i = 0; i < 60'000; i++) {
      const unsigned which = random() & 1U;
      taken[which].push_back(ns_of_verify(core, misses[which]));
    }
    t = welch(std::move(taken[0]), std::move(taken[1]));
    print_message("first byte against last byte: t = %.2f\n", t);
    if (std::fabs(t) < 4.5) return;
  }
  assert_true(std::fabs(t) < 4.5);
}

}  // namespace

int run_memory() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(near_misses_differ_in_nothing, empty_server),
      cmocka_unit_test(memory_returns_to_its_baseline),
  };
  return cmocka_run_group_tests_name("memory", tests, nullptr, nullptr);
}
