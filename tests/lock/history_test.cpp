// Locks of several processes under faults: histories, stops, and forks.
//
// The program starts itself again as a worker (main), so that processes may be stopped and killed. They share a mapped
// file with it: what they saw, and a resource that refuses lower fences than it has seen.
//
// Faults: a worker stopped for longer than the lease, or killed; the server pausing all clients, or stopped; scripts
// flushed; the fences lost; half of the workers' connections losing replies or cut.

#include "history.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <random>
#include <thread>

#include "tests.h"

extern char **environ;

namespace {

using namespace lock_test;

constexpr int workers = 8;
constexpr int64_t lease_ms = 400;
constexpr size_t most_records = 200'000;
constexpr size_t lock_count = 3;
constexpr const char *names[lock_count] = {"exclusive", "readers and writers", "semaphore"};
constexpr int64_t permits = 2;

struct shared_state {
  std::atomic<int> stop;
  std::atomic<size_t> count;
  // The resource of the exclusive lock.
  std::atomic<int64_t> highest_fence;
  std::atomic<int64_t> refused;
  std::atomic<int64_t> wrongly_refused;  // while its holder was certain
  record records[most_records];
};

int64_t now_ms() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return time.tv_sec * 1'000 + time.tv_nsec / 1'000'000;
}

shared_state *map_state(const char *path) {
  const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof(shared_state)) != 0) test_die("cannot make %s", path);
  void *memory = mmap(nullptr, sizeof(shared_state), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) test_die("cannot map %s", path);
  close(file);
  return static_cast<shared_state *>(memory);
}

