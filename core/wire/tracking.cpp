#include "core/wire/tracking.h"

#include <algorithm>

#include "core/core.h"
#include "core/plugins/registry.h"
#include "core/runtime/engine.h"
#include "core/topology/router.h"
#include "core/wire/command_table.h"

using namespace cachecore_internal;

cachecore_tracking::cachecore_tracking(engine &owner, std::vector<std::string> prefixes,
                                       cachecore_changed_function on_changed, void *state)
    : engine_(owner), prefixes_(std::move(prefixes)), on_changed_(on_changed), state_(state) {}

cachecore_tracking::~cachecore_tracking() = default;

const cachecore_tracked *cachecore_tracking::at(std::string_view key, uint64_t *epoch) noexcept {
  *epoch = 0;
  if (!begun_.exchange(true, std::memory_order_relaxed)) {
    try {
      engine_.events().start();
      engine_.events().post_function([this] { rearrange(); });
    } catch (const std::exception &) {
      begun_.store(false, std::memory_order_relaxed);
      return nullptr;
    }
  }
  router &routes = engine_.routes();
  node *server = routes.node_of(routes.is_cluster() ? key_slot(key) : request::any_slot);
  if (server == nullptr) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = masters_.find(server);
  if (found == masters_.end()) return nullptr;
  const cachecore_tracked &known = found->second->known;
  *epoch = known.epoch.load(std::memory_order_acquire);
  return *epoch == 0 || known.proven.load(std::memory_order_relaxed) == 0 ? nullptr : &known;
}

void cachecore_tracking::end() noexcept {
  const std::lock_guard<std::mutex> lock(running_);
  ended_ = true;
}

void cachecore_tracking::changed(const cachecore_value &keys) noexcept {
  const std::lock_guard<std::mutex> lock(running_);
  if (!ended_) on_changed_(state_, &keys);
}

void cachecore_tracking::listen_at(node &server) {
  master *known = nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::unique_ptr<master> &found = masters_[&server];
    if (found == nullptr) found = std::make_unique<master>();
    known = found.get();
  }
  if (known->connection != nullptr) return;
  known->connection = std::make_unique<push_connection>(engine_, [chosen = &server] { return chosen; });
  tracked_prefixes what;
  what.prefixes = prefixes_;
  what.changed = [this](const cachecore_value &keys) { changed(keys); };
  what.lost = [known] {
    known->known.epoch.store(0, std::memory_order_release);
    known->known.proven.store(0, std::memory_order_relaxed);
  };
  what.proven = [this, known](int64_t sent) {
    known->known.proven.store(sent, std::memory_order_release);
    if (known->known.epoch.load(std::memory_order_relaxed) == 0) {
      known->known.epoch.store(next_epoch_++, std::memory_order_release);
    }
  };
  known->connection->track(std::move(what));
}

void cachecore_tracking::rearrange() noexcept {
  if (!begun_.load(std::memory_order_relaxed) || engine_.ending() != CACHECORE_OK) return;
  if (!engine_.routes().is_mapped()) {
    engine_.routes().want_map();
    return;
  }
  try {
    const std::vector<node *> now = engine_.routes().masters();
    for (const auto &[server, each] : masters_) {
      if (each->connection == nullptr || std::find(now.begin(), now.end(), server) != now.end()) continue;
      each->connection->shut();
      retired_.push_back(std::move(each->connection));
    }
    for (node *each : now) listen_at(*each);
  } catch (const std::exception &) {
    engine_.log(CACHECORE_LOG_ERROR, "changes of keys cannot be heard: out of memory");
  }
}

void cachecore_tracking::shut() noexcept {
  for (const auto &[server, each] : masters_) {
    if (each->connection != nullptr) each->connection->shut();
  }
}

namespace cachecore_internal {

cachecore_tracking *trackings::begin(std::vector<std::string> prefixes, cachecore_changed_function on_changed,
                                     void *state) {
  auto made = std::make_unique<cachecore_tracking>(engine_, std::move(prefixes), on_changed, state);
  const std::lock_guard<std::mutex> lock(mutex_);
  all_.push_back(std::move(made));
  return all_.back().get();
}

void trackings::rearrange() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto &each : all_) each->rearrange();
}

void trackings::shut() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto &each : all_) each->shut();
}

namespace {

cachecore_status begin(const cachecore_host *host, const cachecore_value *prefixes,
                       cachecore_changed_function on_changed, void *state, cachecore_tracking **out,
                       cachecore_error *error) {
  *out = nullptr;
  try {
    std::vector<std::string> names;
    if (prefixes == nullptr || prefixes->kind != CACHECORE_LIST || prefixes->as.list.count == 0) {
      throw failure(CACHECORE_INVALID_ARGUMENT, "prefixes must be a LIST of at least one BYTES");
    }
    for (size_t i = 0; i < prefixes->as.list.count; i++) {
      const cachecore_value &each = prefixes->as.list.items[i];
      if (each.kind != CACHECORE_BYTES) throw failure(CACHECORE_INVALID_ARGUMENT, "prefixes must be BYTES");
      names.emplace_back(each.as.bytes.data, each.as.bytes.size);
    }
    for (const std::string &one : names) {
      for (const std::string &other : names) {
        if (&one != &other && other.starts_with(one)) {
          throw failure(CACHECORE_INVALID_ARGUMENT, "prefix " + one + " is the beginning of prefix " + other);
        }
      }
    }
    *out = plugin_record::of(host).core.running->tracked().begin(std::move(names), on_changed, state);
    return clear_error(error);
  } catch (const failure &fault) {
    return set_error(error, fault.status(), fault.message());
  } catch (const std::exception &) {
    return set_error(error, CACHECORE_NO_MEMORY, "out of memory");
  }
}

void end(cachecore_tracking *tracking) {
  if (tracking != nullptr) tracking->end();
}

const cachecore_tracked *at(cachecore_tracking *tracking, const char *key, size_t size, uint64_t *epoch) {
  return tracking->at({key, size}, epoch);
}

// The moment is read before the epoch: it was the epoch's own if that has not ended since, while a later epoch's moment
// says nothing of copies made in this one.
int64_t proven_ns(const cachecore_tracked *tracked, uint64_t epoch) noexcept {
  const int64_t proven = tracked->proven.load(std::memory_order_acquire);
  return epoch != 0 && tracked->epoch.load(std::memory_order_acquire) == epoch ? proven : 0;
}

int64_t age_ms(const cachecore_tracked *tracked, uint64_t epoch) {
  const int64_t proven = proven_ns(tracked, epoch);
  return proven == 0 ? -1 : std::max<int64_t>(boot_ns() - proven, 0) / ns_per_ms;
}

int64_t proven_ms(const cachecore_tracked *tracked, uint64_t epoch) { return proven_ns(tracked, epoch) / ns_per_ms; }

const cachecore_tracking_service table = {sizeof(cachecore_tracking_service), begin, end, at, age_ms, proven_ms};

}  // namespace

const cachecore_tracking_service *tracking_service() noexcept { return &table; }

}  // namespace cachecore_internal
