// inspect.cpp: looking at a queue without changing it.

#include "queue.h"
#include "scripts.h"

namespace queue_plugin {

namespace {

constexpr int64_t most_shown = 500;

struct shown_field {
  const char *stored;
  const char *name;
};
constexpr shown_field numbers[] = {{"a", "attempt"},    {"m", "max_attempts"}, {"n", "priority"},
                                   {"t", "created_at"}, {"d", "ended_at"},     {"e", "expires_at"}};
constexpr shown_field texts[] = {{"k", "key"}, {"er", "error"}};
struct stored_value {
  const char *stored;
  const char *format;
  const char *name;
};
constexpr stored_value values[] = {{"p", "f", "payload"}, {"r", "rf", "result"}, {"pr", "pf", "progress"}};

const char *name_of_time(std::string_view state) {
  if (state == "delayed") return "due_at";
  if (state == "active") return "lease_until";
  return nullptr;
}

}  // namespace

value queues::show(call &call, std::string_view queue, list_view job) {
  const std::string_view state = job[1].as_text();
  const value paired = job[3].paired();
  const map_view fields = paired.pairs();
  std::vector<entry> out = {{"id", job[0]}, {"queue", queue}, {"state", job[1]}};
  if (const char *named = name_of_time(state); named != nullptr) out.push_back({named, job[2]});
  for (const auto &[stored, format, name] : values) {
    const value *found = fields.find(stored);
    if (found == nullptr) continue;
    const value how = fields[format];
    out.push_back({name, restore(call, *found, how.is_nil() ? std::string_view() : how.as_text())});
  }
  for (const auto &[stored, name] : numbers) {
    if (const value *found = fields.find(stored); found != nullptr && !found->as_text().empty())
      out.push_back({name, found->parsed_int()});
  }
  for (const auto &[stored, name] : texts) {
    if (const value *found = fields.find(stored)) out.push_back({name, *found});
  }
  return call.map(std::span<const entry>(out));
}

task<value> queues::get(call &call, std::string_view queue, std::string_view id) {
  const value key = base_of(call, queue);
  const value arguments[] = {words_of_settings(), "id", id};
  const value found = co_await call.script_words(scripts::view(), {&key, 1}, arguments).read();
  if (found.items().empty()) co_return not_found;
  co_return show(call, queue, found.items()[0].items());
}

task<value> queues::list(call &call, std::string_view queue, std::string_view state, int64_t start, int64_t count) {
  constexpr std::string_view states[] = {"ready", "delayed", "active", "blocked", "dead", "done"};
  if (std::find(std::begin(states), std::end(states), state) == std::end(states)) {
    throw error(CACHECORE_INVALID_ARGUMENT, "state must be ready, delayed, active, blocked, dead or done, got \"" +
                                                std::string(state.substr(0, 40)) + "\"");
  }
  if (count > most_shown)
    throw error(CACHECORE_INVALID_ARGUMENT, "count must be at most 500, got " + std::to_string(count));
  const value key = base_of(call, queue);
  const value arguments[] = {words_of_settings(), state, start, count};
  const value found = co_await call.script_words(scripts::view(), {&key, 1}, arguments).read();
  const auto shown = call.array(found.items().size());
  for (size_t i = 0; i < shown.size(); i++) shown[i] = show(call, queue, found.items()[i].items());
  co_return value(std::span<const value>(shown));
}

task<value> queues::counts(call &call, std::string_view queue) {
  const value key = base_of(call, queue);
  const value found = co_await call.script_words(scripts::counts(), {&key, 1}, {}).read();
  const list_view counted = found.items();
  const int64_t oldest = counted[8].as_int();
  co_return call.map({{"ready", counted[0]},
                      {"delayed", counted[1]},
                      {"active", counted[2]},
                      {"blocked", counted[3]},
                      {"dead", counted[4]},
                      {"done", counted[5]},
                      {"paused", counted[6].as_int() != 0},
                      {"schedules", counted[7]},
                      {"oldest_ready_ms", oldest == 0 ? 0 : std::max<int64_t>(counted[9].as_int() - oldest, 0)}});
}

task<value> queues::names(call &call) { co_return co_await call.redis("SMEMBERS", call.key("queues")); }

}  // namespace queue_plugin
