// expired.cpp: keys that expire, as a stream.
//
// Redis announces the expiry of a key on the channel __keyevent@<db>__:expired, if it is told to, in the moment it
// deletes the key: when somebody looks for it or its own sweep finds it. Keys are filtered here, since a channel's name
// cannot.

#include <cachecore/plugin/glob.hpp>

#include <charconv>
#include <string>

#include "kv.h"

namespace kv_plugin {

namespace {

// False when the server does not say.
task<bool> announces_expiry(call &call) {
  value setting;
  try {
    setting = co_await call.redis("CONFIG", "GET", "notify-keyspace-events");
  } catch (const error &failed) {
    if (failed.status() != CACHECORE_REJECTED && failed.status() != CACHECORE_DENIED) throw;
    co_return false;
  }
  const map_view settings = setting.paired().pairs();
  if (settings.empty()) co_return false;
  const std::string_view events = settings.begin()->value.as_text();
  const auto has = [events](char event) { return events.find(event) != std::string_view::npos; };
  if (!has('E') || !(has('x') || has('A'))) {
    throw error(CACHECORE_INVALID_STATE,
                "the server does not announce expired keys: add E and x to its notify-keyspace-events (CONFIG SET "
                "notify-keyspace-events Ex, and the same in redis.conf)");
  }
  co_return true;
}

// The number of the database that the connections use.
task<int64_t> database(call &call) {
  const value info = co_await call.redis("CLIENT", "INFO");
  const std::string_view fields = info.as_text();
  const size_t at = fields.find(" db=");
  if (at == std::string_view::npos) throw error(CACHECORE_INCOMPATIBLE, "CLIENT INFO does not tell the database");
  int64_t number = 0;
  std::from_chars(fields.data() + at + 4, fields.data() + fields.size(), number);
  co_return number;
}

}  // namespace

task<void> kv::watch_expired(call &call, std::string_view pattern) {
  const std::string_view wanted = call.copy(pattern).text();
  const bool verified = co_await announces_expiry(call);
  const int64_t number = co_await database(call);
  auto messages = call.subscribe("__keyevent@" + std::to_string(number) + "__:expired");
  for (;;) {
    const message heard = co_await messages.next();
    if (heard.kind() == "message") {
      std::string_view key = heard.payload();
      if (!key.starts_with(host_.key_prefix())) continue;
      key.remove_prefix(host_.key_prefix().size());
      if (glob_matches(wanted, key)) call.emit_map({{"kind", "expired"}, {"key", key}});
    } else if (heard.kind() == "subscribed") {
      call.emit_map({{"kind", "watching"}, {"verified", verified}});
    } else if (heard.kind() == "deaf") {
      call.emit_map({{"kind", "deaf"}, {"reason", heard.reason()}});
    }
  }
}

}  // namespace kv_plugin
