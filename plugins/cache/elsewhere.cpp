// elsewhere.cpp: beginning a load: asking Redis for the key's lease, and waiting for another process that has it.
//
// Where the policy says `distributed`, one load of a key runs at a time in all processes. Who finds another's lease
// waits until the entry or the lease changes. Redis tells of that (tracking/1), at once; where it cannot be heard, the
// key is looked at again after pauses that grow from 5 to 50 ms. How long the other may take is counted by Redis: when
// of the lease's life only the reserve is left, its load_timeout_ms has passed, and the first who asks takes its place,
// so that a process that was killed or stopped holds nobody up for longer. What it stores afterwards does not find its
// lease.

#include "at_exit.h"
#include "begin.lua.h"
#include "cache.h"
#include "release.lua.h"

namespace cache_plugin {

namespace {

constexpr cachecore_script begin_script{sizeof(cachecore_script), begin_lua, sizeof(begin_lua) - 1};
constexpr cachecore_script release_script{sizeof(cachecore_script), release_lua, sizeof(release_lua) - 1};

// A lease in Redis outlives the one in this process, so that the store of a loader in time always finds it.
constexpr int64_t lease_reserve_ms = 10'000;

// Where Redis tells of changes nothing depends on looking; a change that was missed would be found by it.
constexpr int64_t heard_pause_ms = 1'000;
constexpr int64_t first_pause_ms = 5;
constexpr int64_t longest_pause_ms = 50;

// cache:{HASH}:e: behind the prefix.
constexpr size_t kind_at = 17;

}  // namespace

task<cache::beginning> cache::begin(call &call, region_ref home, names at, std::string_view key, reading &seen,
                                    flight_ref there, asking why) {
  if (!home->how()->distributed) co_return co_await begin_load(call, home, at, key, seen, there);
  flights_.count_elsewhere(1);
  const at_exit no_longer([&] { flights_.count_elsewhere(-1); });
  // The first of all `at` opens the connection that tells.
  (void)telling_of(at.entry);
  for (;;) {
    {
      const std::lock_guard lock(flights_.mutex());
      there->heard = false;
    }
    beginning begun = co_await begin_load(call, home, at, key, seen, there);
    if (begun.elsewhere.empty() || why == asking::read_at_once || (seen.found && why == asking::read)) co_return begun;

    const std::string other = std::exchange(begun.elsewhere, {});
    const std::string id_before(seen.id);
    const int64_t dead_at = host_.now_ms() + begun.elsewhere_ms;
    for (int64_t round = 0;; round++) {
      co_await wait_for_word(call, there, dead_at - host_.now_ms(), round);
      {
        const std::lock_guard lock(flights_.mutex());
        there->heard = false;
        begun.readers = there->joined;
      }
      seen = co_await read(call, home, at, key);
      if (seen.fresh() && (seen.away || seen.id != id_before)) {
        begun.newer = seen;
        co_return begun;
      }
      if (seen.lease.what == lease_note::kind::failed && seen.lease.token == other) {
        begun.failed = std::string(seen.lease.message);
        co_return begun;
      }
      if (seen.away || !seen.lease.loads(other) || host_.now_ms() >= dead_at) break;
    }
  }
}

task<void> cache::wait_for_word(call &call, flight_ref there, int64_t longest_ms, int64_t round) {
  const bool heard = telling_of(there->name).tracked != nullptr;
  const int64_t pause =
      heard ? heard_pause_ms : std::min(first_pause_ms << std::min<int64_t>(round, 8), longest_pause_ms);
  // Half of it to one and a half, so that those who began together do not go on so.
  const auto jittered = static_cast<int64_t>(static_cast<double>(pause) * (0.5 + random_part()));
  {
    const std::lock_guard lock(flights_.mutex());
    flights_.poll(there, host_.now_ms() + std::clamp<int64_t>(jittered, 1, std::max<int64_t>(longest_ms, 1)));
  }
  start_poll_watch();
  std::unique_lock lock(flights_.mutex());
  if (there->heard) co_return;
  (void)co_await there->elsewhere.wait(call, lock);
}

// Asks Redis for the key's lease. It looks once more whether a load is needed: since the read, another may have ended.
task<cache::beginning> cache::begin_load(call &call, region_ref home, names at, std::string_view key, reading seen,
                                         flight_ref there) {
  beginning begun;
  if (seen.away) co_return begun;
  std::optional<error> failed;
  try {
    if (seen.marks == nullptr) seen.marks = co_await mark(call, home, at, "", "");
    begun.seen = seen.marks->now();
    const std::string token = random_bytes();
    const std::string note = lease_note::begun(token, begun.seen);
    const std::shared_ptr<const policy> how = home->how();
    const int64_t lives_ms = how->load_timeout_ms + lease_reserve_ms;
    // A load that will not be stored is not waited for: an earlier one of this flight, whose loader has gone, and one
    // that something invalidated since.
    std::string replaced;
    {
      const std::lock_guard lock(flights_.mutex());
      replaced = std::exchange(there->asked, token);
    }
    if (seen.lease.what == lease_note::kind::loading && !seen.marks->admits(seen.lease.seen, key)) {
      replaced = seen.lease.token;
    }
    for (;;) {
      const value reply = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
        const value keys[] = {at.entry, at.lease};
        const value arguments[] = {seen.id,
                                   std::string_view(note),
                                   lives_ms,
                                   std::string_view(replaced),
                                   how->distributed ? "wait" : "share",
                                   lease_reserve_ms};
        call.services().redis->script(call.raw(), &begin_script, keys, std::size(keys), arguments, std::size(arguments),
                                      CACHECORE_REDIS_IDEMPOTENT, then, state);
      });
      if (reply.is(CACHECORE_BYTES)) {
        begun.token = reply.as_text();
        break;
      }
      const list_view said = reply.items();
      if (said.size() == 3) {
        begun.elsewhere = said[0].as_text();
        begun.elsewhere_ms = said[1].as_int();
        break;
      }
      reading newer;
      newer.marks = seen.marks;
      co_await judge(call, home, at, key, newer, said[0], said[1]);
      if (newer.fresh()) {
        begun.newer = std::move(newer);
        break;
      }
      seen.id = newer.id;
    }
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (failed) {
    went_without(call, *home, *failed);
    begun = {};
  }
  co_return begun;
}

