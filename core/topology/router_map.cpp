// How the router learns which node serves what: from the nodes of the cluster, or from Sentinel.
#include <algorithm>
#include <string_view>

#include "core/config/whole_number.h"
#include "core/plugins/redis_service.h"
#include "core/runtime/engine.h"
#include "core/runtime/jitter.h"
#include "core/topology/router.h"
#include "core/wire/push_connection.h"
#include "core/wire/subscriptions.h"
#include "core/wire/tracking.h"

namespace cachecore_internal {
namespace {

constexpr int64_t between_fetches_ns = 50 * ns_per_ms;
constexpr int64_t map_lives_ns = 60'000 * ns_per_ms;
constexpr size_t asked_at_once = 3;
constexpr uint32_t max_fetch_failures = 5;

}  // namespace

void router::want_map() noexcept {
  if (only_ != nullptr || wanted_.exchange(true, std::memory_order_acq_rel)) return;
  try {
    engine_.events().start();
    engine_.events().post_function([this] { fetch_map(); });
  } catch (const std::exception &) {
    wanted_.store(false, std::memory_order_relaxed);  // who waits for it ends by its deadline
  }
}

// Whom to ask, those that answer first.
std::vector<node *> router::candidates() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<node *> out = sources_;
  for (size_t i = out.size(); i > 1; i--) std::swap(out[i - 1], out[jitter(i - 1)]);
  const auto unconnected = std::partition(out.begin(), out.end(), [](node *each) { return each->is_connected(); });
  std::partition(unconnected, out.end(), [](node *each) { return each->is_trusted(); });
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
      const std::string &master = owner->engine_.settings().server.master_name;
      const cachecore_value slots[] = {cachecore_text("CLUSTER"), cachecore_text("SLOTS")};
      const cachecore_value address[] = {cachecore_text("SENTINEL"), cachecore_text("GET-MASTER-ADDR-BY-NAME"),
                                         cachecore_bytes(master.data(), master.size())};
      const bool cluster = owner->is_cluster();
      command_on(runs_as, *asks.asked, cluster ? slots : address, cluster ? 2 : 3, answered, &asks);
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
        if (self.owner->is_cluster()) {
          self.owner->install_slots(parse_cluster_slots(*value, asks.asked->address()));
        } else {
          self.owner->install_master(*value);
        }
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
    fetch *running = asks.release();  // it deletes itself
    static_cast<void>(running);
    fetching_ = true;
  } catch (const std::exception &fault) {
    fetch_failed(CACHECORE_UNAVAILABLE, fault.what());
  }
}

void router::install_slots(const std::vector<slot_range> &ranges) {
  std::vector<std::pair<std::string, node *>> masters;
  std::vector<node *> owners(slot_count, nullptr);
  for (const slot_range &range : ranges) {
    node *master = &node_at({dial_target::kind::cluster_node, range.master});
    masters.emplace_back(address_text(range.master), master);
    std::fill(owners.begin() + range.first, owners.begin() + range.last + 1, master);
    for (const host_port &replica : range.replicas) node_at({dial_target::kind::cluster_node, replica});
  }
  std::sort(masters.begin(), masters.end());
  masters.erase(std::unique(masters.begin(), masters.end()), masters.end());
  for (size_t slot = 0; slot < slot_count; slot++) (*slots_)[slot].store(owners[slot], std::memory_order_release);
  std::vector<node *> nodes;
  nodes.reserve(masters.size());
  for (const auto &[name, each] : masters) nodes.push_back(each);
  installed(std::move(nodes));
}

void router::install_master(const cachecore_value &answer) {
  const std::string &name = engine_.settings().server.master_name;
  if (answer.kind == CACHECORE_NIL) throw failure(CACHECORE_UNAVAILABLE, "no master is called " + name);
  const auto is_pair = [&] {
    return answer.kind == CACHECORE_LIST && answer.as.list.count == 2 &&
           answer.as.list.items[0].kind == CACHECORE_BYTES && answer.as.list.items[1].kind == CACHECORE_BYTES;
  };
  if (!is_pair()) throw failure(CACHECORE_UNAVAILABLE, "what answers is no sentinel");
  const auto text = [&](size_t index) {
    return std::string_view(answer.as.list.items[index].as.bytes.data, answer.as.list.items[index].as.bytes.size);
  };
  const std::optional<int64_t> port = whole_number(text(1));
  if (!port || *port <= 0 || *port > 65'535) throw failure(CACHECORE_UNAVAILABLE, "the master's port is none");
  installed({&node_at({dial_target::kind::master, {std::string(text(0)), static_cast<uint16_t>(*port)}})});
}

void router::installed(std::vector<node *> masters) {
  bool moved = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    moved = kind_ == kind::sentinel && !masters_.empty() && masters_ != masters;
    masters_ = std::move(masters);
  }
  mapped_.store(true, std::memory_order_release);
  if (moved) engine_.log(CACHECORE_LOG_WARNING, "Sentinel has moved the master to " + masters_.front()->display());
  fetch_failures_ = 0;
  fetched_at_ = now_ns();
  room_.release_all();
  engine_.pushes().rearrange();
  engine_.tracked().rearrange();
  if (kind_ == kind::sentinel) watch_sentinels();
  const bool again = wanted_.load(std::memory_order_acquire);
  engine_.events().remove_timer(retry_);
  engine_.events().add_timer(retry_, fetched_at_ + (again ? between_fetches_ns : map_lives_ns));
}

// Sentinel says when it moves the master; and whenever it is heard anew, something may have been missed.
void router::watch_sentinels() {
  if (switches_ != nullptr) return;
  switches_ = std::make_unique<push_connection>(engine_, [this] { return candidates().front(); });
  switches_->listen({"+switch-master"}, [this](const cachecore_value &) { want_map(); });
}

void router::fetch_failed(cachecore_status status, const std::string &why) noexcept {
  fetched_at_ = now_ns();
  if (engine_.ending() != CACHECORE_OK) return;
  fetch_failures_++;
  if (fetch_failures_ >= max_fetch_failures || !mapped_.load(std::memory_order_relaxed)) {
    try {
      room_.refuse_all(
          status,
          (is_cluster() ? "the map of the cluster could not be fetched: " : "no sentinel names the master: ") + why);
    } catch (const std::exception &) {
      room_.refuse_all(status, "it is not known which node to ask");
    }
  }
  if (!mapped_.load(std::memory_order_relaxed) && !wanted_.load(std::memory_order_acquire)) return;
  const uint64_t ceiling_ms = std::min<uint64_t>(uint64_t{50} << std::min<uint32_t>(fetch_failures_, 5), 1'000);
  engine_.events().remove_timer(retry_);
  engine_.events().add_timer(retry_,
                             fetched_at_ + between_fetches_ns + static_cast<int64_t>(jitter(ceiling_ms)) * ns_per_ms);
}

}  // namespace cachecore_internal
