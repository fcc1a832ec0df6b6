#include "core/config/environment.h"

#include <cstdlib>

#include "core/config/small_file.h"

namespace cachecore_internal {
namespace {

constexpr const char *names[] = {
    "CACHECORE_URL",
    "CACHECORE_PLUGIN_PATH",
    "CACHECORE_ENV_FILES",
    "CACHECORE_SECRET_KEY",
    "CACHECORE_SECRET_KEY_FILE",
    "REDIS_HOST",
    "REDIS_PORT",
    "REDIS_PASSWORD",
    "REDIS_DB",
    "REDIS_MAX_CONNECTIONS",
    "REDIS_RETRY_ON_TIMEOUT",
    "REDIS_DECODE_RESPONSES",
};

}  // namespace

environment::environment() {
  variables process;
  for (const char *name : names) {
    const char *value = secure_getenv(name);
    if (value != nullptr && *value != '\0') process[name] = {value, std::string("environment variable ") + name, 0};
  }
  sources_.push_back(std::move(process));
}

void environment::add_file(const std::string &path) {
  const secret_text content = read_small_file(path, "env file");
  variables found = read_env_text(content.text(), "env file " + path);
  for (auto &[name, entry] : found) entry.rank = sources_.size();
  sources_.push_back(std::move(found));
}

std::optional<variable> environment::find(const std::string &name) const {
  for (const variables &source : sources_) {
    const auto found = source.find(name);
    if (found != source.end() && !found->second.value.empty()) return found->second;
  }
  return std::nullopt;
}

}  // namespace cachecore_internal
