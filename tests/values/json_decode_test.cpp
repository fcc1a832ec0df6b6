// Which JSON texts are read as what, and what is said about the others.

#include <cmath>
#include <limits>

#include "cmocka_cpp.h"
#include "core/failure.h"
#include "core/values/json.h"
#include "value_tree.h"

namespace {

using cachecore_internal::arena;
using cachecore_internal::json_decode;
using cachecore_internal::json_encode;
using cachecore_test::bytes_of;

int64_t integer_in(std::string_view json) {
  arena memory;
  const cachecore_value value = json_decode(json, memory);
  assert_int_equal(value.kind, CACHECORE_INT);
  return value.as.integer;
}

double double_in(std::string_view json) {
  arena memory;
  const cachecore_value value = json_decode(json, memory);
  assert_int_equal(value.kind, CACHECORE_DOUBLE);
  return value.as.real;
}

std::string bytes_in(std::string_view json) {
  arena memory;
  const cachecore_value value = json_decode(json, memory);
  assert_int_equal(value.kind, CACHECORE_BYTES);
  assert_int_equal(value.as.bytes.data[value.as.bytes.size], '\0');
  return std::string(bytes_of(value));
}

// The text, read and written again.
std::string rewritten(std::string_view json) {
  arena memory;
  std::string out;
  json_encode(json_decode(json, memory), out);
  return out;
}

std::string refusal(std::string_view json) {
  arena memory;
  try {
    json_decode(json, memory);
  } catch (const cachecore_internal::failure &failure) {
    assert_int_equal(failure.status(), CACHECORE_INVALID_ARGUMENT);
    return failure.message();
  }
  print_error("accepted: %.*s\n", static_cast<int>(json.size()), json.data());
  _fail(__FILE__, __LINE__);
  return {};
}

void refused_at(std::string_view json, size_t offset, std::string_view reason) {
  const std::string message = refusal(json);
  assert_contains(message, "offset " + std::to_string(offset) + ":");
  assert_contains(message, reason);
}

void integers_are_exact(void **) {
  assert_int_equal(integer_in("0"), 0);
  assert_int_equal(integer_in("-0"), 0);
  assert_int_equal(integer_in(" 42 "), 42);
  assert_true(integer_in("9223372036854775807") == std::numeric_limits<int64_t>::max());
  assert_true(integer_in("-9223372036854775808") == std::numeric_limits<int64_t>::min());
  assert_true(integer_in("9007199254740993") == (int64_t{1} << 53) + 1);
}

void integers_beyond_64_bits_are_refused(void **) {
  refused_at("9223372036854775808", 0, "integer outside");
  refused_at("[1, -9223372036854775809]", 4, "integer outside");
  refused_at("{\"a\": 18446744073709551615}", 6, "integer outside");
  refused_at("18446744073709551616", 0, "integer outside");
  refused_at("  123456789012345678901234567890", 2, "integer outside");
  refused_at("[" + std::string(400, '9') + "]", 1, "too large");
}

void doubles_are_doubles(void **) {
  assert_true(double_in("1.0") == 1);
  assert_true(double_in("1e2") == 100);
  assert_true(double_in("1E+2") == 100);
  assert_true(double_in("-1.5e-3") == -0.0015);
  assert_true(double_in("0.0") == 0 && !std::signbit(double_in("0.0")));
  assert_true(double_in("-0.0") == 0 && std::signbit(double_in("-0.0")));
  assert_true(double_in("0.30000000000000004") == 0.1 + 0.2);
  assert_true(double_in("1.7976931348623157e308") == std::numeric_limits<double>::max());
  assert_true(double_in("5e-324") == std::numeric_limits<double>::denorm_min());
  assert_true(double_in("2.2250738585072011e-308") == 2.2250738585072011e-308);
  assert_true(double_in("9007199254740993.0") == 9007199254740992.0);
  assert_true(double_in("0.000000000000000000000000000000000000000000000000000001e60") == 1e6);
}

void doubles_out_of_range_are_refused(void **) {
  refused_at("1e309", 0, "too large");
  refused_at("[1.0, -1e99999999999999999999]", 6, "too large");
  refused_at("1e-400", 0, "too near to zero");
  refused_at("1.8e308", 0, "too large");
}

void wrong_numbers_are_refused(void **) {
  for (const char *json :
       {"01", "+1", "1.", ".5", "1e", "1e+", "-", "--1", "0x10", "NaN", "Infinity", "-Infinity", "1_000"}) {
    assert_contains(refusal(json), "offset");
  }
}

void words_and_nil(void **) {
  assert_text(rewritten("\t[null , true,\r\nfalse ] "), "[null,true,false]");
  for (const char *json : {"nul", "True", "undefined", "truefalse"}) assert_contains(refusal(json), "offset");
}

void strings_are_unescaped(void **) {
  assert_text(bytes_in(R"("")"), "");
  assert_text(bytes_in(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  assert_text(bytes_in(R"("a\u0000b")"), {"a\0b", 3});
  assert_text(bytes_in(R"("\u00e9\u20AC\ud83d\ude00")"), "\u00e9\u20ac\U0001f600");
  assert_text(bytes_in("\"\u00e9\u20ac\U0001f600\""), "\u00e9\u20ac\U0001f600");
  assert_text(bytes_in(R"("\uffff\ud7ff\ue000")"), "\uffff\ud7ff\ue000");
}

void wrong_strings_are_refused(void **) {
  refused_at(R"("\ud800")", 1, "surrogate");
  refused_at(R"("\ud800\u0041")", 1, "surrogate");
  refused_at(R"(["x", "ab\udc00"])", 6, "surrogate");
  refused_at(R"({"\udfff": 1})", 1, "surrogate");
  refused_at(R"("\ude00\ud83d")", 7, "surrogate");
  refused_at(R"("a\x")", 2, "escape");
  refused_at(R"("\u12g4")", 1, "hex");
  refused_at("\"a\nb\"", 2, "control character");
  refused_at("\"abc", 4, "inside a string");
  refused_at({"\"a\0b\"", 5}, 2, "NUL byte inside a string");
  refused_at("'a'", 0, "value");
}

void input_must_be_utf8(void **) {
  refused_at("\"\xff\"", 1, "not UTF-8");
  refused_at("\"\xc0\x80\"", 1, "not UTF-8");               // overlong
  refused_at("[\"ok\",\"\xed\xa0\x80\"]", 7, "not UTF-8");  // surrogate
  refused_at("\"\xf4\x90\x80\x80\"", 1, "not UTF-8");       // above U+10FFFF
  refused_at("\"\u20ac\xe2\x82\"", 4, "not UTF-8");         // cut short
  refused_at("[1]\x80", 3, "not UTF-8");
}

void there_is_exactly_one_value(void **) {
  refused_at("", 0, "no value");
  refused_at("  \n", 3, "no value");
  refused_at("1 2", 2, "follows");
  refused_at("{} x", 3, "follows");
  refused_at({"1\0", 2}, 1, "NUL byte");
  refused_at({"1\0garbage", 9}, 1, "NUL byte");
  refused_at("[1,2", 4, "ends before");
  refused_at("{\"a\":", 5, "ends before");
  refused_at("[1 2]", 3, "comma");
  refused_at("[1,]", 3, "value");
  refused_at("{\"a\" 1}", 5, "colon");
  refused_at("{a:1}", 1, "name");
  refused_at("/* */ 1", 0, "value");
}

void maps_keep_their_order(void **) {
  assert_text(rewritten(R"({"b":1,"a":{"c":[]},"":null})"), R"({"b":1,"a":{"c":[]},"":null})");
}

void equal_keys_are_refused(void **) {
  refused_at(R"({"a":1,"b":2,"a":3})", 13, "same name");
  refused_at(R"({"a":1,"\u0061":3})", 7, "same name");
  std::string json = "{\"0\":0";
  for (int i = 1; i < 300; i++) json += ",\"" + std::to_string(i) + "\":0";
  assert_text(rewritten(json + "}"), json + "}");
  refused_at(json + ",\"150\":0}", json.size() + 1, "same name");
}

void markers_become_values(void **) {
  assert_text(bytes_in(R"({"$bytes":""})"), "");
  assert_text(bytes_in(R"({"$bytes":"AAECA4A="})"), {"\x00\x01\x02\x03\x80", 5});
  assert_text(bytes_in(R"({"\u0024bytes":"\u0041A=="})"), {"\x00", 1});
  assert_text(rewritten(R"({"$bytes":"YWJj"})"), R"("abc")");
  assert_text(rewritten(R"({"$map":[]})"), "{}");
  assert_text(rewritten(R"({"$map":[["a",1],["b",2]]})"), R"({"a":1,"b":2})");
  assert_text(rewritten(R"({"$map":[[[1],2]]})"), R"({"$map":[[[1],2]]})");
  assert_text(rewritten(R"({"$error":{"message":"m","status":"BUSY"}})"),
              R"({"$error":{"status":"BUSY","message":"m"}})");
  assert_text(rewritten(R"({"$error":{"status":-15,"message":"m"}})"), R"({"$error":{"status":"BUSY","message":"m"}})");
}

void marker_names_beside_other_keys_are_keys(void **) {
  const std::string json = R"({"$bytes":"!","$map":1,"$error":[]})";
  assert_text(rewritten(json), json);
}

void wrong_markers_are_refused(void **) {
  refused_at(R"([{"$bytes":5}])", 1, "base64");
  for (const char *base64 :
       {"A", "AA", "AAA", "AA=", "====", "AAAA====", "AB==", "AAB=", "AA==AAAA", " AAA", "AA-_", "\\n"}) {
    refused_at(R"({"$bytes":")" + std::string(base64) + "\"}", 0, "base64");
  }
  refused_at(R"({"$bytes":{"$bytes":"QUE9PQ=="}})", 0, "base64");  // the inner bytes are base64 themselves
  refused_at(R"({"$map":{}})", 0, "[key, value]");
  refused_at(R"({"$map":[1]})", 0, "[key, value]");
  refused_at(R"({"$map":[["a"]]})", 0, "[key, value]");
  refused_at(R"({"$map":[["a",1,2]]})", 0, "[key, value]");
  refused_at(R"({"$error":"x"})", 0, "status");
  refused_at(R"({"$error":{"status":"BUSY"}})", 0, "status");
  refused_at(R"({"$error":{"status":"BUSY","message":1}})", 0, "status");
  refused_at(R"({"$error":{"status":"NO_SUCH_STATUS","message":"m"}})", 0, "status");
  refused_at(R"({"$error":{"status":"UNKNOWN","message":"m"}})", 0, "status");
  refused_at(R"({"$error":{"status":2147483648,"message":"m"}})", 0, "status");
  refused_at(R"({"$error":{"status":1.0,"message":"m"}})", 0, "status");
  refused_at(R"({"$error":{"statuz":"BUSY","message":"m"}})", 0, "status");
  refused_at(R"({"$error":{"$map":[["status","BUSY"],["message","m"]]}})", 0, "status");
}

std::string repeated(std::string_view part, int times) {
  std::string out;
  for (int i = 0; i < times; i++) out += part;
  return out;
}

void depth_is_bounded(void **) {
  for (const auto &[begin, end] :
       {std::pair("[", "]"), std::pair("{\"a\":", "}"), std::pair("{\"$map\":[[1,", "]]}")}) {
    for (const char *leaf : {"1", "[]", "{}", R"({"$bytes":"/w=="})", R"({"$error":{"status":"BUSY","message":"m"}})",
                             R"({"$error":{"status":"BUSY","message":{"$bytes":"/w=="}}})", R"({"$map":[]})"}) {
      const std::string whole = repeated(begin, 64) + leaf + repeated(end, 64);
      const std::string again = rewritten(whole);
      if (std::string_view(leaf) != R"({"$map":[]})") assert_text(again, whole);
      assert_contains(refusal(repeated(begin, 65) + leaf + repeated(end, 65)), "64 levels");
    }
  }
}

void endless_nesting_is_refused_early(void **) {
  refused_at(repeated("[", 1'000'000), 195, "64 levels");
  assert_contains(refusal(repeated("{\"a\":[", 100'000)), "64 levels");
  assert_contains(refusal(repeated("[", 65) + "1" + repeated("]", 65)), "64 levels");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(integers_are_exact),
      cmocka_unit_test(integers_beyond_64_bits_are_refused),
      cmocka_unit_test(doubles_are_doubles),
      cmocka_unit_test(doubles_out_of_range_are_refused),
      cmocka_unit_test(wrong_numbers_are_refused),
      cmocka_unit_test(words_and_nil),
      cmocka_unit_test(strings_are_unescaped),
      cmocka_unit_test(wrong_strings_are_refused),
      cmocka_unit_test(input_must_be_utf8),
      cmocka_unit_test(there_is_exactly_one_value),
      cmocka_unit_test(maps_keep_their_order),
      cmocka_unit_test(equal_keys_are_refused),
      cmocka_unit_test(markers_become_values),
      cmocka_unit_test(marker_names_beside_other_keys_are_keys),
      cmocka_unit_test(wrong_markers_are_refused),
      cmocka_unit_test(depth_is_bounded),
      cmocka_unit_test(endless_nesting_is_refused_early),
  };
  return cmocka_run_group_tests_name("values json decode", tests, nullptr, nullptr);
}
