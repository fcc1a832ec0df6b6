// engine.h: everything of a core that starts afresh at reset: the loop, the connections, the plugins' instances.
//
// A core has one engine at a time. Reset ends the old one (its calls end with UNAVAILABLE or UNCERTAIN, close: CLOSED),
// waits until the last invocation has run to its end, and makes another. A forked child leaves its inherited engine
// where it is, untouched, and makes its own.
//
// Ending: 1. no new invocation may begin (the core's gate); 2. waiters are interrupted, the loop gives up what it
// runs; 3. connections are shut, which ends what could not be given up; 4. when nothing is live the loop stops and the
// instances are destroyed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/config/configuration.h"
#include "core/plugins/method.h"
#include "core/runtime/invocation.h"
#include "core/runtime/loop.h"
#include "core/runtime/shards.h"

namespace cachecore_internal {

class router;
class plugin_record;
struct core_log;
class subscriptions;
class trackings;

class engine {
 public:
  engine(cachecore_handle &owner, const configuration &settings, core_log &log);
  ~engine();
  engine(const engine &) = delete;
  engine &operator=(const engine &) = delete;

  // Ends everything with `reason` (CLOSED, UNAVAILABLE): gives up what runs, shuts the connections.
  void begin_end(cachecore_status reason) noexcept;
  // When no blocking call is inside any more: waits until the last invocation has ended, and stops the loop.
  void finish_end() noexcept;
  // In a forked child.
  void abandon() noexcept;

  [[nodiscard]] cachecore_status ending() const noexcept { return ending_.load(std::memory_order_seq_cst); }
  void log(int32_t level, const std::string &message) noexcept;

  // ---- Invocations ----
  // Makes one; its result is its memory. Throws std::bad_alloc.
  invocation *make_invocation(const cachecore_method *method, const char *name);
  void enter_live() noexcept { live_.add(1); }
  [[nodiscard]] int64_t live_count() const noexcept { return live_.sum(); }
  void leave_live() noexcept { live_.add(-1); }
  void invocation_ends(invocation &ended) noexcept;  // from finalize: leases, subscription, timers
  void push_completion(cachecore_completions &queue, cachecore_result *result) noexcept;
  void undo_results(cachecore_result *chain) noexcept;
  void start_undo(const cachecore_method &method, const cachecore_value &granted) noexcept;
  // Work without a caller; runs on the loop. Throws.
  void spawn(const char *name, cachecore_method_function start, void *state);
  // The same, when the loop is started by something else; a core that is never used stays without a thread. Throws.
  void spawn_when_started(const char *name, cachecore_method_function start, void *state);
  // Hands an invocation that started on a waiter's thread over to the loop.
  void hand_to_loop(invocation &moved, waiter &from);
  void cancel(uint64_t operation);
  void cancel_queue(cachecore_completions &queue);

  [[nodiscard]] loop &events() noexcept { return loop_; }
  [[nodiscard]] router &routes() noexcept { return *router_; }
  [[nodiscard]] subscriptions &pushes() noexcept { return *pushes_; }
  [[nodiscard]] trackings &tracked() noexcept { return *tracked_; }
  [[nodiscard]] const configuration &settings() const noexcept { return settings_; }
  [[nodiscard]] cachecore_handle &owner() noexcept { return owner_; }

  // The 40 hex digits of a script's SHA-1. Throws std::bad_alloc.
  const std::string &script_digest(const cachecore_script &script);

 private:
  static void adopt_invocation(post_node *node) noexcept;
  void release_tree(invocation &adopted) noexcept;
  void watch_deadline(invocation &watched);
  void give_up_on_loop(invocation &given_up, cachecore_status reason) noexcept;

  cachecore_handle &owner_;
  const configuration &settings_;
  core_log &log_;
  loop loop_;
  std::unique_ptr<router> router_;
  std::unique_ptr<subscriptions> pushes_;
  std::unique_ptr<trackings> tracked_;
  std::atomic<cachecore_status> ending_{CACHECORE_OK};
  invocation *giving_up_ = nullptr;  // the loop's; null again when it ended meanwhile
  sharded_counter live_;
  std::mutex scripts_mutex_;
  std::unordered_map<const cachecore_script *, std::string> scripts_;
};

}  // namespace cachecore_internal
