// queue.cpp: jobs, one at a time and in batches, beside the bare GET rate.
#include <cachecore/core.h>

#include <string>
#include <vector>

#include "bench.h"
#include "core_of.h"
#include "peers.h"

namespace bench {

namespace {

constexpr const char *queue_name = "bench";
constexpr size_t batch_size = 100;

cachecore_value invoke(cachecore *core, const cachecore_method *method, std::vector<cachecore_value> args,
                       cachecore_result **kept) {
  cachecore_error error;
  check(cachecore_call(core, method, args.data(), args.size(), 0, kept, &error), error, "queue");
  return *cachecore_result_value(*kept);
}

side get_side() {
  const std::shared_ptr<redisContext> peer = connect_peer();
  const pid_t pid = test_server_pid(server());
  return [peer, pid] {
    return run_for_a_while(
        [&](int count) {
          for (int i = 0; i < count; i++) get_once(peer.get());
        },
        100, pid);
  };
}

struct queue_methods {
  std::shared_ptr<cachecore> core = open_core(server_url());
  const cachecore_method *push = find(core.get(), "queue.push");
  const cachecore_method *push_many = find(core.get(), "queue.push_many");
  const cachecore_method *claim = find(core.get(), "queue.claim");
  const cachecore_method *complete = find(core.get(), "queue.complete");
  std::string payload = std::string(bench_value_size, 'x');
};

cachecore_value handle_in(const cachecore_value &claimed, size_t index) {
  if (claimed.as.list.count <= index) test_die("a job is missing");
  return claimed.as.list.items[index].as.map.pairs[0].value;
}

void one_job(const queue_methods &queue) {
  cachecore_result *pushed = nullptr;
  cachecore_result *claimed = nullptr;
  cachecore_result *completed = nullptr;
  const cachecore_value name = cachecore_text(queue_name);
  invoke(queue.core.get(), queue.push, {name, cachecore_bytes(queue.payload.data(), queue.payload.size())}, &pushed);
  const cachecore_value jobs = invoke(queue.core.get(), queue.claim, {name, cachecore_int(1)}, &claimed);
  invoke(queue.core.get(), queue.complete, {handle_in(jobs, 0)}, &completed);
  cachecore_result_free(pushed);
  cachecore_result_free(claimed);
  cachecore_result_free(completed);
}

// The job's acknowledgement rides with the claim of the next.
void one_job_folded(const queue_methods &queue, std::string &held) {
  cachecore_result *pushed = nullptr;
  cachecore_result *claimed = nullptr;
  const cachecore_value name = cachecore_text(queue_name);
  invoke(queue.core.get(), queue.push, {name, cachecore_bytes(queue.payload.data(), queue.payload.size())}, &pushed);
  const cachecore_value done = cachecore_bytes(held.data(), held.size());
  const cachecore_value jobs =
      invoke(queue.core.get(), queue.claim,
             {name, cachecore_int(1), cachecore_int(0), cachecore_nil(), cachecore_list(&done, held.empty() ? 0 : 1)},
             &claimed);
  const cachecore_value job = handle_in(jobs, 0);
  held.assign(job.as.bytes.data, job.as.bytes.size);
  cachecore_result_free(pushed);
  cachecore_result_free(claimed);
}

sides make_single() {
  const auto queue = std::make_shared<queue_methods>();
  return {[queue] {
            return run_for_a_while(
                [&](int count) {
                  for (int i = 0; i < count; i++) one_job(*queue);
                },
                30, test_server_pid(server()));
          },
          get_side(), nullptr};
}

sides make_folded() {
  const auto queue = std::make_shared<queue_methods>();
  const auto held = std::make_shared<std::string>();
  return {[queue, held] {
            return run_for_a_while(
                [&](int count) {
                  for (int i = 0; i < count; i++) one_job_folded(*queue, *held);
                },
                30, test_server_pid(server()));
          },
          get_side(), nullptr};
}

sides make_batch() {
  const auto queue = std::make_shared<queue_methods>();
  const auto done = std::make_shared<std::vector<std::string>>();
  const auto batch = [queue, done](int count) {
    const cachecore_value name = cachecore_text(queue_name);
    const cachecore_pair job = {cachecore_text("payload"),
                                cachecore_bytes(queue->payload.data(), queue->payload.size())};
    const std::vector<cachecore_value> jobs(batch_size, cachecore_map(&job, 1));
    for (int i = 0; i < count / static_cast<int>(batch_size); i++) {
      cachecore_result *pushed = nullptr;
      cachecore_result *claimed = nullptr;
      invoke(queue->core.get(), queue->push_many, {name, cachecore_list(jobs.data(), jobs.size())}, &pushed);
      std::vector<cachecore_value> acknowledged;
      for (const std::string &each : *done) acknowledged.push_back(cachecore_bytes(each.data(), each.size()));
      const cachecore_value found = invoke(queue->core.get(), queue->claim,
                                           {name, cachecore_int(batch_size), cachecore_int(0), cachecore_nil(),
                                            cachecore_list(acknowledged.data(), acknowledged.size())},
                                           &claimed);
      done->clear();
      for (size_t at = 0; at < found.as.list.count; at++) {
        const cachecore_value handle = handle_in(found, at);
        done->emplace_back(handle.as.bytes.data, handle.as.bytes.size);
      }
      cachecore_result_free(pushed);
      cachecore_result_free(claimed);
    }
  };
  return {[batch] { return run_for_a_while(batch, batch_size, test_server_pid(server())); }, {}, nullptr};
}

}  // namespace

std::vector<row> queue_rows() {
  return {
      {"queue.single", "hiredis GET", quantity::operations_per_second, 0.33, 0, true, make_single},
      {"queue.single.unpinned", "hiredis GET", quantity::operations_per_second, 0, 0, false, make_single},
      {"queue.folded", "hiredis GET", quantity::operations_per_second, 0, 0, true, make_folded},
      // 100,000 jobs a second, pushed in batches too.
      {"queue.batch", "10 us a job", quantity::ns_per_operation, 1.0, 10000, false, make_batch},
  };
}

}  // namespace bench
