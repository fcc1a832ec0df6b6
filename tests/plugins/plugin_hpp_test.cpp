// plugin.hpp over a fake host: tasks, requests, values, tables, parking, and how a method ends.

#include <cachecore/plugin.hpp>

#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "fake_host.h"
#include "tests/support/unit.h"

using namespace cachecore::plugin;

namespace {

constexpr char take_source[] = "take";
constexpr cachecore_script take_script{sizeof(cachecore_script), take_source, sizeof(take_source) - 1};

class sample {
 public:
  sample(host &host, const value &config) : host_(host) {
    const value limit = config.pairs()["limit"];
    if (limit.is(CACHECORE_INT) && limit.as_int() > 10)
      throw error(CACHECORE_INVALID_ARGUMENT, "limit must be at most 10");
    if (limit.is(CACHECORE_BOOL)) throw std::runtime_error("a fault");
    if (limit.is(CACHECORE_DOUBLE)) throw std::bad_alloc();
    live++;
  }
  ~sample() { live--; }
  static inline int live = 0;

  // ---- answers

  task<int64_t> same(call &, int64_t number) { co_return number; }
  task<value> echo(call &, value anything) { co_return anything; }
  task<value> echo_later(call &call, value anything) {
    co_await call.sleep(1);
    co_return anything;
  }
  task<void> nothing_at_all(call &) { co_return; }
  task<value> missing(call &) { co_return not_found; }
  task<value> missing_below(call &call) { co_return co_await missing(call); }

  task<value> arguments(call &call, std::string_view text, int64_t number, double real, bool truth, list_view list,
                        map_view map, std::optional<std::string_view> some_text, std::optional<int64_t> some_number) {
    value total = static_cast<int64_t>(list.size() + map.size());
    co_return call.list({text, number, real, truth, total, map["a"], some_text, some_number});
  }

  task<value> break_down(call &call, std::string_view how) {
    if (how == "error") throw error(CACHECORE_CONFLICT, "the key changed");
    if (how == "memory") throw std::bad_alloc();
    if (how == "exception") throw std::runtime_error("a fault");
    if (how == "int") throw 7;
    if (how == "kind") co_return value("text").as_int();
    co_return co_await call.redis("FAIL", how);
  }

  task<value> caught(call &call) {
    try {
      co_await break_down(call, "error");
    } catch (const error &failed) {
      co_return call.copy(std::string(failed.message()) + " and was caught");
    }
    co_return "not reached";
  }

  // ---- requests

  task<value> words(call &call, std::string_view key, std::optional<int64_t> ttl_ms) {
    const std::string owned = "owned";
    const char *literal = "literal";
    co_await call.redis("SET", key, std::string("temporary"), owned, literal, 7, size_t{8}, 2.5, value("v"));
    auto set = call.words("SET", key, std::string("kept"));
    if (ttl_ms) set.add("PX", *ttl_ms);
    co_await call.redis(set);
    set.clear();
    set.add("PING");
    co_await call.redis_words(set.all());
    co_await call.redis("GET", key).read();
    co_await call.redis("SET", key).idempotent().isolated();
    co_await call.each_node("DBSIZE");
    co_await call.on_node(2, "DBSIZE").isolated();
    co_await call.script(take_script, keys("a", "b"), 1, "x").read();
    co_await call.script(take_script, keys());
    const value some_keys[] = {"a"};
    co_await call.script_words(take_script, some_keys, set.all()).idempotent();
    co_return nullptr;
  }

  task<value> batches(call &call) {
    auto batch = call.pipeline();
    for (int64_t i = 0; i < 40; i++) batch.add("SET", std::to_string(i), i);
    (void)co_await batch;
    batch.clear();
    auto get = call.words("GET", "a");
    batch.add(get).add("GET", "b").idempotent();
    const value second = co_await batch;
    second.items()[0].or_throw();
    co_await call.transaction().add("INCR", "a").add("EXPIRE", "a", 1);
    co_return second.items()[1].or_throw();
  }

  task<int64_t> lease(call &call, std::string_view how) {
    auto connection = co_await call.lease("key");
    co_await connection.redis("WATCH", "key");
    const value replies = co_await connection.commands().add("MULTI").add("EXEC");
    if (how == "throw") throw error(CACHECORE_CONFLICT, "gone");
    if (how == "clean") connection.release();
    co_return static_cast<int64_t>(replies.items().size());
  }

