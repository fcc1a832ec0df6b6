#include "core/runtime/completion_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <new>

namespace cachecore_internal {
namespace {

void append(cachecore_completions &queue, cachecore_result *result) noexcept {
  result->next = nullptr;
  result->previous = queue.tail;
  if (queue.tail != nullptr) {
    queue.tail->next = result;
  } else {
    queue.head = result;
  }
  queue.tail = result;
}

void unlink(cachecore_completions &queue, cachecore_result *result) noexcept {
  (result->previous != nullptr ? result->previous->next : queue.head) = result->next;
  (result->next != nullptr ? result->next->previous : queue.tail) = result->previous;
  result->next = result->previous = nullptr;
}

// Makes `item` the marker of its stream: {"dropped": 1}.
void become_marker(cachecore_result *item) noexcept {
  static const char key[] = "dropped";
  auto *pair = item->memory.allocate_array<cachecore_pair>(1);
  pair->key = cachecore_bytes(key, sizeof(key) - 1);
  pair->value = cachecore_int(1);
  item->value = cachecore_map(pair, 1);
  item->flags = CACHECORE_COMPLETION_MORE | CACHECORE_COMPLETION_DROPPED;
}

void drop_oldest(cachecore_completions &queue, item_stream &stream) noexcept {
  cachecore_result *victim = stream.oldest;
  stream.oldest = victim->next_item;
  if (stream.oldest == nullptr) stream.newest = nullptr;
  stream.undelivered--;
  if (stream.marker == nullptr) {
    become_marker(victim);
    stream.marker = victim;
    return;
  }
  auto *pair = const_cast<cachecore_pair *>(stream.marker->value.as.map.pairs);
  pair->value.as.integer++;
  unlink(queue, victim);
  unref_stream(victim->stream);
  free_result(victim);
}

void add_item(cachecore_completions &queue, cachecore_result *item) noexcept {
  item_stream &stream = *item->stream;
  item->next_item = nullptr;
  (stream.newest != nullptr ? stream.newest->next_item : stream.oldest) = item;
  stream.newest = item;
  if (++stream.undelivered > max_undelivered_items) drop_oldest(queue, stream);
}

// An item leaves the queue: it is the oldest of its stream, or its marker.
void remove_item(cachecore_result *item) noexcept {
  item_stream &stream = *item->stream;
  if (stream.marker == item) {
    stream.marker = nullptr;
  } else {
    stream.oldest = item->next_item;
    if (stream.oldest == nullptr) stream.newest = nullptr;
    stream.undelivered--;
  }
  item->stream = nullptr;
  unref_stream(&stream);
}

}  // namespace

void unref_stream(item_stream *stream) noexcept {
  if (stream->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete stream;
}

bool push_results(cachecore_completions &queue, cachecore_result *first) noexcept {
  const std::lock_guard<std::mutex> lock(queue.mutex);
  if (queue.destroyed) return false;
  const bool was_empty = queue.head == nullptr;
  while (first != nullptr) {
    cachecore_result *next = first->next;
    append(queue, first);
    if (first->stream != nullptr) add_item(queue, first);
    first = next;
  }
  if (was_empty && queue.head != nullptr) {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(queue.descriptor, &one, sizeof(one));
  }
  return true;
}

size_t take_results(cachecore_completions &queue, cachecore_result **out, size_t max) noexcept {
  const std::lock_guard<std::mutex> lock(queue.mutex);
  size_t count = 0;
  while (count < max && queue.head != nullptr) {
    cachecore_result *taken = queue.head;
    unlink(queue, taken);
    if (taken->stream != nullptr) remove_item(taken);
    out[count++] = taken;
  }
  if (count > 0 && queue.head == nullptr) {
    uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t got = read(queue.descriptor, &ignored, sizeof(ignored));
  }
  return count;
}

cachecore_result *destroy_queue(cachecore_completions &queue) noexcept {
  const std::lock_guard<std::mutex> lock(queue.mutex);
  queue.destroyed = true;
  cachecore_result *undrained = queue.head;
  for (cachecore_result *each = undrained; each != nullptr; each = each->next) {
    if (each->stream != nullptr) remove_item(each);
  }
  queue.head = queue.tail = nullptr;
  return undrained;
}

namespace {
alignas(std::mutex) unsigned char links_memory[sizeof(std::mutex)];
std::mutex *const links = new (links_memory) std::mutex();  // never destroyed: queues may outlive static destructors
}  // namespace

std::mutex &queue_links() noexcept { return *links; }

void renew_queue_links_after_fork() noexcept { new (links_memory) std::mutex(); }

void free_results(cachecore_result *chain) noexcept {
  while (chain != nullptr) {
    cachecore_result *next = chain->next;
    free_result(chain);
    chain = next;
  }
}

void ref_queue(cachecore_completions *queue, uint32_t count) noexcept {
  queue->references.fetch_add(count, std::memory_order_relaxed);
}

void unref_queue(cachecore_completions *queue, uint32_t count) noexcept {
  if (queue->references.fetch_sub(count, std::memory_order_acq_rel) == count) delete queue;
}

}  // namespace cachecore_internal
