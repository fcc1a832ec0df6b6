#include "core/wire/push_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/runtime/engine.h"
#include "core/runtime/process.h"
#include "core/topology/router.h"
#include "core/wire/encode.h"

namespace cachecore_internal {
namespace {

constexpr int64_t ping_interval_ns = 1'000 * ns_per_ms;
constexpr int64_t tracking_ping_interval_ns = 500 * ns_per_ms;
constexpr int64_t silence_limit_ns = 5'000 * ns_per_ms;

cachecore_value text(std::string_view from) { return cachecore_bytes(from.data(), from.size()); }

std::string_view text_of(const cachecore_value &value) { return {value.as.bytes.data, value.as.bytes.size}; }

}  // namespace

// ---- The connection ----

push_connection::push_connection(engine &owner, std::function<node *()> choose)
    : engine_(owner), choose_(std::move(choose)) {
  retry_.owner = this;
  retry_.expire = [](timer_entry *entry) { static_cast<timer *>(entry)->owner->dial(); };
  alive_.owner = this;
  alive_.expire = [](timer_entry *entry) { static_cast<timer *>(entry)->owner->check_alive(); };
}

push_connection::~push_connection() {
  if (read_event_ != nullptr) event_free(read_event_);
  if (write_event_ != nullptr) event_free(write_event_);
  close_descriptor(descriptor_);
}

void push_connection::dial() noexcept {
  if (state_ == state::closed) return;
  state_ = state::dialing;
  try {
    node *chosen = choose_();
    if (chosen == nullptr) {
      state_ = state::idle;
      lost("it is not known yet which node to subscribe at");
      return;
    }
    chosen->dials().begin([this, chosen](const dial_outcome &outcome) {
      chosen->note_dialed(outcome);
      if (outcome.descriptor >= 0) {
        connected(outcome.descriptor, outcome.tls);
      } else {
        state_ = state::idle;
        lost(outcome.why);
      }
    });
  } catch (const std::exception &fault) {
    state_ = state::idle;
    lost(fault.what());
  }
}

void push_connection::connected(int descriptor, std::shared_ptr<tls_session> tls) noexcept {
  if (state_ != state::dialing) {
    close_descriptor(descriptor);
    return;
  }
  descriptor_ = descriptor;
  tls_ = std::move(tls);
  state_ = state::ready;
  refusals_ = 0;
  last_heard_ = now_ns();
  try {
    decoder_ = std::make_unique<reply_reader>();
    push_memory_ = std::make_unique<arena>();
    event_base *base = engine_.events().base();
    read_event_ = event_new(
        base, descriptor, EV_READ | EV_PERSIST,
        [](evutil_socket_t, short, void *self) { static_cast<push_connection *>(self)->on_readable(); }, this);
    write_event_ = event_new(
        base, descriptor, EV_WRITE,
        [](evutil_socket_t, short, void *self) { static_cast<push_connection *>(self)->write(); }, this);
    if (read_event_ == nullptr || write_event_ == nullptr) throw std::bad_alloc();
    event_add(read_event_, nullptr);
    if (tracked_.changed) {
      step_ = tracking_step::asking_id;
      out_ += "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n";
      write();
    } else {
      subscribe_all();
    }
    engine_.events().remove_timer(alive_);
    engine_.events().add_timer(alive_, now_ns() + (tracked_.changed ? tracking_ping_interval_ns : ping_interval_ns));
  } catch (const std::exception &) {
    lost("out of memory");
  }
}

void push_connection::subscribe_all() {
  for (const uint32_t kind : all_kinds) {
    std::vector<std::string> names;
    for (const auto &[name, each] : topics_of(kind)) names.push_back(name);
    if (!names.empty()) send(kind, true, names);
  }
}

void push_connection::track(tracked_prefixes what) {
  tracked_ = std::move(what);
  listen({"__redis__:invalidate"}, [this](const cachecore_value &message) {
    for (size_t i = 0; i < message.as.map.count; i++) {
      const cachecore_pair &each = message.as.map.pairs[i];
      if (text_of(each.key) == "payload") tracked_.changed(each.value);
    }
  });
}

// The answers to CLIENT ID and CLIENT TRACKING, which come before everything else. False: it is none of them.
bool push_connection::take_tracking_step(const cachecore_value &reply) {
  if (step_ != tracking_step::asking_id && step_ != tracking_step::asking_tracking) return false;
  if (step_ == tracking_step::asking_id && reply.kind == CACHECORE_INT) {
    const std::string id = std::to_string(reply.as.integer);
    std::vector<cachecore_value> words = {cachecore_text("CLIENT"),
                                          cachecore_text("TRACKING"),
                                          cachecore_text("ON"),
                                          cachecore_text("REDIRECT"),
                                          text(id),
                                          cachecore_text("BCAST")};
    for (const std::string &each : tracked_.prefixes) {
      words.push_back(cachecore_text("PREFIX"));
      words.push_back(text(each));
    }
    arena memory;
    const encoded bytes = encode_command(memory, words.data(), words.size());
    out_.append(bytes.data, bytes.size);
    step_ = tracking_step::asking_tracking;
    write();
    return true;
  }
  if (step_ == tracking_step::asking_tracking && reply.kind == CACHECORE_BYTES) {
    step_ = tracking_step::on;
    subscribe_all();
    ping();
    return true;
  }
  lost("the server does not track keys: " + (reply.kind == CACHECORE_ERROR ? std::string(text_of(reply)) : "?"));
  return true;
}

void push_connection::lost(const std::string &why) noexcept {
  step_ = tracking_step::none;
  pings_.clear();
  if (tracked_.lost) tracked_.lost();
  if (read_event_ != nullptr) event_free(read_event_);
  if (write_event_ != nullptr) event_free(write_event_);
  read_event_ = write_event_ = nullptr;
  close_descriptor(descriptor_);
  descriptor_ = -1;
  tls_.reset();
  decoder_.reset();
  push_memory_.reset();
  out_.clear();
  engine_.events().remove_timer(alive_);
  if (state_ == state::closed) return;
  const bool was_ready = state_ == state::ready;
  state_ = state::idle;
  for (topics &all : topics_) {
    for (auto &[name, each] : all) each.confirmed = false;
  }
  if (was_ready || refusals_ == 0) {
    std::vector<std::shared_ptr<subscription>> told;
    for (const auto &[owner, theirs] : by_owner_) told.insert(told.end(), theirs.begin(), theirs.end());
    const cachecore_pair pairs[] = {{cachecore_text("kind"), cachecore_text("deaf")},
                                    {cachecore_text("reason"), text(why)}};
    for (const auto &each : told) tell(*each, cachecore_map(pairs, 2));
  }
  if (by_owner_.empty()) return;
  refusals_++;
  state_ = state::backing_off;
  engine_.events().remove_timer(retry_);
  engine_.events().add_timer(retry_, now_ns() + node::backoff_ns(refusals_));
}

void push_connection::add(std::shared_ptr<subscription> added) {
  if (state_ == state::closed || (added->owner != nullptr && added->owner->given_up != CACHECORE_OK)) return;
  std::vector<std::string> fresh;
  by_owner_[added->owner].push_back(added);
  for (const std::string &name : added->channels) {
    topic &of = topics_of(added->kind)[name];
    if (of.listeners.empty()) fresh.push_back(name);
    of.listeners.push_back(added);
    if (of.confirmed) {
      const cachecore_pair pairs[] = {{cachecore_text("kind"), cachecore_text("subscribed")},
                                      {cachecore_text("channel"), text(name)}};
      tell(*added, cachecore_map(pairs, 2));
      if (added->over) return;
    }
  }
  const bool may_send = step_ == tracking_step::none || step_ == tracking_step::on;
  if (state_ == state::ready && may_send && !fresh.empty()) send(added->kind, true, fresh);
  if (state_ == state::idle) dial();
}

void push_connection::listen(std::vector<std::string> channels,
                             std::function<void(const cachecore_value &message)> heard) {
  auto made = std::make_shared<subscription>();
  made->connection = this;
  made->channels = std::move(channels);
  made->heard = std::move(heard);
  add(std::move(made));
}

void push_connection::end(invocation &owner) noexcept {
  const auto found = by_owner_.find(&owner);
  if (found == by_owner_.end()) return;
  const std::vector<std::shared_ptr<subscription>> theirs = found->second;
  for (const auto &each : theirs) remove(each);
}

bool push_connection::has(const invocation &owner, uint32_t kind) const noexcept {
  const auto found = by_owner_.find(const_cast<invocation *>(&owner));
  return found != by_owner_.end() && std::any_of(found->second.begin(), found->second.end(),
                                                 [kind](const auto &each) { return each->kind == kind; });
}

void push_connection::remove(const std::shared_ptr<subscription> &removed) noexcept {
  removed->over = true;
  const auto found = by_owner_.find(removed->owner);
  if (found == by_owner_.end()) return;
  std::erase(found->second, removed);
  if (found->second.empty()) by_owner_.erase(found);
  std::vector<std::string> unheard;
  topics &all = topics_of(removed->kind);
  try {
    for (const std::string &name : removed->channels) {
      const auto of = all.find(name);
      if (of == all.end()) continue;
      std::erase(of->second.listeners, removed);
      if (!of->second.listeners.empty()) continue;
      all.erase(of);
      unheard.push_back(name);
    }
    if (state_ == state::ready && !unheard.empty()) send(removed->kind, false, unheard);
  } catch (const std::exception &) {
    lost("out of memory");
  }
}

void push_connection::shut() noexcept {
  state_ = state::closed;
  engine_.events().remove_timer(retry_);
  lost("the core is being closed or reset");
}

void push_connection::send(uint32_t kind, bool on, const std::vector<std::string> &names) {
  static constexpr const char *commands[kind_count][2] = {
      {"UNSUBSCRIBE", "SUBSCRIBE"}, {"PUNSUBSCRIBE", "PSUBSCRIBE"}, {"SUNSUBSCRIBE", "SSUBSCRIBE"}};
  arena memory;
  // Shard channels of one command would have to share a slot.
  const size_t at_once = kind == CACHECORE_SUBSCRIBE_SHARDED ? 1 : names.size();
  for (size_t first = 0; first < names.size(); first += at_once) {
    std::vector<cachecore_value> words{cachecore_text(commands[kind][on ? 1 : 0])};
    for (size_t i = first; i < first + at_once; i++) words.push_back(text(names[i]));
    const encoded bytes = encode_command(memory, words.data(), words.size());
    out_.append(bytes.data, bytes.size);
  }
  write();
}

void push_connection::write() noexcept {
  while (!out_.empty() || (tls_ != nullptr && tls_->has_unsent())) {
    const ssize_t count = tls_ == nullptr ? ::send(descriptor_, out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT)
                          : !out_.empty() ? tls_->send(descriptor_, out_.data(), out_.size())
                                          : tls_->flush(descriptor_);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) event_add(write_event_, nullptr);
      return;  // any other error shows in reading too
    }
    out_.erase(0, static_cast<size_t>(count));
  }
}

