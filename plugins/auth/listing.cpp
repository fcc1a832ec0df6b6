// listing.cpp: a user's sign-ins.

#include "auth.h"

namespace auth_plugin {

// Two reads: the list, then its records. One that ends in between is left out.
task<value> auth::list(call &call, std::string_view user_id) {
  if (!server_checked_) co_await check_server(call);
  if (settings_.migrate_from) co_await take_over_all(call, user_id);
  const uint16_t bucket = bucket_of(host_, user_id);
  const std::string_view base = root(call, bucket);
  const std::string list = std::string(base).append("u:").append(user_id);
  const value members = co_await call.redis("ZRANGE", list, 0, -1);
  if (members.items().empty()) co_return call.list({});
  auto batch = call.pipeline();
  for (const value &member : members.items()) {
    const std::string_view name = member.as_text();
    const std::string record = std::string(base)
                                   .append(name.starts_with('f') ? "f:" : "t:")
                                   .append(name.substr(std::min<size_t>(1, name.size())));
    batch.add("HMGET", record, "u", "m", "d", "c", "e", "t");
  }
  const value records = co_await batch;
  const std::span<value> out = call.array(members.items().size());
  size_t shown = 0;
  for (size_t i = 0; i < members.items().size() && i < records.items().size(); i++) {
    const value &read = records.items()[i].or_throw();
    if (part(read, 0).is_nil()) continue;
    const std::string_view name = members.items()[i].as_text();
    const bool family = name.starts_with('f');
    value metadata;
    if (!part(read, 1).is_nil()) metadata = call.decode_json(part(read, 1).as_text());
    value rotated_at;
    if (!part(read, 5).is_nil()) rotated_at = part(read, 5).parsed_int();
    out[shown++] = call.map({{"handle", call.copy(handle_of(bucket, name))},
                             {"pair", family},
                             {"metadata", metadata},
                             {"device", part(read, 2)},
                             {"created_at", part(read, 3).parsed_int()},
                             {"expires_at", part(read, 4).parsed_int()},
                             {"rotated_at", rotated_at}});
  }
  co_return value(std::span<const value>(out.first(shown)));
}

// From a member of a list.
std::string auth::handle_of(uint16_t bucket, std::string_view member) const {
  std::array<uint8_t, selector_size> selector{};
  const auto kind = member.empty() ? letter{} : static_cast<letter>(member[0]);
  if (payload_size(kind) != bucket_size + selector_size || !read_base64url(member.substr(1), selector)) {
    throw error(CACHECORE_CORRUPT, "the list of this user holds what is no sign-in");
  }
  return handle_text(text_, kind, bucket, selector);
}

}  // namespace auth_plugin
