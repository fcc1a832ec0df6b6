#include "core/topology/replica_reads.h"

#include <algorithm>

#include "core/plugins/redis_service.h"
#include "core/runtime/engine.h"
#include "core/topology/router.h"
#include "core/wire/node.h"

namespace cachecore_internal {
namespace {

// Ticks without a read after which nobody seems to be interested.
int64_t idle_limit(int64_t tick_ns) noexcept { return int64_t{5'000} * ns_per_ms / tick_ns; }

int64_t tick_ns_for(int64_t max_staleness_ns) noexcept {
  return std::clamp<int64_t>(max_staleness_ns / 4, 5 * ns_per_ms, 250 * ns_per_ms);
}

}  // namespace

// One INFO replication under way.
struct replica_reads::question {
  replica_reads *owner;
  replica_group *group;
  replica_group::replica *asked;  // null: the master
  node *at;
  int64_t asked_at;
  cachecore_invocation *runs_as = nullptr;

  static void begin(void *state, cachecore_invocation *runs, const cachecore_value *, size_t) {
    auto &self = *static_cast<question *>(state);
    self.runs_as = runs;
    const cachecore_value words[] = {cachecore_text("INFO"), cachecore_text("replication")};
    command_on(runs, *self.at, words, 2, answered, &self);
  }

  static void answered(void *state, cachecore_status status, const cachecore_value *value, const cachecore_error *) {
    const std::unique_ptr<question> self(static_cast<question *>(state));
    (self->asked != nullptr ? self->asked->asked : self->group->asked_) = false;
    replication_info said;
    try {
      if (status == CACHECORE_OK && value->kind == CACHECORE_BYTES) {
        said = parse_replication_info({value->as.bytes.data, value->as.bytes.size});
      }
      if (self->asked != nullptr) {
        replica_answered(*self->group, *self->asked, said);
      } else {
        self->owner->master_answered(*self->group, self->asked_at, said);
      }
    } catch (const std::exception &) {
      // Out of memory: nothing was proven, and what was goes out of date.
    }
    complete_invocation(*self->runs_as, nullptr, 0);
  }
};

replica_reads::replica_reads(engine &owner, router &routes, int64_t max_staleness_ms) noexcept
    : engine_(owner), router_(routes), max_staleness_ns_(max_staleness_ms * ns_per_ms) {
  timer_.owner = this;
  timer_.expire = [](timer_entry *entry) { static_cast<tick_timer *>(entry)->owner->tick(); };
}

replica_reads::~replica_reads() = default;

node *replica_reads::choose(node &master) noexcept {
  if (!used_.load(std::memory_order_relaxed)) used_.store(true, std::memory_order_relaxed);
  if (!running_.load(std::memory_order_acquire)) start();
  replica_group *group = master.replicas();
  const replica_group::list *all = group != nullptr ? group->current_.load(std::memory_order_acquire) : nullptr;
  if (all == nullptr || all->empty()) return nullptr;
  const int64_t oldest = boot_ns() - max_staleness_ns_;
  const size_t first = group->turn_.fetch_add(1, std::memory_order_relaxed);
  for (size_t i = 0; i < all->size(); i++) {
    const replica_group::replica &each = *(*all)[(first + i) % all->size()];
    if (each.proven.load(std::memory_order_acquire) >= oldest && each.at->is_trusted()) return each.at;
  }
  return nullptr;
}

void replica_reads::doubt(const node &replica) noexcept {
  // Seen by the loop's next answer: until then its node is shut off by its own breaker, or answers again.
  replica_group *group = replica.replicas();
  if (group == nullptr) return;
  const replica_group::list *all = group->current_.load(std::memory_order_acquire);
  if (all == nullptr) return;
  for (replica_group::replica *each : *all) {
    if (each->at == &replica) each->proven.store(0, std::memory_order_release);
  }
}

void replica_reads::start() noexcept {
  if (running_.exchange(true, std::memory_order_acq_rel)) return;
  try {
    engine_.events().start();
    engine_.events().post_function([this] { tick(); });
  } catch (const std::exception &) {
    running_.store(false, std::memory_order_release);
  }
}

void replica_reads::tick() noexcept {
  engine_.events().remove_timer(timer_);
  if (engine_.ending() != CACHECORE_OK) return;
  const int64_t tick_ns = tick_ns_for(max_staleness_ns_);
  idle_ticks_ = used_.exchange(false, std::memory_order_relaxed) ? 0 : idle_ticks_ + 1;
  if (idle_ticks_ > idle_limit(tick_ns)) {
    idle_ticks_ = 0;
    running_.store(false, std::memory_order_release);
    return;
  }
  try {
    const int64_t oldest = boot_ns() - max_staleness_ns_;
    for (node *master : router_.masters()) {
      std::unique_ptr<replica_group> &group = groups_[master];
      if (group == nullptr) {
        group = std::make_unique<replica_group>();
        group->master_ = master;
        master->set_replicas(group.get());
      }
      if (!group->asked_) ask(*group, nullptr);
      for (const auto &[at, each] : group->known_) {
        // Reads that wait for one that has gone silent are better asked elsewhere.
        if (each->asked && each->proven.load(std::memory_order_relaxed) < oldest) at->fail_stalled(max_staleness_ns_);
      }
    }
    engine_.events().add_timer(timer_, now_ns() + tick_ns);
  } catch (const std::exception &) {
    running_.store(false, std::memory_order_release);  // the next read starts it again
  }
}

void replica_reads::end() noexcept { engine_.events().remove_timer(timer_); }

void replica_reads::ask(replica_group &group, replica_group::replica *asked) noexcept {
  bool &outstanding = asked != nullptr ? asked->asked : group.asked_;
  try {
    auto asks = std::make_unique<question>(
        question{this, &group, asked, asked != nullptr ? asked->at : group.master_, boot_ns()});
    engine_.spawn("replication.offsets", question::begin, asks.get());
    question *running = asks.release();  // it deletes itself
    static_cast<void>(running);
    outstanding = true;
  } catch (const std::exception &) {
    outstanding = false;
  }
}

void replica_reads::master_answered(replica_group &group, int64_t asked_at, const replication_info &said) {
  if (!said.is_master || said.offset < 0) {
    group.samples_ = {};  // no answer, or a master that was: its offsets prove nothing any more
    return;
  }
  if (said.history != group.history_) {
    group.samples_ = {};
    group.history_ = said.history;
  }
  group.samples_[group.next_sample_] = {asked_at, said.offset};
  group.next_sample_ = (group.next_sample_ + 1) % group.samples_.size();
  enlist(group, said.replicas);
  const replica_group::list *all = group.current_.load(std::memory_order_relaxed);
  for (replica_group::replica *each : *all) {
    if (!each->asked) ask(group, each);
  }
}

void replica_reads::replica_answered(replica_group &group, replica_group::replica &answered,
                                     const replication_info &said) {
  if (!said.follows || said.history != group.history_) {
    answered.proven.store(0, std::memory_order_release);
    return;
  }
  int64_t latest = 0;
  for (const replica_group::sample &each : group.samples_) {
    if (each.taken != 0 && each.offset <= said.offset) latest = std::max(latest, each.taken);
  }
  if (latest > answered.proven.load(std::memory_order_relaxed)) {
    answered.proven.store(latest, std::memory_order_release);
  }
}

// Makes the list of those that may be chosen, if it is another one.
void replica_reads::enlist(replica_group &group, const std::vector<host_port> &replicas) {
  auto made = std::make_unique<replica_group::list>();
  for (const host_port &each : replicas) {
    node *at = &router_.node_at({dial_target::kind::replica, each});
    std::unique_ptr<replica_group::replica> &known = group.known_[at];
    if (known == nullptr) {
      known = std::make_unique<replica_group::replica>();
      known->at = at;
    }
    at->set_replicas(&group);
    made->push_back(known.get());
  }
  std::sort(made->begin(), made->end());
  for (const auto &each : group.lists_) {
    if (*each == *made) {
      group.current_.store(each.get(), std::memory_order_release);
      return;
    }
  }
  group.lists_.push_back(std::move(made));
  group.current_.store(group.lists_.back().get(), std::memory_order_release);
}

}  // namespace cachecore_internal
