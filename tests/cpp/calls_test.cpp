// Lifecycle, calls and errors through the binding, with a plugin that needs no server.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/cpp/check.h"

using cachecore::list;
using cachecore::map;
using cachecore::status;
using cachecore::value;
using namespace std::chrono_literals;

namespace {

void answers() {
  const auto core = check::conformance_core();
  CHECK(core.call("conformance.add", 40, 2).as<int>() == 42);
  CHECK(core.call("conformance.add", 41).as<int64_t>() == 42);
  CHECK(core.call("conformance.add", 41, nullptr).as<int64_t>() == 42);
  CHECK(core.call(std::string("conformance.echo_text"), std::string("grüße")).as<std::string>() == "grüße");
  const auto echoed = core.call("conformance.echo", "borrowed");
  CHECK(echoed.as<std::string_view>() == "borrowed");
  CHECK(core.call("conformance.echo", list(1, map({{"a", 2.5}}))).as<value>() == list(1, map({{"a", 2.5}})));
  CHECK(core.call("conformance.options", map({{"delay_ms", 2s}, {"strict", true}})).as<value>() ==
        map({{"delay_ms", 2000}, {"strict", true}, {"label", "none"}}));
}

void nothing_found() {
  const auto core = check::conformance_core();
  const auto nothing = core.call("conformance.not_found");
  CHECK(!nothing.found() && !nothing);
  CHECK(nothing.as<std::optional<int>>() == std::nullopt);
  CHECK(nothing.value_or(7) == 7);
  CHECK(nothing.view().is_nil());
  CHECK(check::status_of([&] { (void)nothing.as<int>(); }) == status::not_found);
  const auto nil = core.call("conformance.echo");
  CHECK(nil.found());
  CHECK(nil.as<std::optional<int>>() == std::nullopt);
  CHECK(check::status_of([&] { (void)nil.as<int>(); }) == status::corrupt);
}

void errors() {
  const auto core = check::conformance_core();
  const auto kind = check::error_of([&] { core.call("conformance.add", "x"); });
  CHECK(kind.status() == status::invalid_argument && check::contains(kind.message(), "left"));
  CHECK(check::status_of([&] { core.call("conformance.ad", 1); }) == status::no_method);
  const auto own = check::error_of([&] { core.call("conformance.fail", CACHECORE_CONFLICT, "changed"); });
  CHECK(own.status() == status::conflict && check::contains(own.what(), "CONFLICT: conformance.fail"));
  CHECK(check::contains(own.message(), "changed"));
  CHECK(check::status_of([&] { core.call("conformance.emit", 1); }) != status::ok);
}

void deadlines() {
  const auto core = check::conformance_core();
  CHECK(check::status_of([&] { core.with_timeout(10).call("conformance.never"); }) == status::timeout);
  CHECK(check::status_of([&] { core.with_timeout(10ms).call("conformance.never"); }) == status::timeout);
  CHECK(check::status_of([&] { core.with_timeout(0ms).call("conformance.echo"); }) == status::timeout);
  CHECK(check::status_of([&] { core.with({.timeout_ms = 10}).call("conformance.never"); }) == status::timeout);
  CHECK(core.with_timeout(cachecore::no_timeout).call("conformance.pause", 5ms).as<int>() == 5);
}

void methods_are_kept() {
  auto core = check::conformance_core();
  const auto add = core.find("conformance.add");
  CHECK(add(1, 2).as<int>() == 3);
  const auto never = core.with_timeout(10).find("conformance.never");
  CHECK(check::status_of([&] { never(); }) == status::timeout);
  const cachecore::core moved = std::move(core);
  CHECK(add(3, 4).as<int>() == 7);
  moved.reset();
  CHECK(add(5, 6).as<int>() == 11);
}

void from_many_threads() {
  const auto core = check::conformance_core();
  const auto add = core.find("conformance.add");
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int thread = 0; thread < 8; thread++) {
    threads.emplace_back([&, thread] {
      for (int index = 0; index < 200; index++)
        sum += add(thread, index).as<int64_t>() + core.call("conformance.echo", 1).as<int>();
    });
  }
  for (auto &thread : threads) thread.join();
  CHECK(sum == 8 * 200 * 199 / 2 + 200 * 28 + 8 * 200);
}

