// spec.hpp: a plugin's declaration table.
//
// What callers see of a plugin is written once, as constants; the descriptor of plugin.h is made from them by the
// compiler. The kinds a parameter takes follow from the C++ type of the method's parameter; the table adds names, words
// and bounds:
//
//     constexpr auto methods = declare(
//         method<&kv::get>("get", "Reads the value of a key.", "BYTES, or NOT_FOUND", read_only | borrows_arguments,
//         key("key")), method<&kv::set>("set", "Writes a key.", "BOOL", none, key("key"), bytes("value"),
//         duration("ttl_ms").at_least(1)));
//
// C++ type                          kinds                     absent (NIL)
// std::string_view                  BYTES                     refused
// int64_t                           INT                       refused
// double                            INT, DOUBLE               refused
// bool                              BOOL                      refused
// list_view, map_view               LIST, MAP                 refused; empty where `.optional()`
// value                             any                       refused; NIL where `.optional()`
// std::optional<T>                  those of T                std::nullopt
// A parameter with `by_default` is never absent, whatever its type.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "../plugin.h"
#include "call.hpp"
#include "task.hpp"
#include "value.hpp"

namespace cachecore::plugin {

// Who a plugin is.
struct about {
  const char *name;
  const char *version;
  const char *license;
  const char *summary;
  // Services ("redis/1") and plugins ("kv").
  const char *needs[12] = {};
};

namespace spec {

// Masks of kinds.
inline constexpr uint32_t a_bool = CACHECORE_KIND_BIT(CACHECORE_BOOL);
inline constexpr uint32_t an_int = CACHECORE_KIND_BIT(CACHECORE_INT);
inline constexpr uint32_t a_double = CACHECORE_KIND_BIT(CACHECORE_DOUBLE);
inline constexpr uint32_t some_bytes = CACHECORE_KIND_BIT(CACHECORE_BYTES);
inline constexpr uint32_t a_list = CACHECORE_KIND_BIT(CACHECORE_LIST);
inline constexpr uint32_t a_map = CACHECORE_KIND_BIT(CACHECORE_MAP);

// Flags of a method.
inline constexpr uint32_t none = 0;
inline constexpr uint32_t read_only = CACHECORE_METHOD_READ_ONLY;
inline constexpr uint32_t streaming = CACHECORE_METHOD_STREAMING;
inline constexpr uint32_t borrows_arguments = CACHECORE_METHOD_BORROWS_ARGUMENTS;
inline constexpr uint32_t idempotent = CACHECORE_METHOD_IDEMPOTENT;

// A parameter, a field of an option map, or a key of the configuration. Each function returns a changed copy.
class parameter {
 public:
  constexpr parameter(const char *name, const char *doc, uint32_t meaning) noexcept
      : name_(name), doc_(doc), meaning_(meaning) {}

  // Other kinds than the C++ type says.
  [[nodiscard]] constexpr parameter kinds(uint32_t mask) const noexcept {
    parameter changed = *this;
    changed.kinds_ = mask;
    return changed;
  }
  // May be absent. Said by std::optional in a method's parameters, so needed only for the other types, fields and
  // configuration.
  [[nodiscard]] constexpr parameter optional() const noexcept { return with(CACHECORE_PARAMETER_OPTIONAL); }
  // Milliseconds the method may wait: added to the default deadline.
  [[nodiscard]] constexpr parameter wait() const noexcept { return with(CACHECORE_PARAMETER_WAIT); }
  // Never appears in an error, log or trace.
  [[nodiscard]] constexpr parameter secret() const noexcept { return with(CACHECORE_PARAMETER_SECRET); }
  // The smallest number, or the smallest size of bytes.
  [[nodiscard]] constexpr parameter at_least(value minimum) const noexcept {
    parameter changed = *this;
    changed.minimum_ = minimum;
    return changed;
  }
  // What an absent one becomes.
  [[nodiscard]] constexpr parameter by_default(value standard) const noexcept {
    parameter changed = optional();
    changed.default_ = standard;
    return changed;
  }
  // The keys a MAP may have: `fields<the_fields>()`, where `constexpr auto the_fields = fields(...)`.
  template <const auto &Fields>
  [[nodiscard]] constexpr parameter with_fields() const noexcept;

  // Read by the tables below.
  const char *name_;
  const char *doc_;
  uint32_t meaning_;
  uint32_t kinds_ = 0;
  uint32_t flags_ = 0;
  value minimum_;
  value default_;
  const cachecore_parameter_spec *const *fields_ = nullptr;

