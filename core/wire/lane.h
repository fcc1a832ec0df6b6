// lane.h: one multiplexed, pipelined connection.
//
// Requests of all threads go out in one order and are answered in that order. Two roles move between threads, each held
// by one at a time:
//
//   writer   gathers what is unsent into one buffer and sends it; whoever adds to an idle lane takes the role, others
//   only add reader   receives, decodes and ends requests; a blocking caller takes it for its own reply (and serves the
//   others on the way), then hands
//            it to another waiting caller, or to the loop when only submitted operations are left
//
// So a lone caller does its own send and its own receive, with no other thread involved, and under concurrency commands
// gather by themselves: while one thread is in send, the others' commands collect for the next.
//
//     idle -> dialing -> ready -> failing -> idle ...      backing_off between two attempts; closed at the end
//
// Connecting and tearing down belong to the loop. A connection that failed is shut down at once, and torn down when
// neither role is held: requests that were sent end (UNCERTAIN if they change data) or, if repeatable, go back to the
// front of what is unsent.
//
// Thread rule: as marked. Invariants
// - A request is in exactly one of: unsent, in_flight (both under the mutex), reading (the reader's own list, older
// than in_flight).
// - If something is in flight, there is a reader, or a waiting caller has been woken to become it, or its writer is
// about to see to that.
// - A reply is matched to the oldest request, given up or not.
#pragma once

#include <event2/event.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "core/wire/reply_reader.h"
#include "core/wire/request.h"
#include "core/wire/tls.h"

namespace cachecore_internal {

class node;

struct request_list {
  request *head = nullptr;
  request *tail = nullptr;
  size_t count = 0;

  [[nodiscard]] bool empty() const noexcept { return head == nullptr; }
  void push(request *added) noexcept;
  request *pop() noexcept;
  void append(request_list &other) noexcept;  // takes all of it
  void prepend(request_list &other) noexcept;
  bool remove(request *removed) noexcept;
};

class lane {
 public:
  enum class purpose : uint8_t { shared, isolated, exclusive };

  lane(engine &owner, node &server, purpose use);
  ~lane();
  lane(const lane &) = delete;
  lane &operator=(const lane &) = delete;

  // [any thread] Takes a chain of requests, linked by next_request. From the loop's thread they go out at the end of
  // the turn.
  void add(request *first) noexcept;
  // [any thread] Takes back a request that was given up, if it was not sent. Returns what its invocation may say.
  cachecore_status withdraw(request *given_up, cachecore_status reason) noexcept;

  // [a waiter's thread] Becomes the reader, if there is none and the lane is ready.
  bool try_lead() noexcept;
  // [the reader] Receives until the waiter has work, the deadline passes or the connection fails. True: nothing came
  // for a while, or a signal did, and the thread has a question to ask.
  bool read_for(waiter &leader, int64_t deadline) noexcept;
  // [the reader] Gives the role to whoever needs it next.
  void stop_leading() noexcept;

  // [any thread] Closes for good; what it holds ends with `reason`.
  void shut(cachecore_status reason) noexcept;
  // [any thread] Ends the present connection because of `why`; it is made anew when needed.
  void fail(const char *why) noexcept;

  [[nodiscard]] node &server() const noexcept { return node_; }
  [[nodiscard]] bool is_ready() const noexcept { return ready_.load(std::memory_order_relaxed); }
  [[nodiscard]] size_t load() const noexcept { return load_.load(std::memory_order_relaxed); }
  // [any thread] Somebody waits for this lane who cannot read it, since he waits for other things too: the loop reads,
  // if nobody does.
  void have_loop_read() noexcept;
  [[nodiscard]] bool is_clean() noexcept;      // never used or ready, nothing unsent or in flight
  void begin_lease() noexcept;                 // of an exclusive one
  [[nodiscard]] bool is_torn_down() noexcept;  // closed, no role held

  // [loop]
  void write_from_loop() noexcept;
  void connected(int descriptor, std::shared_ptr<tls_session> tls) noexcept;
  void refused(cachecore_status status, const std::string &why) noexcept;
  bool check_stalled(int64_t now, int64_t read_deadline_ns) noexcept;
  [[nodiscard]] bool may_be_freed() noexcept;  // a closed one; takes its timer out of the loop
  bool dirty = false;                          // in the loop's list of lanes to write

 private:
  enum class state : uint8_t { idle, dialing, backing_off, ready, failing, closed };
  enum class reader : uint8_t { nobody, caller, by_loop };
  enum class sent : uint8_t { all, blocked, failed };

  void dial(std::unique_lock<std::mutex> &lock) noexcept;
  void write_all(std::unique_lock<std::mutex> &lock) noexcept;
  bool gather() noexcept;
  void send_in_place(request &large) noexcept;
  void sent_in_place() noexcept;
  sent send_gathered() noexcept;
  ssize_t put(const char *data, size_t size, int flags) noexcept;
  bool receive(int flags) noexcept;  // false: would block, or failed
  void decode() noexcept;
  void begin_failing(const char *why) noexcept;  // with the mutex
  void hand_off(std::unique_lock<std::mutex> &lock) noexcept;
  void note_progress() noexcept;
  void post_service() noexcept;  // with the mutex: have the loop look at this lane
  void service() noexcept;       // on the loop
  void tear_down() noexcept;     // on the loop, no role held
  void on_readable() noexcept;
  void arm_read() noexcept;
  void arm_write() noexcept;
  void disarm() noexcept;
  void end_unsent(request_list &ended, cachecore_status status, const std::string &why) noexcept;
  void count_off(const request &gone) noexcept;
  void end_request(request *ended) noexcept;
  void end_sent(request *ended, cachecore_status shut_with) noexcept;

  engine &engine_;
  node &node_;
  const purpose purpose_;

  std::mutex mutex_;
  state state_ = state::idle;
  reader reader_ = reader::nobody;
  bool writing_ = false;
  bool write_blocked_ = false;
  bool service_posted_ = false;
  bool dialing_ = false;  // an attempt will report
  cachecore_status shut_with_ = CACHECORE_OK;
  int descriptor_ = -1;
  std::shared_ptr<tls_session> tls_;  // none: plain; changes only while neither role is held
  const char *failure_ = "";
  request_list unsent_;
  request_list in_flight_;
  uint32_t refusals_ = 0;       // in a row
  bool used_in_lease_ = false;  // something was sent in the present lease of an exclusive lane
  bool lost_in_lease_ = false;  // and the connection it was sent on is gone: its state cannot be had back

  std::atomic<bool> ready_{false};
  std::atomic<size_t> load_{0};   // requests added and not ended
  std::atomic<size_t> bytes_{0};  // of these
  std::atomic<int64_t> last_received_{0};
  std::atomic<int64_t> awaiting_since_{0};  // the last sign of progress while something is in flight; 0: nothing is

  // The writer's.
  std::string out_;
  size_t out_sent_ = 0;
  request *large_ = nullptr;  // sent from its own memory behind `out_`; see request::in_place
  size_t large_sent_ = 0;
  bool gathered_for_others_ = false;  // since the role was taken

  // The reader's.
  request_list reading_;
  std::unique_ptr<reply_reader> decoder_;
  std::unique_ptr<char[]> buffer_;

  // The loop's.
  struct service_node : post_node {
    lane *line = nullptr;
  };
  struct retry_timer : timer_entry {
    lane *line = nullptr;
  };
  service_node service_node_;
  retry_timer retry_;
  event *read_event_ = nullptr;
  event *write_event_ = nullptr;
  bool read_armed_ = false;
};

}  // namespace cachecore_internal
