#include "core/runtime/process.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

#include "core/runtime/completion_queue.h"
#include "core/runtime/executor.h"

namespace cachecore_internal {
namespace {

constexpr int word_bits = 64;
constexpr int max_descriptor = 1 << 17;  // beyond it a descriptor is only CLOEXEC

std::atomic<uint64_t> generation{1};
std::atomic<uint64_t> descriptors[max_descriptor / word_bits];  // a bit a descriptor
std::atomic<int> highest_word{-1};

void close_inherited() noexcept {
  generation.fetch_add(1, std::memory_order_relaxed);
  forget_waiters_after_fork();
  renew_queue_links_after_fork();
  const int last = highest_word.load(std::memory_order_relaxed);
  for (int word = 0; word <= last; word++) {
    uint64_t bits = descriptors[word].exchange(0, std::memory_order_relaxed);
    while (bits != 0) {
      const int bit = __builtin_ctzll(bits);
      bits &= bits - 1;
      ::close(word * word_bits + bit);
    }
  }
}

}  // namespace

uint64_t fork_generation() noexcept { return generation.load(std::memory_order_relaxed); }

void watch_forks() noexcept {
  static const int installed = pthread_atfork(nullptr, nullptr, close_inherited);
  (void)installed;
}

void remember_descriptor(int descriptor) noexcept {
  if (descriptor < 0 || descriptor >= max_descriptor) return;
  const int word = descriptor / word_bits;
  descriptors[word].fetch_or(uint64_t{1} << (descriptor % word_bits), std::memory_order_relaxed);
  int highest = highest_word.load(std::memory_order_relaxed);
  while (highest < word && !highest_word.compare_exchange_weak(highest, word, std::memory_order_relaxed)) {
  }
}

void forget_descriptor(int descriptor) noexcept {
  if (descriptor < 0 || descriptor >= max_descriptor) return;
  descriptors[descriptor / word_bits].fetch_and(~(uint64_t{1} << (descriptor % word_bits)), std::memory_order_relaxed);
}

void close_descriptor(int descriptor) noexcept {
  if (descriptor < 0) return;
  forget_descriptor(descriptor);
  ::close(descriptor);
}

}  // namespace cachecore_internal
