#include "core/topology/router.h"

#include <algorithm>
#include <random>
#include <string_view>

#include "core/plugins/redis_service.h"
#include "core/runtime/engine.h"

namespace cachecore_internal {
namespace {

constexpr uint8_t max_redirects = 16;
constexpr int64_t between_fetches_ns = 50 * ns_per_ms;
constexpr int64_t map_lives_ns = 60'000 * ns_per_ms;
constexpr size_t asked_at_once = 3;
constexpr uint32_t max_fetch_failures = 5;

std::string address_text(const host_port &where) {
  const bool v6 = where.host.find(':') != std::string::npos;
  return (v6 ? "[" + where.host + "]" : where.host) + ":" + std::to_string(where.port);
}

uint64_t random_below(uint64_t limit) {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_int_distribution<uint64_t>(0, limit)(generator);
}

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

router::router(engine &owner) : engine_(owner), room_(owner.events(), [this](request *waiting) { route(waiting); }) {
  retry_.owner = this;
  retry_.expire = [](timer_entry *entry) { static_cast<fetch_timer *>(entry)->owner->fetch_map(); };
  const endpoint &server = owner.settings().server;
  if (server.scheme != scheme::cluster) {
    auto made = std::make_unique<node>(owner, *this, std::nullopt);
    only_ = made.get();
    all_ = masters_ = {only_};
    nodes_.emplace("", std::move(made));
    return;
  }
  slots_ = std::make_unique<slot_table>();
  for (auto &each : *slots_) each.store(nullptr, std::memory_order_relaxed);
  for (const host_port &seed : server.hosts) node_at(seed);
}

router::~router() = default;

bool router::moves() const noexcept { return is_cluster() || engine_.settings().server.scheme == scheme::sentinel; }

node &router::node_at(const host_port &where) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<node> &found = nodes_[address_text(where)];
  if (found == nullptr) {
    found = std::make_unique<node>(engine_, *this, where);
    all_.push_back(found.get());
    if (shut_with_ != CACHECORE_OK) found->shut(shut_with_);
  }
  return *found;
}

node *router::node_of(int32_t slot) noexcept {
  if (only_ != nullptr) return only_;
  if (!is_mapped()) return nullptr;
  if (slot != request::any_slot) return (*slots_)[static_cast<size_t>(slot)].load(std::memory_order_acquire);
  // Any: one that answers, always the same where possible.
  const std::lock_guard<std::mutex> lock(mutex_);
  for (node *each : masters_) {
    if (each->is_trusted()) return each;
  }
  return masters_.empty() ? nullptr : masters_.front();
}

std::vector<node *> router::masters() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return masters_;
}

