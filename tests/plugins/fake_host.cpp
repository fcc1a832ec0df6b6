#include "fake_host.h"

#include <cstdlib>
#include <cstring>

namespace fake {

namespace {

const cachecore_error out_of_memory = {CACHECORE_NO_MEMORY, "", "out of memory"};

host &host_of(const cachecore_host *raw) { return *const_cast<host *>(static_cast<const host *>(raw)); }

using memory_list = std::vector<piece>;

void *keep(memory_list &memory, size_t size) {
  memory.emplace_back(size + 1);
  return memory.back().data();
}

cachecore_value copy(memory_list &memory, const cachecore_value &given) {
  cachecore_value out = given;
  if (given.kind == CACHECORE_BYTES || given.kind == CACHECORE_ERROR) {
    char *bytes = static_cast<char *>(keep(memory, given.as.bytes.size));
    if (given.as.bytes.size > 0) std::memcpy(bytes, given.as.bytes.data, given.as.bytes.size);
    bytes[given.as.bytes.size] = '\0';
    out.as.bytes.data = bytes;
  } else if (given.kind == CACHECORE_LIST) {
    auto *items = static_cast<cachecore_value *>(keep(memory, given.as.list.count * sizeof(cachecore_value)));
    for (size_t i = 0; i < given.as.list.count; i++) items[i] = copy(memory, given.as.list.items[i]);
    out.as.list.items = items;
  } else if (given.kind == CACHECORE_MAP) {
    auto *pairs = static_cast<cachecore_pair *>(keep(memory, given.as.map.count * sizeof(cachecore_pair)));
    for (size_t i = 0; i < given.as.map.count; i++) {
      pairs[i] = {copy(memory, given.as.map.pairs[i].key), copy(memory, given.as.map.pairs[i].value)};
    }
    out.as.map.pairs = pairs;
  }
  return out;
}

std::string words_text(const cachecore_value *words, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; i++) text += (i == 0 ? "" : " ") + show(words[i]);
  return text;
}

std::string commands_text(const cachecore_value *commands, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; i++) {
    text += (i == 0 ? "" : "; ") + words_text(commands[i].as.list.items, commands[i].as.list.count);
  }
  return text;
}

std::string flags_text(uint32_t flags) {
  std::string text;
  if (flags & CACHECORE_REDIS_READ) text += " +read";
  if (flags & CACHECORE_REDIS_IDEMPOTENT) text += " +idempotent";
  if (flags & CACHECORE_REDIS_ISOLATED) text += " +isolated";
  return text;
}

// The invocation is over: all its memory goes.
void end(cachecore_invocation *invocation) {
  invocation->ended++;
  invocation->memory.clear();
  invocation->replies.clear();
}

const cachecore_invocation_service invocation_table{
    .struct_size = sizeof(cachecore_invocation_service),
    .allocate = [](cachecore_invocation *invocation, size_t size) -> void * {
      if (invocation->allocations_left == 0) return nullptr;
      invocation->allocations_left--;
      invocation->allocations++;
      return keep(invocation->memory, size);
    },
    .complete =
        [](cachecore_invocation *invocation, const cachecore_value *value, uint32_t flags) {
          invocation->answer = value == nullptr ? "nil" : show(*value);
          invocation->flags = flags;
          end(invocation);
        },
    .fail =
        [](cachecore_invocation *invocation, cachecore_status status, const char *message) {
          invocation->status = status;
          invocation->message = message == nullptr ? "" : message;
          end(invocation);
        },
    .fail_with =
        [](cachecore_invocation *invocation, const cachecore_error *failed) {
          invocation->status = failed->status;
          invocation->message = failed->message;
          invocation->server_code = failed->server_code;
          invocation->passed_on = true;
          end(invocation);
        },
    .remaining_ms = [](cachecore_invocation *) -> int64_t { return 1234; },
    .given_up = [](cachecore_invocation *invocation) { return invocation->given_up; },
    .forget =
        [](cachecore_invocation *invocation, const cachecore_value *value) {
          if (invocation->replies.erase(value) != 1) std::abort();
          invocation->forgotten++;
        },
};

void command(cachecore_invocation *invocation, const cachecore_value *words, size_t count, uint32_t flags,
             cachecore_continuation then, void *state) {
  invocation->host->reply(*invocation, words_text(words, count) + flags_text(flags), then, state);
}

