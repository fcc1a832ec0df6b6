// records.cpp: hits and misses by type, of all processes, for 24 hours.
//
// Counts gather in the process and are written every `flush_ms`; what could not be written is kept for the next time,
// but for counts whose reply was lost: they may have arrived, and are not sent again.
#include <algorithm>
#include <array>
#include <utility>

#include "history.lua.h"
#include "monitor.h"
#include "record.lua.h"

namespace monitor_plugin {

namespace {

constexpr cachecore_script record_script{sizeof(cachecore_script), record_lua, sizeof(record_lua) - 1};
constexpr cachecore_script history_script{sizeof(cachecore_script), history_lua, sizeof(history_lua) - 1};

constexpr int64_t window_ms = int64_t{24} * 3'600'000;
constexpr size_t longest_type = 512;

double rate(const counts &of) {
  const int64_t total = of.hits + of.misses;
  return total == 0 ? 0.0 : static_cast<double>(of.hits) / static_cast<double>(total);
}

value show(call &call, const counts &of) {
  return call.map({{"hits", of.hits}, {"misses", of.misses}, {"total", of.hits + of.misses}, {"hit_rate", rate(of)}});
}

int64_t figure(const map_view &of, std::string_view name) {
  const value found = of[name];
  return found.is(CACHECORE_INT) ? found.as_int() : 0;
}

}  // namespace

void monitor::add(std::string_view type, counts more) {
  const std::lock_guard lock(mutex_);
  auto found = unwritten_.find(type);
  if (found == unwritten_.end()) {
    if (unwritten_.size() >= static_cast<size_t>(max_types_)) {
      throw error(CACHECORE_BUSY, "more than " + std::to_string(max_types_) +
                                      " types wait to be written: use fewer, or raise max_types of the monitor");
    }
    found = unwritten_.emplace(type, counts{}).first;
  }
  found->second.hits += more.hits;
  found->second.misses += more.misses;
}

task<void> monitor::record(call &call, std::string_view type, int64_t hits, int64_t misses) {
  if (type.size() > longest_type) {
    throw error(CACHECORE_INVALID_ARGUMENT,
                "type must be at most " + std::to_string(longest_type) + " bytes, got " + std::to_string(type.size()));
  }
  constexpr int64_t most = int64_t{1'000'000'000'000};
  if (hits > most || misses > most) {
    throw error(CACHECORE_INVALID_ARGUMENT, "hits and misses must be at most " + std::to_string(most) + " a call");
  }
  add(type, {hits, misses});
  // Whoever only records has not started the thread that writes.
  if (!awake_.exchange(true, std::memory_order_relaxed)) co_await call.sleep(0);
}

task<monitor::sums> monitor::read_type(call &call, std::string_view type) {
  const reply slices = co_await call.script(history_script, keys(call.key("monitor:type:", type))).read();
  sums out;
  std::vector<value> shown;
  const list_view figures = slices.items();
  for (size_t i = 0; i + 2 < figures.size(); i += 3) {
    const counts slice{figures[i + 1].as_int(), figures[i + 2].as_int()};
    out.recorded.hits += slice.hits;
    out.recorded.misses += slice.misses;
    shown.push_back(call.map({{"at_ms", figures[i].as_int()}, {"hits", slice.hits}, {"misses", slice.misses}}));
  }
  const std::lock_guard lock(mutex_);
  if (const auto found = unwritten_.find(type); found != unwritten_.end()) {
    out.recorded.hits += found->second.hits;
    out.recorded.misses += found->second.misses;
  }
  out.slices = call.list(shown);
  co_return out;
}

task<std::vector<std::string>> monitor::types(call &call) {
  const reply known = co_await call.redis("ZREVRANGE", call.key("monitor:types"), 0, max_types_ - 1);
  std::vector<std::string> out;
  for (const value &each : known.items()) out.emplace_back(each.as_text());
  const std::lock_guard lock(mutex_);
  for (const auto &[type, waiting] : unwritten_) {
    if (std::find(out.begin(), out.end(), type) == out.end()) out.push_back(type);
  }
  std::sort(out.begin(), out.end());
  co_return out;
}

task<value> monitor::stats(call &call, std::optional<std::string_view> type) {
  if (type) {
    const sums found = co_await read_type(call, *type);
    co_return show(call, found.recorded);
  }
  std::vector<entry> out;
  for (const std::string &each : co_await types(call)) {
    const value name = call.copy(each);
    const sums found = co_await read_type(call, name.text());
    out.push_back({name, show(call, found.recorded)});
  }
  co_return call.map(out);
}

task<value> monitor::history(call &call, std::string_view type) { co_return (co_await read_type(call, type)).slices; }

// What the regions of this process did since the last time.
task<void> monitor::observe_regions(call &call) {
  const std::optional<value> all = co_await ask(call, "cache.stats", value());
  if (!all || !all->is(CACHECORE_MAP)) co_return;
  const value regions = all->pairs()["regions"];
  if (!regions.is(CACHECORE_MAP)) co_return;
  for (const entry &each : regions.pairs()) {
    if (!each.key.is(CACHECORE_BYTES) || !each.value.is(CACHECORE_MAP) || each.key.text().size() > longest_type)
      continue;
    const map_view figures = each.value.pairs();
    const counts now{figure(figures, "hits") + figure(figures, "stale"), figure(figures, "misses")};
    counts before;
    {
      const std::lock_guard lock(mutex_);
      before = std::exchange(regions_seen_[std::string(each.key.text())], now);
    }
    const counts since{std::max<int64_t>(now.hits - before.hits, 0), std::max<int64_t>(now.misses - before.misses, 0)};
    if (since.hits + since.misses == 0) continue;
    try {
      add(each.key.text(), since);
    } catch (const error &) {
      // Too many types already: these regions have nothing recorded.
    }
  }
}

// What went wrong, if anything did.
task<std::optional<error>> monitor::write_counts(call &call) {
  std::map<std::string, counts, std::less<>> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(unwritten_);
  }
  auto last = taken.begin();
  int64_t now_ms = 0;
  std::optional<error> failed;
  for (auto each = taken.begin(); each != taken.end(); ++each) {
    try {
      const reply now = co_await call.script(record_script, keys(call.key("monitor:type:", each->first)),
                                             each->second.hits, each->second.misses);
      now_ms = now.as_int();
      last = std::next(each);
    } catch (const error &thrown) {
      failed = thrown;
      if (thrown.status() == CACHECORE_UNCERTAIN) last = std::next(each);
      break;
    }
  }
  if (last != taken.end()) {
    const std::lock_guard lock(mutex_);
    for (auto each = last; each != taken.end(); ++each) {
      counts &kept = unwritten_[each->first];
      kept.hits += each->second.hits;
      kept.misses += each->second.misses;
    }
  }
  if (now_ms == 0) co_return failed;
  const std::string_view index = call.key("monitor:types");
  words added = call.words("ZADD", index);
  for (auto each = taken.begin(); each != last; ++each) added.add(now_ms, std::string_view(each->first));
  co_await call.redis(added).idempotent();
  co_await all(call.redis("ZREMRANGEBYSCORE", index, "-inf", now_ms - window_ms).idempotent(),
               call.redis("ZREMRANGEBYRANK", index, 0, -max_types_ - 1).idempotent());
  co_return failed;
}

task<void> monitor::flush(call &call) {
  co_await observe_regions(call);
  if (const std::optional<error> failed = co_await write_counts(call)) throw error(*failed);
}

task<void> monitor::work(call &call) {
  co_await call.sleep(flush_ms_);
  try {
    co_await flush(call);
  } catch (const error &) {
    // The server is away, which every caller is told; what was counted is kept.
  }
  if (call.given_up() != CACHECORE_OK) co_return;
  host_.spawn<&monitor::work>("monitor.work");
}

}  // namespace monitor_plugin
