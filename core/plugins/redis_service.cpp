#include "core/plugins/redis_service.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "core/runtime/engine.h"
#include "core/wire/command_table.h"
#include "core/wire/encode.h"
#include "core/wire/node.h"
#include "core/wire/push_connection.h"

namespace cachecore_internal {
namespace {

// A request that will carry `then`; its arguments are not encoded yet.
request *make_request(cachecore_continuation then, void *state) {
  auto *made = make_wait<request>();
  made->then = then;
  made->state = state;
  made->abandon = [](wait *self, cachecore_status reason) noexcept -> cachecore_status {
    auto *given_up = static_cast<request *>(self);
    if (given_up->line == nullptr) {
      // Begun in a step that was given up before its end: no lane has seen it.
      given_up->phase.store(wait::ended, std::memory_order_release);
      return reason;
    }
    return given_up->line->withdraw(given_up, reason);
  };
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
void classify(request &to, const cachecore_value *words, size_t count, uint32_t flags, bool leased) {
  if (count == 0) throw failure(CACHECORE_INVALID_ARGUMENT, "a command needs at least one word");
  const std::span<const std::string_view> views = views_of(to, words, count);
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
}

void classify_all(request &to, const cachecore_value *commands, size_t count, uint32_t flags, bool leased) {
  to.changes = false;
  to.repeatable = true;
  bool isolated = (flags & CACHECORE_REDIS_ISOLATED) != 0;
  bool blocks_somewhere = false;
  bool changes = false;
  bool repeatable = true;
  for (size_t i = 0; i < count; i++) {
    if (commands[i].kind != CACHECORE_LIST)
      throw failure(CACHECORE_INVALID_ARGUMENT, "command " + std::to_string(i) + " must be a LIST of words");
    if (commands[i].as.list.count == 0)
      throw failure(CACHECORE_INVALID_ARGUMENT, "command " + std::to_string(i) + " has no words");
    classify(to, commands[i].as.list.items, commands[i].as.list.count, flags, leased);
    changes |= to.changes;
    repeatable &= to.repeatable;
    isolated |= to.isolated;
    blocks_somewhere |= to.blocks;
  }
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
  begin(invocation, then, state, [&](request &to) {
    if (!begin_wait(*invocation, &to)) return;
    to.value = cachecore_list(nullptr, 0);
    end_wait(&to);
  });
  return true;
}

// ---- One command, several, a transaction ----

void command(cachecore_invocation *invocation, const cachecore_value *words, size_t count, uint32_t flags,
             cachecore_continuation then, void *state) {
  begin(invocation, then, state, [&](request &to) {
    classify(to, words, count, flags, false);
    take(to, encode_command(to.memory, words, count));
  });
}

void pipeline(cachecore_invocation *invocation, const cachecore_value *commands, size_t count, uint32_t flags,
              cachecore_continuation then, void *state) {
  if (answer_nothing(invocation, count, then, state)) return;
  begin(invocation, then, state, [&](request &to) {
    classify_all(to, commands, count, flags, false);
    expect_list(to, count);
    take(to, encode_commands(to.memory, commands, count, {}, {}));
  });
}

void transaction(cachecore_invocation *invocation, const cachecore_value *commands, size_t count, uint32_t flags,
                 cachecore_continuation then, void *state) {
  if (answer_nothing(invocation, count, then, state)) return;
  begin(invocation, then, state, [&](request &to) {
    classify_all(to, commands, count, flags, false);
    to.form = request::shape::transaction;
    to.expected = static_cast<uint32_t>(count + 2);
    take(to, encode_commands(to.memory, commands, count, "*1\r\n$5\r\nMULTI\r\n", "*1\r\n$4\r\nEXEC\r\n"));
  });
}

// ---- Scripts ----

// The server does not know the script: the same words go again behind the source itself, which it then keeps.
bool send_source(wait *self) noexcept {
  auto *asked = static_cast<request *>(self);
  if (asked->script == nullptr || asked->status != CACHECORE_REJECTED || asked->error == nullptr ||
      std::string_view(asked->error->server_code) != "NOSCRIPT" || asked->owner->given_up != CACHECORE_OK) {
    return false;
  }
  try {
    const cachecore_script &script = *asked->script;
    const std::string head =
        "*" + std::to_string(asked->script_words) + "\r\n$4\r\nEVAL\r\n$" + std::to_string(script.source_size) + "\r\n";
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
  invocation &owner = *asked->owner;
  asked->script = nullptr;
  asked->seen = 0;
  asked->status = CACHECORE_OK;
  asked->error = nullptr;
  asked->sent_change = false;
  asked->next_request = nullptr;
  asked->phase.store(wait::pending, std::memory_order_release);
  owner.eng->server().add(owner, asked);
  return true;
}

void script(cachecore_invocation *invocation, const cachecore_script *script, const cachecore_value *keys,
            size_t key_count, const cachecore_value *args, size_t arg_count, uint32_t flags,
            cachecore_continuation then, void *state) {
  begin(invocation, then, state, [&](request &to) {
    if (script == nullptr || script->source == nullptr)
      throw failure(CACHECORE_INVALID_ARGUMENT, "script: there is no source");
    const std::string &digest = invocation->eng->script_digest(*script);
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
  const cachecore_value one = cachecore_list(words, count);
  pipeline(invocation, &one, 1, flags, then, state);
}

void on_node(cachecore_invocation *invocation, size_t node, const cachecore_value *words, size_t count, uint32_t flags,
             cachecore_continuation then, void *state) {
  begin(invocation, then, state, [&](request &to) {
    if (node > 0)
      throw failure(CACHECORE_INVALID_ARGUMENT,
                    "there is no node " + std::to_string(node) + ": this server has one, number 0");
    classify(to, words, count, flags, false);
    take(to, encode_command(to.memory, words, count));
  });
}

// ---- Leases ----

void lease_connection(cachecore_invocation *invocation, const cachecore_value *, cachecore_continuation then,
                      void *state) {
  try {
    invocation->eng->server().begin_lease(*invocation, then, state);
  } catch (const std::exception &) {
    static const cachecore_error error = {CACHECORE_NO_MEMORY, "", "out of memory"};
    then(state, CACHECORE_NO_MEMORY, nullptr, &error);
  }
}

void leased(cachecore_invocation *invocation, int64_t connection, const cachecore_value *commands, size_t count,
            cachecore_continuation then, void *state) {
  if (answer_nothing(invocation, count, then, state)) return;
  begin(invocation, then, state, [&](request &to) {
    const lease *held = invocation->eng->server().find_lease(*invocation, connection);
    if (held == nullptr)
      throw failure(CACHECORE_INVALID_STATE,
                    "connection " + std::to_string(connection) + " is not leased by this invocation");
    classify_all(to, commands, count, 0, true);
    expect_list(to, count);
    take(to, encode_commands(to.memory, commands, count, {}, {}));
    to.reserved = held->line;
  });
}

void release(cachecore_invocation *invocation, int64_t connection, int32_t clean) {
  invocation->eng->server().end_lease(*invocation, connection, clean != 0);
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

const cachecore_redis_service *redis_service() noexcept { return &table; }

}  // namespace cachecore_internal
