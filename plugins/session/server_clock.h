// server_clock.h: what time it is at the server of a bucket, without asking it each time.
//
// Expiry itself is the server's business. This is only for deciding whether the use of a session is worth a write, so
// that an answer that is a minute old is good enough. Buckets lie on different servers of a cluster, so each has its
// own.
//
// Thread rule: any thread. Invariant: a difference is known iff `learned_at` is not `never`; a mix of two learnings is
// as good as either.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>

namespace session_plugin {

class server_clock {
 public:
  // local_ms: host.now_ms().
  void learn(uint8_t bucket, int64_t local_ms, int64_t server_ms) noexcept {
    known &of_bucket = buckets_[bucket];
    of_bucket.ahead_ms.store(server_ms - local_ms, std::memory_order_relaxed);
    of_bucket.learned_at.store(local_ms, std::memory_order_release);
  }

  // Nothing when it has to be learned again.
  [[nodiscard]] std::optional<int64_t> now_ms(uint8_t bucket, int64_t local_ms) const noexcept {
    constexpr int64_t holds_ms = 60'000;
    const known &of_bucket = buckets_[bucket];
    const int64_t learned_at = of_bucket.learned_at.load(std::memory_order_acquire);
    if (learned_at == never || local_ms - learned_at > holds_ms) return std::nullopt;
    return local_ms + of_bucket.ahead_ms.load(std::memory_order_relaxed);
  }

 private:
  static constexpr int64_t never = std::numeric_limits<int64_t>::min();
  struct known {
    std::atomic<int64_t> ahead_ms{0};
    std::atomic<int64_t> learned_at{never};
  };
  std::array<known, 256> buckets_;
};

}  // namespace session_plugin
