// The life of a session: made, read, changed, listed, ended.

#include <cstring>

#include "groups.h"
#include "plugins/session/ids.h"
#include "session_core.h"
#include "tests/support/unit.h"

namespace {

using namespace session_test;

test_server *server;
const session_core *core;

int start(void **) {
  server = test_server_start(nullptr, nullptr);
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

// The key of the only session there is.
std::string only_session() {
  const std::vector<std::string> keys = keys_of(server, "{s??}:s:*");
  if (keys.size() != 1) test_die("there are %zu sessions", keys.size());
  return keys[0];
}

int64_t left_ms(const std::string &key) { return test_command_integer(server, ("PTTL " + key).c_str()); }

constexpr int64_t hour_ms = 3'600'000;

void a_session_is_made_read_and_ended(void **) {
  const outcome made = core->ok("create", {text("ada")});
  const std::string id = made.at("id");
  assert_int_equal(id.size(), 46);
  assert_text(made.at("ended"), "0");
  const outcome found = core->get(id);
  assert_ok(found);
  assert_text(found.at("id"), id);
  assert_text(found.at("user_id"), "ada");
  for (const char *same : {"handle", "version", "created_at_ms", "expires_at_ms", "ends_at_ms"})
    assert_text(found.at(same), made.at(same));
  assert_int_equal(found.number("expires_at_ms") - found.number("created_at_ms"), hour_ms / 2);
  assert_int_equal(found.number("ends_at_ms") - found.number("created_at_ms"), 12 * hour_ms);
  assert_int_equal(core->count("ada"), 1);
  assert_text(core->ok("destroy", {text(id)}).answer, "true");
  assert_not_found(core->get(id));
  assert_text(core->ok("destroy", {text(id)}).answer, "false");
  assert_int_equal(core->count("ada"), 0);
  assert_int_equal(keys_of(server, "*").size(), 0);
}

void attributes_keep_their_kinds(void **) {
  const cachecore_value items[] = {number(1), text("two"), nil};
  const cachecore_pair inner[] = {{text("x"), number(-5)}};
  const std::string bytes("\0\xff.b", 4);
  const cachecore_pair pairs[] = {{text("text"), text("Gr\xc3\xbc\xc3\x9f"
                                                      "e")},
                                  {text("empty"), text("")},
                                  {text("bytes"), text(bytes)},
                                  {text("big"), number(INT64_MAX)},
                                  {text("no"), cachecore_bool(0)},
                                  {text("half"), cachecore_double(0.5)},
                                  {text("list"), cachecore_list(items, 3)},
                                  {text("map"), cachecore_map(inner, 1)},
                                  {text("none"), nil},
                                  // Names that a careless layout would take for its own.
                                  {text("version"), text("v")},
                                  {text("moved_to"), text("m")},
                                  {text(".user"), text("u")}};
  const std::string id = core->ok("create", {text("ada"), cachecore_map(pairs, 12)}).at("id");
  const outcome found = core->get(id);
  const attributes expected = {{"text",
                                "Gr\xc3\xbc\xc3\x9f"
                                "e"},
                               {"empty", ""},
                               {"bytes", bytes},
                               {"big", "9223372036854775807"},
                               {"no", "false"},
                               {"half", "0.5"},
                               {"list", "[1, two, nil]"},
                               {"map", "{x: -5}"},
                               {"none", "nil"},
                               {"version", "v"},
                               {"moved_to", "m"},
                               {".user", "u"}};
  assert_int_equal(found.attributes.size(), expected.size());
  for (const auto &[name, value] : expected) assert_text(found.attributes.at(name), value);
  assert_text(found.at("version"), "1");
  assert_text(found.at("user_id"), "ada");
}

void wrong_arguments_are_named(void **) {
  const std::string id = core->create("ada");
  const cachecore_pair by_number[] = {{number(1), text("x")}};
  const cachecore_pair without_name[] = {{text(""), text("x")}};
  const std::string long_user(513, 'u');
  assert_failed(core->call("create", {text("ada"), cachecore_map(by_number, 1)}), CACHECORE_INVALID_ARGUMENT,
                "session.create: attributes: names are texts of 1 to 256 bytes");
  assert_failed(core->call("update", {text(id), cachecore_map(without_name, 1)}), CACHECORE_INVALID_ARGUMENT,
                "changes: names");
  assert_failed(core->call("create", {text("ada"), nil, number(0)}), CACHECORE_INVALID_ARGUMENT, "idle_ms");
  assert_failed(core->call("create", {text("ada"), nil, number(INT64_MAX)}), CACHECORE_INVALID_ARGUMENT,
                "idle_ms must be at most");
  assert_failed(core->call("create", {text("ada"), nil, nil, number(INT64_MAX)}), CACHECORE_INVALID_ARGUMENT,
                "absolute_ms must be at most");
  assert_failed(core->call("create", {text(""), nil}), CACHECORE_INVALID_ARGUMENT, "user_id");
  assert_failed(core->call("create", {text(long_user), nil}), CACHECORE_INVALID_ARGUMENT,
                "user_id must be at most 512 bytes long, got 513");
  assert_failed(core->call("create", {text("ada"), nil, nil, nil, nil, text("ticket")}), CACHECORE_INVALID_ARGUMENT,
                "ticket must be one that session.begin has given");
  assert_failed(core->call("regenerate", {text(id), nil, text("ticket")}), CACHECORE_INVALID_ARGUMENT,
                "user_id must be given");
  assert_failed(core->call("destroy_all", {text("ada"), text("nonsense")}), CACHECORE_INVALID_ARGUMENT,
                "except must be");
  assert_int_equal(core->count("ada"), 1);
}

// An id is a secret: what fails does not repeat it.
void no_error_repeats_an_id(void **) {
  const std::string id = core->create("ada");
  redis(server, "DEL " + only_session());
  assert_not_found(core->get(id));
  const std::string of_other = core->create("bob");
  const std::string name = only_session();
  redis(server, "DEL " + name);
  redis(server, "SET " + name + " something");
  for (const char *method : {"get", "refresh", "regenerate", "destroy"}) {
    const outcome came = core->call(method, {text(of_other)});
    assert_int_equal(came.status, CACHECORE_REJECTED);
    assert_null(strstr(came.message.c_str(), of_other.c_str()));
  }
}

void unknown_ids_are_never_adopted(void **) {
  const std::string gone = core->create("ada");
  core->ok("destroy", {text(gone)});
  const std::string handle = core->ok("create", {text("bob")}).at("handle");
  core->ok("destroy", {text(handle)});
  std::string twisted = gone;
  twisted[20] = twisted[20] == 'A' ? 'B' : 'A';
  for (const std::string &id :
       {gone, twisted, handle, std::string(), std::string("x"), std::string(46, 'A'), std::string(46, '*'), gone + "A",
        std::string("{s00}:s:x"), std::string(10'000, 'A'), std::string("a\0b", 3)}) {
    assert_not_found(core->get(id));
    assert_not_found(core->call("refresh", {text(id)}));
    assert_not_found(core->update(id, {{"a", "b"}}));
    assert_not_found(core->call("regenerate", {text(id)}));
    assert_not_found(core->call("regenerate", {text(id), text("eve")}));
    assert_text(core->ok("destroy", {text(id)}).answer, "false");
  }
  assert_int_equal(keys_of(server, "*").size(), 0);
}

// A handle names a session and opens nothing.
void a_handle_opens_nothing(void **) {
  const std::string handle = core->ok("create", {text("ada")}).at("handle");
  assert_not_found(core->get(handle));
  assert_not_found(core->call("refresh", {text(handle)}));
  assert_not_found(core->update(handle, {{"a", "b"}}));
  assert_not_found(core->call("regenerate", {text(handle)}));
  assert_int_equal(core->count("ada"), 1);
}

void update_changes_what_it_says(void **) {
  const std::string id = core->create("ada", {{"a", "1"}, {"b", "2"}});
  const cachecore_pair changes[] = {{text("b"), text("3")}, {text("c"), number(4)}, {text("a"), nil}};
  assert_text(core->ok("update", {text(id), cachecore_map(changes, 3)}).answer, "2");
  const outcome found = core->get(id);
  assert_text(found.at("version"), "2");
  assert_int_equal(found.attributes.size(), 2);
  assert_text(found.attributes.at("b"), "3");
  assert_text(found.attributes.at("c"), "4");
  // Nothing to change is no change.
  assert_text(core->update(id, {}).answer, "2");
}

void update_of_another_version_changes_nothing(void **) {
  const std::string id = core->create("ada", {{"a", "1"}});
  assert_text(core->update(id, {{"a", "2"}}, number(1)).answer, "2");
  assert_failed(core->update(id, {{"a", "3"}}, number(1)), CACHECORE_CONFLICT, "the session has version 2, not 1");
  assert_text(core->get(id).attributes.at("a"), "2");
}

void use_is_written_seldom_but_in_time(void **) {
  const std::string id = core->create("ada", {}, {number(2 * hour_ms), number(10 * hour_ms)});
  const std::string key = only_session();
  assert_ok(core->get(id));
  const int64_t made_at = std::stoll(redis(server, "HGET " + key + " seen"));
  // Less than a tenth of 2 h: not written.
  let_pass(server, key, 11 * 60'000);
  assert_ok(core->get(id));
  assert_in_range(left_ms(key), 1, 2 * hour_ms - 10 * 60'000);
  assert_text(redis(server, "HGET " + key + " seen"), std::to_string(made_at - 11 * 60'000));
  // More: written.
  let_pass(server, key, 2 * 60'000);
  assert_ok(core->get(id));
  assert_in_range(left_ms(key), 2 * hour_ms - 60'000, 2 * hour_ms);
}

void a_short_idle_time_is_written_in_time_too(void **) {
  const std::string id = core->create("ada", {}, {number(60'000), number(hour_ms)});
  const std::string key = only_session();
  let_pass(server, key, 31'000);
  assert_ok(core->get(id));
  assert_in_range(left_ms(key), 50'000, 60'000);
}

void an_idle_session_ends(void **) {
  const std::string id = core->create("ada", {}, {number(20)});
  wait_until("the end of an idle session", [] { return keys_of(server, "{s??}:s:*").empty(); });
  assert_not_found(core->get(id));
  assert_int_equal(core->count("ada"), 0);
  assert_text(core->ok("list", {text("ada")}).answer, "[]");
}

// Whatever uses the session or changes its id.
void the_absolute_end_never_moves(void **) {
  std::string id = core->create("ada", {}, {number(hour_ms), number(2 * hour_ms)});
  let_pass(server, only_session(), hour_ms / 2);
  const std::string ends = core->get(id).at("ends_at_ms");
  core->ok("refresh", {text(id)});
  core->update(id, {{"a", "b"}});
  id = core->ok("regenerate", {text(id)}).at("id");
  assert_text(core->get(id).at("ends_at_ms"), ends);
}

void use_does_not_reach_beyond_the_absolute_end(void **) {
  const std::string id = core->create("ada", {}, {number(hour_ms), number(2 * hour_ms)});
  const std::string key = only_session();
  let_pass(server, key, hour_ms - 60'000);
  core->ok("refresh", {text(id)});
  let_pass(server, key, hour_ms - 60'000);
  // 2 minutes are left of 2 hours.
  assert_in_range(std::stoll(core->ok("refresh", {text(id)}).answer), 60'000, 120'000);
  core->update(id, {{"a", "b"}});
  assert_ok(core->get(id));
  assert_in_range(left_ms(key), 60'000, 120'000);
}

void devices_are_listed_and_ended_by_handle(void **) {
  const std::string phone = core->create("ada", {{"device", "phone"}}, {number(hour_ms)});
  const std::string laptop = core->create("ada", {{"device", "laptop"}}, {number(2 * hour_ms)});
  core->create("bob");
  const outcome listed = core->ok("list", {text("ada")});
  assert_int_equal(listed.handles.size(), 2);
  assert_null(strstr(listed.answer.c_str(), phone.c_str()));
  assert_null(strstr(listed.answer.c_str(), laptop.c_str()));
  assert_contains(listed.answer, "device: laptop");
  assert_text(listed.handles[0], core->get(laptop).at("handle"));
  assert_text(core->ok("destroy", {text(listed.handles[1])}).answer, "true");
  assert_not_found(core->get(phone));
  assert_ok(core->get(laptop));
  assert_int_equal(core->count("ada"), 1);
  assert_int_equal(core->count("bob"), 1);
}

void all_but_one_are_ended(void **) {
  enum class named { by_id, by_handle, by_old_id, by_another_users };
  for (const named spared : {named::by_id, named::by_handle, named::by_old_id, named::by_another_users}) {
    assert_text(redis(server, "FLUSHALL"), "OK");
    const std::string first = core->create("ada");
    const std::string here = core->ok("regenerate", {text(first)}).at("id");
    const std::string there = core->create("ada");
    const std::string bobs = core->create("bob");
    std::string name = here;
    if (spared == named::by_handle) name = core->get(here).at("handle");
    if (spared == named::by_old_id) name = first;
    if (spared == named::by_another_users) name = bobs;
    const bool lives = spared != named::by_another_users;
    assert_text(core->ok("destroy_all", {text("ada"), text(name)}).answer, lives ? "1" : "2");
    assert_int_equal(core->get(here).ok(), lives);
    assert_int_equal(core->get(first).ok(), lives);
    assert_not_found(core->get(there));
    assert_ok(core->get(bobs));
    assert_int_equal(core->count("ada"), lives ? 1 : 0);
  }
}

void all_are_ended(void **) {
  std::vector<std::string> ids;
  ids.reserve(5);
  for (int i = 0; i < 5; i++) ids.push_back(core->create("ada"));
  assert_text(core->ok("destroy_all", {text("ada")}).answer, "5");
  for (const std::string &id : ids) assert_not_found(core->get(id));
  assert_text(core->ok("destroy_all", {text("ada")}).answer, "0");
  assert_int_equal(keys_of(server, "*:s:*").size() + keys_of(server, "*:u:*").size(), 0);
}

void the_oldest_make_room(void **) {
  std::vector<std::string> ids;
  ids.reserve(3);
  for (int i = 1; i <= 3; i++) ids.push_back(core->create("ada", {}, {number(i * hour_ms)}));
  const outcome fourth = core->ok("create", {text("ada"), nil, nil, nil, number(2)});
  assert_text(fourth.at("ended"), "2");
  assert_int_equal(core->count("ada"), 2);
  assert_not_found(core->get(ids[0]));
  assert_not_found(core->get(ids[1]));
  assert_ok(core->get(ids[2]));
  assert_ok(core->get(fourth.at("id")));
}

// A password is changed (destroy_all) while a login with the old one is under way.
void a_ticket_ends_with_all_sessions(void **) {
  const std::string before = core->ok("begin", {text("ada")}).answer;
  const std::string guest = core->create("");
  const auto create = [](const std::string &ticket) {
    return core->call("create", {text("ada"), nil, nil, nil, nil, text(ticket)});
  };
  assert_ok(create(before));
  core->ok("destroy_all", {text("ada")});
  assert_failed(create(before), CACHECORE_CONFLICT, "destroy_all");
  assert_failed(core->call("regenerate", {text(guest), text("ada"), text(before)}), CACHECORE_CONFLICT, "destroy_all");
  assert_ok(core->get(guest));
  assert_int_equal(core->count("ada"), 0);
  const std::string after = core->ok("begin", {text("ada")}).answer;
  assert_ok(create(after));
  assert_ok(core->call("regenerate", {text(guest), text("ada"), text(after)}));
  core->ok("destroy_all", {text("ada")});
  assert_failed(create(after), CACHECORE_CONFLICT, "destroy_all");
}

void a_ticket_is_for_one_user_and_a_while(void **) {
  const std::string ticket = core->ok("begin", {text("ada")}).answer;
  assert_failed(core->call("create", {text("bob"), nil, nil, nil, nil, text(ticket)}), CACHECORE_INVALID_ARGUMENT,
                "ticket was given for another user_id");
  assert_failed(core->call("create", {nil, nil, nil, nil, nil, text(ticket)}), CACHECORE_INVALID_ARGUMENT,
                "ticket is for a session with a user_id");
  using namespace session_plugin;
  const token read = *read_token(ticket, token_kind::ticket);
  ticket_parts parts = parts_of_ticket(read);
  // 16 minutes old, and one from a clock that has been set back since.
  for (const int64_t shift_ms : {-960'000, 60'000}) {
    ticket_parts shifted = parts;
    shifted.made_at_ms += shift_ms;
    const token_text late = text_of(make_ticket(read[1], shifted));
    assert_failed(core->call("create", {text("ada"), nil, nil, nil, nil, text({late.data(), late.size()})}),
                  CACHECORE_CONFLICT, "older than 15 minutes");
  }
  // The mark that ends tickets outlives them.
  core->ok("destroy_all", {text("ada")});
  assert_true(left_ms(keys_of(server, "*:d:*").at(0)) > 960'000);
}

}  // namespace

int session_test::life_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_session_is_made_read_and_ended, empty),
      cmocka_unit_test_setup(attributes_keep_their_kinds, empty),
      cmocka_unit_test_setup(wrong_arguments_are_named, empty),
      cmocka_unit_test_setup(no_error_repeats_an_id, empty),
      cmocka_unit_test_setup(unknown_ids_are_never_adopted, empty),
      cmocka_unit_test_setup(a_handle_opens_nothing, empty),
      cmocka_unit_test_setup(update_changes_what_it_says, empty),
      cmocka_unit_test_setup(update_of_another_version_changes_nothing, empty),
      cmocka_unit_test_setup(use_is_written_seldom_but_in_time, empty),
      cmocka_unit_test_setup(a_short_idle_time_is_written_in_time_too, empty),
      cmocka_unit_test_setup(an_idle_session_ends, empty),
      cmocka_unit_test_setup(the_absolute_end_never_moves, empty),
      cmocka_unit_test_setup(use_does_not_reach_beyond_the_absolute_end, empty),
      cmocka_unit_test_setup(devices_are_listed_and_ended_by_handle, empty),
      cmocka_unit_test_setup(all_but_one_are_ended, empty),
      cmocka_unit_test_setup(all_are_ended, empty),
      cmocka_unit_test_setup(the_oldest_make_room, empty),
      cmocka_unit_test_setup(a_ticket_ends_with_all_sessions, empty),
      cmocka_unit_test_setup(a_ticket_is_for_one_user_and_a_while, empty),
  };
  return cmocka_run_group_tests_name("life", tests, start, stop);
}
