// health, stats, slow, locks, sessions: how it is going, for eyes and for scripts.

#include "../command.h"
#include "../failure.h"
#include "../query.h"

namespace cachectl {
namespace {

word literal(const word &given) { return {given.text, true}; }

// What a probe needs is the exit code; why it is so is written as well.
cachecore_status run_health(context &context) {
  std::vector<word> words;
  if (const std::string *limit = context.option("within-ms")) words.push_back({"timeout_ms=" + *limit, false});
  std::string status;
  std::string why;
  const cachecore_status asked = query(context, "monitor.health", words, [&](const cachecore_value &answer) {
    context.answer(answer);
    status = text_of(answer, "status");
    why = text_of(answer, "reason") + ": " + text_of(answer, "message");
  });
  context.out().flush();
  if (asked != CACHECORE_OK || status == "healthy") return asked;
  const bool refused = status == "degraded" || why.starts_with("denied");
  throw failure(refused ? CACHECORE_REJECTED : CACHECORE_UNAVAILABLE, status + ": " + why);
}

cachecore_status run_stats(context &context) {
  std::vector<word> words;
  if (!context.words().empty()) words.push_back(literal(context.words()[0]));
  return context.call("monitor.stats", words);
}

cachecore_status run_slow(context &context) {
  return context.call("monitor.slow", {{"count=" + std::to_string(context.number_option("count", 1, 20)), false}});
}

cachecore_status run_locks(context &context) {
  if (context.words().empty()) return context.call("lock.names", {});
  bool held = false;
  for (const word &name : context.words()) {
    const cachecore_status found = query(context, "lock.status", {literal(name)}, [&](const cachecore_value &answer) {
      context.answer(answer);
      const cachecore_value *is = member(answer, "held");
      held = held || (is != nullptr && is->kind == CACHECORE_BOOL && is->as.integer != 0);
    });
    if (found != CACHECORE_OK && found != CACHECORE_NOT_FOUND) return found;
  }
  return held ? CACHECORE_OK : CACHECORE_NOT_FOUND;
}

cachecore_status run_sessions(context &context) {
  size_t count = 0;
  const cachecore_status found =
      query(context, "session.list", {literal(context.words()[0])}, [&](const cachecore_value &answer) {
        count = answer.kind == CACHECORE_LIST ? answer.as.list.count : 0;
        context.answer(answer);
      });
  return found == CACHECORE_OK && count == 0 ? CACHECORE_NOT_FOUND : found;
}

}  // namespace

extern const command health_command;
const command health_command = {
    .name = "health",
    .arguments = "[--within-ms N]",
    .summary = "tries to ping, write, read and delete; for probes",
    .details =
        "Exit code 0: all of it works. 4: the server answers, but refuses (a replica, out of memory, a wrong "
        "password). 3: it does not answer in time.",
    .options = {{"within-ms", "N", "how long each check may take; also 2s"}},
    .least_words = 0,
    .most_words = 0,
    .looks_only = false,
    .run = run_health,
};

extern const command stats_command;
const command stats_command = {
    .name = "stats",
    .arguments = "[TYPE]",
    .summary = "hits and misses of the last 24 hours, of all processes",
    .details = "The same as monitor.stats.",
    .options = {},
    .least_words = 0,
    .most_words = 1,
    .looks_only = false,
    .run = run_stats,
};

extern const command slow_command;
const command slow_command = {
    .name = "slow",
    .arguments = "[--count N]",
    .summary = "the servers' slow commands: names and keys",
    .details =
        "The same as monitor.slow. The slow calls of a program are known to that program alone: ask it over "
        "HTTP (plugins/http/README.md).",
    .options = {{"count", "N", "at most so many; 20"}},
    .least_words = 0,
    .most_words = 0,
    .looks_only = false,
    .run = run_slow,
};

extern const command locks_command;
const command locks_command = {
    .name = "locks",
    .arguments = "[NAME ...]",
    .summary = "who holds locks and how many wait; exit code 1 when none of them is held",
    .details = "With names the same as lock.status of each, without as lock.names.",
    .options = {},
    .least_words = 0,
    .most_words = any_number,
    .looks_only = false,
    .run = run_locks,
};

extern const command sessions_command;
const command sessions_command = {
    .name = "sessions",
    .arguments = "USER",
    .summary = "the sessions of a user; exit code 1 when there is none",
    .details = "The same as session.list. Its handles end a session: cachectl session.destroy HANDLE.",
    .options = {},
    .least_words = 1,
    .most_words = 1,
    .looks_only = false,
    .run = run_sessions,
};

}  // namespace cachectl
