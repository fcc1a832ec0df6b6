// queue: the plugin queue in few words: list, inspect, retry, drain, tail. Names are taken as they are.

#include <algorithm>

#include "../command.h"
#include "../execution.h"
#include "../failure.h"

namespace cachectl {
namespace {

constexpr const char *counted[] = {"ready", "delayed", "active", "blocked",
                                   "dead",  "done",    "paused", "oldest_ready_ms"};

word literal(const std::string &text) { return {text, true}; }

// Calls a method and hands its answer to `use`, instead of writing it.
template <class Use>
cachecore_status ask(context &context, const char *method, const std::vector<cachecore_value> &args, const Use &use) {
  const call_settings settings = {.timeout_ms = context.options().timeout_ms};
  const answer_receiver receiver = {.answer = use, .lost = [](int64_t) {}, .caught_up = [] {}};
  return run_call(context.core(), find_method(context.core(), method), args, settings, context.out(), receiver);
}

cachecore_status list_queues(context &context) {
  std::vector<std::string> names;
  ask(context, "queue.names", {}, [&](const cachecore_value &all) {
    for (size_t i = 0; i < all.as.list.count; i++) names.emplace_back(view_of(all.as.list.items[i]));
  });
  std::sort(names.begin(), names.end());
  value_store store;
  std::vector<cachecore_value> rows;
  for (const std::string &name : names) {
    std::vector<cachecore_pair> row = {pair_of("queue", store.bytes(name))};
    ask(context, "queue.counts", {cachecore_bytes(name.data(), name.size())}, [&](const cachecore_value &counts) {
      for (const char *field : counted) {
        for (size_t i = 0; i < counts.as.map.count; i++) {
          const cachecore_pair &pair = counts.as.map.pairs[i];
          if (view_of(pair.key) == field) row.push_back(pair_of(field, pair.value));
        }
      }
    });
    rows.push_back(store.map(std::move(row)));
  }
  context.answer(store.list(std::move(rows)));
  return CACHECORE_OK;
}

cachecore_status inspect(context &context, const std::vector<word> &words) {
  if (words.size() == 2) return context.call("queue.get", {literal(words[0].text), literal(words[1].text)});
  const std::string *state = context.option("state");
  if (state == nullptr) return context.call("queue.counts", {literal(words[0].text)});
  const std::string most = std::to_string(context.number_option("count", 1, 20));
  return context.call("queue.list", {literal(words[0].text), literal(*state), {"count=" + most, false}});
}

cachecore_status retry(context &context, const std::vector<word> &words) {
  std::vector<word> bound = {literal(words[0].text)};
  for (size_t i = 1; i < words.size(); i++) bound.push_back(literal(words[i].text));
  return context.call("queue.replay_dead", bound);
}

cachecore_status run_queue(context &context) {
  std::vector<word> words = context.words();
  const std::string what = words.empty() ? "list" : words.front().text;
  if (!words.empty()) words.erase(words.begin());
  if (what == "list" && words.empty()) return list_queues(context);
  if (what == "inspect" && (words.size() == 1 || words.size() == 2)) return inspect(context, words);
  if (what == "retry" && !words.empty()) return retry(context, words);
  if (what == "drain" && words.size() == 1) return context.call("queue.purge", {literal(words[0].text)});
  if (what == "tail" && words.size() == 1)
    return context.call("queue.events", {literal(words[0].text)}, context.number_option("count", 1, 0));
  throw usage("queue takes: list, inspect QUEUE [ID], retry QUEUE [ID ...], drain QUEUE, or tail QUEUE");
}

}  // namespace

extern const command queue_command;
const command queue_command = {
    .name = "queue",
    .arguments = "[list | inspect QUEUE [ID] | retry QUEUE [ID ...] | drain QUEUE | tail QUEUE]",
    .summary = "looks after queues of jobs",
    .details =
        "list: all queues and how many jobs they hold. inspect: a queue's counts, with --state its jobs (ready, "
        "delayed, active, "
        "blocked, dead, done), or one job. retry: makes dead jobs ready again, all or those named. drain: removes all "
        "jobs that "
        "have not begun. tail: what happens, a line each, until Ctrl-C.",
    .options = {{"state", "STATE", "inspect: shows the jobs of this state"},
                {"count", "N", "inspect: at most so many jobs; tail: ends after so many events"}},
    .least_words = 0,
    .most_words = any_number,
    .looks_only = false,
    .run = run_queue,
};

}  // namespace cachectl
