#include "core/plugins/redis_service.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "core/plugins/cluster_split.h"
#include "core/runtime/engine.h"
#include "core/topology/router.h"
#include "core/wire/command_table.h"
#include "core/wire/encode.h"
#include "core/wire/gather.h"
#include "core/wire/node.h"
#include "core/wire/subscriptions.h"

namespace cachecore_internal {
namespace {

// A request that will carry `then`; its arguments are not encoded yet.
request *make_request(cachecore_continuation then, void *state) {
  auto *made = make_wait<request>();
  made->then = then;
  made->state = state;
  made->abandon = withdraw_request;
  made->intercept = router::redirect;
  return made;
}

// Begins a request whose making may fail: the failure is its answer.
template <class Make>
void begin(cachecore_invocation *invocation, cachecore_continuation then, void *state, Make make) noexcept {
  request *made = nullptr;
  try {
    made = make_request(then, state);
  } catch (const std::exception &) {
    static const cachecore_error error = {CACHECORE_NO_MEMORY, "", "out of memory"};
    then(state, CACHECORE_NO_MEMORY, nullptr, &error);
    return;
  }
  cachecore_status status = CACHECORE_NO_MEMORY;
  std::string why = "out of memory";
  try {
    make(*made);
    stage_request(*invocation, made);
    return;
  } catch (const failure &fault) {
    status = fault.status();
    why = fault.message();
  } catch (const std::exception &) {
    // as above
  }
  if (!begin_wait(*invocation, made)) return;
  set_wait_error(made, status, why);
  end_wait(made);
}

bool in_cluster(const cachecore_invocation *invocation) noexcept { return invocation->eng->routes().is_cluster(); }

// The words as the command table reads them.
std::span<const std::string_view> views_of(request &to, const cachecore_value *words, size_t count) {
  auto *views = to.memory.allocate_array<std::string_view>(count);
  for (size_t i = 0; i < count; i++) {
    char scratch[40];
    const std::string_view text = word_text(words[i], scratch);
    const bool own = words[i].kind == CACHECORE_BYTES;
    views[i] = own ? text : std::string_view(to.memory.copy(text), text.size());
  }
  return {views, count};
}

// What the table says about one command, written into the request. Throws for what may not go there.
void classify(request &to, const cachecore_value *words, size_t count, uint32_t flags, bool leased, bool clustered) {
  if (count == 0) throw failure(CACHECORE_INVALID_ARGUMENT, "a command needs at least one word");
  const std::span<const std::string_view> views = views_of(to, words, count);
  if (clustered && !leased) to.slot = slot_of_command(views);
  const classified_command is = classify_command(views);
  const bool known = is.info != nullptr;
  if (!leased && known && (is.flags & (command_stateful | command_may_block)) != 0) {
    const std::string name(views[0]);
    if ((is.flags & command_pub_sub) != 0)
      throw failure(CACHECORE_INVALID_ARGUMENT, name + " is not a command of its own here: use redis.subscribe");
    if ((is.flags & command_stateful) != 0) {
      throw failure(CACHECORE_INVALID_ARGUMENT,
                    name + " changes the state of a connection that others share: use redis.transaction, or a lease");
    }
    throw failure(CACHECORE_INVALID_ARGUMENT, name + " may block a connection that others share: it needs a lease");
  }
  const bool read = (flags & CACHECORE_REDIS_READ) != 0 || (known && (is.flags & command_read_only) != 0);
  to.changes = !read;
  to.repeatable = read || (flags & CACHECORE_REDIS_IDEMPOTENT) != 0 || (known && (is.flags & command_repeatable) != 0);
  const bool unknown_work = !known || ((is.flags & command_script) != 0 && !read);
  to.isolated = !leased && (unknown_work || (flags & CACHECORE_REDIS_ISOLATED) != 0);
  to.blocks = known && (is.flags & command_may_block) != 0;
  // What has no key asks about the server itself.
  to.may_be_stale = (flags & CACHECORE_REDIS_MAY_BE_STALE) != 0 && known && (is.flags & command_read_only) != 0 &&
                    !leased && !to.isolated && find_first_key(views) >= 0;
}

void check_command(const cachecore_value &command, size_t position) {
  if (command.kind != CACHECORE_LIST)
    throw failure(CACHECORE_INVALID_ARGUMENT, "command " + std::to_string(position) + " must be a LIST of words");
  if (command.as.list.count == 0)
    throw failure(CACHECORE_INVALID_ARGUMENT, "command " + std::to_string(position) + " has no words");
}

void classify_all(request &to, const cachecore_value *commands, size_t count, uint32_t flags, bool leased,
                  bool clustered) {
  to.changes = false;
  to.repeatable = true;
  bool isolated = (flags & CACHECORE_REDIS_ISOLATED) != 0;
  bool blocks_somewhere = false;
  bool changes = false;
  bool repeatable = true;
  bool may_be_stale = count > 0;
  int32_t slot = request::any_slot;
  for (size_t i = 0; i < count; i++) {
    check_command(commands[i], i);
    classify(to, commands[i].as.list.items, commands[i].as.list.count, flags, leased, clustered);
    slot = same_slot(slot, to.slot, "the transaction");
    changes |= to.changes;
    repeatable &= to.repeatable;
    isolated |= to.isolated;
    blocks_somewhere |= to.blocks;
    may_be_stale &= to.may_be_stale;
  }
  to.may_be_stale = may_be_stale;
  to.slot = slot;
  to.changes = changes;
  to.repeatable = repeatable;
  to.isolated = isolated && !leased;
  to.blocks = blocks_somewhere;
}

void take(request &to, const encoded &bytes) noexcept {
  to.data = bytes.data;
  to.size = bytes.size;
}

void expect_list(request &to, size_t count) {
  to.form = request::shape::list;
  to.expected = static_cast<uint32_t>(count);
  to.items = to.memory.allocate_array<cachecore_value>(count);
  for (size_t i = 0; i < count; i++) to.items[i] = cachecore_nil();
}

// Several replies to none: answered at once.
bool answer_nothing(cachecore_invocation *invocation, size_t count, cachecore_continuation then, void *state) {
  if (count > 0) return false;
  try {
    request *made = make_request(then, state);
    if (!begin_wait(*invocation, made)) return true;
    made->value = cachecore_list(nullptr, 0);
    end_wait(made);
  } catch (const std::exception &) {
    static const cachecore_error error = {CACHECORE_NO_MEMORY, "", "out of memory"};
    then(state, CACHECORE_NO_MEMORY, nullptr, &error);
  }
  return true;
}

// ---- In a cluster: several requests instead of one ----

// Requests that were made and belong to no gather yet.
class unowned_parts {
 public:
  unowned_parts() = default;
  unowned_parts(const unowned_parts &) = delete;
  unowned_parts &operator=(const unowned_parts &) = delete;
  ~unowned_parts() {
    for (request *each : parts_) destroy_wait(each);
  }
  request &add() {
    parts_.reserve(parts_.size() + 1);
    parts_.push_back(make_request(nullptr, nullptr));
    return *parts_.back();
  }
  [[nodiscard]] size_t count() const noexcept { return parts_.size(); }
  void move_to(gather &whole) noexcept {
    for (size_t i = 0; i < parts_.size(); i++) add_part(whole, i, parts_[i]);
    parts_.clear();
  }

