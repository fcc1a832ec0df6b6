// What each method sends, over a fake host whose borrowed arguments are gone once a method waits.

#include <cachecore/plugin.h>

#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "tests/plugins/fake_host.h"
#include "tests/support/unit.h"

extern "C" const cachecore_plugin *cachecore_plugin_entry_v1(void);

namespace {

cachecore_value text(const char *bytes) { return cachecore_text(bytes); }
cachecore_value number(int64_t integer) { return cachecore_int(integer); }
const cachecore_value nil = cachecore_nil();

cachecore_value list(std::vector<cachecore_value> items) {
  static std::deque<std::vector<cachecore_value>> kept;
  kept.push_back(std::move(items));
  return cachecore_list(kept.back().data(), kept.back().size());
}

cachecore_value map(std::vector<cachecore_pair> pairs) {
  static std::deque<std::vector<cachecore_pair>> kept;
  kept.push_back(std::move(pairs));
  return cachecore_map(kept.back().data(), kept.back().size());
}

cachecore_value failed_reply(const char *message) {
  cachecore_value reply = text(message);
  reply.kind = CACHECORE_ERROR;
  reply.reserved = CACHECORE_REJECTED;
  return reply;
}

struct exchange {
  const char *request;
  fake::outcome answer;
};

struct expected_call {
  const char *method;
  std::vector<cachecore_value> args;
  std::vector<exchange> exchanges;
  const char *answer;  // or "NOT_FOUND", or "!MESSAGE" of a failure
};

const char *mset = "MSET p:a 1 p:b 2";
const char *sets = "SET p:a 1 PX 9; SET p:b 2 PX 9";
const char *count_window = "MULTI: SET p:k 0 PX 9 NX; INCRBY p:k 5";
const char *persist = "MULTI: PERSIST p:k; EXISTS p:k";
const char *scan = "each: SCAN 0 MATCH p:a* COUNT 1000 +isolated";
const char *scan_on = "node 1: SCAN 17 MATCH p:a* COUNT 1000 +isolated";

void sends_what_it_should(void **) {
  using fake::ok;
  const cachecore_value pairs = map({{text("a"), text("1")}, {text("b"), number(2)}});
  const cachecore_value first_pages =
      list({list({text("0"), list({text("p:a1"), text("p:a2")})}), list({text("17"), list({})})});
  const std::vector<expected_call> calls = {
      {"set", {text("k"), text("v"), nil, nil}, {{"SET p:k v", ok(text("OK"))}}, "true"},
      {"set",
       {text("k"), text("v"), number(9), map({{text("if"), text("absent")}})},
       {{"SET p:k v PX 9 NX", ok(nil)}},
       "false"},
      {"set",
       {text("k"), text("v"), nil, map({{text("if"), text("present")}, {text("keep_ttl"), cachecore_bool(1)}})},
       {{"SET p:k v KEEPTTL XX", ok(text("OK"))}},
       "true"},
      {"get", {text("k")}, {{"GET p:k", ok(text("v"))}}, "v"},
      {"get", {text("k")}, {{"GET p:k", ok(nil)}}, "NOT_FOUND"},
      {"set_many", {pairs, nil}, {{mset, ok(text("OK"))}}, "2"},
      {"set_many", {pairs, number(9)}, {{sets, ok(list({text("OK"), text("OK")}))}}, "2"},
      {"set_many", {pairs, number(9)}, {{sets, ok(list({text("OK"), failed_reply("OOM no")}))}}, "!OOM no"},
      {"get_many", {list({text("a"), text("b")})}, {{"MGET p:a p:b", ok(list({nil, text("2")}))}}, "[nil, 2]"},
      {"increment", {text("k"), number(5), nil}, {{"INCRBY p:k 5", ok(number(6))}}, "6"},
      {"increment", {text("k"), number(5), number(9)}, {{count_window, ok(list({nil, number(6)}))}}, "6"},
      {"increment",
       {text("k"), number(5), number(9)},
       {{count_window, ok(list({nil, failed_reply("WRONGTYPE no")}))}},
       "!WRONGTYPE no"},
      {"compare_and_set", {text("k"), nil, text("b"), number(9)}, {{"SET p:k b NX PX 9", ok(nil)}}, "false"},
      {"set_json", {text("k"), number(1), number(9)}, {{"SET p:k json 1 PX 9", ok(text("OK"))}}, "nil"},
      {"get_json", {text("k"), text("text")}, {{"GET p:k", ok(text("json v"))}}, "v"},
      {"get_json",
       {text("k"), text("map")},
       {{"GET p:k", ok(text("json v"))}},
       "!the key \"k\" holds JSON of kind bytes, not map"},
      {"get_json", {text("k"), nil}, {{"GET p:k", ok(text("v"))}}, "!the key \"k\" holds something that is not JSON"},
      {"get_json", {text("k"), nil}, {{"GET p:k", ok(nil)}}, "NOT_FOUND"},
      {"delete", {text("k")}, {{"UNLINK p:k", ok(number(1))}}, "true"},
      {"delete_many", {list({text("a"), text("b")})}, {{"UNLINK p:a p:b", ok(number(1))}}, "1"},
      {"delete_matching",
       {text("a*")},
       {{scan, ok(first_pages)},
        {"UNLINK p:a1; UNLINK p:a2 +isolated", ok(list({number(1), number(0)}))},
        {scan_on, ok(list({text("0"), list({text("p:a3")})}))},
        {"UNLINK p:a3 +isolated", ok(list({number(1)}))}},
       "2"},
      {"delete_matching", {text("a*")}, {{scan, ok(list({failed_reply("NOPERM no")}))}}, "!NOPERM no"},
      {"delete_matching",
       {text("a*")},
       {{scan, ok(first_pages)},
        {"UNLINK p:a1; UNLINK p:a2 +isolated", fake::failed(CACHECORE_CANCELLED, "cancelled")}},
       "!cancelled"},
      {"delete_matching",
       {text("a*")},
       {{scan, ok(first_pages)},
        {"UNLINK p:a1; UNLINK p:a2 +isolated", ok(list({number(1), number(1)}))},
        {scan_on, fake::failed(CACHECORE_TIMEOUT, "late")}},
       "!late"},
      {"exists", {text("k")}, {{"EXISTS p:k", ok(number(0))}}, "false"},
      {"expire", {text("k"), number(9)}, {{"PEXPIRE p:k 9", ok(number(1))}}, "true"},
      {"expire", {text("k"), number(-1)}, {{persist, ok(list({number(0), number(1)}))}}, "true"},
      {"expire", {text("k"), number(-1)}, {{persist, ok(list({number(0), number(0)}))}}, "NOT_FOUND"},
      {"ttl", {text("k")}, {{"PTTL p:k", ok(number(-1))}}, "-1"},
      {"ttl", {text("k")}, {{"PTTL p:k", ok(number(-2))}}, "NOT_FOUND"},
      {"hash_set", {text("k"), text("f"), text("v")}, {{"HSET p:k f v", ok(number(1))}}, "true"},
      {"hash_get", {text("k"), text("f")}, {{"HGET p:k f", ok(nil)}}, "NOT_FOUND"},
      {"hash_get_all", {text("k")}, {{"HGETALL p:k", ok(list({text("f"), text("v")}))}}, "{f: v}"},
      {"hash_get_all", {text("k")}, {{"HGETALL p:k", ok(map({{text("f"), text("v")}}))}}, "{f: v}"},
      {"hash_get_all", {text("k")}, {{"HGETALL p:k", ok(list({}))}}, "NOT_FOUND"},
      {"hash_set_many", {text("k"), pairs, nil}, {{"HSET p:k a 1 b 2", ok(number(2))}}, "2"},
      {"hash_increment", {text("k"), text("f"), number(2)}, {{"HINCRBY p:k f 2", ok(number(3))}}, "3"},
      {"hash_delete", {text("k"), text("f")}, {{"HDEL p:k f", ok(number(1))}}, "1"},
      {"hash_delete", {text("k"), list({text("f"), text("g")})}, {{"HDEL p:k f g", ok(number(1))}}, "1"},
      {"list_push", {text("k"), text("v"), text("left")}, {{"LPUSH p:k v", ok(number(1))}}, "1"},
      {"list_push", {text("k"), list({text("v"), number(2)}), text("right")}, {{"RPUSH p:k v 2", ok(number(1))}}, "1"},
      {"list_pop", {text("k"), text("right")}, {{"RPOP p:k", ok(text("v"))}}, "v"},
      {"list_range", {text("k"), number(0), number(-1)}, {{"LRANGE p:k 0 -1", ok(list({}))}}, "[]"},
      {"list_remove", {text("k"), text("v"), number(0)}, {{"LREM p:k 0 v", ok(number(1))}}, "1"},
  };
  for (const expected_call &expected : calls) {
    fake::host host(cachecore_plugin_entry_v1(), "p:");
    assert_int_equal(host.create(), CACHECORE_OK);
    for (const exchange &each : expected.exchanges) host.answers[each.request].push_back(each.answer);
    const cachecore_invocation &ended = host.call(expected.method, expected.args);
    assert_int_equal(ended.ended, 1);
    assert_int_equal(host.requests.size(), expected.exchanges.size());
    for (size_t i = 0; i < host.requests.size(); i++) {
      assert_string_equal(host.requests[i].c_str(), expected.exchanges[i].request);
    }
    if (std::strcmp(expected.answer, "NOT_FOUND") == 0) {
      assert_int_equal(ended.status, CACHECORE_NOT_FOUND);
    } else if (expected.answer[0] == '!') {
      assert_string_equal(ended.message.c_str(), expected.answer + 1);
    } else {
      assert_int_equal(ended.status, CACHECORE_OK);
      assert_string_equal(ended.answer.c_str(), expected.answer);
    }
  }
}

// A scan of many pages stays within its memory.
void scans_in_bounded_memory(void **) {
  const char *page = "node 0: SCAN 1 MATCH p:* COUNT 1000 +isolated";
  size_t allocations[2] = {};
  for (const size_t pages : {size_t{10}, size_t{1000}}) {
    fake::host host(cachecore_plugin_entry_v1(), "p:");
    assert_int_equal(host.create(), CACHECORE_OK);
    const fake::outcome full = fake::ok(list({text("1"), list({text("p:a")})}));
    host.answers["each: SCAN 0 MATCH p:* COUNT 1000 +isolated"].push_back(fake::ok(list({full.value})));
    for (size_t i = 0; i < pages; i++) host.answers[page].push_back(full);
    host.answers[page].push_back(fake::ok(list({text("0"), list({})})));
    for (size_t i = 0; i <= pages; i++) host.answers["UNLINK p:a +isolated"].push_back(fake::ok(list({number(1)})));
    const cachecore_invocation &ended = host.call("delete_matching", {text("*")});
    assert_string_equal(ended.answer.c_str(), std::to_string(pages + 1).c_str());
    allocations[pages == 10 ? 0 : 1] = ended.allocations;
  }
  assert_int_equal(allocations[0], allocations[1]);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(sends_what_it_should),
      cmocka_unit_test(scans_in_bounded_memory),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
