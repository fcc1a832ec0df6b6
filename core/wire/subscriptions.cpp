#include "core/wire/subscriptions.h"

#include <algorithm>
#include <string_view>

#include "core/runtime/engine.h"
#include "core/topology/router.h"
#include "core/wire/command_table.h"

namespace cachecore_internal {
namespace {

bool is_key_event(std::string_view channel) {
  return channel.starts_with("__keyspace@") || channel.starts_with("__keyevent@");
}

}  // namespace

void begin_subscription(invocation &owner, uint32_t kind, const cachecore_value *channels, size_t count,
                        cachecore_continuation on_message, void *state) noexcept {
  wait *end = nullptr;
  try {
    end = make_wait<wait>();
  } catch (const std::exception &) {
    static const cachecore_error error = {CACHECORE_NO_MEMORY, "", "out of memory"};
    on_message(state, CACHECORE_NO_MEMORY, nullptr, &error);
    return;
  }
  end->then = on_message;
  end->state = state;
  // Given up, it simply ends: the invocation's end takes it out of the connection.
  end->abandon = [](wait *self, cachecore_status reason) noexcept -> cachecore_status {
    self->phase.store(wait::ended, std::memory_order_release);
    return reason;
  };
  if (!begin_wait(owner, end)) return;
  const auto refuse = [&](cachecore_status status, const std::string &why) {
    set_wait_error(end, status, why);
    end_wait(end);
  };
  try {
    if ((owner.method == nullptr || (owner.method->flags & CACHECORE_METHOD_STREAMING) == 0) &&
        !owner.exec.load(std::memory_order_relaxed)->is_loop()) {
      refuse(CACHECORE_INVALID_STATE, "only a streaming or a spawned invocation may subscribe");
      return;
    }
    if (owner.subscribed != nullptr) {
      refuse(CACHECORE_INVALID_STATE, "an invocation has one subscription: name all channels in it");
      return;
    }
    if (kind > CACHECORE_SUBSCRIBE_SHARDED) {
      refuse(CACHECORE_INVALID_ARGUMENT, "there is no such kind of subscription");
      return;
    }
    if (count == 0) {
      refuse(CACHECORE_INVALID_ARGUMENT, "there is no channel to subscribe to");
      return;
    }
    auto made = std::make_shared<subscription>();
    made->owner = &owner;
    made->end = end;
    made->kind = kind;
    for (size_t i = 0; i < count; i++) {
      if (channels[i].kind != CACHECORE_BYTES) {
        refuse(CACHECORE_INVALID_ARGUMENT, "a channel must be BYTES");
        return;
      }
      made->channels.emplace_back(channels[i].as.bytes.data, channels[i].as.bytes.size);
    }
    owner.subscribed = made.get();
    // It joins behind this step; from a submitter's thread that is on the loop, behind the invocation itself.
    struct joining : post_node {
      std::shared_ptr<subscription> joins;
    };
    auto node = std::make_unique<joining>();
    node->joins = std::move(made);
    node->run = [](post_node *posted) {
      const std::unique_ptr<joining> owned(static_cast<joining *>(posted));
      invocation *joiner = owned->joins->owner;
      if (owned->joins->over) return;  // the invocation has ended
      if (joiner->given_up != CACHECORE_OK) {
        joiner->subscribed = nullptr;
        return;
      }
      try {
        joiner->eng->pushes().add(owned->joins);
      } catch (const std::exception &) {
        set_wait_error(owned->joins->end, CACHECORE_NO_MEMORY, "out of memory");
        end_wait_if_pending(owned->joins->end);
      }
    };
    this_thread.current->post_local(node.release());
  } catch (const std::exception &) {
    refuse(CACHECORE_NO_MEMORY, "out of memory");
  }
}

subscriptions::subscriptions(engine &owner)
    : engine_(owner), common_(owner, [this] { return engine_.routes().subscription_node(); }) {}

subscriptions::~subscriptions() = default;

push_connection &subscriptions::at(node &server) {
  std::unique_ptr<push_connection> &found = of_node_[&server];
  if (found == nullptr) {
    found = std::make_unique<push_connection>(engine_, [chosen = &server] { return chosen; });
  }
  return *found;
}

void subscriptions::add_part(const subscription &of, push_connection &where, std::vector<std::string> channels) {
  auto part = std::make_shared<subscription>(of);
  part->connection = &where;
  part->channels = std::move(channels);
  where.add(std::move(part));
}

void subscriptions::add(const std::shared_ptr<subscription> &asked) {
  asked_[asked->owner] = asked;
  if (!engine_.routes().is_cluster()) {
    add_part(*asked, common_, asked->channels);
    return;
  }
  if (asked->kind == CACHECORE_SUBSCRIBE_SHARDED) {
    for (const std::string &channel : asked->channels) {
      auto part = std::make_shared<subscription>(*asked);
      part->channels = {channel};
      sharded_.push_back(std::move(part));
    }
    engine_.routes().is_mapped() ? rearrange() : engine_.routes().want_map();
    return;
  }
  std::vector<std::string> everywhere;
  std::vector<std::string> at_keys;
  for (const std::string &channel : asked->channels) (is_key_event(channel) ? at_keys : everywhere).push_back(channel);
  if (!everywhere.empty()) add_part(*asked, common_, std::move(everywhere));
  if (at_keys.empty()) return;
  auto events = std::make_shared<subscription>(*asked);
  events->channels = std::move(at_keys);
  events_.push_back(events);
  engine_.routes().is_mapped() ? listen_at_masters(events) : engine_.routes().want_map();
}

void subscriptions::listen_at_masters(const std::shared_ptr<subscription> &events) {
  for (node *master : engine_.routes().masters()) {
    push_connection &where = at(*master);
    if (!where.has(*events->owner, events->kind)) add_part(*events, where, events->channels);
  }
}

void subscriptions::rearrange() noexcept {
  try {
    const auto events = events_;  // whoever is told something may end
    for (const auto &each : events) {
      if (std::find(events_.begin(), events_.end(), each) != events_.end()) listen_at_masters(each);
    }
    const auto sharded = sharded_;
    for (const auto &each : sharded) {
      if (std::find(sharded_.begin(), sharded_.end(), each) == sharded_.end()) continue;
      node *server = engine_.routes().node_of(key_slot(each->channels.front()));
      if (server == nullptr) continue;
      push_connection &where = at(*server);
      if (each->connection == &where) continue;
      if (each->connection != nullptr) each->connection->remove(each);
      each->over = false;
      each->connection = &where;
      where.add(each);
    }
  } catch (const std::exception &) {
    engine_.log(CACHECORE_LOG_ERROR, "subscriptions could not be rearranged: out of memory");
  }
}

void subscriptions::end(invocation &owner) noexcept {
  owner.subscribed->over = true;
  owner.subscribed = nullptr;
  const auto kept = asked_.extract(&owner);  // it may be running its own end
  const auto theirs = [&owner](const std::shared_ptr<subscription> &each) { return each->owner == &owner; };
  std::erase_if(events_, theirs);
  std::erase_if(sharded_, theirs);
  common_.end(owner);
  for (const auto &[server, connection] : of_node_) connection->end(owner);
}

void subscriptions::shut() noexcept {
  common_.shut();
  for (const auto &[server, connection] : of_node_) connection->shut();
}

}  // namespace cachecore_internal