void pause_us(int64_t us) {
  const timespec time{us / 1'000'000, us % 1'000'000 * 1'000};
  nanosleep(&time, nullptr);
}

// Writes to the resource as the holder of a fence.
void use_resource(shared_state *shared, const record &held) {
  int64_t highest = shared->highest_fence;
  while (highest < held.fence && !shared->highest_fence.compare_exchange_weak(highest, held.fence)) {
  }
  if (highest <= held.fence) return;
  // Somebody came after this holder: only when its lease was over.
  shared->refused++;
  if (now_ms() < held.until) shared->wrongly_refused++;
}

// ---- a worker process ----

void hold_once(const lock_core &core, shared_state *shared, int process, std::mt19937 &random) {
  record seen;
  seen.process = process;
  seen.lock = static_cast<int32_t>(random() % lock_count);
  const bool reads = seen.lock == 1 && random() % 4 != 0;
  seen.mode = seen.lock == 2 ? 's' : reads ? 'r' : 'x';
  seen.permits = seen.lock == 2 ? permits : 0;
  wish wanted{.name = names[seen.lock],
              .lease_ms = lease_ms,
              .wait_ms = random() % 8 == 0 ? 0 : 1'500,
              .mode = seen.mode == 's' ? "semaphore"
                      : reads          ? "read"
                                       : "exclusive",
              .permits = seen.permits,
              .renew = random() % 2 == 0};
  seen.asked = now_ms();
  const outcome granted = core.acquire(wanted);
  if (!granted.ok()) return;
  seen.fence = granted.fence;
  const int64_t sent_at = now_ms();
  if (!core.call("extend", {text(granted.lock), number(lease_ms)}).ok()) return;
  seen.from = now_ms();
  seen.until = sent_at + lease_ms;
  // Written before it is over: whoever is killed has held it, too.
  const size_t at = shared->count++;
  if (at >= most_records) test_die("too many records");
  shared->records[at] = seen;
  const int uses = static_cast<int>(random() % 4);
  for (int i = 0; i < uses; i++) {
    if (seen.lock == 0) use_resource(shared, seen);
    pause_us(static_cast<int64_t>(random() % 2'000));
  }
  shared->records[at].until = std::min(seen.until, now_ms());
  (void)core.release(granted.lock);
}

int work(const char *url, const char *path, int process, unsigned seed) {
  shared_state *const shared = map_state(path);
  std::mt19937 random(seed);
  const lock_core core(url);
  while (shared->stop == 0) {
    hold_once(core, shared, process, random);
    pause_us(static_cast<int64_t>(random() % 4'000));
  }
  return 0;
}

// Holds a lock, says so, and says what it hears of it first.
int hold(const char *url) {
  const lock_core core(url);
  const outcome held = core.must_acquire({.name = "held", .lease_ms = lease_ms});
  watcher watched(core, held.lock);
  watched.next();
  if (write(STDOUT_FILENO, "held.", 5) != 5) return 1;
  const std::string first = watched.next();
  // Also a call that comes first must not think that it holds it.
  const bool extended = core.call("extend", {text(held.lock)}).ok();
  const bool told = first.find("event: lost") != std::string::npos && !extended;
  return write(STDOUT_FILENO, told ? "lost." : "none.", 5) == 5 ? 0 : 1;
}

pid_t start(const std::vector<std::string> &words, int output = -1) {
  std::vector<char *> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string &word : words) arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (output >= 0) posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t process = 0;
  if (posix_spawn(&process, "/proc/self/exe", &actions, nullptr, arguments.data(), environ) != 0)
    test_die("cannot start");
  posix_spawn_file_actions_destroy(&actions);
  return process;
}

void end(pid_t process) {
  kill(process, SIGKILL);
  waitpid(process, nullptr, 0);
}

std::string read_word(int from) {
  std::string word(5, ' ');
  for (size_t got = 0; got < word.size();) {
    const ssize_t size = read(from, word.data() + got, word.size() - got);
    if (size <= 0) test_die("a process ended early");
    got += static_cast<size_t>(size);
  }
  return word;
}

// ---- the checker itself ----

record grant(int64_t asked, int64_t from, int64_t until, int64_t fence, char mode = 'x') {
  return {asked, from, until, fence, permits, 1, 0, mode};
}

void the_checker_sees_what_is_wrong(void **) {
  assert_text(fault_of({}), "");
  assert_text(fault_of({grant(0, 1, 5, 1), grant(0, 5, 9, 2), grant(6, 20, 30, 3)}), "");
  assert_contains(fault_of({grant(0, 1, 5, 1), grant(0, 4, 9, 2)}), "both hold it");
  assert_contains(fault_of({grant(0, 1, 5, 1), grant(0, 4, 9, 2, 'r')}), "both hold it");
  assert_contains(fault_of({grant(0, 1, 5, 1, 's'), grant(0, 4, 9, 2, 'r')}), "both hold it");
  assert_text(fault_of({grant(0, 1, 5, 1, 'r'), grant(0, 4, 9, 2, 'r')}), "");
  assert_text(fault_of({grant(0, 1, 5, 1, 's'), grant(0, 2, 9, 2, 's'), grant(0, 5, 9, 3, 's')}), "");
  assert_contains(fault_of({grant(0, 1, 6, 1, 's'), grant(0, 2, 9, 2, 's'), grant(0, 5, 9, 3, 's')}), "3 permits");
  assert_contains(fault_of({grant(0, 1, 5, 7), grant(0, 6, 9, 7)}), "one fence");
  assert_contains(fault_of({grant(0, 1, 5, 8), grant(0, 6, 9, 7)}), "who held later has the lower fence");
  assert_contains(fault_of({grant(0, 1, 5, 8, 'r'), grant(0, 6, 9, 7)}), "who held later has the lower fence");
  assert_text(fault_of({grant(0, 1, 5, 8, 'r'), grant(0, 3, 9, 7, 'r')}), "");
  assert_contains(fault_of({grant(0, 1, 5, 8, 'r'), grant(2, 3, 9, 7, 'r')}), "who asked later has the lower fence");
  // A grant that was heard of when its lease was over is certain of nothing.
  assert_text(fault_of({grant(0, 1, 9, 1, 's'), grant(0, 2, 9, 2, 's'), grant(0, 5, 4, 3, 's')}), "");
}

// ---- histories ----

class crowd {
 public:
  crowd(std::string direct, std::string proxied, std::string path)
      : direct_(std::move(direct)), proxied_(std::move(proxied)), path_(std::move(path)) {
    for (int i = 0; i < workers; i++) start_one(i);
  }
  void start_one(int i) {
    processes_[i] =
        start({"history-worker", i % 2 == 0 ? direct_ : proxied_, path_, std::to_string(i), std::to_string(seed_++)});
  }
  void restart(int i) {
    end(processes_[i]);
    start_one(i);
  }
  [[nodiscard]] pid_t process(int i) const { return processes_[i]; }

 private:
  std::string direct_;
  std::string proxied_;
  std::string path_;
  unsigned seed_ = 1;
  pid_t processes_[workers] = {};
};

void histories_of_processes_under_faults_are_those_of_a_lock(void **) {
  const char *given = std::getenv("CACHECORE_TEST_SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
  print_message("seed %u\n", seed);
  std::mt19937 random(seed);
  test_proxy *const proxy = test_proxy_start(server);
  char *const path = test_format("%s/history", test_server_directory(server));
  shared_state *const shared = map_state(path);
  crowd all(test_server_url(server), test_proxy_url(proxy), path);
  assert_true(eventually([&] { return shared->count > 100; }));

  constexpr int kinds = 8;
  const int rounds = is_long() ? 100 : 4;
  for (int i = 0; i < kinds * rounds; i++) {
    const int chosen = static_cast<int>(random() % workers);
    switch (i % kinds) {
      case 0:
      case 1: {
        kill(all.process(chosen), SIGSTOP);
        pause_us((lease_ms + 100) * 1'000);
        kill(all.process(chosen), SIGCONT);
        break;
      }
      case 2:
        all.restart(chosen);
        break;
      case 3:
        redis(server, "CLIENT PAUSE " + std::to_string(random() % (2 * lease_ms)) + " ALL");
        break;
      case 4:
        redis(server, "SCRIPT FLUSH");
        break;
      case 5:
        test_proxy_swallow(proxy, TEST_TO_CLIENT, 1);
        pause_us(100'000);
        test_proxy_clear(proxy);
        test_proxy_disconnect(proxy);
        break;
      case 6:
        freeReplyObject(test_command(
            server, "EVAL %s 0", "for _, key in ipairs(redis.call('KEYS', '*:fence')) do redis.call('DEL', key) end"));
        break;
      default:
        test_server_pause(server);
        pause_us(static_cast<int64_t>(random() % 300) * 1'000);
        test_server_resume(server);
        break;
    }
    const size_t before = shared->count;
    assert_true(eventually([&] { return shared->count > before + 20; }));
  }
  shared->stop = 1;
  for (int i = 0; i < workers; i++) {
    assert_true(test_wait_gone(all.process(i), test_patience_ms()));
    int how = 0;
    waitpid(all.process(i), &how, 0);
    assert_int_equal(how, 0);
  }
  test_proxy_stop(proxy);
  const std::vector<record> seen(shared->records, shared->records + shared->count);
  for (int lock = 0; lock < static_cast<int>(lock_count); lock++) {
    std::vector<record> of_lock;
    for (const record &each : seen) {
      if (each.lock == lock) of_lock.push_back(each);
    }
    const std::string fault = fault_of(of_lock);
    if (!fault.empty()) print_error("%s: %s (seed %u)\n", names[lock], fault.c_str(), seed);
    assert_text(fault, "");
  }
  print_message("%zu grants, %lld uses refused by their fence\n", seen.size(), static_cast<long long>(shared->refused));
  assert_int_equal(shared->wrongly_refused, 0);
  // Nothing stays taken.
  const lock_core core(test_server_url(server));
  for (const char *name : names)
    core.must_release(core.must_acquire({.name = name, .wait_ms = test_patience_ms()}).lock);
  munmap(shared, sizeof(*shared));
  free(path);
}

void a_lost_lock_is_the_first_that_is_heard_of_after_a_stop(void **) {
  int words[2];
  assert_int_equal(pipe(words), 0);
  const pid_t holder = start({"history-holder", test_server_url(server)}, words[1]);
  assert_text(read_word(words[0]), "held.");
  kill(holder, SIGSTOP);
  const lock_core core(test_server_url(server));
  const outcome next = core.must_acquire({.name = "held", .wait_ms = test_patience_ms()});
  kill(holder, SIGCONT);
  assert_text(read_word(words[0]), "lost.");
  core.must_release(next.lock);
  waitpid(holder, nullptr, 0);
  close(words[0]);
  close(words[1]);
}

// The parent forks a child that uses the core, too, and dies: nobody renews what it held.
void a_forked_child_holds_and_renews_nothing(void **) {
  int words[2];
  assert_int_equal(pipe(words), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    const lock_core core(test_server_url(server));
    const std::string lock = core.must_acquire({.name = "held", .lease_ms = lease_ms}).lock;
    const pid_t child = fork();
    if (child == 0) {
      cachecore_error error;
      const cachecore_value name = text("held");
      const bool forked = cachecore_invoke(core.handle(), "lock.status", &name, 1, nullptr, &error) == CACHECORE_FORKED;
      const bool fresh = cachecore_reset(core.handle(), &error) == CACHECORE_OK;
      const bool apart = core.status("held").answer.find("here: false") != std::string::npos &&
                         core.acquire({.name = "held"}).status == CACHECORE_BUSY &&
                         watcher(core, lock).next() == "(CONFLICT)";
      const pid_t me = getpid();
      if (write(words[1], forked && fresh && apart ? "apart" : "wrong", 5) != 5 ||
          write(words[1], &me, sizeof(me)) != sizeof(me)) {
        _exit(1);
      }
    }
    for (;;) pause();
  }
  close(words[1]);
  assert_text(read_word(words[0]), "apart");
  pid_t child = 0;
  assert_int_equal(read(words[0], &child, sizeof(child)), sizeof(child));
  const lock_core core(test_server_url(server));
  const int64_t from = calls_of(server, "evalsha");
  assert_true(eventually([&] { return calls_of(server, "evalsha") >= from + 6; }));
  assert_int_equal(core.acquire({.name = "held"}).status, CACHECORE_BUSY);
  end(parent);
  core.must_release(core.must_acquire({.name = "held", .wait_ms = test_patience_ms()}).lock);
  kill(child, SIGKILL);
  close(words[0]);
}

}  // namespace

int main(int count, char **words) {
  const std::string role = words[0];
  // A worker ends with the test, also with one that failed.
  if (count > 1) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (role == "history-worker" && count == 5) {
    return work(words[1], words[2], static_cast<int>(std::strtol(words[3], nullptr, 10)),
                static_cast<unsigned>(std::strtoul(words[4], nullptr, 10)));
  }
  if (role == "history-holder" && count == 2) return hold(words[1]);
  return run_all("lock history",
                 {{
                     cmocka_unit_test(the_checker_sees_what_is_wrong),
                     cmocka_unit_test_setup(histories_of_processes_under_faults_are_those_of_a_lock, empty),
                     cmocka_unit_test_setup(a_lost_lock_is_the_first_that_is_heard_of_after_a_stop, empty),
                     cmocka_unit_test_setup(a_forked_child_holds_and_renews_nothing, empty),
                 }});
}
