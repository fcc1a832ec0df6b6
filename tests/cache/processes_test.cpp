// Several processes: one load of a key in all of them, also when the one that loads is killed, stopped, or gives up;
// and invalidations of one win over loads of another.

#include <cstdlib>
#include <memory>

#include "cache_core.h"
#include "tests/support/unit.h"
#include "worker.h"

namespace {

using namespace cache_test;

using team = std::vector<std::unique_ptr<worker>>;

test_server *server;

int start(void **) {
  server = test_server_start(nullptr, nullptr);
  return 0;
}

int stop(void **) {
  test_server_stop(server);
  return 0;
}

int empty(void **) {
  assert_text(redis(server, "FLUSHALL"), "OK");
  return 0;
}

team four(const std::string &policy) {
  team workers;
  for (int i = 0; i < 4; i++) workers.push_back(std::make_unique<worker>(test_server_url(server), policy));
  return workers;
}

std::string lease_of(const std::string &told) {
  if (told.substr(0, 5) != "load ") test_die("expected to be told to load: %s", told.c_str());
  return told.substr(5);
}

// The one of those that were told to look up who is told to load; waits for that.
size_t who_loads(const team &workers, size_t first, std::string &lease) {
  size_t found = 0;
  if (!until([&] {
        for (size_t i = first; i < workers.size(); i++) {
          if (!workers[i]->answered()) continue;
          lease = lease_of(workers[i]->answer());
          found = i;
          return true;
        }
        return false;
      })) {
    test_die("nobody is told to load");
  }
  return found;
}

// Of those that wait one is told to load, and the others get what it stores.
void assert_one_of_those_waiting_loads(const team &workers, size_t first, const char *key) {
  std::string lease;
  const size_t loads = who_loads(workers, first, lease);
  for (size_t i = first; i < workers.size(); i++) {
    if (i != loads) assert_false(workers[i]->answered());
  }
  assert_text(workers[loads]->ask("store " + lease + " second"), "true");
  for (size_t i = first; i < workers.size(); i++) {
    if (i != loads) assert_text(workers[i]->answer(), "hit second");
  }
  for (size_t i = first; i < workers.size(); i++) {
    assert_text(workers[i]->ask(std::string("lookup ") + key), "hit second");
  }
}

// How many scripts the server has run.
int64_t scripts_run() {
  const std::string all = redis(server, "INFO commandstats");
  const std::string label = "cmdstat_evalsha:calls=";
  const size_t at = all.find(label);
  return at == std::string::npos ? 0 : std::stoll(all.substr(at + label.size()));
}

// All but the first look the key up. At return each has asked for the lease and found the first's.
void tell_to_wait(const team &workers, const char *key) {
  const int64_t before = scripts_run();
  for (size_t i = 1; i < workers.size(); i++) workers[i]->tell(std::string("lookup ") + key);
  assert_true(until([&] { return scripts_run() >= before + static_cast<int64_t>(workers.size()) - 1; }));
}

void one_loads_for_all_processes(void **) {
  const team workers = four("distributed=1 near=2000");
  const std::string lease = lease_of(workers[0]->ask("lookup k"));
  tell_to_wait(workers, "k");
  assert_text(workers[0]->ask("store " + lease + " value"), "true");
  for (size_t i = 1; i < workers.size(); i++) assert_text(workers[i]->answer(), "hit value");
  for (const auto &each : workers) assert_text(each->ask("lookup k"), "hit value");
}

// Without being told of changes (a server that does not let it), they look from time to time.
void without_word_they_look(void **) {
  assert_text(redis(server, "ACL SETUSER quiet on nopass ~* &* +@all -client|tracking"), "OK");
  const std::string url = "unix://quiet:none@" + std::string(test_server_socket(server));
  worker other(url.c_str(), "distributed=1");
  worker first(url.c_str(), "distributed=1");
  const std::string lease = lease_of(first.ask("lookup k"));
  const int64_t before = scripts_run();
  other.tell("lookup k");
  assert_true(until([&] { return scripts_run() > before; }));
  assert_text(first.ask("store " + lease + " value"), "true");
  assert_text(other.answer(), "hit value");
  assert_text(redis(server, "ACL DELUSER quiet"), "1");
}

// Promise 5.
void a_loader_that_is_killed_is_replaced(void **) {
  const team workers = four("distributed=1 load_timeout_ms=400");
  (void)lease_of(workers[0]->ask("lookup k"));
  tell_to_wait(workers, "k");
  workers[0]->kill();
  assert_one_of_those_waiting_loads(workers, 1, "k");
}

void a_loader_that_is_stopped_is_replaced(void **) {
  const team workers = four("distributed=1 load_timeout_ms=400");
  const std::string lease = lease_of(workers[0]->ask("lookup k"));
  tell_to_wait(workers, "k");
  workers[0]->stop();
  assert_one_of_those_waiting_loads(workers, 1, "k");
  workers[0]->resume();
  // Too late: it changes nothing.
  assert_text(workers[0]->ask("store " + lease + " first"), "CONFLICT");
  for (const auto &each : workers) assert_text(each->ask("lookup k"), "hit second");
}

void a_loader_that_fails_tells_all(void **) {
  const team workers = four("distributed=1");
  const std::string lease = lease_of(workers[0]->ask("lookup k"));
  tell_to_wait(workers, "k");
  assert_text(workers[0]->ask("fail " + lease + " no-database"), "nil");
  for (size_t i = 1; i < workers.size(); i++) {
    const std::string told = workers[i]->answer();
    assert_contains(told, "LOADER_FAILED");
    assert_contains(told, "no-database");
  }
  // It is not held against the key.
  assert_text(workers[1]->ask("store " + lease_of(workers[1]->ask("lookup k")) + " value"), "true");
  assert_text(workers[2]->ask("lookup k"), "hit value");
}

// Long before the load's time is over.
void a_caller_that_goes_passes_the_load_on(void **) {
  const team workers = four("distributed=1 load_timeout_ms=600000");
  assert_text(workers[0]->ask("abandon k"), "gone");
  const std::string lease = lease_of(workers[1]->ask("lookup k"));
  workers[2]->tell("lookup k");
  assert_text(workers[1]->ask("store " + lease + " value"), "true");
  assert_text(workers[2]->answer(), "hit value");
}

// Promise 2.
void an_invalidation_of_one_wins_over_a_load_of_another(void **) {
  for (const char *policy : {"distributed=1 near=2000", "near=2000"}) {
    for (const char *invalidation : {"delete k", "invalidate k*", "invalidate_tag t", "clear"}) {
      assert_text(redis(server, "FLUSHALL"), "OK");
      const team workers = four(policy);
      const std::string old_lease = lease_of(workers[0]->ask("lookup k"));
      assert_text(workers[1]->ask(invalidation), std::string(invalidation) == "delete k" ? "false" : "nil");
      workers[2]->tell("lookup k");
      if (std::string(invalidation) == "invalidate_tag t") {
        // Whether the load has the tag is known at its end.
        (void)workers[0]->ask("store " + old_lease + " old t");
      } else {
        assert_true(until([&] { return workers[2]->answered(); }));
        (void)workers[0]->ask("store " + old_lease + " old");
      }
      const std::string lease = lease_of(workers[2]->answer());
      workers[3]->tell("lookup k");
      assert_text(workers[2]->ask("store " + lease + " new t"), "true");
      const std::string last = workers[3]->answer();
      if (std::string(policy) == "near=2000" && last.substr(0, 5) == "load ") {
        (void)workers[3]->ask("fail " + last.substr(5) + " enough");
      } else {
        assert_text(last, "hit new");
      }
      for (const auto &each : workers) assert_text(each->ask("lookup k"), "hit new");
    }
  }
}

// Promise 1: keys x callers x processes, in rounds that `clear` parts: one load a key and round.
void the_ladder(void **) {
  const bool whole =
      std::string(getenv("CACHECORE_TEST_LENGTH") != nullptr ? getenv("CACHECORE_TEST_LENGTH") : "") == "long";
  const int keys = whole ? 1'000 : 100;
  const int callers = whole ? 100 : 20;
  const int rounds = whole ? 10 : 3;
  team workers;
  for (int i = 0; i < 3; i++) {
    workers.push_back(std::make_unique<worker>(test_server_url(server), "distributed=1"));
  }
  int64_t loads = 0;
  for (int round = 0; round < rounds; round++) {
    for (const auto &each : workers) {
      each->tell("round key " + std::to_string(keys) + " " + std::to_string(callers));
    }
    for (const auto &each : workers) loads += std::stoll(each->answer());
    assert_int_equal(loads, int64_t{keys} * (round + 1));
    assert_text(workers[0]->ask("clear"), "nil");
  }
}

}  // namespace

int main(int argc, char **argv) {
  if (worker_main(argc, argv)) return 0;
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(one_loads_for_all_processes, empty),
      cmocka_unit_test_setup(without_word_they_look, empty),
      cmocka_unit_test_setup(a_loader_that_is_killed_is_replaced, empty),
      cmocka_unit_test_setup(a_loader_that_is_stopped_is_replaced, empty),
      cmocka_unit_test_setup(a_loader_that_fails_tells_all, empty),
      cmocka_unit_test_setup(a_caller_that_goes_passes_the_load_on, empty),
      cmocka_unit_test_setup(an_invalidation_of_one_wins_over_a_load_of_another, empty),
      cmocka_unit_test_setup(the_ladder, empty),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