 private:
  std::vector<request *> parts_;
};

// Begins what `make` puts together; what it throws is the answer.
template <class Make>
void begin_parts(cachecore_invocation *invocation, cachecore_continuation then, void *state, Make make) noexcept {
  cachecore_status status = CACHECORE_NO_MEMORY;
  std::string why = "out of memory";
  try {
    make();
    return;
  } catch (const failure &fault) {
    status = fault.status();
    why = fault.message();
  } catch (const std::exception &) {
    // as above
  }
  begin(invocation, then, state, [&](request &) { throw failure(status, why); });
}

void pipeline_by_slot(cachecore_invocation *invocation, const cachecore_value *commands, size_t count, uint32_t flags,
                      cachecore_continuation then, void *state) {
  begin_parts(invocation, then, state, [&] {
    unowned_parts parts;
    for (size_t i = 0; i < count; i++) {
      check_command(commands[i], i);
      request &part = parts.add();
      classify(part, commands[i].as.list.items, commands[i].as.list.count, flags, false, true);
      take(part, encode_command(part.memory, commands[i].as.list.items, commands[i].as.list.count));
    }
    gather *whole = begin_gather(*invocation, count, gather::merge::list, then, state);
    if (whole != nullptr) parts.move_to(*whole);
  });
}

void command_to_masters(cachecore_invocation *invocation, const cachecore_value *words, size_t count, uint32_t flags,
                        gather::merge how, cachecore_continuation then, void *state) {
  begin_parts(invocation, then, state, [&] {
    unowned_parts parts;
    for (node *master : invocation->eng->routes().masters()) {
      request &part = parts.add();
      classify(part, words, count, flags, false, false);
      take(part, encode_command(part.memory, words, count));
      part.bound = master;
    }
    gather *whole = begin_gather(*invocation, parts.count(), how, then, state);
    if (whole != nullptr) parts.move_to(*whole);
  });
}

// Does `again` when the nodes of the cluster are known. What it captures lives until then in the invocation's memory.
template <class Again>
void when_mapped(cachecore_invocation *invocation, cachecore_continuation then, void *state, Again again) {
  struct waiting {
    cachecore_continuation then;
    void *state;
    Again again;
  };
  static_assert(std::is_trivially_destructible_v<Again>);
  begin_parts(invocation, then, state, [&] {
    auto *kept = new (invocation->result->memory.allocate(sizeof(waiting))) waiting{then, state, again};
    const auto mapped = [](void *self, cachecore_status status, const cachecore_value *, const cachecore_error *error) {
      auto &waits = *static_cast<waiting *>(self);
      if (status == CACHECORE_OK) {
        waits.again();
      } else {
        waits.then(waits.state, status, nullptr, error);
      }
    };
    // Any command will do: it waits for the map itself.
    const cachecore_value ping = cachecore_text("PING");
    begin(invocation, mapped, kept, [&](request &to) {
      classify(to, &ping, 1, 0, false, true);
      take(to, encode_command(to.memory, &ping, 1));
    });
  });
}

// Words that outlive this step.
struct kept_words {
  const cachecore_value *words;
  size_t count;
};

kept_words keep(cachecore_invocation *invocation, const cachecore_value *words, size_t count) {
  const cachecore_value copy = invocation->result->memory.copy(cachecore_list(words, count));
  return {copy.as.list.items, count};
}

void each_master(cachecore_invocation *invocation, const cachecore_value *words, size_t count, uint32_t flags,
                 gather::merge how, cachecore_continuation then, void *state) {
  if (invocation->eng->routes().is_mapped()) {
    command_to_masters(invocation, words, count, flags, how, then, state);
    return;
  }
  begin_parts(invocation, then, state, [&] {
    const kept_words kept = keep(invocation, words, count);
    when_mapped(invocation, then, state,
                [=] { command_to_masters(invocation, kept.words, kept.count, flags, how, then, state); });
  });
}

// Where the replies to the keys of each part belong. Throws std::bad_alloc.
void expect_keys(gather &whole, const split_command &split) {
  whole.items = whole.memory.allocate_array<cachecore_value>(split.keys);
  std::fill_n(whole.items, split.keys, cachecore_nil());
  whole.item_count = split.keys;
  whole.places = whole.memory.allocate_array<uint32_t>(split.keys);
  whole.first_place = whole.memory.allocate_array<size_t>(split.parts.size() + 1);
  size_t next = 0;
  for (size_t i = 0; i < split.parts.size(); i++) {
    whole.first_place[i] = next;
    for (const uint32_t place : split.parts[i].places) whole.places[next++] = place;
  }
  whole.first_place[split.parts.size()] = next;
}

// What one slot gets of a command that is cut.
void fill_part(request &to, const cachecore_value *words, const slot_part &part, uint32_t flags) {
  std::vector<cachecore_value> own{words[0]};
  for (const uint32_t at : part.words) own.push_back(words[at]);
  classify(to, own.data(), own.size(), flags, false, true);
  take(to, encode_command(to.memory, own.data(), own.size()));
}

void begin_split(cachecore_invocation *invocation, const split_command &split, const cachecore_value *words,
                 uint32_t flags, cachecore_continuation then, void *state) {
  unowned_parts parts;
  for (const slot_part &each : split.parts) fill_part(parts.add(), words, each, flags);
  gather *whole = begin_gather(*invocation, split.parts.size(), split.how, then, state);
  if (whole == nullptr) return;
  if (split.how == gather::merge::by_key) {
    try {
      expect_keys(*whole, split);
    } catch (const std::exception &) {
      for (size_t i = 0; i < split.parts.size(); i++) add_failed_part(*whole, i, CACHECORE_NO_MEMORY, "out of memory");
      return;
    }
  }
  parts.move_to(*whole);
}

// True when it took the command over.
bool spread(cachecore_invocation *invocation, const cachecore_value *words, size_t count, uint32_t flags,
            cachecore_continuation then, void *state) noexcept {
  bool taken = false;
  begin_parts(invocation, then, state, [&] {
    arena scratch;
    auto *views = scratch.allocate_array<std::string_view>(count);
    for (size_t i = 0; i < count; i++) {
      char text[40];
      const std::string_view word = word_text(words[i], text);
      views[i] = words[i].kind == CACHECORE_BYTES ? word : std::string_view(scratch.copy(word), word.size());
    }
    const std::span<const std::string_view> all(views, count);
    const std::optional<gather::merge> everywhere = count > 0 ? merge_of_all_nodes(all) : std::nullopt;
    if (everywhere) {
      taken = true;
      each_master(invocation, words, count, flags, *everywhere, then, state);
      return;
    }
    const std::optional<split_command> split = split_by_slot(all);
    if (!split) return;
    taken = true;
    begin_split(invocation, *split, words, flags, then, state);
  });
  return taken;
}

// ---- One command, several, a transaction ----

void command(cachecore_invocation *invocation, const cachecore_value *words, size_t count, uint32_t flags,
             cachecore_continuation then, void *state) {
  const bool clustered = in_cluster(invocation);
  if (clustered && spread(invocation, words, count, flags, then, state)) return;
  begin(invocation, then, state, [&](request &to) {
    classify(to, words, count, flags, false, clustered);
    take(to, encode_command(to.memory, words, count));
  });
}

void pipeline(cachecore_invocation *invocation, const cachecore_value *commands, size_t count, uint32_t flags,
              cachecore_continuation then, void *state) {
  if (answer_nothing(invocation, count, then, state)) return;
  if (in_cluster(invocation)) {
    pipeline_by_slot(invocation, commands, count, flags, then, state);
    return;
  }
  begin(invocation, then, state, [&](request &to) {
    classify_all(to, commands, count, flags, false, false);
    expect_list(to, count);
    take(to, encode_commands(to.memory, commands, count, {}, {}));
  });
}

void transaction(cachecore_invocation *invocation, const cachecore_value *commands, size_t count, uint32_t flags,
                 cachecore_continuation then, void *state) {
  if (answer_nothing(invocation, count, then, state)) return;
  begin(invocation, then, state, [&](request &to) {
    classify_all(to, commands, count, flags, false, in_cluster(invocation));
    to.form = request::shape::transaction;
    to.expected = static_cast<uint32_t>(count + 2);
    take(to, encode_commands(to.memory, commands, count, "*1\r\n$5\r\nMULTI\r\n", "*1\r\n$4\r\nEXEC\r\n"));
  });
}

// ---- Scripts ----

int32_t slot_of_keys(const cachecore_value *keys, size_t count) {
  int32_t slot = request::any_slot;
  for (size_t i = 0; i < count; i++) {
    char scratch[40];
    slot = same_slot(slot, key_slot(word_text(keys[i], scratch)), "the script");
  }
  return slot;
}

// The server does not know the script: the same words go again behind the source itself, which it then keeps.
bool send_source(wait *self) noexcept {
  auto *asked = static_cast<request *>(self);
  if (router::redirect(self)) return true;
  if (asked->script == nullptr || asked->status != CACHECORE_REJECTED || asked->error == nullptr ||
      std::string_view(asked->error->server_code) != "NOSCRIPT" || asked->owner->given_up != CACHECORE_OK) {
    return false;
  }
  try {
    const cachecore_script &script = *asked->script;
    // ASKING stays before it, if the key is on its way to that node.
    const std::string head = std::string(asked->data, asking_size(*asked)) + "*" + std::to_string(asked->script_words) +
                             "\r\n$4\r\nEVAL\r\n$" + std::to_string(script.source_size) + "\r\n";
    const size_t tail = asked->size - asked->script_tail;
    const size_t size = head.size() + script.source_size + 2 + tail;
    char *data = static_cast<char *>(asked->memory.allocate(size));
    char *end = data;
    end = std::copy(head.begin(), head.end(), end);
    end = std::copy_n(script.source, script.source_size, end);
    *end++ = '\r';
    *end++ = '\n';
    std::copy_n(asked->data + asked->script_tail, tail, end);
    asked->data = data;
    asked->size = size;
  } catch (const std::exception &) {
    return false;
  }
  node &same = asked->line.load(std::memory_order_relaxed)->server();
  asked->script = nullptr;
  renew_request(*asked);
  same.add(*asked->owner, asked);
  return true;
}

void script(cachecore_invocation *invocation, const cachecore_script *script, const cachecore_value *keys,
            size_t key_count, const cachecore_value *args, size_t arg_count, uint32_t flags,
            cachecore_continuation then, void *state) {
  begin(invocation, then, state, [&](request &to) {
    if (script == nullptr || script->source == nullptr)
      throw failure(CACHECORE_INVALID_ARGUMENT, "script: there is no source");
    const std::string &digest = invocation->eng->script_digest(*script);
    if (in_cluster(invocation)) to.slot = slot_of_keys(keys, key_count);
    std::vector<cachecore_value> words;
    words.reserve(3 + key_count + arg_count);
    words.push_back(cachecore_text("EVALSHA"));
    words.push_back(cachecore_bytes(digest.data(), digest.size()));
    words.push_back(cachecore_int(static_cast<int64_t>(key_count)));
    words.insert(words.end(), keys, keys + key_count);
    words.insert(words.end(), args, args + arg_count);
    take(to, encode_command(to.memory, words.data(), words.size()));
    const bool read = (flags & CACHECORE_REDIS_READ) != 0;
    to.changes = !read;
    to.repeatable = read || (flags & CACHECORE_REDIS_IDEMPOTENT) != 0;
    to.isolated = (flags & CACHECORE_REDIS_ISOLATED) != 0;
    to.script = script;
    to.script_words = static_cast<uint32_t>(words.size());
    // "*N\r\n$7\r\nEVALSHA\r\n$40\r\n<40>\r\n"
    to.script_tail = 1 + std::to_string(words.size()).size() + 2 + 4 + 7 + 2 + 5 + 40 + 2;
    to.intercept = send_source;
  });
}

// ---- Nodes. One server has one. ----

void each_node(cachecore_invocation *invocation, const cachecore_value *words, size_t count, uint32_t flags,
               cachecore_continuation then, void *state) {
  if (in_cluster(invocation)) {
    each_master(invocation, words, count, flags, gather::merge::list, then, state);
    return;
  }
  const cachecore_value one = cachecore_list(words, count);
  pipeline(invocation, &one, 1, flags, then, state);
}

void on_node(cachecore_invocation *invocation, size_t node, const cachecore_value *words, size_t count, uint32_t flags,
             cachecore_continuation then, void *state) {
  if (!invocation->eng->routes().is_mapped()) {
    begin_parts(invocation, then, state, [&] {
      const kept_words kept = keep(invocation, words, count);
      when_mapped(invocation, then, state,
                  [=] { on_node(invocation, node, kept.words, kept.count, flags, then, state); });
    });
    return;
  }
  begin(invocation, then, state, [&](request &to) {
    const auto masters = invocation->eng->routes().masters();
    if (node >= masters.size())
      throw failure(CACHECORE_INVALID_ARGUMENT, "there is no node " + std::to_string(node) + ": there are " +
                                                    std::to_string(masters.size()) + ", counted from 0");
    classify(to, words, count, flags, false, false);
    take(to, encode_command(to.memory, words, count));
    to.bound = masters[node];
  });
}

// ---- Leases ----

void lease_from(cachecore_invocation *invocation, int32_t slot, cachecore_continuation then, void *state) {
  begin_parts(invocation, then, state, [&] {
    node *server = invocation->eng->routes().node_of(slot);
    if (server == nullptr) {
      throw failure(CACHECORE_UNAVAILABLE, "slot " + std::to_string(slot) + " of the cluster is served by no node");
    }
    server->begin_lease(*invocation, then, state);
  });
}

void lease_connection(cachecore_invocation *invocation, const cachecore_value *key, cachecore_continuation then,
                      void *state) {
  int32_t slot = request::any_slot;
  begin_parts(invocation, then, state, [&] {
    const bool of_key = in_cluster(invocation) && key != nullptr && key->kind != CACHECORE_NIL;
    if (of_key) slot = slot_of_keys(key, 1);
    if (invocation->eng->routes().is_mapped()) {
      lease_from(invocation, slot, then, state);
    } else {
      when_mapped(invocation, then, state, [=] { lease_from(invocation, slot, then, state); });
    }
  });
}

void leased(cachecore_invocation *invocation, int64_t connection, const cachecore_value *commands, size_t count,
            cachecore_continuation then, void *state) {
  if (answer_nothing(invocation, count, then, state)) return;
  begin(invocation, then, state, [&](request &to) {
    const lease *held = node::find_lease(*invocation, connection);
    if (held == nullptr)
      throw failure(CACHECORE_INVALID_STATE,
                    "connection " + std::to_string(connection) + " is not leased by this invocation");
    classify_all(to, commands, count, 0, true, false);
    expect_list(to, count);
    take(to, encode_commands(to.memory, commands, count, {}, {}));
    to.reserved = held->line;
  });
}

void release(cachecore_invocation *invocation, int64_t connection, int32_t clean) {
  node::end_lease(*invocation, connection, clean != 0);
}

// ---- Subscriptions ----

void subscribe(cachecore_invocation *invocation, uint32_t kind, const cachecore_value *channels, size_t count,
               cachecore_continuation on_message, void *state) {
  begin_subscription(*invocation, kind, channels, count, on_message, state);
}

const cachecore_redis_service table = {sizeof(cachecore_redis_service),
                                       command,
                                       pipeline,
                                       transaction,
                                       script,
                                       each_node,
                                       on_node,
                                       lease_connection,
                                       leased,
                                       release,
                                       subscribe};

}  // namespace

void command_on(cachecore_invocation *owner, node &server, const cachecore_value *words, size_t count,
                cachecore_continuation then, void *state) noexcept {
  begin(owner, then, state, [&](request &to) {
    classify(to, words, count, CACHECORE_REDIS_READ, false, false);
    take(to, encode_command(to.memory, words, count));
    to.bound = &server;
  });
}

const cachecore_redis_service *redis_service() noexcept { return &table; }

}  // namespace cachecore_internal
