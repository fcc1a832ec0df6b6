// encode.hpp: native types to values.
//
//     nullptr, nullopt, monostate, an empty optional, a null const char *    NIL
//     bool                                                                   BOOL
//     integers (not char; unsigned ones up to INT64_MAX)                     INT
//     float, double                                                          DOUBLE
//     std::string, string_view, const char *                                 BYTES
//     contiguous ranges of std::byte or unsigned char                        BYTES
//     std::chrono durations                                                  INT, whole milliseconds, rounded up
//     std::map, unordered_map, flat maps (a range with mapped_type)          MAP
//     std::pair, std::tuple                                                  LIST
//     any other range whose elements live in memory                          LIST
//     cachecore::value, value_view, cachecore_value                          as they are
//
// For a type of your own specialise `encoder<T>` with `static cachecore_value encode(const T &, builder &)`.
//
// Thread rule: reentrant. Invariant: the tree borrows from the native object and the builder, and lives as long as
// both.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory_resource>
#include <optional>
#include <ranges>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "error.hpp"

namespace cachecore {

// Scratch memory for the lists and maps of one call's arguments; small ones need no allocation.
class builder {
 public:
  builder() = default;
  builder(const builder &) = delete;
  builder &operator=(const builder &) = delete;

  template <class T>
  T *allocate(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count > std::numeric_limits<size_t>::max() / sizeof(T)) throw std::bad_alloc();
    return static_cast<T *>(memory_.allocate(count * sizeof(T), alignof(T)));
  }

  // A copy of text that would not live long enough.
  std::string_view keep(std::string_view text) {
    char *copy = allocate<char>(text.size() + 1);
    if (!text.empty()) std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
  }

 private:
  std::array<std::byte, 512> first_;
  std::pmr::monotonic_buffer_resource memory_{first_.data(), first_.size()};
};

template <class T>
struct encoder;

template <class T>
cachecore_value encode(const T &native, builder &memory);

namespace detail {

template <class T, class... Options>
concept one_of = (std::same_as<T, Options> || ...);

template <class T>
concept character = one_of<T, char, wchar_t, char8_t, char16_t, char32_t>;

template <class T>
concept integer = std::integral<T> && !character<T> && !std::same_as<T, bool>;

template <class T>
concept octet = one_of<std::remove_cv_t<T>, std::byte, unsigned char>;

template <class T>
concept octets = std::ranges::contiguous_range<const T> && std::ranges::sized_range<const T> &&
                 octet<std::ranges::range_value_t<const T>>;

template <class T>
concept text = std::convertible_to<const T &, std::string_view>;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

template <class T>
concept mapping = std::ranges::sized_range<const T> && requires { typename T::mapped_type; };

template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;

template <class T>
concept self_encoding = requires(const T &native, builder &memory) {
  { encoder<T>::encode(native, memory) } -> std::same_as<cachecore_value>;
};

template <integer T>
cachecore_value encode_integer(T native) {
  if (!std::in_range<int64_t>(native)) {
    throw error(status::invalid_argument, "an integer argument is " + std::to_string(native) +
                                              ", above the largest that can be passed, 9223372036854775807");
  }
  return cachecore_int(static_cast<int64_t>(native));
}

template <class T>
cachecore_value encode_map(const T &native, builder &memory) {
  const size_t count = std::ranges::size(native);
  auto *pairs = memory.allocate<cachecore_pair>(count);
  size_t index = 0;
  for (const auto &[key, mapped] : native) {
    pairs[index++] = cachecore_pair{encode(key, memory), encode(mapped, memory)};
  }
  return cachecore_map(pairs, count);
}

template <class T>
cachecore_value encode_range(const T &native, builder &memory) {
  using element = std::ranges::range_value_t<const T>;
  static_assert(std::is_lvalue_reference_v<std::ranges::range_reference_t<const T>> || std::is_arithmetic_v<element>,
                "this range makes its elements on the fly: copy it into a vector first");
  const auto count = static_cast<size_t>(std::ranges::distance(native));
  auto *items = memory.allocate<cachecore_value>(count);
  size_t index = 0;
  for (auto &&item : native) items[index++] = encode<element>(item, memory);
  return cachecore_list(items, count);
}

template <class T>
cachecore_value encode_tuple(const T &native, builder &memory) {
  constexpr size_t count = std::tuple_size_v<T>;
  auto *items = memory.allocate<cachecore_value>(count);
  std::apply(
      [&](const auto &...item) {
        size_t index = 0;
        ((items[index++] = encode(item, memory)), ...);
      },
      native);
  return cachecore_list(items, count);
}

template <class T>
cachecore_value encode_text(const T &native) {
  if constexpr (std::is_pointer_v<std::decay_t<T>> && !std::is_array_v<T>) {
    if (native == nullptr) return cachecore_nil();
  }
  const std::string_view view(native);
  return cachecore_bytes(view.data(), view.size());
}

}  // namespace detail

template <class T>
cachecore_value encode(const T &native, builder &memory) {
  if constexpr (detail::self_encoding<T>) {
    return encoder<T>::encode(native, memory);
  } else if constexpr (std::same_as<T, cachecore_value>) {
    return native;
  } else if constexpr (detail::one_of<T, std::nullptr_t, std::nullopt_t, std::monostate>) {
    return cachecore_nil();
  } else if constexpr (std::same_as<T, bool>) {
    return cachecore_bool(native ? 1 : 0);
  } else if constexpr (detail::integer<T>) {
    return detail::encode_integer(native);
  } else if constexpr (std::floating_point<T>) {
    return cachecore_double(static_cast<double>(native));
  } else if constexpr (detail::text<T>) {
    return detail::encode_text(native);
  } else if constexpr (detail::octets<T>) {
    return cachecore_bytes(std::ranges::data(native), std::ranges::size(native));
  } else if constexpr (detail::is_optional<T>) {
    return native.has_value() ? encode(*native, memory) : cachecore_nil();
  } else if constexpr (detail::is_duration<T>) {
    return cachecore_int(std::chrono::ceil<std::chrono::duration<int64_t, std::milli>>(native).count());
  } else if constexpr (detail::mapping<T>) {
    return detail::encode_map(native, memory);
  } else if constexpr (detail::is_tuple<T>) {
    return detail::encode_tuple(native, memory);
  } else if constexpr (std::ranges::forward_range<const T>) {
    return detail::encode_range(native, memory);
  } else {
    static_assert(sizeof(T) == 0, "this type has no value: specialise cachecore::encoder<T> for it");
  }
}

}  // namespace cachecore
