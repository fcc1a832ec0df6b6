// worker.hpp: threads that work on a queue, with a lambda.
//
//     cachecore::worker worker(core, {.queue = "mails", .concurrency = 8}, [](const cachecore::job &job) {
//       send(job.payload().as<std::string>());                  // an exception is a failure, and the job is tried
//       again
//     });
//     ...
//     worker.stop(10s);                                         // lets running jobs end
//
// The work may return a value: then it is kept as the job's result. `cachecore::retry{5s, "why"}` thrown says when to
// try again, `cachecore::retry::never` that it is of no use. Each thread claims one job at a time; its acknowledgement
// rides with the claim of the next. Leases are renewed by the core's own thread, however busy the worker is.
//
// Thread rule: the work runs on the worker's threads, several at once; stop and the destructor by the owner alone, not
// from the work. Invariant: a job that was begun is ended once; the destructor waits for the jobs that run.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "core.hpp"

namespace cachecore {

// A claimed job; lives as long as the call of the work.
class job {
 public:
  job(const caller &core, value_view claimed) : core_(core), claimed_(claimed) {}

  [[nodiscard]] std::string id() const { return claimed_["id"].as<std::string>(); }
  [[nodiscard]] std::string queue() const { return claimed_["queue"].as<std::string>(); }
  [[nodiscard]] value_view payload() const { return claimed_["payload"]; }
  // 1 at the first run; a later one tells that an earlier may have done something.
  [[nodiscard]] int64_t attempt() const { return claimed_["attempt"].as<int64_t>(); }
  // What queue.extend and the like take.
  [[nodiscard]] std::string handle() const { return claimed_["job"].as<std::string>(); }

  template <class T>
  void progress(const T &done) const {
    core_.call("queue.progress", handle(), done);
  }
  // Whether somebody cancelled it, or took it over: the work is of no use any more.
  [[nodiscard]] bool lost() const {
    try {
      core_.call("queue.extend", handle());
      return false;
    } catch (const error &reason) {
      if (reason.status() == status::conflict) return true;
      throw;
    }
  }

 private:
  caller core_;
  value_view claimed_;
};

// Thrown by the work: the attempt failed, and the next comes after so long.
class retry : public std::exception {
 public:
  static constexpr std::chrono::milliseconds never{-1};

  retry(std::chrono::milliseconds later, std::string why) : later_(later), why_(std::move(why)) {}
  [[nodiscard]] const char *what() const noexcept override { return why_.c_str(); }
  [[nodiscard]] int64_t later_ms() const noexcept { return later_.count(); }

 private:
  std::chrono::milliseconds later_;
  std::string why_;
};

struct worker_options {
  std::string queue{};
  size_t concurrency = 1;
  std::chrono::milliseconds lease{0};   // 0: the plugin's
  std::chrono::milliseconds poll{500};  // how late an idle thread sees that it is to stop
};

class worker {
 public:
  template <class Work>
  worker(const caller &core, worker_options options, Work work)
      : core_(core), options_(std::move(options)), work_(wrap(std::move(work))) {
    if (options_.queue.empty() || options_.concurrency == 0 || options_.poll.count() <= 0)
      throw error(status::invalid_argument, "worker: queue must be set, concurrency and poll must be > 0");
    try {
      for (size_t i = 0; i < options_.concurrency; i++) {
        const std::lock_guard lock(mutex_);
        threads_.emplace_back([this] { run(); });
        running_++;
      }
    } catch (...) {
      end();
      throw;
    }
  }
  worker(const worker &) = delete;
  worker &operator=(const worker &) = delete;
  ~worker() { end(); }

  // Lets running jobs end and acknowledges them; false when some still ran when the time was over (the destructor waits
  // for them). Without a deadline it waits however long it takes.
  bool stop(std::optional<std::chrono::milliseconds> deadline = std::nullopt) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    const auto ended = [this] { return running_ == 0; };
    if (!deadline) {
      changed_.wait(lock, ended);
      return true;
    }
    return changed_.wait_for(lock, *deadline, ended);
  }

 private:
  void end() {
    (void)stop();
    for (auto &thread : threads_) thread.join();
  }

  using work_function = std::function<std::optional<value>(const job &)>;

  template <class Work>
  static work_function wrap(Work work) {
    return [work = std::move(work)](const job &claimed) mutable -> std::optional<value> {
      if constexpr (std::is_void_v<std::invoke_result_t<Work &, const job &>>) {
        work(claimed);
        return std::nullopt;
      } else {
        return value(work(claimed));
      }
    };
  }

  [[nodiscard]] bool stops() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  void pause() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(100), [this] { return stopping_; });
  }

  void run() {
    std::vector<std::string> done;
    for (;;) {
      const bool stopping = stops();
      if (stopping && done.empty()) break;
      try {
        const std::optional<int64_t> lease =
            options_.lease.count() > 0 ? std::optional(options_.lease.count()) : std::nullopt;
        // The last claim takes nothing, it only acknowledges.
        const result claimed =
            core_.call("queue.claim", options_.queue, stopping ? 0 : 1,
                       stopping ? int64_t{0} : static_cast<int64_t>(options_.poll.count()), lease, done);
        done.clear();
        if (!claimed.view().items().empty()) work_on(claimed.view()[0], done);
      } catch (const error &reason) {
        // What was to be acknowledged is said again: the second of two is harmless.
        if (stopping || reason.status() == status::closed || reason.status() == status::forked) break;
        pause();
      }
    }
    const std::lock_guard lock(mutex_);
    running_--;
    changed_.notify_all();
  }

  void work_on(value_view claimed, std::vector<std::string> &done) {
    const job one(core_, claimed);
    std::optional<value> kept;
    std::string why;
    std::optional<int64_t> later;
    try {
      kept = work_(one);
    } catch (const retry &asked) {
      why = asked.what();
      if (why.empty()) why = "the work asked for another attempt";
      later = asked.later_ms();
    } catch (const std::exception &failed) {
      why = failed.what();
      if (why.empty()) why = "the work failed";
    } catch (...) {
      why = "the work threw something that is no std::exception";
    }
    if (why.empty() && !kept) {
      done.push_back(one.handle());
      return;
    }
    for (int tries = 0; tries < 3; tries++) {
      try {
        if (why.empty()) {
          core_.call("queue.complete", one.handle(), *kept);
        } else {
          core_.call("queue.fail", one.handle(), why, later);
        }
        return;
      } catch (const error &reason) {
        const bool unknown = reason.status() == status::uncertain || reason.status() == status::unavailable ||
                             reason.status() == status::timeout || reason.status() == status::busy;
        if (!unknown) return;
        pause();
      }
    }
  }

  const caller core_;
  const worker_options options_;
  const work_function work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace cachecore
