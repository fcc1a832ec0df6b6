// server.cpp: keys, tokens, and what is asked of the server around the grant itself.

#include "lock.h"
#include "scripts.h"

namespace lock_plugin {

namespace {

constexpr uint32_t buckets = 256;
// How often a plain lock of another system is looked at: nobody tells when it is released.
constexpr int64_t plain_ms = 100;

// The value of a field of INFO.
std::string_view info_field(std::string_view info, std::string_view field) {
  const size_t at = info.find(std::string(field) + ":");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = info.substr(at + field.size() + 1);
  return rest.substr(0, rest.find_first_of("\r\n"));
}

}  // namespace

locks::locks(host &host, const value &config)
    : host_(host),
      allow_eviction_(config.pairs()["allow_eviction"].as_bool()),
      migrate_from_(config.pairs()["migrate_from"].is_nil() ? "" : config.pairs()["migrate_from"].as_text()),
      channels_(std::string(host.key_prefix()) + "lock:to:") {
  std::array<uint8_t, 9> random{};
  host_.random(random);
  write_base64(random.data(), process_.data());
}

uint32_t locks::bucket_of(std::string_view name) noexcept {
  uint32_t hash = 2'166'136'261U;  // FNV-1a
  for (const char each : name) hash = (hash ^ static_cast<uint8_t>(each)) * 16'777'619U;
  return (hash ^ hash >> 16) % buckets;
}

lock_keys locks::keys_of(call &call, std::string_view name) const {
  const uint32_t bucket = bucket_of(name);
  return {call.key("lock:{", bucket, "}:k:", name), call.key("lock:{", bucket, "}:h:", name),
          call.key("lock:{", bucket, "}:w:", name), call.key("lock:{", bucket, "}:fence")};
}

token locks::new_token() {
  token made;
  std::copy(process_.begin(), process_.end(), made.text.begin());
  const std::lock_guard lock(random_mutex_);
  if (random_used_ == random_.size()) {
    host_.random(random_);
    random_used_ = 0;
  }
  write_base64(random_.data() + random_used_, made.text.data() + process_size);
  random_used_ += 9;
  return made;
}

// Once a process: a server that evicts would let go of locks that are held.
task<void> locks::admit(call &call) {
  if (!allow_eviction_) {
    const reply answers = co_await call.each_node("INFO", "memory");
    for (const value &each : answers.items()) {
      if (each.is(CACHECORE_ERROR) && (each.reserved == CACHECORE_REJECTED || each.reserved == CACHECORE_DENIED))
        continue;  // INFO is not allowed
      const std::string_view policy = info_field(each.or_throw().as_text(), "maxmemory_policy");
      if (!policy.empty() && policy != "noeviction") {
        throw error(CACHECORE_INVALID_STATE,
                    "the server may evict locks that are held (maxmemory-policy is " + std::string(policy) +
                        "): set it to noeviction, or allow_eviction in the plugin's configuration to true");
      }
    }
  }
  admitted_.store(true, std::memory_order_relaxed);
}

// A lock that another system holds by a plain key.
task<void> locks::wait_for_plain(call &call, request wanted) {
  const std::string plain = std::string(host_.key_prefix()) + migrate_from_ + std::string(wanted.name);
  for (;;) {
    const reply answer = co_await call.redis("PTTL", plain);
    const int64_t left = answer.as_int();
    call.forget(answer);
    if (left == -2) co_return;
    const int64_t rest = wanted.until == never ? never : wanted.until - host_.now_ms();
    if (rest <= 0) throw busy(wanted);
    const int64_t pause = std::min(left < 0 ? plain_ms : std::min(left + 1, plain_ms), rest);
    co_await call.sleep(pause);
  }
}

// Whether replicas have it: WAIT tells of all writes up to the last one of its connection.
task<void> locks::confirm(call &call, request wanted) {
  const uint32_t bucket = bucket_of(wanted.name);
  const std::string_view key = call.key("lock:{", bucket, "}:sync");
  lease connection = co_await call.lease(value(key));
  auto both = connection.commands();
  both.add("SET", key, "", "PX", 1'000);
  both.add("WAIT", wanted.replicas, wanted.sync_ms);
  const reply answers = co_await both;
  (void)answers.items()[0].or_throw();
  const int64_t reached = answers.items()[1].or_throw().as_int();
  connection.release();
  if (reached >= wanted.replicas) co_return;
  throw error(CACHECORE_UNCERTAIN, "sync: " + std::to_string(reached) + " of " + std::to_string(wanted.replicas) +
                                       " replicas confirmed within " + std::to_string(wanted.sync_ms) +
                                       " ms, so the lock was given back");
}

// 0: the lock is not held any more.
task<int64_t> locks::ask_fence(call &call, lock_keys keys, token id) {
  const reply answer = co_await call.script(scripts::fence(),
                                            cachecore::plugin::keys(keys.state, keys.holders, keys.waiters, keys.fence),
                                            channels_, id.view());
  if (answer.is_nil()) co_return 0;
  const auto fence = parse_fence(answer.as_text());
  if (!fence) throw error(CACHECORE_CORRUPT, "the fences' key holds something else");
  co_return fence->number();
}

}  // namespace lock_plugin
