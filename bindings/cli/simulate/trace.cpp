// trace.cpp: the three readers.
#include "trace.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <cstring>
#include <vector>

#include "plugins/cache/l1/hash.h"

namespace simulate {

namespace {

constexpr size_t longest_line = 65'536;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

// What was found, for a message: at most 40 characters, none of which steers a terminal.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char each : text.substr(0, 40)) out += each < ' ' || each > '~' ? '?' : each;
  return out + (text.size() > 40 ? "...\"" : "\"");
}

uint64_t id_of(std::string_view text) { return cache_plugin::near_hash(text, 0); }

// Lines, with what errors need to know of them.
class lines {
 public:
  lines(std::istream &source, std::string name) : source_(source), name_(std::move(name)) {}

  // The next line that is not empty; false at the end.
  bool next(std::string_view &out) {
    while (read()) {
      number_++;
      out = trimmed(line_);
      if (!out.empty()) return true;
    }
    return false;
  }

  [[noreturn]] void refuse(const std::string &why) const {
    throw trace_error(name_ + ", line " + std::to_string(number_) + ": " + why);
  }

 private:
  bool read() {
    line_.clear();
    std::streambuf &from = *source_.rdbuf();
    int read = from.sbumpc();
    if (read == std::char_traits<char>::eof()) return false;
    for (; read != std::char_traits<char>::eof() && read != '\n'; read = from.sbumpc()) {
      if (line_.size() == longest_line) {
        number_++;
        refuse("a line has at most 65,536 characters; is this a binary trace?");
      }
      line_ += static_cast<char>(read);
    }
    return true;
  }

  std::istream &source_;
  const std::string name_;
  std::string line_;
  uint64_t number_ = 0;
};

class ids : public trace {
 public:
  ids(std::istream &source, std::string name) : lines_(source, std::move(name)) {}

  bool next(request &out) override {
    std::string_view line;
    if (!lines_.next(line)) return false;
    for (const char each : line) {
      const auto byte = static_cast<unsigned char>(each);
      if (byte < ' ' || byte == 127) lines_.refuse("expected text, found a control character; is this a binary trace?");
      if (byte == ' ') lines_.refuse("expected one object on a line, got " + quoted(line));
    }
    out = {id_of(line), 1};
    return true;
  }

 private:
  lines lines_;
};

class oracle_general : public trace {
 public:
  oracle_general(std::istream &source, std::string name) : source_(source), name_(std::move(name)) {}

  bool next(request &out) override {
    do {
      std::array<char, 24> record{};
      const auto read = static_cast<size_t>(source_.rdbuf()->sgetn(record.data(), record.size()));
      if (read == 0) return false;
      number_++;
      if (read < record.size()) {
        throw trace_error(name_ + ", request " + std::to_string(number_) + ": the file ends after " +
                          std::to_string(read) + " of its 24 bytes; is this an oracleGeneral trace?");
      }
      out.id = little_endian(record.data() + 4, 8);
      out.size = static_cast<uint32_t>(little_endian(record.data() + 12, 4));
    } while (out.size == 0);
    return true;
  }

 private:
  static uint64_t little_endian(const char *at, size_t size) {
    uint64_t number = 0;
    for (size_t i = size; i-- > 0;) number = number << 8 | static_cast<unsigned char>(at[i]);
    return number;
  }

  std::istream &source_;
  const std::string name_;
  uint64_t number_ = 0;
};

class csv : public trace {
 public:
  csv(std::istream &source, std::string name) : lines_(source, std::move(name)) {}

  bool next(request &out) override {
    std::string_view line;
    while (lines_.next(line)) {
      split(line);
      if (fields_count_ == 0) {
        fields_count_ = fields_.size();
        if (read_header()) continue;
        guess();
      }
      if (fields_.size() != fields_count_) {
        lines_.refuse("expected " + std::to_string(fields_count_) + " fields, as on the first line, got " +
                      std::to_string(fields_.size()));
      }
      if (fields_[id_column_].empty())
        lines_.refuse("field " + std::to_string(id_column_ + 1) + ", the object, is empty");
      out.id = id_of(fields_[id_column_]);
      out.size = size_column_ == none ? 1 : size_of(fields_[size_column_]);
      if (out.size > 0) return true;
    }
    return false;
  }

 private:
  static constexpr size_t none = static_cast<size_t>(-1);

  // Quotes around a field are taken off; a comma inside of them does not part.
  void split(std::string_view line) {
    fields_.clear();
    size_t begin = 0;
    bool in_quotes = false;
    for (size_t i = 0; i <= line.size(); i++) {
      if (i < line.size() && line[i] == '"') in_quotes = !in_quotes;
      if (i < line.size() && (line[i] != ',' || in_quotes)) continue;
      std::string_view field = trimmed(line.substr(begin, i - begin));
      if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
      fields_.push_back(field);
      begin = i + 1;
    }
    if (in_quotes) lines_.refuse("a quote has no end");
  }

  static bool names(std::string_view field, std::initializer_list<std::string_view> known) {
    std::string plain;
    for (const char each : field) {
      if (std::isalpha(static_cast<unsigned char>(each)) != 0)
        plain += static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
    }
    return std::find(known.begin(), known.end(), plain) != known.end();
  }

  bool read_header() {
    size_t id = none;
    size_t size = none;
    for (size_t i = 0; i < fields_.size(); i++) {
      if (id == none &&
          names(fields_[i], {"id", "objid", "objectid", "object", "obj", "key", "item", "itemid", "name"}))
        id = i;
      if (size == none && names(fields_[i], {"size", "objsize", "objectsize", "bytes", "valuesize", "length"}))
        size = i;
    }
    if (id == none) return false;
    id_column_ = id;
    size_column_ = size;
    return true;
  }

  void guess() {
    id_column_ = fields_count_ >= 3 ? 1 : 0;
    size_column_ = fields_count_ == 1 ? none : id_column_ + 1;
  }

  uint32_t size_of(std::string_view field) {
    uint32_t size = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), size);
    if (error != std::errc() || end != field.data() + field.size()) {
      lines_.refuse("field " + std::to_string(size_column_ + 1) +
                    ", the object's size, must be a whole number of bytes below 4,294,967,296, got " + quoted(field));
    }
    return size;
  }

  lines lines_;
  std::vector<std::string_view> fields_;
  size_t fields_count_ = 0;
  size_t id_column_ = 0;
  size_t size_column_ = none;
};

}  // namespace

bool parse_trace_format(std::string_view name, trace_format &out) {
  if (name == "ids") {
    out = trace_format::ids;
  } else if (name == "oracleGeneral") {
    out = trace_format::oracle_general;
  } else if (name == "csv") {
    out = trace_format::csv;
  } else {
    return false;
  }
  return true;
}

std::unique_ptr<trace> open_trace(std::istream &source, trace_format format, std::string name) {
  switch (format) {
    case trace_format::ids:
      return std::make_unique<ids>(source, std::move(name));
    case trace_format::oracle_general:
      return std::make_unique<oracle_general>(source, std::move(name));
    case trace_format::csv:
      return std::make_unique<csv>(source, std::move(name));
  }
  return nullptr;
}

}  // namespace simulate
