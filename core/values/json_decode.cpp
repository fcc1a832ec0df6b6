// Decoding copies the text into the arena and lets RapidJSON read it in place, so that strings are unescaped where they
// lie and no string is copied again. Values gather on one stack; when a list or map closes, its part of the stack moves
// to the arena. Only then is it known whether a map was a marker, whose levels of JSON are no levels of the value: so
// the depth of the value is added up bottom-up, while that of the text is bounded on the way down.
//
// Of RapidJSON 1.1 we use neither its numbers (integers beyond 64 bits become doubles), nor its check of UTF-8 (one
// pass over the whole text is faster), and make up for a lone low surrogate, which it lets pass.

#include <cachecore/error.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "core/failure.h"
#include "core/values/base64.h"
#include "core/values/json.h"
#include "core/values/json_keys.h"
#include "core/values/rapidjson.h"
#include "core/values/utf8.h"

namespace cachecore_internal {
namespace {

constexpr size_t max_json_size = std::numeric_limits<int32_t>::max();

// Each level of a value takes three of JSON at most, {"$map": [[key, value]]}; the deepest one may still be
// {"$error": {"message": {"$bytes": ""}}}.
constexpr size_t max_json_depth = max_value_depth * 3 + 3;

[[noreturn]] void fail_at(size_t offset, std::string_view fault) {
  throw failure(CACHECORE_INVALID_ARGUMENT,
                "is not JSON that can be read: offset " + std::to_string(offset) + ": " + std::string(fault));
}

// The status of that name; the numbers are scanned because error.h is the only list of them.
std::optional<int32_t> find_status(std::string_view name) noexcept {
  const std::string_view unknown = cachecore_status_name(INT32_MIN);
  if (name == unknown) return std::nullopt;
  for (int32_t status = 16; status >= -100; status--) {
    if (name == cachecore_status_name(status)) return status;
  }
  return std::nullopt;
}

class decoder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, decoder> {
 public:
  decoder(char *text, size_t size, arena &memory) : text_(text), memory_(memory), stream_(text) {
    has_escapes_ = std::memchr(text, '\\', size) != nullptr;
    values_.reserve(16);
    open_.reserve(8);
    open_.push_back({0, 0, 0, false});
  }

  cachecore_value run(std::string_view original) {
    rapidjson::Reader reader;
    constexpr unsigned flags = rapidjson::kParseInsituFlag | rapidjson::kParseNumbersAsStringsFlag;
    const rapidjson::ParseResult result = reader.Parse<flags>(stream_, *this);
    if (result.IsError()) fail_syntax(result, original);
    if (stream_.Tell() < original.size()) fail_at(stream_.Tell(), "a NUL byte after the value");
    if (open_.front().height > max_value_depth + 1) fail_deep(0);
    return values_.front();
  }

  bool Null() { return push(cachecore_nil()); }
  bool Bool(bool truth) { return push(cachecore_bool(truth)); }
  bool RawNumber(const char *data, rapidjson::SizeType size, bool) { return push(number({data, size})); }
  bool String(const char *data, rapidjson::SizeType size, bool) { return push(text({data, size})); }

  bool Key(const char *data, rapidjson::SizeType size, bool) {
    values_.push_back(text({data, size}));
    return true;
  }

  bool StartObject() { return open(); }
  bool StartArray() { return open(); }

  bool EndArray(rapidjson::SizeType count) {
    const frame list = close();
    auto *items = memory_.allocate_array<cachecore_value>(count);
    take(list, items);
    return push(cachecore_list(items, count), list.height);
  }

  bool EndObject(rapidjson::SizeType count) {
    const frame map = close();
    if (count == 1 && is_marker(bytes_of(values_[map.first]))) return end_marker(map);
    auto *pairs = memory_.allocate_array<cachecore_pair>(count);
    take(map, pairs);
    if (const cachecore_value *key = find_duplicate_key(pairs, count)) {
      fail_at(offset_of(key->as.bytes.data) - 1, "a second key of the same name in the map; every key may come once");
    }
    return push(cachecore_map(pairs, count), map.height);
  }

