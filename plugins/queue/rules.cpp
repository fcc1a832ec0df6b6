// rules.cpp: what is done to a queue from outside: cancelling, the dead, pausing, purging, limits.

#include "queue.h"
#include "scripts.h"

namespace queue_plugin {

namespace {

// A cancelled job is kept so long at least, so that its worker can learn of it.
constexpr int64_t cancelled_keep_ms = 60000;
constexpr int64_t most_swept = 500;

// {count, per_ms} of a rate; empty texts for none.
std::pair<value, value> rate_of(call &call, const map_view &rate, const char *where) {
  if (rate.empty()) return {value(""), value("")};
  const value count = rate["count"];
  const value span = rate["per_ms"];
  if (!count.is(CACHECORE_INT) || !span.is(CACHECORE_INT) || count.as.integer < 1 || span.as.integer < 1)
    throw error(CACHECORE_INVALID_ARGUMENT, std::string(where) + " must have count >= 1 and per_ms >= 1");
  return {call.copy(std::to_string(count.as.integer)), call.copy(std::to_string(span.as.integer))};
}

// Made outside of coroutines, in which GCC 12 cannot make an array of what it is given.
std::vector<value> pausing(const char *paused) { return {"paused", paused}; }
std::vector<value> limits(const value &count, const value &span, const value &concurrency, const value &key_count,
                          const value &key_span, const value &key_concurrency, const value &size) {
  return {"rate_count",      count,           "rate_ms",        span,      "tat",         "",
          "concurrency",     concurrency,     "key_rate_count", key_count, "key_rate_ms", key_span,
          "key_concurrency", key_concurrency, "size",           size};
}

value number_or_none(call &call, const std::optional<int64_t> &given) {
  return given ? call.copy(std::to_string(*given)) : value("");
}

}  // namespace

task<bool> queues::cancel(call &call, std::string_view queue, std::string_view id) {
  const value arguments[] = {words_of_settings(), id, cancelled_keep_ms};
  const value outcome = co_await run(call, scripts::cancel(), base_of(call, queue), arguments);
  if (outcome.as_int() < 0) throw error(CACHECORE_NOT_FOUND, "");
  co_return outcome.as_int() == 1;
}

task<int64_t> queues::replay_dead(call &call, std::string_view queue, list_view ids, int64_t count) {
  int64_t replayed = 0;
  const std::string_view base = base_of(call, queue);
  if (!ids.empty()) {
    for (size_t first = 0; first < ids.size(); first += most_swept) {
      auto arguments = call.words(words_of_settings(), "replay", 0);
      for (const value &id : ids.subspan(first, std::min<size_t>(most_swept, ids.size() - first)))
        arguments.add(std::string_view(id.as_text()));
      const value outcome = co_await run(call, scripts::sweep(), base, arguments.all());
      replayed += outcome.items()[1].as_int();
    }
    co_return replayed;
  }
  while (count > 0) {
    const int64_t some = std::min(count, most_swept);
    const value arguments[] = {words_of_settings(), "replay", some};
    const value outcome = co_await run(call, scripts::sweep(), base, arguments);
    replayed += outcome.items()[1].as_int();
    count -= some;
    if (outcome.items()[0].as_int() < some) break;
  }
  co_return replayed;
}

task<int64_t> queues::purge_dead(call &call, std::string_view queue, int64_t older_than_ms) {
  int64_t removed = 0;
  const std::string_view base = base_of(call, queue);
  const value clock = co_await call.redis("TIME");
  const int64_t now = clock.items()[0].parsed_int() * 1000 + clock.items()[1].parsed_int() / 1000;
  for (;;) {
    const value arguments[] = {words_of_settings(), "dead", now - older_than_ms};
    const value outcome = co_await run(call, scripts::sweep(), base, arguments);
    removed += outcome.items()[1].as_int();
    if (outcome.items()[0].as_int() < most_swept) co_return removed;
  }
}

task<int64_t> queues::purge(call &call, std::string_view queue) {
  int64_t removed = 0;
  const std::string_view base = base_of(call, queue);
  for (;;) {
    const value arguments[] = {words_of_settings(), "purge"};
    const value outcome = co_await run(call, scripts::sweep(), base, arguments);
    removed += outcome.items()[1].as_int();
    if (outcome.items()[0].as_int() < most_swept) co_return removed;
  }
}

task<void> queues::change_rules(call &call, std::string_view queue, std::vector<value> words) {
  const std::string_view base = base_of(call, queue);
  words.insert(words.begin(), words_of_settings());
  value outcome = co_await run(call, scripts::rules(), base, words);
  while (outcome.as_int() != 0) {
    const value arguments[] = {words_of_settings()};
    outcome = co_await run(call, scripts::rules(), base, arguments);
  }
}

task<void> queues::pause(call &call, std::string_view queue) {
  std::vector<value> words = pausing("1");
  co_await change_rules(call, queue, std::move(words));
}

task<void> queues::resume(call &call, std::string_view queue) {
  std::vector<value> words = pausing("");
  co_await change_rules(call, queue, std::move(words));
}

task<void> queues::limit(call &call, std::string_view queue, map_view rate, std::optional<int64_t> concurrency,
                         map_view per_key, std::optional<int64_t> size) {
  const auto [count, span] = rate_of(call, rate, "rate");
  const value key_rate = per_key["rate"];
  const auto [key_count, key_span] = rate_of(call, key_rate.is_nil() ? map_view() : key_rate.pairs(), "per_key.rate");
  const value key_concurrency = per_key["concurrency"];
  std::optional<int64_t> key_running;
  if (!key_concurrency.is_nil()) key_running = key_concurrency.as_int();
  const value running = number_or_none(call, concurrency);
  const value running_of_key = number_or_none(call, key_running);
  const value most = number_or_none(call, size);
  std::vector<value> words = limits(count, span, running, key_count, key_span, running_of_key, most);
  co_await change_rules(call, queue, std::move(words));
}

}  // namespace queue_plugin
