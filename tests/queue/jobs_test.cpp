// The states of a job: pushed, delayed, claimed, completed, failed, dead, cancelled; and who may end it.

#include "queue_core.h"

using namespace queue_test;

namespace {

void a_job_is_pushed_claimed_and_completed() {
  const auto core = open();
  const std::string id = push(core, "plain", "hello");
  CHECK(count(core, "plain", "ready") == 1 && state(core, "plain", id) == "ready");
  const job taken = claim_one(core, "plain");
  CHECK(taken.id == id && taken.payload == "hello" && taken.attempt == 1 && taken.queue == "plain");
  CHECK(count(core, "plain", "ready") == 0 && count(core, "plain", "active") == 1);
  CHECK(state(core, "plain", id) == "active");
  core.call("queue.complete", taken.handle);
  CHECK(count(core, "plain", "active") == 0 && state(core, "plain", id) == "none");
  CHECK(check::status_of([&] { core.call("queue.complete", taken.handle); }) == status::conflict);
  CHECK(claim(core, "plain").empty());
}

void jobs_come_in_order_and_by_priority() {
  const auto core = open();
  for (const char *payload : {"a", "b", "c"}) push(core, "order", payload);
  push(core, "order", "late", map({{"priority", -5}}));
  push(core, "order", "first", map({{"priority", 10}}));
  push(core, "order", "second", map({{"priority", 10}}));
  std::string order;
  for (const job &each : claim(core, "order", 10)) order += each.payload + " ";
  CHECK(order == "first second a b c late ");
}

void values_keep_their_kind() {
  const auto core = open();
  core.call("queue.push", "kinds", map({{"user", 7}, {"tags", list("a", nullptr)}}));
  const auto claimed = core.call("queue.claim", "kinds");
  CHECK(claimed.view()[0]["payload"]["user"].as<int64_t>() == 7);
  CHECK(claimed.view()[0]["payload"]["tags"][1].is_nil());
  const std::string bytes("\0\xff\n", 3);
  push(core, "kinds", bytes);
  CHECK(claim_one(core, "kinds").payload == bytes);
}

void pushes_of_one_id_are_one() {
  const auto core = open();
  const auto first = core.call("queue.push", "once", "1", map({{"id", "a|b,c"}}));
  CHECK(first.view()["pushed"].as<bool>());
  CHECK(!core.call("queue.push", "once", "2", map({{"id", "a|b,c"}})).view()["pushed"].as<bool>());
  const job taken = claim_one(core, "once");
  CHECK(taken.payload == "1" && taken.id == "a|b,c");
  CHECK(!core.call("queue.push", "once", "2", map({{"id", "a|b,c"}})).view()["pushed"].as<bool>());
  core.call("queue.complete", taken.handle);
  CHECK(core.call("queue.push", "once", "3", map({{"id", "a|b,c"}})).view()["pushed"].as<bool>());
  // What ended the first job does not end the second.
  CHECK(check::status_of([&] { core.call("queue.complete", taken.handle); }) == status::conflict);
  const job again = claim_one(core, "once");
  CHECK(check::status_of([&] { core.call("queue.complete", taken.handle); }) == status::conflict);
  CHECK(check::status_of([&] { core.call("queue.fail", taken.handle, "no"); }) == status::conflict);
  CHECK(state(core, "once", "a|b,c") == "active" && again.attempt == 1);
  core.call("queue.complete", again.handle);
  CHECK(state(core, "once", "a|b,c") == "none");
}

void dedupes_by_time_and_debounces() {
  const auto core = open();
  const auto throttled = map({{"id", "t"}, {"dedupe_ms", 60000}});
  CHECK(core.call("queue.push", "dedupe", "1", throttled).view()["pushed"].as<bool>());
  core.call("queue.complete", claim_one(core, "dedupe").handle);
  CHECK(!core.call("queue.push", "dedupe", "2", throttled).view()["pushed"].as<bool>());
  const auto debounced = [](int64_t delay) { return map({{"id", "d"}, {"debounce", true}, {"delay_ms", delay}}); };
  push(core, "dedupe", "old", debounced(60000));
  CHECK(core.call("queue.push", "dedupe", "new", debounced(1)).view()["pushed"].as<bool>());
  CHECK(claim_one(core, "dedupe").payload == "new");
  CHECK(count(core, "dedupe", "delayed") == 0 && count(core, "dedupe", "ready") == 0);
}

void a_delayed_job_waits_for_its_time() {
  const auto core = open();
  push(core, "later", "soon", map({{"delay_ms", 150}}));
  const std::string far = push(core, "later", "far", map({{"delay_ms", 3600000}}));
  CHECK(count(core, "later", "delayed") == 2 && claim(core, "later").empty());
  CHECK(claim_one(core, "later").payload == "soon");
  CHECK(state(core, "later", far) == "delayed" && claim(core, "later").empty());
  push(core, "later", "past", map({{"run_at", 1}}));
  CHECK(claim_one(core, "later").payload == "past");
}

void a_failed_job_is_tried_again_and_dies() {
  const auto core = open();
  const auto options =
      map({{"max_attempts", 3}, {"backoff", map({{"type", "fixed"}, {"delay_ms", 1}, {"jitter", 0}})}});
  const std::string id = push(core, "retry", "poison", options);
  for (int64_t attempt = 1; attempt <= 3; attempt++) {
    const job taken = claim_one(core, "retry");
    CHECK(taken.attempt == attempt);
    core.call("queue.fail", taken.handle, "boom " + std::to_string(attempt));
  }
  CHECK(state(core, "retry", id) == "dead" && count(core, "retry", "dead") == 1 && claim(core, "retry").empty());
  const auto dead = core.call("queue.list", "retry", "dead");
  CHECK(dead.view()[0]["error"].as<std::string>() == "boom 3" && dead.view()[0]["attempt"].as<int64_t>() == 3);
  CHECK(core.call("queue.replay_dead", "retry").as<int64_t>() == 1);
  const job replayed = claim_one(core, "retry");
  CHECK(replayed.attempt == 1 && replayed.id == id);
  core.call("queue.fail", replayed.handle, "never again", -1);
  CHECK(count(core, "retry", "dead") == 1);
  CHECK(core.call("queue.purge_dead", "retry").as<int64_t>() == 1);
  CHECK(count(core, "retry", "dead") == 0 && state(core, "retry", id) == "none");
}

void a_lease_that_ends_gives_the_job_to_others() {
  const auto core = open();
  const auto other = open();
  const std::string id = push(core, "lease", "x");
  const auto gone = claim(core, "lease", 1, 0, 200, nullptr, false);
  CHECK(gone.size() == 1);
  const job taken = claim_one(other, "lease");
  CHECK(taken.id == id && taken.attempt == 2);
  CHECK(check::status_of([&] { core.call("queue.complete", gone[0].handle); }) == status::conflict);
  CHECK(check::status_of([&] { core.call("queue.extend", gone[0].handle); }) == status::conflict);
  other.call("queue.complete", taken.handle);
}

void a_lost_worker_s_poison_job_dies() {
  const auto core = open();
  const std::string id = push(core, "crash", "x", map({{"max_attempts", 2}}));
  for (int attempt = 0; attempt < 2; attempt++)
    CHECK(claim(core, "crash", 1, test_patience_ms(), 100, nullptr, false).size() == 1);
  CHECK(claim(core, "crash", 1, 400).empty());
  CHECK(state(core, "crash", id) == "dead");
}

void a_released_job_keeps_its_attempts() {
  const auto core = open();
  push(core, "release", "x");
  const job taken = claim_one(core, "release");
  core.call("queue.release", taken.handle);
  const job again = claim_one(core, "release");
  CHECK(again.attempt == 1 && again.id == taken.id && again.handle != taken.handle);
}

void results_are_kept() {
  const auto core = open();
  const std::string id = push(core, "result", "x");
  core.call("queue.progress", claim_one(core, "result").handle, map({{"percent", 50}}));
  CHECK(core.call("queue.get", "result", id).view()["progress"]["percent"].as<int64_t>() == 50);
  const std::string kept = push(core, "result", "y", map({{"keep_ms", 60000}}));
  const job taken = claim_one(core, "result");
  CHECK(taken.id == kept);
  core.call("queue.complete", taken.handle, map({{"sum", 3}}));
  const auto shown = core.call("queue.get", "result", kept);
  CHECK(shown.view()["state"].as<std::string>() == "completed" && shown.view()["result"]["sum"].as<int64_t>() == 3);
  CHECK(count(core, "result", "done") == 1);
  const std::string brief = push(core, "result", "z", map({{"keep_ms", 1}}));
  core.call("queue.complete", claim_one(core, "result").handle);
  CHECK(claim(core, "result", 1, 50).empty());
  CHECK(state(core, "result", brief) == "none");
}

void an_expired_job_is_dead() {
  const auto core = open();
  const std::string id = push(core, "ttl", "x", map({{"ttl_ms", 1}, {"delay_ms", 30}}));
  CHECK(claim(core, "ttl", 1, 100).empty());
  CHECK(claim(core, "ttl").empty() && state(core, "ttl", id) == "dead");
}

void a_cancelled_job_does_not_run() {
  const auto core = open();
  const std::string ready = push(core, "cancel", "ready");
  const std::string delayed = push(core, "cancel", "delayed", map({{"delay_ms", 50}}));
  const std::string first = push(core, "cancel", "first", map({{"priority", 1}}));
  const job running = claim_one(core, "cancel");
  CHECK(running.id == first);
  for (const std::string &id : {ready, delayed, first}) CHECK(core.call("queue.cancel", "cancel", id).as<bool>());
  CHECK(!core.call("queue.cancel", "cancel", ready).as<bool>());
  CHECK(!core.call("queue.cancel", "cancel", "unknown").found());
  CHECK(count(core, "cancel", "ready") == 0 && count(core, "cancel", "active") == 0);
  const auto told = check::error_of([&] { core.call("queue.extend", running.handle); });
  CHECK(told.status() == status::conflict && check::contains(told.message(), "cancelled"));
  CHECK(check::status_of([&] { core.call("queue.fail", running.handle, "stopped"); }) == status::conflict);
  CHECK(claim(core, "cancel", 5, 150).empty());
  CHECK(state(core, "cancel", first) == "cancelled" && count(core, "cancel", "ready") == 0);
}

void acknowledgements_ride_with_a_claim() {
  const auto core = open();
  for (int i = 0; i < 4; i++) push(core, "ride", std::to_string(i));
  const auto first = claim(core, "ride", 3);
  CHECK(first.size() == 3);
  const auto done = list(first[0].handle, map({{"job", first[1].handle}, {"result", "fine"}}),
                         map({{"job", first[2].handle}, {"error", "no"}, {"retry_in_ms", -1}}));
  const auto rest = claim(core, "ride", 5, 0, 30000, done);
  CHECK(rest.size() == 1 && rest[0].payload == "3");
  CHECK(count(core, "ride", "active") == 1 && count(core, "ride", "dead") == 1 && count(core, "ride", "done") == 1);
  // Again, which changes nothing; and only acknowledging.
  CHECK(claim(core, "ride", 0, 0, 30000, list(first[0].handle, rest[0].handle)).empty());
  CHECK(count(core, "ride", "active") == 0);
  CHECK(core.call("core.stats").view()["metrics"]["queue.late"].as<int64_t>() == 1);
}

void a_batch_is_pushed_and_claimed() {
  const auto core = open();
  std::vector<cachecore::value> jobs;
  jobs.reserve(1000);
  for (int i = 0; i < 1000; i++) jobs.push_back(map({{"payload", std::to_string(i)}}));
  CHECK(core.call("queue.push_many", "batch", jobs).view().items().size() == 1000);
  const auto all = claim(core, "batch", 1000);
  CHECK(all.size() == 1000 && all[0].payload == "0" && all[999].payload == "999");
  std::vector<std::string> handles;
  handles.reserve(all.size());
  for (const job &each : all) handles.push_back(each.handle);
  CHECK(claim(core, "batch", 0, 0, 30000, handles).empty());
  CHECK(count(core, "batch", "active") == 0);
  jobs.emplace_back(map({{"payload", "too many"}}));
  CHECK(check::status_of([&] { core.call("queue.push_many", "batch", jobs); }) == status::invalid_argument);
}

void due_jobs_are_promoted_in_bounded_batches() {
  const auto core = open();
  std::vector<cachecore::value> jobs;
  jobs.reserve(1000);
  for (int i = 0; i < 1000; i++) jobs.push_back(map({{"payload", ""}, {"run_at", 1}}));
  // As if a million had come due: they are delayed when they are pushed, and due when the first claim looks.
  for (int i = 0; i < 3; i++) core.call("queue.push_many", "due", jobs);
  free(test_command_text(server(), "EVAL %s 0",
                         "for i = 1, 5000 do local id = 'x' .. i redis.call('HSET', 'app:{q:due}:j:' .. id, 'p', '', "
                         "'s', 'd') redis.call('ZADD', 'app:{q:due}:delayed', 5, ',|' .. id) end"));
  CHECK(count(core, "due", "delayed") == 5000);
  CHECK(claim(core, "due", 1, 0).size() == 1);
  const int64_t left = count(core, "due", "delayed");
  CHECK(left >= 4000);
  int64_t claimed = 1;
  while (true) {
    const auto some = claim(core, "due", 500, 0);
    if (some.empty()) break;
    CHECK(some.size() <= 500);
    claimed += static_cast<int64_t>(some.size());
  }
  CHECK(claimed == 8000);
}

void wrong_calls_say_what_is_wrong() {
  const auto core = open();
  const auto says = [&](const auto &act, const char *part) {
    const auto told = check::error_of(act);
    return told.status() == status::invalid_argument && check::contains(told.message(), part);
  };
  CHECK(says([&] { core.call("queue.push", "w", "x", map({{"dealy_ms", 5}})); }, "dealy_ms"));
  CHECK(says([&] { core.call("queue.push", "w", "x", map({{"priority", 5000}})); }, "priority"));
  CHECK(says([&] { core.call("queue.push", "w", "x", map({{"dedupe_ms", 5}})); }, "need an id"));
  CHECK(says([&] { core.call("queue.claim", "w", 1001); }, "count"));
  CHECK(says([&] { core.call("queue.claim", list()); }, "queues"));
  CHECK(says([&] { core.call("queue.complete", "nonsense"); }, "job"));
  CHECK(says([&] { core.call("queue.list", "w", "asleep"); }, "state"));
  CHECK(says([&] { core.call("queue.push", "w", "x", map({{"backoff", map({{"type", "odd"}})}})); }, "type"));
}

int stop(void **) {
  stop_server();
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(check::run<a_job_is_pushed_claimed_and_completed>),
      cmocka_unit_test(check::run<jobs_come_in_order_and_by_priority>),
      cmocka_unit_test(check::run<values_keep_their_kind>),
      cmocka_unit_test(check::run<pushes_of_one_id_are_one>),
      cmocka_unit_test(check::run<dedupes_by_time_and_debounces>),
      cmocka_unit_test(check::run<a_delayed_job_waits_for_its_time>),
      cmocka_unit_test(check::run<a_failed_job_is_tried_again_and_dies>),
      cmocka_unit_test(check::run<a_lease_that_ends_gives_the_job_to_others>),
      cmocka_unit_test(check::run<a_lost_worker_s_poison_job_dies>),
      cmocka_unit_test(check::run<a_released_job_keeps_its_attempts>),
      cmocka_unit_test(check::run<results_are_kept>),
      cmocka_unit_test(check::run<an_expired_job_is_dead>),
      cmocka_unit_test(check::run<a_cancelled_job_does_not_run>),
      cmocka_unit_test(check::run<acknowledgements_ride_with_a_claim>),
      cmocka_unit_test(check::run<a_batch_is_pushed_and_claimed>),
      cmocka_unit_test(check::run<due_jobs_are_promoted_in_bounded_batches>),
      cmocka_unit_test(check::run<wrong_calls_say_what_is_wrong>),
  };
  return cmocka_run_group_tests(tests, nullptr, stop);
}