 private:
  // A list or map whose end has not come yet; the bottom one stands for the place of the root.
  struct frame {
    size_t first;       // of its values on the stack
    size_t offset;      // of its bracket
    int height;         // levels below it
    bool after_marker;  // its last value was a marker
  };

  bool push(const cachecore_value &value, int height = 0, bool marker = false) {
    values_.push_back(value);
    frame &parent = open_.back();
    parent.height = std::max(parent.height, height + 1);
    parent.after_marker = marker;
    return true;
  }

  bool open() {
    const size_t offset = stream_.Tell() - 1;
    if (open_.size() > max_json_depth) fail_deep(offset);
    open_.push_back({values_.size(), offset, 0, false});
    return true;
  }

  frame close() {
    const frame closed = open_.back();
    open_.pop_back();
    return closed;
  }

  [[noreturn]] static void fail_deep(size_t offset) {
    fail_at(offset, "the value has more than 64 levels; send a flatter one");
  }

  // Moves the values of a closed list or map from the stack.
  void take(const frame &closed, void *to) {
    const size_t count = values_.size() - closed.first;
    if (count > 0) std::memcpy(to, values_.data() + closed.first, count * sizeof(cachecore_value));
    values_.resize(closed.first);
  }

  bool end_marker(const frame &map) {
    const std::string_view name = bytes_of(values_[map.first]);
    const cachecore_value held = values_[map.first + 1];
    values_.resize(map.first);
    if (name == bytes_marker) return push(marked_bytes(map, held), 0, true);
    if (name == error_marker) return push(marked_error(map, held), 0, true);
    const int height = std::max(map.height - 2, 0);
    return push(marked_map(map, held), height, true);
  }

  static cachecore_value marked_bytes(const frame &map, const cachecore_value &held) {
    if (held.kind == CACHECORE_BYTES && !map.after_marker) {
      // The text is ours, in the arena; what it stands for is shorter.
      char *data = const_cast<char *>(held.as.bytes.data);
      if (const std::optional<size_t> size = base64_decode(bytes_of(held), data)) {
        data[*size] = '\0';
        return cachecore_bytes(data, *size);
      }
    }
    fail_marker(map, "{\"$bytes\": ...} must hold base64 text, padded and without white space");
  }

  cachecore_value marked_map(const frame &map, const cachecore_value &held) {
    constexpr std::string_view fault = "{\"$map\": ...} must hold a list of [key, value] lists";
    if (held.kind != CACHECORE_LIST) fail_marker(map, fault);
    const cachecore_list_view &list = held.as.list;
    auto *pairs = memory_.allocate_array<cachecore_pair>(list.count);
    for (size_t i = 0; i < list.count; i++) {
      const cachecore_value &pair = list.items[i];
      if (pair.kind != CACHECORE_LIST || pair.as.list.count != 2) fail_marker(map, fault);
      pairs[i] = {pair.as.list.items[0], pair.as.list.items[1]};
    }
    return cachecore_map(pairs, list.count);
  }

  static cachecore_value marked_error(const frame &map, const cachecore_value &held) {
    if (held.kind == CACHECORE_MAP && !map.after_marker && held.as.map.count == 2) {
      const cachecore_pair *pairs = held.as.map.pairs;
      const size_t status_at = bytes_of(pairs[0].key) == error_status_key ? 0 : 1;
      const cachecore_pair &status = pairs[status_at];
      const cachecore_pair &message = pairs[1 - status_at];
      const std::optional<int32_t> number = status_of(status.value);
      if (number && bytes_of(status.key) == error_status_key && bytes_of(message.key) == error_message_key &&
          message.value.kind == CACHECORE_BYTES) {
        cachecore_value error = message.value;
        error.kind = CACHECORE_ERROR;
        error.reserved = *number;
        return error;
      }
    }
    fail_marker(map, "{\"$error\": ...} must hold {\"status\": a status' name or number, \"message\": text}");
  }

