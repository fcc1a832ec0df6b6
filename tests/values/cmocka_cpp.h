// cmocka_cpp.h: cmocka for C++, with strings. Its macros `fail` and `skip` are taken back: they are names of the
// standard library.
#pragma once

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

extern "C" {
#include <cmocka.h>
}
#undef fail
#undef skip

// The two texts are equal; prints both when they are not.
inline void assert_text(std::string_view actual, std::string_view expected) {
  if (actual == expected) return;
  print_error("expected: %.*s\n  actual: %.*s\n", static_cast<int>(expected.size()), expected.data(),
              static_cast<int>(actual.size()), actual.data());
  _fail(__FILE__, __LINE__);
}

inline void assert_contains(std::string_view text, std::string_view part) {
  if (text.find(part) != std::string_view::npos) return;
  print_error("not contained: %.*s\n         text: %.*s\n", static_cast<int>(part.size()), part.data(),
              static_cast<int>(text.size()), text.data());
  _fail(__FILE__, __LINE__);
}
