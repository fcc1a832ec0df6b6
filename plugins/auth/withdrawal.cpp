// withdrawal.cpp: what was made and told to nobody is taken back.
//
// There are two ways to that. A caller leaves between the method's end and its own: the core starts the method's undo.
// Or the reply does not come (the caller left while it was on its way, the connection broke): then nobody can tell
// whether the server has the request, or will have it. Either way a mark is set that refuses the request if it comes
// late, and what it made is removed. The second way needs an invocation of its own, since that of a caller that left
// waits for nothing any more.

#include "auth.h"
#include "scripts.h"
#include "withdraw.lua.h"
#include "withdraw_rotation.lua.h"

namespace auth_plugin {

namespace {

constexpr with_drop withdraw_source(withdraw_lua);
constexpr cachecore_script withdraw_script = script_of(withdraw_source.source);
constexpr cachecore_script withdraw_rotation_script = script_of(withdraw_rotation_lua);

// Longer than an outage that a token's being lost in would matter in: 0.1 s and twice as much each time, half an hour.
constexpr int most_tries = 14;
constexpr int64_t first_pause_ms = 100;

}  // namespace

void auth::take_back(withdrawal what) {
  {
    const std::lock_guard lock(withdrawals_mutex_);
    withdrawals_.push_back(std::move(what));
  }
  try {
    host_.spawn<&auth::withdraw_one>("auth.withdrawal");
  } catch (const error &) {
    // The core is being closed or reset. What is left ends with its ttl, and nobody knows its token.
    const std::lock_guard lock(withdrawals_mutex_);
    withdrawals_.pop_back();
  }
}

task<void> auth::withdraw_one(call &call) {
  withdrawal what;
  {
    const std::lock_guard lock(withdrawals_mutex_);
    if (withdrawals_.empty()) co_return;
    what = std::move(withdrawals_.back());
    withdrawals_.pop_back();
  }
  std::optional<error> failed;
  for (int tries = 0; tries < most_tries; tries++) {
    try {
      if (tries > 0) co_await call.sleep(first_pause_ms << (tries - 1));
      if (what.refresh_token.empty()) {
        co_await withdraw_issue(call, what.handle, what.grant);
      } else {
        co_await withdraw_rotation(call, what.refresh_token);
      }
      co_return;
    } catch (const error &thrown) {
      failed = thrown;
    }
    if (call.given_up() != CACHECORE_OK) break;
  }
  host_.log(severity::warning, "a sign-in that nobody was told of could not be taken back, it ends with its ttl: " +
                                   std::string(failed->message()));
}

// Undone by an invocation of its own, too: that of an undo has the deadline of a call, and ends with it.
task<void> auth::undo_issue(call & /*call*/, value granted) {
  const map_view answer = granted.pairs();
  const value grant = answer["grant"];
  take_back({std::string(answer["handle"].as_text()),
             std::string(grant.is_nil() ? std::string_view{} : grant.as_text()),
             {}});
  co_return;
}

task<void> auth::undo_rotate(call & /*call*/, value granted) {
  const value refresh = granted.pairs()["refresh_token"];
  take_back({{}, {}, std::string(refresh.as_text())});
  co_return;
}

task<void> auth::withdraw_issue(call &call, std::string_view handle, std::string_view grant) {
  const auto parsed = text_.parse(handle);
  const std::string selector = selector_text(parsed.payload().subspan(bucket_size));
  const bool family = parsed.kind == letter::family_handle;
  const std::string_view base = root(call, parsed.bucket());
  const std::string withdrawn =
      std::string(base).append("w:").append(grant.empty() ? std::string_view(selector) : grant);
  const std::string record = std::string(base).append(family ? "f:" : "t:").append(selector);
  const std::string member = std::string(1, static_cast<char>(parsed.kind)).append(selector);
  (void)co_await call.script(withdraw_script, keys(withdrawn, record), base, member, grant, withdrawal_ms).idempotent();
}

// The token that was presented is good again, unless somebody else was told the successor. Should this fail, it still
// gives the successor for the grace.
task<void> auth::withdraw_rotation(call &call, std::string_view refresh_token) {
  const auto parsed = text_.parse(refresh_token);
  const secret_digest family_known = digest_of_family(host_, parsed.payload().subspan(bucket_size, family_size));
  const std::string family_selector = family_known.selector();
  const secret_digest known = digest_of(host_, refresh_token);
  const std::string_view base = root(call, parsed.bucket());
  const std::string withdrawn = std::string(base).append("w:").append(known.selector());
  const std::string family_key = std::string(base).append("f:").append(family_selector);
  (void)co_await call
      .script(withdraw_rotation_script, keys(withdrawn, family_key), base, family_selector, known.all(), withdrawal_ms)
      .idempotent();
}

}  // namespace auth_plugin
