// Bytes: the near cache's own count against malloc's, and against its limit.

#include <malloc.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "copies.h"
#include "tests/support/unit.h"

namespace l1_test {

namespace {

size_t allocated() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

// Not under sanitizers, nor while a thread's own cache holds on to what was freed (see meson.build).
bool malloc_counts() {
  const size_t before = allocated();
  void *volatile some = std::malloc(1'000);
  const size_t behind = allocated();
  std::free(some);
  return behind >= before + 1'000 && allocated() == before;
}

std::string key_of(size_t number, size_t size) {
  std::string key = "user:" + std::to_string(number) + ":";
  key.resize(std::max(key.size(), size), 'k');
  return key;
}

void bytes_are_what_malloc_gave(void **) {
  if (!malloc_counts()) _skip(__FILE__, __LINE__);
  std::mt19937 random(1);
  for (const size_t limit : {size_t{64} << 10, size_t{1} << 20, size_t{24} << 20}) {
    const size_t before = allocated();
    const auto l1 = std::make_unique<near_cache>(near_limits{.max_bytes = limit});
    for (size_t i = 0; i < limit / 128; i++) {
      copy_facts facts = until(1'000);
      facts.epoch = i / 100;
      (void)put(*l1, key_of(i, 10 + random() % 40), std::string(random() % 300, 'v'), facts);
      if (i % 7 == 0) (void)erase(*l1, key_of(i / 2, 10));
    }
    const auto counted = static_cast<double>(l1->now().bytes);
    const auto real = static_cast<double>(allocated() - before);
    print_message("%.0f bytes counted, %.0f allocated\n", counted, real);
    assert_true(std::fabs(counted - real) < 0.01 * real + 1'024);
  }
}

void an_entry_costs_96_bytes_at_most_besides_key_and_value(void **) {
  std::mt19937 random(2);
  for (const size_t entries : {size_t{30'000}, size_t{100'000}}) {
    near_cache l1({.max_bytes = size_t{256} << 20});
    const size_t empty = l1.now().bytes;
    size_t content = 0;
    for (size_t i = 0; i < entries; i++) {
      const std::string key = key_of(i, 16 + random() % 32);
      const std::string value(32 + random() % 64, 'v');
      assert_true(put(l1, key, value) == near_cache::outcome::kept);
      content += key.size() + value.size();
    }
    assert_in_range((l1.now().bytes - content) / entries, 64, 96);
    // And gives it back.
    assert_int_equal(l1.erase_all(), entries);
    assert_true(l1.now().bytes < empty + entries * 24);
  }
}

void the_limit_holds_whatever_is_put(void **) {
  std::mt19937 random(3);
  constexpr size_t limit = size_t{2} << 20;
  near_cache l1({.max_bytes = limit});
  for (int i = 0; i < 30'000; i++) {
    const size_t size = random() % 100 == 0 ? random() % (limit / 2) : random() % 500;
    (void)put(l1, key_of(random() % 20'000, 10), std::string(size, 'v'));
    assert_true(l1.now().bytes <= limit);
  }
  assert_true(l1.now().bytes > limit / 2);
  assert_true(l1.now().evictions > 1'000);
}

void the_smallest_one_still_holds_something(void **) {
  near_cache l1({.max_bytes = near_cache::least_bytes});
  for (int i = 0; i < 1'000; i++) (void)put(l1, std::to_string(i), "value");
  assert_in_range(l1.now().entries, 50, 1'000);
  assert_true(l1.now().bytes <= near_cache::least_bytes);
}

void entries_are_limited_as_well(void **) {
  near_cache l1({.max_bytes = size_t{64} << 20, .max_entries = 100});
  for (int i = 0; i < 5'000; i++) {
    (void)put(l1, std::to_string(i), "value");
    assert_true(l1.now().entries <= 100);
  }
  assert_int_equal(l1.now().entries, 100);
}

}  // namespace

int memory_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(bytes_are_what_malloc_gave),
      cmocka_unit_test(an_entry_costs_96_bytes_at_most_besides_key_and_value),
      cmocka_unit_test(the_limit_holds_whatever_is_put),
      cmocka_unit_test(the_smallest_one_still_holds_something),
      cmocka_unit_test(entries_are_limited_as_well),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}

}  // namespace l1_test
