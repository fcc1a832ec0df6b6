#include "worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <optional>
#include <sstream>

#include "cache_core.h"

namespace cache_test {

namespace {

// The fields of the region's policy: "distributed=1 load_timeout_ms=300 near=1500", all of them integers; near: an l1
// with this max_stale_ms.
void define(const cache_core &core, const std::string &fields) {
  std::istringstream words(fields);
  std::vector<std::pair<std::string, cachecore_value>> policy;
  std::optional<near_fields> l1;
  for (std::string word; words >> word;) {
    const std::string name = word.substr(0, word.find('='));
    const int64_t given = std::stoll(word.substr(word.find('=') + 1));
    if (name == "near") {
      l1.emplace(given);
      policy.emplace_back("l1", l1->map());
    } else {
      policy.emplace_back(name, name == "distributed" ? truth(given != 0) : number(given));
    }
  }
  core.define("r", policy);
}

// Threads look up all keys of a round, and load what they are told to. How many loads that were.
int64_t round_of(const cache_core &core, const std::string &name, int keys, int threads) {
  std::atomic<int64_t> loads{0};
  on_threads(threads, [&](int) {
    for (int i = 0; i < keys; i++) {
      const std::string key = name + std::to_string(i);
      const outcome came = core.lookup("r", key);
      if (came.state == "load") {
        loads++;
        core.store(came.lease, key);
      } else if (came.state != "hit" || came.value != key) {
        test_die("%s: %s %s", key.c_str(), came.answer.c_str(), came.message.c_str());
      }
    }
  });
  return loads;
}

std::string told(const outcome &came) {
  if (came.status != CACHECORE_OK) return std::string(cachecore_status_name(came.status)) + " " + came.message;
  return came.state == "load" ? "load " + came.lease : came.state + " " + came.value;
}

// lookup KEY               state and value; "load" and the lease; or a status and its message
// abandon KEY              a lookup that is told to load, and whose caller then goes without a word
// store LEASE VALUE [TAG]  true, false or a status
// fail LEASE MESSAGE
// delete KEY, invalidate PATTERN, invalidate_tag TAG, clear
// round NAME KEYS THREADS  see above
// figure NAME              of cache.stats
std::string obey(const cache_core &core, const std::string &line) {
  std::istringstream words(line);
  std::string verb;
  std::string first;
  std::string second;
  std::string third;
  words >> verb >> first >> second >> third;
  if (verb == "lookup") return told(core.lookup("r", first));
  if (verb == "abandon") {
    pending gone(core, "r", first);
    if (!until([&] { return gone.ended(); })) test_die("the lookup does not end");
    gone.abandon();
    return "gone";
  }
  if (verb == "round") return std::to_string(round_of(core, first, std::stoi(second), std::stoi(third)));
  if (verb == "figure") return std::to_string(core.figure("r", first.c_str()));
  const cachecore_value tag = text(third);
  const outcome came = verb == "store"   ? core.call("store", {text(first), text(second), cachecore_nil(),
                                                               cachecore_list(&tag, third.empty() ? 0 : 1)})
                       : verb == "fail"  ? core.call("fail", {text(first), text(second)})
                       : verb == "clear" ? core.call("clear", {text("r")})
                                         : core.call(verb.c_str(), {text("r"), text(first)});
  return came.status == CACHECORE_OK ? came.answer : std::string(cachecore_status_name(came.status));
}

}  // namespace

worker::worker(const char *url, const std::string &policy) {
  int down[2];
  int up[2];
  if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) test_die("pipe2");
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) test_die("fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    dup2(down[0], 0);
    dup2(up[1], 1);
    execl("/proc/self/exe", "worker", "--worker", url, policy.c_str(), nullptr);
    _exit(1);
  }
  close(down[0]);
  close(up[1]);
  to_ = down[1];
  from_ = up[0];
  if (answer() != "ready") test_die("the worker does not begin");
}

worker::~worker() {
  close(to_);
  close(from_);
  if (pid_ == 0) return;
  ::kill(pid_, SIGCONT);
  if (test_wait_gone(pid_, test_patience_ms()) == 0) ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void worker::tell(const std::string &line) {
  const std::string whole = line + "\n";
  if (write(to_, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size())) test_die("the worker has gone");
}

std::string worker::answer() {
  for (;;) {
    const size_t end = read_.find('\n');
    if (end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    pollfd readable{from_, POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(2 * test_patience_ms())) <= 0) test_die("the worker does not answer");
    char bytes[4096];
    const ssize_t got = read(from_, bytes, sizeof(bytes));
    if (got <= 0) test_die("the worker ended");
    read_.append(bytes, static_cast<size_t>(got));
  }
}

bool worker::answered() const {
  pollfd readable{from_, POLLIN, 0};
  return read_.find('\n') != std::string::npos || poll(&readable, 1, 0) == 1;
}

std::string worker::ask(const std::string &line) {
  tell(line);
  return answer();
}

int64_t worker::ask_number(const std::string &line) { return std::stoll(ask(line)); }

void worker::kill() {
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void worker::stop() {
  ::kill(pid_, SIGSTOP);
  int status = 0;
  if (waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status)) test_die("the worker does not stop");
}

void worker::resume() { ::kill(pid_, SIGCONT); }

bool worker_main(int argc, char **argv) {
  if (argc != 4 || std::string(argv[1]) != "--worker") return false;
  const cache_core core(argv[2]);
  define(core, argv[3]);
  std::cout << "ready\n" << std::flush;
  for (std::string line; std::getline(std::cin, line);) std::cout << obey(core, line) << '\n' << std::flush;
  return true;
}

}  // namespace cache_test
