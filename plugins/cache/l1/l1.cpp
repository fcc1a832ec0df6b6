// l1.cpp: the writer's side of the near cache.
#include "l1.h"

#include <malloc.h>
#include <sched.h>

#include <cstdlib>
#include <mutex>
#include <new>

#include "eviction.h"
#include "hash.h"
#include "origins.h"

namespace cache_plugin {

namespace {

// So many blocks are held for readers before anybody looks whether they have left.
constexpr size_t batch = 32;
// How often a put waits for readers to leave before it gives up.
constexpr int patience = 64;
// What is left free so that a batch fits.
constexpr size_t largest_reserve = size_t{64} << 10;

bool fits_in_a_slot(const void *address) noexcept {
  return reinterpret_cast<uintptr_t>(address) <= copy_block::address_mask;
}

// How long from its birth, as it is kept.
uint32_t span(int64_t born_ms, int64_t until_ms) noexcept {
  return static_cast<uint32_t>(std::clamp<int64_t>(until_ms - born_ms, 0, std::numeric_limits<uint32_t>::max()));
}

// Null: no memory, or at an address that fits in no slot.
copy_block *make_block(std::string_view key, uint64_t hash, const copy_facts &facts, const char *value, size_t size) {
  void *memory = std::malloc(copy_block::header_size + key.size() + (value == nullptr ? 0 : size));
  if (memory == nullptr) return nullptr;
  if (!fits_in_a_slot(memory)) {
    std::free(memory);
    return nullptr;
  }
  const int64_t born = std::clamp<int64_t>(facts.born_ms, 0, copy_block::address_mask);
  auto *made = new (memory) copy_block{.stamp = facts.stamp,
                                       .previous_and_moved = 0,
                                       .next_and_queue = 0,
                                       .born_and_flags = static_cast<uint64_t>(born) | uint64_t{facts.flags} << 48,
                                       .origin_and_key_size = uint64_t{key.size()} << 48,
                                       .fresh_for = span(born, facts.fresh_until_ms),
                                       .stale_for = span(born, facts.stale_until_ms),
                                       .hash = static_cast<uint32_t>(hash),
                                       .value_size = static_cast<uint32_t>(size)};
  char *bytes = reinterpret_cast<char *>(memory) + copy_block::header_size;
  if (!key.empty()) std::memcpy(bytes, key.data(), key.size());
  if (value != nullptr && size > 0) std::memcpy(bytes + key.size(), value, size);
  return made;
}

}  // namespace

struct near_cache::writer {
  // What was taken out in an epoch, until its readers have left.
  struct limbo {
    copy_block *blocks = nullptr;
    near_table::slots *tables = nullptr;
    size_t count = 0;
    size_t bytes = 0;
  };

  writer(const near_limits &asked, near_table &its_table, near_readers &its_readers)
      : limits(asked),
        reserve(asked.sizes_only ? 0 : std::min(asked.max_bytes / 64, largest_reserve)),
        table(its_table),
        readers(its_readers),
        eviction(asked.max_entries, asked.sizes_only, 0x9e3779b97f4a7c15) {}

  std::mutex mutex;
  const near_limits limits;
  const size_t reserve;
  near_table &table;
  near_readers &readers;
  near_eviction eviction;
  near_origins origins;
  std::array<limbo, 2> held;
  uint64_t evictions = 0;

  // What is not blocks.
  [[nodiscard]] size_t besides() const noexcept {
    if (limits.sizes_only) return 0;
    return sizeof(near_cache) + sizeof(writer) + tickets * sizeof(uint32_t) + table.bytes() + readers.bytes() +
           eviction.bytes() + origins.bytes();
  }
  [[nodiscard]] size_t bytes() const noexcept {
    return besides() + eviction.held().bytes + held[0].bytes + held[1].bytes;
  }
  // So much is needed for other things yet.
  [[nodiscard]] size_t room_for_blocks(size_t needed) const noexcept {
    const size_t taken = besides() + reserve + needed;
    return taken > limits.max_bytes ? 0 : limits.max_bytes - taken;
  }

