// bench.h: measurements of our side beside the peer's, in turn, in one process and against one private server.
//
// A row has two sides. Each round runs both, one after the other, in an order that alternates; figures are the medians
// of the rounds, the ratio is the median of the rounds' own ratios (so a slow minute of the machine hits both), and its
// spread is the distance of the quartiles of these ratios, relative to the ratio. Ratios are always larger-is-better. A
// row without a peer has a budget: budget / measured.
//
// Beside throughput stands the CPU time of an operation, of this process and of the server: it is steadier than wall
// time on a machine that others use as well.
//
// Thread rule: the main thread; sides start and join threads of their own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/support.h"

namespace bench {

// One run of one side.
struct sample {
  double operations = 0;
  double wall_ns = 0;
  double client_cpu_ns = 0;
  double server_cpu_ns = 0;
  double p99_ns = 0;  // 0: not measured
};

// What a side's run is measured with: the clocks are read at the construction and in `end`.
class stopwatch {
 public:
  // server 0: its CPU time is not measured.
  explicit stopwatch(pid_t server);
  sample end(double operations) const;

 private:
  pid_t server_;
  double wall_;
  double client_;
  double used_by_server_;
};

using side = std::function<sample()>;

// Both sides of a row, made when it is its turn and destroyed after it: connections and threads do not outlive it.
struct sides {
  side ours;
  side peer;  // empty: a budget
  std::shared_ptr<void> kept_alive;
};

enum class quantity {
  operations_per_second,  // larger is better
  hits,                   // of 10,000 requests, as sample.operations; larger is better
  ns_per_operation,       // smaller is better, as are the ones below
  bytes,                  // of sample.operations
};

struct row {
  std::string name;
  std::string peer_name;  // or what the budget is
  quantity measures = quantity::operations_per_second;
  double target = 0;  // of the ratio; 0: shown for comparison only
  double budget = 0;  // of a row without a peer, in its unit
  bool pinned = false;
  std::function<sides()> make;
};

// The private server of all rows, with a socket and a TCP port. Started at the first use.
test_server *server();
// redis://127.0.0.1:PORT
std::string server_url();

constexpr std::string_view bench_key = "bench:value";
constexpr size_t bench_value_size = 64;

// How long one run of a side should take.
double run_ns();
// Runs in batches until run_ns() have passed.
sample run_for_a_while(const std::function<void(int)> &batch, int batch_size, pid_t server);

double percentile(std::vector<double> &values, double fraction);

// Calls `once` (with the thread's number) on 64 threads until the time is over. They begin together.
constexpr size_t bench_threads = 64;
sample run_threads(const std::function<void(size_t)> &once);

std::vector<row> auth_rows();
std::vector<row> call_rows();
std::vector<row> sync_rows();
std::vector<row> threads_rows();
std::vector<row> async_rows();
std::vector<row> init_rows();
std::vector<row> value_rows();
std::vector<row> session_rows();
std::vector<row> lock_rows();
std::vector<row> caching_rows();
std::vector<row> near_cache_rows();
std::vector<row> queue_rows();
std::vector<row> scrape_rows();

}  // namespace bench
