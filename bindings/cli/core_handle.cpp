#include "core_handle.h"

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iterator>
#include <utility>
#include <vector>

#include "failure.h"
#include "global_options.h"
#include "text.h"
#include "value_store.h"

namespace cachectl {
namespace {

void check(cachecore_status status, const cachecore_error &error) {
  if (status != CACHECORE_OK) throw failure(error);
}

const char *or_null(const std::string &text) { return text.empty() ? nullptr : text.c_str(); }

const char *level_name(int32_t level) {
  switch (level) {
    case CACHECORE_LOG_DEBUG:
      return "debug";
    case CACHECORE_LOG_INFO:
      return "info";
    case CACHECORE_LOG_WARNING:
      return "warning";
    default:
      return "error";
  }
}

std::string log_text(const global_options &options, int32_t level, const char *message) {
  if (options.output != format::json)
    return std::string("cachectl: ") + level_name(level) + ": " + shown(message) + "\n";
  value_store store;
  return encode_json(store.map(
             {pair_of("level", cachecore_text(level_name(level))), pair_of("log", store.bytes(shown(message)))})) +
         "\n";
}

// Runs on any thread of the library, so it writes by itself and in one piece. A line that cannot be made or written has
// nobody to tell.
void log_line(void *log_context, int32_t level, const char *message) noexcept {
  const auto *const options = static_cast<const global_options *>(log_context);
  const int32_t least = options->quiet ? CACHECORE_LOG_ERROR : CACHECORE_LOG_WARNING;
  if (!options->verbose && (options->output == format::json || level < least)) return;
  try {
    const std::string line = log_text(*options, level, message);
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  } catch (const std::exception &) {
  }
}

// A path as the caller means it, from the directory they are in; the library takes absolute ones alone.
std::string absolute(const std::string &path) { return std::filesystem::absolute(path).lexically_normal().string(); }

std::string absolute_directories(const std::string &list) {
  std::string out;
  size_t begin = 0;
  while (begin <= list.size()) {
    const size_t end = std::min(list.find(':', begin), list.size());
    if (end > begin) out += (out.empty() ? "" : ":") + absolute(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

core_pointer initialise(const cachecore_options &options) {
  cachecore *core = nullptr;
  cachecore_error error;
  check(cachecore_init(&options, &core, &error), error);
  return core_pointer(core);
}

}  // namespace

core_pointer open_core(const global_options &given) {
  const std::string plugin_path = absolute_directories(given.plugin_path);
  cachecore_options options;
  cachecore_options_init(&options);
  options.url = or_null(given.url);
  options.config_json = or_null(given.config_json);
  options.config_file = or_null(given.config_file);
  options.plugin_path = or_null(plugin_path);
  options.key_prefix = or_null(given.key_prefix);
  options.log = log_line;
  options.log_context = const_cast<global_options *>(&given);
  core_pointer core = initialise(options);
  for (const std::string &plugin : given.plugins) {
    const bool path = plugin.find('/') != std::string::npos;
    cachecore_error error;
    check(cachecore_plugin_load(core.get(), (path ? absolute(plugin) : plugin).c_str(), nullptr, &error), error);
  }
  return core;
}

core_pointer open_bare_core() {
  const char *const none[] = {nullptr};
  cachecore_options options;
  cachecore_options_init(&options);
  options.url = "embedded://";
  options.plugins = none;
  return initialise(options);
}

result_pointer describe(cachecore *core) {
  cachecore_result *result = nullptr;
  cachecore_error error;
  check(cachecore_describe(core, &result, &error), error);
  return result_pointer(result);
}

const cachecore_method *find_method(cachecore *core, const std::string &name) {
  const cachecore_method *method = nullptr;
  cachecore_error error;
  check(cachecore_method_find(core, name.c_str(), &method, &error), error);
  return method;
}

completions_pointer make_completions(cachecore *core) {
  cachecore_completions *queue = nullptr;
  cachecore_error error;
  check(cachecore_completions_create(core, &queue, &error), error);
  return completions_pointer(queue);
}

result_pointer decode_json(std::string_view text) {
  cachecore_result *result = nullptr;
  cachecore_error error;
  check(cachecore_json_decode(text.empty() ? "" : text.data(), text.size(), &result, &error), error);
  return result_pointer(result);
}

std::string encode_json(const cachecore_value &value) {
  cachecore_result *result = nullptr;
  cachecore_error error;
  check(cachecore_json_encode(&value, &result, &error), error);
  const result_pointer owner(result);
  return std::string(view_of(*cachecore_result_value(result)));
}

}  // namespace cachectl
