// The worker loops, in C++ and in C: every job once, failures again, an end in order.

// In C++ the binding comes before headers in C.
// clang-format off
#include "queue_core.h"
#include <cachecore/queue_worker.h>
// clang-format on

#include <atomic>
#include <map>
#include <mutex>
#include <set>

using namespace queue_test;
using namespace std::chrono_literals;

namespace {

struct seen {
  std::mutex mutex;
  std::map<std::string, int> runs;
  std::set<std::string> threads;

  void note(const std::string &payload) {
    const std::lock_guard lock(mutex);
    runs[payload]++;
  }
  size_t count() {
    const std::lock_guard lock(mutex);
    return runs.size();
  }
};

template <class Condition>
bool soon(Condition condition) {
  return test_wait_until([](void *context) -> int { return (*static_cast<Condition *>(context))() ? 1 : 0; },
                         &condition, test_patience_ms()) != 0;
}

void push_numbers(const cachecore::core &core, const char *queue, int jobs) {
  std::vector<cachecore::value> all;
  all.reserve(static_cast<size_t>(jobs));
  for (int i = 0; i < jobs; i++) all.emplace_back(map({{"payload", std::to_string(i)}}));
  core.call("queue.push_many", queue, all);
}

bool nothing_left(const cachecore::core &core, const char *queue) {
  for (const char *state : {"ready", "delayed", "active", "dead"}) {
    if (count(core, queue, state) != 0) return false;
  }
  return true;
}

void every_job_is_run_once() {
  const auto core = open();
  seen all;
  push_numbers(core, "cpp", 300);
  cachecore::worker worker(core, {.queue = "cpp", .concurrency = 4},
                           [&](const cachecore::job &job) { all.note(job.payload().as<std::string>()); });
  CHECK(soon([&] { return all.count() == 300; }));
  CHECK(worker.stop(std::chrono::milliseconds(test_patience_ms())));
  // The last acknowledgements were given, too.
  CHECK(nothing_left(core, "cpp"));
  for (const auto &[payload, runs] : all.runs) CHECK(runs == 1);
}

void exceptions_are_failures_and_values_results() {
  const auto core = open();
  std::atomic<int> attempts = 0;
  const auto once = map({{"max_attempts", 3}, {"backoff", map({{"type", "fixed"}, {"delay_ms", 1}})}});
  const std::string fails = push(core, "outcomes", "fails", once);
  const std::string returns = push(core, "outcomes", "returns");
  const std::string gives_up = push(core, "outcomes", "gives up");
  cachecore::worker worker(core, {.queue = "outcomes", .concurrency = 2, .poll = 20ms},
                           [&](const cachecore::job &job) -> int64_t {
                             const auto payload = job.payload().as<std::string>();
                             if (payload == "gives up")
                               throw cachecore::retry(cachecore::retry::never, "it is of no use");
                             if (payload == "fails" && ++attempts < 3) throw std::runtime_error("not yet");
                             CHECK(!job.lost());
                             job.progress(99);
                             return job.attempt() * 10;
                           });
  CHECK(soon(
      [&] { return state(core, "outcomes", fails) == "completed" && state(core, "outcomes", gives_up) == "dead"; }));
  CHECK(soon([&] { return state(core, "outcomes", returns) == "completed"; }));
  CHECK(core.call("queue.get", "outcomes", fails).view()["result"].as<int64_t>() == 30);
  CHECK(core.call("queue.get", "outcomes", gives_up).view()["error"].as<std::string>() == "it is of no use");
}

void stopping_has_a_deadline() {
  const auto core = open();
  std::mutex mutex;
  std::condition_variable changed;
  bool started = false;
  bool finish = false;
  push(core, "slow", "x");
  {
    cachecore::worker worker(core, {.queue = "slow", .poll = 20ms}, [&](const cachecore::job &) {
      std::unique_lock lock(mutex);
      started = true;
      changed.notify_all();
      changed.wait(lock, [&] { return finish; });
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return started; });
    lock.unlock();
    CHECK(!worker.stop(30ms));
    CHECK(count(core, "slow", "active") == 1);
    lock.lock();
    finish = true;
    changed.notify_all();
  }
  CHECK(nothing_left(core, "slow"));
}

extern "C" void note_job(void *context, const cachecore_queue_job *job, cachecore_queue_outcome *outcome) {
  const std::string payload(job->payload.as.bytes.data, job->payload.as.bytes.size);
  static_cast<seen *>(context)->note(payload);
  if (payload == "7" && job->attempt == 1) {
    cachecore_queue_outcome_fail(outcome, "seven fails once");
    outcome->retry_in_ms = 1;
  }
  if (payload == "8") {
    cachecore_queue_outcome_fail(outcome, "eight fails");
    outcome->retry_in_ms = -1;
  }
  if (payload == "9") {
    outcome->has_result = 1;
    outcome->result = cachecore_int(81);
  }
}

void the_loop_in_c() {
  const auto core = open();
  seen all;
  push_numbers(core, "c", 200);
  cachecore_queue_worker_options options;
  cachecore_queue_worker_options_init(&options);
  cachecore_queue_worker *worker = nullptr;
  cachecore_error error;
  CHECK(cachecore_queue_worker_start(core.native(), &options, &worker, &error) == CACHECORE_INVALID_ARGUMENT);
  options.queue = "c";
  options.concurrency = 4;
  options.work = note_job;
  options.context = &all;
  CHECK(cachecore_queue_worker_start(core.native(), &options, &worker, &error) == CACHECORE_OK);
  CHECK(soon([&] {
    const std::lock_guard lock(all.mutex);
    return all.runs.size() == 200 && all.runs["7"] == 2;
  }));
  CHECK(cachecore_queue_worker_stop(worker, test_patience_ms()) == 0);
  CHECK(count(core, "c", "dead") == 1 && count(core, "c", "done") == 1);
  for (const char *state : {"ready", "delayed", "active"}) CHECK(count(core, "c", state) == 0);
  for (const auto &[payload, runs] : all.runs) CHECK(runs == (payload == "7" ? 2 : 1));
}

int stop(void **) {
  stop_server();
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(check::run<every_job_is_run_once>),
      cmocka_unit_test(check::run<exceptions_are_failures_and_values_results>),
      cmocka_unit_test(check::run<stopping_has_a_deadline>),
      cmocka_unit_test(check::run<the_loop_in_c>),
  };
  return cmocka_run_group_tests(tests, nullptr, stop);
}