node &router::subscription_node() noexcept {
  if (only_ != nullptr) return *only_;
  node *found = node_of(request::any_slot);
  if (found != nullptr) return *found;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (node *each : all_) {
    if (each->is_trusted()) return *each;
  }
  return *all_.front();
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
      route(each);
      continue;
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

// One request, of its own or from the room.
void router::route(request *run) noexcept {
  run->next_request = nullptr;
  node *to = run->bound != nullptr ? run->bound : node_of(run->slot);
  if (to != nullptr) {
    to->add(*run->owner, run);
    return;
  }
  if (run->room.load(std::memory_order_relaxed) != nullptr) {
    // It has waited for the map already, which does not cover its slot.
    set_wait_error(run, CACHECORE_UNAVAILABLE,
                   "slot " + std::to_string(run->slot) + " of the cluster is served by no node");
    end_wait(run);
    return;
  }
  try {
    room_.add(run, no_deadline);
    want_map();
  } catch (const std::exception &) {
    set_wait_error(run, CACHECORE_NO_MEMORY, "out of memory");
    end_wait(run);
  }
}

// ---- Answers about the route ----

bool router::redirect(wait *self) noexcept {
  auto &asked = *static_cast<request *>(self);
  if (asked.status != CACHECORE_REJECTED && asked.status != CACHECORE_UNAVAILABLE) return false;
  invocation &owner = *asked.owner;
  lane *line = asked.line.load(std::memory_order_relaxed);
  if (owner.given_up != CACHECORE_OK || owner.finished || asked.reserved != nullptr ||
      asked.redirects >= max_redirects || owner.eng->ending() != CACHECORE_OK) {
    return false;
  }
  router &self_router = owner.eng->routes();
  if (asked.status == CACHECORE_UNAVAILABLE) {
    return !asked.sent_change && self_router.moves() && asked.bound == nullptr && self_router.try_later(asked);
  }
  if (asked.error == nullptr || line == nullptr) return false;
  const std::string_view code = asked.error->server_code;
  try {
    if (self_router.is_cluster() && (code == "MOVED" || code == "ASK")) {
      const std::optional<redirection> told = parse_redirection(asked.error->message, line->server().address());
      if (!told) return false;
      node &to = self_router.node_at(told->to);
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
  const int64_t delay = static_cast<int64_t>(1 + random_below(ceiling_ms)) * ns_per_ms;
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

// ---- The map ----

void router::suspect(node &) noexcept { want_map(); }

void router::want_map() noexcept {
  if (only_ != nullptr || wanted_.exchange(true, std::memory_order_acq_rel)) return;
  try {
    engine_.events().start();
    engine_.events().post_function([this] { fetch_map(); });
  } catch (const std::exception &) {
    wanted_.store(false, std::memory_order_relaxed);
    room_.refuse_all(CACHECORE_NO_MEMORY, "out of memory");
  }
}

// Nodes to ask, those that answer first.
std::vector<node *> router::candidates() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<node *> out = all_;
  for (size_t i = out.size(); i > 1; i--) std::swap(out[i - 1], out[random_below(i - 1)]);
  std::stable_partition(out.begin(), out.end(), [](node *each) { return each->is_trusted(); });
  std::stable_partition(out.begin(), out.end(), [](node *each) { return each->is_connected(); });
  return out;
}

// One try to get a map: asks a few nodes at once, and the next few when none of them answers.
struct router::fetch {
  struct question {
    fetch *of;
    node *asked;
  };
  router *owner = nullptr;
  cachecore_invocation *runs_as = nullptr;
  std::vector<node *> nodes;
  std::vector<question> questions;
  size_t next = 0;
  size_t outstanding = 0;
  bool over = false;
  cachecore_status status = CACHECORE_UNAVAILABLE;
  std::string why = "no node is known";

  // The invocation is told to end; whatever continues after it only counts down.
  void end(bool found) {
    if (over) return;
    over = true;
    owner->fetching_ = false;
    if (!found) owner->fetch_failed(status, why);
    complete_invocation(*runs_as, nullptr, 0);
  }

  void ask_more() {
    while (outstanding < asked_at_once && next < nodes.size()) {
      question &asks = questions[next];
      asks = {this, nodes[next]};
      next++;
      outstanding++;
      const cachecore_value words[] = {cachecore_text("CLUSTER"), cachecore_text("SLOTS")};
      command_on(runs_as, *asks.asked, words, 2, answered, &asks);
    }
    if (outstanding == 0) end(false);
  }

  static void answered(void *state, cachecore_status status, const cachecore_value *value,
                       const cachecore_error *error) {
    auto &asks = *static_cast<question *>(state);
    fetch &self = *asks.of;
    self.outstanding--;
    if (!self.over) {
      try {
        if (status != CACHECORE_OK) throw failure(status, error != nullptr ? error->message : "");
        self.owner->install(parse_cluster_slots(*value, asks.asked->address()));
        self.end(true);
      } catch (const std::exception &fault) {
        self.status = status == CACHECORE_DENIED ? CACHECORE_DENIED : CACHECORE_UNAVAILABLE;
        self.why = fault.what();
        if (self.runs_as->given_up != CACHECORE_OK) {
          self.end(false);
        } else {
          self.ask_more();
        }
      }
    }
    if (self.over && self.outstanding == 0) delete &self;
  }

  static void begin(void *state, cachecore_invocation *runs, const cachecore_value *, size_t) {
    auto &self = *static_cast<fetch *>(state);
    self.runs_as = runs;
    self.outstanding++;  // until all have been asked
    self.ask_more();
    self.outstanding--;
    if (self.outstanding == 0 && !self.over) self.end(false);
    if (self.over && self.outstanding == 0) delete &self;
  }
};

void router::fetch_map() noexcept {
  engine_.events().remove_timer(retry_);
  if (fetching_ || engine_.ending() != CACHECORE_OK) return;
  const int64_t now = now_ns();
  if (fetched_at_ != 0 && now - fetched_at_ < between_fetches_ns) {
    engine_.events().add_timer(retry_, fetched_at_ + between_fetches_ns);
    return;
  }
  wanted_.store(false, std::memory_order_release);
  try {
    auto asks = std::make_unique<fetch>();
    asks->owner = this;
    asks->nodes = candidates();
    asks->questions.resize(asks->nodes.size());
    engine_.spawn("cluster.slots", fetch::begin, asks.get());
    asks.release();
    fetching_ = true;
  } catch (const std::exception &fault) {
    fetch_failed(CACHECORE_UNAVAILABLE, fault.what());
  }
}

void router::install(const std::vector<slot_range> &ranges) {
  std::vector<std::pair<std::string, node *>> masters;
  std::vector<node *> owners(slot_count, nullptr);
  for (const slot_range &range : ranges) {
    node *master = &node_at(range.master);
    masters.emplace_back(address_text(range.master), master);
    std::fill(owners.begin() + range.first, owners.begin() + range.last + 1, master);
    for (const host_port &replica : range.replicas) node_at(replica);
  }
  std::sort(masters.begin(), masters.end());
  masters.erase(std::unique(masters.begin(), masters.end()), masters.end());
  for (size_t slot = 0; slot < slot_count; slot++) (*slots_)[slot].store(owners[slot], std::memory_order_release);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    masters_.clear();
    for (const auto &[name, each] : masters) masters_.push_back(each);
  }
  mapped_.store(true, std::memory_order_release);
  fetch_failures_ = 0;
  fetched_at_ = now_ns();
  room_.release_all();
  engine_.events().remove_timer(retry_);
  engine_.events().add_timer(
      retry_, fetched_at_ + (wanted_.load(std::memory_order_acquire) ? between_fetches_ns : map_lives_ns));
}

void router::fetch_failed(cachecore_status status, const std::string &why) noexcept {
  fetched_at_ = now_ns();
  if (engine_.ending() != CACHECORE_OK) return;
  fetch_failures_++;
  if (fetch_failures_ >= max_fetch_failures || !mapped_.load(std::memory_order_relaxed)) {
    try {
      room_.refuse_all(status, "the map of the cluster could not be fetched: " + why);
    } catch (const std::exception &) {
      room_.refuse_all(status, "the map of the cluster could not be fetched");
    }
  }
  if (!mapped_.load(std::memory_order_relaxed) && !wanted_.load(std::memory_order_acquire)) return;
  const uint64_t ceiling_ms = std::min<uint64_t>(uint64_t{50} << std::min<uint32_t>(fetch_failures_, 5), 1'000);
  engine_.events().remove_timer(retry_);
  engine_.events().add_timer(
      retry_, fetched_at_ + between_fetches_ns + static_cast<int64_t>(random_below(ceiling_ms)) * ns_per_ms);
}

// ---- The end ----

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
