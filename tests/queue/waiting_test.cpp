// Claims that wait: who is woken, what waiting costs, and what becomes of a job whose claimer has gone.

#include <atomic>
#include <set>
#include <thread>

#include "queue_core.h"

using namespace queue_test;

namespace {

int64_t metric(const cachecore::core &core, const char *name) {
  return core.call("core.stats").view()["metrics"][name].as<int64_t>();
}

template <class Condition>
bool soon(Condition condition) {
  return test_wait_until([](void *context) -> int { return (*static_cast<Condition *>(context))() ? 1 : 0; },
                         &condition, test_patience_ms()) != 0;
}

// How often the server has run a command.
int64_t calls(const char *command) {
  char *const text = test_command_text(server(), "INFO commandstats");
  const std::string stats(text);
  free(text);
  const std::string field = std::string("cmdstat_") + command + ":calls=";
  const size_t at = stats.find(field);
  return at == std::string::npos ? 0 : std::stoll(stats.substr(at + field.size()));
}

// Waits for blocked connections of this many waiting processes.
bool blocked(int64_t connections) {
  return soon([&] { return test_server_info(server(), "blocked_clients") == connections; });
}

void a_push_wakes_a_waiting_claim() {
  const auto core = open();
  const auto other = open();
  cachecore::completions queue(core);
  core.with_timeout(cachecore::no_timeout).submit(queue, "queue.claim", "wake", 1, -1);
  CHECK(blocked(1));
  const std::string id = push(other, "wake", "hello");
  CHECK(queue.wait(test_patience_ms()));
  const auto done = queue.drain();
  CHECK(done.size() == 1 && done[0].view()[0]["id"].as<std::string>() == id);
}

void one_push_wakes_one_of_200() {
  const auto core = open();
  cachecore::completions queue(core);
  constexpr int claims = 200;
  const int64_t looks = calls("evalsha") + claims;
  for (int i = 0; i < claims; i++) core.with_timeout(cachecore::no_timeout).submit(queue, "queue.claim", "herd", 1, -1);
  CHECK(blocked(1));
  // All 200 have looked, and are parked.
  CHECK(soon([&] { return calls("evalsha") >= looks; }));
  const int64_t before = metric(core, "queue.wakes");
  push(core, "herd", "x");
  CHECK(queue.wait(test_patience_ms()));
  CHECK(queue.drain().size() == 1);
  CHECK(metric(core, "queue.wakes") - before == 1);
  // Several at once go to as many.
  std::vector<cachecore::value> jobs(199, map({{"payload", "y"}}));
  core.call("queue.push_many", "herd", jobs);
  size_t served = 0;
  while (served < 199) {
    CHECK(queue.wait(test_patience_ms()));
    served += queue.drain().size();
  }
  CHECK(count(core, "herd", "active") == 200);
}

void waiting_for_several_queues_takes_one_connection() {
  const auto core = open();
  cachecore::completions queue(core);
  for (const char *name : {"several-a", "several-b", "several-c"})
    core.with_timeout(cachecore::no_timeout).submit(queue, "queue.claim", list(name, "several-all"), 1, -1);
  CHECK(blocked(1));
  CHECK(soon([&] { return metric(core, "queue.claimed") == 0 && test_server_info(server(), "blocked_clients") == 1; }));
  push(core, "several-c", "x");
  CHECK(queue.wait(test_patience_ms()));
  CHECK(queue.drain()[0].view()[0]["queue"].as<std::string>() == "several-c");
  for (int i = 0; i < 2; i++) push(core, "several-all", "y");
  for (int served = 0; served < 2; served += static_cast<int>(queue.drain().size()))
    CHECK(queue.wait(test_patience_ms()));
}

void waiting_ends_in_time() {
  const auto core = open();
  CHECK(claim(core, "time", 1, 30).empty());
  CHECK(!core.call("queue.dequeue", "time-list", 30).found());
}

void waiting_costs_next_to_nothing() {
  const auto core = open();
  cachecore::completions queue(core);
  core.with_timeout(cachecore::no_timeout).submit(queue, "queue.claim", "idle", 1, -1);
  CHECK(blocked(1));
  const int64_t before = test_server_info(server(), "total_commands_processed");
  // As long as a block lasts, and the look behind it.
  CHECK(soon([&] { return metric(core, "queue.wakes") >= 1; }));
  CHECK(blocked(1));
  const int64_t spent = test_server_info(server(), "total_commands_processed") - before;
  // The looks of this test itself at the server are among them: INFO, once every few milliseconds at the end.
  CHECK(spent < 40);
}

void what_reached_nobody_is_given_back() {
  const auto core = open();
  test_proxy *const proxy = test_proxy_start(server());
  {
    const auto away = open(test_proxy_url(proxy));
    const auto other = open();
    CHECK(claim(away, "back").empty());  // connects, and knows the server
    push(core, "back", "x");
    for (int round = 0; round < 3; round++) {
      // The script's reply waits in the proxy while the caller leaves.
      test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
      CHECK(check::error_of([&] { away.with_timeout(200).call("queue.claim", "back", 1, 0, 3600000); }).status() !=
            status::ok);
      test_proxy_hold(proxy, TEST_TO_CLIENT, 0);
      const job again = claim_one(other, "back");
      CHECK(again.payload == "x" && again.attempt == 1);
      other.call("queue.release", again.handle);
    }
  }
  test_proxy_stop(proxy);
}

void what_is_never_drained_is_given_back() {
  const auto core = open();
  push(core, "undrained", "x");
  {
    cachecore::completions queue(core);
    core.submit(queue, "queue.claim", "undrained", 1, 0, 3600000);
    CHECK(queue.wait(test_patience_ms()));
  }
  const job again = claim_one(core, "undrained");
  CHECK(again.payload == "x" && again.attempt == 1);
}

void cancelled_claims_pass_their_wake_on() {
  const auto core = open();
  const auto other = open();
  cachecore::completions queue(core);
  cachecore::completions stays(other);
  constexpr int rounds = 50;
  for (int i = 0; i < rounds; i++) {
    other.with_timeout(cachecore::no_timeout).submit(stays, "queue.claim", "pass", 1, -1, 3600000);
    std::vector<uint64_t> leaving;
    leaving.reserve(4);
    for (int j = 0; j < 4; j++)
      leaving.push_back(core.with_timeout(cachecore::no_timeout).submit(queue, "queue.claim", "pass", 1, -1, 3600000));
    push(core, "pass", "x");
    for (const uint64_t operation : leaving) core.cancel(operation);
    size_t left = leaving.size();
    int got = 0;
    while (left > 0) {
      CHECK(queue.wait(test_patience_ms()));
      for (const auto &done : queue.drain()) {
        left--;
        if (done.status() == status::ok && !done.view().items().empty()) {
          got++;
          core.call("queue.complete", done.view()[0]["job"].as<std::string>());
        }
      }
    }
    // Whoever stays gets it, unless one that was cancelled had it already.
    if (got > 0) push(core, "pass", "x");
    CHECK(stays.wait(test_patience_ms()));
    for (const auto &done : stays.drain()) other.call("queue.complete", done.view()[0]["job"].as<std::string>());
    CHECK(soon([&] { return count(core, "pass", "active") == 0 && count(core, "pass", "ready") == 0; }));
  }
}

void a_busy_worker_keeps_its_job() {
  const auto core = open();
  const auto other = open();
  push(core, "busy", "x");
  const job taken = claim_one(core, "busy", 300);
  // Three leases long nobody else gets it.
  CHECK(claim(other, "busy", 1, 900).empty());
  core.call("queue.complete", taken.handle);
  CHECK(claim(other, "busy", 1, 400).empty());
}

void an_extended_lease_is_not_cut_back() {
  const auto core = open();
  const std::string id = push(core, "extend", "x");
  const job taken = claim_one(core, "extend", 200);
  core.call("queue.extend", taken.handle, 3600000);
  const auto until = [&] { return core.call("queue.get", "extend", id).view()["lease_until"].as<int64_t>(); };
  const int64_t before = until();
  // The renewals of two leases.
  CHECK(claim(core, "extend", 1, 400).empty());
  CHECK(until() >= before);
}

void a_delayed_job_wakes_who_waits() {
  const auto core = open();
  cachecore::completions queue(core);
  core.with_timeout(cachecore::no_timeout).submit(queue, "queue.claim", "alarm", 1, -1);
  CHECK(blocked(1));
  push(core, "alarm", "far", map({{"delay_ms", 3600000}}));
  push(core, "alarm", "near", map({{"delay_ms", 100}}));
  CHECK(queue.wait(test_patience_ms()));
  CHECK(queue.drain()[0].view()[0]["payload"].as<std::string>() == "near");
}

void plain_lists_are_those_of_others() {
  const auto core = open();
  core.call("queue.enqueue", "list", "a");
  free(test_command_text(server(), "RPUSH app:list b"));
  CHECK(core.call("queue.dequeue", "list").view()["value"].as<std::string>() == "a");
  CHECK(core.call("queue.dequeue", "list").view()["value"].as<std::string>() == "b");
  CHECK(!core.call("queue.dequeue", "list").found());
  cachecore::completions queue(core);
  for (int i = 0; i < 3; i++) core.with_timeout(cachecore::no_timeout).submit(queue, "queue.dequeue", "list", -1);
  CHECK(blocked(1));
  free(test_command_text(server(), "RPUSH app:list c d e"));
  for (size_t served = 0; served < 3; served += queue.drain().size()) CHECK(queue.wait(test_patience_ms()));
  core.call("queue.enqueue_at", "list", "later", 1);
  CHECK(core.call("queue.dequeue", "list", 10000).view()["value"].as<std::string>() == "later");
}

void values_of_plain_lists_are_not_lost_with_their_caller() {
  const auto core = open();
  cachecore::completions queue(core);
  constexpr int values = 200;
  std::vector<uint64_t> waiting;
  waiting.reserve(static_cast<size_t>(values));
  for (int i = 0; i < values; i++)
    waiting.push_back(core.with_timeout(cachecore::no_timeout).submit(queue, "queue.dequeue", "leave", -1));
  std::thread pushing([&] {
    for (int i = 0; i < values; i++) core.call("queue.enqueue", "leave", std::to_string(i));
  });
  for (size_t i = 0; i < waiting.size(); i += 2) core.cancel(waiting[i]);
  pushing.join();
  std::set<std::string> seen;
  size_t ended = 0;
  const auto take = [&] {
    for (const auto &done : queue.drain()) {
      ended++;
      if (done.status() == status::ok) seen.insert(done.view()["value"].as<std::string>());
    }
  };
  while (ended < values / 2) {
    CHECK(queue.wait(test_patience_ms()));
    take();
  }
  // The rest is in the list, or comes back to it.
  CHECK(soon([&] {
    if (queue.wait(0)) take();
    while (const auto more = core.call("queue.dequeue", "leave")) seen.insert(more.view()["value"].as<std::string>());
    return seen.size() == values;
  }));
}

void schedules_fire_once_over_all_processes() {
  const auto one = open();
  const auto two = open();
  const auto three = open();
  CHECK(one.call("queue.schedule", "tick", "*/5 * * * *", "Europe/Berlin", "beat").view()["next_at"].as<int64_t>() > 0);
  CHECK(one.call("queue.schedules", "tick").view()[0]["timezone"].as<std::string>() == "Europe/Berlin");
  for (int round = 0; round < 5; round++) {
    // Due, since long: caught up once.
    free(test_command_text(server(), "ZADD app:{q:tick}:cron %d tick", 1000 * (round + 1)));
    std::atomic<int> got = 0;
    std::vector<std::thread> threads;
    for (const auto *core : {&one, &two, &three}) {
      threads.emplace_back([&got, core] {
        for (const job &each : claim(*core, "tick", 10, 100)) {
          got++;
          core->call("queue.complete", each.handle);
        }
      });
    }
    for (auto &thread : threads) thread.join();
    CHECK(got == 1);
  }
  CHECK(one.call("queue.unschedule", "tick").as<bool>() && !one.call("queue.unschedule", "tick").as<bool>());
  CHECK(check::status_of([&] { one.call("queue.schedule", "t", "* * * * *", "Mars/Base"); }) ==
        status::invalid_argument);
  CHECK(check::status_of([&] { one.call("queue.schedule", "t", "every day"); }) == status::invalid_argument);
}

void an_unknown_zone_does_not_make_claims_spin() {
  const auto core = open();
  push(core, "mars", "x");
  claim_one(core, "mars");
  free(test_command_text(server(), "HSET app:{q:mars}:schedules s %s", "* * * * *\nMars/Base\n\nx"));
  free(test_command_text(server(), "ZADD app:{q:mars}:cron 1 s"));
  const int64_t before = calls("evalsha");
  CHECK(claim(core, "mars", 1, 200).empty());
  CHECK(calls("evalsha") - before < 12);
}

void events_are_heard() {
  const auto core = open();
  auto events = core.open("queue.events", "heard");
  const auto next = [&] { return events.next()->view()["event"].as<std::string>(); };
  CHECK(next() == "listening");
  push(core, "heard", "x");
  const job taken = claim_one(core, "heard");
  core.call("queue.progress", taken.handle, 10);
  core.call("queue.complete", taken.handle);
  for (const char *expected : {"pushed", "claimed", "progress", "completed"}) CHECK(next() == expected);
}

int stop(void **) {
  stop_server();
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(check::run<a_push_wakes_a_waiting_claim>),
      cmocka_unit_test(check::run<one_push_wakes_one_of_200>),
      cmocka_unit_test(check::run<waiting_for_several_queues_takes_one_connection>),
      cmocka_unit_test(check::run<waiting_ends_in_time>),
      cmocka_unit_test(check::run<waiting_costs_next_to_nothing>),
      cmocka_unit_test(check::run<what_reached_nobody_is_given_back>),
      cmocka_unit_test(check::run<what_is_never_drained_is_given_back>),
      cmocka_unit_test(check::run<cancelled_claims_pass_their_wake_on>),
      cmocka_unit_test(check::run<a_busy_worker_keeps_its_job>),
      cmocka_unit_test(check::run<an_extended_lease_is_not_cut_back>),
      cmocka_unit_test(check::run<a_delayed_job_wakes_who_waits>),
      cmocka_unit_test(check::run<plain_lists_are_those_of_others>),
      cmocka_unit_test(check::run<values_of_plain_lists_are_not_lost_with_their_caller>),
      cmocka_unit_test(check::run<schedules_fire_once_over_all_processes>),
      cmocka_unit_test(check::run<an_unknown_zone_does_not_make_claims_spin>),
      cmocka_unit_test(check::run<events_are_heard>),
  };
  return cmocka_run_group_tests(tests, nullptr, stop);
}