// Takes a lease out of Redis whose load will not be stored. With `note_ms` other processes' waiters hear why.
task<void> cache::release(call &call, std::string_view entry, std::string_view token, std::string_view message,
                          int64_t note_ms) {
  std::string lease(entry);
  lease[host_.key_prefix().size() + kind_at] = 'l';
  (void)co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
    const value key = std::string_view(lease);
    const value arguments[] = {token, message, note_ms};
    call.services().redis->script(call.raw(), &release_script, &key, 1, arguments, std::size(arguments),
                                  CACHECORE_REDIS_IDEMPOTENT, then, state);
  });
}

// The same by nobody's call: its own has gone.
void cache::release_later(std::string_view entry, std::string_view token) {
  try {
    {
      const std::lock_guard lock(left_mutex_);
      left_leases_.emplace_back(entry, token);
    }
    host_.spawn<&cache::release_left>("cache.releases");
  } catch (const std::exception &) {
    // The lease is taken for dead in its time.
  }
}

task<void> cache::release_left(call &call) {
  for (;;) {
    std::pair<std::string, std::string> left;
    {
      const std::lock_guard lock(left_mutex_);
      if (left_leases_.empty()) co_return;
      left = std::move(left_leases_.back());
      left_leases_.pop_back();
    }
    try {
      co_await release(call, left.first, left.second, "", 0);
    } catch (const error &) {
      if (call.given_up() != CACHECORE_OK) co_return;
    }
  }
}

}  // namespace cache_plugin
