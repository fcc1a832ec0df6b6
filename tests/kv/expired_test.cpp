// watch_expired.

#include <cstdlib>
#include <string>

#include "kv_core.h"
#include "tests/support/unit.h"

using namespace kv_test;

namespace {

// Makes a key and waits until the server has noticed that it expired.
void let_expire(kv_core &core, const char *key) {
  free(test_command_text(core.server(), "SET %s v PX 1", key));
  struct waited {
    kv_core *core;
    const char *key;
  } context{&core, key};
  const auto gone = [](void *given) {
    auto *about = static_cast<waited *>(given);
    return test_command_integer(about->core->server(), "EXISTS %s", about->key) == 0 ? 1 : 0;
  };
  assert_int_equal(test_wait_until(gone, &context, test_patience_ms()), 1);
}

void needs_a_server_that_announces(void **state) {
  kv_core &core = core_of(state);
  for (const char *setting : {"", "E", "x", "Kx", "Elg"}) {
    free(test_command_text(core.server(), "CONFIG SET notify-keyspace-events %s", setting));
    watch stream(core, {});
    const std::string ended = stream.next();
    assert_contains(ended, "INVALID_STATE: kv.watch_expired: ");
    assert_contains(ended, "notify-keyspace-events Ex");
  }
}

void streams_expired_keys_that_match(void **state) {
  kv_core &core = core_of(state);
  core.redis("CONFIG SET notify-keyspace-events Ex");
  watch stream(core, {text("user:[0-9]*")});
  watch everything(core, {});
  assert_text(stream.next(), "{kind: watching, verified: true}");
  assert_text(everything.next(), "{kind: watching, verified: true}");
  for (const char *key : {"app[1]:item:1", "user:1", "app1:user:1", "app[1]:user:x", "app[1]:user:42", "app[1]:user:7"})
    let_expire(core, key);
  // Deleting is not expiring.
  core.answer("set", {text("user:8"), text("v")});
  core.answer("delete", {text("user:8")});
  let_expire(core, "app[1]:user:9");
  for (const char *key : {"user:42", "user:7", "user:9"}) {
    assert_text(stream.next(), (std::string("{kind: expired, key: ") + key + "}").c_str());
  }
  for (const char *key : {"item:1", "user:x", "user:42", "user:7", "user:9"}) {
    assert_text(everything.next(), (std::string("{kind: expired, key: ") + key + "}").c_str());
  }
  stream.cancel();
  assert_contains(stream.next(), "CANCELLED");
}

void watches_its_own_database(void **state) {
  kv_core &core = core_of(state);
  core.redis("CONFIG SET notify-keyspace-events AKE");
  watch stream(core, {text("*")});
  assert_text(stream.next(), "{kind: watching, verified: true}");
  // The core's connections use database 0; this key is in 1.
  const char *script = "redis.call('SELECT', 1) redis.call('SET', KEYS[1], 'v', 'PX', 1)";
  free(test_command_text(core.server(), "EVAL %s 1 app[1]:elsewhere", script));
  const auto gone = [](void *given) {
    const char *look = "redis.call('SELECT', 1) return redis.call('EXISTS', KEYS[1])";
    return test_command_integer(static_cast<kv_core *>(given)->server(), "EVAL %s 1 app[1]:elsewhere", look) == 0 ? 1
                                                                                                                  : 0;
  };
  assert_int_equal(test_wait_until(gone, &core, test_patience_ms()), 1);
  let_expire(core, "app[1]:here");
  assert_text(stream.next(), "{kind: expired, key: here}");
}

void tells_when_it_was_deaf(void **state) {
  kv_core &core = core_of(state);
  core.redis("CONFIG SET notify-keyspace-events Ex");
  watch stream(core, {text("*")});
  assert_text(stream.next(), "{kind: watching, verified: true}");
  core.redis("CLIENT KILL TYPE pubsub");
  assert_contains(stream.next(), "{kind: deaf, reason: ");
  assert_text(stream.next(), "{kind: watching, verified: true}");
  let_expire(core, "app[1]:k");
  assert_text(stream.next(), "{kind: expired, key: k}");
}

void goes_on_where_it_may_not_check(void **state) {
  kv_core &core = core_of(state);
  core.redis("CONFIG SET notify-keyspace-events Ex");
  core.redis("ACL SETUSER default -config");
  watch stream(core, {text("*")});
  const std::string first = stream.next();
  core.redis("ACL SETUSER default +config");
  assert_text(first, "{kind: watching, verified: false}");
}

void is_no_call(void **state) {
  kv_core &core = core_of(state);
  assert_int_equal(core.call("watch_expired", {text("*")}).status, CACHECORE_INVALID_ARGUMENT);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(needs_a_server_that_announces, empty_database),
      cmocka_unit_test_setup(streams_expired_keys_that_match, empty_database),
      cmocka_unit_test_setup(watches_its_own_database, empty_database),
      cmocka_unit_test_setup(tells_when_it_was_deaf, empty_database),
      cmocka_unit_test_setup(goes_on_where_it_may_not_check, empty_database),
      cmocka_unit_test_setup(is_no_call, empty_database),
  };
  return cmocka_run_group_tests(tests, start_prefixed_core, stop_core);
}
