// plugin.cpp: what callers see of lock.

#include "lock.h"

namespace lock_plugin {

namespace {

using namespace spec;

constexpr about lock_about{.name = "lock",
                           .version = "0.1.0",
                           .license = "MIT",
                           .summary = "Locks with leases, fences, fair order, readers and writers, semaphores.",
                           .needs = {"redis/1", "timer/1", "call/1", "stream/1", "crypto/1"}};

constexpr auto the_name = key("name", "What is locked.");
constexpr auto the_lock = bytes("lock", "The handle that acquire gave.");
constexpr auto the_lease =
    duration("lease_ms", "How long the lock is held without being renewed.").at_least(1).by_default(30'000);
constexpr auto the_wait =
    duration("wait_ms", "How long to wait for it, added to the default timeout of a call; 0: not at all, -1: for ever.")
        .at_least(-1)
        .by_default(0)
        .wait();
constexpr auto the_mode =
    text("mode",
         "exclusive (also: write); read: with other readers; semaphore: with others, `permits` at "
         "once.")
        .by_default("exclusive");
constexpr auto the_permits =
    count("permits", "Of a semaphore: how many may hold it at once; all should say the same.").at_least(1);
constexpr auto the_owner =
    bytes("owner",
          "Who acquires it (a task, a thread): an owner that holds it exclusively gets it again at once, with the same "
          "fence, and releases each. Without it every acquire is its own owner.")
        .at_least(1);
constexpr auto the_renewal =
    any("renew", "Whether this process lets the lease go on until it is released; false: it ends by itself.")
        .by_default(true);
constexpr auto the_limit =
    duration("max_hold_ms", "Renewed no longer than this; then it is lost. Without it: until it is released.")
        .at_least(1);
constexpr auto sync_fields =
    fields(count("replicas", "How many replicas must have the grant.").kinds(an_int).at_least(1),
           duration("timeout_ms", "How long to wait for them.").kinds(an_int).at_least(1).by_default(1'000));
constexpr auto the_sync = any("sync", "Waits until replicas have the grant, else gives it back and is UNCERTAIN.")
                              .with_fields<sync_fields>()
                              .optional();

constexpr auto lock_methods = declare(
    method<&locks::acquire>("acquire", "Takes a lock, in the order of asking.",
                            "MAP {lock: BYTES, the handle for the other methods; fence: INT, higher than any before of "
                            "this name}; BUSY: it "
                            "is held by others, and was for all of wait_ms",
                            none, the_name, the_lease, the_wait, the_mode, the_permits, the_owner, the_renewal,
                            the_limit, the_sync)
        .undone_by<&locks::undo_acquire>(),
    method<&locks::acquire_many>(
        "acquire_many", "Takes several locks, all or none.",
        "LIST of MAP {name, lock, fence}, in the order of names; BUSY: one of them is held, and none was taken", none,
        any("names", "What is locked: texts that differ from each other."), the_lease, the_wait, the_mode, the_permits,
        the_owner, the_renewal, the_limit, the_sync)
        .undone_by<&locks::undo_acquire_many>(),
    method<&locks::extend>(
        "extend", "Lets a lease go on from now; never makes it shorter.",
        "INT: ms for which it is held at least; CONFLICT: it is not held any more", none, the_lock,
        duration("lease_ms", "From now, and for later renewals; without it: as acquired.").at_least(1)),
    method<&locks::release>("release", "Gives a lock back; the next who waits has it at once.",
                            "NIL; CONFLICT: it was not held any more", none, the_lock),
    method<&locks::watch>(
        "watch", "Tells when a lock that this process holds is lost: before its lease ends, while the process runs.",
        "MAP {event: \"held\", fence}; then {event: \"lost\" or \"released\", fence, reason}, and the end; CONFLICT: "
        "this "
        "process does not hold it",
        streaming | read_only, the_lock),
    method<&locks::status>("status", "Who holds a lock and how many wait.",
                           "MAP {held, mode, count, waiting, holders: LIST of MAP {owner, expires_in_ms, fence, "
                           "here}}; fence is NIL where "
                           "another process alone knows it",
                           read_only | idempotent, the_name),
    method<&locks::force_release>("force_release",
                                  "Takes a lock from all who hold it, which tells them, and gives it to the next.",
                                  "INT: how many held it", none, the_name));

constexpr auto lock_config =
    fields(any("allow_eviction", "Lock on servers whose maxmemory-policy evicts, too: they may let go of locks.")
               .kinds(a_bool)
               .by_default(false),
           bytes("migrate_from",
                 "What the keys of plain locks (SET key NX PX) of another system begin with: while such a key exists, "
                 "the lock of that name counts as held.")
               .kinds(some_bytes)
               .optional());

}  // namespace

}  // namespace lock_plugin

CACHECORE_PLUGIN(lock_plugin::locks, lock_plugin::lock_about, lock_plugin::lock_methods, lock_plugin::lock_config)