  void apply_recorded() noexcept {
    readers.take_recorded([this](copy_block &hit) { eviction.use(hit); });
  }

  // It is in no queue, and in no table any more.
  void retire(copy_block &gone) noexcept {
    limbo &in = held[readers.epoch() & 1];
    gone.set_next(in.blocks);
    in.blocks = &gone;
    in.count++;
    if (!limits.sizes_only) in.bytes += eviction.weight_of(gone);
  }

  void retire(near_table::slots *gone) noexcept {
    limbo &in = held[readers.epoch() & 1];
    gone->next_retired = in.tables;
    in.tables = gone;
    in.count++;
    if (!limits.sizes_only) in.bytes += near_table::bytes_of(gone);
  }

  void take_out(copy_block &gone) noexcept {
    eviction.remove(gone);
    table.erase(&gone);
    retire(gone);
  }

  void free_block(copy_block *block) noexcept {
    if (const copy_origin *origin = block->origin()) origins.release(origin);
    std::free(block);
  }

  void free_all(limbo &of) noexcept {
    while (copy_block *block = of.blocks) {
      of.blocks = block->next();
      free_block(block);
    }
    while (near_table::slots *slots = of.tables) {
      of.tables = slots->next_retired;
      near_table::free(slots);
    }
    of = {};
  }

  // Frees what no reader can hold any more.
  void collect() noexcept {
    for (int i = 0; i < 2 && held[0].count + held[1].count > 0 && readers.advance(); i++) {
      limbo &free_now = held[readers.epoch() & 1];
      if (free_now.count == 0) continue;
      // Rings may still name what is freed.
      readers.take_all_recorded([this](copy_block &hit) { eviction.use(hit); });
      free_all(free_now);
    }
  }

