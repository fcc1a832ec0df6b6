#include "text.h"

#include <wchar.h>

#include <array>

namespace cachectl {
namespace {

struct character {
  char32_t code;
  size_t size;  // 0: not UTF-8
};

// Decodes what begins at `bytes`, which is not empty.
character decode(std::string_view bytes) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  size_t size = 0;
  char32_t code = 0;
  char32_t least = 0;
  if ((first & 0xE0) == 0xC0) {
    size = 2, code = first & 0x1FU, least = 0x80;
  } else if ((first & 0xF0) == 0xE0) {
    size = 3, code = first & 0x0FU, least = 0x800;
  } else if ((first & 0xF8) == 0xF0) {
    size = 4, code = first & 0x07U, least = 0x10000;
  }
  if (size == 0 || bytes.size() < size) return {0, 0};
  for (size_t at = 1; at < size; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return {0, 0};
    code = (code << 6) | (byte(at) & 0x3FU);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < least || code > 0x10FFFF || surrogate) return {0, 0};
  return {code, size};
}

// Control characters, and those that turn the direction of what follows.
bool steers(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0x2028 || code == 0x2029;
}

size_t columns(char32_t code) {
  const int width = wcwidth(static_cast<wchar_t>(code));
  return width < 0 ? 1 : static_cast<size_t>(width);
}

// Nothing for what has no short escape.
const char *escape_of(const character &one) {
  switch (one.code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\\':
      return "\\\\";
    default:
      return nullptr;
  }
}

void append_escaped(std::string &out, unsigned char byte) {
  static constexpr std::array<char, 17> digits{"0123456789abcdef"};
  out += "\\x";
  out += digits[byte >> 4];
  out += digits[byte & 0x0F];
}

}  // namespace

bool printable(std::string_view bytes, lines allowed) {
  while (!bytes.empty()) {
    const character next = decode(bytes);
    const bool line_end = next.code == '\n' || bytes.starts_with("\r\n");
    const bool layout = allowed == lines::many && (line_end || next.code == '\t');
    if (next.size == 0 || (steers(next.code) && !layout)) return false;
    bytes.remove_prefix(next.size);
  }
  return true;
}

std::string shown(std::string_view bytes, lines allowed) {
  if (printable(bytes, allowed)) return std::string(bytes);
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 2);
  while (!bytes.empty()) {
    const character next = decode(bytes);
    const size_t size = next.size == 0 ? 1 : next.size;
    if (const char *name = escape_of(next)) {
      out += name;
    } else if (next.size == 0 || steers(next.code)) {
      for (const char byte : bytes.substr(0, size)) append_escaped(out, static_cast<unsigned char>(byte));
    } else {
      out += bytes.substr(0, size);
    }
    bytes.remove_prefix(size);
  }
  return out;
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const character next = decode(text);
    width += next.size == 0 ? 1 : columns(next.code);
    text.remove_prefix(next.size == 0 ? 1 : next.size);
  }
  return width;
}

std::string clipped(std::string_view text, size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::string out;
  size_t used = 0;
  while (!text.empty() && width > 0) {
    const character next = decode(text);
    const size_t size = next.size == 0 ? 1 : next.size;
    const size_t wide = next.size == 0 ? 1 : columns(next.code);
    if (used + wide > width - 1) break;
    out += text.substr(0, size);
    used += wide;
    text.remove_prefix(size);
  }
  return width > 0 ? out + "…" : out;
}

std::string wrapped(std::string_view text, size_t width, size_t indent) {
  std::string out;
  size_t used = 0;
  bool first = true;
  while (true) {
    const size_t end = text.find_first_of(" \n");
    const std::string_view word = text.substr(0, end);
    const size_t wide = display_width(word);
    if (!first && used + 1 + wide > width) {
      out += '\n' + std::string(indent, ' ');
      used = 0;
    } else if (!first && used > 0) {
      out += ' ';
      ++used;
    }
    out += word;
    used += wide;
    first = false;
    if (end == std::string_view::npos) return out;
    if (text[end] == '\n') {
      out += '\n' + std::string(indent, ' ');
      used = 0;
      first = true;
    }
    text.remove_prefix(end + 1);
  }
}

std::string quoted(std::string_view bytes) {
  constexpr size_t most = 60;
  // A wrong value may be a whole file: what is far beyond the cut is not worth escaping.
  return "'" + clipped(shown(bytes.substr(0, 4 * most)), most) + "'";
}

}  // namespace cachectl
