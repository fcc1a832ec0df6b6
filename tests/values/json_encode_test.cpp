// What values look like as JSON, and which cannot be written.

#include <cmath>
#include <limits>
#include <vector>

#include "cmocka_cpp.h"
#include "core/failure.h"
#include "core/values/json.h"

namespace {

using cachecore_internal::json_encode;

std::string encoded(const cachecore_value &value) {
  std::string out;
  json_encode(value, out);
  return out;
}

cachecore_value text(std::string_view bytes) { return cachecore_bytes(bytes.data(), bytes.size()); }

cachecore_value error_value(int32_t status, std::string_view message) {
  cachecore_value error = text(message);
  error.kind = CACHECORE_ERROR;
  error.reserved = status;
  return error;
}

// The failure's message; encoding must also have left the output alone.
std::string refusal(const cachecore_value &value) {
  std::string out = "before";
  std::string message;
  try {
    json_encode(value, out);
  } catch (const cachecore_internal::failure &failure) {
    assert_int_equal(failure.status(), CACHECORE_INVALID_ARGUMENT);
    message = failure.message();
  }
  assert_text(out, "before");
  assert_true(!message.empty());
  return message;
}

void integers_are_exact(void **) {
  assert_text(encoded(cachecore_int(0)), "0");
  assert_text(encoded(cachecore_int(-1)), "-1");
  assert_text(encoded(cachecore_int(std::numeric_limits<int64_t>::max())), "9223372036854775807");
  assert_text(encoded(cachecore_int(std::numeric_limits<int64_t>::min())), "-9223372036854775808");
  assert_text(encoded(cachecore_int((int64_t{1} << 53) + 1)), "9007199254740993");
}

void doubles_stay_doubles(void **) {
  assert_text(encoded(cachecore_double(1.0)), "1.0");
  assert_text(encoded(cachecore_double(0.0)), "0.0");
  assert_text(encoded(cachecore_double(-0.0)), "-0.0");
  assert_text(encoded(cachecore_double(0.1)), "0.1");
  assert_text(encoded(cachecore_double(0.1 + 0.2)), "0.30000000000000004");
  assert_text(encoded(cachecore_double(1e300)), "1e+300");
  assert_text(encoded(cachecore_double(5e-324)), "5e-324");
  assert_text(encoded(cachecore_double(1.7976931348623157e308)), "1.7976931348623157e+308");
  assert_text(encoded(cachecore_double(9007199254740992.0)), "9007199254740992.0");
  assert_text(encoded(cachecore_double(-1e22)), "-1e+22");
}

void words_and_nil(void **) {
  assert_text(encoded(cachecore_nil()), "null");
  assert_text(encoded(cachecore_bool(1)), "true");
  assert_text(encoded(cachecore_bool(0)), "false");
}

void text_is_escaped(void **) {
  assert_text(encoded(text("")), "\"\"");
  assert_text(encoded(text("plain text that is longer than a word")), "\"plain text that is longer than a word\"");
  assert_text(encoded(text("\"\\\b\f\n\r\t/")), R"("\"\\\b\f\n\r\t/")");
  assert_text(encoded(text({"a\0b", 3})), R"("a\u0000b")");
  assert_text(encoded(text("\x01\x1f\x7f")), "\"\\u0001\\u001f\x7f\"");
  assert_text(encoded(text("1234567\"")), R"("1234567\"")");
  assert_text(encoded(text("12345678\x1f")), R"("12345678\u001f")");
  assert_text(encoded(text("\u00e9\u20ac\U0001f600")), "\"\u00e9\u20ac\U0001f600\"");
}

void each_byte_is_escaped_at_each_place(void **) {
  for (int byte = 0; byte < 0x80; byte++) {
    for (size_t place = 0; place < 17; place++) {
      std::string plain(17, 'x');
      plain[place] = static_cast<char>(byte);
      const std::string json = encoded(text(plain));
      const bool must_escape = byte < 0x20 || byte == '"' || byte == '\\';
      assert_int_equal(json.size() > plain.size() + 2, must_escape);
      if (must_escape) assert_int_equal(json[1 + place], '\\');
    }
  }
}

void bytes_that_are_not_text(void **) {
  assert_text(encoded(text("\xff")), R"({"$bytes":"/w=="})");
  assert_text(encoded(text({"\x00\x01\x02\x03\x80", 5})), R"({"$bytes":"AAECA4A="})");
  assert_text(encoded(text("\xed\xa0\x80")), R"({"$bytes":"7aCA"})");
}

void lists_and_maps(void **) {
  const cachecore_value items[] = {cachecore_int(1), cachecore_double(1), cachecore_list(nullptr, 0)};
  assert_text(encoded(cachecore_list(items, 3)), "[1,1.0,[]]");
  const cachecore_pair pairs[] = {{text("b"), items[0]}, {text("a"), cachecore_map(nullptr, 0)}};
  assert_text(encoded(cachecore_map(pairs, 2)), R"({"b":1,"a":{}})");
}

void maps_with_other_keys(void **) {
  const cachecore_pair number[] = {{cachecore_int(7), text("v")}, {text("a"), cachecore_nil()}};
  assert_text(encoded(cachecore_map(number, 2)), R"({"$map":[[7,"v"],["a",null]]})");
  const cachecore_pair nil[] = {{cachecore_nil(), cachecore_nil()}};
  assert_text(encoded(cachecore_map(nil, 1)), R"({"$map":[[null,null]]})");
  const cachecore_pair binary[] = {{text("\xff"), cachecore_nil()}};
  assert_text(encoded(cachecore_map(binary, 1)), R"({"$map":[[{"$bytes":"/w=="},null]]})");
  const cachecore_pair twice[] = {{text("a"), cachecore_int(1)}, {text("a"), cachecore_int(2)}};
  assert_text(encoded(cachecore_map(twice, 2)), R"({"$map":[["a",1],["a",2]]})");
}

void equal_keys_are_found_in_large_maps(void **) {
  std::vector<std::string> keys(500);
  std::vector<cachecore_pair> pairs(keys.size());
  for (size_t i = 0; i < keys.size(); i++) {
    keys[i] = "key" + std::to_string(i);
    pairs[i] = {text(keys[i]), cachecore_nil()};
  }
  assert_text(encoded(cachecore_map(pairs.data(), pairs.size())).substr(0, 12), R"({"key0":null)");
  pairs[499].key = text(keys[3]);
  assert_text(encoded(cachecore_map(pairs.data(), pairs.size())).substr(0, 15), R"({"$map":[["key0)");
}

void maps_that_look_like_markers(void **) {
  for (const char *marker : {"$bytes", "$map", "$error"}) {
    const cachecore_pair pairs[] = {{cachecore_text(marker), text("AA==")}, {text("a"), cachecore_int(1)}};
    const std::string name(marker);
    assert_text(encoded(cachecore_map(pairs, 1)), R"({"$map":[[")" + name + R"(","AA=="]]})");
    assert_text(encoded(cachecore_map(pairs, 2)), "{\"" + name + R"(":"AA==","a":1})");
  }
}

