// value.hpp: a tree of values that owns all it holds.
//
//     core.call("kv.set_json", "user:1", map({{"name", "Ada"}, {"tags", list("a", 7, nullptr)}}), 10min);
//     auto anything = core.call("redis.command", list("HGETALL", "h")).as<cachecore::value>();
//
// Thread rule: a value type. Invariants: copying copies the whole tree; a MAP keeps its order and may hold equal keys,
// as values of the core do.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "decode.hpp"

namespace cachecore {

// One failed reply among many, inside a list or map.
struct failed_reply {
  cachecore::status status = status::internal;
  std::string message;
  friend bool operator==(const failed_reply &, const failed_reply &) = default;
};

class value {
 public:
  using list_type = std::vector<value>;
  using map_type = std::vector<std::pair<value, value>>;

  value() = default;
  value(list_type items) : tree_(std::move(items)) {}
  value(map_type pairs) : tree_(std::move(pairs)) {}
  value(failed_reply reply) : tree_(std::move(reply)) {}
  explicit value(value_view view) { copy(view); }
  // From whatever encode.hpp takes.
  template <class T>
    requires(!detail::one_of<std::remove_cvref_t<T>, value, list_type, map_type, failed_reply, value_view>)
  value(const T &native) {
    builder memory;
    const cachecore_value encoded = cachecore::encode(native, memory);
    copy(value_view(&encoded));
  }

  [[nodiscard]] enum kind kind() const noexcept { return static_cast<enum kind>(tree_.index()); }
  [[nodiscard]] bool is_nil() const noexcept { return tree_.index() == 0; }

  template <class T>
  [[nodiscard]] T as() const {
    static_assert(!detail::borrows<T>::value, "a view cannot be taken through a value: ask for an owning type");
    builder memory;
    const cachecore_value encoded = encode(memory);
    return value_view(&encoded).as<T>();
  }

  // The alternatives, in the order of the kinds.
  using tree = std::variant<std::monostate, bool, int64_t, double, std::string, list_type, map_type, failed_reply>;
  [[nodiscard]] const tree &alternatives() const noexcept { return tree_; }

  // Borrows from this value and from `memory`.
  [[nodiscard]] cachecore_value encode(builder &memory) const {
    switch (kind()) {
      case kind::list:
        return cachecore::detail::encode_range(std::get<list_type>(tree_), memory);
      case kind::map:
        return cachecore::detail::encode_map(std::get<map_type>(tree_), memory);
      case kind::boolean:
        return cachecore_bool(std::get<bool>(tree_) ? 1 : 0);
      case kind::integer:
        return cachecore_int(std::get<int64_t>(tree_));
      case kind::real:
        return cachecore_double(std::get<double>(tree_));
      case kind::bytes:
        return cachecore_bytes(std::get<std::string>(tree_).data(), std::get<std::string>(tree_).size());
      case kind::error:
        return encode_error(std::get<failed_reply>(tree_));
      case kind::nil:
        break;
    }
    return cachecore_nil();
  }

  friend bool operator==(const value &left, const value &right) { return left.tree_ == right.tree_; }

 private:
  static cachecore_value encode_error(const failed_reply &reply) {
    cachecore_value out = cachecore_bytes(reply.message.data(), reply.message.size());
    out.kind = CACHECORE_ERROR;
    out.reserved = static_cast<int32_t>(reply.status);
    return out;
  }

  void copy(value_view view) {
    const cachecore_value &native = view.native();
    switch (view.kind()) {
      case kind::nil:
        tree_ = std::monostate();
        return;
      case kind::boolean:
        tree_ = native.as.integer != 0;
        return;
      case kind::integer:
        tree_ = native.as.integer;
        return;
      case kind::real:
        tree_ = native.as.real;
        return;
      case kind::bytes:
        tree_ = std::string(view.bytes());
        return;
      case kind::list: {
        auto &items = tree_.emplace<list_type>();
        for (const auto &item : view.items()) items.emplace_back(value_view(&item));
        return;
      }
      case kind::map: {
        auto &pairs = tree_.emplace<map_type>();
        for (const auto &pair : view.pairs()) {
          pairs.emplace_back(value(value_view(&pair.key)), value(value_view(&pair.value)));
        }
        return;
      }
      case kind::error:
        tree_ =
            failed_reply{static_cast<status>(native.reserved), std::string(native.as.bytes.data, native.as.bytes.size)};
        return;
    }
    throw error(status::incompatible, "the value has kind " + std::to_string(native.kind) +
                                          ", which this version of the binding does not know");
  }

  tree tree_;
};

template <>
struct encoder<value> {
  static cachecore_value encode(const value &native, builder &memory) { return native.encode(memory); }
};

template <>
struct decoder<value> {
  static value decode(value_view view) { return value(view); }
};

// A LIST of anything: list(1, "two", list(3.0)). A function, since list{list{1}} has no one meaning in C++.
template <class... T>
value list(const T &...items) {
  value::list_type out;
  out.reserve(sizeof...(items));
  (out.emplace_back(items), ...);
  return out;
}

// A MAP: map({{"delay_ms", 500}, {"priority", 3}}).
inline value map(std::initializer_list<std::pair<value, value>> pairs = {}) { return value::map_type(pairs); }

}  // namespace cachecore
