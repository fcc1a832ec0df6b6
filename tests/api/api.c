#include "api.h"

#include <dirent.h>

long test_length(long count, long count_long) {
  const char *length = getenv("CACHECORE_TEST_LENGTH");
  return length != NULL && strcmp(length, "long") == 0 ? count_long : count;
}

cachecore *test_core(const char *url, const char *const *plugins) {
  static const char *const none[] = {NULL};
  cachecore_options options;
  cachecore_options_init(&options);
  options.url = url;
  options.plugins = plugins != NULL ? plugins : none;
  cachecore *core = NULL;
  cachecore_error error;
  if (cachecore_init(&options, &core, &error) != CACHECORE_OK) test_die("cachecore_init: %s", error.message);
  return core;
}

const char *conformance_plugin(void) {
  const char *path = getenv("CACHECORE_CONFORMANCE_PLUGIN");
  if (path == NULL) test_die("CACHECORE_CONFORMANCE_PLUGIN is not set");
  return path;
}

cachecore_status test_redis(cachecore *core, const char *const *words, size_t count, cachecore_result **out,
                            cachecore_error *error) {
  cachecore_value values[16];
  for (size_t i = 0; i < count; i++) values[i] = cachecore_text(words[i]);
  const cachecore_value list = cachecore_list(values, count);
  return cachecore_invoke(core, "redis.command", &list, 1, out, error);
}

int test_open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  if (directory == NULL) test_die("/proc/self/fd cannot be read");
  int count = 0;
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

const cachecore_method *test_method(cachecore *core, const char *name) {
  const cachecore_method *method = NULL;
  cachecore_error error;
  if (cachecore_method_find(core, name, &method, &error) != CACHECORE_OK) test_die("%s: %s", name, error.message);
  return method;
}
