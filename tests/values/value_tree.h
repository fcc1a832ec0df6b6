// value_tree.h: trees for the tests of values: comparing them, and making them from bytes, so that a random generator
// and a fuzzer reach the same trees.
#pragma once

#include <cachecore/value.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cachecore_test {

inline std::string_view bytes_of(const cachecore_value &value) { return {value.as.bytes.data, value.as.bytes.size}; }

// Equal in kind and content, to the bit: 1 is not 1.0, and 0.0 is not -0.0.
inline bool same_tree(const cachecore_value &a, const cachecore_value &b) {
  if (a.kind != b.kind || a.reserved != b.reserved) return false;
  switch (a.kind) {
    case CACHECORE_NIL:
      return true;
    case CACHECORE_BOOL:
    case CACHECORE_INT:
      return a.as.integer == b.as.integer;
    case CACHECORE_DOUBLE:
      return std::bit_cast<uint64_t>(a.as.real) == std::bit_cast<uint64_t>(b.as.real);
    case CACHECORE_BYTES:
    case CACHECORE_ERROR:
      return bytes_of(a) == bytes_of(b);
    case CACHECORE_LIST:
      if (a.as.list.count != b.as.list.count) return false;
      for (size_t i = 0; i < a.as.list.count; i++) {
        if (!same_tree(a.as.list.items[i], b.as.list.items[i])) return false;
      }
      return true;
    case CACHECORE_MAP:
      if (a.as.map.count != b.as.map.count) return false;
      for (size_t i = 0; i < a.as.map.count; i++) {
        if (!same_tree(a.as.map.pairs[i].key, b.as.map.pairs[i].key)) return false;
        if (!same_tree(a.as.map.pairs[i].value, b.as.map.pairs[i].value)) return false;
      }
      return true;
    default:
      return false;
  }
}

// Whether every BYTES and ERROR of the tree has a NUL behind it.
inline bool all_nul_ended(const cachecore_value &value) {
  switch (value.kind) {
    case CACHECORE_BYTES:
    case CACHECORE_ERROR:
      return value.as.bytes.data[value.as.bytes.size] == '\0';
    case CACHECORE_LIST:
      for (size_t i = 0; i < value.as.list.count; i++) {
        if (!all_nul_ended(value.as.list.items[i])) return false;
      }
      return true;
    case CACHECORE_MAP:
      for (size_t i = 0; i < value.as.map.count; i++) {
        if (!all_nul_ended(value.as.map.pairs[i].key) || !all_nul_ended(value.as.map.pairs[i].value)) return false;
      }
      return true;
    default:
      return true;
  }
}

// Reads a tree out of any bytes: each decides what comes next; when they run out, the rest is NIL. Doubles that are not
// finite do not come up. The tree and the bytes live as long as this.
class tree_maker {
 public:
  explicit tree_maker(std::string_view bytes) : bytes_(bytes) {}

  cachecore_value make(int depth = 0) {
    switch (next() % 11) {
      case 0:
        return cachecore_nil();
      case 1:
        return cachecore_bool(next() & 1);
      case 2:
        return cachecore_int(static_cast<int8_t>(next()));
      case 3:
        return cachecore_int(static_cast<int64_t>(next_word()));
      case 4:
        return cachecore_double(next_double());
      case 5:
        return cachecore_double(static_cast<int8_t>(next()));
      case 6:
        return next_bytes();
      case 7:
        return cachecore_text(known_text());
      case 8:
        return make_error();
      case 9:
        return depth < deepest ? make_list(depth) : cachecore_nil();
      default:
        return depth < deepest ? make_map(depth) : cachecore_nil();
    }
  }

 private:
  static constexpr int deepest = 64;

  uint8_t next() {
    if (at_ == bytes_.size()) return 0;
    return static_cast<uint8_t>(bytes_[at_++]);
  }

  uint64_t next_word() {
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) word = word << 8 | next();
    return word;
  }

  double next_double() {
    const double real = std::bit_cast<double>(next_word());
    return real - real == 0 ? real : 0.1;
  }

  cachecore_value next_bytes() {
    const size_t wanted = next() % 24;
    const size_t size = std::min(wanted, bytes_.size() - at_);
    const cachecore_value value = cachecore_bytes(bytes_.data() + at_, size);
    at_ += size;
    return value;
  }

  const char *known_text() {
    static constexpr const char *texts[] = {"$bytes",
                                            "$map",
                                            "$error",
                                            "status",
                                            "message",
                                            "INTERNAL",
                                            "a",
                                            "AAECAw",
                                            "AAECAw==",
                                            "\"\\\n\x01\x7f",
                                            "\u00e9\u20ac\U0001f600"};
    return texts[next() % std::size(texts)];
  }

  cachecore_value make_error() {
    const uint8_t choice = next();
    cachecore_value error = choice & 1 ? next_bytes() : cachecore_text("message");
    error.kind = CACHECORE_ERROR;
    error.reserved = choice & 2 ? static_cast<int32_t>(next_word()) : -(choice >> 2);
    return error;
  }

  cachecore_value make_list(int depth) {
    const size_t count = next() % 6;
    auto &items = lists_.emplace_back(std::make_unique<cachecore_value[]>(count + 1));
    cachecore_value *to = items.get();
    for (size_t i = 0; i < count; i++) to[i] = make(depth + 1);
    return cachecore_list(to, count);
  }

  cachecore_value make_map(int depth) {
    const uint8_t choice = next();
    const size_t count = choice % 6;
    auto &pairs = maps_.emplace_back(std::make_unique<cachecore_pair[]>(count + 1));
    cachecore_pair *to = pairs.get();
    for (size_t i = 0; i < count; i++) {
      if (choice & 128) {
        to[i].key = make(depth + 1);
      } else {
        to[i].key = choice & 64 ? next_bytes() : cachecore_text(known_text());
      }
      to[i].value = make(depth + 1);
    }
    return cachecore_map(to, count);
  }

  std::string_view bytes_;
  size_t at_ = 0;
  std::vector<std::unique_ptr<cachecore_value[]>> lists_;
  std::vector<std::unique_ptr<cachecore_pair[]>> maps_;
};

}  // namespace cachecore_test
