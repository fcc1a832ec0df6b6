// worker.h: another process that uses the cache, told what to do line by line.
//
// The test program starts itself again with the arguments of `worker_main`; both ends are in worker.cpp, which says
// what the lines mean. Thread rule: a worker belongs to one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace cache_test {

class worker {
 public:
  // Its core uses `url`; `policy` is that of the region "r", fields as in `define` of worker.cpp.
  worker(const char *url, const std::string &policy);
  ~worker();
  worker(const worker &) = delete;
  worker &operator=(const worker &) = delete;

  // Tells it to do something; what it answers is read by `answer`, so several can work at once.
  void tell(const std::string &line);
  // Its next answer; waits for it.
  std::string answer();
  // Whether an answer is there.
  bool answered() const;
  std::string ask(const std::string &line);
  int64_t ask_number(const std::string &line);

  void kill();    // SIGKILL, and waits for its end
  void stop();    // SIGSTOP; it has stopped at return
  void resume();  // SIGCONT

 private:
  pid_t pid_ = 0;
  int to_ = -1;
  int from_ = -1;
  std::string read_;  // beyond the last answer
};

// Runs the worker and returns true, if the program was started as one.
bool worker_main(int argc, char **argv);

}  // namespace cache_test
