// decode.hpp: values to native types, checked.
//
//     bool                                       BOOL
//     integers                                   INT that fits
//     float, double                              DOUBLE, or an INT that it holds exactly
//     std::string                                BYTES
//     std::string_view, span<const std::byte>    BYTES, borrowed from the result
//     std::vector of std::byte or unsigned char  BYTES
//     std::chrono durations                      INT, milliseconds
//     std::optional<T>                           NIL or T
//     std::vector, std::set and the like         LIST
//     std::array, std::pair, std::tuple          LIST of exactly that length
//     std::map, std::unordered_map               MAP; the last of equal keys wins
//     cachecore::value, value_view               anything
//
// Anything else throws error(CORRUPT), which names what was asked for and what was there; an ERROR throws what it says.
// For a type of your own specialise `decoder<T>` with `static T decode(value_view)`.
//
// Thread rule: reentrant. Invariant: a value_view lives as long as what it was read from.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "encode.hpp"

namespace cachecore {

enum class kind : int32_t {
  nil = CACHECORE_NIL,
  boolean = CACHECORE_BOOL,
  integer = CACHECORE_INT,
  real = CACHECORE_DOUBLE,
  bytes = CACHECORE_BYTES,
  list = CACHECORE_LIST,
  map = CACHECORE_MAP,
  error = CACHECORE_ERROR,
};

inline const char *kind_name(kind of) noexcept {
  constexpr std::array<const char *, 8> names{"NIL", "BOOL", "INT", "DOUBLE", "BYTES", "LIST", "MAP", "ERROR"};
  const auto index = static_cast<size_t>(of);
  return index < names.size() ? names[index] : "UNKNOWN";
}

// Reads a value somebody else owns.
class value_view {
 public:
  value_view() noexcept : native_(&nil_) {}
  explicit value_view(const cachecore_value *native) noexcept : native_(native == nullptr ? &nil_ : native) {}

  // One of those above, unless the core is newer than this header.
  [[nodiscard]] enum kind kind() const noexcept {
    return static_cast<enum kind>(native_->kind);  // NOLINT(clang-analyzer-optin.core.EnumCastOutOfRange)
  }
  [[nodiscard]] bool is_nil() const noexcept { return native_->kind == CACHECORE_NIL; }
  [[nodiscard]] const cachecore_value &native() const noexcept { return *native_; }

  template <class T>
  [[nodiscard]] T as() const;

  // Items of a LIST, pairs of a MAP; throw for other kinds.
  [[nodiscard]] std::span<const cachecore_value> items() const {
    expect(CACHECORE_LIST, "a list");
    return {native_->as.list.items, native_->as.list.count};
  }
  [[nodiscard]] std::span<const cachecore_pair> pairs() const {
    expect(CACHECORE_MAP, "a map");
    return {native_->as.map.pairs, native_->as.map.count};
  }
  [[nodiscard]] std::string_view bytes() const {
    expect(CACHECORE_BYTES, "text or bytes");
    return native_->as.bytes.size == 0 ? std::string_view()
                                       : std::string_view(native_->as.bytes.data, native_->as.bytes.size);
  }

  // The item at `index`; throws beyond the last.
  [[nodiscard]] value_view operator[](size_t index) const {
    const auto all = items();
    if (index >= all.size()) {
      throw error(status::corrupt,
                  "item " + std::to_string(index) + " was asked of a list of " + std::to_string(all.size()));
    }
    return value_view(&all[index]);
  }
  [[nodiscard]] value_view operator[](int index) const { return (*this)[static_cast<size_t>(index)]; }
  // What a MAP holds under a text key; NIL when it holds nothing.
  [[nodiscard]] value_view operator[](std::string_view key) const {
    for (const auto &pair : pairs()) {
      const value_view name(&pair.key);
      if (name.kind() == kind::bytes && name.bytes() == key) return value_view(&pair.value);
    }
    return {};
  }
  [[nodiscard]] value_view operator[](const char *key) const { return (*this)[std::string_view(key)]; }

  // Throws the error that says what is here instead of `wanted`.
  [[noreturn]] void mismatch(std::string_view wanted) const {
    if (kind() == kind::error) {
      throw error(static_cast<status>(native_->reserved),
                  std::string_view(native_->as.bytes.data, native_->as.bytes.size));
    }
    std::string message = "asked for ";
    message += wanted;
    message += ", but the answer is ";
    message += kind_name(kind());
    if (kind() == kind::integer) message += " " + std::to_string(native_->as.integer);
    throw error(status::corrupt, message);
  }

 private:
  void expect(int32_t wanted, std::string_view words) const {
    if (native_->kind != wanted) mismatch(words);
  }