 private:
  [[nodiscard]] constexpr parameter with(uint32_t flag) const noexcept {
    parameter changed = *this;
    changed.flags_ |= flag;
    return changed;
  }
};

// Parameters by what they mean.
constexpr parameter any(const char *name, const char *doc = "") { return {name, doc, CACHECORE_MEANING_NONE}; }
constexpr parameter text(const char *name, const char *doc = "") { return {name, doc, CACHECORE_MEANING_TEXT}; }
constexpr parameter bytes(const char *name, const char *doc = "") { return {name, doc, CACHECORE_MEANING_BYTES}; }
constexpr parameter key(const char *name, const char *doc = "") { return {name, doc, CACHECORE_MEANING_KEY}; }
constexpr parameter json(const char *name, const char *doc = "") { return {name, doc, CACHECORE_MEANING_JSON}; }
constexpr parameter duration(const char *name, const char *doc = "") { return {name, doc, CACHECORE_MEANING_DURATION}; }
constexpr parameter timestamp(const char *name, const char *doc = "") {
  return {name, doc, CACHECORE_MEANING_TIMESTAMP};
}
constexpr parameter count(const char *name, const char *doc = "") { return {name, doc, CACHECORE_MEANING_COUNT}; }
constexpr parameter pattern(const char *name, const char *doc = "") { return {name, doc, CACHECORE_MEANING_PATTERN}; }

// Fields of an option map, or keys of the configuration. They have no C++ type, so each says its kinds.
template <class... Parameters>
[[nodiscard]] constexpr std::array<parameter, sizeof...(Parameters)> fields(const Parameters &...parameters) {
  return {parameters...};
}
inline constexpr std::array<parameter, 0> no_fields{};

// What a method's C++ parameter takes, and how it is made from a validated value.
template <class T>
struct argument;

template <>
struct argument<std::string_view> {
  static constexpr uint32_t kinds = some_bytes, flags = 0;
  static std::string_view from(const value &given) noexcept { return given.text(); }
};
template <>
struct argument<int64_t> {
  static constexpr uint32_t kinds = an_int, flags = 0;
  static int64_t from(const value &given) noexcept { return given.as.integer; }
};
template <>
struct argument<double> {
  static constexpr uint32_t kinds = an_int | a_double, flags = 0;
  static double from(const value &given) noexcept {
    return given.is(CACHECORE_INT) ? static_cast<double>(given.as.integer) : given.as.real;
  }
};
template <>
struct argument<bool> {
  static constexpr uint32_t kinds = a_bool, flags = 0;
  static bool from(const value &given) noexcept { return given.as.integer != 0; }
};
template <>
struct argument<list_view> {
  static constexpr uint32_t kinds = a_list, flags = 0;
  static list_view from(const value &given) { return given.is_nil() ? list_view{} : given.items(); }
};
template <>
struct argument<map_view> {
  static constexpr uint32_t kinds = a_map, flags = 0;
  static map_view from(const value &given) { return given.is_nil() ? map_view{} : given.pairs(); }
};
template <>
struct argument<value> {
  static constexpr uint32_t kinds = 0, flags = 0;
  static value from(const value &given) noexcept { return given; }
};
template <class T>
struct argument<std::optional<T>> {
  static constexpr uint32_t kinds = argument<T>::kinds, flags = CACHECORE_PARAMETER_OPTIONAL;
  static std::optional<T> from(const value &given) {
    if (given.is_nil()) return std::nullopt;
    return argument<T>::from(given);
  }
};

// The parts of a member coroutine's type.
template <class Function>
struct signature;
template <class Type, class Result, class... Arguments>
struct signature<task<Result> (Type::*)(call &, Arguments...)> {
  static_assert((!std::is_reference_v<Arguments> && ...),
                "a coroutine's parameters are taken by value, but for call &");
  using type = Type;
  using arguments = std::tuple<Arguments...>;
  static constexpr size_t count = sizeof...(Arguments);
};
template <class Type, class Result, class... Arguments>
struct signature<task<Result> (Type::*)(call &, Arguments...) const>
    : signature<task<Result> (Type::*)(call &, Arguments...)> {};

// One line of the table.
template <auto Function, size_t Count>
struct method_declaration {
  using arguments = typename signature<decltype(Function)>::arguments;
  static constexpr auto function = Function;

  const char *name;
  const char *doc;
  const char *returns;
  uint32_t flags;
  std::array<parameter, Count> parameters;
  cachecore_method_function undo = nullptr;

  // The member coroutine that gives back what the method completed with but nobody received: `task<void> (call &, value
  // granted)`.
  template <auto Undo>
  [[nodiscard]] constexpr method_declaration undone_by() const noexcept;
};

template <auto Function, class... Parameters>
[[nodiscard]] constexpr auto method(const char *name, const char *doc, const char *returns, uint32_t flags,
                                    const Parameters &...parameters) {
  static_assert(sizeof...(Parameters) == signature<decltype(Function)>::count,
                "one name for each parameter after call &");
  return method_declaration<Function, sizeof...(Parameters)>{name, doc, returns, flags, {parameters...}};
}

template <class... Methods>
[[nodiscard]] constexpr std::tuple<Methods...> declare(const Methods &...methods) {
  return {methods...};
}

}  // namespace spec

}  // namespace cachecore::plugin
