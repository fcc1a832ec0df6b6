// finish.cpp: what a worker does with a job it holds: complete, fail, release, extend, progress.

#include "queue.h"
#include "scripts.h"

namespace queue_plugin {

void queues::judge(const handle &job, int64_t outcome) {
  if (outcome == 1) return;
  held_.remove(job.queue, member_of(job));
  if (outcome == -1) throw error(CACHECORE_CONFLICT, "the job was cancelled");
  throw error(
      CACHECORE_CONFLICT,
      "the lease of this job has ended: it was acknowledged before, or its lease expired and it is another's now");
}

task<void> queues::finish_one(call &call, std::string_view job, char kind, value text, value extra) {
  const handle named = handle_of(job);
  const std::string member = member_of(named);
  const std::string_view base = base_of(call, named.queue);
  value outcome;
  if (kind == 'c' && named.plain() && extra.as.bytes.size == 0) {
    const value arguments[] = {words_of_settings(), "q", std::string_view(member)};
    outcome = co_await run(call, scripts::finish(), base, arguments);
  } else {
    const std::string_view how(&kind, 1);
    const value arguments[] = {words_of_settings(), "f", std::string_view(member), how, text, extra};
    outcome = co_await run(call, scripts::finish(), base, arguments);
  }
  judge(named, outcome.items()[0].as_int());
  held_.remove(named.queue, member);
}

task<void> queues::complete(call &call, std::string_view job, value result) {
  if (result.is_nil()) {
    co_await finish_one(call, job, 'c', value(""), value(""));
    co_return;
  }
  const stored kept = store(call, result);
  co_await finish_one(call, job, 'c', kept.bytes, kept.format.empty() ? value("b") : value(kept.format));
}

task<void> queues::fail(call &call, std::string_view job, std::string_view message,
                        std::optional<int64_t> retry_in_ms) {
  const value retry = retry_in_ms ? call.copy(std::to_string(*retry_in_ms)) : value("");
  co_await finish_one(call, job, 'f', message.substr(0, 4096), retry);
}

task<void> queues::release(call &call, std::string_view job, int64_t delay_ms) {
  co_await finish_one(call, job, 'l', value(""), call.copy(std::to_string(delay_ms)));
}

task<void> queues::extend(call &call, std::string_view job, std::optional<int64_t> lease_ms) {
  const handle named = handle_of(job);
  const std::string member = member_of(named);
  const value key = base_of(call, named.queue);
  const value arguments[] = {lease_ms.value_or(settings_.lease_ms), std::string_view(member)};
  const value outcome = co_await call.script_words(scripts::renew(), {&key, 1}, arguments).idempotent();
  judge(named, outcome.items()[0].as_int());
}

task<void> queues::progress(call &call, std::string_view job, value done) {
  const handle named = handle_of(job);
  const std::string member = member_of(named);
  const stored kept = store(call, done);
  const value arguments[] = {words_of_settings(), std::string_view(member), kept.bytes, kept.format};
  const value outcome = co_await run(call, scripts::progress(), base_of(call, named.queue), arguments);
  judge(named, outcome.as_int());
}

}  // namespace queue_plugin
