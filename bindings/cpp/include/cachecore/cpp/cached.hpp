// cached.hpp: read-through caching with a lambda, over the lease protocol of the plugin `cache`.
//
//     auto load = [&](int64_t user_id) { return load_user(user_id); };
//     auto user = cachecore::cached(core, "user:{user_id}", 10min, load);
//
//     auto ada = user(42);        // loads once, however many threads of this process ask at the same moment
//     user.invalidate(42);
//
// What a call does:
//
//     cache.lookup  ->  "hit", "stale"   the value
//                   ->  "load"           this caller alone runs the loader, then cache.store(lease, value);
//                                        or cache.fail(lease, message), and the loader's exception goes on
//
// Thread rule: a cached function may be called from any number of threads at once if its loader may. The loader runs on
// the calling thread. Invariants: a loader that throws gives its lease back at once; a value that was loaded is
// returned even when it could not be stored because the server is away or the lease was lost.
#pragma once

#include <functional>
#include <type_traits>

#include "core.hpp"
#include "key_template.hpp"

namespace cachecore {

// How a region is cached: a time to live, or the fields cache.define takes: {{"ttl_ms", 10min}, {"stale_ms", 1h},
// {"jitter", 0.1}}.
class policy {
 public:
  policy() = default;
  template <class Rep, class Period>
  policy(std::chrono::duration<Rep, Period> ttl) : fields_(map({{"ttl_ms", ttl}})) {}
  policy(std::initializer_list<std::pair<value, value>> fields) : fields_(map(fields)) {}
  explicit policy(value fields) : fields_(std::move(fields)) {}

  [[nodiscard]] const value &fields() const noexcept { return fields_; }

 private:
  value fields_ = map();
};

namespace detail {

// Whether an error of the cache is about the server or the entry, so that the source can answer all the same. The
// others are about the program, and hiding them would hide that nothing is ever cached.
inline bool can_do_without(status code) noexcept {
  switch (code) {
    case status::timeout:
    case status::unavailable:
    case status::uncertain:
    case status::rejected:
    case status::denied:
    case status::conflict:
    case status::busy:
    case status::corrupt:
    case status::loader_failed:
      return true;
    default:
      return false;
  }
}

// What the region said about a key: its value, or the lease to load it with.
class lookup_answer {
 public:
  lookup_answer(const caller &core, std::string_view region, std::string_view key)
      : answer_(core.call("cache.lookup", region, key)) {}

  // NOT_FOUND is a cached "does not exist": a hit of NIL.
  [[nodiscard]] bool must_load() const { return answer_.found() && !answer_.view()["lease"].is_nil(); }
  [[nodiscard]] value_view lease() const { return answer_.view()["lease"]; }
  template <class T>
  [[nodiscard]] T value() const {
    return answer_.found() ? answer_.view()["value"].as<T>() : value_view().as<T>();
  }

 private:
  result answer_;
};

// Gives a lease back when its loader throws. What `fail` itself came to is not told: the loader's exception is the one
// to see, and a lease that could not be given back ends by itself.
class lease_guard {
 public:
  lease_guard(const caller &core, value_view lease) : core_(core), lease_(lease) {}
  void fail(std::string_view message) const noexcept {
    if (tell(message) == CACHECORE_INVALID_ARGUMENT) tell("the loader threw, with a message that is not UTF-8");
  }
  template <class T>
  void store(const T &loaded) const {
    try {
      core_.call("cache.store", lease_, loaded);
    } catch (const error &reason) {
      if (!can_do_without(reason.status())) throw;  // else the value is right, it is only not cached
    }
  }

 private:
  cachecore_status tell(std::string_view message) const noexcept {
    const std::array<cachecore_value, 2> args{lease_.native(), cachecore_bytes(message.data(), message.size())};
    return cachecore_invoke(core_.native(), "cache.fail", args.data(), args.size(), nullptr, nullptr);
  }

  const caller &core_;
  value_view lease_;
};

template <class Loader>
auto load_and_store(const caller &core, const lookup_answer &answer, Loader &&loader) {
  const lease_guard lease(core, answer.lease());
  try {
    auto loaded = std::invoke(std::forward<Loader>(loader));
    lease.store(loaded);
    return loaded;
  } catch (const std::exception &reason) {
    lease.fail(reason.what());
    throw;
  } catch (...) {
    lease.fail("the loader threw something that is not a std::exception");
    throw;
  }
}

}  // namespace detail

// The value of `key` in a defined region, or what `loader` gives, stored for the next.
template <class Loader>
auto get_or_load(const caller &core, std::string_view region, std::string_view key, Loader &&loader) {
  using loaded = std::decay_t<std::invoke_result_t<Loader>>;
  static_assert(!detail::borrows<loaded>::value, "a loader must return an owning type");
  const detail::lookup_answer answer(core, region, key);
  if (!answer.must_load()) return answer.template value<loaded>();
  return loaded(detail::load_and_store(core, answer, std::forward<Loader>(loader)));
}

// As get_or_load, but asks the source itself where the cache cannot answer, and gives `otherwise` where the source
// throws.
template <class Loader, class T>
auto get_with_fallback(const caller &core, std::string_view region, std::string_view key, Loader &&loader,
                       T &&otherwise) {
  using loaded = std::decay_t<std::invoke_result_t<Loader &>>;
  static_assert(!detail::borrows<loaded>::value, "a loader must return an owning type");
  bool failed = false;
  const auto ask = [&]() -> loaded {
    try {
      return std::invoke(loader);
    } catch (...) {
      failed = true;
      throw;
    }
  };
  try {
    return get_or_load(core, region, key, ask);
  } catch (const error &reason) {
    if (!failed && !detail::can_do_without(reason.status())) throw;
  } catch (...) {
    if (!failed) throw;
  }
  if (failed) return loaded(std::forward<T>(otherwise));
  try {
    return ask();
  } catch (...) {
    return loaded(std::forward<T>(otherwise));
  }
}

// A function whose answers are cached; made by cached().
template <class Loader>
class cached_function {
 public:
  cached_function(const caller &core, key_template keys, std::string region, const policy &policy, Loader loader)
      : core_(core), keys_(std::move(keys)), region_(std::move(region)), loader_(std::move(loader)) {
    core_.call("cache.define", region_, policy.fields());
  }

  template <class... A>
  auto operator()(const A &...args) const {
    return get_or_load(core_, region_, key(args...), [&] { return std::invoke(loader_, args...); });
  }

  // Later calls with these arguments load anew, also where a load is under way.
  template <class... A>
  void invalidate(const A &...args) const {
    core_.call("cache.delete", region_, key(args...));
  }

  template <class... A>
  [[nodiscard]] std::string key(const A &...args) const {
    return keys_.expand(args...);
  }
  [[nodiscard]] const std::string &region() const noexcept { return region_; }

 private:
  caller core_;
  key_template keys_;
  std::string region_;
  Loader loader_;
};

// Caches `loader` under the keys of `keys`, whose placeholders stand for the loader's arguments in order. The region is
// what the template begins with ("user"), unless the third argument names another.
template <class Loader>
cached_function<std::decay_t<Loader>> cached(const caller &core, std::string_view keys, const policy &policy,
                                             Loader &&loader) {
  key_template parsed(keys);
  std::string region = parsed.prefix();
  if (region.empty()) {
    throw error(status::invalid_argument,
                "the key template \"" + parsed.text() +
                    "\" begins with a placeholder, so it names no region: begin it with one, as in "
                    "\"user:{user_id}\"");
  }
  return {core, std::move(parsed), std::move(region), policy, std::forward<Loader>(loader)};
}

}  // namespace cachecore
