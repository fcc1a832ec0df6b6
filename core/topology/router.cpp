#include "core/topology/router.h"

#include <algorithm>
#include <string_view>

#include "core/plugins/redis_service.h"
#include "core/runtime/engine.h"
#include "core/runtime/jitter.h"
#include "core/topology/replica_reads.h"
#include "core/wire/push_connection.h"

namespace cachecore_internal {
namespace {

constexpr uint8_t max_redirects = 16;

constexpr std::string_view asking = "*1\r\n$6\r\nASKING\r\n";

// Puts ASKING before a request that is about to be sent again.
void add_asking(request &again) {
  if (again.preface != 0) return;
  auto *data = static_cast<char *>(again.memory.allocate(asking.size() + again.size));
  std::copy(asking.begin(), asking.end(), data);
  std::copy_n(again.data, again.size, data + asking.size());
  again.data = data;
  again.size += asking.size();
  again.script_tail += asking.size();
  again.preface = 1;
  again.expected++;
}

void drop_asking(request &again) noexcept {
  if (again.preface == 0) return;
  again.data += asking.size();
  again.size -= asking.size();
  again.script_tail -= asking.size();
  again.preface = 0;
  again.expected--;
}

}  // namespace

size_t asking_size(const request &sent) noexcept { return sent.preface != 0 ? asking.size() : 0; }

router::router(engine &owner)
    : engine_(owner),
      kind_(owner.settings().server.scheme == scheme::cluster    ? kind::cluster
            : owner.settings().server.scheme == scheme::sentinel ? kind::sentinel
                                                                 : kind::one),
      room_(owner.events(), [this](request *waiting) { return leave_room(waiting); }) {
  retry_.owner = this;
  retry_.expire = [](timer_entry *entry) { static_cast<fetch_timer *>(entry)->owner->fetch_map(); };
  const endpoint &server = owner.settings().server;
  if (kind_ == kind::one) {
    only_ = &node_at({});
    masters_ = {only_};
    return;
  }
  if (kind_ == kind::cluster) {
    slots_ = std::make_unique<slot_table>();
    for (auto &each : *slots_) each.store(nullptr, std::memory_order_relaxed);
  }
  if (owner.settings().reads_from_replicas) {
    reads_ = std::make_unique<replica_reads>(owner, *this, owner.settings().max_staleness_ms);
  }
  const auto seeds = kind_ == kind::cluster ? dial_target::kind::cluster_node : dial_target::kind::sentinel;
  for (const host_port &seed : server.hosts) sources_.push_back(&node_at({seeds, seed}));
}

router::~router() = default;

node &router::node_at(const dial_target &target) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<node> &found = nodes_[{target.what, address_text(target.where)}];
  if (found == nullptr) {
    found = std::make_unique<node>(engine_, *this, target);
    all_.push_back(found.get());
    if (target.what == dial_target::kind::cluster_node) sources_.push_back(found.get());
    if (shut_with_ != CACHECORE_OK) found->shut(shut_with_);
  }
  return *found;
}

node *router::node_of(int32_t slot) noexcept {
  if (only_ != nullptr) return only_;
  if (!is_mapped()) return nullptr;
  if (slots_ != nullptr && slot != request::any_slot) {
    return (*slots_)[static_cast<size_t>(slot)].load(std::memory_order_acquire);
  }
  // Any: one that answers, always the same where possible.
  const std::lock_guard<std::mutex> lock(mutex_);
  for (node *each : masters_) {
    if (each->is_trusted()) return each;
  }
  return masters_.empty() ? nullptr : masters_.front();
}

node *router::subscription_node() noexcept {
  node *found = node_of(request::any_slot);
  if (found == nullptr || !found->is_trusted()) want_map();
  return found;
}

std::vector<node *> router::masters() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return masters_;
}

// ---- Sending ----

void router::add(invocation &owner, request *first) noexcept {
  if (only_ != nullptr) {
    only_->add(owner, first);
    return;
  }
  // What goes to one node goes there in one piece.
  constexpr size_t most_runs = 32;
  struct run {
    node *to;
    request_list requests;
  } runs[most_runs];
  size_t count = 0;
  while (first != nullptr) {
    request *each = first;
    first = each->next_request;
    node *to = each->reserved != nullptr ? &each->reserved->server()
               : each->bound != nullptr  ? each->bound
                                         : node_of(each->slot);
    if (to == nullptr) {
      wait_for_map(each);
      continue;
    }
    if (each->may_be_stale && reads_ != nullptr && each->redirects == 0) {
      node *fresh = reads_->choose(*to);
      each->at_replica = fresh != nullptr;
      if (fresh != nullptr) to = fresh;
    }
    size_t at = 0;
    while (at < count && runs[at].to != to) at++;
    if (at == most_runs) {
      each->next_request = nullptr;
      to->add(owner, each);
      continue;
    }
    if (at == count) runs[count++].to = to;
    runs[at].requests.push(each);
  }
  for (size_t i = 0; i < count; i++) runs[i].to->add(owner, runs[i].requests.head);
}

// A request whose node is not known: until it is.
void router::wait_for_map(request *unknown) noexcept {
  unknown->next_request = nullptr;
  try {
    room_.add(unknown, no_deadline);
    want_map();
  } catch (const std::exception &) {
    set_wait_error(unknown, CACHECORE_NO_MEMORY, "out of memory");
    end_wait(unknown);
  }
}

