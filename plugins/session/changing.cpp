// changing.cpp: attributes of a session that lives.

#include <cstring>

#include "scripts.h"
#include "session.h"
#include "update.lua.h"

namespace session_plugin {

namespace {

constexpr joined_script update_source(update_lua);
constexpr cachecore_script update_script = script_of(update_source);

constexpr int64_t has_ended = 0;
constexpr int64_t other_version = 2;

}  // namespace

task<int64_t> session::update(call &call, std::string_view id, map_view changes, std::optional<int64_t> version) {
  words removed = call.words();
  words set = call.words();
  for (const entry &each : changes) {
    if (each.value.is_nil()) {
      removed.add(attribute_field(call, each.key, "changes"));
    } else {
      add_attribute(call, set, each, "changes");
    }
  }
  if (!admitted_.load(std::memory_order_relaxed)) co_await check_server(call);
  const std::optional<found> where = co_await locate(call, id);
  if (!where) co_return not_found;

  std::array<uint8_t, 9> request{};
  host_.random(request);
  std::array<char, request.size() * 4 / 3> request_text{};
  write_base64url(request.data(), request.size(), request_text.data());
  words sent = call.words(home(call, where->at.bucket), where->at.text());
  sent.add(version ? value(*version) : value(""));
  sent.add(std::string_view(request_text.data(), request_text.size()), removed.size());
  for (const value &each : removed.all()) sent.add(each);
  for (const value &each : set.all()) sent.add(each);
  const value name = key(call, where->at);
  const value answer = co_await call.script_words(update_script, {&name, 1}, sent.all()).idempotent();
  const int64_t outcome = answer.items()[0].as_int();
  if (outcome == has_ended) co_return not_found;
  const int64_t found_version = answer.items()[1].as_int();
  if (outcome == other_version) {
    throw error(CACHECORE_CONFLICT, "version: the session has version " + std::to_string(found_version) + ", not " +
                                        std::to_string(version.value_or(0)) + "; read it again");
  }
  learn(where->at.bucket, answer.items()[2].as_int());
  co_return found_version;
}

}  // namespace session_plugin
