#include "queue.h"

#include <charconv>

namespace queue_plugin {

namespace {

constexpr size_t setting_variants = 64;

std::string random_name(const host &host) {
  constexpr char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::array<uint8_t, 12> bytes;
  host.random(bytes);
  std::string name;
  for (const uint8_t byte : bytes) name += digits[byte & 31];
  return name;
}

}  // namespace

queues::queues(host &host, const value &config)
    : host_(host),
      settings_(config),
      process_(random_name(host)),
      pushed_(host.counter("pushed", "Jobs that this process pushed.")),
      claimed_(host.counter("claimed", "Jobs that this process claimed.")),
      late_(host.counter("late", "Acknowledgements within a claim that came after the end of their lease.")),
      wakes_(host.counter("wakes", "Waiting claims that were woken to look for a job.")) {
  // The scripts' jitter: each call takes another of these.
  for (size_t i = 0; i < setting_variants; i++) {
    std::array<uint8_t, 2> bytes;
    host.random(bytes);
    const int share = (bytes[0] * 256 + bytes[1]) % 1000;
    setting_words_.push_back(settings_.script_words + "0." + std::to_string(1000 + share).substr(1));
  }
}

line &queues::line_of(std::string_view queue) {
  if (queue.size() > 1024) throw error(CACHECORE_INVALID_ARGUMENT, "queue must have at most 1024 bytes");
  const std::string name(queue);
  {
    const std::shared_lock lock(lines_mutex_);
    const auto found = lines_.find(name);
    if (found != lines_.end()) return *found->second;
  }
  const std::unique_lock lock(lines_mutex_);
  std::unique_ptr<line> &made = lines_[name];
  if (made == nullptr) made = std::make_unique<line>(queue);
  return *made;
}

std::string_view queues::base_of(call &call, std::string_view queue) { return call.key("{q:", queue, "}:"); }

std::string_view queues::words_of_settings() {
  return setting_words_[counter_.load(std::memory_order_relaxed) % setting_variants];
}

std::string queues::new_name(char kind) {
  char digits[16];
  const uint64_t number = counter_.fetch_add(1, std::memory_order_relaxed);
  const char *const end = std::to_chars(digits, digits + sizeof(digits), number, 36).ptr;
  std::string name = process_;
  name += kind;
  name.append(static_cast<const char *>(digits), end);
  return name;
}

std::string_view queues::new_name(call &call, char kind) { return call.copy(new_name(kind)).text(); }

task<value> queues::run(call &call, const cachecore_script &script, std::string_view base,
                        std::span<const value> arguments) {
  const value key = base;
  if (settings_.sync_replicas == 0) {
    co_return co_await call.script_words(script, {&key, 1}, arguments);
  }
  lease connection = co_await call.lease(key);
  auto commands = connection.commands();
  words evaluation = call.words("EVAL", std::string_view(script.source, script.source_size), 1, base);
  for (const value &argument : arguments) evaluation.add(argument);
  commands.add(evaluation).add("WAIT", settings_.sync_replicas, settings_.sync_timeout_ms);
  const value replies = co_await commands;
  connection.release();
  const value outcome = replies.items()[0].or_throw();
  const int64_t confirmed = replies.items()[1].or_throw().as_int();
  if (confirmed < settings_.sync_replicas) {
    throw error(CACHECORE_UNCERTAIN, "done, but confirmed by " + std::to_string(confirmed) + " of " +
                                         std::to_string(settings_.sync_replicas) +
                                         " replicas within sync.timeout_ms: a failover now may lose it");
  }
  co_return outcome;
}

task<void> queues::check_server(call &call) {
  if (!settings_.allow_eviction) {
    value info;
    try {
      info = co_await call.redis("INFO", "memory");
    } catch (const error &failed) {
      if (failed.status() != CACHECORE_REJECTED && failed.status() != CACHECORE_DENIED) throw;
      info = value("");
    }
    const std::string_view text = info.as_text();
    constexpr std::string_view field = "maxmemory_policy:";
    const size_t at = text.find(field);
    if (at != std::string_view::npos) {
      const std::string_view policy =
          text.substr(at + field.size(), text.find_first_of("\r\n", at) - at - field.size());
      if (policy != "noeviction") {
        throw error(CACHECORE_INVALID_STATE, "the server may evict jobs (maxmemory-policy " + std::string(policy) +
                                                 "): set it to noeviction, or the plugin's allow_eviction to true");
      }
    }
  }
  checked_.store(true, std::memory_order_release);
}

task<void> queues::begin(call &call, line *queue) {
  if (!checked_.load(std::memory_order_acquire)) co_await check_server(call);
  if (queue != nullptr && !queue->listed.load(std::memory_order_relaxed)) {
    (void)co_await call.redis("SADD", call.key("queues"), std::string_view(queue->name)).idempotent();
    queue->listed.store(true, std::memory_order_relaxed);
  }
}

handle queues::handle_of(std::string_view job) {
  const auto parsed = parse_handle(job);
  if (!parsed) throw error(CACHECORE_INVALID_ARGUMENT, "job must be what claim gave as `job`");
  return *parsed;
}

std::string queues::member_of(const handle &job) {
  std::string member(job.token);
  member += '|';
  member += job.id;
  return member;
}

queues::stored queues::store(call &call, const value &data) {
  if (data.is(CACHECORE_BYTES)) return {data.text(), ""};
  return {call.encode_json(data).text(), "j"};
}

value queues::restore(call &call, const value &bytes, std::string_view format) {
  if (format != "j") return bytes;
  try {
    return call.decode_json(bytes.as_text());
  } catch (const error &) {
    return bytes;
  }
}

}  // namespace queue_plugin
