// Threads: readers hold no lock, so what they see has to be whole, and never what was erased before they began.

#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "copies.h"
#include "tests/support/unit.h"

namespace l1_test {

namespace {

bool is_long() {
  const char *length = std::getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && std::string(length) == "long";
}

int rounds(int of_short) { return is_long() ? of_short * 50 : of_short; }

// Asserting is for the test's own thread: the others count.
void run_at_once(const std::vector<std::function<void()>> &bodies) {
  std::vector<std::thread> threads;
  threads.reserve(bodies.size());
  for (const auto &body : bodies) threads.emplace_back(body);
  for (std::thread &each : threads) each.join();
}

class dice {
 public:
  explicit dice(uint32_t seed) : engine_(seed) {}
  uint32_t operator()() { return static_cast<uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

// A value that shows if a byte of it is another's.
std::string value_of(const std::string &key, uint32_t version) {
  std::string out;
  const size_t size = 20 + version % 300;
  while (out.size() < size) out += key + "/" + std::to_string(version) + ";";
  return out;
}

bool is_whole(std::string_view key, std::string_view value) {
  const size_t slash = value.find('/');
  const size_t end = value.find(';');
  if (slash == std::string_view::npos || end == std::string_view::npos || value.substr(0, slash) != key) return false;
  const auto version = static_cast<uint32_t>(std::stoul(std::string(value.substr(slash + 1, end - slash - 1))));
  return value == value_of(std::string(key), version);
}

void readers_see_whole_copies_while_all_else_changes(void **) {
  near_cache l1({.max_bytes = size_t{512} << 10});
  std::atomic<int> torn{0};
  std::atomic<int> hits{0};
  std::atomic<int> beyond{0};
  const int count = rounds(20'000);
  const auto key_of = [](uint32_t number) { return "key:" + std::to_string(number % 5'000); };
  const auto write = [&](uint32_t seed) {
    dice random(seed);
    for (int i = 0; i < count; i++) {
      const std::string key = key_of(random());
      copy_facts facts = until(1'000);
      facts.epoch = random() % 16;
      (void)put(l1, key, value_of(key, random()), facts);
      if (i % 8 == 0) (void)erase(l1, key_of(random()));
      if (i % 256 == 0 && l1.now().bytes > size_t{512} << 10) beyond++;
      if (i % 4'096 == 0)
        (void)l1.erase_if([&](const copy_view &copy) { return copy.epoch() == static_cast<uint64_t>(i / 4'096 % 16); });
    }
  };
  const auto read = [&](uint32_t seed) {
    dice random(seed);
    for (int i = 0; i < count * 2; i++) {
      const std::string key = key_of(random());
      (void)l1.find(key, hash_of(key), [&](const copy_view &copy) {
        if (copy.key() != key || copy.epoch() >= 16 || !is_whole(key, copy.value())) torn++;
        copy.restamp(copy.stamp() + 1);
        hits++;
        return true;
      });
    }
  };
  run_at_once({[&] { write(1); }, [&] { write(2); }, [&] { read(3); }, [&] { read(4); }});
  assert_int_equal(torn.load(), 0);
  assert_int_equal(beyond.load(), 0);
  assert_true(hits.load() > count / 10);
  // The books are right: as many as it says, and nothing is left when they have gone.
  const size_t entries = l1.now().entries;
  assert_int_equal(l1.erase_all(), entries);
  assert_int_equal(l1.now().entries, 0);
  assert_true(l1.now().bytes < size_t{256} << 10);
}

// The server's side of a key: its version rises, then the near cache hears of it, then the change is known to be heard.
struct truth {
  std::atomic<uint32_t> version{0};
  std::atomic<uint32_t> heard{0};
};

void nobody_finds_what_was_erased_before(void **) {
  near_cache l1({.max_bytes = size_t{1} << 20});
  std::array<truth, 16> keys;
  std::atomic<int> stale{0};
  std::atomic<int> hits{0};
  std::atomic<int> kept{0};
  const int count = rounds(20'000);
  const auto change = [&] {
    dice random(1);
    for (int i = 0; i < count; i++) {
      const uint32_t number = random() % keys.size();
      const uint32_t version = keys[number].version.fetch_add(1) + 1;
      if (i % 64 == 0) {
        (void)l1.erase_all();
      } else {
        (void)erase(l1, std::to_string(number));
      }
      keys[number].heard.store(version);
    }
  };
  const auto look_up = [&](uint32_t seed) {
    dice random(seed);
    for (int i = 0; i < count; i++) {
      const uint32_t number = random() % keys.size();
      const std::string key = std::to_string(number);
      const uint32_t at_least = keys[number].heard.load();
      const bool found = l1.find(key, hash_of(key), [&](const copy_view &copy) {
        if (copy.stamp() < at_least) stale++;
        return true;
      });
      if (found) {
        hits++;
        continue;
      }
      const uint64_t ticket = l1.expect(hash_of(key));
      copy_facts facts = until(1'000);
      facts.stamp = keys[number].version.load();
      if (l1.put(key, hash_of(key), facts, "x", ticket, 0) == near_cache::outcome::kept) kept++;
    }
  };
  run_at_once({change, [&] { look_up(2); }, [&] { look_up(3); }, [&] { look_up(4); }});
  assert_int_equal(stale.load(), 0);
  assert_true(hits.load() > 0 && kept.load() > 0);
}

// A reader that does not leave keeps what it reads, and the limit holds all the same: puts are refused.
void a_reader_that_stays_inside_costs_puts_not_memory(void **) {
  constexpr size_t limit = size_t{256} << 10;
  near_cache l1({.max_bytes = limit});
  (void)put(l1, "held", std::string(1'000, 'h'));
  std::atomic<bool> inside{false};
  std::atomic<bool> leave{false};
  std::atomic<bool> was_whole{false};
  std::thread reader([&] {
    (void)l1.find("held", hash_of("held"), [&](const copy_view &copy) {
      inside = true;
      while (!leave) std::this_thread::yield();
      was_whole = copy.value() == std::string(1'000, 'h');
      return true;
    });
  });
  while (!inside) std::this_thread::yield();
  (void)erase(l1, "held");
  int refused = 0;
  size_t most = 0;
  for (int i = 0; i < 2'000; i++) {
    if (put(l1, std::to_string(i), std::string(1'000, 'v')) == near_cache::outcome::refused) refused++;
    most = std::max(most, l1.now().bytes);
  }
  leave = true;
  reader.join();
  assert_true(was_whole.load());
  assert_true(refused > 0);
  assert_true(most <= limit);
  // With the reader gone there is room again.
  int kept = 0;
  for (int i = 0; i < 100; i++) {
    if (put(l1, "again:" + std::to_string(i), "x") == near_cache::outcome::kept) kept++;
  }
  assert_true(kept > 90);
}

}  // namespace

}  // namespace l1_test

int main() {
  using namespace l1_test;
  const CMUnitTest tests[] = {
      cmocka_unit_test(readers_see_whole_copies_while_all_else_changes),
      cmocka_unit_test(nobody_finds_what_was_erased_before),
      cmocka_unit_test(a_reader_that_stays_inside_costs_puts_not_memory),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
