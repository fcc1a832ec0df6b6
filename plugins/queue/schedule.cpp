// schedule.cpp: jobs that come by the clock.
//
// A schedule is its text (scripts/schedule.lua keeps it) and the time it is due next. Claims learn of what is due;
// whoever does works out the next time here, and lets the script push the job and move the time on in one step, if
// nobody was faster: so each occurrence is pushed once, by whatever process. The next time is worked out from now, so
// however long nobody looked, one job is pushed.

#include "cron.h"
#include "queue.h"
#include "scripts.h"

namespace queue_plugin {

namespace {

// A schedule that this process cannot work out (it lacks the zone) is looked at again, by whoever claims, after so
// long.
constexpr int64_t postponed_ms = 60000;

struct schedule_text {
  std::string_view cron;
  std::string_view timezone;
  std::string_view format;
  std::string_view payload;
};

std::optional<schedule_text> read(std::string_view text) {
  schedule_text out;
  for (std::string_view *part : {&out.cron, &out.timezone, &out.format}) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    *part = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  out.payload = text;
  return out;
}

std::optional<int64_t> next_ms(const schedule_text &text, int64_t now_ms) {
  std::string fault;
  const auto when = cron::parse(text.cron, fault);
  const auto zone = time_zone::load(text.timezone);
  if (!when || !zone) return std::nullopt;
  const auto next = when->next(now_ms / 1000, *zone);
  if (!next) return std::nullopt;
  return *next * 1000;
}

}  // namespace

task<value> queues::schedule(call &call, std::string_view name, std::string_view cron_text, std::string_view timezone,
                             value payload, std::optional<std::string_view> queue) {
  if (name.size() > 256) throw error(CACHECORE_INVALID_ARGUMENT, "name must have at most 256 bytes");
  std::string fault;
  const auto when = cron::parse(cron_text, fault);
  if (!when) throw error(CACHECORE_INVALID_ARGUMENT, "cron " + fault);
  const auto zone = time_zone::load(timezone);
  if (!zone) {
    throw error(CACHECORE_INVALID_ARGUMENT, "timezone must be a zone of this system, as \"Europe/Berlin\", got \"" +
                                                std::string(timezone.substr(0, 80)) +
                                                "\" (is the package tzdata installed?)");
  }
  const std::string_view to = queue.value_or(name);
  co_await begin(call, &line_of(to));
  const value clock = co_await call.redis("TIME");
  const auto next = when->next(clock.items()[0].parsed_int(), *zone);
  if (!next) throw error(CACHECORE_INVALID_ARGUMENT, "cron never comes within ten years");
  const stored data = store(call, payload);
  std::string text(cron_text);
  for (const std::string_view part : {timezone, data.format, data.bytes}) text.append("\n").append(part);
  const value arguments[] = {words_of_settings(), "set", name, std::string_view(text), *next * 1000};
  (void)co_await run(call, scripts::schedule(), base_of(call, to), arguments);
  co_return call.map({{"next_at", *next * 1000}});
}

task<bool> queues::unschedule(call &call, std::string_view name, std::optional<std::string_view> queue) {
  const value arguments[] = {words_of_settings(), "unset", name};
  const value gone = co_await run(call, scripts::schedule(), base_of(call, queue.value_or(name)), arguments);
  co_return gone.as_int() != 0;
}

task<value> queues::schedules(call &call, std::string_view queue) {
  const std::string_view base = base_of(call, queue);
  auto both = call.pipeline();
  both.add("HGETALL", call.copy(std::string(base) + "schedules"))
      .add("ZRANGE", call.copy(std::string(base) + "cron"), 0, -1, "WITHSCORES");
  const value replies = co_await both.read();
  const value texts = replies.items()[0].or_throw().paired();
  const value times = replies.items()[1].or_throw().paired();
  std::vector<value> out;
  for (const auto &[name, text] : texts.pairs()) {
    const auto parts = read(text.as_text());
    if (!parts) continue;
    const value due = times.pairs()[name.as_text()];
    out.push_back(call.map({{"name", name},
                            {"queue", queue},
                            {"cron", call.copy(parts->cron)},
                            {"timezone", call.copy(parts->timezone)},
                            {"payload", restore(call, call.copy(parts->payload), parts->format)},
                            {"next_at", due.is_nil() ? value() : value(due.parsed_int())}}));
  }
  co_return call.list(std::span<const value>(out));
}

task<void> queues::fire(call &call, line &from, list_view due, int64_t now_ms) {
  for (size_t at = 0; at + 3 <= due.size(); at += 3) {
    const std::string_view name = due[at].as_text();
    const std::string_view known = due[at + 1].as_text();
    const std::string_view spec = due[at + 2].as_text();
    const auto text = read(spec);
    const auto next = text ? next_ms(*text, now_ms) : std::nullopt;
    const std::string_view base = base_of(call, from.name);
    if (!next) {
      host_.log(severity::warning,
                "the schedule " + std::string(name) + " of the queue " + from.name +
                    " cannot be worked out here (is its time zone installed?); looking again in a minute");
      const value arguments[] = {words_of_settings(), "fire", name, known, spec, now_ms + postponed_ms, ""};
      (void)co_await run(call, scripts::schedule(), base, arguments);
      continue;
    }
    const std::string id = std::string(name) + "@" + std::string(known);
    const value arguments[] = {
        words_of_settings(), "fire", name, known, spec, *next, std::string_view(id), text->payload, text->format,
        new_name(call, '.')};
    (void)co_await run(call, scripts::schedule(), base, arguments);
  }
}

}  // namespace queue_plugin
