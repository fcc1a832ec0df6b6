// What a broken line does to each kind of work: faults of the proxy x kinds of requests.
//
// In every cell some requests are made while the fault is on. Each returns; an answer is right; a change is there if it
// was answered, is not if it failed otherwise than UNCERTAIN, and is never there twice, which the server's own counts
// of what it executed say too: a change at most once for each call, a read at most three times. When the fault is
// lifted the same core works again: not one call fails, and every reply is where it belongs.
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "tests/faults/line_faults.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;
using faults_test::line_fault;

namespace {

constexpr int calls_under_fault = 4;
constexpr int64_t sends_of_a_read = 3;
constexpr int strict_calls = 1'000;

struct bench_of_faults {
  test_server *server = test_server_start_tcp(nullptr, nullptr);
  test_proxy *proxy = test_proxy_start(server);
  std::vector<line_fault> faults;

  bench_of_faults() {
    const redis_core core(test_proxy_tcp_url(proxy));
    assert_answer(core.command({"PING"}), "PONG");
    const test_proxy_counts counts = test_proxy_count(proxy);
    assert_int_equal(counts.accepted, 1);
    faults =
        faults_test::line_faults(counts.delivered[TEST_TO_CLIENT] - static_cast<int64_t>(std::strlen("+PONG\r\n")));
  }
  ~bench_of_faults() {
    test_proxy_stop(proxy);
    test_server_stop(server);
  }
  bench_of_faults(const bench_of_faults &) = delete;
  bench_of_faults &operator=(const bench_of_faults &) = delete;

  // A command to the server itself, past the proxy; no word of it may contain a space.
  [[nodiscard]] std::string ask(const std::string &command) const {
    char *text = test_command_text_at(test_server_socket(server), command.c_str());
    std::string out(text);
    free(text);
    return out;
  }

  // How often the server has executed a command since CONFIG RESETSTAT.
  [[nodiscard]] int64_t executed(const std::string &command) const {
    const std::string stats = ask("INFO commandstats");
    const std::string field = "cmdstat_" + command + ":calls=";
    const size_t at = stats.find(field);
    return at == std::string::npos ? 0 : integer_of(stats.substr(at + field.size()));
  }
};

bench_of_faults *line;

int make_line(void **) {
  line = new bench_of_faults();
  return 0;
}

int end_line(void **) {
  delete line;
  return 0;
}

// How often the server executed what was called once each.
struct limit {
  std::string command;
  int64_t most = 0;
};

// What became of the calls of a cell.
struct cell {
  // What a call has to have left behind: a number between two.
  struct trace {
    std::string key;
    int64_t least = 0, most = 0;
    bool whole = false;  // one or the other, nothing between them
  };

  const redis_core &core;
  const line_fault &under;
  std::string name;
  std::vector<trace> traces;
  std::vector<limit> limits;
  int64_t wrong = 0;

  void complain(const std::string &what) {
    print_error("%s, %s: %s\n", under.name, name.c_str(), what.c_str());
    wrong++;
  }

  void expect_answered_or_failed(const outcome &came, bool right_if_ok) {
    const bool garbled = under.garbles && came.status == CACHECORE_REJECTED;
    if (came.status == CACHECORE_OK
            ? !right_if_ok
            : came.status != CACHECORE_UNAVAILABLE && came.status != CACHECORE_TIMEOUT &&
                  came.status != CACHECORE_BUSY && came.status != CACHECORE_UNCERTAIN && !garbled) {
      complain(text_of(came));
    }
  }

