// What holds jobs back: pauses, limits of a queue and of a key, a full queue; and what removes them.

#include "queue_core.h"

using namespace queue_test;

namespace {

void a_paused_queue_starts_nothing() {
  const auto core = open();
  push(core, "pause", "before");
  core.call("queue.pause", "pause");
  push(core, "pause", "meanwhile");
  CHECK(claim(core, "pause", 5).empty());
  CHECK(core.call("queue.counts", "pause").view()["paused"].as<bool>() && count(core, "pause", "ready") == 2);
  core.call("queue.resume", "pause");
  CHECK(claim(core, "pause", 5).size() == 2);
  CHECK(!core.call("queue.counts", "pause").view()["paused"].as<bool>());
}

void a_full_queue_is_busy() {
  const auto core = open();
  core.call("queue.limit", "full", nullptr, nullptr, nullptr, 3);
  push(core, "full", "1");
  push(core, "full", "2", map({{"delay_ms", 60000}}));
  const auto two = list(map({{"payload", "3"}}), map({{"payload", "4"}}));
  CHECK(check::status_of([&] { core.call("queue.push_many", "full", two); }) == status::busy);
  CHECK(count(core, "full", "ready") == 1);
  push(core, "full", "3");
  CHECK(check::status_of([&] { push(core, "full", "4"); }) == status::busy);
  core.call("queue.complete", claim_one(core, "full").handle);
  push(core, "full", "4");
}

void so_many_run_at_once() {
  const auto core = open();
  core.call("queue.limit", "width", nullptr, 2);
  for (int i = 0; i < 5; i++) push(core, "width", std::to_string(i));
  const auto first = claim(core, "width", 5);
  CHECK(first.size() == 2 && claim(core, "width", 5).empty());
  core.call("queue.complete", first[0].handle);
  CHECK(claim(core, "width", 5).size() == 1);
  core.call("queue.fail", first[1].handle, "no");
  CHECK(claim(core, "width", 5).size() == 1);
  core.call("queue.limit", "width");
  CHECK(claim(core, "width", 5).size() == 1);
}

void so_many_of_a_key_run_at_once() {
  const auto core = open();
  core.call("queue.limit", "keys", nullptr, nullptr, map({{"concurrency", 1}}));
  std::vector<std::string> ids;
  for (const char *key : {"a", "a", "a", "a", "a", "b"})
    ids.push_back(push(core, "keys", key, map({{"key", key}, {"max_attempts", 1}})));
  auto running = claim(core, "keys", 10);
  CHECK(running.size() == 2 && running[0].id == ids[0] && running[1].payload == "b");
  CHECK(count(core, "keys", "blocked") == 4 && state(core, "keys", ids[1]) == "blocked");
  CHECK(core.call("queue.list", "keys", "blocked").view().items().size() == 4);
  // Whatever ends a job lets the next of its key go on: the end, a failure, a cancel, a lost worker.
  core.call("queue.complete", running[0].handle);
  running = claim(core, "keys", 10);
  CHECK(running.size() == 1 && running[0].id == ids[1]);
  core.call("queue.fail", running[0].handle, "no");
  running = claim(core, "keys", 10);
  CHECK(running.size() == 1 && running[0].id == ids[2]);
  CHECK(core.call("queue.cancel", "keys", ids[3]).as<bool>());
  CHECK(core.call("queue.cancel", "keys", ids[2]).as<bool>());
  running = claim(core, "keys", 1, 0, 100, nullptr, false);
  CHECK(running.size() == 1 && running[0].id == ids[4]);
  CHECK(count(core, "keys", "blocked") == 0);
  const std::string next = push(core, "keys", "a", map({{"key", "a"}}));
  CHECK(claim_one(core, "keys").id == next);
}

void limits_that_go_leave_nobody_behind() {
  const auto core = open();
  core.call("queue.limit", "gone", nullptr, nullptr, map({{"concurrency", 1}}));
  for (int i = 0; i < 700; i++) push(core, "gone", std::to_string(i), map({{"key", "k"}}));
  const auto running = claim(core, "gone", 1000);
  CHECK(running.size() == 1 && count(core, "gone", "blocked") == 699);
  core.call("queue.limit", "gone");
  CHECK(count(core, "gone", "blocked") == 0 && count(core, "gone", "ready") == 699);
  CHECK(claim(core, "gone", 1000).size() == 699);
}

void a_rate_is_kept() {
  const auto core = open();
  core.call("queue.limit", "rate", map({{"count", 3}, {"per_ms", 300000}}));
  for (int i = 0; i < 5; i++) push(core, "rate", "x");
  CHECK(claim(core, "rate", 5).size() == 3 && claim(core, "rate", 5).empty());
  core.call("queue.limit", "rate", map({{"count", 1}, {"per_ms", 100}}));
  const auto first = claim(core, "rate", 5);
  CHECK(first.size() == 1);
  CHECK(claim(core, "rate", 5, test_patience_ms()).size() == 1);
}

void a_key_s_rate_is_kept() {
  const auto core = open();
  const auto rate = map({{"count", 1}, {"per_ms", 100}});
  core.call("queue.limit", "key-rate", nullptr, nullptr, map({{"rate", rate}}));
  for (const char *key : {"a", "a", "b"}) push(core, "key-rate", key, map({{"key", key}}));
  const auto first = claim(core, "key-rate", 5);
  CHECK(first.size() == 2 && first[0].payload == "a" && first[1].payload == "b");
  CHECK(count(core, "key-rate", "delayed") == 1);
  CHECK(claim_one(core, "key-rate").payload == "a");
}

void purging_removes_what_has_not_begun() {
  const auto core = open();
  for (int i = 0; i < 1200; i++) push(core, "purge", "x");
  push(core, "purge", "y", map({{"delay_ms", 60000}}));
  push(core, "purge", "z", map({{"priority", 3}}));
  const std::string cancelled = push(core, "purge", "c");
  core.call("queue.cancel", "purge", cancelled);
  const job running = claim_one(core, "purge");
  CHECK(core.call("queue.purge", "purge").as<int64_t>() == 1201);
  for (const char *state : {"ready", "delayed", "blocked"}) CHECK(count(core, "purge", state) == 0);
  CHECK(count(core, "purge", "active") == 1 && state(core, "purge", cancelled) == "cancelled");
  core.call("queue.complete", running.handle);
}

void several_queues_are_claimed_in_order_or_by_weight() {
  const auto core = open();
  for (int i = 0; i < 40; i++) {
    push(core, "high", "high");
    push(core, "low", "low");
  }
  const auto both = jobs_of(core.call("queue.claim", list("high", "low"), 50));
  CHECK(both.size() == 50 && both[39].queue == "high" && both[40].queue == "low");
  for (int i = 0; i < 40; i++) push(core, "high", "high");
  int high = 0;
  for (int i = 0; i < 30; i++) {
    const auto one = jobs_of(core.call("queue.claim", map({{"high", 1000000}, {"low", 0.000001}})));
    if (one.at(0).queue == "high") high++;
  }
  CHECK(high == 30);
  CHECK(jobs_of(core.call("queue.claim", map({{"high", 1}, {"low", 1}}), 100)).size() == 40);
}

void queues_are_named_and_listed() {
  const auto core = open();
  push(core, "named", "x");
  const auto names = core.call("queue.names").as<std::vector<std::string>>();
  CHECK(std::find(names.begin(), names.end(), "named") != names.end());
  CHECK(core.call("queue.list", "named", "ready").view()[0]["payload"].as<std::string>() == "x");
}

void a_server_that_evicts_is_refused() {
  const char *const evicts[] = {"--maxmemory-policy", "allkeys-lru", nullptr};
  test_server *const evicting = test_server_start(nullptr, evicts);
  {
    const auto core = open(test_server_url(evicting));
    const auto told = check::error_of([&] { push(core, "e", "x"); });
    CHECK(told.status() == status::invalid_state && check::contains(told.message(), "allow_eviction"));
    const auto willing = open(test_server_url(evicting), R"({"allow_eviction": true})");
    push(willing, "e", "x");
  }
  test_server_stop(evicting);
}

void waits_for_replicas() {
  const auto core = open(test_server_url(server()), R"({"sync": {"replicas": 1, "timeout_ms": 20}})");
  const auto told = check::error_of([&] { push(core, "sync", "x"); });
  CHECK(told.status() == status::uncertain && check::contains(told.message(), "0 of 1"));
  // A claim that is not confirmed is given back.
  CHECK(check::status_of([&] { claim(core, "sync"); }) == status::uncertain);
  const auto other = open();
  CHECK(claim_one(other, "sync").payload == "x");
}

int stop(void **) {
  stop_server();
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(check::run<a_paused_queue_starts_nothing>),
      cmocka_unit_test(check::run<a_full_queue_is_busy>),
      cmocka_unit_test(check::run<so_many_run_at_once>),
      cmocka_unit_test(check::run<so_many_of_a_key_run_at_once>),
      cmocka_unit_test(check::run<limits_that_go_leave_nobody_behind>),
      cmocka_unit_test(check::run<a_rate_is_kept>),
      cmocka_unit_test(check::run<a_key_s_rate_is_kept>),
      cmocka_unit_test(check::run<purging_removes_what_has_not_begun>),
      cmocka_unit_test(check::run<several_queues_are_claimed_in_order_or_by_weight>),
      cmocka_unit_test(check::run<queues_are_named_and_listed>),
      cmocka_unit_test(check::run<a_server_that_evicts_is_refused>),
      cmocka_unit_test(check::run<waits_for_replicas>),
  };
  return cmocka_run_group_tests(tests, nullptr, stop);
}
