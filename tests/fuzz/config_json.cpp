// Any bytes as config_json: refused with INVALID_ARGUMENT in printable text, or a configuration that keeps its
// promises.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/config/configuration.h"
#include "core/config/json_text.h"
#include "core/failure.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_promises(const cachecore_internal::configuration &read) {
  check(read.max_connections >= 1 && read.connect_timeout_ms >= 1 && read.busy_poll_us >= 0);
  check(read.call_timeout_ms == -1 || read.call_timeout_ms >= 1);
  check(!read.server_is_default || read.server.display() == "embedded://");
  check(read.server.password.empty() || read.server.password_file.empty());
  check(!read.all_built_in || read.plugins.empty());
  for (const std::string &directory : read.plugin_path) check(directory.starts_with('/'));
  for (const auto &[name, config] : read.plugin_configs) {
    check(config.starts_with('{') && config.ends_with('}'));
    cachecore_internal::check_json(config, name);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int cleared = clearenv();
  check(cleared == 0);
  const std::string json(reinterpret_cast<const char *>(data), size);
  cachecore_options options;
  cachecore_options_init(&options);
  options.config_json = json.c_str();
  try {
    check_promises(cachecore_internal::load_configuration(&options));
  } catch (const cachecore_internal::failure &refusal) {
    check(refusal.status() == CACHECORE_INVALID_ARGUMENT && !refusal.message().empty());
  }
  return 0;
}