  // Puts a made block in its place, if there is room for it.
  outcome keep(copy_block &made, uint64_t hash, int64_t now_ms);
};

near_cache::near_cache(const near_limits &limits)
    : tickets_(new std::atomic<uint32_t>[tickets]()),
      readers_(limits.sizes_only ? 1 : 0),
      writer_(std::make_unique<writer>(limits, table_, readers_)) {}

near_cache::~near_cache() {
  erase_all();
  for (auto &limbo : writer_->held) writer_->free_all(limbo);
}

near_cache::outcome near_cache::writer::keep(copy_block &made, uint64_t hash, int64_t now_ms) {
  apply_recorded();
  copy_block *old = table.find(made.key(), hash);
  if (old != nullptr) {
    eviction.replace(*old, made);
  } else {
    eviction.add(made);
  }
  const bool counts = !limits.sizes_only;
  const size_t of_old = old != nullptr && counts ? eviction.weight_of(*old) : 0;
  const size_t growth = counts ? table.growth(hash) + eviction.growth() : 0;
  eviction.allow(counts ? room_for_blocks(of_old + growth) : limits.max_bytes);
  bool kept = true;
  while (copy_block *gone = eviction.next_to_go(now_ms)) {
    evictions++;
    eviction.evict(*gone);
    if (gone == &made) {
      kept = false;
    } else {
      take_out(*gone);
    }
  }
  const auto fits = [&] { return bytes() + of_old + growth <= limits.max_bytes; };
  for (int i = 0; i < patience && !fits(); i++) {
    collect();
    if (i > 0) sched_yield();
  }
  if (fits()) {
    eviction.grow();
  } else if (kept) {
    eviction.remove(made);
    kept = false;
  }
  if (kept && !table.reserve(hash, [this](near_table::slots *gone) { retire(gone); })) {
    eviction.remove(made);
    kept = false;
  }
  if (kept) table.insert(&made, hash, old);
  if (old != nullptr) {
    if (!kept) {
      eviction.remove(*old);
      table.erase(old);
    }
    retire(*old);
  }
  if (held[0].count + held[1].count >= batch) collect();
  return kept ? outcome::kept : outcome::refused;
}

near_cache::outcome near_cache::put(std::string_view key, uint64_t hash, const copy_facts &facts,
                                    std::string_view value, uint64_t ticket, int64_t now_ms) {
  const char *bytes = writer_->limits.sizes_only ? nullptr : value.empty() ? "" : value.data();
  return put_block(key, hash, facts, bytes, value.size(), ticket, now_ms);
}

near_cache::outcome near_cache::put_size(std::string_view key, uint64_t hash, size_t size, int64_t now_ms) {
  copy_facts facts;
  facts.stale_until_ms = std::numeric_limits<int64_t>::max();
  return put_block(key, hash, facts, nullptr, size, expect(hash), now_ms);
}

near_cache::outcome near_cache::put_block(std::string_view key, uint64_t hash, const copy_facts &facts,
                                          const char *value, size_t size, uint64_t ticket, int64_t now_ms) {
  const bool fits = key.size() <= copy_block::longest_key && size <= copy_block::longest_value;
  copy_block *made = fits ? make_block(key, hash, facts, value, size) : nullptr;
  const std::lock_guard lock(writer_->mutex);
  outcome came = outcome::refused;
  if (expect(hash) != ticket) {
    came = outcome::overtaken;
  } else if (made != nullptr) {
    try {
      const copy_origin *origin = writer_->origins.take({facts.tracked, facts.epoch, facts.scope});
      made->origin_and_key_size |= reinterpret_cast<uintptr_t>(origin);
      came = writer_->keep(*made, hash, now_ms);
    } catch (const std::bad_alloc &) {
      came = outcome::refused;
    }
  } else if (copy_block *old = fits ? table_.find(key, hash) : nullptr) {
    writer_->take_out(*old);
  }
  if (came != outcome::kept && made != nullptr) writer_->free_block(made);
  sampling_.store(writer_->eviction.sampling(), std::memory_order_relaxed);
  return came;
}

uint64_t near_cache::expect(uint64_t hash) const noexcept {
  return tickets_[hash % tickets].load() + everything_.load();
}

bool near_cache::erase(std::string_view key, uint64_t hash) {
  const std::lock_guard lock(writer_->mutex);
  tickets_[hash % tickets].fetch_add(1);
  copy_block *gone = table_.find(key, hash);
  if (gone == nullptr) return false;
  writer_->take_out(*gone);
  if (writer_->held[0].count + writer_->held[1].count >= batch) writer_->collect();
  return true;
}

size_t near_cache::erase_all() {
  return erase_if([](const copy_view &) { return true; });
}

size_t near_cache::erase_where(ends_function ends, void *state) {
  size_t gone = 0;
  for (size_t segment = 0; segment < near_table::segment_count; segment++) {
    const std::lock_guard lock(writer_->mutex);
    if (segment == 0) everything_.fetch_add(1);
    table_.for_each(segment, [&](copy_block &block) {
      if (!ends(state, copy_view(block))) return;
      writer_->take_out(block);
      gone++;
    });
    writer_->collect();
  }
  return gone;
}

bool near_cache::drop_where(std::string_view key, uint64_t hash, ends_function ends, void *state) {
  const std::lock_guard lock(writer_->mutex);
  copy_block *found = table_.find(key, hash);
  if (found == nullptr || !ends(state, copy_view(*found))) return false;
  writer_->take_out(*found);
  if (writer_->held[0].count + writer_->held[1].count >= batch) writer_->collect();
  return true;
}

void near_cache::apply_recorded() noexcept {
  const std::unique_lock lock(writer_->mutex, std::try_to_lock);
  if (!lock.owns_lock()) return;
  writer_->apply_recorded();
  sampling_.store(writer_->eviction.sampling(), std::memory_order_relaxed);
}

near_cache::figures near_cache::now() const {
  const std::lock_guard lock(writer_->mutex);
  return {writer_->bytes(), writer_->eviction.held().entries, writer_->evictions, writer_->eviction.window()};
}

}  // namespace cache_plugin
