// push.cpp: push and push_many.

#include "queue.h"
#include "scripts.h"

namespace queue_plugin {

namespace {

constexpr size_t most_jobs = 1000;
constexpr int64_t longest_ms = int64_t{100} * 366 * 24 * 3600 * 1000;
constexpr int64_t highest_priority = 1000;

// One job as the script wants it.
struct wanted {
  std::string_view id;
  bool chosen = false;  // the id, by the caller
  std::vector<std::pair<const char *, value>> options;
};

[[noreturn]] void refuse(const std::string &where, const std::string &wants) {
  throw error(CACHECORE_INVALID_ARGUMENT, where + wants);
}

int64_t number(const std::string &where, const char *name, const value &given, int64_t least, int64_t most) {
  if (!given.is(CACHECORE_INT)) refuse(where, std::string(name) + " must be an int");
  if (given.as.integer < least || given.as.integer > most) {
    refuse(where, std::string(name) + " must be " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
                      std::to_string(given.as.integer));
  }
  return given.as.integer;
}

std::string_view name(const std::string &where, const char *what, const value &given) {
  if (!given.is(CACHECORE_BYTES) || given.text().empty() || given.text().size() > 1024 ||
      given.text().find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos) {
    refuse(where, std::string(what) + " must be 1 to 1024 bytes without NUL, CR and LF");
  }
  return given.text();
}

wanted read(call &call, const map_view &options, const std::string &where) {
  wanted job;
  for (const auto &[key, given] : options) {
    const std::string_view option = key.as_text();
    if (given.is_nil() || option == "payload") continue;
    if (option == "id") {
      job.id = name(where, "id", given);
      job.chosen = true;
    } else if (option == "delay_ms") {
      job.options.emplace_back("delay", number(where, "delay_ms", given, 0, longest_ms));
    } else if (option == "run_at") {
      job.options.emplace_back("due", number(where, "run_at", given, 0, int64_t{1} << 50));
    } else if (option == "priority") {
      const int64_t priority = number(where, "priority", given, -highest_priority, highest_priority);
      if (priority != 0) job.options.emplace_back("n", priority);
    } else if (option == "max_attempts") {
      job.options.emplace_back("m", number(where, "max_attempts", given, 1, 1000000));
    } else if (option == "ttl_ms") {
      job.options.emplace_back("ttl", number(where, "ttl_ms", given, 1, longest_ms));
    } else if (option == "keep_ms") {
      job.options.emplace_back("g", number(where, "keep_ms", given, 0, longest_ms));
    } else if (option == "key") {
      job.options.emplace_back("k", name(where, "key", given));
    } else if (option == "dedupe_ms") {
      job.options.emplace_back("dedupe", number(where, "dedupe_ms", given, 1, longest_ms));
    } else if (option == "debounce") {
      if (!given.is(CACHECORE_BOOL)) refuse(where, "debounce must be a bool");
      if (given.as.integer != 0) job.options.emplace_back("debounce", 1);
    } else if (option == "backoff") {
      if (!given.is(CACHECORE_MAP)) refuse(where, "backoff must be a map");
      for (const auto &[field, held] : given.pairs()) {
        const std::string_view known = field.as_text();
        if (known != "type" && known != "delay_ms" && known != "max_ms" && known != "jitter")
          refuse(where, "backoff has no field \"" + std::string(known) + "\"");
        if (known == "delay_ms" || known == "max_ms") (void)number(where, "backoff.delay_ms", held, 0, longest_ms);
      }
      job.options.emplace_back("o", call.copy(backoff_text(given.pairs(), (where + "backoff").c_str())));
    } else {
      refuse(where, "there is no option \"" + std::string(option) + "\"");
    }
  }
  if (!job.chosen) {
    for (const auto &[option, given] : job.options) {
      const std::string_view named = option;
      if (named == "dedupe" || named == "debounce")
        refuse(where, "dedupe_ms and debounce need an id: the jobs of one id are taken for one");
    }
  }
  return job;
}

}  // namespace

task<value> queues::push(call &call, std::string_view queue, value payload, map_view options) {
  line &to = line_of(queue);
  wanted job = read(call, options, "options.");
  if (!job.chosen) job.id = new_name(call, '-');
  if (!checked_.load(std::memory_order_acquire) || !to.listed.load(std::memory_order_relaxed))
    co_await begin(call, &to);
  const stored data = store(call, payload);
  auto arguments = call.words(words_of_settings(), job.options.empty() ? "q" : "f", job.id, data.bytes, data.format,
                              job.chosen ? new_name(call, '.') : std::string_view());
  if (!job.options.empty()) {
    arguments.add(job.options.size() * 2);
    for (const auto &[option, given] : job.options) arguments.add(option, given);
  }
  const value outcome = co_await run(call, scripts::push(), base_of(call, queue), arguments.all());
  if (outcome.is(CACHECORE_INT)) throw error(CACHECORE_BUSY, "the queue holds as many jobs as limit allows (size)");
  const int64_t pushed = outcome.items()[0].as_int();
  if (pushed != 0) pushed_.add();
  co_return call.map({{"id", job.id}, {"pushed", pushed != 0}});
}

task<value> queues::push_many(call &call, std::string_view queue, list_view jobs) {
  if (jobs.size() > most_jobs)
    throw error(CACHECORE_INVALID_ARGUMENT,
                "jobs must be at most 1000, got " + std::to_string(jobs.size()) + ": push them in several calls");
  line &to = line_of(queue);
  std::vector<wanted> all;
  bool quick = true;
  for (size_t i = 0; i < jobs.size(); i++) {
    const std::string where = "jobs[" + std::to_string(i) + "].";
    if (!jobs[i].is(CACHECORE_MAP)) refuse(where, " must be a map {payload, ...} with the options of push");
    all.push_back(read(call, jobs[i].pairs(), where));
    if (!all.back().chosen) all.back().id = new_name(call, '-');
    quick = quick && all.back().options.empty();
  }
  const auto answers = call.array(jobs.size());
  if (jobs.empty()) co_return call.list(answers);
  co_await begin(call, &to);
  auto arguments = call.words(words_of_settings(), quick ? "q" : "f");
  for (size_t i = 0; i < jobs.size(); i++) {
    const stored data = store(call, jobs[i].pairs()["payload"]);
    arguments.add(all[i].id, data.bytes, data.format, all[i].chosen ? new_name(call, '.') : std::string_view());
    if (quick) continue;
    arguments.add(all[i].options.size() * 2);
    for (const auto &[option, given] : all[i].options) arguments.add(option, given);
  }
  const value outcome = co_await run(call, scripts::push(), base_of(call, queue), arguments.all());
  if (outcome.is(CACHECORE_INT)) throw error(CACHECORE_BUSY, "the queue has no room for so many jobs (limit, size)");
  const list_view pushed = outcome.items();
  for (size_t i = 0; i < jobs.size(); i++) {
    const bool done = i < pushed.size() && pushed[i].as_int() != 0;
    if (done) pushed_.add();
    answers[i] = call.map({{"id", all[i].id}, {"pushed", done}});
  }
  co_return call.list(answers);
}

}  // namespace queue_plugin
