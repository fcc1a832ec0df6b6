#include "near.h"

#include <algorithm>
#include <cstring>

namespace cache_plugin {

void near_report::served(int64_t behind_ms) noexcept {
  int64_t worst = worst_age_ms.load(std::memory_order_relaxed);
  while (behind_ms > worst) {
    if (!worst_age_ms.compare_exchange_weak(worst, behind_ms, std::memory_order_relaxed)) continue;
    worst_age.set(behind_ms);
    return;
  }
}

void heard_marker::learn(uint64_t ticket, int64_t epoch, const telling &by) noexcept {
  if (epoch_.load(std::memory_order_relaxed) == epoch && tracked_.load(std::memory_order_relaxed) == by.tracked &&
      tracking_epoch_.load(std::memory_order_relaxed) == by.epoch) {
    return;
  }
  const std::lock_guard lock(writing_);
  if (changes_.load(std::memory_order_relaxed) != ticket) return;
  // Readers look at the epoch before and after the others, so it is unknown meanwhile.
  epoch_.store(0, std::memory_order_seq_cst);
  tracked_.store(by.tracked, std::memory_order_seq_cst);
  tracking_epoch_.store(by.epoch, std::memory_order_seq_cst);
  epoch_.store(epoch, std::memory_order_seq_cst);
}

void heard_marker::forget() noexcept {
  const std::lock_guard lock(writing_);
  changes_.fetch_add(1, std::memory_order_release);
  epoch_.store(0, std::memory_order_seq_cst);
}

int64_t heard_marker::proven_ms(int64_t epoch, const cachecore_tracking_service &tracking) const noexcept {
  const cachecore_tracked *const by = tracked_.load(std::memory_order_acquire);
  const uint64_t since = tracking_epoch_.load(std::memory_order_acquire);
  const int64_t proven = by == nullptr ? 0 : tracking.proven_ms(by, since);
  // Epochs only rise, so the same one means that nothing was written between.
  return epoch_.load(std::memory_order_acquire) == epoch ? proven : 0;
}

int64_t heard_marker::proven_with(const telling &by, int64_t epoch,
                                  const cachecore_tracking_service &tracking) const noexcept {
  const int64_t proven = tracking.proven_ms(by.tracked, by.epoch);
  // One server tells of both, unless it is a cluster.
  if (tracked_.load(std::memory_order_acquire) == by.tracked &&
      tracking_epoch_.load(std::memory_order_acquire) == by.epoch) {
    return epoch_.load(std::memory_order_acquire) == epoch ? proven : 0;
  }
  return std::min(proven, proven_ms(epoch, tracking));
}

near_region::near_region(const near_policy &how, double eager, near_report &report)
    : how_(how), eager_(eager > 0), report_(report), copies_({how.max_bytes, how.max_entries, false}) {}

near_region::parts near_region::parts_of(const copy_view &copy) noexcept {
  const std::string_view value = copy.value();
  if ((copy.flags() & with_prefix) == 0) return {0, {}, value};
  parts of;
  uint16_t size = 0;
  std::memcpy(&of.load_ms, value.data(), sizeof(of.load_ms));
  std::memcpy(&size, value.data() + sizeof(of.load_ms), sizeof(size));
  of.tags = tag_list(value.substr(prefix_size, size));
  of.payload = value.substr(prefix_size + size);
  return of;
}

bool near_region::take(call &call, const copy_view &copy, near_copy &out) noexcept {
  const parts of = parts_of(copy);
  out.format = static_cast<char>(copy.flags() & 0xFF);
  out.born_ms = copy.born_ms();
  out.fresh_until_ms = copy.fresh_until_ms();
  out.stamp = static_cast<int64_t>(copy.stamp());
  out.load_ms = of.load_ms;
  const size_t size = of.payload.size() + of.tags.packed().size();
  if (size == 0) return true;
  // With a NUL behind the value, as call.copy makes it, and the tags behind that.
  auto *const bytes = static_cast<char *>(call.services().invocation->allocate(call.raw(), size + 1));
  if (bytes == nullptr) return false;
  std::memcpy(bytes, of.payload.data(), of.payload.size());
  bytes[of.payload.size()] = '\0';
  out.bytes = {bytes, of.payload.size()};
  if (!of.tags.empty()) {
    std::memcpy(bytes + of.payload.size() + 1, of.tags.packed().data(), of.tags.packed().size());
    out.tags = tag_list({bytes + of.payload.size() + 1, of.tags.packed().size()});
  }
  return true;
}

near_region::answer near_region::find(call &call, std::string_view key, uint64_t hash, const heard_marker &heard,
                                      near_copy &out) noexcept {
  if (how_.for_outages_only) return answer::none;
  auto found = answer::none;
  const int64_t now_ms = report_.timer->now_ms();
  const int64_t epoch = tracked() ? heard.epoch() : 0;
  if (tracked() && epoch == 0) return answer::none;
  (void)copies_.find(key, hash, [&](const copy_view &copy) {
    if (now_ms >= copy.fresh_until_ms() || (copy.flags() & outage_copy) != 0) return false;
    if (!tracked()) {
      if (!take(call, copy, out)) return false;
      out.found_ms = now_ms;
      report_.served(out.age_ms());
      found = answer::hit;
      return true;
    }
    const telling by{static_cast<const cachecore_tracked *>(copy.tracked()), copy.epoch()};
    const int64_t proven = heard.proven_with(by, epoch, *report_.tracking);
    if (proven == 0 || now_ms - proven > how_.max_stale_ms || !take(call, copy, out)) return false;
    out.found_ms = now_ms;
    report_.served(now_ms - proven);
    found = out.stamp == epoch ? answer::hit : answer::outdated;
    return true;
  });
  return found;
}

void near_region::compared(std::string_view key, uint64_t hash, const near_copy &copy, int64_t epoch) noexcept {
  (void)copies_.find(key, hash, [&](const copy_view &now) {
    if (now.born_ms() == copy.born_ms && static_cast<int64_t>(now.stamp()) == copy.stamp) {
      now.restamp(static_cast<uint64_t>(epoch));
    }
    return false;
  });
}

near_region::answer near_region::find_in_outage(call &call, std::string_view key, uint64_t hash,
                                                near_copy &out) noexcept {
  auto found = answer::none;
  const int64_t now_ms = report_.timer->now_ms();
  (void)copies_.find(key, hash, [&](const copy_view &copy) {
    const bool own = (copy.flags() & outage_copy) != 0;
    if (now_ms >= (own ? copy.fresh_until_ms() : copy.stale_until_ms()) || !take(call, copy, out)) return false;
    out.found_ms = now_ms;
    found = own ? answer::hit : answer::outdated;
    return true;
  });
  return found;
}

void near_region::keep(std::string_view key, uint64_t hash, const entry_view &entry, int64_t asked_ms, int64_t age_ms,
                       int64_t stamp, const telling &by, uint64_t ticket) noexcept {
  if (how_.for_outages_only) return;
  copy_facts facts;
  facts.born_ms = std::max<int64_t>(asked_ms - age_ms, 0);
  facts.fresh_until_ms = facts.born_ms + entry.ttl_ms;
  if (how_.ttl_ms > 0) facts.fresh_until_ms = std::min(facts.fresh_until_ms, asked_ms + how_.ttl_ms);
  facts.fresh_until_ms = std::max(facts.fresh_until_ms, facts.born_ms);
  facts.stale_until_ms = facts.born_ms + entry.lifetime_ms;
  facts.tracked = by.tracked;
  facts.epoch = by.epoch;
  facts.scope = this;
  facts.stamp = static_cast<uint64_t>(stamp);
  put(key, hash, facts, entry.format, entry.load_ms, entry.tags, entry.payload, ticket, asked_ms);
}

void near_region::keep_in_outage(std::string_view key, uint64_t hash, const content &loaded, int64_t ttl_ms,
                                 uint64_t ticket) noexcept {
  copy_facts facts;
  facts.born_ms = report_.timer->now_ms();
  facts.fresh_until_ms = facts.stale_until_ms = facts.born_ms + ttl_ms;
  facts.scope = this;
  facts.flags = outage_copy;
  put(key, hash, facts, loaded.format, 0, loaded.tagged(), loaded.bytes, ticket, facts.born_ms);
}

void near_region::put(std::string_view key, uint64_t hash, copy_facts facts, char format, uint32_t load_ms,
                      tag_list tags, std::string_view payload, uint64_t ticket, int64_t now_ms) noexcept {
  facts.flags = static_cast<uint16_t>(facts.flags | static_cast<unsigned char>(format));
  if (tags.empty() && !(eager_ && load_ms > 0)) {
    (void)copies_.put(key, hash, facts, payload, ticket, now_ms);
    return;
  }
  try {
    const auto size = static_cast<uint16_t>(tags.packed().size());
    std::string value(prefix_size, '\0');
    std::memcpy(value.data(), &load_ms, sizeof(load_ms));
    std::memcpy(value.data() + sizeof(load_ms), &size, sizeof(size));
    value.append(tags.packed()).append(payload);
    facts.flags |= with_prefix;
    (void)copies_.put(key, hash, facts, value, ticket, now_ms);
  } catch (const std::bad_alloc &) {
    // Not kept.
  }
}

}  // namespace cache_plugin
