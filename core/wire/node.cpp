#include "core/wire/node.h"

#include <algorithm>

#include "core/runtime/engine.h"
#include "core/runtime/jitter.h"
#include "core/topology/router.h"

namespace cachecore_internal {
namespace {

constexpr int64_t watch_interval_ns = 500 * ns_per_ms;
constexpr size_t shared_lane_is_crowded = 8;

}  // namespace

node::node(engine &owner, router &routes, dial_target target)
    : engine_(owner), router_(routes), dialer_(owner.settings(), owner.events(), std::move(target)) {
  for (auto &each : shared_) each = std::make_unique<lane>(owner, *this, lane::purpose::shared);
  isolated_ = std::make_unique<lane>(owner, *this, lane::purpose::isolated);
  watch_.server = this;
  watch_.expire = [](timer_entry *entry) {
    node &self = *static_cast<watch_timer *>(entry)->server;
    const int64_t now = now_ns();
    const int64_t read_deadline = std::max<int64_t>(self.engine_.settings().call_timeout_ms, 1'000) * ns_per_ms;
    bool stalled = false;
    for (auto &each : self.shared_) stalled |= each->check_stalled(now, read_deadline);
    stalled |= self.isolated_->check_stalled(now, 6 * read_deadline);
    if (stalled) self.router_.want_map();
    {
      const std::lock_guard<std::mutex> lock(self.mutex_);
      std::erase_if(self.retired_, [](const std::unique_ptr<lane> &each) { return each->may_be_freed(); });
    }
    self.engine_.events().add_timer(self.watch_, now + watch_interval_ns);
  };
}

node::~node() = default;

void node::fail_stalled(int64_t read_deadline_ns) noexcept {
  for (auto &each : shared_) each->check_stalled(now_ns(), read_deadline_ns);
}

void node::start_watch() noexcept {
  if (watching_.exchange(true, std::memory_order_relaxed)) return;
  engine_.events().post_function([this] { engine_.events().add_timer(watch_, now_ns() + watch_interval_ns); });
}

int64_t node::busy_poll_us() const noexcept { return engine_.settings().busy_poll_us; }

int64_t node::backoff_ns(uint32_t refusals) noexcept {
  const uint64_t ceiling = std::min<uint64_t>(uint64_t{20} << std::min<uint32_t>(refusals, 6), 1'000);
  return static_cast<int64_t>(jitter(ceiling)) * ns_per_ms;
}

void node::dial(lane &for_lane) noexcept {
  cachecore_status status = CACHECORE_INTERNAL;
  std::string why;
  try {
    engine_.events().start();
    start_watch();
    dialer_.begin([this, &for_lane](const dial_outcome &outcome) {
      note_dialed(outcome);
      if (outcome.descriptor >= 0) {
        for_lane.connected(outcome.descriptor, outcome.tls);
      } else {
        for_lane.refused(outcome.status, outcome.why);
      }
    });
    return;
  } catch (const failure &fault) {
    status = fault.status();
    why = fault.message();
  } catch (const std::exception &fault) {
    why = fault.what();
  }
  for_lane.refused(status, why);
}

// ---- The breaker ----

void node::note_dialed(const dial_outcome &outcome) noexcept {
  if (outcome.descriptor >= 0) {
    refusals_.store(0, std::memory_order_relaxed);
    refused_until_.store(0, std::memory_order_relaxed);
    return;
  }
  const uint32_t refusals = refusals_.fetch_add(1, std::memory_order_relaxed) + 1;
  try {
    const std::lock_guard<std::mutex> lock(mutex_);
    refusal_ = outcome.why;
  } catch (const std::exception &) {
    // The older reason will do.
  }
  if (refusals >= breaker_limit) {
    const uint64_t ceiling =
        std::min<uint64_t>(uint64_t{100} << std::min<uint32_t>(refusals - breaker_limit, 4), 1'000);
    const uint64_t pause_ms = ceiling / 2 + jitter(ceiling / 2);
    refused_until_.store(now_ns() + static_cast<int64_t>(pause_ms) * ns_per_ms, std::memory_order_relaxed);
  }
  router_.want_map();
}

bool node::is_connected() const noexcept {
  return std::any_of(shared_.begin(), shared_.end(), [](const auto &each) { return each->is_ready(); });
}

bool node::may_try(const lane &chosen) noexcept {
  if (is_trusted() || chosen.is_ready()) return true;
  int64_t until = refused_until_.load(std::memory_order_relaxed);
  const int64_t now = now_ns();
  // The trial's outcome sets another time; this one is for a trial that was given up before it was dialed.
  return now >= until &&
         refused_until_.compare_exchange_strong(until, now + 2 * engine_.settings().connect_timeout_ms * ns_per_ms,
                                                std::memory_order_relaxed);
}

void node::refuse(request *first) noexcept {
  std::string why;
  try {
    const std::lock_guard<std::mutex> lock(mutex_);
    why = "not tried, since the last " + std::to_string(refusals_.load(std::memory_order_relaxed)) +
          " attempts to connect failed: " + refusal_;
  } catch (const std::exception &) {
    // Without it.
  }
  while (first != nullptr) {
    request *next = first->next_request;
    end_unsent_request(first, CACHECORE_UNAVAILABLE, why);
    first = next;
  }
}

lane &node::choose(const invocation &owner, const request &chosen_for) noexcept {
  if (chosen_for.reserved != nullptr) return *chosen_for.reserved;
  if (chosen_for.isolated) return *isolated_;
  lane &first = *shared_[0];
  if (owner.exec.load(std::memory_order_relaxed)->is_loop() || !first.is_ready() ||
      first.load() < shared_lane_is_crowded) {
    return first;
  }
  const auto *caller = static_cast<const waiter *>(owner.exec.load(std::memory_order_relaxed));
  return *shared_[caller->index % shared_lanes];
}

void node::add(invocation &owner, request *first) noexcept {
  executor *runs_on = owner.exec.load(std::memory_order_relaxed);
  waiter *caller = runs_on->is_loop() ? nullptr : static_cast<waiter *>(runs_on);
  while (first != nullptr) {
    // A run of requests for one lane goes in one piece.
    request *run = first;
    lane &chosen = choose(owner, *run);
    request *last = run;
    for (;;) {
      last->line.store(&chosen, std::memory_order_release);
      last->caller = caller;
      request *next = last->next_request;
      if (next == nullptr || next->isolated != run->isolated || next->reserved != run->reserved) {
        first = next;
        last->next_request = nullptr;
        break;
      }
      last = next;
    }
    if (may_try(chosen)) {
      chosen.add(run);
    } else {
      refuse(run);
    }
  }
}

// ---- Leases ----

void node::begin_lease(invocation &owner, cachecore_continuation then, void *state) {
  auto *waiting = make_wait<lease_wait>();
  waiting->then = then;
  waiting->state = state;
  waiting->abandon = abandon_lease;
  waiting->server = this;
  if (!begin_wait(owner, waiting)) return;
  std::unique_ptr<lane> free;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (shut_) {
      set_wait_error(waiting, engine_.ending() != CACHECORE_OK ? engine_.ending() : CACHECORE_UNAVAILABLE,
                     "the core is being closed or reset");
      end_wait(waiting);
      return;
    }
    while (!idle_.empty() && free == nullptr) {
      free = std::move(idle_.back());
      idle_.pop_back();
      if (!free->is_clean()) {
        free->shut(CACHECORE_UNAVAILABLE);
        retired_.push_back(std::move(free));
      }
    }
    const auto limit = static_cast<size_t>(
        std::max<int64_t>(engine_.settings().max_connections - static_cast<int64_t>(shared_lanes) - 2, 1));
    if (free == nullptr && leased_.size() >= limit) {
      waiting->next_waiting = nullptr;
      *last_waiting_ = waiting;
      last_waiting_ = &waiting->next_waiting;
      waiting_++;
      return;
    }
    if (free == nullptr) free = std::make_unique<lane>(engine_, *this, lane::purpose::exclusive);
  }
  grant(waiting, std::move(free));
}

void node::grant(lease_wait *to, std::unique_ptr<lane> line) noexcept {
  lane *granted = line.get();
  to->granted.line = granted;
  granted->begin_lease();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (shut_) granted->shut(CACHECORE_UNAVAILABLE);
    to->granted.id = next_lease_++;
    leased_.push_back(std::move(line));
  }
  // The invocation's list of leases is its executor's: the grant joins it when the continuation is about to run.
  to->intercept = [](wait *self) {
    auto *ready = static_cast<lease_wait *>(self);
    if (ready->status != CACHECORE_OK) return false;
    ready->granted.next = ready->owner->leases;
    ready->owner->leases = &ready->granted;
    return false;
  };
  to->status = CACHECORE_OK;
  to->value = cachecore_int(to->granted.id);
  if (!end_wait(to)) give_back(granted, true);
}

cachecore_status node::abandon_lease(wait *self, cachecore_status reason) noexcept {
  auto *given_up = static_cast<lease_wait *>(self);
  node &server = *given_up->server;
  const std::lock_guard<std::mutex> lock(server.mutex_);
  for (lease_wait **link = &server.first_waiting_; *link != nullptr; link = &(*link)->next_waiting) {
    if (*link != given_up) continue;
    *link = given_up->next_waiting;
    if (server.last_waiting_ == &given_up->next_waiting) server.last_waiting_ = link;
    server.waiting_--;
    given_up->phase.store(wait::ended, std::memory_order_release);
    return reason == CACHECORE_TIMEOUT ? CACHECORE_BUSY : reason;
  }
  return reason;
}

lease *node::find_lease(invocation &owner, int64_t id) noexcept {
  for (lease *each = owner.leases; each != nullptr; each = each->next) {
    if (each->id == id) return each;
  }
  return nullptr;
}

void node::end_lease(invocation &owner, int64_t id, bool clean) noexcept {
  lease *ended = nullptr;
  for (lease **link = &owner.leases; *link != nullptr; link = &(*link)->next) {
    if ((*link)->id != id) continue;
    ended = *link;
    *link = ended->next;
    break;
  }
  if (ended == nullptr) return;
  ended->line->server().give_back(ended->line, clean);
}

void node::give_back(lane *line, bool reusable) noexcept {
  reusable = reusable && line->is_clean();
  if (!reusable) line->shut(CACHECORE_CANCELLED);
  lease_wait *next = nullptr;
  std::unique_ptr<lane> handed;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found =
        std::find_if(leased_.begin(), leased_.end(), [line](const auto &each) { return each.get() == line; });
    std::unique_ptr<lane> owned = std::move(*found);
    leased_.erase(found);
    if (shut_ && reusable) {
      line->shut(CACHECORE_UNAVAILABLE);
      reusable = false;
    }
    next = first_waiting_;
    if (next != nullptr) {
      first_waiting_ = next->next_waiting;
      if (first_waiting_ == nullptr) last_waiting_ = &first_waiting_;
      waiting_--;
      if (reusable) handed = std::move(owned);
    }
    if (owned != nullptr) (reusable ? idle_ : retired_).push_back(std::move(owned));
  }
  if (next == nullptr) return;
  if (handed == nullptr) handed = std::make_unique<lane>(engine_, *this, lane::purpose::exclusive);
  grant(next, std::move(handed));
}

void node::end_leases(invocation &owner) noexcept {
  while (owner.leases != nullptr) end_lease(owner, owner.leases->id, false);
}

// ---- The end ----

void node::shut(cachecore_status reason) noexcept {
  lease_wait *waiting = nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    shut_ = true;
    waiting = first_waiting_;
    first_waiting_ = nullptr;
    last_waiting_ = &first_waiting_;
    waiting_ = 0;
    for (auto &each : idle_) each->shut(reason);
    for (auto &each : leased_) each->shut(reason);
  }
  for (auto &each : shared_) each->shut(reason);
  isolated_->shut(reason);
  while (waiting != nullptr) {
    lease_wait *next = waiting->next_waiting;
    set_wait_error(waiting, reason, "the core is being closed or reset");
    end_wait(waiting);
    waiting = next;
  }
}

bool node::is_torn_down() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto down = [](const std::unique_ptr<lane> &each) { return each->is_torn_down(); };
  return std::all_of(shared_.begin(), shared_.end(), down) && down(isolated_) &&
         std::all_of(idle_.begin(), idle_.end(), down) && std::all_of(leased_.begin(), leased_.end(), down) &&
         std::all_of(retired_.begin(), retired_.end(), down);
}

node::figures node::count() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  figures out;
  out.leased = leased_.size();
  out.waiting = waiting_;
  out.connections = leased_.size() + idle_.size() + (isolated_->is_ready() ? 1 : 0);
  for (const auto &each : shared_) out.connections += each->is_ready() ? 1 : 0;
  return out;
}

}  // namespace cachecore_internal
