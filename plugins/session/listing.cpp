// listing.cpp: the sessions of a user.

#include "count.lua.h"
#include "list.lua.h"
#include "scripts.h"
#include "session.h"

namespace session_plugin {

namespace {

constexpr joined_script list_source(list_lua);
constexpr cachecore_script list_script = script_of(list_source);
constexpr joined_script count_source(count_lua);
constexpr cachecore_script count_script = script_of(count_source);

}  // namespace

task<value> session::list(call &call, std::string_view user_id) {
  check_user(user_id);
  if (!admitted_.load(std::memory_order_relaxed)) co_await check_server(call);
  const uint8_t bucket = bucket_of(user_id);
  const value answer =
      co_await call.script(list_script, keys(index_key(call, bucket, user_id)), home(call, bucket)).read();
  const auto items = answer.items();
  const std::span<value> shown = call.array(items.size() / 2);
  for (size_t i = 0; i < shown.size(); i++) {
    const std::optional<place> at = place_in(bucket, items[2 * i].as_text());
    if (!at) throw error(CACHECORE_CORRUPT, "the index of a user lists what is no session");
    shown[i] = record::read(items[2 * i + 1].paired().pairs()).show(call, {}, *at);
  }
  co_return value(std::span<const value>(shown));
}

task<int64_t> session::count(call &call, std::string_view user_id) {
  check_user(user_id);
  if (!admitted_.load(std::memory_order_relaxed)) co_await check_server(call);
  const uint8_t bucket = bucket_of(user_id);
  co_return (co_await call.script(count_script, keys(index_key(call, bucket, user_id)), home(call, bucket)).read())
      .as_int();
}

}  // namespace session_plugin