void batch(const char *how, cachecore_invocation *invocation, const cachecore_value *commands, size_t count,
           uint32_t flags, cachecore_continuation then, void *state) {
  invocation->host->reply(*invocation, how + commands_text(commands, count) + flags_text(flags), then, state);
}

const cachecore_redis_service redis_table{
    .struct_size = sizeof(cachecore_redis_service),
    .command = command,
    .pipeline = [](cachecore_invocation *invocation, const cachecore_value *commands, size_t count, uint32_t flags,
                   cachecore_continuation then,
                   void *state) { batch("", invocation, commands, count, flags, then, state); },
    .transaction = [](cachecore_invocation *invocation, const cachecore_value *commands, size_t count, uint32_t flags,
                      cachecore_continuation then,
                      void *state) { batch("MULTI: ", invocation, commands, count, flags, then, state); },
    .script =
        [](cachecore_invocation *invocation, const cachecore_script *script, const cachecore_value *keys,
           size_t key_count, const cachecore_value *args, size_t arg_count, uint32_t flags, cachecore_continuation then,
           void *state) {
          const std::string source(script->source, script->source_size);
          invocation->host->reply(*invocation,
                                  source + " (" + words_text(keys, key_count) + ") (" + words_text(args, arg_count) +
                                      ")" + flags_text(flags),
                                  then, state);
        },
    .each_node =
        [](cachecore_invocation *invocation, const cachecore_value *words, size_t count, uint32_t flags,
           cachecore_continuation then, void *state) {
          invocation->host->reply(*invocation, "each: " + words_text(words, count) + flags_text(flags), then, state);
        },
    .on_node =
        [](cachecore_invocation *invocation, size_t node, const cachecore_value *words, size_t count, uint32_t flags,
           cachecore_continuation then, void *state) {
          invocation->host->reply(*invocation,
                                  "node " + std::to_string(node) + ": " + words_text(words, count) + flags_text(flags),
                                  then, state);
        },
    .lease = [](cachecore_invocation *invocation, const cachecore_value *key, cachecore_continuation then,
                void *state) { invocation->host->reply(*invocation, "lease " + show(*key), then, state); },
    .leased =
        [](cachecore_invocation *invocation, int64_t connection, const cachecore_value *commands, size_t count,
           cachecore_continuation then, void *state) {
          invocation->host->reply(
              *invocation, "on " + std::to_string(connection) + ": " + commands_text(commands, count), then, state);
        },
    .release =
        [](cachecore_invocation *invocation, int64_t connection, int32_t clean) {
          invocation->host->requests.push_back("release " + std::to_string(connection) +
                                               (clean ? " clean" : " unclean"));
        },
    .subscribe =
        [](cachecore_invocation *invocation, uint32_t kind, const cachecore_value *channels, size_t count,
           cachecore_continuation on_message, void *state) {
          invocation->host->requests.push_back((kind == CACHECORE_SUBSCRIBE_PATTERNS ? "psubscribe " : "subscribe ") +
                                               words_text(channels, count));
          invocation->host->listen(*invocation, on_message, state);
        },
};

const cachecore_stream_service stream_table{
    .struct_size = sizeof(cachecore_stream_service),
    .emit = [](cachecore_invocation *invocation,
               const cachecore_value *item) { invocation->items.push_back(show(*item)); },
};

const cachecore_timer_service timer_table{
    .struct_size = sizeof(cachecore_timer_service),
    .sleep = [](cachecore_invocation *invocation, int64_t ms, cachecore_continuation then,
                void *state) { invocation->host->reply(*invocation, "sleep " + std::to_string(ms), then, state); },
    .park = [](cachecore_invocation *invocation, cachecore_continuation then, void *state) -> cachecore_parked * {
      host &owner = *invocation->host;
      if (owner.parking_fails) {
        then(state, CACHECORE_NO_MEMORY, nullptr, &out_of_memory);
        return nullptr;
      }
      owner.parked_alive++;
      owner.parked.push_back(new cachecore_parked{invocation, then, state, false});
      return owner.parked.back();
    },
    .wake =
        [](cachecore_parked *parked, const cachecore_value *value) {
          host &owner = *parked->invocation->host;
          if (!parked->continued) {
            owner.continue_with(*parked->invocation, ok(value == nullptr ? cachecore_nil() : *value), parked->then,
                                parked->state);
          }
          owner.parked_alive--;
          std::erase(owner.parked, parked);
          delete parked;
        },
    .forget =
        [](cachecore_parked *parked) {
          if (!parked->continued) std::abort();
          host &owner = *parked->invocation->host;
          owner.parked_alive--;
          std::erase(owner.parked, parked);
          delete parked;
        },
    .now_ms = []() -> int64_t { return 42; },
};