void errors_inside_trees(void **) {
  const cachecore_value items[] = {error_value(CACHECORE_REJECTED, "WRONGTYPE not a \"list\"")};
  assert_text(encoded(cachecore_list(items, 1)),
              R"([{"$error":{"status":"REJECTED","message":"WRONGTYPE not a \"list\""}}])");
  assert_text(encoded(error_value(-4711, "\xff")), R"({"$error":{"status":-4711,"message":{"$bytes":"/w=="}}})");
}

void refuses_what_json_cannot_say(void **) {
  const cachecore_value items[] = {cachecore_int(1), cachecore_double(NAN)};
  const cachecore_pair pairs[] = {{text("fine"), cachecore_int(1)}, {text("readings"), cachecore_list(items, 2)}};
  const std::string message = refusal(cachecore_map(pairs, 2));
  assert_contains(message, "$.readings[1]");
  assert_contains(message, "not finite");
  assert_contains(refusal(cachecore_double(INFINITY)), "not finite");
  assert_contains(refusal(cachecore_double(-INFINITY)), "not finite");
}

void refuses_broken_values(void **) {
  cachecore_value strange = cachecore_nil();
  strange.kind = 8;
  const cachecore_value items[] = {strange};
  assert_contains(refusal(cachecore_list(items, 1)), "$[0] is of kind 8");
  assert_contains(refusal(cachecore_bytes(nullptr, 3)), "no data");
  assert_contains(refusal(cachecore_list(nullptr, 3)), "without items");
  assert_contains(refusal(cachecore_map(nullptr, 3)), "without pairs");
  const cachecore_pair key[] = {{cachecore_bytes(nullptr, 3), cachecore_nil()}};
  assert_contains(refusal(cachecore_map(key, 1)), "$.{key 0}");
}

void messages_do_not_repeat_strange_keys(void **) {
  const std::string long_key(1000, 'k');
  const cachecore_pair pairs[] = {{text("line\nbreak"), cachecore_double(NAN)}};
  assert_contains(refusal(cachecore_map(pairs, 1)), "$.{value 0} is");
  const cachecore_pair long_pairs[] = {{text(long_key), cachecore_double(NAN)}};
  assert_contains(refusal(cachecore_map(long_pairs, 1)), "$.{value 0} is");
}

// `levels` lists around a leaf.
std::string nested(size_t levels, const cachecore_value &leaf, bool refused) {
  std::vector<cachecore_value> lists(levels + 1);
  lists[0] = leaf;
  for (size_t i = 1; i <= levels; i++) lists[i] = cachecore_list(&lists[i - 1], 1);
  return refused ? refusal(lists[levels]) : encoded(lists[levels]);
}

void depth_is_bounded(void **) {
  assert_int_equal(nested(64, cachecore_int(1), false).size(), 129);
  assert_int_equal(nested(64, cachecore_list(nullptr, 0), false).size(), 130);
  assert_contains(nested(65, cachecore_int(1), true), "64 levels");
  assert_contains(nested(1000, cachecore_int(1), true), "64 levels");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(integers_are_exact),
      cmocka_unit_test(doubles_stay_doubles),
      cmocka_unit_test(words_and_nil),
      cmocka_unit_test(text_is_escaped),
      cmocka_unit_test(each_byte_is_escaped_at_each_place),
      cmocka_unit_test(bytes_that_are_not_text),
      cmocka_unit_test(lists_and_maps),
      cmocka_unit_test(maps_with_other_keys),
      cmocka_unit_test(equal_keys_are_found_in_large_maps),
      cmocka_unit_test(maps_that_look_like_markers),
      cmocka_unit_test(errors_inside_trees),
      cmocka_unit_test(refuses_what_json_cannot_say),
      cmocka_unit_test(refuses_broken_values),
      cmocka_unit_test(messages_do_not_repeat_strange_keys),
      cmocka_unit_test(depth_is_bounded),
  };
  return cmocka_run_group_tests_name("values json encode", tests, nullptr, nullptr);
}
