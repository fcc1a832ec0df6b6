// server.h: the listener, its connections, and the calls they wait for; all on one thread.
//
// Calls are submitted as a program would submit them, and their completions come through a queue whose descriptor the
// thread's event loop watches: nothing blocks, and a slow call keeps nobody else waiting. A client that leaves cancels
// its call.
//
// Limits. At most `max_connections`; one more takes the place of the one that has waited longest for its request, so
// that clients that only sit there cannot keep others out.
//
// A port in use is no error: of several processes with one configuration the first serves, and another takes over
// within a second after it has gone.
//
// /health is answered to everybody, so it must not cost more the more often it is asked for: those who come while one
// examination is under way share it.
//
// Thread rule: constructed and destroyed by the core; everything between runs on the thread. `figures` any thread.
#pragma once

#include <event2/event.h>
#include <event2/listener.h>

#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "access.h"
#include "connection.h"
#include "routes.h"
#include "settings.h"

namespace http_plugin {

class server final : private connection_owner {
 public:
  // Throws INVALID_ARGUMENT where the address cannot be had at all.
  server(const host &host, const settings &settings);
  ~server();
  server(const server &) = delete;
  server &operator=(const server &) = delete;

  struct figures {
    std::string address;  // empty while another process has it
    int64_t connections;
    int64_t requests;
  };
  [[nodiscard]] figures count() const;

 private:
  struct event_deleter {
    void operator()(event *owned) const noexcept { event_free(owned); }
  };
  struct base_deleter {
    void operator()(event_base *owned) const noexcept { event_base_free(owned); }
  };
  using event_pointer = std::unique_ptr<event, event_deleter>;

  // What a completion is for.
  struct under_way {
    connection *from;  // null: /health, for all who wait
    plan what;
  };

  bool listen();
  void open(int descriptor);
  void drain();
  void complete(cachecore_completion &completed);
  void complete_health(const cachecore_completion &completed);
  void start(connection &from, plan what);
  void ask_health(connection &from, bool full);
  void run() noexcept;
  void release_all() noexcept;

  void handle(connection &from, const request &asked, std::string_view body) override;
  void gone(connection &left) noexcept override;

  const host &host_;
  const settings &settings_;
  const cachecore_submit_service &submit_;
  const access access_;
  const routes routes_;
  const metric requests_counter_;
  const metric refused_counter_;
  const metric connections_gauge_;

  std::unique_ptr<event_base, base_deleter> base_;
  event_pointer stop_event_;
  event_pointer completed_event_;
  event_pointer retry_event_;
  evconnlistener *listener_ = nullptr;
  int stop_descriptor_ = -1;
  cachecore_completions *queue_ = nullptr;
  std::thread thread_;

  std::list<std::unique_ptr<connection>> connections_;  // the oldest first
  std::unordered_map<uint64_t, under_way> calls_;
  uint64_t last_number_ = 0;
  bool examining_ = false;
  std::vector<std::pair<connection *, bool>> wait_for_health_;

  std::atomic<int> port_{0};  // 0: not listening
  std::atomic<int64_t> open_{0};
  std::atomic<int64_t> requests_{0};
};

}  // namespace http_plugin
