// measure.cpp: clocks, the server, medians.
#include <time.h>

#include <algorithm>
#include <string>

#include "bench.h"

namespace bench {

namespace {

double clock_ns(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) test_die("clock_gettime failed");
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double cpu_of(pid_t process) {
  if (process == 0) return 0;
  clockid_t clock{};
  if (clock_getcpuclockid(process, &clock) != 0) test_die("no CPU clock of process %d", static_cast<int>(process));
  return clock_ns(clock);
}

}  // namespace

stopwatch::stopwatch(pid_t server)
    : server_(server),
      wall_(clock_ns(CLOCK_MONOTONIC)),
      client_(clock_ns(CLOCK_PROCESS_CPUTIME_ID)),
      used_by_server_(cpu_of(server)) {}

sample stopwatch::end(double operations) const {
  sample taken;
  taken.operations = operations;
  taken.wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_;
  taken.client_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - client_;
  taken.server_cpu_ns = cpu_of(server_) - used_by_server_;
  return taken;
}

test_server *server() {
  static const std::unique_ptr<test_server, void (*)(test_server *)> started = [] {
    std::unique_ptr<test_server, void (*)(test_server *)> made(test_server_start_tcp(nullptr, nullptr),
                                                               test_server_stop);
    const std::string value(bench_value_size, 'x');
    free(test_command_text(made.get(), "SET %b %b", bench_key.data(), bench_key.size(), value.data(), value.size()));
    return made;
  }();
  return started.get();
}

std::string server_url() { return test_server_tcp_url(server()); }

double run_ns() { return 0.25e9; }

sample run_for_a_while(const std::function<void(int)> &batch, int batch_size, pid_t server) {
  const stopwatch watch(server);
  double operations = 0;
  const double until = clock_ns(CLOCK_MONOTONIC) + run_ns();
  do {
    batch(batch_size);
    operations += batch_size;
  } while (clock_ns(CLOCK_MONOTONIC) < until);
  return watch.end(operations);
}

double percentile(std::vector<double> &values, double fraction) {
  if (values.empty()) return 0;
  const auto at = std::min(values.size() - 1, static_cast<size_t>(fraction * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at), values.end());
  return values[at];
}

}  // namespace bench
