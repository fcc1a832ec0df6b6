// async.cpp: one thread that keeps 256 requests in flight.
#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <poll.h>

#include <array>
#include <chrono>

#include "bench.h"
#include "core_of.h"

namespace bench {

namespace {

constexpr size_t window = 256;

bool over(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begun).count() >= run_ns();
}

class our_window {
 public:
  our_window() : core_(open_core(server_url())), get_(find(core_.get(), "kv.get")) {
    cachecore_error error;
    check(cachecore_completions_create(core_.get(), &queue_, &error), error, "completions_create");
  }
  our_window(const our_window &) = delete;
  our_window &operator=(const our_window &) = delete;
  ~our_window() { cachecore_completions_destroy(queue_); }

  sample run() {
    const stopwatch watch(test_server_pid(server()));
    const auto begun = std::chrono::steady_clock::now();
    size_t done = 0;
    size_t in_flight = 0;
    bool ends = false;
    while (!ends || in_flight > 0) {
      for (; !ends && in_flight < window; in_flight++) submit();
      const size_t drained = drain();
      in_flight -= drained;
      done += drained;
      ends = ends || over(begun);
    }
    return watch.end(static_cast<double>(done));
  }

 private:
  void submit() {
    const cachecore_value key = cachecore_bytes(bench_key.data(), bench_key.size());
    cachecore_error error;
    check(cachecore_submit(core_.get(), get_, &key, 1, 0, queue_, 0, nullptr, &error), error, "submit");
  }

  size_t drain() {
    std::array<cachecore_completion, window> ended{};
    const size_t count = cachecore_completions_drain(queue_, ended.data(), ended.size());
    if (count == 0) {
      pollfd ready{cachecore_completions_fd(queue_), POLLIN, 0};
      poll(&ready, 1, -1);
    }
    for (size_t i = 0; i < count; i++) {
      const cachecore_value *answer = cachecore_result_value(ended[i].result);
      if (ended[i].status != CACHECORE_OK || answer->as.bytes.size != bench_value_size) test_die("kv.get failed");
      cachecore_result_free(ended[i].result);
    }
    return count;
  }

  core_ptr core_;
  const cachecore_method *get_;
  cachecore_completions *queue_ = nullptr;
};

class peer_window {
 public:
  peer_window() : base_(event_base_new()), context_(redisAsyncConnect("127.0.0.1", test_server_port(server()))) {
    if (context_->err != 0 || redisLibeventAttach(context_, base_) != REDIS_OK) test_die("hiredis cannot connect");
  }
  peer_window(const peer_window &) = delete;
  peer_window &operator=(const peer_window &) = delete;
  ~peer_window() {
    redisAsyncFree(context_);
    event_base_free(base_);
  }

  sample run() {
    const stopwatch watch(test_server_pid(server()));
    begun_ = std::chrono::steady_clock::now();
    done_ = 0;
    for (in_flight_ = 0; in_flight_ < window; in_flight_++) submit();
    while (in_flight_ > 0) event_base_loop(base_, EVLOOP_ONCE);
    return watch.end(static_cast<double>(done_));
  }

 private:
  void submit() {
    const char *words[] = {"GET", bench_key.data()};
    const size_t sizes[] = {3, bench_key.size()};
    redisAsyncCommandArgv(context_, &peer_window::answered, this, 2, words, sizes);
  }

  static void answered(redisAsyncContext * /*context*/, void *reply, void *self) {
    auto *owner = static_cast<peer_window *>(self);
    if (reply == nullptr || static_cast<redisReply *>(reply)->len != bench_value_size)
      test_die("hiredis: a wrong value");
    owner->done_++;
    // The clock is read once a window, as our side does.
    if (owner->done_ % window == 0) owner->ends_ = over(owner->begun_);
    if (owner->ends_) {
      if (--owner->in_flight_ == 0) owner->ends_ = false;
    } else {
      owner->submit();
    }
  }

  event_base *base_;
  redisAsyncContext *context_;
  std::chrono::steady_clock::time_point begun_;
  size_t done_ = 0;
  size_t in_flight_ = 0;
  bool ends_ = false;
};

sides make_async() {
  const auto ours = std::make_shared<our_window>();
  const auto peer = std::make_shared<peer_window>();
  return {[ours] { return ours->run(); }, [peer] { return peer->run(); }, nullptr};
}

}  // namespace

std::vector<row> async_rows() {
  constexpr auto rate = quantity::operations_per_second;
  return {
      {"get.async", "hiredis async, libevent", rate, 1.4, 0, true, make_async},
      {"get.async.unpinned", "hiredis async, libevent", rate, 1.0, 0, false, make_async},
  };
}

}  // namespace bench
