// What a broken line does to each kind of work: faults of the proxy x kinds of requests.
//
// In every cell some requests are made while the fault is on. Each returns; an answer is right; a change that was
// answered is there, one that failed otherwise than UNCERTAIN is not. When the fault is lifted the same core works
// again, with every reply where it belongs.
#include <poll.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;

namespace {

constexpr int64_t patience_ms = 250;  // of a call under a fault
constexpr int calls_under_fault = 4;

struct fault {
  const char *name;
  std::function<void(test_proxy *)> begin;
};

test_faults only(const std::function<void(test_faults &)> &set) {
  test_faults out;
  std::memset(&out, 0, sizeof(out));
  set(out);
  return out;
}

// Both directions have their own way to go wrong.
std::vector<fault> all_faults() {
  const auto in = [](test_direction direction, const test_faults &set) {
    return [direction, set](test_proxy *proxy) { test_proxy_set(proxy, direction, &set); };
  };
  const test_faults delay = only([](test_faults &f) { f.delay_ms = 20; });
  const test_faults swallow = only([](test_faults &f) { f.swallow = 1; });
  const test_faults drip = only([](test_faults &f) { f.drip_ms = 1; });
  const test_faults garbage = only([](test_faults &f) { f.garbage = 1; });
  const test_faults cut = only([](test_faults &f) {
    f.cut = 1;
    f.cut_after = 5;
  });
  const test_faults reset = only([](test_faults &f) {
    f.cut = 1;
    f.cut_after = 5;
    f.cut_resets = 1;
  });
  const test_faults at_once = only([](test_faults &f) { f.cut = 1; });
  return {
      {"delayed replies", in(TEST_TO_CLIENT, delay)},
      {"delayed requests", in(TEST_TO_SERVER, delay)},
      {"replies vanish", in(TEST_TO_CLIENT, swallow)},
      {"requests vanish", in(TEST_TO_SERVER, swallow)},
      {"cut within a reply", in(TEST_TO_CLIENT, cut)},
      {"cut within a request", in(TEST_TO_SERVER, cut)},
      {"reset within a reply", in(TEST_TO_CLIENT, reset)},
      {"reset within a request", in(TEST_TO_SERVER, reset)},
      {"garbage for replies", in(TEST_TO_CLIENT, garbage)},
      {"replies drip", in(TEST_TO_CLIENT, drip)},
      {"requests drip", in(TEST_TO_SERVER, drip)},
      {"closed at the first byte", in(TEST_TO_SERVER, at_once)},
      {"half open", [](test_proxy *proxy) { test_proxy_half_open(proxy, 1); }},
      {"connections refused",
       [](test_proxy *proxy) {
         test_proxy_refuse(proxy, 1);
         test_proxy_disconnect(proxy);
       }},
      {"connections reset", [](test_proxy *proxy) { test_proxy_reset(proxy); }},
  };
}

// What became of the changes of a cell.
struct tally {
  int64_t applied = 0;    // answered OK
  int64_t uncertain = 0;  // may be there
  int64_t wrong = 0;

