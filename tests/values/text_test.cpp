// UTF-8 and base64.

#include "cmocka_cpp.h"
#include "core/values/base64.h"
#include "core/values/utf8.h"

namespace {

using cachecore_internal::base64_decode;
using cachecore_internal::base64_decoded_bound;
using cachecore_internal::base64_encode;
using cachecore_internal::is_utf8;
using cachecore_internal::utf8_prefix;

// UTF-8 by definition: a character is valid when encoding its code point gives the same bytes.
std::string encoded(uint32_t code) {
  std::string out;
  const auto tail = [&](uint32_t shift) { out += static_cast<char>(0x80 | (code >> shift & 63)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
  return out;
}

void every_character_is_utf8(void **) {
  for (uint32_t code = 0; code < 0x110000; code++) {
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    const std::string character = encoded(code);
    if (is_utf8(character) == surrogate) {
      print_error("U+%X\n", code);
      _fail(__FILE__, __LINE__);
    }
  }
  assert_false(is_utf8(encoded(0x110000)));
}

// All sequences of three bytes, against the characters that exist.
void only_characters_are_utf8(void **) {
  size_t valid = 0;
  for (uint32_t word = 0; word < 1u << 24; word++) {
    const char bytes[] = {static_cast<char>(word >> 16), static_cast<char>(word >> 8), static_cast<char>(word)};
    valid += is_utf8({bytes, 3});
  }
  const size_t ascii = 128, two = 0x800 - 0x80, three = 0x10000 - 0x800 - 0x800;
  assert_int_equal(valid, ascii * ascii * ascii + 2 * ascii * two + three);
}

void four_bytes_are_checked(void **) {
  size_t valid = 0;
  for (uint32_t word = 0xF0000000u >> 8; word <= 0xFFFFFFFFu >> 8; word++) {
    const char bytes[] = {static_cast<char>(word >> 16), static_cast<char>(word >> 8), static_cast<char>(word), '\x80'};
    valid += is_utf8({bytes, 4});
  }
  assert_int_equal(valid, (0x110000 - 0x10000) / 64);
}

void prefix_ends_where_the_fault_is(void **) {
  for (size_t before = 0; before < 40; before++) {
    const std::string text(before, 'x');
    assert_int_equal(utf8_prefix(text + "\xff" + text), before);
    assert_int_equal(utf8_prefix(text + "\u20ac" + text), 2 * before + 3);
    assert_int_equal(utf8_prefix(text + "\xe2\x82"), before);
  }
  assert_int_equal(utf8_prefix({}), 0);
  assert_true(is_utf8({"a\0b", 3}));
}

std::string base64_of(std::string_view bytes) {
  std::string out = "kept:";
  base64_encode(bytes, out);
  return out.substr(5);
}

void base64_follows_the_rfc(void **) {
  assert_text(base64_of(""), "");
  assert_text(base64_of("f"), "Zg==");
  assert_text(base64_of("fo"), "Zm8=");
  assert_text(base64_of("foo"), "Zm9v");
  assert_text(base64_of("foobar"), "Zm9vYmFy");
  assert_text(base64_of({"\xff\xfe\xfd\x00", 4}), "//79AA==");
}

void base64_comes_back_also_in_place(void **) {
  std::string bytes;
  for (int i = 0; i < 600; i++) {
    std::string text = base64_of(bytes);
    const auto size = base64_decode(text, text.data());
    assert_true(size.has_value());
    assert_true(*size <= base64_decoded_bound((bytes.size() + 2) / 3 * 4));
    assert_text({text.data(), *size}, bytes);
    bytes += static_cast<char>(i * 7);
  }
}

// Of all texts of four characters over a small alphabet, exactly those are read that some bytes encode to.
void base64_has_one_text_for_each_value(void **) {
  constexpr std::string_view alphabet = std::string_view("AQgwB/+9z=-_ \n\0\x80", 16);
  char out[3];
  for (const char a : alphabet) {
    for (const char b : alphabet) {
      for (const char c : alphabet) {
        for (const char d : alphabet) {
          const char text[] = {a, b, c, d};
          const auto size = base64_decode({text, 4}, out);
          if (size) assert_text(base64_of({out, *size}), {text, 4});
        }
      }
    }
  }
  assert_true(base64_decode("AQ==", out).has_value());
  assert_true(base64_decode("AAE=", out).has_value());
  for (const char *text : {"A", "AA", "AAA", "AQ==AQ==", "AB==", "AAB=", "A===", "====", "=AAA", "AA=A"}) {
    char longer[8];
    assert_false(base64_decode(text, longer).has_value());
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_character_is_utf8),
      cmocka_unit_test(only_characters_are_utf8),
      cmocka_unit_test(four_bytes_are_checked),
      cmocka_unit_test(prefix_ends_where_the_fault_is),
      cmocka_unit_test(base64_follows_the_rfc),
      cmocka_unit_test(base64_comes_back_also_in_place),
      cmocka_unit_test(base64_has_one_text_for_each_value),
  };
  return cmocka_run_group_tests_name("values text", tests, nullptr, nullptr);
}