void push_connection::on_readable() noexcept {
  char buffer[tls_session::receive_bytes];
  const ssize_t count = tls_ != nullptr ? tls_->receive(descriptor_, buffer, sizeof(buffer), MSG_DONTWAIT)
                                        : recv(descriptor_, buffer, sizeof(buffer), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (count <= 0) {
    lost(count == 0 ? "the server closed the connection" : std::strerror(errno));
    return;
  }
  last_heard_ = now_ns();
  decoder_->feed(buffer, static_cast<size_t>(count));
  while (state_ == state::ready) {
    const reply_reader::outcome outcome = decoder_->next(*push_memory_, push_);
    if (outcome == reply_reader::outcome::incomplete) return;
    if (outcome == reply_reader::outcome::failed) {
      lost("the server broke the protocol");
      return;
    }
    try {
      const std::unique_ptr<arena> memory = std::move(push_memory_);
      push_memory_ = std::make_unique<arena>();
      const cachecore_value push = push_;
      take(push, *memory);
    } catch (const std::exception &) {
      lost("out of memory");
      return;
    }
  }
}

void push_connection::take(const cachecore_value &push, arena &) {
  if (take_tracking_step(push)) return;
  if (push.kind == CACHECORE_ERROR) {
    // The slot of a shard channel is elsewhere, or may not be listened to: what is served where is looked at anew.
    engine_.log(CACHECORE_LOG_WARNING, "a subscription was refused: " + std::string(text_of(push)));
    engine_.routes().want_map();
    return;
  }
  const bool is_list =
      push.kind == CACHECORE_LIST && push.as.list.count >= 2 && push.as.list.items[0].kind == CACHECORE_BYTES;
  if (!is_list || text_of(push.as.list.items[0]) == "pong") {
    if (pings_.empty()) return;
    if (tracked_.proven) tracked_.proven(pings_.front());
    pings_.pop_front();
    return;
  }
  const cachecore_value *items = push.as.list.items;
  std::string_view what = text_of(items[0]);
  uint32_t kind = CACHECORE_SUBSCRIBE_CHANNELS;
  if (what.starts_with("psub") || what.starts_with("pmes") || what.starts_with("puns")) {
    kind = CACHECORE_SUBSCRIBE_PATTERNS;
  } else if (what.starts_with("ssub") || what.starts_with("smes") || what.starts_with("suns")) {
    kind = CACHECORE_SUBSCRIBE_SHARDED;
  }
  if (kind != CACHECORE_SUBSCRIBE_CHANNELS) what.remove_prefix(1);
  if (items[1].kind != CACHECORE_BYTES) return;
  topics &all = topics_of(kind);
  const auto found = all.find(std::string(text_of(items[1])));
  if (found == all.end()) return;
  const bool by_pattern = kind == CACHECORE_SUBSCRIBE_PATTERNS;
  if (what == "subscribe") {
    found->second.confirmed = true;
    const cachecore_pair pairs[] = {{cachecore_text("kind"), cachecore_text("subscribed")},
                                    {cachecore_text("channel"), items[1]}};
    tell_all(found->second, cachecore_map(pairs, 2));
  } else if (what == "unsubscribe") {
    // Not asked for: the slot of the channel has gone.
    found->second.confirmed = false;
    const cachecore_pair pairs[] = {{cachecore_text("kind"), cachecore_text("deaf")},
                                    {cachecore_text("reason"), cachecore_text("the slot of the channel has moved")}};
    tell_all(found->second, cachecore_map(pairs, 2));
    engine_.routes().want_map();
  } else if (what == "message" && push.as.list.count == (by_pattern ? 4u : 3u)) {
    const size_t at = by_pattern ? 2 : 1;
    const cachecore_pair pairs[] = {{cachecore_text("kind"), cachecore_text("message")},
                                    {cachecore_text("channel"), items[at]},
                                    {cachecore_text("payload"), items[at + 1]},
                                    {cachecore_text("pattern"), items[1]}};
    tell_all(found->second, cachecore_map(pairs, by_pattern ? 4 : 3));
  }
}

void push_connection::tell_all(topic &from, const cachecore_value &message) noexcept {
  // A listener may end itself, or others, while it is told.
  const std::vector<std::shared_ptr<subscription>> told = from.listeners;
  for (const auto &each : told) tell(*each, message);
}

void push_connection::tell(subscription &listener, const cachecore_value &message) noexcept {
  if (listener.heard) {
    listener.heard(message);
    return;
  }
  if (listener.over || listener.owner->finished || listener.owner->given_up != CACHECORE_OK) return;
  try {
    run_message(*listener.owner, *listener.end, message);
  } catch (const std::exception &) {
    engine_.log(CACHECORE_LOG_ERROR, std::string(listener.owner->name) + ": a message was lost: out of memory");
  }
  engine_.events().drain_local();
}

void push_connection::ping() {
  pings_.push_back(boot_ns());
  out_.append("*1\r\n$4\r\nPING\r\n");
  write();
}

void push_connection::check_alive() noexcept {
  if (state_ != state::ready) return;
  if (now_ns() - last_heard_ > silence_limit_ns) {
    lost("the server has not answered within the read deadline");
    return;
  }
  try {
    if (step_ == tracking_step::none || step_ == tracking_step::on) ping();
  } catch (const std::exception &) {
    lost("out of memory");
    return;
  }
  engine_.events().add_timer(alive_, now_ns() + (tracked_.changed ? tracking_ping_interval_ns : ping_interval_ns));
}

}  // namespace cachecore_internal
