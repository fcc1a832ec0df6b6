// The near cache as a map: what is found, what tickets refuse, what is taken out.

#include <limits>
#include <set>

#include "copies.h"
#include "tests/support/unit.h"

namespace l1_test {

namespace {

constexpr near_limits roomy{.max_bytes = size_t{16} << 20};

void what_was_put_is_found(void **) {
  near_cache l1(roomy);
  assert_false(get(l1, "a").has_value());
  assert_true(put(l1, "a", "one") == near_cache::outcome::kept);
  assert_true(put(l1, "", "the empty key") == near_cache::outcome::kept);
  assert_true(put(l1, "empty", "") == near_cache::outcome::kept);
  const std::string binary("\0\xff\n", 3);
  assert_true(put(l1, binary, binary) == near_cache::outcome::kept);
  assert_true(get(l1, "a") == "one");
  assert_true(get(l1, "") == "the empty key");
  assert_true(get(l1, "empty") == "");
  assert_true(get(l1, binary) == binary);
  assert_true(put(l1, "a", "another") == near_cache::outcome::kept);
  assert_true(get(l1, "a") == "another");
  assert_int_equal(l1.now().entries, 4);
}

void a_hundred_thousand_keys_are_all_found_and_all_erased(void **) {
  near_cache l1({.max_bytes = size_t{64} << 20});
  constexpr int count = 100'000;
  for (int i = 0; i < count; i++) {
    assert_true(put(l1, "key:" + std::to_string(i), std::to_string(i * 3)) == near_cache::outcome::kept);
  }
  for (int i = 0; i < count; i++) assert_true(get(l1, "key:" + std::to_string(i)) == std::to_string(i * 3));
  for (int i = 0; i < count; i += 2) assert_true(erase(l1, "key:" + std::to_string(i)));
  for (int i = 0; i < count; i++) assert_true(get(l1, "key:" + std::to_string(i)).has_value() == (i % 2 == 1));
  assert_int_equal(l1.now().entries, count / 2);
  assert_int_equal(l1.now().evictions, 0);
}

void keys_of_one_hash_are_told_apart(void **) {
  near_cache l1(roomy);
  for (const uint64_t hash : {uint64_t{0}, uint64_t{7}, ~uint64_t{0}}) {
    for (int i = 0; i < 50; i++) {
      const std::string key = std::to_string(hash) + ":" + std::to_string(i);
      assert_true(l1.put(key, hash, until(1'000), key, l1.expect(hash), 0) == near_cache::outcome::kept);
    }
    assert_true(l1.erase(std::to_string(hash) + ":3", hash));
    for (int i = 0; i < 50; i++) {
      const std::string key = std::to_string(hash) + ":" + std::to_string(i);
      const bool found = l1.find(key, hash, [&](const copy_view &copy) { return copy.value() == key; });
      assert_true(found == (i != 3));
    }
  }
}

void facts_come_back_as_they_were(void **) {
  near_cache l1(roomy);
  int server = 0;
  int region = 0;
  copy_facts facts;
  facts.born_ms = 1'764'500'000'123;
  facts.fresh_until_ms = facts.born_ms + 60'000;
  facts.stale_until_ms = facts.born_ms + 360'000;
  facts.tracked = &server;
  facts.epoch = std::numeric_limits<uint64_t>::max();
  facts.scope = &region;
  facts.stamp = 41;
  facts.flags = 0xbeef;
  assert_true(put(l1, "a", "one", facts) == near_cache::outcome::kept);
  const auto look = [&](const copy_view &copy) {
    assert_true(copy.key() == "a" && copy.value() == "one");
    assert_true(copy.born_ms() == facts.born_ms);
    assert_true(copy.fresh_until_ms() == facts.fresh_until_ms && copy.stale_until_ms() == facts.stale_until_ms);
    assert_true(copy.tracked() == &server && copy.epoch() == facts.epoch && copy.scope() == &region);
    assert_true(copy.flags() == 0xbeef);
    const bool first = copy.stamp() == 41;
    copy.restamp(42);
    return first;
  };
  assert_true(l1.find("a", hash_of("a"), look));
  assert_false(l1.find("a", hash_of("a"), look));
}

void a_copy_lives_49_days_at_most(void **) {
  near_cache l1(roomy);
  copy_facts facts;
  facts.born_ms = 1'000;
  facts.fresh_until_ms = 500;
  facts.stale_until_ms = std::numeric_limits<int64_t>::max();
  assert_true(put(l1, "a", "one", facts) == near_cache::outcome::kept);
  assert_true(l1.find("a", hash_of("a"), [](const copy_view &copy) {
    return copy.fresh_until_ms() == 1'000 && copy.stale_until_ms() == 1'000 + int64_t{0xffffffff};
  }));
}

void an_erase_overtakes_a_read_that_began_before(void **) {
  near_cache l1(roomy);
  const uint64_t hash = hash_of("a");
  assert_true(put(l1, "a", "old") == near_cache::outcome::kept);
  const uint64_t before = l1.expect(hash);
  assert_true(erase(l1, "a"));
  const uint64_t behind = l1.expect(hash);
  assert_true(l1.put("a", hash, until(1'000), "old", before, 0) == near_cache::outcome::overtaken);
  assert_false(get(l1, "a").has_value());
  assert_true(l1.put("a", hash, until(1'000), "new", behind, 0) == near_cache::outcome::kept);
  // The late one does no harm to the one that is right.
  assert_true(l1.put("a", hash, until(1'000), "old", before, 0) == near_cache::outcome::overtaken);
  assert_true(get(l1, "a") == "new");
  // Nor does an erase of what is not there pass by unnoticed.
  const uint64_t of_absent = l1.expect(hash_of("absent"));
  assert_false(erase(l1, "absent"));
  assert_true(l1.put("absent", hash_of("absent"), until(1'000), "x", of_absent, 0) == near_cache::outcome::overtaken);
}

void readers_of_other_keys_are_not_overtaken(void **) {
  near_cache l1(roomy);
  int overtaken = 0;
  for (int i = 0; i < 10'000; i++) {
    const std::string key = "key:" + std::to_string(i);
    const uint64_t ticket = l1.expect(hash_of(key));
    (void)erase(l1, "other:" + std::to_string(i));
    if (l1.put(key, hash_of(key), until(1'000), "x", ticket, 0) == near_cache::outcome::overtaken) overtaken++;
  }
  // One in 1,024 shares its counter.
  assert_in_range(overtaken, 0, 40);
}

void two_readers_of_a_key_may_both_keep_it(void **) {
  near_cache l1(roomy);
  const uint64_t hash = hash_of("a");
  const uint64_t first = l1.expect(hash);
  const uint64_t second = l1.expect(hash);
  assert_true(l1.put("a", hash, until(1'000), "1", second, 0) == near_cache::outcome::kept);
  assert_true(l1.put("a", hash, until(1'000), "1", first, 0) == near_cache::outcome::kept);
}

void erasing_everything_overtakes_all_reads(void **) {
  near_cache l1(roomy);
  for (int i = 0; i < 500; i++) (void)put(l1, std::to_string(i), "x");
  const uint64_t before = l1.expect(hash_of("a"));
  assert_int_equal(l1.erase_all(), 500);
  assert_int_equal(l1.now().entries, 0);
  assert_true(l1.put("a", hash_of("a"), until(1'000), "x", before, 0) == near_cache::outcome::overtaken);
  assert_true(put(l1, "a", "x") == near_cache::outcome::kept);
}

void a_region_is_erased_and_the_others_stay(void **) {
  near_cache l1(roomy);
  int ours = 0;
  int theirs = 0;
  for (int i = 0; i < 1'000; i++) {
    copy_facts facts = until(1'000);
    facts.scope = i % 4 == 0 ? &ours : &theirs;
    (void)put(l1, std::to_string(i), "x", facts);
  }
  const uint64_t before = l1.expect(hash_of("a"));
  std::set<std::string> seen;
  const size_t gone = l1.erase_if([&](const copy_view &copy) {
    seen.emplace(copy.key());
    return copy.scope() == &ours;
  });
  assert_int_equal(gone, 250);
  assert_int_equal(seen.size(), 1'000);
  for (int i = 0; i < 1'000; i++) assert_true(get(l1, std::to_string(i)).has_value() == (i % 4 != 0));
  assert_true(l1.put("a", hash_of("a"), until(1'000), "x", before, 0) == near_cache::outcome::overtaken);
}

void dropping_what_has_ended_leaves_tickets_alone(void **) {
  near_cache l1(roomy);
  const uint64_t hash = hash_of("a");
  assert_true(put(l1, "a", "old") == near_cache::outcome::kept);
  const uint64_t ticket = l1.expect(hash);
  assert_false(l1.drop_if("a", hash, [](const copy_view &copy) { return copy.value() == "another"; }));
  assert_true(l1.drop_if("a", hash, [](const copy_view &copy) { return copy.value() == "old"; }));
  assert_false(l1.drop_if("a", hash, [](const copy_view &) { return true; }));
  assert_true(l1.put("a", hash, until(1'000), "new", ticket, 0) == near_cache::outcome::kept);
}

void what_does_not_fit_is_refused_and_the_old_copy_goes(void **) {
  near_cache l1({.max_bytes = size_t{1} << 20});
  assert_true(put(l1, "a", "small") == near_cache::outcome::kept);
  assert_true(put(l1, "a", std::string(size_t{2} << 20, 'x')) == near_cache::outcome::refused);
  assert_false(get(l1, "a").has_value());
  assert_true(put(l1, std::string(65'535, 'k'), "x") == near_cache::outcome::kept);
  assert_true(put(l1, std::string(65'536, 'k'), "x") == near_cache::outcome::refused);
  assert_true(l1.now().bytes <= size_t{1} << 20);
}

void a_hash_differs_by_seed_length_and_every_byte(void **) {
  std::set<uint64_t> seen;
  std::string key;
  for (int length = 0; length < 70; length++) {
    seen.insert(cache_plugin::near_hash(key, 1));
    seen.insert(cache_plugin::near_hash(key, 2));
    for (size_t i = 0; i < key.size(); i++) {
      std::string other = key;
      other[i] = static_cast<char>(other[i] ^ 1);
      seen.insert(cache_plugin::near_hash(other, 1));
    }
    key += 'a';
  }
  assert_int_equal(seen.size(), 2 * 70 + 69 * 70 / 2);
}

}  // namespace

int near_cache_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_was_put_is_found),
      cmocka_unit_test(a_hundred_thousand_keys_are_all_found_and_all_erased),
      cmocka_unit_test(keys_of_one_hash_are_told_apart),
      cmocka_unit_test(facts_come_back_as_they_were),
      cmocka_unit_test(a_copy_lives_49_days_at_most),
      cmocka_unit_test(an_erase_overtakes_a_read_that_began_before),
      cmocka_unit_test(readers_of_other_keys_are_not_overtaken),
      cmocka_unit_test(two_readers_of_a_key_may_both_keep_it),
      cmocka_unit_test(erasing_everything_overtakes_all_reads),
      cmocka_unit_test(a_region_is_erased_and_the_others_stay),
      cmocka_unit_test(dropping_what_has_ended_leaves_tickets_alone),
      cmocka_unit_test(what_does_not_fit_is_refused_and_the_old_copy_goes),
      cmocka_unit_test(a_hash_differs_by_seed_length_and_every_byte),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}

}  // namespace l1_test
