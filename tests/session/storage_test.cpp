// What sessions leave in Redis: no ids, nothing for ever, an index that lists what lives; and what they cost there.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "groups.h"
#include "monitored.h"
#include "plugins/session/ids.h"
#include "session_core.h"
#include "tests/support/unit.h"

namespace {

using namespace session_test;

test_server *server;
const session_core *core;

int start(void **) {
  const char *const options[] = {"--rdbcompression", "no", nullptr};
  server = test_server_start(nullptr, options);
  core = new session_core(test_server_url(server));
  return 0;
}

int stop(void **) {
  delete core;
  test_server_stop(server);
  return 0;
}

int empty(void **) {
  assert_text(redis(server, "FLUSHALL"), "OK");
  return 0;
}

std::string tag_of(const std::string &key) {
  const size_t begins = key.find('{');
  return key.substr(begins, key.find('}') - begins);
}

void keys_of_a_user_share_a_slot_and_begin_with_the_prefix(void **) {
  const session_core prefixed(test_server_url(server), nullptr, "app[1]:");
  for (const char *user : {"ada", "with:colons", "{a}tag", "}odd{", "a b"}) {
    assert_text(redis(server, "FLUSHALL"), "OK");
    prefixed.ok("regenerate", {text(prefixed.create(user))});
    prefixed.ok("destroy_all", {text(user)});
    prefixed.create(user);
    const std::vector<std::string> keys = keys_of(server, "*");
    assert_int_equal(keys.size(), 4);  // a session, a forward, the index, the mark
    for (const std::string &key : keys) {
      assert_text(key.substr(0, 7), "app[1]:");
      assert_text(tag_of(key), tag_of(keys[0]));
      assert_int_equal(tag_of(key).size(), 4);
    }
    assert_int_equal(prefixed.count(user), 1);
    assert_int_equal(core->count(user), 0);
  }
}

void nothing_stays_for_ever(void **) {
  const std::string id = core->create("ada");
  core->create("");
  core->ok("regenerate", {text(id)});
  core->ok("regenerate", {text(core->create("")), text("bob")});
  core->ok("destroy_all", {text("bob")});
  for (const std::string &key : keys_of(server, "*")) {
    assert_true(test_command_integer(server, ("PTTL " + key).c_str()) > 0);
  }
}

void index_lives_as_long_as_what_it_lists(void **) {
  core->create("ada", {}, {number(30)});
  core->create("ada", {}, {number(40)});
  wait_until("the index expires", [] { return keys_of(server, "*").empty(); });
  core->create("ada", {}, {number(3'600'000)});
  core->create("ada", {}, {number(1'000)});
  const std::string index = keys_of(server, "*:u:*").at(0);
  assert_true(test_command_integer(server, ("PTTL " + index).c_str()) > 3'500'000);
}

void the_index_does_not_outgrow_what_lives(void **) {
  constexpr int threads = 8;
  const int each = is_long() ? 100'000 / threads : 4'000 / threads;
  const std::string kept = core->create("ada");
  std::atomic<int> made = 0;
  on_threads(threads, [&](int) {
    for (int i = 0; i < each; i++) {
      core->create("ada", {}, {number(50)});
      made++;
    }
  });
  assert_int_equal(made, threads * each);
  wait_until("all but one expire", [] { return keys_of(server, "{s??}:s:*").size() == 1; });
  assert_int_equal(core->count("ada"), 1);
  core->create("ada");
  const std::string index = keys_of(server, "*:u:*").at(0);
  assert_int_equal(test_command_integer(server, ("ZCARD " + index).c_str()), 2);
  assert_int_equal(core->count("ada"), 2);
  assert_ok(core->get(kept));
}

// Any use prunes it, too.
void using_a_session_prunes_the_index(void **) {
  const std::string id = core->create("ada");
  for (int i = 0; i < 20; i++) core->create("ada", {}, {number(20)});
  wait_until("all but one expire", [] { return keys_of(server, "{s??}:s:*").size() == 1; });
  const std::string index = keys_of(server, "*:u:*").at(0);
  assert_int_equal(core->count("ada"), 1);
  core->ok("refresh", {text(id)});
  assert_int_equal(test_command_integer(server, ("ZCARD " + index).c_str()), 1);
}

// The ways in which an id could stand somewhere: as callers have it, as its bytes, as its random part.
std::vector<std::string> faces_of(const std::string &id) {
  using namespace session_plugin;
  const token read = *read_token(id, token_kind::id);
  const std::string bytes(reinterpret_cast<const char *>(read.data()), read.size());
  std::string hexadecimal;
  for (size_t i = 2; i < read.size(); i++) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", read[i]);
    hexadecimal += digits;
  }
  return {id, bytes.substr(2), hexadecimal};
}

std::string file(const std::string &path) {
  std::ifstream opened(path, std::ios::binary);
  if (!opened) test_die("there is no %s", path.c_str());
  std::ostringstream content;
  content << opened.rdbuf();
  return content.str();
}

void stored_data_reveals_no_id(void **) {
  assert_text(redis(server, "CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 1000"), "OK");
  monitored seen(server);
  std::vector<std::string> ids;
  const auto keep = [&](const std::string &id) {
    ids.push_back(id);
    return id;
  };
  const std::string first = keep(core->create("ada", {{"canary", "in-the-dump"}}));
  assert_ok(core->get(first));
  core->update(first, {{"a", "1"}});
  core->ok("refresh", {text(first)});
  const std::string second = keep(core->ok("regenerate", {text(first)}).at("id"));
  assert_ok(core->get(first));
  core->ok("regenerate", {text(first)});
  core->ok("list", {text("ada")});
  const std::string guest = keep(core->create(""));
  const std::string ticket = core->ok("begin", {text("bob")}).answer;
  const std::string bob = keep(core->ok("regenerate", {text(guest), text("bob"), text(ticket)}).at("id"));
  const std::string ended = keep(core->create("ada"));
  core->ok("destroy", {text(ended)});
  core->ok("destroy_all", {text("bob"), text(bob)});
  // The dump holds a forward with its sealed successor.
  core->ok("regenerate", {text(second)});
  assert_text(redis(server, "SAVE"), "OK");
  const std::string dump = file(std::string(test_server_directory(server)) + "/dump.rdb");
  assert_contains(dump, "in-the-dump");

  std::string executed;
  for (const auto &command : seen.commands()) {
    for (const std::string &word : command) executed += word + "\n";
  }
  assert_contains(executed, "in-the-dump");
  const std::string slow = run(server, {"SLOWLOG", "GET", "1000"});
  assert_contains(slow, "HGETALL");
  for (const std::string &id : ids) {
    for (const std::string &face : faces_of(id)) {
      assert_true(executed.find(face) == std::string::npos);
      assert_true(dump.find(face) == std::string::npos);
      assert_true(slow.find(face) == std::string::npos);
    }
  }
}

struct cost {
  const char *what;
  int64_t round_trips;
  std::function<void()> call;
};

// The server reads once a round trip: nobody else talks to it.
void methods_cost_what_the_readme_says(void **) {
  const session_core one(test_server_url(server));
  std::string id = one.create("ada", {{"a", "1"}});
  std::string other = one.create("ada");
  std::string ended = one.create("ada");
  assert_ok(one.get(id));  // knows the server's time now
  const std::vector<cost> costs = {
      {"get", 1, [&] { assert_ok(one.get(id)); }},
      {"create", 1, [&] { one.create("ada"); }},
      {"update", 1, [&] { one.update(id, {{"a", "2"}}); }},
      {"refresh", 1, [&] { one.ok("refresh", {text(id)}); }},
      {"list", 1, [&] { one.ok("list", {text("ada")}); }},
      {"count", 1, [&] { (void)one.count("ada"); }},
      {"begin", 1, [&] { one.ok("begin", {text("ada")}); }},
      {"destroy", 1, [&] { one.ok("destroy", {text(ended)}); }},
      {"regenerate", 1, [&] { id = one.ok("regenerate", {text(id)}).at("id"); }},
      {"regenerate for the same user", 2, [&] { id = one.ok("regenerate", {text(id), text("ada")}).at("id"); }},
      {"regenerate for a user of another slot", 3,
       [&] { other = one.ok("regenerate", {text(other), text("bob")}).at("id"); }},
      {"destroy_all", 1, [&] { one.ok("destroy_all", {text("ada")}); }},
  };
  // Scripts are loaded once a server: that is no cost of a method.
  for (const cost &each : costs) each.call();
  id = one.create("ada");
  other = one.create("ada");
  ended = one.create("ada");
  assert_ok(one.get(other));  // the server's time of both users' slots
  assert_ok(one.get(one.create("bob")));
  for (const cost &each : costs) {
    const int64_t before = test_server_info(server, "total_reads_processed");
    each.call();
    // The end of the first INFO's connection is one, the second INFO another.
    const int64_t reads = test_server_info(server, "total_reads_processed") - before - 2;
    if (reads != each.round_trips) print_error("%s: %d round trips\n", each.what, static_cast<int>(reads));
    assert_int_equal(reads, each.round_trips);
  }
}

void a_load_is_one_native_command(void **) {
  const std::string id = core->create("ada", {{"a", "1"}});
  assert_ok(core->get(id));
  monitored seen(server);
  for (int i = 0; i < 10; i++) assert_ok(core->get(id));
  const auto commands = seen.commands();
  assert_int_equal(commands.size(), 10);
  for (const auto &command : commands) assert_text(command.at(0), "HGETALL");
}

void a_server_that_evicts_is_refused_until_it_is_set_right(void **) {
  const char *const options[] = {"--maxmemory-policy", "allkeys-lru", nullptr};
  test_server *evicting = test_server_start(nullptr, options);
  {
    const session_core refused(test_server_url(evicting));
    const session_core told(test_server_url(evicting), R"({"allow_eviction": true})");
    const values just_user = {text("ada")};
    const std::string any_id(46, 'A');
    const values an_id = {text(any_id)};
    const std::pair<const char *, values> calls[] = {
        {"create", just_user}, {"begin", just_user},       {"list", just_user},
        {"count", just_user},  {"destroy_all", just_user}, {"get", an_id},
        {"refresh", an_id},    {"regenerate", an_id},      {"destroy", an_id}};
    for (const auto &[method, args] : calls) {
      const outcome came = refused.call(method, args);
      assert_failed(came, CACHECORE_INVALID_STATE, "maxmemory-policy is allkeys-lru");
      assert_contains(came.message, "allow_eviction");
    }
    assert_failed(refused.update(any_id, {}), CACHECORE_INVALID_STATE, "allow_eviction");
    assert_int_equal(keys_of(evicting, "*").size(), 0);
    assert_ok(told.get(told.create("ada")));
    assert_text(redis(evicting, "CONFIG SET maxmemory-policy noeviction"), "OK");
    assert_ok(refused.get(refused.create("ada")));
  }
  test_server_stop(evicting);
}

void a_server_that_does_not_tell_is_used(void **) {
  test_server *silent = test_server_start_tcp(nullptr, nullptr);
  assert_text(redis(silent, "ACL SETUSER app on >pw ~* &* +@all -info"), "OK");
  {
    const session_core told("redis://app:pw@127.0.0.1:" + std::to_string(test_server_port(silent)));
    assert_ok(told.get(told.create("ada")));
  }
  test_server_stop(silent);
}

}  // namespace

int session_test::storage_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(keys_of_a_user_share_a_slot_and_begin_with_the_prefix, empty),
      cmocka_unit_test_setup(nothing_stays_for_ever, empty),
      cmocka_unit_test_setup(index_lives_as_long_as_what_it_lists, empty),
      cmocka_unit_test_setup(the_index_does_not_outgrow_what_lives, empty),
      cmocka_unit_test_setup(using_a_session_prunes_the_index, empty),
      cmocka_unit_test_setup(stored_data_reveals_no_id, empty),
      cmocka_unit_test_setup(methods_cost_what_the_readme_says, empty),
      cmocka_unit_test_setup(a_load_is_one_native_command, empty),
      cmocka_unit_test_setup(a_server_that_evicts_is_refused_until_it_is_set_right, empty),
      cmocka_unit_test_setup(a_server_that_does_not_tell_is_used, empty),
  };
  return cmocka_run_group_tests_name("storage", tests, start, stop);
}
