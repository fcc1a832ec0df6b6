// The namespace `redis`: the server as it is, for what no plugin offers. Keys go as they are given, without the key
// prefix.
#include <algorithm>
#include <string>
#include <vector>

#include "cachecore/plugin.hpp"
#include "core/plugins/registry.h"
#include "core/wire/command_table.h"

namespace cachecore_internal {
namespace {

using namespace cachecore::plugin;

using word_views = std::vector<std::string_view>;

// How a blocking command is sent: on a connection of its own, to the node of its first key.
struct lease_need {
  bool needed = false;
  int first_key = -1;
};

lease_need lease_for(const list_view &words) {
  word_views views;
  views.reserve(words.size());
  for (const value &word : words) views.push_back(word.is(CACHECORE_BYTES) ? word.text() : std::string_view("0"));
  const classified_command is = classify_command(views);
  const bool blocks = is.info != nullptr && (is.flags & command_may_block) != 0 &&
                      (is.flags & (command_stateful | command_pub_sub)) == 0;
  return {blocks, blocks ? find_first_key(views) : -1};
}

// A cursor over all nodes: that of the node, and behind '@' its number unless it is the first.
struct node_cursor {
  std::string cursor;
  size_t node = 0;
};

node_cursor parse_cursor(std::string_view text) {
  const size_t at = text.find('@');
  node_cursor out{std::string(text.substr(0, at)), 0};
  const auto number = [&](std::string_view digits) {
    if (digits.empty() || digits.size() > 20 || digits.find_first_not_of("0123456789") != std::string_view::npos) {
      throw error(CACHECORE_INVALID_ARGUMENT, "cursor must be \"0\" or what the page before gave");
    }
    return digits;
  };
  number(out.cursor);
  if (at != std::string_view::npos) out.node = std::stoul(std::string(number(text.substr(at + 1)).substr(0, 9)));
  return out;
}

words gathered(call &call, list_view from) {
  words out(call);
  for (const value &each : from) out.add(each);
  return out;
}

class redis_methods {
 public:
  task<value> command(call &call, list_view words) {
    if (words.empty())
      throw error(CACHECORE_INVALID_ARGUMENT, "words must not be empty: give the command and its arguments");
    const lease_need need = lease_for(words);
    if (!need.needed) co_return co_await call.redis_words(words).may_be_stale();
    const value key = need.first_key < 0 ? value() : words[static_cast<size_t>(need.first_key)];
    auto connection = co_await call.lease(key);
    const auto replies = co_await connection.commands().add(gathered(call, words));
    connection.release(true);
    co_return replies.items()[0].or_throw();
  }

  task<value> pipeline(call &call, list_view commands) {
    auto batch = call.pipeline();
    for (const value &each : commands) batch.add(gathered(call, command_of(each)));
    co_return co_await batch.may_be_stale();
  }

  task<value> transaction(call &call, list_view commands, std::optional<map_view> expect) {
    if (!expect || expect->empty()) {
      auto batch = call.transaction();
      for (const value &each : commands) batch.add(gathered(call, command_of(each)));
      co_return co_await batch;
    }
    co_return co_await checked_transaction(call, commands, *expect);
  }

  task<value> script(call &call, std::string_view source, list_view keys, list_view args) {
    auto words = call.words("EVAL", source, keys.size());
    for (const value &each : keys) words.add(each);
    for (const value &each : args) words.add(each);
    co_return co_await call.redis(words).isolated();
  }

  task<int64_t> publish(call &call, std::string_view channel, value message) {
    co_return (co_await call.redis("PUBLISH", channel, message)).as_int();
  }

  task<void> subscribe(call &call, list_view channels, bool patterns, bool sharded) {
    if (patterns && sharded)
      throw error(CACHECORE_INVALID_ARGUMENT, "sharded channels have no patterns: set one of the two");
    const uint32_t kind = sharded    ? CACHECORE_SUBSCRIBE_SHARDED
                          : patterns ? CACHECORE_SUBSCRIBE_PATTERNS
                                     : CACHECORE_SUBSCRIBE_CHANNELS;
    subscription messages(call, kind, channels);
    while (true) {
      const message heard = co_await messages.next();
      call.emit(heard.raw());
    }
  }

  task<value> scan(call &call, std::string_view pattern, int64_t count, std::string_view cursor,
                   std::optional<std::string_view> type) {
    node_cursor at = parse_cursor(cursor);
    const reply page = co_await page_of(call, at, pattern, count, type);
    at.cursor = page.items()[0].text();
    if (at.cursor == "0") at.node = co_await has_node(call, at.node + 1) ? at.node + 1 : 0;
    const std::string next = at.cursor + (at.node > 0 ? "@" + std::to_string(at.node) : "");
    co_return call.map({{"cursor", call.copy(next)}, {"keys", page.items()[1]}});
  }

  task<value> ping(call &call) { co_return co_await call.redis("PING"); }

  task<value> info(call &call, std::string_view section) {
    const reply text = co_await call.redis("INFO", section);
    std::vector<entry> fields;
    std::string_view rest = text.as_text();
    while (!rest.empty()) {
      const size_t end = std::min(rest.find("\r\n"), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 2, rest.size()));
      const size_t colon = line.find(':');
      if (line.empty() || line[0] == '#' || colon == std::string_view::npos) continue;
      fields.push_back({call.copy(line.substr(0, colon)), call.copy(line.substr(colon + 1))});
    }
    co_return call.map(fields);
  }

