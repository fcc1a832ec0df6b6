#include "core/config/json_text.h"

#include <algorithm>

#include "core/config/rejection.h"
#include "core/values/utf8.h"

namespace cachecore_internal {
namespace {

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }
bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0u) == 0x80u; }

// Recursive descent over one text.
class checker {
 public:
  checker(std::string_view text, std::string_view source) : text_(text), source_(source) {}

  void check() {
    at_ = utf8_prefix(text_);
    if (at_ < text_.size()) fail("not UTF-8");
    at_ = text_.starts_with("\xef\xbb\xbf") ? 3 : 0;
    check_value(0);
    skip_blanks();
    if (at_ < text_.size()) fail("text behind the end of the JSON value");
  }

 private:
  [[noreturn]] void fail(std::string_view reason) const {
    reject({source_, ": ", json_position(text_, at_), ": ", reason});
  }

  // NUL at the end, where no token begins with it.
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_blanks() {
    while (is_blank(peek())) at_++;
  }

  // Steps over `byte`, after blanks, if it is there.
  bool take(char byte) {
    skip_blanks();
    if (peek() != byte || at_ == text_.size()) return false;
    at_++;
    return true;
  }

  void check_value(size_t depth) {
    skip_blanks();
    const char first = peek();
    if (first == '"') return check_string();
    if (first == '-' || is_digit(first)) return check_number();
    if (first == '{' || first == '[') {
      if (depth == deepest_json) fail("nested more than 64 levels deep");
      at_++;
      return first == '{' ? check_members(depth + 1) : check_items(depth + 1);
    }
    for (const std::string_view word : {"true", "false", "null"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return;
    }
    fail("expected a JSON value");
  }

  void check_members(size_t depth) {
    if (take('}')) return;
    do {
      skip_blanks();
      if (peek() != '"') fail("expected a key in '\"'");
      check_string();
      if (!take(':')) fail("expected ':'");
      check_value(depth);
    } while (take(','));
    if (!take('}')) fail("expected ',' or '}'");
  }

  void check_items(size_t depth) {
    if (take(']')) return;
    do {
      check_value(depth);
    } while (take(','));
    if (!take(']')) fail("expected ',' or ']'");
  }

  void check_string() {
    const size_t begin = at_++;
    while (peek() != '"') {
      if (at_ == text_.size()) {
        at_ = begin;
        fail("a text is not closed by '\"'");
      }
      if (static_cast<unsigned char>(peek()) < 0x20)
        fail("a control character in a text must be written as an escape, as \\n");
      if (peek() == '\\') {
        check_escape();
        continue;
      }
      at_++;
    }
    at_++;
  }

  void check_escape() {
    constexpr std::string_view simple = "\"\\/bfnrt";
    const char kind = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (kind != 'u') {
      if (kind == '\0' || simple.find(kind) == std::string_view::npos) fail("unknown escape in a text");
      at_ += 2;
      return;
    }
    const unsigned unit = escaped_unit(at_);
    if (unit == 0) fail("\\u0000 is not allowed here");
    const bool high = unit >= 0xd800 && unit <= 0xdbff;
    if (high) {
      const size_t next = at_ + 6;
      if (text_.substr(next, 2) != "\\u") fail("half of a surrogate pair");
      const unsigned low = escaped_unit(next);
      if (low < 0xdc00 || low > 0xdfff) fail("half of a surrogate pair");
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
      fail("half of a surrogate pair");
    }
    at_ += high ? 12 : 6;
  }

  // The four digits of the \u escape that begins at `at`.
  [[nodiscard]] unsigned escaped_unit(size_t at) const {
    unsigned unit = 0;
    for (size_t i = at + 2; i < at + 6; i++) {
      const char digit = i < text_.size() ? text_[i] : '\0';
      const char lower = static_cast<char>(digit | 0x20);
      const bool letter = lower >= 'a' && lower <= 'f';
      if (!is_digit(digit) && !letter) fail("\\u takes four hexadecimal digits");
      unit = unit << 4 | static_cast<unsigned>(is_digit(digit) ? digit - '0' : lower - 'a' + 10);
    }
    return unit;
  }

  void check_number() {
    const size_t begin = at_;
    bool valid = true;
    const auto digits = [&] {
      const size_t first = at_;
      while (is_digit(peek())) at_++;
      return at_ > first;
    };
    if (peek() == '-') at_++;
    const bool leading_zero = peek() == '0';
    const size_t whole = at_;
    valid = digits() && !(leading_zero && at_ > whole + 1);
    if (peek() == '.') {
      at_++;
      valid = digits() && valid;
    }
    if (peek() == 'e' || peek() == 'E') {
      at_++;
      if (peek() == '+' || peek() == '-') at_++;
      valid = digits() && valid;
    }
    const char next = peek();
    const bool ended = at_ == text_.size() || is_blank(next) || next == ',' || next == '}' || next == ']';
    if (!valid || !ended) {
      at_ = begin;
      fail("not a number as JSON writes them");
    }
  }

  std::string_view text_;
  std::string_view source_;
  size_t at_ = 0;
};

size_t skip_blank(std::string_view text, size_t at) {
  while (at < text.size() && is_blank(text[at])) at++;
  return at;
}

// Behind the string that begins at `at`.
size_t skip_string(std::string_view text, size_t at) {
  for (at++; at < text.size() && text[at] != '"'; at++) {
    if (text[at] == '\\') at++;
  }
  return at + 1;
}

// Behind the value that begins at `at`.
size_t skip_value(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    const char byte = text[at];
    const bool closes = byte == '}' || byte == ']';
    if (depth == 0 && (closes || byte == ',' || is_blank(byte))) return at;
    if (byte == '"') {
      at = skip_string(text, at);
    } else {
      if (byte == '{' || byte == '[') depth++;
      if (closes) depth--;
      at++;
    }
    if (depth == 0 && (closes || byte == '"')) return at;
  }
  return at;
}

}  // namespace

void check_json(std::string_view text, std::string_view source) { checker(text, source).check(); }

std::string json_position(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::string_view line = before.substr(line_begin);
  const auto continuations = std::count_if(line.begin(), line.end(), is_continuation);
  const size_t column = line.size() - static_cast<size_t>(continuations) + 1;
  return "line " + std::to_string(lines + 1) + ", column " + std::to_string(column);
}

std::vector<std::string_view> member_texts(std::string_view object) {
  std::vector<std::string_view> out;
  size_t at = object.find('{') + 1;
  for (;;) {
    at = skip_blank(object, at);
    if (at >= object.size() || object[at] == '}') return out;
    if (object[at] == ',') {
      at++;
      continue;
    }
    at = skip_blank(object, skip_string(object, at));  // the key
    at = skip_blank(object, at + 1);                   // the colon
    const size_t end = skip_value(object, at);
    out.push_back(object.substr(at, end - at));
    at = end;
  }
}

}  // namespace cachecore_internal
