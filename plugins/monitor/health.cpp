// health.cpp: can the cache be read and written, and if not, why.
//
// Each check has the time limit for itself. After one that got no answer the rest are not tried: they would wait as
// long, and whoever asks wants to know soon. After one that was refused they are: a replica can still be read.
#include <array>
#include <span>

#include "monitor.h"
#include "within.h"

namespace monitor_plugin {

namespace {

struct reason {
  std::string_view code;
  const char *name;
};

constexpr reason reasons[] = {
    {"NOAUTH", "denied"},
    {"WRONGPASS", "denied"},
    {"NOPERM", "denied"},
    {"READONLY", "read_only"},
    {"OOM", "out_of_memory"},
    {"NOREPLICAS", "too_few_replicas"},
    {"MISCONF", "cannot_save"},
    {"LOADING", "loading"},
    {"MASTERDOWN", "master_down"},
    {"CLUSTERDOWN", "cluster_down"},
    {"BUSY", "busy"},
};

const char *name_reason(const error &failed) {
  // A script's or transaction's refusal names the code inside of its message.
  for (const reason &each : reasons) {
    if (failed.server_code() == each.code || failed.message().find(each.code) != std::string_view::npos)
      return each.name;
  }
  switch (failed.status()) {
    case CACHECORE_TIMEOUT:
    case CACHECORE_UNCERTAIN:
      return "timeout";
    case CACHECORE_UNAVAILABLE:
      return "unavailable";
    case CACHECORE_DENIED:
      return "denied";
    case CACHECORE_BUSY:
      return "too_many_connections";
    case CACHECORE_CORRUPT:
      return "wrong_answer";
    default:
      return "error";
  }
}

bool is_silence(cachecore_status status) {
  return status == CACHECORE_TIMEOUT || status == CACHECORE_UNCERTAIN || status == CACHECORE_UNAVAILABLE ||
         status == CACHECORE_DENIED;
}

double milliseconds_since(int64_t began_ns) {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec - began_ns) / 1e6;
}

int64_t nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// The four checks and what came of them.
class examination {
 public:
  examination(call &call, int64_t timeout_ms) : call_(call), timeout_ms_(timeout_ms) {}

  [[nodiscard]] bool silent() const noexcept { return silent_; }
  [[nodiscard]] bool all_good() const noexcept { return good_ == count_; }
  [[nodiscard]] bool good(size_t check) const noexcept { return passed_[check]; }
  // Of a round trip: of the read, since the ping may have made the connection first.
  [[nodiscard]] double latency_ms() const noexcept { return passed_[2] ? latencies_[2] : latencies_[0]; }
  [[nodiscard]] value checks() { return call_.list(std::span<const value>(checks_.data(), count_)); }
  [[nodiscard]] value first_reason() const noexcept { return first_reason_; }
  [[nodiscard]] value first_message() const noexcept { return first_message_; }

  // `inspect` throws when the answer is not what it should be.
  template <class Begin, class Inspect>
  task<void> check(call &call, const char *name, Begin begin, Inspect inspect) {
    const size_t number = count_++;
    if (silent_) {
      checks_[number] = call.map({{"name", name}, {"ok", false}, {"reason", "not_tried"}});
      co_return;
    }
    const int64_t began = nanoseconds();
    std::optional<error> failed;
    try {
      const reply answer = co_await within(call, timeout_ms_, begin);
      inspect(answer);
    } catch (const error &thrown) {
      failed = thrown;
    }
    const double latency_ms = milliseconds_since(began);
    latencies_[number] = latency_ms;
    if (!failed) {
      passed_[number] = true;
      good_++;
      checks_[number] = call.map({{"name", name}, {"ok", true}, {"latency_ms", latency_ms}});
      co_return;
    }
    silent_ = is_silence(failed->status());
    const value why = name_reason(*failed);
    const value message = call.copy(failed->message());
    if (first_reason_.is_nil()) {
      first_reason_ = why;
      first_message_ = message;
    }
    checks_[number] =
        call.map({{"name", name}, {"ok", false}, {"latency_ms", latency_ms}, {"reason", why}, {"message", message}});
  }

 private:
  call &call_;
  const int64_t timeout_ms_;
  std::array<value, 4> checks_;
  std::array<bool, 4> passed_{};
  size_t count_ = 0;
  size_t good_ = 0;
  bool silent_ = false;
  std::array<double, 4> latencies_{};
  value first_reason_;
  value first_message_;
};

// A key and a value that nobody else has.
struct probe {
  std::string_view key;
  std::string_view content;
};

probe make_probe(call &call) {
  std::array<uint8_t, 16> random{};
  call.host().random(random);
  std::array<char, 32> hex{};
  for (size_t i = 0; i < random.size(); i++) {
    hex[2 * i] = "0123456789abcdef"[random[i] >> 4];
    hex[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
  }
  const std::string_view name(hex.data(), hex.size());
  return {call.key("monitor:health:", name), call.copy(name).text()};
}

}  // namespace

task<value> monitor::health(call &call, std::optional<int64_t> timeout_ms) {
  const probe probe = make_probe(call);
  examination made(call, timeout_ms.value_or(check_timeout_ms_));
  const auto *redis = call.services().redis;
  const auto send = [&call, redis](std::span<const value> words) {
    return [&call, redis, words](cachecore_continuation then, void *state) {
      redis->command(call.raw(), words.data(), words.size(), 0, then, state);
    };
  };

  const std::array<value, 1> ping{"PING"};
  co_await made.check(
      call, "ping",
      [&](cachecore_continuation then, void *state) {
        redis->each_node(call.raw(), ping.data(), ping.size(), 0, then, state);
      },
      [](const reply &answers) {
        for (const value &each : answers.items()) each.or_throw();
      });
  const std::array<value, 5> set{"SET", probe.key, probe.content, "PX", int64_t{60'000}};
  co_await made.check(call, "write", send(set), [](const reply &) {});
  const std::array<value, 2> get{"GET", probe.key};
  const bool written = made.good(1);
  co_await made.check(call, "read", send(get), [&probe, written](const reply &answer) {
    if (written && (!answer.is(CACHECORE_BYTES) || answer.text() != probe.content))
      throw error(CACHECORE_CORRUPT, "what was written a moment ago is not what is read now");
  });
  const std::array<value, 2> unlink{"UNLINK", probe.key};
  co_await made.check(call, "delete", send(unlink), [](const reply &) {});

  const bool answers = made.good(0) && made.good(2);
  std::vector<entry> out{{"status", made.all_good() ? "healthy"
                                    : answers       ? "degraded"
                                                    : "unhealthy"},
                         {"latency_ms", made.latency_ms()},
                         {"read_write", made.good(1) && made.good(2) && made.good(3)},
                         {"checks", made.checks()}};
  if (!made.all_good()) {
    out.push_back({"reason", made.first_reason()});
    out.push_back({"message", made.first_message()});
  }
  co_return call.map(out);
}

}  // namespace monitor_plugin
