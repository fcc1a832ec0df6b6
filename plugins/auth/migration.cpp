// migration.cpp: tokens that an earlier application keeps under plain keys (migrate_from).
//
//     token:TOKEN        the token's metadata: JSON, or a hash; a field of it, or all of it, names the user
//     token_list:USER    the user's tokens: a set, a list or a sorted set
//
// A token is good there when it has metadata and is in the list of the user they name. At its first use it becomes a
// token that its caller made, with the life it had left, and its plain keys are removed. The keys lie in different
// slots of a cluster, so this is several steps, in an order that can be broken off anywhere: written anew first,
// removed last, and read again after a ticket was taken, so that a revoke_all in between wins.

#include "auth.h"

namespace auth_plugin {

namespace {

constexpr size_t longest_user = 65'536;

// Of a command for another type of key an error reply is the expected answer; others are failures.
value expected(const value &reply) {
  if (reply.is(CACHECORE_ERROR) && reply.reserved != CACHECORE_REJECTED) reply.or_throw();
  return reply;
}

std::string_view user_in(call &call, const value &metadata, const std::string &field) {
  value user = metadata.is(CACHECORE_MAP) ? metadata.pairs()[field] : metadata;
  if (user.is(CACHECORE_INT)) user = call.copy(std::to_string(user.as.integer));
  return user.is(CACHECORE_BYTES) ? user.text() : std::string_view{};
}

}  // namespace

task<auth::plain_token> auth::read_plain(call &call, std::string_view token) {
  const plain_keys &from = *settings_.migrate_from;
  plain_token out;
  const value key = call.key(from.token, token);
  auto batch = call.pipeline();
  batch.add("GET", key).add("HGETALL", key).add("PTTL", key);
  const value replies = co_await batch.read();
  const value text = expected(part(replies, 0));
  const value hash = expected(part(replies, 1));
  if (text.is(CACHECORE_BYTES)) {
    try {
      out.metadata = call.decode_json(text.text());
    } catch (const error &) {
      // Text that is no JSON names the user itself.
      out.metadata = text;
    }
  } else if (hash.is(CACHECORE_LIST) && !hash.items().empty()) {
    out.metadata = hash.paired();
  } else {
    co_return out;
  }
  const std::string_view user_id = user_in(call, out.metadata, from.user_field);
  if (user_id.empty() || user_id.size() > longest_user) co_return out;
  const int64_t left_ms = part(replies, 2).or_throw().as_int();
  out.ttl_ms = left_ms > 0 ? left_ms : settings_.ttl_ms;

  const value list = call.key(from.list, user_id);
  auto membership = call.pipeline();
  membership.add("SISMEMBER", list, token).add("ZSCORE", list, token).add("LPOS", list, token);
  const value found = co_await membership.read();
  const value in_set = expected(part(found, 0));
  const value in_sorted_set = expected(part(found, 1));
  const value in_list = expected(part(found, 2));
  if ((in_set.is(CACHECORE_INT) && in_set.as.integer == 1) || in_sorted_set.is(CACHECORE_BYTES) ||
      in_list.is(CACHECORE_INT)) {
    out.user_id = user_id;
  }
  co_return out;
}

task<void> auth::take_over(call &call, std::string_view token) {
  const plain_token seen = co_await read_plain(call, token);
  if (seen.user_id.empty()) co_return;
  const value ticket = co_await begin(call, seen.user_id);
  // What revoke_all removed before that ticket is not there any more; what it removes later it also refuses.
  const plain_token there = co_await read_plain(call, token);
  if (there.user_id != seen.user_id) co_return;
  sign_in what = prepare(call, there.user_id, there.metadata, there.ttl_ms, std::nullopt, 0, ticket.as_text());
  std::optional<error> failed;
  try {
    (void)co_await issue_callers(call, what, token);
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (failed) {
    if (failed->status() == CACHECORE_CONFLICT) co_return;
    throw error(*failed);
  }
  // A caller that left has it taken back by nobody: the token is its user's, whoever asked first.
  co_await remove_plain(call, there.user_id, token);
  taken_over_.add();
}

task<void> auth::remove_plain(call &call, std::string_view user_id, std::string_view token) {
  const plain_keys &from = *settings_.migrate_from;
  const value list = call.key(from.list, user_id);
  auto batch = call.pipeline();
  batch.add("UNLINK", call.key(from.token, token));
  batch.add("SREM", list, token).add("ZREM", list, token).add("LREM", list, 0, token);
  const value replies = co_await batch.idempotent();
  for (const value &reply : replies.items()) (void)expected(reply);
}

task<std::vector<std::string_view>> auth::plain_tokens(call &call, std::string_view list) {
  auto batch = call.pipeline();
  batch.add("SMEMBERS", list).add("ZRANGE", list, 0, -1).add("LRANGE", list, 0, -1);
  const value replies = co_await batch.read();
  std::vector<std::string_view> out;
  for (const value &reply : replies.items()) {
    if (!expected(reply).is(CACHECORE_LIST)) continue;
    out.reserve(out.size() + reply.items().size());
    for (const value &token : reply.items()) out.push_back(token.as_text());
  }
  co_return out;
}

task<void> auth::take_over_all(call &call, std::string_view user_id) {
  const std::string_view list = call.key(settings_.migrate_from->list, user_id);
  const std::vector<std::string_view> tokens = co_await plain_tokens(call, list);
  for (const std::string_view token : tokens) {
    if (token.empty() || token.size() > longest_callers_token) continue;
    co_await take_over(call, token);
  }
}

task<int64_t> auth::revoke_plain(call &call, std::string_view user_id) {
  const std::string_view list = call.key(settings_.migrate_from->list, user_id);
  const std::vector<std::string_view> tokens = co_await plain_tokens(call, list);
  if (tokens.empty()) co_return 0;
  auto batch = call.pipeline();
  for (const std::string_view token : tokens) batch.add("UNLINK", call.key(settings_.migrate_from->token, token));
  batch.add("UNLINK", list);
  const value replies = co_await batch.idempotent();
  int64_t ended = 0;
  for (size_t i = 0; i < replies.items().size(); i++) {
    const int64_t gone = replies.items()[i].or_throw().as_int();
    if (i < tokens.size()) ended += gone;
  }
  co_return ended;
}

}  // namespace auth_plugin
