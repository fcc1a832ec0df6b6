// Which keys of Redis the cache uses, and how many round trips.

#include "cache_core.h"
#include "groups.h"
#include "tests/support/unit.h"

namespace {

using namespace cache_test;

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

void an_entry_and_its_lease_share_a_slot(void **) {
  const cache_core core(test_server_url(server));
  for (const char *key : {"plain", "with:colons", "{a}tag", "}odd{", "{}"}) {
    assert_text(redis(server, "FLUSHALL"), "OK");
    const std::string loading = core.must_load("r{x}", key);
    const std::string lease = keys_of(server, "*:l:*").at(0);
    core.store(loading, "value");
    assert_int_equal(keys_of(server, "*:l:*").size(), 0);
    const std::string entry = keys_of(server, "*:e:*").at(0);
    const auto tag_of = [](const std::string &name) {
      const size_t begins = name.find('{');
      return name.substr(begins, name.find('}') - begins);
    };
    assert_text(tag_of(entry), tag_of(lease).c_str());
    assert_int_equal(tag_of(entry).size(), 9);
  }
}

void regions_and_keys_cannot_be_taken_for_others(void **) {
  const cache_core core(test_server_url(server));
  const std::pair<const char *, const char *> names[] = {
      {"a:b", "c"}, {"a", "b:c"}, {"a%3Ab", "c"}, {"a{b}", "c"}, {"a", "{b}:c"}};
  for (const auto &[region, key] : names)
    core.ok("set", {text(region), text(key), text(std::string(region) + "|" + key)});
  for (const auto &[region, key] : names) {
    assert_found(core.lookup(region, key), "hit", (std::string(region) + "|" + key).c_str());
  }
}

void all_keys_begin_with_the_prefix(void **) {
  const cache_core core(test_server_url(server), nullptr, "app[1]:");
  const cache_core other(test_server_url(server));
  core.store(core.must_load("r", "k"), "value");
  const std::string lease = core.must_load("r", "l");
  core.ok("invalidate", {text("r"), text("x*")});
  for (const std::string &key : keys_of(server, "*")) assert_text(key.substr(0, 7), "app[1]:");
  other.fail(other.must_load("r", "k"), "enough");
  other.ok("invalidate", {text("r"), text("*")});
  assert_found(core.lookup("r", "k"), "hit", "value");
  core.fail(lease, "enough");
}

void nothing_but_markers_stays_for_ever(void **) {
  const cache_core core(test_server_url(server));
  core.store(core.must_load("r", "stored"), "value");
  core.fail(core.must_load("r", "failed"), "enough");
  core.ok("set", {text("r"), text("set"), text("value")});
  core.ok("invalidate", {text("r"), text("x*")});
  for (const std::string &key : keys_of(server, "*")) {
    if (key != "cache:m:{r}") assert_true(test_command_integer(server, ("PTTL " + key).c_str()) > 0);
  }
}

// The server reads once a round trip: nobody else talks to it.
void a_hit_is_one_round_trip(void **) {
  constexpr int hits = 100;
  const cache_core core(test_server_url(server));
  core.store(core.must_load("r", "k"), "value");
  core.lookup("r", "k");
  const int64_t before = test_server_info(server, "total_reads_processed");
  for (int i = 0; i < hits; i++) assert_found(core.lookup("r", "k"), "hit", "value");
  const int64_t reads = test_server_info(server, "total_reads_processed") - before;
  assert_in_range(reads, hits, hits + 5);
}

}  // namespace

int keys_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(an_entry_and_its_lease_share_a_slot, empty),
      cmocka_unit_test_setup(regions_and_keys_cannot_be_taken_for_others, empty),
      cmocka_unit_test_setup(all_keys_begin_with_the_prefix, empty),
      cmocka_unit_test_setup(nothing_but_markers_stays_for_ever, empty),
      cmocka_unit_test_setup(a_hit_is_one_round_trip, empty),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