// One that leaves the room.
bool router::leave_room(request *leaving) noexcept {
  node *to = leaving->bound != nullptr ? leaving->bound : node_of(leaving->slot);
  if (to != nullptr) {
    to->add(*leaving->owner, leaving);
    return true;
  }
  if (!is_mapped()) {
    want_map();
    return false;
  }
  end_unsent_request(leaving, CACHECORE_UNAVAILABLE,
                     "slot " + std::to_string(leaving->slot) + " of the cluster is served by no node");
  return true;
}

// ---- Answers about the route ----

// A replica could not answer: its master is asked, whose answer counts.
bool router::ask_master(request &again, cachecore_status status, std::string_view code) noexcept {
  const bool unable = status == CACHECORE_UNAVAILABLE || status == CACHECORE_DENIED || status == CACHECORE_BUSY ||
                      code == "MOVED" || code == "ASK" || code == "TRYAGAIN" || code == "CLUSTERDOWN" ||
                      code == "MASTERDOWN" || code == "LOADING";
  node *master = node_of(again.slot);
  if (!unable || master == nullptr) return false;
  lane *line = again.line.load(std::memory_order_relaxed);
  if (line != nullptr) reads_->doubt(line->server());
  again.at_replica = false;
  again.redirects++;
  renew_request(again);
  master->add(*again.owner, &again);
  return true;
}

bool router::redirect(wait *self) noexcept {
  auto &asked = *static_cast<request *>(self);
  if (asked.status == CACHECORE_OK) return false;
  const bool unreached = asked.status == CACHECORE_UNAVAILABLE ||
                         (asked.status == CACHECORE_UNCERTAIN && asked.repeatable && asked.lost_change);
  if (asked.status != CACHECORE_REJECTED && !unreached && !asked.at_replica) return false;
  invocation &owner = *asked.owner;
  lane *line = asked.line.load(std::memory_order_relaxed);
  if (owner.given_up != CACHECORE_OK || owner.finished || asked.reserved != nullptr ||
      asked.redirects >= max_redirects || owner.eng->ending() != CACHECORE_OK) {
    return false;
  }
  router &self_router = owner.eng->routes();
  if (asked.at_replica) {
    return self_router.ask_master(asked, asked.status,
                                  asked.error != nullptr ? std::string_view(asked.error->server_code) : "");
  }
  if (unreached) {
    return self_router.moves() && self_router.is_mapped() && asked.bound == nullptr && self_router.try_later(asked);
  }
  if (asked.error == nullptr || line == nullptr) return false;
  const std::string_view code = asked.error->server_code;
  try {
    if (self_router.is_cluster() && (code == "MOVED" || code == "ASK")) {
      const std::optional<redirection> told = parse_redirection(asked.error->message, line->server().address());
      if (!told) return false;
      node &to = self_router.node_at({dial_target::kind::cluster_node, told->to});
      if (told->ask) {
        add_asking(asked);
      } else {
        drop_asking(asked);
        (*self_router.slots_)[told->slot].store(&to, std::memory_order_release);
        self_router.want_map();
      }
      asked.redirects++;
      renew_request(asked);
      to.add(owner, &asked);
      return true;
    }
    if (code == "READONLY" && asked.changes) {
      if (!self_router.moves()) return false;
      line->fail("the master has been demoted");
      self_router.want_map();
      return self_router.try_later(asked);
    }
    if (code == "TRYAGAIN" || code == "CLUSTERDOWN" || code == "MASTERDOWN" || code == "LOADING") {
      if (code == "CLUSTERDOWN") self_router.want_map();
      return self_router.try_later(asked);
    }
  } catch (const std::exception &) {
    return false;
  }
  return false;
}

bool router::try_later(request &again) noexcept {
  const uint64_t ceiling_ms = std::min<uint64_t>(uint64_t{10} << std::min<uint32_t>(again.redirects, 6), 500);
  const int64_t delay = static_cast<int64_t>(1 + jitter(ceiling_ms)) * ns_per_ms;
  invocation &owner = *again.owner;
  if (owner.deadline != no_deadline && now_ns() + delay >= owner.deadline) return false;
  const cachecore_status status = again.status;
  cachecore_error *error = again.error;
  again.redirects++;
  renew_request(again);
  drop_asking(again);
  try {
    room_.add(&again, now_ns() + delay);
    return true;
  } catch (const std::exception &) {
    again.status = status;
    again.error = error;
    again.phase.store(wait::ended, std::memory_order_relaxed);
    return false;
  }
}

// ---- The end ----

void router::end_watch() noexcept {
  if (switches_ != nullptr) switches_->shut();
  if (reads_ != nullptr) reads_->end();
}

void router::shut(cachecore_status reason) noexcept {
  room_.shut(reason);
  std::vector<node *> nodes;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    shut_with_ = reason;
    nodes = all_;
  }
  for (node *each : nodes) each->shut(reason);
}

void router::cancel_dials() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (node *each : all_) each->dials().cancel();
}

bool router::is_torn_down() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::all_of(all_.begin(), all_.end(), [](node *each) { return each->is_torn_down(); });
}

void router::abandon() noexcept {
  // In a forked child the mutex may be held by nobody who still exists.
  for (node *each : all_) each->abandon();
}

node::figures router::count() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  node::figures total;
  for (node *each : all_) {
    const node::figures one = each->count();
    total.connections += one.connections;
    total.leased += one.leased;
    total.waiting += one.waiting;
  }
  return total;
}

}  // namespace cachecore_internal