  // Of a call that is to change the number at `key` by `changes`.
  void expect(const outcome &came, bool right_if_ok, const std::string &key, int64_t changes, bool whole = false) {
    expect_answered_or_failed(came, right_if_ok);
    const bool there = came.status == CACHECORE_OK;
    const bool maybe = came.status == CACHECORE_UNCERTAIN;
    traces.push_back({key, there ? changes : 0, there || maybe ? changes : 0, whole});
  }
};

bool answers(const redis_core &core) {
  for (int i = 0; i < 3; i++) {
    if (core.command({"PING"}, 500).status != CACHECORE_OK) return false;
  }
  return true;
}

void wait_until_it_works(const redis_core &core) {
  const auto works = [](void *state) { return answers(*static_cast<const redis_core *>(state)) ? 1 : 0; };
  assert_true(test_wait_until(works, const_cast<redis_core *>(&core), test_patience_ms()));
}

// From then on no call fails, and no reply is another's.
int64_t failures_afterwards(const redis_core &core, const std::string &name) {
  int64_t failures = 0;
  for (int i = 0; i < strict_calls; i++) {
    const std::string said = name + ":" + std::to_string(i);
    const outcome echoed = core.command({"ECHO", said});
    if (echoed.status == CACHECORE_OK && echoed.answer == said) continue;
    if (failures++ == 0) print_error("%s\n", text_of(echoed).c_str());
  }
  return failures;
}

// A connection that was cut while a client waited on it: the server learns of that later than the client.
void wait_until_nothing_blocks() {
  const auto none = [](void *) { return line->ask("CLIENT LIST").find("cmd=blpop") == std::string::npos ? 1 : 0; };
  assert_true(test_wait_until(none, nullptr, test_patience_ms()));
}

using work = std::function<void(cell &of, int number)>;
using reading = std::function<int64_t(const std::string &key)>;

int64_t number_at(const std::string &key) { return integer_of(line->ask("GET " + key)); }

void run_cells(const work &one, const reading &changed = number_at) {
  int count = 0;
  for (const line_fault &each : line->faults) {
    test_proxy_clear(line->proxy);
    assert_string_equal(line->ask("CONFIG RESETSTAT").c_str(), "OK");
    if (each.fresh) each.begin(line->proxy);
    const redis_core core(test_proxy_tcp_url(line->proxy), R"({"connect_timeout_ms": 300})", 1'000);
    cell now{core, each, "cell" + std::to_string(count++), {}, {}};
    if (!each.fresh) {
      assert_answer(core.command({"PING"}), "PONG");
      each.begin(line->proxy);
    }
    for (int i = 0; i < calls_under_fault; i++) one(now, i);
    test_proxy_clear(line->proxy);
    test_proxy_disconnect(line->proxy);
    wait_until_it_works(core);
    wait_until_nothing_blocks();
    for (const cell::trace &left : now.traces) {
      const int64_t there = changed(left.key);
      if (there < left.least || there > left.most || (left.whole && there != left.least && there != left.most)) {
        now.complain(left.key + ": " + std::to_string(there) + " changes instead of " + std::to_string(left.least) +
                     " to " + std::to_string(left.most));
      }
    }
    for (const limit &allowed : now.limits) {
      const int64_t executed = line->executed(allowed.command);
      if (executed > allowed.most) {
        now.complain(allowed.command + " was executed " + std::to_string(executed) + " times instead of " +
                     std::to_string(allowed.most) + " at most");
      }
    }
    assert_int_equal(failures_afterwards(core, now.name), 0);
    assert_int_equal(now.wrong, 0);
  }
}

// Each call reads with another command, so that the server's counts tell the calls apart.
void reads(void **) {
  free(test_command_text(line->server, "SET read-only 0123456789"));
  const struct {
    const char *name;
    words call;
    const char *answer;
  } all[calls_under_fault] = {
      {"echo", {"ECHO", "said"}, "said"},
      {"get", {"GET", "read-only"}, "0123456789"},
      {"strlen", {"STRLEN", "read-only"}, "10"},
      {"type", {"TYPE", "read-only"}, "string"},
  };
  int64_t most = 0;
  run_cells([&](cell &of, int number) {
    const auto &each = all[number];
    const outcome came = of.core.command(each.call, of.under.patience_ms);
    of.expect_answered_or_failed(came, came.answer == each.answer);
    if (came.status == CACHECORE_UNCERTAIN) of.complain("an uncertain read");
    const int64_t executed = line->executed(each.name);
    if (came.status == CACHECORE_OK && executed == 0) of.complain("an answer from nowhere");
    most = std::max(most, executed);
    of.limits.push_back({each.name, sends_of_a_read});
  });
  // Else the limit is not reached by any cell, and nothing is shown.
  assert_int_equal(most, sends_of_a_read);
}

void changes(void **) {
  run_cells([](cell &of, int number) {
    const std::string key = of.name + ":" + std::to_string(number);
    const outcome came = of.core.command({"INCR", key}, of.under.patience_ms);
    of.expect(came, came.answer == "1", key, 1);
    of.limits = {{"incr", number + 1}};
  });
}

void pipelines(void **) {
  run_cells([](cell &of, int number) {
    const std::string said = std::to_string(number), key = of.name + ":" + said;
    const outcome came = of.core.pipeline({{"INCR", key}, {"ECHO", said}, {"INCR", key}}, of.under.patience_ms);
    of.expect(came, came.answer == "[1, " + said + ", 2]", key, 2);
    of.limits = {{"incr", int64_t{2} * (number + 1)}};
  });
}

void transactions(void **) {
  run_cells([](cell &of, int number) {
    const std::string said = std::to_string(number), key = of.name + ":" + said;
    const cachecore_value words[] = {cachecore_text("INCR"), cachecore_bytes(key.data(), key.size())};
    const cachecore_value echo[] = {cachecore_text("ECHO"), cachecore_bytes(said.data(), said.size())};
    const cachecore_value commands[] = {cachecore_list(words, 2), cachecore_list(echo, 2), cachecore_list(words, 2)};
    const outcome came = of.core.call("redis.transaction", {cachecore_list(commands, 3)}, of.under.patience_ms);
    of.expect(came, came.answer == "[1, " + said + ", 2]", key, 2, true);
    of.limits = {{"incr", int64_t{2} * (number + 1)}, {"exec", number + 1}};
  });
}

void scripts(void **) {
  run_cells([](cell &of, int number) {
    const std::string key = of.name + ":" + std::to_string(number);
    const cachecore_value keys = cachecore_bytes(key.data(), key.size());
    const outcome came =
        of.core.call("redis.script", {cachecore_text("return redis.call('incr', KEYS[1])"), cachecore_list(&keys, 1)},
                     of.under.patience_ms);
    of.expect(came, came.answer == "1", key, 1);
    of.limits = {{"incr", number + 1}};
  });
}

// A blocking command has a connection of its own. Every second call finds nothing and gives up; what is pushed after it
// has returned is not for it, unless it said that it does not know.
void exclusive_connections(void **) {
  run_cells(
      [](cell &of, int number) {
        const std::string list = of.name + ":list" + std::to_string(number), push = "RPUSH " + list + " x";
        const bool finds = number % 2 == 0;
        if (finds) assert_string_equal(line->ask(push).c_str(), "1");
        const outcome came = of.core.command({"BLPOP", list, "0.05"}, of.under.patience_ms);
        const bool popped = came.answer == "[" + list + ", x]";
        of.expect(came, finds ? popped : came.answer == "nil", list, came.status == CACHECORE_OK && !popped ? 0 : 1);
        if (!finds) assert_string_equal(line->ask(push).c_str(), "1");
        of.limits = {{"blpop", number + 1}};
      },
      [](const std::string &list) { return 1 - integer_of(line->ask("LLEN " + list)); });
}

// Submitted operations, some cancelled on their way: each completes once.
void operations(void **) {
  run_cells([](cell &of, int number) {
    cachecore_completions *queue = nullptr;
    const cachecore_method *method = nullptr;
    cachecore_error error;
    assert_int_equal(cachecore_completions_create(of.core.handle(), &queue, &error), CACHECORE_OK);
    assert_int_equal(cachecore_method_find(of.core.handle(), "redis.command", &method, &error), CACHECORE_OK);
    constexpr uint64_t count = 20;
    const auto key_of = [&](uint64_t i) { return of.name + ":" + std::to_string(number) + ":" + std::to_string(i); };
    for (uint64_t i = 0; i < count; i++) {
      const std::string key = key_of(i);
      const cachecore_value words[] = {cachecore_text("INCR"), cachecore_bytes(key.data(), key.size())};
      const cachecore_value arg = cachecore_list(words, 2);
      uint64_t operation = 0;
      assert_int_equal(
          cachecore_submit(of.core.handle(), method, &arg, 1, of.under.patience_ms, queue, i, &operation, &error),
          CACHECORE_OK);
      if (i % 5 == static_cast<uint64_t>(number)) cachecore_cancel(of.core.handle(), operation, &error);
    }
    std::vector<int> completed(count, 0);
    for (uint64_t done = 0; done < count;) {
      cachecore_completion each;
      if (cachecore_completions_drain(queue, &each, 1) == 0) {
        pollfd readable{cachecore_completions_fd(queue), POLLIN, 0};
        assert_true(poll(&readable, 1, static_cast<int>(test_patience_ms())) > 0);
        continue;
      }
      completed[each.user_data]++;
      outcome came;
      came.status = each.status == CACHECORE_CANCELLED ? CACHECORE_TIMEOUT : each.status;
      of.expect(came, each.status != CACHECORE_OK || cachecore_result_value(each.result)->as.integer == 1,
                key_of(each.user_data), 1);
      cachecore_result_free(each.result);
      done++;
    }
    for (const int times : completed) assert_int_equal(times, 1);
    cachecore_completions_destroy(queue);
    of.limits = {{"incr", static_cast<int64_t>(count) * (number + 1)}};
  });
}

// A subscription says when it was deaf, and hears again; one begun under a fault begins to hear.
void subscriptions(void **) {
  int count = 0;
  for (const line_fault &each : line->faults) {
    test_proxy_clear(line->proxy);
    const std::string channel = "channel" + std::to_string(count++);
    const int64_t accepted = test_proxy_count(line->proxy).accepted;
    if (each.fresh) each.begin(line->proxy);
    const redis_core core(test_proxy_tcp_url(line->proxy), R"({"connect_timeout_ms": 300})", 1'000);
    listener heard(core, {channel});
    if (each.fresh) {
      assert_true(test_proxy_wait_accepted(line->proxy, accepted + 1, test_patience_ms()));
      test_proxy_clear(line->proxy);
    } else {
      (void)heard.next_with("subscribed");
      each.begin(line->proxy);
      free(test_command_text(line->server, "PUBLISH %s under-fault", channel.c_str()));
      test_proxy_clear(line->proxy);
      test_proxy_disconnect(line->proxy);
      const std::string deaf = heard.next_with("deaf");
      assert_true(deaf.find("reason") != std::string::npos);
    }
    (void)heard.next_with("subscribed");
    free(test_command_text(line->server, "PUBLISH %s afterwards", channel.c_str()));
    (void)heard.next_with("afterwards");
    wait_until_it_works(core);
    assert_int_equal(failures_afterwards(core, channel), 0);
  }
}

}  // namespace

int main(int argc, char **argv) {
  const CMUnitTest all[] = {
      cmocka_unit_test(reads),        cmocka_unit_test(changes),       cmocka_unit_test(pipelines),
      cmocka_unit_test(transactions), cmocka_unit_test(scripts),       cmocka_unit_test(exclusive_connections),
      cmocka_unit_test(operations),   cmocka_unit_test(subscriptions),
  };
  for (const CMUnitTest &each : all) {
    if (argc > 1 && std::strcmp(argv[1], each.name) != 0) continue;
    const CMUnitTest chosen[] = {each};
    const int failed = cmocka_run_group_tests_name("faults", chosen, make_line, end_line);
    if (failed != 0 || argc > 1) return failed;
  }
  return 0;
}
