// value.hpp: cachecore_value with accessors.
//
// The layout is that of cachecore_value, so arrays of one are arrays of the other. A value borrows: bytes, lists and
// maps live elsewhere (in the arguments, a reply, the invocation's memory, static storage). What a method returns must
// live there too, and bytes of a result have a NUL behind them: literals, arguments and replies do, a part of them does
// not (see call.copy).
//
// Accessors check: reading another kind than expected throws CORRUPT, since arguments were checked before and what is
// left to be wrong is what was stored.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "../value.h"
#include "error.hpp"

namespace cachecore::plugin {

// A kind's name as descriptions spell it: "bytes".
constexpr const char *kind_name(int32_t kind) noexcept {
  constexpr const char *names[] = {"nil", "bool", "int", "double", "bytes", "list", "map", "error"};
  return kind >= CACHECORE_NIL && kind <= CACHECORE_ERROR ? names[kind] : "unknown";
}

struct entry;
class map_view;

template <class T>
concept integer =
    std::integral<T> && !std::same_as<std::remove_cv_t<T>, bool> && !std::same_as<std::remove_cv_t<T>, char>;

class value : public cachecore_value {
 public:
  constexpr value() noexcept : cachecore_value{CACHECORE_NIL, 0, {.bytes = {nullptr, 0}}} {}
  constexpr value(const cachecore_value &other) noexcept : cachecore_value(other) {}

  template <std::same_as<bool> B>
  constexpr value(B truth) noexcept : cachecore_value{CACHECORE_BOOL, 0, {.integer = truth ? 1 : 0}} {}
  // Unsigned numbers are sizes and counts: below 2^63.
  template <integer I>
  constexpr value(I number) noexcept : cachecore_value{CACHECORE_INT, 0, {.integer = static_cast<int64_t>(number)}} {}
  template <std::floating_point F>
  constexpr value(F number) noexcept : cachecore_value{CACHECORE_DOUBLE, 0, {.real = static_cast<double>(number)}} {}

  constexpr value(std::string_view bytes) noexcept
      : cachecore_value{CACHECORE_BYTES, 0, {.bytes = {bytes.data(), bytes.size()}}} {}
  // NULL gives NIL.
  constexpr value(const char *text) noexcept : value(text == nullptr ? value() : value(std::string_view(text))) {}
  // A value would outlive it: keep the bytes with call.copy, or say std::string_view where they stay.
  value(const std::string &) = delete;

  // Absent gives NIL.
  template <class T>
  constexpr value(const std::optional<T> &maybe) noexcept : value(maybe ? value(*maybe) : value()) {}

  // A LIST and a MAP of what lies elsewhere.
  constexpr value(std::span<const value> items) noexcept
      : cachecore_value{CACHECORE_LIST, 0, {.list = {items.data(), items.size()}}} {}
  value(std::span<const entry> pairs) noexcept;

  [[nodiscard]] constexpr bool is(int32_t expected) const noexcept { return kind == expected; }
  [[nodiscard]] constexpr bool is_nil() const noexcept { return kind == CACHECORE_NIL; }

  [[nodiscard]] bool as_bool() const { return expect(CACHECORE_BOOL).as.integer != 0; }
  [[nodiscard]] int64_t as_int() const { return expect(CACHECORE_INT).as.integer; }
  // An INT is taken too.
  [[nodiscard]] double as_double() const {
    return kind == CACHECORE_INT ? static_cast<double>(as.integer) : expect(CACHECORE_DOUBLE).as.real;
  }
  [[nodiscard]] std::string_view as_text() const { return expect(CACHECORE_BYTES).text(); }
  // An INT, or BYTES that are its decimal digits, as Redis stores numbers.
  [[nodiscard]] int64_t parsed_int() const {
    if (kind == CACHECORE_INT) return as.integer;
    const std::string_view digits = as_text();
    int64_t number = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (fault != std::errc{} || end != digits.data() + digits.size())
      throw error(CACHECORE_CORRUPT, "expected decimal digits");
    return number;
  }

  [[nodiscard]] std::span<const value> items() const {
    expect(CACHECORE_LIST);
    return {static_cast<const value *>(as.list.items), as.list.count};
  }
  [[nodiscard]] map_view pairs() const;

  // A flat LIST of keys and values, as HGETALL answers, seen as a MAP; without a copy. A MAP stays as it is.
  [[nodiscard]] value paired() const {
    if (kind == CACHECORE_MAP) return *this;
    expect(CACHECORE_LIST);
    if (as.list.count % 2 != 0) throw error(CACHECORE_CORRUPT, "expected a list of keys and values");
    static_assert(sizeof(cachecore_pair) == 2 * sizeof(cachecore_value));
    return cachecore_map(reinterpret_cast<const cachecore_pair *>(as.list.items), as.list.count / 2);
  }

  // Throws what an ERROR says: one failed reply among many. Any other value is returned as it is.
  const value &or_throw() const {
    if (kind == CACHECORE_ERROR) {
      cachecore_error failed;
      const std::string_view message = text();
      // A reply's message begins with the server's code.
      const std::string_view code =
          reserved == CACHECORE_REJECTED ? message.substr(0, message.find(' ')) : std::string_view{};
      write_error(&failed, reserved, message, code);
      throw error(failed);
    }
    return *this;
  }

  // Without a check, for what has been checked.
  [[nodiscard]] std::string_view text() const noexcept { return {as.bytes.data, as.bytes.size}; }

 private:
  const value &expect(int32_t expected) const {
    if (kind != expected) [[unlikely]]
      mismatch(expected);
    return *this;
  }
  [[noreturn]] void mismatch(int32_t expected) const {
    or_throw();
    throw error(CACHECORE_CORRUPT, std::string("expected ") + kind_name(expected) + ", found " + kind_name(kind));
  }
};

// A key and its value in a MAP; the layout of cachecore_pair.
struct entry {
  plugin::value key;
  plugin::value value;
};

static_assert(sizeof(value) == 24 && sizeof(entry) == sizeof(cachecore_pair) && std::is_standard_layout_v<value>);

// A LIST parameter or reply.
using list_view = std::span<const value>;

// A MAP parameter or reply: its entries in order.
class map_view {
 public:
  map_view() = default;
  explicit map_view(std::span<const entry> entries) noexcept : entries_(entries) {}

  [[nodiscard]] auto begin() const noexcept { return entries_.begin(); }
  [[nodiscard]] auto end() const noexcept { return entries_.end(); }
  [[nodiscard]] size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::span<const entry> entries() const noexcept { return entries_; }

  // The value of a text key, or null.
  [[nodiscard]] const value *find(std::string_view key) const noexcept {
    for (const entry &candidate : entries_) {
      if (candidate.key.is(CACHECORE_BYTES) && candidate.key.text() == key) return &candidate.value;
    }
    return nullptr;
  }
  // The same, NIL when there is none.
  [[nodiscard]] value operator[](std::string_view key) const noexcept {
    const value *found = find(key);
    return found == nullptr ? value() : *found;
  }

 private:
  std::span<const entry> entries_;
};

inline value::value(std::span<const entry> pairs) noexcept
    : value(cachecore_map(reinterpret_cast<const cachecore_pair *>(pairs.data()), pairs.size())) {}

inline map_view value::pairs() const {
  expect(CACHECORE_MAP);
  return map_view({reinterpret_cast<const entry *>(as.map.pairs), as.map.count});
}

}  // namespace cachecore::plugin
