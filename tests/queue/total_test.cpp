// The total queue: pushers and workers are killed, replies are lost, the server is killed and comes back, and
// afterwards every job whose push was acknowledged has run, nothing else has, and no attempt was run twice.
//
// This program is also its own pusher and worker ("push" and "work" as first argument), each a process that writes down
// what it does:
//     t ID         about to push        p ID    the push was acknowledged
//     r ID ATTEMPT the job was run      c ID    its end was acknowledged      f ID    it is wanted once more

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "queue_core.h"

using namespace queue_test;

namespace {

constexpr int64_t lease_ms = 1000;
const char *const name = "total";

class journal {
 public:
  explicit journal(const std::string &directory)
      : file_(::open((directory + "/" + std::to_string(getpid()) + ".log").c_str(),
                     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    if (file_ < 0) test_die("cannot write a journal in %s", directory.c_str());
  }
  journal(const journal &) = delete;
  journal &operator=(const journal &) = delete;
  ~journal() { ::close(file_); }

  void note(const std::string &lines) const {
    if (::write(file_, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size()))
      test_die("cannot write a journal");
  }

 private:
  int file_;
};

int push_jobs(const std::string &url, const std::string &directory, int jobs) {
  const journal log(directory);
  const auto core = open(url, R"({"max_attempts": 1000})", "");
  const auto caller = core.with_timeout(2000);
  for (int i = 0; i < jobs; i++) {
    const std::string id = std::to_string(getpid()) + "-" + std::to_string(i);
    log.note("t " + id + "\n");
    const auto options = i % 10 == 0   ? map({{"id", id}, {"delay_ms", i % 100}})
                         : i % 10 == 1 ? map({{"id", id}, {"priority", i % 3}})
                                       : map({{"id", id}});
    try {
      caller.call("queue.push", name, id, options);
      log.note("p " + id + "\n");
    } catch (const cachecore::error &) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  return 0;
}

// Works until it is killed.
int work(const std::string &url, const std::string &directory) {
  const journal log(directory);
  const auto core = open(url, R"({"max_attempts": 1000})", "");
  const auto caller = core.with_timeout(2000);
  std::minstd_rand random(static_cast<unsigned>(getpid()));
  std::vector<cachecore::value> done;
  std::vector<std::string> ids;
  for (;;) {
    try {
      const auto claimed = claim(caller, name, 10, 100, lease_ms, cachecore::value(done));
      std::string ended;
      for (const std::string &id : ids) ended += "c " + id + "\n";
      log.note(ended);
      done.clear();
      ids.clear();
      std::string ran;
      for (const job &each : claimed) ran += "r " + each.id + " " + std::to_string(each.attempt) + "\n";
      log.note(ran);
      for (const job &each : claimed) {
        if (random() % 16 == 0) {
          log.note("f " + each.id + "\n");
          done.emplace_back(map({{"job", each.handle}, {"error", "once more"}, {"retry_in_ms", 0}}));
        } else if (random() % 16 == 0) {
          caller.call("queue.complete", each.handle);
        } else {
          done.emplace_back(each.handle);
          ids.push_back(each.id);
        }
      }
    } catch (const cachecore::error &) {
      // What was to be acknowledged is said again with the next claim.
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

pid_t spawn(const std::vector<std::string> &words) {
  const pid_t child = fork();
  if (child < 0) test_die("fork failed");
  if (child > 0) return child;
  std::vector<char *> arguments;
  std::string self = "/proc/self/exe";
  arguments.push_back(self.data());
  std::vector<std::string> kept = words;
  for (std::string &word : kept) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(self.c_str(), arguments.data());
  _exit(127);
}

void end(pid_t &child) {
  if (child <= 0) return;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  child = 0;
}

struct found {
  std::set<std::string> tried;
  std::set<std::string> pushed;
  std::map<std::string, std::map<int64_t, int>> runs;
  size_t wanted_again = 0;
};

found read(const std::string &directory) {
  found all;
  for (const auto &file : std::filesystem::directory_iterator(directory)) {
    if (file.path().extension() != ".log") continue;
    std::ifstream lines(file.path());
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string kind;
      std::string id;
      int64_t attempt = 0;
      words >> kind >> id >> attempt;
      if (kind == "t") all.tried.insert(id);
      if (kind == "p") all.pushed.insert(id);
      if (kind == "f") all.wanted_again++;
      if (kind == "r") all.runs[id][attempt]++;
    }
  }
  return all;
}

int64_t left_in(const test_server *at) {
  int64_t left = 0;
  for (const char *command :
       {"LLEN {q:total}:ready", "ZCARD {q:total}:prior", "ZCARD {q:total}:delayed", "ZCARD {q:total}:active"})
    left += test_command_integer(at, command);
  return left;
}

void nothing_is_lost(void **) {
  const bool is_long = std::getenv("CACHECORE_TEST_LENGTH") != nullptr;
  const size_t wanted = is_long ? 1000000 : 3000;
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  print_message("seed %u\n", seed);
  const auto any = [&](unsigned below) { return static_cast<int>(random() % below); };

  const char *const persistent[] = {"--appendonly", "yes", "--appendfsync", "always", nullptr};
  test_server *const keeps = test_server_start(nullptr, persistent);
  test_proxy *const proxy = test_proxy_start(keeps);
  char *const directory = test_directory();
  const std::string url = test_proxy_url(proxy);
  const auto start_pusher = [&] { return spawn({"push", url, directory, is_long ? "5000" : "400"}); };
  const auto start_worker = [&] { return spawn({"work", url, directory}); };
  pid_t pushers[2] = {start_pusher(), start_pusher()};
  pid_t workers[3] = {start_worker(), start_worker(), start_worker()};

  int faults = 0;
  int restarts = 0;
  while (read(directory).pushed.size() < wanted) {
    std::this_thread::sleep_for(std::chrono::milliseconds(is_long ? 500 : 60 + any(100)));
    for (pid_t &each : pushers) {
      if (waitpid(each, nullptr, WNOHANG) == each) each = start_pusher();
    }
    switch (any(6)) {
      case 0: {
        pid_t &one = pushers[any(2)];
        end(one);
        one = start_pusher();
        break;
      }
      case 1: {
        pid_t &one = workers[any(3)];
        end(one);
        one = start_worker();
        break;
      }
      case 2:  // executes, and drops the reply
        test_proxy_cut_once(proxy, TEST_TO_CLIENT, any(2000));
        break;
      case 3:
        test_proxy_cut_once(proxy, TEST_TO_SERVER, any(2000));
        break;
      case 4:
        test_proxy_disconnect(proxy);
        break;
      default:
        if (restarts < (is_long ? 1000 : 4)) {
          test_server_kill(keeps);
          test_server_restart(keeps);
          restarts++;
        }
    }
    faults++;
  }
  for (pid_t &each : pushers) end(each);
  test_proxy_clear(proxy);
  struct drained {
    const test_server *at;
    static int now(void *context) { return left_in(static_cast<drained *>(context)->at) == 0 ? 1 : 0; }
  } all_gone{keeps};
  assert_int_equal(test_wait_until(drained::now, &all_gone, 2 * test_patience_ms()), 1);
  for (pid_t &each : workers) end(each);

  const found all = read(directory);
  size_t lost = 0;
  size_t unexpected = 0;
  size_t twice = 0;
  size_t duplicates = 0;
  for (const std::string &id : all.pushed) lost += all.runs.count(id) == 0 ? 1 : 0;
  for (const auto &[id, attempts] : all.runs) {
    unexpected += all.tried.count(id) == 0 ? 1 : 0;
    duplicates += attempts.size() - 1;
    for (const auto &[attempt, times] : attempts) twice += times > 1 ? 1 : 0;
  }
  print_message(
      "%zu pushed, %zu run, %d faults (%d restarts): lost %zu, unexpected %zu, an attempt run twice %zu, further "
      "attempts %zu\n",
      all.pushed.size(), all.runs.size(), faults, restarts, lost, unexpected, twice, duplicates);
  assert_int_equal(lost, 0);
  assert_int_equal(unexpected, 0);
  assert_int_equal(twice, 0);
  // A fault costs at most what the workers had in hand.
  assert_true(duplicates <= all.wanted_again + static_cast<size_t>(faults) * 30);
  test_proxy_stop(proxy);
  test_server_stop(keeps);
  test_directory_remove(directory);
}

}  // namespace

int main(int count, char **words) {
  const std::string role = count > 1 ? words[1] : "";
  if (role == "push" && count == 5)
    return push_jobs(words[2], words[3], static_cast<int>(std::strtol(words[4], nullptr, 10)));
  if (role == "work" && count == 4) return work(words[2], words[3]);
  const CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
