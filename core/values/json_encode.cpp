// Encoding walks the tree and feeds RapidJSON's writer, which sees to commas and colons. Text and doubles are written
// past it: text in whole runs instead of byte by byte, doubles by std::to_chars, because RapidJSON's are not always the
// shortest.

#include <cachecore/error.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/failure.h"
#include "core/values/base64.h"
#include "core/values/json.h"
#include "core/values/json_keys.h"
#include "core/values/rapidjson.h"
#include "core/values/utf8.h"

namespace cachecore_internal {
namespace {

struct string_sink {
  using Ch = char;
  std::string *out;
  void Put(char c) { out->push_back(c); }
  void Flush() {}
};

bool needs_escape(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// Whether any of the eight bytes needs an escape. Bytes above 0x7F do not.
bool any_needs_escape(uint64_t word) noexcept {
  constexpr uint64_t ones = 0x0101010101010101u;
  constexpr uint64_t tops = 0x8080808080808080u;
  const uint64_t quotes = word ^ (ones * '"');
  const uint64_t backslashes = word ^ (ones * '\\');
  const uint64_t controls = (word - ones * 0x20) & ~word;
  return ((((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes) | controls) & tops) != 0;
}

size_t plain_run(std::string_view text) noexcept {
  size_t at = 0;
  uint64_t word = 0;
  while (text.size() - at >= sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    if (any_needs_escape(word)) break;
    at += sizeof(word);
  }
  while (at < text.size() && !needs_escape(text[at])) at++;
  return at;
}

class json_writer : public rapidjson::Writer<string_sink> {
 public:
  json_writer(string_sink &sink, rapidjson::CrtAllocator &allocator)
      : rapidjson::Writer<string_sink>(sink, &allocator), out_(*sink.out) {}

  void text(std::string_view text) {
    Prefix(rapidjson::kStringType);
    out_.push_back('"');
    while (true) {
      const size_t run = plain_run(text);
      out_.append(text.data(), run);
      if (run == text.size()) break;
      escape(text[run]);
      text.remove_prefix(run + 1);
    }
    out_.push_back('"');
  }

  void base64(std::string_view bytes) {
    Prefix(rapidjson::kStringType);
    out_.push_back('"');
    base64_encode(bytes, out_);
    out_.push_back('"');
  }

  void real(double real) {
    Prefix(rapidjson::kNumberType);
    std::array<char, 32> digits;
    const auto [end, problem] = std::to_chars(digits.data(), digits.data() + digits.size(), real);
    const std::string_view number(digits.data(), static_cast<size_t>(end - digits.data()));
    out_.append(number);
    if (number.find_first_of(".e") == std::string_view::npos) out_.append(".0");
  }

 private:
  void escape(char c) {
    constexpr std::string_view named = "\"\\\b\f\n\r\t";
    constexpr std::string_view names = "\"\\bfnrt";
    constexpr std::string_view hex = "0123456789abcdef";
    out_.push_back('\\');
    const size_t index = named.find(c);
    if (index != std::string_view::npos) {
      out_.push_back(names[index]);
      return;
    }
    out_.append("u00");
    out_.push_back(hex[static_cast<unsigned char>(c) >> 4]);
    out_.push_back(hex[static_cast<unsigned char>(c) & 15]);
  }

  std::string &out_;
};

class encoder {
 public:
  explicit encoder(std::string &out) : sink_{&out}, writer_(sink_, allocator_) {}

  // `depth` is how many lists and maps contain `value`.
  void write(const cachecore_value &value, int depth) {
    if (depth > max_value_depth) fail(depth, "lies more than 64 levels deep; send a flatter value");
    switch (value.kind) {
      case CACHECORE_NIL:
        writer_.Null();
        return;
      case CACHECORE_BOOL:
        writer_.Bool(value.as.integer != 0);
        return;
      case CACHECORE_INT:
        writer_.Int64(value.as.integer);
        return;
      case CACHECORE_DOUBLE:
        if (!std::isfinite(value.as.real)) {
          fail(depth, "is a double that is not finite, which JSON cannot say; send text or NIL instead");
        }
        writer_.real(value.as.real);
        return;
      case CACHECORE_BYTES:
        write_bytes(value, depth);
        return;
      case CACHECORE_LIST:
        write_list(value.as.list, depth);
        return;
      case CACHECORE_MAP:
        write_map(value.as.map, depth);
        return;
      case CACHECORE_ERROR:
        write_error(value, depth);
        return;
      default:
        fail(depth, "is of kind " + std::to_string(value.kind) + "; kinds are 0 (NIL) to 7 (ERROR)");
    }
  }

 private:
  // One step from a container towards the value being written: an item of a list, or the key or value of a pair.
  struct step {
    const cachecore_value *key;  // null in a list
    size_t index;
    bool is_key;
  };

  void write_bytes(const cachecore_value &value, int depth) {
    const std::string_view bytes = checked_bytes(value, depth);
    if (is_utf8(bytes)) {
      writer_.text(bytes);
      return;
    }
    writer_.StartObject();
    writer_.text(bytes_marker);
    writer_.base64(bytes);
    writer_.EndObject();
  }

  void write_list(const cachecore_list_view &list, int depth) {
    if (list.items == nullptr && list.count > 0) fail(depth, "is a list with a count but without items");
    writer_.StartArray();
    for (size_t i = 0; i < list.count; i++) {
      enter(depth, {nullptr, i, false});
      write(list.items[i], depth + 1);
    }
    writer_.EndArray();
  }

  void write_map(const cachecore_map_view &map, int depth) {
    if (map.pairs == nullptr && map.count > 0) fail(depth, "is a map with a count but without pairs");
    const bool plain = is_plain(map, depth);
    writer_.StartObject();
    if (!plain) {
      writer_.text(map_marker);
      writer_.StartArray();
    }
    for (size_t i = 0; i < map.count; i++) {
      const cachecore_pair &pair = map.pairs[i];
      if (plain) {
        writer_.text(bytes_of(pair.key));
      } else {
        writer_.StartArray();
        enter(depth, {&pair.key, i, true});
        write(pair.key, depth + 1);
      }
      enter(depth, {&pair.key, i, false});
      write(pair.value, depth + 1);
      if (!plain) writer_.EndArray();
    }
    if (!plain) writer_.EndArray();
    writer_.EndObject();
  }

  void write_error(const cachecore_value &value, int depth) {
    const std::string_view name = cachecore_status_name(value.reserved);
    writer_.StartObject();
    writer_.text(error_marker);
    writer_.StartObject();
    writer_.text(error_status_key);
    if (name == cachecore_status_name(INT32_MIN)) {
      writer_.Int(value.reserved);
    } else {
      writer_.text(name);
    }
    writer_.text(error_message_key);
    write_bytes(value, depth);
    writer_.EndObject();
    writer_.EndObject();
  }

  // Whether the map can be a JSON object that is read back as this map.
  bool is_plain(const cachecore_map_view &map, int depth) {
    for (size_t i = 0; i < map.count; i++) {
      const cachecore_value &key = map.pairs[i].key;
      if (key.kind != CACHECORE_BYTES) return false;
      enter(depth, {&key, i, true});
      if (!is_utf8(checked_bytes(key, depth + 1))) return false;
    }
    if (map.count == 1 && is_marker(bytes_of(map.pairs[0].key))) return false;
    return find_duplicate_key(map.pairs, map.count) == nullptr;
  }

  std::string_view checked_bytes(const cachecore_value &value, int depth) {
    if (value.as.bytes.data == nullptr && value.as.bytes.size > 0) fail(depth, "has a size but no data");
    return bytes_of(value);
  }

  void enter(int depth, step next) { path_[static_cast<size_t>(depth)] = next; }

  [[noreturn]] void fail(int depth, std::string_view fault) {
    std::string message = "cannot be written as JSON: the value at $";
    for (size_t i = 0; i < static_cast<size_t>(depth); i++) append_step(path_[i], message);
    if (message.size() > 240) message.replace(48, message.size() - 240, "...");
    message.append(" ").append(fault);
    throw failure(CACHECORE_INVALID_ARGUMENT, std::move(message));
  }

  // Keys that could garble a message, or flood it, appear as the position of their pair.
  static void append_step(const step &step, std::string &message) {
    constexpr size_t longest = 40;
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (step.key == nullptr) {
      message.append("[").append(std::to_string(step.index)).append("]");
      return;
    }
    const bool shown = !step.is_key && step.key->kind == CACHECORE_BYTES && step.key->as.bytes.size <= longest &&
                       bytes_of(*step.key).find_first_not_of(plain) == std::string_view::npos;
    if (shown) {
      message.append(".").append(bytes_of(*step.key));
    } else {
      message.append(step.is_key ? ".{key " : ".{value ").append(std::to_string(step.index)).append("}");
    }
  }

  string_sink sink_;
  rapidjson::CrtAllocator allocator_;
  json_writer writer_;
  std::array<step, max_value_depth + 2> path_;
};

}  // namespace

void json_encode(const cachecore_value &value, std::string &out) {
  const size_t size = out.size();
  try {
    encoder(out).write(value, 0);
  } catch (...) {
    out.resize(size);
    throw;
  }
}

}  // namespace cachecore_internal
