// handle.h: tokens, handles, fences, and what is told over the process' channel: all the texts of this plugin.
//
// A token names one grant. Its first 12 characters name the process, so that a script knows whom to tell; the other 12
// are random. It is never used twice. A handle is what callers keep: mode, token and name in one text, so that any
// process can release what another acquired.
//
// A fence is the id of an entry of the bucket's stream, "MS-ORDER", in one number: ORDER is below 4,096, and MS counts
// from 2025, so that it stays below 2^53 and even a language with doubles alone keeps it whole.
//
// Thread rule: plain values. Parsing takes any bytes and answers nothing for what is not such a text.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace lock_plugin {

inline constexpr size_t process_size = 12;

struct token {
  static constexpr size_t size = 2 * process_size;

  std::array<char, size> text{};

  [[nodiscard]] std::string_view view() const noexcept { return {text.data(), size}; }
  friend bool operator==(const token &, const token &) = default;
};

// The random part is as good as a hash.
struct token_hash {
  size_t operator()(const token &named) const noexcept {
    size_t hash = 0;
    std::memcpy(&hash, named.text.data() + process_size, sizeof(hash));
    return std::hash<size_t>()(hash);
  }
};

[[nodiscard]] std::optional<token> parse_token(std::string_view text);
// 9 bytes as 12 characters of base64url.
void write_base64(const uint8_t *bytes, char *out) noexcept;

enum class mode : char { exclusive = 'x', shared = 'r', semaphore = 's' };

struct handle {
  mode how = mode::exclusive;
  token id;
  std::string_view name;
};

[[nodiscard]] std::optional<handle> parse_handle(std::string_view text);

struct fence_id {
  static constexpr int64_t orders = 4'096;
  int64_t ms = 0;
  int64_t order = 0;

  // Whether it can be said in one number.
  [[nodiscard]] bool fits() const noexcept { return order < orders; }
  [[nodiscard]] int64_t number() const noexcept;
};

[[nodiscard]] std::optional<fence_id> parse_fence(std::string_view id);
// The id that the number came from.
[[nodiscard]] std::string write_fence(int64_t number);

// "gTOKENFENCE:ENDS": granted; "eTOKEN:ENDS": it waits, and a lease that may be nobody's ends then; "lTOKEN": its lease
// was over; "fTOKEN": taken by force.
struct announcement {
  char kind = 0;
  token id;
  fence_id fence;       // of a grant
  int64_t ends_at = 0;  // the end of the lease, server's time
};

[[nodiscard]] std::optional<announcement> parse_announcement(std::string_view text);

// What RESTORE makes a hash {token: owner} of: the format of DUMP, which a server checks by its CRC-64.
[[nodiscard]] size_t simple_state_size(std::string_view owner) noexcept;
void write_simple_state(const token &id, std::string_view owner, char *out) noexcept;

}  // namespace lock_plugin
