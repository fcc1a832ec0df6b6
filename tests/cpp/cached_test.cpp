// Read-through caching with a lambda, over a real server.
#include <atomic>
#include <map>
#include <thread>

#include "tests/cpp/check.h"

using cachecore::cached;
using cachecore::status;
using namespace std::chrono_literals;

struct person {
  int64_t id = 0;
  std::string name;
  friend bool operator==(const person &, const person &) = default;
};

template <>
struct cachecore::encoder<person> {
  static cachecore_value encode(const person &native, builder &memory) {
    return cachecore::encode(std::tie(native.id, native.name), memory);
  }
};

template <>
struct cachecore::decoder<person> {
  static person decode(value_view view) { return {view[0].as<int64_t>(), view[1].as<std::string>()}; }
};

namespace {

check::server *server = nullptr;  // of the whole program

cachecore::core cache_core(const std::string &url = server->url()) {
  return cachecore::core(cachecore::options{.url = url, .plugins = {{"cache"}}});
}

void loads_once() {
  const auto core = cache_core();
  int loads = 0;
  const auto user = cached(core, "once:{user_id}", 10min, [&](int64_t user_id) {
    loads++;
    return "user " + std::to_string(user_id);
  });
  CHECK(user(1) == "user 1" && user(1) == "user 1" && loads == 1);
  CHECK(user(2) == "user 2" && loads == 2);
  CHECK(user.key(1) == "once:1" && user.region() == "once");
  const auto other = cache_core();
  const auto same =
      cached(other, "once:{user_id}", 10min, [&](int64_t) -> std::string { throw std::runtime_error("not asked"); });
  CHECK(same(1) == "user 1");
}

void invalidating() {
  const auto core = cache_core();
  int loads = 0;
  const auto user = cached(core, "invalidated:{user_id}", 10min, [&](int64_t) { return ++loads; });
  CHECK(user(1) == 1 && user(2) == 2);
  user.invalidate(1);
  CHECK(user(1) == 3 && user(2) == 2);
}

void types() {
  const auto core = cache_core();
  const auto twice = [](const auto &function, const auto &expected) {
    CHECK(function(7) == expected);
    CHECK(function(7) == expected);
  };
  twice(cached(core, "types:int:{n}", 1min, [](int n) { return n; }), 7);
  twice(cached(core, "types:bool:{n}", 1min, [](int) { return true; }), true);
  twice(cached(core, "types:double:{n}", 1min, [](int) { return 0.1; }), 0.1);
  twice(cached(core, "types:text:{n}", 1min, [](int) { return std::string("a\0ü", 4); }), std::string("a\0ü", 4));
  twice(cached(core, "types:bytes:{n}", 1min, [](int) { return std::vector<std::byte>{std::byte{255}}; }),
        std::vector<std::byte>{std::byte{255}});
  twice(cached(core, "types:list:{n}", 1min, [](int) { return std::vector<std::optional<int>>{1, std::nullopt}; }),
        std::vector<std::optional<int>>{1, std::nullopt});
  twice(cached(core, "types:map:{n}", 1min, [](int) { return std::map<std::string, int64_t>{{"a", INT64_MAX}}; }),
        std::map<std::string, int64_t>{{"a", INT64_MAX}});
  twice(cached(core, "types:own:{n}", 1min, [](int n) { return person{n, "ada"}; }), person{7, "ada"});
}

void nothing_is_cached_too() {
  const auto core = cache_core();
  int loads = 0;
  const auto user = cached(core, "nothing:{id}", {{"ttl_ms", 10min}, {"negative_ttl_ms", 10min}},
                           [&](int id) -> std::optional<std::string> {
                             loads++;
                             if (id == 0) return std::nullopt;
                             return "somebody";
                           });
  CHECK(!user(0) && !user(0) && loads == 1);
  CHECK(user(1) == "somebody" && user(1) == "somebody" && loads == 2);
}

void many_threads_one_load() {
  const auto core = cache_core();
  std::atomic<int> loads{0};
  std::atomic<int> right{0};
  const auto slow = cached(core, "threads:{id}", 10min, [&](int) {
    loads++;
    std::this_thread::sleep_for(30ms);  // so that others ask meanwhile; what holds does not depend on it
    return std::string("value");
  });
  std::vector<std::thread> threads;
  threads.reserve(32);
  for (int index = 0; index < 32; index++) {
    threads.emplace_back([&] { right += slow(1) == "value" ? 1 : 0; });
  }
  for (auto &thread : threads) thread.join();
  CHECK(loads == 1 && right == 32);
}

struct own_exception {};

void a_loader_that_throws() {
  const auto core = cache_core();
  int loads = 0;
  const auto flaky = cached(core, "flaky:{id}", {{"ttl_ms", 10min}, {"load_timeout_ms", 10min}}, [&](int) {
    loads++;
    if (loads == 1) throw std::domain_error("the source is away");
    if (loads == 2) throw own_exception();
    if (loads == 3) throw std::runtime_error("not UTF-8: \xff");
    return loads;
  });
  std::string seen;
  try {
    (void)flaky(1);
  } catch (const std::domain_error &reason) {
    seen = reason.what();
  }
  CHECK(seen == "the source is away");
  bool own = false;
  try {
    (void)flaky(1);
  } catch (const own_exception &) {
    own = true;
  }
  CHECK(own);
  bool third = false;
  try {
    (void)flaky(1);
  } catch (const std::runtime_error &) {
    third = true;
  }
  CHECK(third);
  CHECK(flaky(1) == 4 && flaky(1) == 4 && loads == 4);
}

void waiters_of_a_loader_that_throws() {
  const auto core = cache_core();
  std::atomic<bool> loading{false};
  std::atomic<bool> failing{false};
  const auto doomed = cached(core, "doomed:{id}", {{"ttl_ms", 10min}}, [&](int) -> int {
    loading = true;
    while (!failing) std::this_thread::yield();
    throw std::runtime_error("the source is away");
  });
  std::atomic<int> told{0};
  std::thread loader([&] {
    try {
      (void)doomed(1);
    } catch (const std::runtime_error &) {
      told++;
    }
  });
  while (!loading) std::this_thread::yield();
  cachecore::completions queue(core);
  core.submit(queue, "cache.lookup", "doomed", "doomed:1");
  CHECK(!queue.wait(20));  // it waits for the loader
  failing = true;
  loader.join();
  CHECK(told == 1);
  CHECK(queue.wait(test_patience_ms()));
  CHECK(queue.drain().at(0).status() == status::loader_failed);
}

void get_or_load_of_a_region() {
  const auto core = cache_core();
  core.call("cache.define", "region", cachecore::map({{"ttl_ms", 10min}}));
  CHECK(cachecore::get_or_load(core, "region", "k", [] { return 1; }) == 1);
  CHECK(cachecore::get_or_load(core, "region", "k", [] { return 2; }) == 1);
  CHECK(check::status_of([&] { (void)cachecore::get_or_load(core, "region", "k", [] { return std::string(); }); }) ==
        status::corrupt);
}

void fallback() {
  check::server own;
  const auto patient = cache_core(own.url());
  const auto core = patient.with_timeout(2s);
  core.call("cache.define", "fallback", cachecore::map({{"ttl_ms", 10min}}));
  const auto get = [&](const std::string &key, auto source) {
    return cachecore::get_with_fallback(core, "fallback", key, source, "default");
  };
  const auto throwing = []() -> std::string { throw std::runtime_error("the source is away"); };
  CHECK(get("a", [] { return std::string("source"); }) == "source");
  CHECK(get("a", throwing) == "source");
  CHECK(get("b", throwing) == "default");
  CHECK(check::status_of([&] { (void)get("", throwing); }) == status::invalid_argument);
  test_server_kill(own.native());
  CHECK(get("c", [] { return std::string("source"); }) == "source");
  CHECK(get("d", throwing) == "default");
}

void what_was_loaded_is_returned_although_it_cannot_be_stored() {
  check::server own;
  const auto core = cache_core(own.url());
  const auto user = cached(core.with_timeout(2s), "lost:{id}", 10min, [&](int id) {
    test_server_kill(own.native());
    return id;
  });
  CHECK(user(5) == 5);
}

void wrong_policies_and_templates() {
  const auto core = cache_core();
  const auto loader = [](int id) { return id; };
  const auto unknown = check::error_of([&] { (void)cached(core, "wrong:{id}", {{"tll_ms", 5}}, loader); });
  CHECK(unknown.status() == status::invalid_argument && check::contains(unknown.message(), "tll_ms"));
  CHECK(check::status_of([&] { (void)cached(core, "{id}", 1min, loader); }) == status::invalid_argument);
  CHECK(check::status_of([&] { (void)cached(core, "wrong:{id", 1min, loader); }) == status::invalid_argument);
}

int start_server(void **) {
  server = new check::server;
  return 0;
}

int stop_server(void **) {
  delete server;
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(check::run<loads_once>),
      cmocka_unit_test(check::run<invalidating>),
      cmocka_unit_test(check::run<types>),
      cmocka_unit_test(check::run<nothing_is_cached_too>),
      cmocka_unit_test(check::run<many_threads_one_load>),
      cmocka_unit_test(check::run<a_loader_that_throws>),
      cmocka_unit_test(check::run<waiters_of_a_loader_that_throws>),
      cmocka_unit_test(check::run<get_or_load_of_a_region>),
      cmocka_unit_test(check::run<fallback>),
      cmocka_unit_test(check::run<what_was_loaded_is_returned_although_it_cannot_be_stored>),
      cmocka_unit_test(check::run<wrong_policies_and_templates>),
  };
  return cmocka_run_group_tests(tests, start_server, stop_server);
}