  static inline const cachecore_value nil_ = cachecore_nil();
  const cachecore_value *native_;
};

template <>
struct encoder<value_view> {
  static cachecore_value encode(const value_view &native, builder &) { return native.native(); }
};

template <class T>
struct decoder;

namespace detail {

template <class T>
concept self_decoding = requires(value_view view) {
  { decoder<T>::decode(view) } -> std::same_as<T>;
};

template <class T>
inline constexpr bool is_array = false;
template <class T, size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;

template <class T>
concept growing_sequence = std::ranges::range<T> && requires(T sequence, typename T::value_type item) {
  sequence.insert(sequence.end(), std::move(item));
};

// Whether a T points into the result it was read from.
template <class T>
struct borrows : std::false_type {};
template <>
struct borrows<std::string_view> : std::true_type {};
template <>
struct borrows<value_view> : std::true_type {};
template <class T, size_t N>
struct borrows<std::span<T, N>> : std::true_type {};
template <template <class...> class C, class... T>
struct borrows<C<T...>> : std::disjunction<borrows<T>...> {};
template <class T, size_t N>
struct borrows<std::array<T, N>> : borrows<T> {};

template <class T>
T decode_integer(value_view view) {
  if (view.kind() != kind::integer) view.mismatch("an integer");
  const int64_t integer = view.native().as.integer;
  if (!std::in_range<T>(integer)) {
    view.mismatch("an integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                  std::to_string(std::numeric_limits<T>::max()));
  }
  return static_cast<T>(integer);
}

template <class T>
T decode_real(value_view view) {
  if (view.kind() == kind::real) return static_cast<T>(view.native().as.real);
  if (view.kind() != kind::integer) view.mismatch("a double");
  const int64_t integer = view.native().as.integer;
  constexpr int64_t exact = int64_t{1} << std::numeric_limits<T>::digits;
  if (integer > exact || integer < -exact) view.mismatch("a double, or an integer that one holds exactly");
  return static_cast<T>(integer);
}

inline std::span<const cachecore_value> exactly(value_view view, size_t count) {
  const auto items = view.items();
  if (items.size() != count) {
    throw error(status::corrupt, "asked for a list of " + std::to_string(count) + ", but the answer has " +
                                     std::to_string(items.size()) + " items");
  }
  return items;
}

template <class T>
T decode_tuple(value_view view) {
  const auto items = exactly(view, std::tuple_size_v<T>);
  return [&]<size_t... I>(std::index_sequence<I...>) {
    return T{value_view(&items[I]).template as<std::tuple_element_t<I, T>>()...};
  }(std::make_index_sequence<std::tuple_size_v<T>>());
}

template <class T>
T decode_map(value_view view) {
  T map;
  for (const auto &pair : view.pairs()) {
    map.insert_or_assign(value_view(&pair.key).as<typename T::key_type>(),
                         value_view(&pair.value).as<typename T::mapped_type>());
  }
  return map;
}

template <class T>
T decode_sequence(value_view view) {
  T sequence;
  for (const auto &item : view.items()) {
    sequence.insert(sequence.end(), value_view(&item).as<typename T::value_type>());
  }
  return sequence;
}

}  // namespace detail

template <class T>
T decode(value_view view) {
  if constexpr (detail::self_decoding<T>) {
    return decoder<T>::decode(view);
  } else if constexpr (std::same_as<T, value_view>) {
    return view;
  } else if constexpr (std::same_as<T, std::monostate>) {
    if (!view.is_nil()) view.mismatch("nothing");
    return {};
  } else if constexpr (std::same_as<T, bool>) {
    if (view.kind() != kind::boolean) view.mismatch("a bool");
    return view.native().as.integer != 0;
  } else if constexpr (detail::integer<T>) {
    return detail::decode_integer<T>(view);
  } else if constexpr (std::floating_point<T>) {
    return detail::decode_real<T>(view);
  } else if constexpr (detail::one_of<T, std::string, std::string_view>) {
    return T(view.bytes());
  } else if constexpr (std::same_as<T, std::span<const std::byte>>) {
    const auto text = view.bytes();
    return std::as_bytes(std::span(text.data(), text.size()));
  } else if constexpr (detail::octets<T> && std::constructible_from<T, const uint8_t *, const uint8_t *>) {
    const auto text = view.bytes();
    T bytes(text.size());
    if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
  } else if constexpr (detail::is_optional<T>) {
    if (view.is_nil()) return std::nullopt;
    return view.as<typename T::value_type>();
  } else if constexpr (detail::is_duration<T>) {
    return std::chrono::duration_cast<T>(std::chrono::duration<int64_t, std::milli>(view.as<int64_t>()));
  } else if constexpr (detail::mapping<T>) {
    return detail::decode_map<T>(view);
  } else if constexpr (detail::is_tuple<T> || detail::is_array<T>) {
    return detail::decode_tuple<T>(view);
  } else if constexpr (detail::growing_sequence<T>) {
    return detail::decode_sequence<T>(view);
  } else {
    static_assert(sizeof(T) == 0, "no value becomes this type: specialise cachecore::decoder<T> for it");
  }
}

template <class T>
T value_view::as() const {
  return decode<T>(*this);
}

}  // namespace cachecore
