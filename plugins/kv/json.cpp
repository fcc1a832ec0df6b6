// json.cpp: any value, stored as JSON.

#include <string>

#include "kv.h"

namespace kv_plugin {

namespace {

// The mask of kinds that a name of `get_json` stands for. 1.0 is written as 1 by many languages, so "double" takes
// integers.
uint32_t kinds_named(std::string_view name) {
  constexpr std::pair<std::string_view, uint32_t> names[] = {
      {"nil", CACHECORE_KIND_BIT(CACHECORE_NIL)},
      {"bool", spec::a_bool},
      {"int", spec::an_int},
      {"double", spec::a_double | spec::an_int},
      {"text", spec::some_bytes},
      {"bytes", spec::some_bytes},
      {"list", spec::a_list},
      {"map", spec::a_map},
  };
  for (const auto &[known, mask] : names) {
    if (name == known) return mask;
  }
  throw error(CACHECORE_INVALID_ARGUMENT, "kind must be one of nil, bool, int, double, text, bytes, list, map");
}

[[noreturn]] void corrupt(std::string_view key, const std::string &what) {
  throw error(CACHECORE_CORRUPT, "the key \"" + std::string(key) + "\" holds " + what);
}

}  // namespace

task<void> kv::set_json(call &call, std::string_view key, value data, std::optional<int64_t> ttl_ms) {
  auto set = call.words("SET", call.key(key), call.encode_json(data));
  if (ttl_ms) set.add("PX", *ttl_ms);
  co_await call.redis(set);
}

task<value> kv::get_json(call &call, std::string_view key, std::optional<std::string_view> kind) {
  const uint32_t wanted = kind ? kinds_named(*kind) : ~0u;
  const std::string wanted_name(kind.value_or(""));
  const std::string_view full_name = call.key(key);
  const value found = co_await call.redis("GET", full_name).may_be_stale();
  if (found.is_nil()) co_return not_found;
  const std::string_view name = full_name.substr(host_.key_prefix().size());
  value decoded;
  try {
    decoded = call.decode_json(found.as_text());
  } catch (const error &failed) {
    if (failed.status() != CACHECORE_INVALID_ARGUMENT) throw;
    // Not the decoder's words, which may quote what is stored.
    corrupt(name, "something that is not JSON");
  }
  if ((wanted & CACHECORE_KIND_BIT(static_cast<uint32_t>(decoded.kind))) == 0) {
    corrupt(name, std::string("JSON of kind ") + kind_name(decoded.kind) + ", not " + wanted_name);
  }
  co_return decoded;
}

}  // namespace kv_plugin
