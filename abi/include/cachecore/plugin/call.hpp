// call.hpp: what a method has in hand: requests, memory for its answer, its deadline.
//
// Every coroutine of a plugin takes `call &` first. All of it is used only by the steps of its own invocation; none of
// it blocks.
//
// What the functions named like kinds of values build lives as long as the result, so it may be returned:
//
//     co_return call.map({{"state", "hit"}, {"age_ms", age}, {"value", call.copy(part)}});
#pragma once

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "commands.hpp"
#include "invocation.hpp"
#include "request.hpp"
#include "subscription.hpp"
#include "value.hpp"

namespace cachecore::plugin {

class call final : public invocation {
 public:
  using invocation::invocation;

  // ---- Redis -------------------------------------------------------------------------------------------------------

  // One command; its words are text, numbers and values: `co_await call.redis("SET", key, text, "PX", ttl_ms)`. An
  // error reply throws REJECTED with the server's code. Flags: `.read()`, `.idempotent()`, `.isolated()`,
  // `.may_be_stale()` behind it.
  template <class... Words>
  [[nodiscard]] command<sizeof...(Words)> redis(const Words &...words) noexcept {
    return {*this, {detail::word(words)...}, route::by_key, 0};
  }
  [[nodiscard]] gathered_command redis(const plugin::words &words) noexcept { return {*this, words.all()}; }
  [[nodiscard]] gathered_command redis_words(std::span<const value> words) noexcept { return {*this, words}; }

  // The beginning of a command that `add` goes on with.
  template <class... Words>
  [[nodiscard]] plugin::words words(const Words &...first) {
    plugin::words begun(*this);
    begun.add(first...);
    return begun;
  }

  [[nodiscard]] plugin::pipeline pipeline() noexcept { return plugin::pipeline(*this); }
  [[nodiscard]] plugin::transaction transaction() noexcept { return plugin::transaction(*this); }

  // `co_await call.script(scripts::take, keys(queue, leases), count, lease_ms)`
  template <size_t Keys, class... Arguments>
  [[nodiscard]] script_run<Keys, sizeof...(Arguments)> script(const cachecore_script &script,
                                                              const key_words<Keys> &keys,
                                                              const Arguments &...arguments) noexcept {
    return {*this, script, keys.words, {detail::word(arguments)...}};
  }
  // The same with as many as there are.
  [[nodiscard]] gathered_script_run script_words(const cachecore_script &script, std::span<const value> keys,
                                                 std::span<const value> arguments) noexcept {
    return {*this, script, keys, arguments};
  }

  // One command to every master; the answer is the LIST of replies, failed ones as ERROR.
  template <class... Words>
  [[nodiscard]] command<sizeof...(Words)> each_node(const Words &...words) noexcept {
    return {*this, {detail::word(words)...}, route::each_node, 0};
  }
  // One command to the master with this number, as each_node orders them.
  template <class... Words>
  [[nodiscard]] command<sizeof...(Words)> on_node(size_t node, const Words &...words) noexcept {
    return {*this, {detail::word(words)...}, route::one_node, node};
  }

  // An exclusive connection to the node of `key` (NIL: any).
  [[nodiscard]] lease_request lease(const value &key = {}) noexcept { return {*this, key}; }

  // Messages of channels, or of channels that match patterns.
  template <class... Channels>
  [[nodiscard]] subscription subscribe(const Channels &...channels) {
    const value names[] = {detail::word(channels)...};
    return {*this, CACHECORE_SUBSCRIBE_CHANNELS, names};
  }
  template <class... Patterns>
  [[nodiscard]] subscription subscribe_patterns(const Patterns &...patterns) {
    const value names[] = {detail::word(patterns)...};
    return {*this, CACHECORE_SUBSCRIBE_PATTERNS, names};
  }

  // ---- Time, other methods, streams
  // ----------------------------------------------------------------------------------

  [[nodiscard]] sleep_request sleep(int64_t ms) noexcept { return {*this, ms}; }

