#include "tests/config/loading.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace loading {

int clear_environment(void ** /*state*/) {
  for (const char *name : {"CACHECORE_URL", "CACHECORE_PLUGIN_PATH", "CACHECORE_ENV_FILES", "CACHECORE_SECRET_KEY",
                           "CACHECORE_SECRET_KEY_FILE", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_DB",
                           "REDIS_MAX_CONNECTIONS", "REDIS_RETRY_ON_TIMEOUT", "REDIS_DECODE_RESPONSES"}) {
    unsetenv(name);
  }
  return 0;
}

std::string directory::file(const std::string &name, std::string_view content, unsigned mode) const {
  std::string out = path(name);
  const int descriptor = open(out.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (descriptor < 0) test_die("cannot write %s", out.c_str());
  assert_int_equal(write(descriptor, content.data(), content.size()), content.size());
  assert_int_equal(fchmod(descriptor, mode), 0);
  close(descriptor);
  return out;
}

cachecore_internal::configuration load_json(const std::string &json) {
  cachecore_options options;
  cachecore_options_init(&options);
  options.config_json = json.c_str();
  return cachecore_internal::load_configuration(&options);
}

cachecore_internal::configuration load_file(const std::string &path) {
  cachecore_options options;
  cachecore_options_init(&options);
  options.config_file = path.c_str();
  return cachecore_internal::load_configuration(&options);
}

cachecore_internal::configuration load_environment() { return cachecore_internal::load_configuration(nullptr); }

}  // namespace loading
