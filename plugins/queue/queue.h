// queue.h: jobs that are pushed, claimed under a lease, and completed, retried or buried.
//
// All of a queue lies in Redis, under "{q:<name>}:", and every transition of a job is one script (scripts/, README.md
// has the table). The process adds what must not depend on a worker: it renews the leases it holds (held.h), gives back
// what was claimed for a caller that has gone, and wakes claims that wait (claimers.h).
//
// Thread rule: that of plugin.hpp; members are const, atomic, or guarded by the mutex of what they belong to.
#pragma once

#include <shared_mutex>
#include <unordered_map>

#include "claimers.h"
#include "handle.h"
#include "held.h"
#include "plain.h"
#include "settings.h"

namespace queue_plugin {

class queues {
 public:
  queues(host &host, const value &config);

  // push.cpp
  task<value> push(call &call, std::string_view queue, value payload, map_view options);
  task<value> push_many(call &call, std::string_view queue, list_view jobs);

  // claim.cpp
  task<value> claim(call &call, value queues, int64_t count, int64_t wait_ms, std::optional<int64_t> lease_ms,
                    list_view done, bool renew);
  task<void> undo_claim(call &call, value granted);

  // finish.cpp
  task<void> complete(call &call, std::string_view job, value result);
  task<void> fail(call &call, std::string_view job, std::string_view message, std::optional<int64_t> retry_in_ms);
  task<void> release(call &call, std::string_view job, int64_t delay_ms);
  task<void> extend(call &call, std::string_view job, std::optional<int64_t> lease_ms);
  task<void> progress(call &call, std::string_view job, value done);

  // inspect.cpp
  task<value> get(call &call, std::string_view queue, std::string_view id);
  task<value> list(call &call, std::string_view queue, std::string_view state, int64_t start, int64_t count);
  task<value> counts(call &call, std::string_view queue);
  task<value> names(call &call);

  // rules.cpp
  task<bool> cancel(call &call, std::string_view queue, std::string_view id);
  task<int64_t> replay_dead(call &call, std::string_view queue, list_view ids, int64_t count);
  task<int64_t> purge_dead(call &call, std::string_view queue, int64_t older_than_ms);
  task<void> pause(call &call, std::string_view queue);
  task<void> resume(call &call, std::string_view queue);
  task<int64_t> purge(call &call, std::string_view queue);
  task<void> limit(call &call, std::string_view queue, map_view rate, std::optional<int64_t> concurrency,
                   map_view per_key, std::optional<int64_t> size);

  // schedule.cpp
  task<value> schedule(call &call, std::string_view name, std::string_view cron, std::string_view timezone,
                       value payload, std::optional<std::string_view> queue);
  task<bool> unschedule(call &call, std::string_view name, std::optional<std::string_view> queue);
  task<value> schedules(call &call, std::string_view queue);

  // plain.cpp
  task<int64_t> enqueue(call &call, std::string_view queue, value data);
  task<void> enqueue_at(call &call, std::string_view queue, value data, int64_t at);
  task<value> dequeue(call &call, std::string_view name, int64_t wait_ms);
  task<void> undo_dequeue(call &call, value granted);

  // events.cpp
  task<void> events(call &call, std::string_view queue, bool from_start);

 private:
  struct acknowledgement;
  struct harvest;
  struct lost_claim {
    std::string queue;
    std::string token;
    int64_t lease_ms;
    int64_t since;
  };

  // queue.cpp
  [[nodiscard]] line &line_of(std::string_view queue);
  [[nodiscard]] static std::string_view base_of(call &call, std::string_view queue);
  [[nodiscard]] std::string_view words_of_settings();
  // A name no other process makes; `kind` parts those of ids from those of leases.
  [[nodiscard]] std::string new_name(char kind);
  [[nodiscard]] std::string_view new_name(call &call, char kind);
  // Runs a script; with `sync`, on a connection that then waits for the replicas.
  task<value> run(call &call, const cachecore_script &script, std::string_view base, std::span<const value> arguments);
  // What the first call of an instance, and of a queue, has to find out.
  task<void> begin(call &call, line *queue);
  task<void> check_server(call &call);
  [[nodiscard]] static handle handle_of(std::string_view job);
  [[nodiscard]] static std::string member_of(const handle &job);
  struct stored {
    std::string_view bytes;
    std::string_view format;
  };
  [[nodiscard]] static stored store(call &call, const value &data);
  [[nodiscard]] static value restore(call &call, const value &bytes, std::string_view format);

  // claim.cpp
  std::vector<line *> lines_of(const value &queues);
  std::vector<acknowledgement> acknowledgements_of(call &call, list_view done);
  task<void> claim_from(call &call, line &from, harvest &into, bool waits, bool woken);
  void give_back_later(line &from, std::string_view token, int64_t lease_ms, int64_t since);
  task<void> give_back(call &call);

  // finish.cpp
  task<void> finish_one(call &call, std::string_view job, char kind, value text, value extra);
  void judge(const handle &job, int64_t outcome);

  // claimers.cpp
  task<woken_for> wait_for_job(call &call, waiting_claim &claim, int64_t look_in_ms, line *of);
  void pass_on(line &from);
  task<void> watch(call &call);
  task<void> watch_line(call &call);
  task<void> keep_time(call &call);
  task<void> renew_leases(call &call);
  void hold(line &from, std::string member, int64_t lease_ms);
  void start_watch();
  void start_watch_line();
  task<void> block(call &call, std::vector<line *> lines, std::string control);

  // inspect.cpp
  static value show(call &call, std::string_view queue, list_view job);

  // rules.cpp
  task<void> change_rules(call &call, std::string_view queue, std::vector<value> words);

  // schedule.cpp
  task<void> fire(call &call, line &from, list_view due, int64_t now_ms);

  // plain.cpp
  task<void> look_at_plain(call &call);
  task<void> block_for_plain(call &call);
  task<void> keep_plain_time(call &call);

  host &host_;
  const settings settings_;
  std::vector<std::string> setting_words_;
  std::string process_;
  std::atomic<uint64_t> counter_{0};
  std::atomic<bool> checked_{false};

  std::shared_mutex lines_mutex_;
  std::unordered_map<std::string, std::unique_ptr<line>> lines_;
  claimers claimers_;
  held held_;
  plain_lines plain_;

  std::mutex lost_mutex_;
  std::deque<lost_claim> lost_;

  metric pushed_;
  metric claimed_;
  metric late_;
  metric wakes_;
};

}  // namespace queue_plugin
