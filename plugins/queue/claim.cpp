// claim.cpp: claim, and what becomes of a claim whose caller has gone.
//
// A claim visits its queues one after the other, in their order (or one drawn by their weights), until it has as many
// jobs as asked for. What was claimed reaches the caller or is given back:
// - the caller left before the answer was complete: the core starts undo_claim with it;
// - the caller left while the script's reply was on its way: the reply is lost here, so give_back looks for the leases
// by their token.

#include <algorithm>
#include <cmath>

#include "queue.h"
#include "scripts.h"

namespace queue_plugin {

namespace {

constexpr int64_t most_jobs = 1000;
// How often a claim takes care of what is due (delays, expired leases), where a quick one finds enough to do.
constexpr int64_t care_every_ms = 10;
constexpr size_t words_a_job = 5;
// Redis keeps a sorted set of up to 128 short members as one packed list, in which many at once cost the square of
// their number; a member of more than 64 bytes makes it a real one. So claims of many have a long token.
constexpr int64_t many_jobs = 8;
constexpr size_t long_token = 64;

double fraction_of(const host &host) {
  std::array<uint8_t, 4> bytes;
  host.random(bytes);
  const uint32_t number = static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
                          static_cast<uint32_t>(bytes[2]) << 8 | bytes[3];
  return (static_cast<double>(number) + 0.5) / 4294967296.0;
}

}  // namespace

// An acknowledgement that rides with a claim.
struct queues::acknowledgement {
  handle job;
  line *of;
  char kind;  // 'c' or 'f', as finish in scripts/job.lua has them
  value text;
  value extra;
  bool sent = false;

  // The quick script knows no more than members.
  [[nodiscard]] bool plain() const noexcept { return kind == 'c' && job.plain() && extra.as.bytes.size == 0; }
};

// What a claim has gathered so far.
struct queues::harvest {
  explicit harvest(call &call) : arguments(call.words()) {}

  words arguments;
  std::vector<std::pair<const line *, std::string_view>> bases;
  std::vector<acknowledgement> done;
  std::vector<value> jobs;
  int64_t wanted = 0;
  int64_t lease_ms = 0;
  bool renew = true;
  int64_t look_in_ms = -1;