  task<value> together(call &call) {
    auto [a, b, slept, child, found] =
        co_await all(call.redis("GET", "a"), call.redis("GET", std::string("b")).idempotent(), call.sleep(5),
                     length(call, "c"), call.method(method_, 1, "x"));
    static_assert(std::is_same_v<decltype(slept), nothing>);
    co_return call.list({a, b, child, found});
  }

  task<value> many(call &call, int64_t count) {
    std::vector<task<int64_t>> tasks;
    tasks.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; i++) tasks.push_back(length(call, call.key(i)));
    int64_t total = 0;
    for (const int64_t one : co_await all(std::move(tasks))) total += one;
    co_return total;
  }

  task<value> at_once(call &call) {
    auto [one, two] = co_await all(same(call, 1), same(call, 2));
    co_return call.list({one, two});
  }

  task<int64_t> length(call &call, std::string_view key) { co_return (co_await call.redis("STRLEN", key)).as_int(); }

  task<int64_t> loop(call &call, int64_t times) {
    int64_t total = 0;
    for (int64_t i = 0; i < times; i++) {
      const auto reply = co_await call.redis("GET", "n");
      total += co_await same(call, reply.as_int());
      call.forget(reply);
    }
    co_return total;
  }

  task<value> other(call &call, std::string_view name) {
    const std::optional<reply> found =
        co_await call.method(host_.find(std::string(name).c_str()), "a", 2, std::optional<int64_t>());
    if (!found) co_return "nothing";
    co_return *found;
  }

  task<value> json(call &call, std::string_view text) {
    const value decoded = call.decode_json(text);
    co_return call.encode_json(decoded);
  }

  task<value> build(call &call, std::string_view part) {
    std::span<value> items = call.array(2);
    items[0] = call.copy(part.substr(1));
    items[1] = value(call.key("user:", 7, std::string(":"), part));
    std::string local = "local";
    co_return call.map(
        {{"state", "hit"}, {"age", 5}, {"items", value(std::span<const value>(items))}, {"copy", call.copy(local)}});
  }

  task<value> times(call &call) {
    co_return call.list({call.remaining_ms(), int64_t{call.given_up()}, host_.now_ms()});
  }

  // ---- streams

  task<void> listen(call &call) {
    auto messages = call.subscribe("a", "b");
    for (;;) {
      const message heard = co_await messages.next();
      if (heard.kind() == "message") call.emit_map({{"channel", heard.channel()}, {"payload", heard.payload()}});
      if (heard.kind() == "slow") co_await call.sleep(1);
    }
  }

  // ---- parking

  task<value> wait(call &call) {
    std::unique_lock lock(mutex_);
    const woken<int64_t> given = co_await line_.wait(call, lock);
    if (lock.owns_lock()) throw error(CACHECORE_INTERNAL, "the lock was held while waiting");
    co_return call.list({given.grant, given.payload});
  }
  task<value> wake(call &, int64_t grant) {
    const std::lock_guard lock(mutex_);
    co_return line_.wake_one(grant, "payload");
  }
  task<value> wake_all(call &) {
    const std::lock_guard lock(mutex_);
    co_return line_.wake_all(9);
  }

  task<void> give_back(call &call, value granted) { co_await call.redis("UNDO", granted.pairs()["lock"]); }

  task<void> background(call &call) {
    co_await call.sleep(1000);
    host_.log(severity::info, "ran");
  }
  task<void> begin(call &) {
    host_.spawn<&sample::background>("sample.background");
    co_return;
  }

 private:
  host &host_;
  const cachecore_method *method_ = host_.find("other.method");
  std::mutex mutex_;
  parking_lot<int64_t> line_;
};

constexpr about sample_about{
    .name = "sample", .version = "1.2.3", .license = "MIT", .summary = "For tests.", .needs = {"redis/1", "kv"}};

constexpr auto option_fields = spec::fields(spec::count("limit").kinds(spec::an_int).at_least(1).by_default(5),
                                            spec::text("mode").kinds(spec::some_bytes).optional());

constexpr auto sample_config = spec::fields(spec::any("limit", "At most 10.").optional(),
                                            spec::text("password").kinds(spec::some_bytes).optional().secret());

