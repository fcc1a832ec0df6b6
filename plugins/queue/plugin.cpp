// plugin.cpp: what callers see of queue.

#include "queue.h"

namespace queue_plugin {

namespace {

using namespace spec;

constexpr about queue_about{.name = "queue",
                            .version = "0.1.0",
                            .license = "MIT",
                            .summary = "Jobs: priorities, delays, retries, leases, limits, schedules; and plain lists.",
                            .needs = {"redis/1", "json/1", "crypto/1", "stream/1", "timer/1", "call/1"}};

constexpr auto the_queue = key("queue", "The queue's name.");
constexpr auto the_job = bytes("job", "What claim gave as `job`.").at_least(1);
constexpr auto the_payload = json("payload", "Bytes are kept as they are, everything else as JSON.");

constexpr auto backoff_fields =
    fields(text("type", "\"exponential\" (the default) or \"fixed\".").kinds(some_bytes).optional(),
           duration("delay_ms", "Before the second attempt.").kinds(an_int).at_least(0).optional(),
           duration("max_ms", "The longest, of an exponential one.").kinds(an_int).at_least(0).optional(),
           any("jitter", "0 to 1: up to this part is taken off at random.").kinds(an_int | a_double).optional());

constexpr auto push_options = fields(
    duration("delay_ms", "Not before so much later.").kinds(an_int).at_least(0).optional(),
    timestamp("run_at", "Not before this time.").kinds(an_int).at_least(0).optional(),
    any("priority", "-1000 to 1000; larger ones first, equal ones in order.").kinds(an_int).optional(),
    key("id", "Jobs of one id are taken for one, while it is known.").kinds(some_bytes).optional(),
    duration("dedupe_ms", "With id: another push within so long does nothing.").kinds(an_int).at_least(1).optional(),
    any("debounce", "With id: replaces the job while it is delayed.").kinds(a_bool).optional(),
    count("max_attempts", "Then it is dead.").kinds(an_int).at_least(1).optional(),
    any("backoff", "How long before it is tried again.").kinds(a_map).with_fields<backoff_fields>().optional(),
    duration("ttl_ms", "Dead, if it has not been started by then.").kinds(an_int).at_least(1).optional(),
    duration("keep_ms", "How long it is kept when it is completed.").kinds(an_int).at_least(0).optional(),
    key("key", "What limit's per_key counts.").kinds(some_bytes).optional());

constexpr auto rate_fields = fields(count("count", "So many starts ...").kinds(an_int).at_least(1),
                                    duration("per_ms", "... in so long.").kinds(an_int).at_least(1));
constexpr auto key_fields =
    fields(any("rate", "Starts of jobs of one key.").kinds(a_map).with_fields<rate_fields>().optional(),
           count("concurrency", "So many of one key run at once.").kinds(an_int).at_least(1).optional());

constexpr auto sync_fields =
    fields(count("replicas", "So many have it before a call answers.").kinds(an_int).at_least(1),
           duration("timeout_ms", "How long to wait for them.").kinds(an_int).at_least(1).by_default(1000));

constexpr auto queue_config = fields(
    count("max_attempts", "Attempts of a job that says nothing else.").kinds(an_int).at_least(1).by_default(5),
    any("backoff", "Backoff of a job that says nothing else.").kinds(a_map).with_fields<backoff_fields>().optional(),
    duration("lease_ms", "Of a claim that says nothing else.").kinds(an_int).at_least(100).by_default(30000),
    duration("result_keep_ms", "How long a job with a result, or a cancelled one, is kept.")
        .kinds(an_int)
        .at_least(0)
        .by_default(3600000),
    duration("dead_keep_ms", "How long a dead job is kept.").kinds(an_int).at_least(1000).by_default(604800000),
    count("dead_max", "How many dead jobs a queue keeps; the oldest go first.")
        .kinds(an_int)
        .at_least(1)
        .by_default(100000),
    any("allow_eviction", "Runs on a server that may evict jobs.").kinds(a_bool).by_default(false),
    any("sync", "Answers only when replicas have confirmed (WAIT).")
        .kinds(a_map)
        .with_fields<sync_fields>()
        .optional());

constexpr auto queue_methods = declare(
    method<&queues::push>("push", "Pushes a job.", "MAP {id, pushed: whether there was none of this id}, or BUSY", none,
                          the_queue, the_payload,
                          any("options", "What else there is to say.").with_fields<push_options>().optional()),
    method<&queues::push_many>("push_many", "Pushes up to 1000 jobs at once: all, or none.",
                               "LIST of what push answers, or BUSY", none, the_queue,
                               any("jobs", "MAPs {payload, and any option of push}.")),
    method<&queues::claim>(
        "claim", "Takes jobs under a lease, after acknowledging others. The core renews the lease until the job ends.",
        "LIST of MAPs {job, queue, id, payload, attempt}; empty when nothing came in time", none,
        any("queues", "A queue, a LIST in order of preference, or a MAP of queues and weights.")
            .kinds(some_bytes | a_list | a_map),
        count("count", "At most so many, up to 1000; 0 only acknowledges.").at_least(0).by_default(1),
        duration("wait_ms", "Waits so long for a job; -1: for ever.").at_least(-1).by_default(0).wait(),
        duration("lease_ms", "Others get a job so long after its worker has gone.").at_least(100),
        any("done", "Jobs to acknowledge: what claim gave as `job`, or MAPs {job, result?, error?, retry_in_ms?}.")
            .optional(),
        any("renew", "False: the lease ends unless extend is called.").by_default(true))
        .undone_by<&queues::undo_claim>(),
    method<&queues::complete>("complete", "Ends a job well.", "NIL, or CONFLICT: the lease has ended", none, the_job,
                              json("result", "Kept for result_keep_ms, or the job's keep_ms.").optional()),
    method<&queues::fail>("fail", "Ends an attempt badly: the job is tried again after its backoff, or dead.",
                          "NIL, or CONFLICT", none, the_job, text("error", "What went wrong."),
                          duration("retry_in_ms", "Instead of the backoff; -1: never.").at_least(-1)),
    method<&queues::extend>("extend", "Lets the lease last at least so much longer; tells of a cancelled job.",
                            "NIL, or CONFLICT: it has ended, or the job was cancelled", idempotent, the_job,
                            duration("lease_ms", "From now.").at_least(100)),
    method<&queues::progress>("progress", "Notes how far a job is.", "NIL, or CONFLICT", idempotent, the_job,
                              json("value", "Seen by get and events.")),
    method<&queues::release>("release", "Gives a job back; the attempt does not count.", "NIL, or CONFLICT", none,
                             the_job, duration("delay_ms", "Not before so much later.").at_least(0).by_default(0)),
    method<&queues::cancel>("cancel", "Cancels a job; one that runs loses its lease.",
                            "BOOL false: it had ended; or NOT_FOUND", idempotent, the_queue,
                            key("id", "The job's id.")),
    method<&queues::get>("get", "Shows a job.",
                         "MAP {id, queue, state, payload, attempt, created_at, ...}, or NOT_FOUND",
                         read_only | idempotent, the_queue, key("id", "The job's id.")),
    method<&queues::list>("list", "Shows the jobs of a state.", "LIST of what get answers", read_only | idempotent,
                          the_queue, text("state", "ready, delayed, active, blocked, dead or done."),
                          count("start", "Passes over so many.").at_least(0).by_default(0),
                          count("count", "At most so many, up to 500.").at_least(1).by_default(50)),
    method<&queues::counts>("counts", "Counts the jobs of each state.",
                            "MAP {ready, delayed, active, blocked, dead, done, paused, schedules, oldest_ready_ms}",
                            read_only | idempotent, the_queue),
    method<&queues::names>("names", "Names the queues that were ever pushed to.", "LIST of BYTES",
                           read_only | idempotent),
    method<&queues::replay_dead>("replay_dead", "Makes dead jobs ready again, with all their attempts.",
                                 "INT: how many", none, the_queue,
                                 any("ids", "These; without it the oldest.").optional(),
                                 count("count", "At most so many, without ids.").at_least(1).by_default(1000000)),
    method<&queues::purge_dead>("purge_dead", "Removes dead jobs.", "INT: how many", idempotent, the_queue,
                                duration("older_than_ms", "That died so long ago.").at_least(0).by_default(0)),
    method<&queues::pause>("pause", "Lets no job start until resume.", "NIL", idempotent, the_queue),
    method<&queues::resume>("resume", "Ends a pause.", "NIL", idempotent, the_queue),
    method<&queues::purge>("purge", "Removes all jobs that have not started.", "INT: how many", idempotent, the_queue),
    method<&queues::limit>("limit", "Sets all limits of a queue; what is left out is unlimited.", "NIL", idempotent,
                           the_queue, any("rate", "Starts.").with_fields<rate_fields>().optional(),
                           count("concurrency", "So many run at once, over all processes.").at_least(1),
                           any("per_key", "Limits of jobs of one key.").with_fields<key_fields>().optional(),
                           count("size", "push is BUSY when so many wait.").at_least(1)),
    method<&queues::schedule>("schedule", "Pushes a job by the clock; replaces a schedule of this name.",
                              "MAP {next_at}", idempotent, key("name", "The schedule's name."),
                              text("cron", "\"minute hour day month weekday\", with seconds before it, or @daily."),
                              text("timezone", "As \"Europe/Berlin\".").by_default("UTC"),
                              json("payload", "Of each job.").optional(),
                              key("queue", "Where to; without it the queue of the schedule's name.")),
    method<&queues::unschedule>("unschedule", "Ends a schedule.", "BOOL: there was one", idempotent,
                                key("name", "The schedule's name."),
                                key("queue", "Where to; without it the queue of the schedule's name.")),
    method<&queues::schedules>("schedules", "Shows the schedules of a queue.",
                               "LIST of MAPs {name, queue, cron, timezone, payload, next_at}", read_only | idempotent,
                               the_queue),
    method<&queues::events>("events", "Streams what happens to the jobs of a queue.",
                            "MAPs {event, queue, id, detail, at}; first {event: \"listening\"}", read_only | streaming,
                            the_queue,
                            any("from_start", "Also those that are still kept, of the last hour.").by_default(false)),
    method<&queues::enqueue>("enqueue", "Appends to a plain list.", "INT: its length", none,
                             key("queue", "The list's key."), json("value", "Bytes as they are, else JSON.")),
    method<&queues::enqueue_at>("enqueue_at", "Appends to a plain list later.", "NIL", idempotent,
                                key("queue", "The list's key."), json("value", "Bytes as they are, else JSON."),
                                timestamp("at", "When.").at_least(0)),
    method<&queues::dequeue>("dequeue", "Takes the oldest of a plain list.", "MAP {queue, value}, or NOT_FOUND", none,
                             key("queue", "The list's key."),
                             duration("wait_ms", "Waits so long; -1: for ever.").at_least(-1).by_default(0).wait())
        .undone_by<&queues::undo_dequeue>());

}  // namespace

}  // namespace queue_plugin

CACHECORE_PLUGIN(queue_plugin::queues, queue_plugin::queue_about, queue_plugin::queue_methods,
                 queue_plugin::queue_config)
