// simple.cpp: taking a lock that nobody holds or waits for, without a script.
//
// A script costs the server several times what a command does, and almost all locks are free. What one command has to
// do is to make the whole state exist, with its expiry, only where there was none. SET NX could, but then releasing
// would need a script to compare the owner. RESTORE can, too, and makes a hash: releasing is HDEL of one's own token,
// which is nothing to anybody else. Whoever waits makes the state a full one (scripts/state.lua), so HDEL finds nothing
// any more and the release goes on to the script that hands over; and while somebody waits, the key exists, so nobody
// gets past them here.
//
// The fence is asked for in the same round trip, behind RESTORE. The two are not one transaction: it is right because
// the answer of both came before the lease was over (begin_hold looks), so that the lock was held all the time.
//
// Where a server refuses RESTORE (an ACL, another format) the process goes on with scripts alone.

#include "lock.h"

namespace lock_plugin {

namespace {

// An error that says that RESTORE is of no use here, rather than that something is wrong with the server now.
bool is_refusal(std::string_view reply) {
  return reply.starts_with("NOPERM") || reply.starts_with("ERR unknown command") || reply.starts_with("ERR DUMP") ||
         reply.starts_with("ERR Bad data");
}

}  // namespace

// Null: it was not free.
task<hold_ref> locks::take_simple(call &call, request wanted) {
  const uint32_t bucket = bucket_of(wanted.name);
  const std::string_view key = call.key("lock:{", bucket, "}:k:", wanted.name);
  const std::string_view fences = call.key("lock:{", bucket, "}:fence");
  const token id = new_token();
  const size_t size = simple_state_size(wanted.owner);
  char *const state = call.allocate_array<char>(size);
  write_simple_state(id, wanted.owner, state);

  auto both = call.pipeline();
  both.add("RESTORE", key, wanted.lease_ms, std::string_view(state, size));
  both.add("XADD", fences, "NOMKSTREAM", "*", "f", "");
  // Nobody reads the entries. To trim at each one costs more than all the rest, so one in 64 does.
  if (id.text.back() == 'A') both.add("XTRIM", fences, "MAXLEN", 0);

  const int64_t sent_at = host_.now_ms();
  unsettled sent(*this, id, wanted.name, sent_at + wanted.lease_ms);
  bool answered = false;
  try {
    const reply answers = co_await both;
    const value &made = answers.items()[0];
    const value &numbered = answers.items()[1];
    if (made.is(CACHECORE_ERROR) && (made.reserved == CACHECORE_REJECTED || made.reserved == CACHECORE_DENIED)) {
      sent.settle();
      if (made.text().starts_with("BUSYKEY")) co_return nullptr;
      if (!is_refusal(made.text())) (void)made.or_throw();
      simple_works_.store(false, std::memory_order_relaxed);
      host_.log(severity::warning,
                "locks are taken by scripts alone, since the server refuses RESTORE: " + std::string(made.text()));
      co_return nullptr;
    }
    (void)made.or_throw();
    answered = true;
    (void)numbered.or_throw();
    std::optional<fence_id> given;
    if (!numbered.is_nil()) given = parse_fence(numbered.as_text());
    int64_t fence = 0;
    if (given && given->fits()) {
      fence = given->number();
    } else {
      // The bucket's stream is new, or it is a crowded millisecond.
      const lock_keys keys = keys_of(call, wanted.name);
      fence = co_await ask_fence(call, keys, id);
    }
    const hold_ref held = fence == 0 ? nullptr : begin_hold(wanted, id, fence, sent_at, false);
    if (held != nullptr) sent.settle();
    co_return held;
  } catch (const error &why) {
    if (!answered) sent.failed(why);
    throw;
  }
}

}  // namespace lock_plugin
