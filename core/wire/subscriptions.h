// subscriptions.h: who listens to what, and through which nodes.
//
// Channels and patterns are the same everywhere in a cluster, so one push connection carries them. Two kinds are not:
// events of keys ("__keyspace@0__:...", "__keyevent@0__:...") are told by the node that holds the key, so every master
// is listened to; a shard channel belongs to the node that serves its slot, and moves with it. Where a node comes,
// goes, or loses a slot, its listeners are told "deaf" and are subscribed where they belong now.
//
// Thread rule: everything on the loop's thread, but begin_subscription, which is for a step of the invocation.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/wire/push_connection.h"

namespace cachecore_internal {

// Begins a subscription for an invocation of the loop; elsewhere it ends at once with INVALID_STATE.
void begin_subscription(invocation &owner, uint32_t kind, const cachecore_value *channels, size_t count,
                        cachecore_continuation on_message, void *state) noexcept;

class subscriptions {
 public:
  explicit subscriptions(engine &owner);
  ~subscriptions();
  subscriptions(const subscriptions &) = delete;
  subscriptions &operator=(const subscriptions &) = delete;

  // `asked` names all channels; it is parted here. Throws std::bad_alloc.
  void add(const std::shared_ptr<subscription> &asked);
  void end(invocation &owner) noexcept;
  // The nodes of the cluster have changed.
  void rearrange() noexcept;
  void shut() noexcept;

 private:
  [[nodiscard]] push_connection &at(node &server);
  void add_part(const subscription &of, push_connection &where, std::vector<std::string> channels);
  void listen_at_masters(const std::shared_ptr<subscription> &events);

  engine &engine_;
  push_connection common_;
  std::map<node *, std::unique_ptr<push_connection>> of_node_;
  std::map<invocation *, std::shared_ptr<subscription>> asked_;
  std::vector<std::shared_ptr<subscription>> events_;   // of keys: listened to at every master
  std::vector<std::shared_ptr<subscription>> sharded_;  // one channel each
};

}  // namespace cachecore_internal
