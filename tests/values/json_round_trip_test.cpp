// Every tree survives the way to JSON and back, and memory and time stay in proportion.

#include <random>

#include "cmocka_cpp.h"
#include "core/failure.h"
#include "core/values/json.h"
#include "value_tree.h"

namespace {

using cachecore_internal::arena;
using cachecore_internal::failure;
using cachecore_internal::json_decode;
using cachecore_internal::json_encode;
using cachecore_test::same_tree;
using cachecore_test::tree_maker;

void survives(const cachecore_value &value) {
  std::string json;
  json_encode(value, json);
  arena memory;
  const cachecore_value back = json_decode(json, memory);
  if (!same_tree(value, back) || !cachecore_test::all_nul_ended(back)) {
    print_error("does not survive: %s\n", json.c_str());
    _fail(__FILE__, __LINE__);
  }
  std::string again;
  json_encode(back, again);
  assert_text(again, json);
}

void random_trees_survive(void **) {
  std::mt19937_64 random(20260101);
  size_t containers = 0;
  for (int round = 0; round < 20'000; round++) {
    std::string bytes(random() % 400, '\0');
    for (char &byte : bytes) byte = static_cast<char>(random());
    if (!bytes.empty() && random() % 4 != 0) bytes[0] = static_cast<char>(9 + random() % 2);
    tree_maker maker(bytes);
    const cachecore_value value = maker.make();
    if (value.kind == CACHECORE_LIST || value.kind == CACHECORE_MAP) containers++;
    survives(value);
  }
  assert_true(containers > 10'000);
}

void random_doubles_survive(void **) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 50'000; round++) {
    const double real = std::bit_cast<double>(random());
    if (real - real == 0) survives(cachecore_double(real));
  }
}

void random_integers_survive(void **) {
  std::mt19937_64 random(8);
  for (int round = 0; round < 30'000; round++) survives(cachecore_int(static_cast<int64_t>(random() >> random() % 64)));
}

void every_status_survives_as_its_name(void **) {
  for (int32_t status = CACHECORE_INTERNAL; status <= CACHECORE_NOT_FOUND; status++) {
    cachecore_value error = cachecore_text("message");
    error.kind = CACHECORE_ERROR;
    error.reserved = status;
    std::string json;
    json_encode(error, json);
    assert_contains(json, std::string("\"") + cachecore_status_name(status) + "\"");
    survives(error);
  }
}

void every_pair_of_bytes_survives(void **) {
  for (int first = 0; first < 256; first++) {
    for (int second = 0; second < 256; second++) {
      const char bytes[] = {static_cast<char>(first), static_cast<char>(second)};
      const cachecore_value key = cachecore_bytes(bytes, 2);
      const cachecore_pair pair{key, key};
      survives(cachecore_map(&pair, 1));
    }
  }
}

// Any change of one byte of a valid text is refused or gives a tree that survives again.
void damaged_texts_are_refused_or_survive(void **) {
  const std::string json = R"({"a":[1,-2.5e3,true,null,"\u00e9\ud83d\ude00\n"],"$bytes":1,"b":{"$bytes":"AAECA4A="},)"
                           R"("c":{"$map":[[1,{"$error":{"status":"BUSY","message":"m"}}],[null,{}]]}})";
  size_t accepted = 0;
  for (size_t place = 0; place < json.size(); place++) {
    for (int byte = 0; byte < 256; byte++) {
      std::string damaged = json;
      damaged[place] = static_cast<char>(byte);
      arena memory;
      try {
        const cachecore_value value = json_decode(damaged, memory);
        accepted++;
        survives(value);
      } catch (const failure &refusal) {
        assert_int_equal(refusal.status(), CACHECORE_INVALID_ARGUMENT);
      }
    }
    arena memory;
    if (place > 0) {
      try {
        json_decode(std::string_view(json).substr(0, place), memory);
        print_error("accepted when cut at %zu\n", place);
        _fail(__FILE__, __LINE__);
      } catch (const failure &refusal) {
        assert_contains(refusal.message(), "offset");
      }
    }
  }
  assert_true(accepted > json.size());
}

void large_values_survive(void **) {
  std::string text;
  for (size_t i = 0; i < 3'000'000; i++) text += static_cast<char>(' ' + i % 94);
  survives(cachecore_bytes(text.data(), text.size()));
  text[1'000'000] = '\xff';
  survives(cachecore_bytes(text.data(), text.size()));
  std::vector<cachecore_value> items(300'000, cachecore_int(1));
  survives(cachecore_list(items.data(), items.size()));
}

// The decoded tree takes the text and its values, not more: no copy of every string, nothing kept of the gathering.
void memory_is_in_proportion(void **) {
  std::string json = "[";
  for (int i = 0; i < 10'000; i++) json += "\"some text that is not short at all\",";
  json += "1]";
  arena memory;
  json_decode(json, memory);
  assert_true(memory.footprint() < json.size() + 10'001 * sizeof(cachecore_value) + 16'384);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(random_trees_survive),         cmocka_unit_test(random_doubles_survive),
      cmocka_unit_test(random_integers_survive),      cmocka_unit_test(every_status_survives_as_its_name),
      cmocka_unit_test(every_pair_of_bytes_survives), cmocka_unit_test(damaged_texts_are_refused_or_survive),
      cmocka_unit_test(large_values_survive),         cmocka_unit_test(memory_is_in_proportion),
  };
  return cmocka_run_group_tests_name("values json round trip", tests, nullptr, nullptr);
}