 private:
  // No conditional expression: GCC 12 awaits both of its sides.
  static task<reply> page_of(call &call, const node_cursor &at, std::string_view pattern, int64_t count,
                             const std::optional<std::string_view> &type) {
    if (type) {
      co_return co_await call.on_node(at.node, "SCAN", at.cursor, "MATCH", pattern, "COUNT", count, "TYPE", *type);
    }
    co_return co_await call.on_node(at.node, "SCAN", at.cursor, "MATCH", pattern, "COUNT", count);
  }

  static task<bool> has_node(call &call, size_t node) {
    try {
      (void)co_await call.on_node(node, "PING");
    } catch (const error &refused) {
      if (refused.status() == CACHECORE_INVALID_ARGUMENT) co_return false;
      throw;
    }
    co_return true;
  }

  static list_view command_of(const value &given) {
    if (!given.is(CACHECORE_LIST) || given.items().empty()) {
      throw error(CACHECORE_INVALID_ARGUMENT, "commands must be LISTs of at least one word");
    }
    return given.items();
  }

  // WATCH, look, MULTI ... EXEC on a connection of its own.
  static task<value> checked_transaction(call &call, list_view commands, map_view expect) {
    auto connection = co_await call.lease(expect.entries()[0].key);
    auto watch = call.words("WATCH");
    for (const entry &each : expect) watch.add(each.key);
    auto look = connection.commands();
    look.add(watch);
    for (const entry &each : expect) look.add("GET", each.key);
    const reply seen = co_await look;
    seen.items()[0].or_throw();
    for (size_t i = 0; i < expect.size(); i++) {
      const value &now = seen.items()[i + 1].or_throw();
      const value &wanted = expect.entries()[i].value;
      const bool same = wanted.is_nil() ? now.is_nil() : now.is(CACHECORE_BYTES) && now.text() == text_of(call, wanted);
      if (!same) {
        (void)co_await connection.commands().add("UNWATCH");
        connection.release(true);
        throw error(CACHECORE_CONFLICT, "key " + std::string(expect.entries()[i].key.as_text()) +
                                            " is not what `expect` says; nothing was done");
      }
    }
    auto run = connection.commands();
    run.add("MULTI");
    for (const value &each : commands) run.add(gathered(call, command_of(each)));
    run.add("EXEC");
    const reply answers = co_await run;
    connection.release(true);
    for (size_t i = 0; i + 1 < answers.items().size(); i++) answers.items()[i].or_throw();
    const value &executed = answers.items().back().or_throw();
    if (executed.is_nil()) throw error(CACHECORE_CONFLICT, "a key of `expect` changed in between; nothing was done");
    co_return executed;
  }

  static std::string_view text_of(call &call, const value &word) {
    if (word.is(CACHECORE_BYTES)) return word.text();
    if (word.is(CACHECORE_INT)) return call.copy(std::to_string(word.as_int())).text();
    throw error(CACHECORE_INVALID_ARGUMENT, "expect: values must be BYTES, INT or NIL (the key must not exist)");
  }
};

constexpr about redis_about{
    .name = "redis", .version = "1.0.0", .license = "MIT", .summary = "The Redis server itself."};

using namespace spec;

constexpr auto redis_table = declare(
    method<&redis_methods::command>("command",
                                    "Sends one command. A blocking one takes an exclusive connection; one that changes "
                                    "a connection's state is refused.",
                                    "any: the reply; an error reply is REJECTED", none,
                                    any("words", "LIST of the command's words")),
    method<&redis_methods::pipeline>("pipeline", "Sends several commands in one go.",
                                     "LIST of replies, failed ones as ERROR", none,
                                     any("commands", "LIST of LISTs of words")),
    method<&redis_methods::transaction>(
        "transaction", "Runs commands as one, in MULTI and EXEC.",
        "LIST of replies; CONFLICT when `expect` does not hold", none, any("commands", "LIST of LISTs of words"),
        any("expect", "MAP of keys and the values they must have (NIL: must not exist), checked under WATCH")),
    method<&redis_methods::script>("script", "Runs a Lua script on a connection of its own; never repeated.",
                                   "any: what the script returns", none, text("source", "Lua"),
                                   any("keys", "LIST: KEYS").optional(), any("args", "LIST: ARGV").optional()),
    method<&redis_methods::publish>("publish", "Sends a message to a channel.", "INT: how many received it", none,
                                    bytes("channel"), any("message").kinds(some_bytes | an_int | a_double)),
    method<&redis_methods::subscribe>(
        "subscribe", "Listens to channels until cancelled; survives reconnects.",
        "items {kind: \"subscribed\" | \"message\" | \"deaf\", channel, pattern?, payload?, reason?}", streaming,
        any("channels", "LIST of channels or patterns"),
        any("patterns", "whether they are glob patterns").by_default(false),
        any("sharded", "whether they are shard channels, as SPUBLISH sends to").by_default(false)),
    method<&redis_methods::scan>(
        "scan", "One page of the keys that match.", "{cursor, keys}: go on with the cursor until it is \"0\"",
        read_only, pattern("pattern").by_default("*"),
        count("count", "how many to look at").at_least(1).by_default(int64_t{100}),
        text("cursor", "\"0\" begins").by_default("0"), text("type", "only keys of this type")),
    method<&redis_methods::ping>("ping", "Asks the server for a sign of life.", "BYTES: PONG", read_only),
    method<&redis_methods::info>("info", "What the server says of itself.", "MAP of fields to text", read_only,
                                 text("section", "server, memory, stats, ... or all").by_default("default")));

}  // namespace

const ::cachecore_plugin &redis_namespace() noexcept {
  return detail::descriptor<redis_methods, redis_about, redis_table>::table;
}

}  // namespace cachecore_internal