  static std::optional<int32_t> status_of(const cachecore_value &value) noexcept {
    if (value.kind == CACHECORE_BYTES) return find_status(bytes_of(value));
    if (value.kind != CACHECORE_INT || value.as.integer != static_cast<int32_t>(value.as.integer)) return std::nullopt;
    return static_cast<int32_t>(value.as.integer);
  }

  [[noreturn]] static void fail_marker(const frame &map, std::string_view fault) {
    fail_at(map.offset, std::string(fault) + "; to say such a map itself write {\"$map\": [[key, value]]}");
  }

  cachecore_value number(std::string_view digits) const {
    const char *end = digits.data() + digits.size();
    if (digits.find_first_of(".eE") == std::string_view::npos) {
      int64_t integer = 0;
      if (std::from_chars(digits.data(), end, integer).ec != std::errc{}) {
        fail_at(offset_of(digits.data()),
                "an integer outside -9223372036854775808 .. 9223372036854775807; send it as text");
      }
      return cachecore_int(integer);
    }
    double real = 0;
    if (std::from_chars(digits.data(), end, real).ec != std::errc{}) fail_range(offset_of(digits.data()));
    return cachecore_double(real);
  }

  [[noreturn]] static void fail_range(size_t offset) {
    fail_at(offset, "a number too large, or too near to zero, for a double; send it as text");
  }

  cachecore_value text(std::string_view text) const {
    if (has_escapes_) {
      for (size_t at = text.find('\xED'); at != std::string_view::npos; at = text.find('\xED', at + 1)) {
        if (static_cast<unsigned char>(text[at + 1]) >= 0xA0) {
          fail_at(offset_of(text.data()) - 1, "the string has a \\u escape that is half of a surrogate pair");
        }
      }
    }
    return cachecore_bytes(text.data(), text.size());
  }

  size_t offset_of(const char *place) const { return static_cast<size_t>(place - text_); }

  [[noreturn]] static void fail_syntax(const rapidjson::ParseResult &result, std::string_view original) {
    const size_t offset = result.Offset();
    const bool at_end = offset >= original.size();
    switch (result.Code()) {
      case rapidjson::kParseErrorNumberTooBig:
        fail_range(offset);
      case rapidjson::kParseErrorStringMissQuotationMark:
        fail_at(offset, at_end ? "the text ends inside a string" : "a NUL byte inside a string; write \\u0000");
      case rapidjson::kParseErrorStringEscapeInvalid:
        if (!at_end && original[offset] != '\\') {
          fail_at(offset, "a control character inside a string; write it as an escape (\\n, \\u0001)");
        }
        fail_at(offset, rapidjson::GetParseError_En(result.Code()));
      case rapidjson::kParseErrorDocumentEmpty:
        fail_at(offset, "there is no value");
      case rapidjson::kParseErrorDocumentRootNotSingular:
        fail_at(offset, "something follows the value; one JSON text is one value");
      default:
        fail_at(offset,
                at_end ? "the text ends before its value is complete" : rapidjson::GetParseError_En(result.Code()));
    }
  }

  char *text_;
  arena &memory_;
  rapidjson::InsituStringStream stream_;
  bool has_escapes_;
  std::vector<cachecore_value> values_;
  std::vector<frame> open_;
};

}  // namespace

cachecore_value json_decode(std::string_view json, arena &memory) {
  if (json.size() > max_json_size) fail_at(max_json_size, "the text is larger than 2 GiB; send less at once");
  const size_t text_end = utf8_prefix(json);
  if (text_end < json.size()) {
    fail_at(text_end, "a byte that is not UTF-8; JSON is UTF-8, and other bytes are {\"$bytes\": base64}");
  }
  char *text = static_cast<char *>(memory.allocate(json.size() + 1));
  if (!json.empty()) std::memcpy(text, json.data(), json.size());
  text[json.size()] = '\0';
  return decoder(text, json.size(), memory).run(json);
}

}  // namespace cachecore_internal
