// Everything at once, at random: calls, submissions, cancels, subscriptions, resets, and a line that fails. No reply
// goes to another's request, every operation completes once, and in the end everything works.
//
// 20 seconds; 10 minutes in the long form. CACHECORE_TEST_SEED repeats the decisions of a run, not its interleaving.
#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;

namespace {

using dice = std::minstd_rand;

int below(dice &from, int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(from); }

bool is_long() {
  const char *length = std::getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && std::strcmp(length, "long") == 0;
}

struct shared {
  const redis_core &core;
  std::atomic<bool> stop{false};
  std::atomic<int64_t> wrong{0}, right{0}, failed{0}, completed{0}, submitted{0};

  void judge(const outcome &came, const std::string &expected) {
    if (came.status == CACHECORE_OK) {
      (came.answer == expected ? right : wrong)++;
      if (came.answer != expected) print_error("%s instead of %s\n", came.answer.c_str(), expected.c_str());
    } else if (came.status == CACHECORE_UNAVAILABLE || came.status == CACHECORE_TIMEOUT ||
               came.status == CACHECORE_UNCERTAIN || came.status == CACHECORE_BUSY ||
               came.status == CACHECORE_CANCELLED) {
      failed++;
    } else {
      print_error("unexpected: %s\n", text_of(came).c_str());
      wrong++;
    }
  }
};

void call_at_random(shared &all, unsigned seed) {
  dice from(seed);
  for (int64_t i = 0; !all.stop; i++) {
    const std::string said = std::to_string(seed) + ":" + std::to_string(i);
    const int64_t timeout = below(from, 3) == 0 ? 1 + below(from, 5) : 300;
    switch (below(from, 5)) {
      case 0:
        all.judge(all.core.pipeline({{"ECHO", said}, {"ECHO", "x" + said}}, timeout), "[" + said + ", x" + said + "]");
        break;
      case 1:
        all.judge(all.core.transaction({{"ECHO", said}}), "[" + said + "]");
        break;
      case 2: {
        const std::string large(static_cast<size_t>(1 + below(from, 40'000)), 'l');
        all.judge(all.core.command({"ECHO", large + said}, timeout), large + said);
        break;
      }
      case 3:
        all.judge(all.core.command({"BLPOP", "nothing:" + said, "0.005"}, timeout), "nil");
        break;
      default:
        all.judge(all.core.command({"ECHO", said}, timeout), said);
    }
  }
}

// A window of operations; some are cancelled, and now and then the whole queue is thrown away with what is in it.
void submit_at_random(shared &all, unsigned seed) {
  dice from(seed);
  const cachecore_method *echo = nullptr;
  cachecore_error error;
  if (cachecore_method_find(all.core.handle(), "redis.command", &echo, &error) != CACHECORE_OK)
    test_die("%s", error.message);
  while (!all.stop) {
    cachecore_completions *queue = nullptr;
    if (cachecore_completions_create(all.core.handle(), &queue, &error) != CACHECORE_OK) test_die("%s", error.message);
    std::vector<int> pending;  // by user data: 1 until completed
    size_t outstanding = 0;
    const int rounds = 1 + below(from, 400);
    for (int round = 0; round < rounds || (outstanding > 0 && below(from, 50) != 0); round++) {
      if (round < rounds && outstanding < 100) {
        const std::string said = std::to_string(pending.size());
        const cachecore_value words[] = {cachecore_text("ECHO"), cachecore_bytes(said.data(), said.size())};
        const cachecore_value arg = cachecore_list(words, 2);
        uint64_t operation = 0;
        const cachecore_status status = cachecore_submit(
            all.core.handle(), echo, &arg, 1, below(from, 4) == 0 ? 2 : 500, queue, pending.size(), &operation, &error);
        if (status != CACHECORE_OK) test_die("submit: %s", error.message);
        pending.push_back(1);
        outstanding++;
        all.submitted++;
        if (below(from, 3) == 0) cachecore_cancel(all.core.handle(), operation, &error);
      }
      cachecore_completion done[16];
      const size_t count = cachecore_completions_drain(queue, done, 16);
      for (size_t i = 0; i < count; i++) {
        if (--pending[done[i].user_data] != 0) all.wrong++;
        outcome came;
        came.status = done[i].status;
        if (came.status == CACHECORE_OK) {
          const cachecore_value *answer = cachecore_result_value(done[i].result);
          came.answer.assign(answer->as.bytes.data, answer->as.bytes.size);
        }
        all.judge(came, std::to_string(done[i].user_data));
        all.completed++;
        outstanding--;
        cachecore_result_free(done[i].result);
      }
      if (count == 0 && (outstanding >= 100 || round >= rounds)) {
        pollfd readable{cachecore_completions_fd(queue), POLLIN, 0};
        poll(&readable, 1, 20);
      }
    }
    cachecore_completions_destroy(queue);
  }
}

void listen_at_random(shared &all, unsigned seed) {
  dice from(seed);
  while (!all.stop) {
    listener heard(all.core, {"channel" + std::to_string(below(from, 3))});
    std::this_thread::sleep_for(std::chrono::milliseconds(below(from, 20)));
  }
}

void disturb(test_proxy *proxy, const redis_core &core, dice &from) {
  cachecore_error error;
  const auto direction = below(from, 2) == 0 ? TEST_TO_CLIENT : TEST_TO_SERVER;
  switch (below(from, 7)) {
    case 0:
      if (cachecore_reset(core.handle(), &error) != CACHECORE_OK) test_die("reset: %s", error.message);
      break;
    case 1:
      test_proxy_disconnect(proxy);
      break;
    case 2:
      test_proxy_reset(proxy);
      break;
    case 3:
      test_proxy_cut_once(proxy, direction, below(from, 2'000));
      break;
    case 4:
      test_proxy_delay(proxy, direction, 1 + below(from, 10));
      break;
    case 5:
      test_proxy_hold(proxy, direction, 1);
      std::this_thread::sleep_for(std::chrono::milliseconds(below(from, 60)));
      test_proxy_hold(proxy, direction, 0);
      break;
    default:
      test_proxy_clear(proxy);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(below(from, 40)));
}

void everything_at_once(void **) {
  const char *given = std::getenv("CACHECORE_TEST_SEED");
  const auto seed = given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  print_message("seed %u\n", seed);
  dice from(seed);
  test_server *server = test_server_start_tcp(nullptr, nullptr);
  test_proxy *proxy = test_proxy_start(server);
  {
    const redis_core core(test_proxy_tcp_url(proxy), R"({"connect_timeout_ms": 500})", 1'000);
    shared all{core};
    std::vector<std::thread> threads;
    threads.reserve(8);
    for (unsigned i = 0; i < 4; i++) threads.emplace_back(call_at_random, std::ref(all), seed + 1 + i);
    for (unsigned i = 0; i < 3; i++) threads.emplace_back(submit_at_random, std::ref(all), seed + 101 + i);
    threads.emplace_back(listen_at_random, std::ref(all), seed + 201);
    const int64_t until = test_now_ms() + (is_long() ? 600'000 : 20'000);
    while (test_now_ms() < until) disturb(proxy, core, from);
    test_proxy_clear(proxy);
    all.stop = true;
    for (std::thread &each : threads) each.join();
    print_message("right %lld, failed %lld, completed %lld of %lld submitted\n", static_cast<long long>(all.right),
                  static_cast<long long>(all.failed), static_cast<long long>(all.completed),
                  static_cast<long long>(all.submitted));
    assert_int_equal(all.wrong, 0);
    assert_true(all.right > 1'000);
    const auto works = [](void *state) {
      return static_cast<const redis_core *>(state)->command({"PING"}).status == CACHECORE_OK ? 1 : 0;
    };
    assert_true(test_wait_until(works, const_cast<redis_core *>(&core), test_patience_ms()));
    for (int i = 0; i < 100; i++) assert_answer(core.command({"ECHO", std::to_string(i)}), std::to_string(i).c_str());
  }
  test_proxy_stop(proxy);
  test_server_stop(server);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(everything_at_once)};
  return cmocka_run_group_tests_name("stress", tests, nullptr, nullptr);
}