  // Another method (see host::find), within this call's deadline. Nothing when it answers NOT_FOUND.
  template <class... Arguments>
  [[nodiscard]] method_call<sizeof...(Arguments)> method(const cachecore_method *found,
                                                         const Arguments &...arguments) noexcept {
    return {*this, found, {value(arguments)...}};
  }

  // Delivers an item of a streaming method; it is copied, so one that is built here takes no memory of the invocation:
  // `call.emit_map({{"kind", "expired"}, {"key", key}})`.
  void emit(const value &item) noexcept { services().stream->emit(raw(), &item); }
  void emit_map(std::initializer_list<entry> entries) noexcept { emit(value(std::span<const entry>(entries))); }

  // Milliseconds until the deadline, 0 when it has passed, -1 for none.
  [[nodiscard]] int64_t remaining_ms() const noexcept { return services().invocation->remaining_ms(raw()); }
  // OK while somebody waits for the answer, else why nobody does.
  [[nodiscard]] cachecore_status given_up() const noexcept { return services().invocation->given_up(raw()); }

  // ---- Memory and values
  // ---------------------------------------------------------------------------------------------

  // Bytes with a NUL behind them.
  [[nodiscard]] value copy(std::string_view bytes) { return value(join_text(bytes)); }

  // The core's key prefix with `parts` behind it: text and whole numbers.
  template <class... Parts>
  [[nodiscard]] std::string_view key(const Parts &...parts) {
    return join_text(host().key_prefix(), digits_or_text(parts)...);
  }

  // Items to be filled in, then given to `value(std::span<const value>)`.
  [[nodiscard]] std::span<value> array(size_t count) {
    value *items = allocate_array<value>(count);
    std::uninitialized_default_construct_n(items, count);
    return {items, count};
  }
  [[nodiscard]] value list(std::span<const value> items) { return kept(items); }
  [[nodiscard]] value list(std::initializer_list<value> items) { return kept(std::span<const value>(items)); }
  [[nodiscard]] value map(std::span<const entry> entries) { return kept(entries); }
  [[nodiscard]] value map(std::initializer_list<entry> entries) { return kept(std::span<const entry>(entries)); }

  // Frees a reply before the invocation ends, with all it holds: for loops over large ones.
  void forget(const reply &answer) noexcept {
    if (answer.origin() != nullptr) services().invocation->forget(raw(), answer.origin());
  }

  // A value as JSON, and back. Throws INVALID_ARGUMENT for what JSON cannot say, or what is not JSON.
  [[nodiscard]] value encode_json(const value &plain) {
    value out;
    cachecore_error failed;
    if (services().json->encode(raw(), &plain, &out, &failed) != CACHECORE_OK) throw error(failed);
    return out;
  }
  [[nodiscard]] value decode_json(std::string_view json) {
    value out;
    cachecore_error failed;
    if (services().json->decode(raw(), json.data(), json.size(), &out, &failed) != CACHECORE_OK) throw error(failed);
    return out;
  }

  [[nodiscard]] const plugin::services &services() const noexcept { return host().services(); }

 private:
  struct number_text {
    char digits[20];
    size_t size;
    operator std::string_view() const noexcept { return {digits, size}; }
  };

  template <class Part>
  static auto digits_or_text(const Part &part) noexcept {
    if constexpr (integer<Part>) {
      number_text text;
      text.size =
          static_cast<size_t>(std::to_chars(text.digits, text.digits + sizeof(text.digits), part).ptr - text.digits);
      return text;
    } else {
      return std::string_view(part);
    }
  }

  template <class... Parts>
  std::string_view join_text(const Parts &...parts) {
    const size_t size = (std::string_view(parts).size() + ...);
    char *const out = allocate_array<char>(size + 1);
    char *end = out;
    ((end = std::copy_n(std::string_view(parts).data(), std::string_view(parts).size(), end)), ...);
    *end = '\0';
    return {out, size};
  }

  template <class T>
  value kept(std::span<const T> items) {
    T *out = allocate_array<T>(items.size());
    std::uninitialized_copy_n(items.data(), items.size(), out);
    return value(std::span<const T>(out, items.size()));
  }
};

}  // namespace cachecore::plugin