const cachecore_call_service call_table{
    .struct_size = sizeof(cachecore_call_service),
    .find = [](const cachecore_host *raw, const char *name, const cachecore_method **out,
               cachecore_error *error) -> cachecore_status {
      *out = nullptr;
      if (std::strncmp(name, "no.", 3) == 0) {
        *error = {CACHECORE_NO_METHOD, "", "there is no such method"};
        return CACHECORE_NO_METHOD;
      }
      host &owner = host_of(raw);
      owner.methods.emplace_back(new cachecore_method{name});
      *out = owner.methods.back().get();
      return CACHECORE_OK;
    },
    .call =
        [](cachecore_invocation *invocation, const cachecore_method *method, const cachecore_value *args,
           size_t arg_count, cachecore_continuation then, void *state) {
          invocation->host->reply(*invocation, method->name + "(" + words_text(args, arg_count) + ")", then, state);
        },
    .spawn = [](const cachecore_host *raw, const char *name, cachecore_method_function start,
                void *state) -> cachecore_status {
      host &owner = host_of(raw);
      owner.requests.push_back(std::string("spawn ") + name);
      owner.ready.emplace_back([&owner, start, state] {
        owner.invocations.push_back(std::make_unique<cachecore_invocation>());
        owner.invocations.back()->host = &owner;
        start(state, owner.invocations.back().get(), nullptr, 0);
      });
      return CACHECORE_OK;
    },
    .spawn_when_started = nullptr,
};

const cachecore_json_service json_table{
    .struct_size = sizeof(cachecore_json_service),
    .encode = [](cachecore_invocation *invocation, const cachecore_value *value, cachecore_value *out,
                 cachecore_error *) -> cachecore_status {
      *out = copy(invocation->memory, cachecore_text(("json " + show(*value)).c_str()));
      return CACHECORE_OK;
    },
    .decode = [](cachecore_invocation *invocation, const char *json, size_t size, cachecore_value *out,
                 cachecore_error *error) -> cachecore_status {
      const std::string_view text(json, size);
      if (!text.starts_with("json ")) {
        *error = {CACHECORE_INVALID_ARGUMENT, "", "not JSON at offset 0"};
        return CACHECORE_INVALID_ARGUMENT;
      }
      *out = copy(invocation->memory, cachecore_bytes(json + 5, size - 5));
      return CACHECORE_OK;
    },
};

const cachecore_log_service log_table{
    .struct_size = sizeof(cachecore_log_service),
    .write = [](const cachecore_host *raw, int32_t, const char *message) { host_of(raw).logged.emplace_back(message); },
};

const void *find_service(const cachecore_host *, const char *id) {
  static const std::map<std::string, const void *> tables{{"invocation/1", &invocation_table},
                                                          {"redis/1", &redis_table},
                                                          {"stream/1", &stream_table},
                                                          {"timer/1", &timer_table},
                                                          {"call/1", &call_table},
                                                          {"json/1", &json_table},
                                                          {"log/1", &log_table}};
  const auto found = tables.find(id);
  return found == tables.end() ? nullptr : found->second;
}

}  // namespace

piece::piece(size_t size) : size_(size), data_(new char[size]) {}

piece::~piece() {
  if (data_ == nullptr) return;
  std::memset(data_.get(), 0xdd, size_);
  // The compiler must not take it for a dead store.
  __asm__ volatile("" : : "r"(data_.get()) : "memory");
}

outcome ok(cachecore_value value) { return {CACHECORE_OK, value, "", ""}; }

outcome failed(cachecore_status status, std::string message, std::string code) {
  return {status, cachecore_nil(), std::move(message), std::move(code)};
}