void results_outlive_the_core() {
  std::optional<cachecore::result> kept;
  {
    const auto core = check::conformance_core();
    kept = core.call("conformance.echo", std::string(5000, 'x'));
  }
  CHECK(kept->as<std::string>() == std::string(5000, 'x'));
}

void options_are_passed_on() {
  const auto from_json = cachecore::core::from_json(R"({"url": "unix:///nonexistent/redis.sock", "load": [")" +
                                                    check::conformance_plugin() +
                                                    R"("], "plugins": {"conformance": {"greeting": "moin"}}})");
  CHECK(from_json.call("conformance.greeting").view()["greeting"].as<std::string>() == "moin");
  const cachecore::core short_default(cachecore::options{
      .url = "unix:///nonexistent/redis.sock", .plugins = {{check::conformance_plugin()}}, .call_timeout_ms = 20});
  CHECK(check::status_of([&] { short_default.call("conformance.never"); }) == status::timeout);
  CHECK(check::status_of([] { cachecore::core("http://nowhere"); }) == status::invalid_argument);
  CHECK(check::status_of([] { cachecore::core(cachecore::options{.plugins = {{"no_such_plugin"}}}); }) ==
        status::no_plugin);
  CHECK(check::status_of([] { cachecore::core(std::string("unix:///a\0b", 11)); }) == status::invalid_argument);
  CHECK(check::status_of([] {
          cachecore::core(cachecore::options{
              .url = "unix:///nonexistent/redis.sock", .plugins = std::vector<std::string>{}, .ping_on_init = true});
        }) == status::unavailable);
}

void plugins_are_loaded_later() {
  const cachecore::core core(
      cachecore::options{.url = "unix:///nonexistent/redis.sock", .plugins = std::vector<std::string>{}});
  CHECK(check::status_of([&] { core.call("conformance.echo"); }) == status::no_method);
  core.load(check::conformance_plugin(), R"({"limit": 3})");
  CHECK(core.call("conformance.greeting").view()["limit"].as<int>() == 3);
  CHECK(check::status_of([&] { core.load(check::conformance_plugin()); }) == status::invalid_state);
}

void descriptions() {
  const auto core = check::conformance_core();
  const auto description = core.describe();
  bool found = false;
  for (const auto &plugin : description.view()["plugins"].items()) {
    const cachecore::value_view view(&plugin);
    found = found || (view["name"].as<std::string>() == "conformance" && !view["methods"].items().empty());
  }
  CHECK(found);
}

// Counts what a log function is given.
void logging() {
  std::atomic<int> records{0};
  {
    const cachecore::core core(
        cachecore::options{.url = "unix:///nonexistent/redis.sock",
                           .plugins = {{check::conformance_plugin()}},
                           .log = [&](int, std::string_view message) { records += message.empty() ? 0 : 1; }});
    cachecore::core moved(
        cachecore::options{.url = "unix:///nonexistent/redis.sock", .plugins = std::vector<std::string>{}});
    moved = check::conformance_core();
    CHECK(check::status_of([&] { core.with_timeout(1000).call("redis.command", list("PING")); }) ==
          status::unavailable);
  }
  CHECK(records >= 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(check::run<answers>),
      cmocka_unit_test(check::run<nothing_found>),
      cmocka_unit_test(check::run<errors>),
      cmocka_unit_test(check::run<deadlines>),
      cmocka_unit_test(check::run<methods_are_kept>),
      cmocka_unit_test(check::run<from_many_threads>),
      cmocka_unit_test(check::run<results_outlive_the_core>),
      cmocka_unit_test(check::run<options_are_passed_on>),
      cmocka_unit_test(check::run<plugins_are_loaded_later>),
      cmocka_unit_test(check::run<descriptions>),
      cmocka_unit_test(check::run<logging>),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