constexpr auto sample_methods = spec::declare(
    spec::method<&sample::same>("same", "Answers its argument.", "INT", spec::read_only, spec::count("number")),
    spec::method<&sample::echo>("echo", "", "", spec::none, spec::any("anything").optional()),
    spec::method<&sample::echo>("echo_borrowed", "", "", spec::borrows_arguments, spec::any("anything").optional()),
    spec::method<&sample::echo_later>("echo_later", "", "", spec::none, spec::any("anything").optional()),
    spec::method<&sample::nothing_at_all>("nothing_at_all", "", "", spec::none),
    spec::method<&sample::missing>("missing", "", "", spec::none),
    spec::method<&sample::missing_below>("missing_below", "", "", spec::none),
    spec::method<&sample::arguments>(
        "arguments", "Takes every type.", "LIST", spec::none, spec::text("text").at_least(1),
        spec::duration("number").wait(), spec::any("real").by_default(0.5), spec::any("truth").by_default(false),
        spec::any("list"), spec::any("map", "Options.").optional().with_fields<option_fields>(),
        spec::key("some_text", "A key."), spec::timestamp("some_number").at_least(-1)),
    spec::method<&sample::break_down>("fail", "", "", spec::none, spec::text("how")),
    spec::method<&sample::caught>("caught", "", "", spec::none),
    spec::method<&sample::words>("words", "", "", spec::none, spec::key("key"), spec::duration("ttl_ms")),
    spec::method<&sample::batches>("batches", "", "", spec::none),
    spec::method<&sample::lease>("lease", "", "", spec::none, spec::text("how")),
    spec::method<&sample::together>("together", "", "", spec::none),
    spec::method<&sample::many>("many", "", "", spec::none, spec::count("count")),
    spec::method<&sample::at_once>("at_once", "", "", spec::none),
    spec::method<&sample::loop>("loop", "", "", spec::none, spec::count("times")),
    spec::method<&sample::other>("other", "", "", spec::none, spec::text("name")),
    spec::method<&sample::json>("json", "", "", spec::none, spec::text("text")),
    spec::method<&sample::build>("build", "", "", spec::none, spec::text("part")),
    spec::method<&sample::times>("times", "", "", spec::none),
    spec::method<&sample::listen>("listen", "", "", spec::streaming | spec::read_only),
    spec::method<&sample::wait>("wait", "", "", spec::none).undone_by<&sample::give_back>(),
    spec::method<&sample::wake>("wake", "", "", spec::none, spec::count("grant")),
    spec::method<&sample::wake_all>("wake_all", "", "", spec::none),
    spec::method<&sample::begin>("begin", "", "", spec::none));

}  // namespace

CACHECORE_PLUGIN(sample, sample_about, sample_methods, sample_config)