host::host(const cachecore_plugin *plugin, const char *prefix)
    : cachecore_host{sizeof(cachecore_host), CACHECORE_PLUGIN_ABI_MAJOR, CACHECORE_PLUGIN_ABI_MINOR, prefix,
                     &find_service},
      plugin_(plugin) {}

host::~host() {
  if (instance_ != nullptr) plugin_->destroy(instance_);
}

cachecore_status host::create(const cachecore_value &config) {
  return plugin_->create(this, &config, &instance_, &create_error);
}

const cachecore_method_spec &host::find(const std::string &method) const {
  for (const cachecore_method_spec *const *spec = plugin_->methods; *spec != nullptr; spec++) {
    if (method == (*spec)->name) return **spec;
  }
  std::abort();
}

cachecore_invocation &host::begin(cachecore_method_function function, const std::vector<cachecore_value> &args,
                                  bool borrowed, size_t allocations_left) {
  invocations.push_back(std::make_unique<cachecore_invocation>());
  cachecore_invocation &begun = *invocations.back();
  begun.host = this;
  begun.allocations_left = allocations_left;
  memory_list until_start_returns;
  memory_list &where = borrowed ? until_start_returns : begun.memory;
  const cachecore_value all = copy(where, cachecore_list(args.data(), args.size()));
  function(instance_, &begun, all.as.list.items, all.as.list.count);
  return begun;
}

cachecore_invocation &host::start(const std::string &method, const std::vector<cachecore_value> &args,
                                  size_t allocations_left) {
  const cachecore_method_spec &spec = find(method);
  return begin(spec.start, args, (spec.flags & CACHECORE_METHOD_BORROWS_ARGUMENTS) != 0, allocations_left);
}

cachecore_invocation &host::undo(const std::string &method, const cachecore_value &granted) {
  cachecore_invocation &begun = begin(find(method).undo, {granted}, false, SIZE_MAX);
  run();
  return begun;
}

void host::run() {
  while (!ready.empty()) {
    const std::function<void()> next = std::move(ready.front());
    ready.pop_front();
    next();
  }
}

cachecore_invocation &host::call(const std::string &method, const std::vector<cachecore_value> &args) {
  cachecore_invocation &begun = start(method, args);
  run();
  return begun;
}

void host::give_up(cachecore_invocation &invocation, cachecore_status status) {
  invocation.given_up = status;
  for (cachecore_parked *waiting : parked) {
    if (waiting->invocation != &invocation || waiting->continued) continue;
    waiting->continued = true;
    continue_with(invocation, failed(status, "given up"), waiting->then, waiting->state);
  }
}

void host::reply(cachecore_invocation &invocation, const std::string &request, cachecore_continuation then,
                 void *state) {
  requests.push_back(request);
  if (waits_fail) {
    then(state, CACHECORE_NO_MEMORY, nullptr, &out_of_memory);
    return;
  }
  std::deque<outcome> &known = answers[request];
  const outcome next = known.empty() ? ok(cachecore_nil()) : known.front();
  if (!known.empty()) known.pop_front();
  continue_with(invocation, next, then, state);
}

void host::continue_with(cachecore_invocation &invocation, const outcome &outcome, cachecore_continuation then,
                         void *state) {
  if (outcome.status == CACHECORE_OK) {
    memory_list memory;
    auto *kept = static_cast<cachecore_value *>(keep(memory, sizeof(cachecore_value)));
    *kept = copy(memory, outcome.value);
    invocation.replies.emplace(kept, std::move(memory));
    ready.emplace_back([then, state, kept] { then(state, CACHECORE_OK, kept, nullptr); });
    return;
  }
  auto *error = static_cast<cachecore_error *>(keep(invocation.memory, sizeof(cachecore_error)));
  *error = {};
  error->status = outcome.status;
  outcome.message.copy(error->message, sizeof(error->message) - 1);
  outcome.server_code.copy(error->server_code, sizeof(error->server_code) - 1);
  ready.emplace_back([then, state, error] { then(state, error->status, nullptr, error); });
}

void host::listen(cachecore_invocation &invocation, cachecore_continuation on_message, void *state) {
  listener_ = &invocation;
  on_message_ = on_message;
  message_state_ = state;
}

void host::send(const outcome &message) { continue_with(*listener_, message, on_message_, message_state_); }

}  // namespace fake
