// key_template.hpp: "user:{user_id}:page:{page}" with its placeholders filled in order.
//
// Thread rule: immutable after construction. Invariant: different arguments of the same types give different keys: in
// text the characters that separate the parts of keys, open placeholders or mean something in a pattern
// (: { } * ? [ ] \ %), spaces and control characters become %XX, and one of these (in practice ':') has to stand
// between two placeholders, so no argument can reach into another's part. Numbers are decimal, a bool is true or false.
#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "encode.hpp"

namespace cachecore {

class key_template {
 public:
  explicit key_template(std::string_view text) : text_(text) {
    size_t at = 0;
    for (;;) {
      const size_t open = text.find_first_of("{}", at);
      literals_.emplace_back(text.substr(at, open == std::string_view::npos ? open : open - at));
      if (open == std::string_view::npos) return;
      const size_t close = text.find_first_of("{}", open + 1);
      if (text[open] != '{' || close == std::string_view::npos || text[close] != '}' || close == open + 1) {
        throw error(status::invalid_argument,
                    "the key template \"" + text_ + "\" must have its placeholders written {name}");
      }
      if (literals_.size() > 1 && !separates(literals_.back())) {
        throw error(status::invalid_argument, "the key template \"" + text_ +
                                                  "\" must have a ':' between its placeholders: without it, different "
                                                  "arguments could give the same key");
      }
      at = close + 1;
    }
  }

  template <class... A>
  [[nodiscard]] std::string expand(const A &...args) const {
    if (sizeof...(A) + 1 != literals_.size()) {
      throw error(status::invalid_argument, "the key template \"" + text_ + "\" has " +
                                                std::to_string(literals_.size() - 1) + " placeholders, but " +
                                                std::to_string(sizeof...(A)) + " arguments were given");
    }
    std::string key = literals_[0];
    size_t next = 1;
    ((append(key, args), key += literals_[next++]), ...);
    return key;
  }

  // What all its keys begin with, without the separator at its end: "user" of "user:{user_id}".
  [[nodiscard]] std::string prefix() const {
    std::string_view prefix = literals_[0];
    while (!prefix.empty() && std::string_view(":/.-_|#").find(prefix.back()) != std::string_view::npos) {
      prefix.remove_suffix(1);
    }
    return std::string(prefix);
  }

  [[nodiscard]] const std::string &text() const noexcept { return text_; }

 private:
  template <class T>
  static void append(std::string &key, const T &argument) {
    if constexpr (std::same_as<T, bool>) {
      key += argument ? "true" : "false";
    } else if constexpr (detail::integer<T> || std::floating_point<T>) {
      std::array<char, 64> digits;
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), argument).ptr;
      key.append(digits.data(), end);
    } else {
      static_assert(detail::text<T>, "the arguments of a key are text, numbers and bools");
      escape(key, std::string_view(argument));
    }
  }

  static constexpr std::string_view special = ":{}*?[]\\%";
  static bool is_escaped(char character) {
    const auto code = static_cast<unsigned char>(character);
    return code <= ' ' || code == 0x7f || special.find(character) != std::string_view::npos;
  }

  // Whether it holds a character that no argument can have.
  static bool separates(std::string_view literal) {
    return std::any_of(literal.begin(), literal.end(), [](char each) { return each != '%' && is_escaped(each); });
  }

  static void escape(std::string &key, std::string_view argument) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char character : argument) {
      if (!is_escaped(character)) {
        key += character;
      } else {
        const auto code = static_cast<unsigned char>(character);
        key += '%';
        key += digits[code >> 4U];
        key += digits[code & 15U];
      }
    }
  }

  std::string text_;
  std::vector<std::string> literals_;  // one more than there are placeholders
};

}  // namespace cachecore