  std::string_view base_of(call &call, const line &from) {
    for (const auto &[known, base] : bases) {
      if (known == &from) return base;
    }
    bases.emplace_back(&from, queues::base_of(call, from.name));
    return bases.back().second;
  }
};

std::vector<line *> queues::lines_of(const value &wanted) {
  std::vector<line *> lines;
  const auto add = [&](const value &name) {
    if (!name.is(CACHECORE_BYTES) || name.text().empty() ||
        name.text().find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos) {
      throw error(CACHECORE_INVALID_ARGUMENT, "queues must name queues: 1 to 1024 bytes each, without NUL, CR and LF");
    }
    line *const named = &line_of(name.text());
    if (std::find(lines.begin(), lines.end(), named) == lines.end()) lines.push_back(named);
  };
  if (wanted.is(CACHECORE_BYTES)) {
    add(wanted);
  } else if (wanted.is(CACHECORE_LIST)) {
    for (const value &each : wanted.items()) add(each);
  } else {
    // Drawn without putting back, each with a chance by its weight: the largest of u^(1/weight) comes first.
    std::vector<std::pair<double, value>> drawn;
    for (const auto &[name, weight] : wanted.pairs()) {
      const bool number = weight.is(CACHECORE_INT) || weight.is(CACHECORE_DOUBLE);
      if (!number || !(weight.as_double() > 0))
        throw error(CACHECORE_INVALID_ARGUMENT, "queues as a map must give each queue a weight > 0");
      drawn.emplace_back(std::log(fraction_of(host_)) / weight.as_double(), name);
    }
    std::sort(drawn.begin(), drawn.end(), [](const auto &a, const auto &b) { return a.first > b.first; });
    for (const auto &[order, name] : drawn) add(name);
  }
  if (lines.empty() || lines.size() > 100)
    throw error(CACHECORE_INVALID_ARGUMENT, "queues must name 1 to 100 queues, got " + std::to_string(lines.size()));
  return lines;
}

std::vector<queues::acknowledgement> queues::acknowledgements_of(call &call, list_view done) {
  if (done.size() > static_cast<size_t>(most_jobs))
    throw error(CACHECORE_INVALID_ARGUMENT, "done must be at most 1000 jobs, got " + std::to_string(done.size()));
  std::vector<acknowledgement> all;
  all.reserve(done.size());
  for (const value &each : done) {
    acknowledgement one{{}, nullptr, 'c', value(""), value("")};
    if (each.is(CACHECORE_BYTES)) {
      one.job = handle_of(each.text());
    } else if (each.is(CACHECORE_MAP)) {
      const map_view given = each.pairs();
      for (const auto &[name, held] : given) {
        const std::string_view field = name.as_text();
        if (field != "job" && field != "result" && field != "error" && field != "retry_in_ms")
          throw error(CACHECORE_INVALID_ARGUMENT, "done has no field \"" + std::string(field) + "\"");
      }
      one.job = handle_of(given["job"].is(CACHECORE_BYTES) ? given["job"].text() : std::string_view());
      if (const value *failed = given.find("error"); failed != nullptr && !failed->is_nil()) {
        one.kind = 'f';
        one.text = failed->as_text();
        const value retry = given["retry_in_ms"];
        if (!retry.is_nil()) one.extra = call.copy(std::to_string(retry.as_int()));
      } else if (const value *result = given.find("result"); result != nullptr && !result->is_nil()) {
        const stored kept = store(call, *result);
        one.text = kept.bytes;
        one.extra = kept.format.empty() ? value("b") : value("j");
      }
    } else {
      throw error(CACHECORE_INVALID_ARGUMENT, "done must hold jobs, or maps {job, result?, error?, retry_in_ms?}");
    }
    one.of = &line_of(one.job.queue);
    all.push_back(one);
  }
  return all;
}

void queues::give_back_later(line &from, std::string_view token, int64_t lease_ms, int64_t since) {
  {
    const std::lock_guard lock(lost_mutex_);
    lost_.push_back({from.name, std::string(token), lease_ms, since});
  }
  try {
    host_.spawn<&queues::give_back>("queue.give_back");
  } catch (const error &) {
    // The core is being closed: the leases end by themselves.
  }
}

task<void> queues::give_back(call &call) {
  lost_claim claim;
  {
    const std::lock_guard lock(lost_mutex_);
    if (lost_.empty()) co_return;
    claim = std::move(lost_.front());
    lost_.pop_front();
  }
  if (claim.token.empty()) {
    // A wake that nobody here has use for: for another process.
    try {
      (void)co_await call.redis("ZADD", call.key("{q:", claim.queue, "}:wake"), 0, "1");
    } catch (const error &) {
      co_return;
    }
    co_return;
  }
  // The claim may reach the server after the first look, on another connection or after a pause of the server.
  constexpr int64_t looks[] = {0, 20, 200, 1000, 3000};
  for (const int64_t later : looks) {
    if (later >= claim.lease_ms) co_return;
    int64_t given = 0;
    try {
      if (later > 0) co_await call.sleep(later);
      for (int64_t passed = 0;;) {
        const value key = base_of(call, claim.queue);
        const value arguments[] = {words_of_settings(), std::string_view(claim.token), claim.lease_ms,
                                   host_.now_ms() - claim.since + 1000, passed};
        const reply outcome = co_await call.script_words(scripts::give_back(), {&key, 1}, arguments);
        const int64_t looked = outcome.items()[0].as_int();
        const int64_t back = outcome.items()[1].as_int();
        given += back;
        if (looked < 500) break;
        passed += looked - back;
      }
    } catch (const error &failed) {
      if (call.given_up() != CACHECORE_OK) co_return;
    }
    if (given > 0) co_return;
  }
}

task<void> queues::claim_from(call &call, line &from, harvest &into, bool waits, bool woken) {
  std::string token = new_name('.');
  const int64_t room = into.wanted - static_cast<int64_t>(into.jobs.size());
  if (room >= many_jobs && token.size() < long_token) token.append(long_token - token.size(), '.');
  const int64_t started = host_.now_ms();
  bool plain = true;
  size_t riding = 0;
  for (const acknowledgement &each : into.done) {
    if (each.of != &from || each.sent) continue;
    riding++;
    plain = plain && each.plain();
  }
  // Whoever was woken passes the wake on, if it leaves anything: only the whole script does.
  const bool cares = woken || started - from.cared_at.load(std::memory_order_relaxed) >= care_every_ms;
  const char *const mode = !plain ? "f" : cares ? "m" : "q";
  words &arguments = into.arguments;
  arguments.clear();
  arguments.add(words_of_settings(), mode, room, into.lease_ms, std::string_view(token), waits ? 1 : 0);
  std::vector<std::string> members;
  members.reserve(riding);
  for (acknowledgement &each : into.done) {
    if (each.of != &from || each.sent) continue;
    each.sent = true;
    members.push_back(member_of(each.job));
    const std::string_view member = members.back();
    if (plain) {
      arguments.add(member);
    } else {
      arguments.add(member, each.kind == 'c' ? "c" : "f", each.text, each.extra);
    }
  }
  if (*mode != 'q') from.cared_at.store(started, std::memory_order_relaxed);
  reply outcome(nullptr);
  const value base = into.base_of(call, from);
  try {
    if (settings_.sync_replicas == 0) {
      outcome = co_await call.script_words(scripts::claim(), {&base, 1}, arguments.all());
    } else {
      const value confirmed = co_await run(call, scripts::claim(), base.text(), arguments.all());
      static_cast<value &>(outcome) = confirmed;
    }
  } catch (const error &failed) {
    const bool refused = failed.status() == CACHECORE_UNAVAILABLE || failed.status() == CACHECORE_REJECTED ||
                         failed.status() == CACHECORE_DENIED || failed.status() == CACHECORE_BUSY;
    if (!refused && room > 0) give_back_later(from, token, into.lease_ms, started);
    throw;
  }
  for (const std::string &member : members) held_.remove(from.name, member);
  const list_view parts = outcome.items();
  if (const int64_t late = parts[2].as_int(); late > 0) late_.add(late);
  const list_view found = parts[4].items();
  const size_t name_size = from.name.size();
  for (size_t at = 0; at + words_a_job <= found.size(); at += words_a_job) {
    const std::string_view kind = found[at + 4].as_text();
    const std::string_view id = found[at].as_text();
    std::string job = token;
    job += kind;
    job += '|';
    std::string member = job;
    member += id;
    job += std::to_string(name_size);
    job += '|';
    job += from.name;
    job += id;
    into.jobs.push_back(call.map({{"job", call.copy(job)},
                                  {"queue", call.copy(from.name)},
                                  {"id", found[at]},
                                  {"payload", restore(call, found[at + 1], found[at + 2].as_text())},
                                  {"attempt", found[at + 3].parsed_int()}}));
    if (into.renew) hold(from, std::move(member), into.lease_ms);
  }
  claimed_.add(static_cast<int64_t>(found.size() / words_a_job));
  if (const int64_t due = parts[1].as_int(); found.empty() && due >= 0)
    into.look_in_ms = into.look_in_ms < 0 ? due : std::min(into.look_in_ms, due);
  if (const list_view schedules = parts[3].items(); !schedules.empty()) {
    co_await fire(call, from, schedules, parts[0].as_int());
    into.look_in_ms = 0;
  }
  // A claim may wait for days: looks that found nothing leave no memory behind.
  if (found.empty()) call.forget(outcome);
}

task<value> queues::claim(call &call, value wanted, int64_t count, int64_t wait_ms, std::optional<int64_t> lease_ms,
                          list_view done, bool renew) {
  if (count > most_jobs)
    throw error(CACHECORE_INVALID_ARGUMENT, "count must be at most 1000, got " + std::to_string(count));
  waiting_claim waiting;
  waiting.queues = lines_of(wanted);
  harvest all(call);
  all.done = acknowledgements_of(call, done);
  all.wanted = count;
  all.lease_ms = lease_ms.value_or(settings_.lease_ms);
  all.renew = renew;
  if (!checked_.load(std::memory_order_acquire)) co_await begin(call, nullptr);
  if (wait_ms > 0) waiting.deadline = host_.now_ms() + wait_ms;
  const bool waits = wait_ms != 0 && count > 0;

  woken_for woken;
  for (;;) {
    all.look_in_ms = -1;
    line *shortest = waiting.queues.front();
    try {
      for (line *each : waiting.queues) {
        if (woken.queue != nullptr && woken.queue != each) continue;
        const int64_t before = all.look_in_ms;
        co_await claim_from(call, *each, all, waits, woken.queue != nullptr);
        if (all.look_in_ms != before) shortest = each;
        if (static_cast<int64_t>(all.jobs.size()) >= count) break;
      }
      for (const acknowledgement &each : all.done) {
        if (each.sent) continue;
        const int64_t asked = all.wanted;
        all.wanted = static_cast<int64_t>(all.jobs.size());
        co_await claim_from(call, *each.of, all, false, false);
        all.wanted = asked;
      }
    } catch (const error &) {
      if (woken.queue != nullptr) pass_on(*woken.queue);
      // What was claimed before is not lost for it: the answer is given, or undone.
      if (all.jobs.empty()) throw;
    }
    if (!all.jobs.empty() || !waits || woken.time_is_up) break;
    woken = {};
    if (all.look_in_ms == 0) continue;
    woken = co_await wait_for_job(call, waiting, all.look_in_ms, shortest);
    if (woken.time_is_up) break;
    wakes_.add();
  }
  const auto answer = call.array(all.jobs.size());
  std::copy(all.jobs.begin(), all.jobs.end(), answer.begin());
  co_return value(std::span<const value>(answer));
}

task<void> queues::undo_claim(call &call, value granted) {
  for (const value &each : granted.items()) {
    const std::string_view text = each.pairs()["job"].as_text();
    const handle job = handle_of(text);
    const std::string member = member_of(job);
    held_.remove(job.queue, member);
    const value arguments[] = {words_of_settings(), "f", std::string_view(member), "l", "", "0"};
    (void)co_await run(call, scripts::finish(), base_of(call, job.queue), arguments);
  }
}

}  // namespace queue_plugin