namespace {

// A host with an instance, whose invocations each ended exactly once and left nobody parked.
class fixture : public fake::host {
 public:
  explicit fixture(const char *prefix = "") : host(cachecore_plugin_entry_v1(), prefix) {
    assert_int_equal(create(), CACHECORE_OK);
  }
  void finish() {
    run();
    for (const auto &invocation : invocations) assert_int_equal(invocation->ended, 1);
    assert_int_equal(parked_alive, 0);
  }
};

cachecore_value text(const char *bytes) { return cachecore_text(bytes); }

void assert_text(const std::string &actual, const char *expected) { assert_string_equal(actual.c_str(), expected); }

void answers_at_once(void **) {
  fixture host;
  cachecore_invocation &same = host.start("same", {cachecore_int(INT64_MIN)});
  assert_int_equal(same.ended, 1);
  assert_text(same.answer, "-9223372036854775808");
  // One for the call, one for its coroutine.
  assert_int_equal(same.allocations, 2);
  assert_text(host.start("nothing_at_all", {}).answer, "nil");
  host.finish();
}

void answers_not_found(void **) {
  fixture host;
  for (const char *method : {"missing", "missing_below"}) {
    const cachecore_invocation &ended = host.call(method);
    assert_int_equal(ended.status, CACHECORE_NOT_FOUND);
    assert_text(ended.message, "");
  }
  host.finish();
}

void adopts_unless_arguments_are_borrowed(void **) {
  fixture host;
  assert_int_equal(host.call("echo", {text("kept")}).flags, CACHECORE_COMPLETE_ADOPT);
  const cachecore_invocation &borrowed = host.call("echo_borrowed", {text("borrowed")});
  assert_int_equal(borrowed.flags, 0);
  assert_text(borrowed.answer, "borrowed");
  const cachecore_invocation &later = host.call("echo_later", {text("later")});
  assert_int_equal(later.flags, CACHECORE_COMPLETE_ADOPT);
  assert_text(later.answer, "later");
  host.finish();
}

void converts_arguments(void **) {
  fixture host;
  const cachecore_value items[] = {cachecore_int(1), cachecore_int(2)};
  const cachecore_pair pairs[] = {{text("a"), cachecore_int(5)}};
  assert_text(host.call("arguments", {text("t"), cachecore_int(3), cachecore_int(4), cachecore_bool(1),
                                      cachecore_list(items, 2), cachecore_map(pairs, 1), text("s"), cachecore_int(6)})
                  .answer,
              "[t, 3, 4., true, 3, 5, s, 6]");
  assert_text(host.call("arguments", {text(""), cachecore_int(3), cachecore_double(0.5), cachecore_bool(0),
                                      cachecore_list(nullptr, 0), cachecore_nil(), cachecore_nil(), cachecore_nil()})
                  .answer,
              "[, 3, 0.5, false, 0, nil, nil, nil]");
  host.finish();
}

void turns_exceptions_into_statuses(void **) {
  fixture host;
  const struct {
    const char *how;
    cachecore_status status;
    const char *message;
  } cases[] = {
      {"error", CACHECORE_CONFLICT, "the key changed"},
      {"memory", CACHECORE_NO_MEMORY, "out of memory"},
      {"exception", CACHECORE_INTERNAL, "a fault"},
      {"int", CACHECORE_INTERNAL, "the plugin threw something that is no std::exception"},
      {"kind", CACHECORE_CORRUPT, "expected int, found bytes"},
  };
  for (const auto &expected : cases) {
    const cachecore_invocation &ended = host.call("fail", {text(expected.how)});
    assert_int_equal(ended.status, expected.status);
    assert_text(ended.message, expected.message);
    assert_false(ended.passed_on);
  }
  host.answers["FAIL server"].push_back(fake::failed(CACHECORE_REJECTED, "WRONGTYPE no", "WRONGTYPE"));
  const cachecore_invocation &rejected = host.call("fail", {text("server")});
  assert_int_equal(rejected.status, CACHECORE_REJECTED);
  assert_text(rejected.message, "WRONGTYPE no");
  assert_text(rejected.server_code, "WRONGTYPE");
  assert_true(rejected.passed_on);
  assert_text(host.call("caught").answer, "the key changed and was caught");
  host.finish();
}

void reports_lack_of_memory(void **) {
  fixture host;
  for (size_t allocations = 0; allocations < 2; allocations++) {
    const cachecore_invocation &ended = host.start("same", {cachecore_int(1)}, allocations);
    assert_int_equal(ended.ended, 1);
    assert_int_equal(ended.status, CACHECORE_NO_MEMORY);
  }
  assert_int_equal(host.start("build", {text("part")}, 3).status, CACHECORE_NO_MEMORY);
  host.finish();
}

void sends_words_as_given(void **) {
  fixture host;
  host.call("words", {text("k"), cachecore_int(100)});
  const char *expected[] = {"SET k temporary owned literal 7 8 2.5 v",
                            "SET k kept PX 100",
                            "PING",
                            "GET k +read",
                            "SET k +idempotent +isolated",
                            "each: DBSIZE",
                            "node 2: DBSIZE +isolated",
                            "take (a b) (1 x) +read",
                            "take () ()",
                            "take (a) (PING) +idempotent"};
  assert_int_equal(host.requests.size(), sizeof(expected) / sizeof(expected[0]));
  for (size_t i = 0; i < host.requests.size(); i++) assert_text(host.requests[i], expected[i]);
  host.requests.clear();
  host.call("words", {text("k"), cachecore_nil()});
  assert_text(host.requests[1], "SET k kept");
  host.finish();
}

void sends_batches(void **) {
  fixture host;
  static const cachecore_value fine[] = {cachecore_text("A"), cachecore_text("B")};
  host.answers["GET a; GET b +idempotent"].push_back(fake::ok(cachecore_list(fine, 2)));
  assert_text(host.call("batches").answer, "B");
  assert_int_equal(host.requests[0].find("SET 0 0; SET 1 1; "), 0);
  assert_true(host.requests[0].ends_with("SET 39 39"));
  assert_text(host.requests[2], "MULTI: INCR a; EXPIRE a 1");

  static cachecore_value failing[] = {cachecore_text("A"), cachecore_text("WRONGTYPE no")};
  failing[1].kind = CACHECORE_ERROR;
  failing[1].reserved = CACHECORE_REJECTED;
  host.answers["GET a; GET b +idempotent"].push_back(fake::ok(cachecore_list(failing, 2)));
  const cachecore_invocation &failed = host.call("batches");
  assert_int_equal(failed.status, CACHECORE_REJECTED);
  assert_text(failed.message, "WRONGTYPE no");
  assert_text(failed.server_code, "WRONGTYPE");
  host.finish();
}

void gives_leases_back(void **) {
  fixture host;
  static const cachecore_value one[] = {cachecore_text("OK")};
  static const cachecore_value two[] = {cachecore_text("OK"), cachecore_nil()};
  for (const char *how : {"clean", "forgotten", "throw"}) {
    host.answers["lease key"].push_back(fake::ok(cachecore_int(3)));
    host.answers["on 3: WATCH key"].push_back(fake::ok(cachecore_list(one, 1)));
    host.answers["on 3: MULTI; EXEC"].push_back(fake::ok(cachecore_list(two, 2)));
    const cachecore_invocation &ended = host.call("lease", {text(how)});
    assert_int_equal(ended.status, std::strcmp(how, "throw") == 0 ? CACHECORE_CONFLICT : CACHECORE_OK);
    assert_text(host.requests.back(), std::strcmp(how, "clean") == 0 ? "release 3 clean" : "release 3 unclean");
    assert_int_equal(std::count(host.requests.begin(), host.requests.end(), host.requests.back()),
                     std::strcmp(how, "throw") == 0 ? 2 : 1);
  }
  host.finish();
}

void begins_requests_together(void **) {
  fixture host;
  host.answers["GET a"].push_back(fake::ok(text("A")));
  host.answers["GET b +idempotent"].push_back(fake::ok(text("B")));
  host.answers["STRLEN c"].push_back(fake::ok(cachecore_int(3)));
  host.answers["other.method(1 x)"].push_back(fake::failed(CACHECORE_NOT_FOUND, ""));
  const cachecore_invocation &begun = host.start("together", {});
  assert_int_equal(host.requests.size(), 5);
  host.run();
  assert_text(begun.answer, "[A, B, 3, nil]");

  // The first failure is reported once all have arrived.
  host.answers["GET b +idempotent"].push_back(fake::failed(CACHECORE_REJECTED, "ERR b", "ERR"));
  host.answers["STRLEN c"].push_back(fake::failed(CACHECORE_UNAVAILABLE, "c"));
  assert_text(host.call("together").message, "ERR b");

  for (int64_t i = 0; i < 20; i++) host.answers["STRLEN " + std::to_string(i)].push_back(fake::ok(cachecore_int(i)));
  assert_text(host.call("many", {cachecore_int(20)}).answer, "190");
  assert_text(host.call("many", {cachecore_int(0)}).answer, "0");
  assert_text(host.call("at_once").answer, "[1, 2]");
  host.finish();
}

void loops_in_bounded_memory(void **) {
  fixture host;
  for (int i = 0; i < 1010; i++) host.answers["GET n"].push_back(fake::ok(cachecore_int(2)));
  const size_t few = host.call("loop", {cachecore_int(10)}).allocations;
  const cachecore_invocation &many = host.call("loop", {cachecore_int(1000)});
  assert_text(many.answer, "2000");
  assert_int_equal(many.allocations, few);
  assert_int_equal(many.forgotten, 1000);
  host.finish();
}

void calls_other_methods(void **) {
  fixture host;
  host.answers["kv.get(a 2 nil)"].push_back(fake::ok(text("found")));
  host.answers["kv.get(a 2 nil)"].push_back(fake::failed(CACHECORE_NOT_FOUND, ""));
  host.answers["kv.get(a 2 nil)"].push_back(fake::failed(CACHECORE_TIMEOUT, "kv.get: late"));
  assert_text(host.call("other", {text("kv.get")}).answer, "found");
  assert_text(host.call("other", {text("kv.get")}).answer, "nothing");
  const cachecore_invocation &late = host.call("other", {text("kv.get")});
  assert_int_equal(late.status, CACHECORE_TIMEOUT);
  assert_true(late.passed_on);
  assert_int_equal(host.call("other", {text("no.method")}).status, CACHECORE_NO_METHOD);
  host.finish();
}

void builds_answers(void **) {
  fixture host("app:");
  assert_text(host.call("build", {text("part")}).answer,
              "{state: hit, age: 5, items: [art, app:user:7:part], copy: local}");
  assert_text(host.call("json", {text("json x")}).answer, "json x");
  assert_int_equal(host.call("json", {text("x")}).status, CACHECORE_INVALID_ARGUMENT);
  assert_text(host.call("times").answer, "[1234, 0, 42]");
  host.finish();
}

cachecore_value message_of(const char *kind, const char *payload) {
  static std::deque<std::array<cachecore_pair, 3>> kept;
  kept.push_back({{{text("kind"), text(kind)}, {text("channel"), text("a")}, {text("payload"), text(payload)}}});
  return cachecore_map(kept.back().data(), 3);
}

void reads_messages_in_order(void **) {
  fixture host;
  cachecore_invocation &stream = host.start("listen", {});
  assert_text(host.requests[0], "subscribe a b");
  host.send(fake::ok(message_of("subscribed", "")));
  host.run();
  // While the method is busy with the first, others come.
  host.send(fake::ok(message_of("slow", "")));
  for (const char *payload : {"1", "2", "3"}) host.send(fake::ok(message_of("message", payload)));
  host.run();
  host.send(fake::ok(message_of("message", "4")));
  host.send(fake::failed(CACHECORE_CANCELLED, "cancelled"));
  host.run();
  assert_int_equal(stream.items.size(), 4);
  for (size_t i = 0; i < 4; i++)
    assert_text(stream.items[i], ("{channel: a, payload: " + std::to_string(i + 1) + "}").c_str());
  assert_int_equal(stream.status, CACHECORE_CANCELLED);
  assert_int_equal(stream.forgotten, 6);
  host.finish();
}

void reuses_memory_of_messages(void **) {
  fixture host;
  cachecore_invocation &stream = host.start("listen", {});
  host.send(fake::ok(message_of("other", "")));
  host.run();
  const size_t allocations = stream.allocations;
  for (int i = 0; i < 1000; i++) {
    host.send(fake::ok(message_of("other", "")));
    host.run();
  }
  assert_int_equal(stream.allocations, allocations);
  assert_int_equal(stream.replies.size(), 0);
  host.send(fake::failed(CACHECORE_CLOSED, "closed"));
  host.finish();
}

void wakes_who_waited_longest(void **) {
  fixture host;
  const cachecore_invocation &first = host.call("wait");
  const cachecore_invocation &second = host.call("wait");
  assert_text(host.call("wake", {cachecore_int(1)}).answer, "true");
  assert_text(first.answer, "[1, payload]");
  assert_int_equal(second.ended, 0);
  assert_text(host.call("wake", {cachecore_int(2)}).answer, "true");
  assert_text(second.answer, "[2, payload]");
  assert_text(host.call("wake", {cachecore_int(3)}).answer, "false");

  host.call("wait");
  host.call("wait");
  assert_text(host.call("wake_all").answer, "2");
  host.finish();
}

void leaves_the_line_when_given_up(void **) {
  fixture host;
  cachecore_invocation &first = host.call("wait");
  cachecore_invocation &second = host.call("wait");
  const cachecore_invocation &third = host.call("wait");
  host.give_up(second, CACHECORE_TIMEOUT);
  host.run();
  assert_int_equal(second.status, CACHECORE_TIMEOUT);
  host.give_up(first, CACHECORE_CANCELLED);
  host.run();
  assert_int_equal(first.status, CACHECORE_CANCELLED);
  host.call("wake", {cachecore_int(3)});
  assert_text(third.answer, "[3, payload]");
  host.finish();
}

void keeps_a_grant_that_met_a_give_up(void **) {
  fixture host;
  // Given up first, but woken before it knows.
  cachecore_invocation &waiting = host.call("wait");
  host.give_up(waiting, CACHECORE_TIMEOUT);
  host.start("wake", {cachecore_int(7)});
  host.run();
  assert_int_equal(waiting.status, CACHECORE_OK);
  assert_text(waiting.answer, "[7, nil]");
  host.finish();
}

// A core without memory for a wait ends it at once, inside the function that was to begin it.
void survives_answers_that_come_at_once(void **) {
  fixture host;
  host.waits_fail = true;
  for (const char *method : {"together", "batches", "begin"}) {
    const cachecore_invocation &ended = host.start(method, {});
    if (std::strcmp(method, "begin") != 0) assert_int_equal(ended.status, CACHECORE_NO_MEMORY);
  }
  assert_int_equal(host.start("loop", {cachecore_int(5)}).status, CACHECORE_NO_MEMORY);
  assert_int_equal(host.start("lease", {text("clean")}).status, CACHECORE_NO_MEMORY);
  assert_int_equal(host.start("many", {cachecore_int(3)}).status, CACHECORE_NO_MEMORY);
  host.finish();
}

void fails_when_it_cannot_park(void **) {
  fixture host;
  host.parking_fails = true;
  assert_int_equal(host.call("wait").status, CACHECORE_NO_MEMORY);
  assert_text(host.call("wake", {cachecore_int(7)}).answer, "false");
  host.finish();
}

void undoes(void **) {
  fixture host;
  const cachecore_pair pairs[] = {{text("lock"), text("name")}};
  host.undo("wait", cachecore_map(pairs, 1));
  assert_text(host.requests[0], "UNDO name");
  host.finish();
}

void spawns(void **) {
  fixture host;
  host.call("begin");
  assert_text(host.requests[0], "spawn sample.background");
  assert_text(host.requests[1], "sleep 1000");
  assert_text(host.logged[0], "ran");
  host.finish();
}

void reports_why_create_failed(void **) {
  const struct {
    cachecore_value limit;
    cachecore_status status;
    const char *message;
  } cases[] = {
      {cachecore_int(11), CACHECORE_INVALID_ARGUMENT, "limit must be at most 10"},
      {cachecore_bool(1), CACHECORE_INTERNAL, "a fault"},
      {cachecore_double(1), CACHECORE_NO_MEMORY, "out of memory"},
      {cachecore_int(10), CACHECORE_OK, ""},
  };
  for (const auto &expected : cases) {
    const cachecore_pair pairs[] = {{text("limit"), expected.limit}};
    fake::host host(cachecore_plugin_entry_v1());
    assert_int_equal(host.create(cachecore_map(pairs, 1)), expected.status);
    assert_int_equal(host.create_error.status, expected.status);
    assert_string_equal(host.create_error.message, expected.message);
    assert_int_equal(sample::live, expected.status == CACHECORE_OK ? 1 : 0);
  }
  assert_int_equal(sample::live, 0);
}

const cachecore_method_spec &method(const char *name) {
  const cachecore_method_spec *const *spec = cachecore_plugin_entry_v1()->methods;
  while (std::strcmp((*spec)->name, name) != 0) spec++;
  return **spec;
}

void describes_itself(void **) {
  const cachecore_plugin &plugin = *cachecore_plugin_entry_v1();
  assert_int_equal(plugin.struct_size, sizeof(cachecore_plugin));
  assert_int_equal(plugin.abi_major, CACHECORE_PLUGIN_ABI_MAJOR);
  assert_string_equal(plugin.name, "sample");
  assert_string_equal(plugin.version, "1.2.3");
  assert_string_equal(plugin.license, "MIT");
  assert_string_equal(plugin.summary, "For tests.");
  assert_string_equal(plugin.needs[0], "redis/1");
  assert_string_equal(plugin.needs[1], "kv");
  assert_null(plugin.needs[2]);
  assert_null(plugin.reset);

  assert_string_equal(plugin.config[0]->name, "limit");
  assert_int_equal(plugin.config[0]->kinds, 0);
  assert_int_equal(plugin.config[1]->flags, CACHECORE_PARAMETER_OPTIONAL | CACHECORE_PARAMETER_SECRET);
  assert_null(plugin.config[2]);

  const cachecore_method_spec &same = method("same");
  assert_int_equal(same.struct_size, sizeof(cachecore_method_spec));
  assert_string_equal(same.doc, "Answers its argument.");
  assert_string_equal(same.returns, "INT");
  assert_int_equal(same.flags, CACHECORE_METHOD_READ_ONLY);
  assert_null(same.undo);
  assert_non_null(method("wait").undo);
  assert_null(method("wait").parameters[0]);

  const struct {
    const char *name;
    const char *doc;
    uint32_t kinds;
    uint32_t meaning;
    uint32_t flags;
    const char *standard;
    const char *minimum;
  } expected[] = {
      {"text", "", spec::some_bytes, CACHECORE_MEANING_TEXT, 0, nullptr, "1"},
      {"number", "", spec::an_int, CACHECORE_MEANING_DURATION, CACHECORE_PARAMETER_WAIT, nullptr, nullptr},
      {"real", "", spec::an_int | spec::a_double, CACHECORE_MEANING_NONE, CACHECORE_PARAMETER_OPTIONAL, "0.5", nullptr},
      {"truth", "", spec::a_bool, CACHECORE_MEANING_NONE, CACHECORE_PARAMETER_OPTIONAL, "false", nullptr},
      {"list", "", spec::a_list, CACHECORE_MEANING_NONE, 0, nullptr, nullptr},
      {"map", "Options.", spec::a_map, CACHECORE_MEANING_NONE, CACHECORE_PARAMETER_OPTIONAL, nullptr, nullptr},
      {"some_text", "A key.", spec::some_bytes, CACHECORE_MEANING_KEY, CACHECORE_PARAMETER_OPTIONAL, nullptr, nullptr},
      {"some_number", "", spec::an_int, CACHECORE_MEANING_TIMESTAMP, CACHECORE_PARAMETER_OPTIONAL, nullptr, "-1"},
  };
  std::vector<const cachecore_parameter_spec *> parameters;
  for (auto *each = method("arguments").parameters; *each != nullptr; each++) parameters.push_back(*each);
  assert_int_equal(parameters.size(), std::size(expected));
  for (size_t i = 0; i < parameters.size(); i++) {
    const auto &want = expected[i];
    const cachecore_parameter_spec &have = *parameters[i];
    assert_int_equal(have.struct_size, sizeof(cachecore_parameter_spec));
    assert_string_equal(have.name, want.name);
    assert_string_equal(have.doc, want.doc);
    assert_int_equal(have.kinds, want.kinds);
    assert_int_equal(have.meaning, want.meaning);
    assert_int_equal(have.flags, want.flags);
    assert_text(have.default_value == nullptr ? "-" : show(*have.default_value),
                want.standard == nullptr ? "-" : want.standard);
    assert_text(have.minimum == nullptr ? "-" : show(*have.minimum), want.minimum == nullptr ? "-" : want.minimum);
  }

  const cachecore_parameter_spec *const *fields = method("arguments").parameters[5]->fields;
  assert_string_equal(fields[0]->name, "limit");
  assert_int_equal(fields[0]->default_value->as.integer, 5);
  assert_int_equal(fields[0]->minimum->as.integer, 1);
  assert_string_equal(fields[1]->name, "mode");
  assert_null(fields[2]);
}

void reads_values(void **) {
  const value flat[] = {"a", 1, "b", value(2.5)};
  const value map = value(std::span<const value>(flat)).paired();
  assert_int_equal(map.pairs().size(), 2);
  assert_int_equal(map.pairs()["a"].as_int(), 1);
  assert_true(map.pairs()["b"].as_double() == 2.5);
  assert_null(map.pairs().find("c"));
  assert_true(map.pairs()["c"].is_nil());
  assert_int_equal(map.paired().pairs().size(), 2);

  assert_int_equal(value("-42").parsed_int(), -42);
  assert_int_equal(value(42).parsed_int(), 42);
  for (const char *wrong : {"", "4x", "9223372036854775808", "1.0"}) {
    cachecore_status status = CACHECORE_OK;
    try {
      (void)value(wrong).parsed_int();
    } catch (const error &failed) {
      status = failed.status();
    }
    assert_int_equal(status, CACHECORE_CORRUPT);
  }
  assert_true(value(true).as_bool());
  assert_int_equal(value(true).kind, CACHECORE_BOOL);
  assert_true(value(static_cast<const char *>(nullptr)).is_nil());
  assert_true(value(std::optional<int64_t>()).is_nil());
  assert_int_equal(value('a' == 'a' ? 1u : 2u).as_int(), 1);
}

void cuts_messages_at_whole_characters(void **) {
  const std::string text = std::string(478, 'x') + "\xc3\xa9";
  assert_int_equal(error(CACHECORE_INTERNAL, text).message().size(), 478);
  assert_int_equal(error(CACHECORE_INTERNAL, text.substr(1)).message().size(), 479);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(answers_at_once),
      cmocka_unit_test(answers_not_found),
      cmocka_unit_test(adopts_unless_arguments_are_borrowed),
      cmocka_unit_test(converts_arguments),
      cmocka_unit_test(turns_exceptions_into_statuses),
      cmocka_unit_test(reports_lack_of_memory),
      cmocka_unit_test(sends_words_as_given),
      cmocka_unit_test(sends_batches),
      cmocka_unit_test(gives_leases_back),
      cmocka_unit_test(begins_requests_together),
      cmocka_unit_test(loops_in_bounded_memory),
      cmocka_unit_test(calls_other_methods),
      cmocka_unit_test(builds_answers),
      cmocka_unit_test(reads_messages_in_order),
      cmocka_unit_test(reuses_memory_of_messages),
      cmocka_unit_test(wakes_who_waited_longest),
      cmocka_unit_test(leaves_the_line_when_given_up),
      cmocka_unit_test(keeps_a_grant_that_met_a_give_up),
      cmocka_unit_test(survives_answers_that_come_at_once),
      cmocka_unit_test(fails_when_it_cannot_park),
      cmocka_unit_test(undoes),
      cmocka_unit_test(spawns),
      cmocka_unit_test(reports_why_create_failed),
      cmocka_unit_test(describes_itself),
      cmocka_unit_test(reads_values),
      cmocka_unit_test(cuts_messages_at_whole_characters),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
