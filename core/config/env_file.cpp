#include "core/config/environment.h"
#include "core/config/rejection.h"

namespace cachecore_internal {
namespace {

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

bool is_name_byte(char byte, bool first) {
  const bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_';
  return letter || (!first && ((byte >= '0' && byte <= '9') || byte == '.' || byte == '-'));
}

// One line of an env file, without its end.
class line_reader {
 public:
  line_reader(std::string_view line, const std::string &place) : line_(line), place_(place) {}

  // False for blank lines and comments.
  bool read(std::string &name, std::string &value) {
    skip_blanks();
    if (ended() || line_[at_] == '#') return false;
    name = read_name();
    if (name == "export" && !ended() && is_blank(line_[at_])) {
      skip_blanks();
      name = read_name();
    }
    skip_blanks();
    if (name.empty() || ended() || line_[at_] != '=') reject({place_, ": not of the form NAME=value"});
    at_++;
    skip_blanks();
    const char quote = ended() ? '\0' : line_[at_];
    value = quote == '\'' || quote == '"' ? read_quoted(quote) : read_plain();
    return true;
  }

 private:
  [[nodiscard]] bool ended() const { return at_ >= line_.size(); }

  void skip_blanks() {
    while (!ended() && is_blank(line_[at_])) at_++;
  }

  std::string read_name() {
    const size_t begin = at_;
    while (!ended() && is_name_byte(line_[at_], at_ == begin)) at_++;
    return std::string(line_.substr(begin, at_ - begin));
  }

  std::string read_plain() {
    size_t end = at_;
    for (; end < line_.size(); end++) {
      if (line_[end] == '#' && (end == at_ || is_blank(line_[end - 1]))) break;
    }
    while (end > at_ && is_blank(line_[end - 1])) end--;
    return std::string(line_.substr(at_, end - at_));
  }

  std::string read_quoted(char quote) {
    std::string out;
    for (at_++; !ended() && line_[at_] != quote; at_++) {
      out += quote == '"' && line_[at_] == '\\' ? read_escape() : line_[at_];
    }
    if (ended()) reject({place_, ": the quotation mark is not closed on this line"});
    at_++;
    skip_blanks();
    if (!ended() && line_[at_] != '#') reject({place_, ": text behind the closing quotation mark"});
    return out;
  }

  char read_escape() {
    at_++;
    switch (ended() ? '\0' : line_[at_]) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case '"':
        return '"';
      case '\\':
        return '\\';
      case '$':
        return '$';
      default:
        reject({place_, ": unknown escape; a backslash itself is written \\\\"});
    }
  }

  std::string_view line_;
  const std::string &place_;
  size_t at_ = 0;
};

}  // namespace

std::map<std::string, variable> read_env_text(std::string_view text, std::string_view source) {
  std::map<std::string, variable> out;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  size_t number = 0;
  while (!text.empty()) {
    number++;
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::string place(source);
    place.append(", line ").append(std::to_string(number));
    if (line.find('\0') != std::string_view::npos) reject({place, ": contains a NUL byte"});
    std::string name;
    std::string value;
    if (line_reader(line, place).read(name, value)) {
      std::string origin = place;
      origin.append(": ").append(name);
      out[name] = {std::move(value), std::move(origin), 0};
    }
  }
  return out;
}

}  // namespace cachecore_internal
