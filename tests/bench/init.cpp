// init.cpp: how long a core takes to be there, and how large it is.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "core_of.h"
#include "peers.h"

namespace bench {

namespace {

sides make_init() {
  return {[] { return run_for_a_while([](int) { open_core(""); }, 1, 0); }, nullptr, nullptr};
}

sides make_first_reply() {
  return {[] {
            return run_for_a_while(
                [](int) {
                  const core_ptr core = open_core(server_url());
                  get_once(core.get(), find(core.get(), "kv.get"));
                },
                1, test_server_pid(server()));
          },
          [] { return run_for_a_while([](int) { get_once(connect_peer().get()); }, 1, test_server_pid(server())); },
          nullptr};
}

void strip(const std::string &from, const std::string &to) {
  const pid_t child = fork();
  if (child == 0) {
    execlp("strip", "strip", "-o", to.c_str(), from.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) test_die("strip %s failed", from.c_str());
}

sample stripped_size() {
  char *directory = test_directory();
  const std::string to = std::string(directory) + "/stripped";
  sample taken;
  std::string_view files = BENCH_LIBRARIES;
  while (!files.empty()) {
    const size_t end = std::min(files.find(':'), files.size());
    strip(std::string(files.substr(0, end)), to);
    struct stat found{};
    if (stat(to.c_str(), &found) != 0) test_die("strip wrote nothing");
    taken.operations += static_cast<double>(found.st_size);
    files.remove_prefix(std::min(end + 1, files.size()));
  }
  test_directory_remove(directory);
  return taken;
}

}  // namespace

std::vector<row> init_rows() {
  return {
      {"init", "budget 5 ms", quantity::ns_per_operation, 1.0, 5e6, false, make_init},
      {"init.first_reply", "hiredis connect", quantity::operations_per_second, 0, 0, false, make_first_reply},
      {"init.size", "budget 3 MB", quantity::bytes, 1.0, 3e6, false,
       [] { return sides{stripped_size, nullptr, nullptr}; }},
  };
}

}  // namespace bench
