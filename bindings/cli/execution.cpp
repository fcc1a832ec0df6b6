#include "execution.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>

#include "description.h"
#include "failure.h"
#include "signals.h"

namespace cachectl {
namespace {

class running_call {
 public:
  running_call(cachecore *core, const call_settings &settings, const output &out, const answer_receiver &receiver)
      : core_(core), settings_(settings), out_(out), receiver_(receiver), queue_(make_completions(core)) {}

  cachecore_status run(const cachecore_method *method, std::span<const cachecore_value> args) {
    cachecore_error error;
    const cachecore_status submitted = cachecore_submit(core_, method, args.data(), args.size(), settings_.timeout_ms,
                                                        queue_.get(), 0, &operation_, &error);
    if (submitted != CACHECORE_OK) throw failure(error);
    while (!ended_) {
      if (drain() > 0) continue;
      receiver_.caught_up();
      wait();
    }
    return conclude();
  }

 private:
  size_t drain() {
    std::array<cachecore_completion, 64> batch{};
    const size_t count = cachecore_completions_drain(queue_.get(), batch.data(), batch.size());
    // All are owned before the first is looked at, since looking may throw.
    std::array<result_pointer, 64> results;
    for (size_t i = 0; i < count; ++i) results[i].reset(batch[i].result);
    for (size_t i = 0; i < count; ++i) receive(batch[i], results[i]);
    return count;
  }

  void receive(const cachecore_completion &completion, result_pointer &result) {
    const cachecore_value &value = *cachecore_result_value(result.get());
    if ((completion.flags & CACHECORE_COMPLETION_MORE) == 0) {
      ended_ = true;
      status_ = completion.status;
      last_ = std::move(result);
      return;
    }
    if ((completion.flags & CACHECORE_COMPLETION_DROPPED) != 0) {
      const cachecore_value *dropped = member(value, "dropped");
      return receiver_.lost(dropped == nullptr ? 0 : dropped->as.integer);
    }
    if (enough()) return;
    receiver_.answer(value);
    ++items_;
    if (enough()) cancel();
  }

  [[nodiscard]] bool enough() const { return settings_.most_items > 0 && items_ >= settings_.most_items; }

  void wait() {
    std::array<pollfd, 3> watched = {{{cachecore_completions_fd(queue_.get()), POLLIN, 0},
                                      {signals_.descriptor(), POLLIN, 0},
                                      {settings_.streaming ? out_.descriptor() : -1, 0, 0}}};
    if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
      throw failure(CACHECORE_INTERNAL, std::string("cannot wait for the answer: ") + std::strerror(errno));
    }
    if (const int signal = signals_.take(); signal != 0) {
      if (signal_ != 0) end_by_signal(signal);
      signal_ = signal;
      cancel();
    } else if ((watched[2].revents & POLLERR) != 0 && signal_ == 0) {
      throw interruption(SIGPIPE);  // giving up the queue on the way ends the stream
    }
  }

  void cancel() {
    cachecore_error error;
    if (cachecore_cancel(core_, operation_, &error) != CACHECORE_OK) throw failure(error);
  }

  cachecore_status conclude() {
    const bool asked = signal_ != 0 || enough();
    if (status_ < 0 && !(asked && (status_ == CACHECORE_CANCELLED || status_ == CACHECORE_UNCERTAIN))) {
      const cachecore_error *error = cachecore_result_error(last_.get());
      if (error == nullptr) throw failure(status_, cachecore_status_name(status_));
      throw failure(*error);
    }
    if (status_ == CACHECORE_OK && !settings_.streaming) receiver_.answer(*cachecore_result_value(last_.get()));
    if (signal_ != 0) throw interruption(signal_);
    return status_ == CACHECORE_NOT_FOUND ? status_ : CACHECORE_OK;
  }

  cachecore *core_;
  const call_settings &settings_;
  const output &out_;
  const answer_receiver &receiver_;
  signal_watch signals_;  // outlives the queue: no signal ends the program while the queue is given up
  completions_pointer queue_;
  uint64_t operation_ = 0;
  int64_t items_ = 0;
  int signal_ = 0;
  bool ended_ = false;
  cachecore_status status_ = CACHECORE_OK;
  result_pointer last_;
};

}  // namespace

cachecore_status run_call(cachecore *core, const cachecore_method *method, std::span<const cachecore_value> args,
                          const call_settings &settings, const output &out, const answer_receiver &receiver) {
  return running_call(core, settings, out, receiver).run(method, args);
}

}  // namespace cachectl
