// completion_queue.h: finished operations on their way to the application.
//
// A list under a mutex and an eventfd that is readable exactly while the list is not empty: the push that fills an
// empty list writes it, the drain that empties the list reads it, both under the mutex; so no wake-up can be lost. A
// queue is kept by its application and by every operation that will complete into it; it outlives the core, and after
// destroy only takes results to have them undone.
//
// Thread rule: all functions on any thread. In a forked child an inherited queue can only be destroyed.
#pragma once

#include <cachecore/completions.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#include "core/runtime/result.h"

namespace cachecore_internal {
class engine;
}

struct cachecore_completions {
  std::mutex mutex;
  cachecore_result *head = nullptr;
  cachecore_result *tail = nullptr;
  uint64_t core_number = 0;  // of the core it was made for; no two cores of a process have the same
  int descriptor = -1;
  bool destroyed = false;
  uint64_t generation = 0;
  cachecore_handle *core = nullptr;  // null once the core is closed; under queue_links, as is its list of queues
  std::atomic<uint32_t> references{1};
  cachecore_completions *next_of_core = nullptr;
  cachecore_completions *previous_of_core = nullptr;

  // The loop's batch of one turn; touched by the loop only.
  cachecore_result *batch_head = nullptr;
  cachecore_result **batch_tail = &batch_head;
  uint32_t batch_references = 0;
  cachecore_completions *next_dirty = nullptr;
  bool dirty = false;
};

namespace cachecore_internal {

constexpr uint32_t max_undelivered_items = 1024;  // of one stream

// The undelivered items of one streaming operation; kept by its invocation and by each item. All under the queue's
// mutex but `references`. Beyond the bound the oldest item becomes a marker {"dropped": n}, which then swallows further
// ones.
struct item_stream {
  std::atomic<uint32_t> references{1};
  uint32_t undelivered = 0;
  cachecore_result *oldest = nullptr;
  cachecore_result *newest = nullptr;
  cachecore_result *marker = nullptr;
};

void unref_stream(item_stream *stream) noexcept;

// Adds a chain of results, linked by `next`. False when the queue is destroyed: the chain stays the caller's.
bool push_results(cachecore_completions &queue, cachecore_result *first) noexcept;

// Takes up to `max` results, oldest first; they are not linked any more.
size_t take_results(cachecore_completions &queue, cachecore_result **out, size_t max) noexcept;

// Marks it destroyed and hands over what nobody drained, linked by `next`.
cachecore_result *destroy_queue(cachecore_completions &queue) noexcept;

// Guards which queue belongs to which core: either may be destroyed first.
std::mutex &queue_links() noexcept;
void renew_queue_links_after_fork() noexcept;

void free_results(cachecore_result *chain) noexcept;

void ref_queue(cachecore_completions *queue, uint32_t count = 1) noexcept;
void unref_queue(cachecore_completions *queue, uint32_t count = 1) noexcept;

}  // namespace cachecore_internal
