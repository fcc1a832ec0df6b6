// result.hpp: the answer of a call.
//
//     auto answer = core.call("kv.get", "key");
//     if (answer) use(answer.as<std::string>());               // or answer.as<std::optional<std::string>>()
//
// Thread rule: one thread at a time. Invariant: what as<std::string_view>() and view() give lives as long as the
// result; a type that borrows cannot be asked of a temporary one.
#pragma once

#include <memory>
#include <utility>

#include "decode.hpp"

namespace cachecore {

class result {
 public:
  // Empty: NOT_FOUND.
  result() = default;
  // Takes over `native`, which may be NULL: empty.
  explicit result(cachecore_result *native) noexcept : native_(native) {}

  // False for NOT_FOUND. An answer of NIL is found.
  [[nodiscard]] bool found() const noexcept { return native_ != nullptr; }
  explicit operator bool() const noexcept { return found(); }

  // For use in the same expression, or while the result lives: core.call("cache.stats").view()["hits"].as<int64_t>().
  [[nodiscard]] value_view view() const noexcept CACHECORE_LIFETIME_BOUND {
    return native_ == nullptr ? value_view() : value_view(cachecore_result_value(native_.get()));
  }

  // Throws error(NOT_FOUND) when empty, unless T is an optional.
  template <class T>
  [[nodiscard]] T as() const & {
    if constexpr (!detail::is_optional<T>) {
      if (!found()) {
        throw error(status::not_found, "there is no answer: check found(), or ask for as<std::optional<T>>()");
      }
    }
    return view().template as<T>();
  }
  template <class T>
    requires(!detail::borrows<T>::value)
  [[nodiscard]] T as() && {
    return std::as_const(*this).template as<T>();
  }
  // A view into a temporary result would dangle: name the result first.
  template <class T>
    requires detail::borrows<T>::value
  T as() && = delete;

  // The answer, or `otherwise` when there is none.
  template <class T>
  [[nodiscard]] T value_or(T otherwise) const {
    return found() ? as<T>() : std::move(otherwise);
  }

  [[nodiscard]] const cachecore_result *native() const noexcept { return native_.get(); }

 private:
  struct freeing {
    void operator()(cachecore_result *native) const noexcept { cachecore_result_free(native); }
  };
  std::unique_ptr<cachecore_result, freeing> native_;
};

}  // namespace cachecore
