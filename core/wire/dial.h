// dial.h: making a connection: resolve, connect, authenticate, select; straight-line blocking code on a thread of its
// own.
//
// Connections are made rarely and the slow parts (DNS, TLS, starting an embedded server) cannot be done on the loop; so
// each attempt is a short-lived thread that ends with one post to the loop. It keeps nothing of the engine alive but a
// ticket: an attempt whose engine has gone meanwhile closes what it made.
//
// Thread rule: begin on any thread; the outcome runs on the loop. cancel on any thread: afterwards no outcome runs.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/config/configuration.h"
#include "core/failure.h"
#include "core/runtime/loop.h"
#include "core/topology/embedded.h"
#include "core/wire/tls.h"

namespace cachecore_internal {

// A ready connection, or why there is none: UNAVAILABLE may be tried again, DENIED and REJECTED are final.
struct dial_outcome {
  int descriptor = -1;
  std::shared_ptr<tls_session> tls;  // none: plain
  cachecore_status status = CACHECORE_OK;
  std::string why;
};

// Whom a connection is made to.
struct dial_target {
  enum class kind : uint8_t {
    configured,    // what the configuration names
    cluster_node,  // the rest: `where`
    master,        // as Sentinel says; refused if it says itself that it is none
    replica,       // for reads alone
    sentinel
  };
  kind what = kind::configured;
  host_port where;
};

// "host:port", an IPv6 address in brackets.
std::string address_text(const host_port &where);

class dialer {
 public:
  dialer(const configuration &settings, loop &events, dial_target target) noexcept
      : settings_(settings), loop_(events), target_(std::move(target)) {}
  ~dialer();
  dialer(const dialer &) = delete;
  dialer &operator=(const dialer &) = delete;

  // Starts an attempt; `done` runs once on the loop, unless cancelled. Throws failure(INTERNAL) when no thread can be
  // made.
  void begin(std::function<void(dial_outcome)> done);
  // Waits for attempts under way; none may be begun after it.
  void cancel() noexcept;
  // In a forked child: the attempts were the parent's.
  void abandon() noexcept;

  // What errors call the server.
  [[nodiscard]] std::string display() const;
  [[nodiscard]] const dial_target &target() const noexcept { return target_; }

 private:
  dial_outcome attempt();
  int connect_socket(int64_t deadline);
  std::shared_ptr<tls_session> secure(int descriptor, int64_t deadline);

  const configuration &settings_;
  loop &loop_;
  const dial_target target_;
  std::mutex mutex_;
  std::condition_variable idle_;
  int running_ = 0;
  std::atomic<bool> cancelled_{false};
  std::mutex embedded_mutex_;  // one thread looks after the embedded server at a time
  embedded_attachment embedded_;
};

}  // namespace cachecore_internal