  void count(const outcome &came, bool right_if_ok, int64_t changes) {
    if (came.status == CACHECORE_OK) {
      applied += changes;
      if (!right_if_ok) wrong++;
    } else if (came.status == CACHECORE_UNCERTAIN) {
      uncertain += changes;
    } else if (came.status != CACHECORE_UNAVAILABLE && came.status != CACHECORE_TIMEOUT &&
               came.status != CACHECORE_BUSY) {
      print_error("unexpected: %s\n", text_of(came).c_str());
      wrong++;
    }
  }
};

struct bench_of_faults {
  test_server *server = test_server_start_tcp(nullptr, nullptr);
  test_proxy *proxy = test_proxy_start(server);
  ~bench_of_faults() {
    test_proxy_stop(proxy);
    test_server_stop(server);
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

void wait_until_it_works(const redis_core &core) {
  const auto works = [](void *state) {
    return static_cast<const redis_core *>(state)->command({"PING"}, 500).status == CACHECORE_OK ? 1 : 0;
  };
  assert_true(test_wait_until(works, const_cast<redis_core *>(&core), test_patience_ms()));
}

using work = std::function<void(const redis_core &core, const std::string &key, int number, tally &out)>;

void run_cells(const work &one) {
  int cell = 0;
  for (const fault &each : all_faults()) {
    test_proxy_clear(line->proxy);
    const std::string key = "cell" + std::to_string(cell++);
    const redis_core core(test_proxy_tcp_url(line->proxy), R"({"connect_timeout_ms": 300})", 1'000);
    assert_answer(core.command({"SET", key, "0"}), "OK");
    tally came;
    each.begin(line->proxy);
    for (int i = 0; i < calls_under_fault; i++) one(core, key, i, came);
    test_proxy_clear(line->proxy);
    test_proxy_disconnect(line->proxy);
    wait_until_it_works(core);
    for (int i = 0; i < 200; i++) {
      const std::string said = key + ":" + std::to_string(i);
      const outcome echoed = core.command({"ECHO", said});
      // A connection the proxy has only now closed may take reads with it, not turn them around.
      if (echoed.status == CACHECORE_OK && echoed.answer != said) came.wrong++;
    }
    const int64_t there = integer_of(core.command({"GET", key}).answer);
    if (came.wrong != 0 || there < came.applied || there > came.applied + came.uncertain) {
      print_error("%s: wrong %lld, applied %lld, uncertain %lld, there %lld\n", each.name,
                  static_cast<long long>(came.wrong), static_cast<long long>(came.applied),
                  static_cast<long long>(came.uncertain), static_cast<long long>(there));
    }
    assert_int_equal(came.wrong, 0);
    assert_true(there >= came.applied && there <= came.applied + came.uncertain);
  }
}

void reads(void **) {
  run_cells([](const redis_core &core, const std::string &key, int number, tally &out) {
    const std::string said = key + " says " + std::to_string(number);
    const outcome came = core.command({"ECHO", said}, patience_ms);
    out.count(came, came.answer == said, 0);
    assert_true(came.status != CACHECORE_UNCERTAIN);
  });
}

void changes(void **) {
  run_cells([](const redis_core &core, const std::string &key, int, tally &out) {
    const outcome came = core.command({"INCR", key}, patience_ms);
    out.count(came, integer_of(came.answer) > 0, 1);
  });
}

void pipelines(void **) {
  run_cells([](const redis_core &core, const std::string &key, int number, tally &out) {
    const std::string said = std::to_string(number);
    const outcome came = core.pipeline({{"INCR", key}, {"ECHO", said}, {"INCR", key}}, patience_ms);
    const size_t at = came.answer.find(", " + said + ", ");
    out.count(came, at != std::string::npos, 2);
  });
}

void transactions(void **) {
  run_cells([](const redis_core &core, const std::string &key, int number, tally &out) {
    const std::string said = std::to_string(number);
    std::vector<cachecore_value> words = {cachecore_text("INCR"), cachecore_bytes(key.data(), key.size())};
    std::vector<cachecore_value> echo = {cachecore_text("ECHO"), cachecore_bytes(said.data(), said.size())};
    const cachecore_value commands[] = {cachecore_list(words.data(), 2), cachecore_list(echo.data(), 2),
                                        cachecore_list(words.data(), 2)};
    const outcome came = core.call("redis.transaction", {cachecore_list(commands, 3)}, patience_ms);
    out.count(came, came.answer.find(", " + said + ", ") != std::string::npos, 2);
  });
}

void scripts(void **) {
  run_cells([](const redis_core &core, const std::string &key, int, tally &out) {
    const cachecore_value keys = cachecore_bytes(key.data(), key.size());
    const outcome came = core.call(
        "redis.script", {cachecore_text("return redis.call('incr', KEYS[1])"), cachecore_list(&keys, 1)}, patience_ms);
    out.count(came, integer_of(came.answer) > 0, 1);
  });
}

// A blocking command has a connection of its own; what it pops is counted as a change.
void exclusive_connections(void **) {
  run_cells([](const redis_core &core, const std::string &key, int number, tally &out) {
    // One for each call: what became uncertain may still pop when the next call is under way.
    const std::string list = key + ":list:" + std::to_string(number);
    free(test_command_text(line->server, "RPUSH %s x", list.c_str()));
    const outcome came = core.command({"BLPOP", list, "0.05"}, patience_ms);
    tally popped;
    popped.count(came, came.answer == "nil" || came.answer == "[" + list + ", x]", 0);
    out.wrong += popped.wrong;
    const int64_t left = test_command_integer(line->server, "LLEN %s", list.c_str());
    // Gone without an answer is UNCERTAIN, and never OK without the element.
    if (came.status == CACHECORE_OK && came.answer == "nil" && left == 0) out.wrong++;
    if (came.status != CACHECORE_OK && came.status != CACHECORE_UNCERTAIN && left == 0) out.wrong++;
    free(test_command_text(line->server, "DEL %s", list.c_str()));
  });
}

// Submitted operations, some cancelled on their way: each completes once.
void operations(void **) {
  run_cells([](const redis_core &core, const std::string &key, int number, tally &out) {
    cachecore_completions *queue = nullptr;
    const cachecore_method *method = nullptr;
    cachecore_error error;
    assert_int_equal(cachecore_completions_create(core.handle(), &queue, &error), CACHECORE_OK);
    assert_int_equal(cachecore_method_find(core.handle(), "redis.command", &method, &error), CACHECORE_OK);
    const cachecore_value words[] = {cachecore_text("INCR"), cachecore_bytes(key.data(), key.size())};
    const cachecore_value arg = cachecore_list(words, 2);
    constexpr uint64_t count = 20;
    for (uint64_t i = 0; i < count; i++) {
      uint64_t operation = 0;
      assert_int_equal(cachecore_submit(core.handle(), method, &arg, 1, patience_ms, queue, i, &operation, &error),
                       CACHECORE_OK);
      if (i % 5 == static_cast<uint64_t>(number)) cachecore_cancel(core.handle(), operation, &error);
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
      out.count(came, true, 1);
      cachecore_result_free(each.result);
      done++;
    }
    for (const int times : completed) assert_int_equal(times, 1);
    cachecore_completions_destroy(queue);
  });
}

// A subscription says when it was deaf, and hears again.
void subscriptions(void **) {
  int cell = 0;
  for (const fault &each : all_faults()) {
    test_proxy_clear(line->proxy);
    const std::string channel = "channel" + std::to_string(cell++);
    const redis_core core(test_proxy_tcp_url(line->proxy), R"({"connect_timeout_ms": 300})", 1'000);
    listener heard(core, {channel});
    (void)heard.next_with("subscribed");
    each.begin(line->proxy);
    free(test_command_text(line->server, "PUBLISH %s under-fault", channel.c_str()));
    test_proxy_clear(line->proxy);
    test_proxy_disconnect(line->proxy);
    const std::string deaf = heard.next_with("deaf");
    assert_true(deaf.find("reason") != std::string::npos);
    (void)heard.next_with("subscribed");
    free(test_command_text(line->server, "PUBLISH %s afterwards", channel.c_str()));
    (void)heard.next_with("afterwards");
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
