// Lays the sources over each other: a setting is the first source's that has one. What belongs to a server is
// server_source.cpp's.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/config/rejection.h"
#include "core/config/server_source.h"
#include "core/config/settings.h"
#include "core/config/small_file.h"

namespace cachecore_internal {
namespace {

constexpr size_t smallest_options = offsetof(cachecore_options, config_json);  // struct_size and url
constexpr size_t largest_options = 4096;

// The caller's struct at this version's size: an older program's fields that do not exist are not set.
cachecore_options known_options(const cachecore_options *options) {
  cachecore_options out{};
  if (options == nullptr) return out;
  const size_t size = options->struct_size;
  if (size < smallest_options || size > largest_options || size % alignof(cachecore_options) != 0) {
    reject({"options.struct_size is ", std::to_string(size), ": call cachecore_options_init first"});
  }
  const char *bytes = reinterpret_cast<const char *>(options);
  if (std::any_of(bytes + std::min(size, sizeof(out)), bytes + size, [](char byte) { return byte != 0; })) {
    reject(
        {"options sets a field this version of cachecore does not have: the program was compiled for a newer one; "
         "install that"});
  }
  std::memcpy(&out, options, std::min(size, sizeof(out)));
  if (out.reserved != 0) reject({"options.reserved must be 0: call cachecore_options_init first"});
  return out;
}

// All settings but those that belong to a server.
settings first_of(const std::vector<settings> &sources) {
  settings out;
  for (const settings &source : sources) {
    if (!out.server) out.server_origin = source.server_origin;
    inherit(out.server, source.server);
    inherit(out.load, source.load);
    out.plugin_configs.insert(source.plugin_configs.begin(), source.plugin_configs.end());
    inherit(out.plugin_path, source.plugin_path);
    inherit(out.key_prefix, source.key_prefix);
    inherit(out.max_connections, source.max_connections);
    inherit(out.connect_timeout_ms, source.connect_timeout_ms);
    inherit(out.call_timeout_ms, source.call_timeout_ms);
    inherit(out.busy_poll_us, source.busy_poll_us);
    inherit(out.read_from, source.read_from);
    inherit(out.max_staleness_ms, source.max_staleness_ms);
    inherit(out.retry_on_timeout, source.retry_on_timeout);
    inherit(out.decode_responses, source.decode_responses);
    inherit(out.ping_on_init, source.ping_on_init);
    inherit(out.embedded_fsync, source.embedded_fsync);
    inherit(out.redis_server, source.redis_server);
    inherit(out.secret_key_file, source.secret_key_file);
    inherit(out.env_files, source.env_files);
  }
  return out;
}

// A plugin named by its path gets its configuration when it is loaded and its name known.
void resolve_plugins(const settings &merged, configuration &out) {
  out.plugin_configs = merged.plugin_configs;
  out.all_built_in = !merged.load;
  if (!merged.load) return;
  for (const std::string &name : *merged.load) {
    const auto config = merged.plugin_configs.find(name);
    out.plugins.push_back({name, config != merged.plugin_configs.end() ? config->second : ""});
  }
}

// A search path of the program's own does not hide that of the environment: it is searched first.
void resolve_plugin_path(const settings &decided, const settings &from_environment, configuration &out) {
  out.plugin_path = decided.plugin_path.value_or(std::vector<std::string>());
  for (const std::string &directory : from_environment.plugin_path.value_or(std::vector<std::string>())) {
    if (std::find(out.plugin_path.begin(), out.plugin_path.end(), directory) == out.plugin_path.end()) {
      out.plugin_path.push_back(directory);
    }
  }
}

// Where reads that may be stale go, and how old their answers may be.
void resolve_reads(const settings &merged, configuration &out) {
  if (!merged.read_from) {
    if (merged.max_staleness_ms) reject({"max_staleness_ms has no effect without \"read_from\": \"replica\""});
    return;
  }
  const said &from = *merged.read_from;
  if (from.value != "master" && from.value != "replica") {
    reject({from.origin, " must be \"master\" or \"replica\", got ", quoted(from.value)});
  }
  out.reads_from_replicas = from.value == "replica";
  if (out.reads_from_replicas && out.server.scheme != scheme::sentinel && out.server.scheme != scheme::cluster) {
    reject({from.origin, " is \"replica\", but ", out.server.display(),
            " names no replicas: use redis+sentinel:// or redis+cluster://"});
  }
  out.max_staleness_ms = merged.max_staleness_ms.value_or(out.max_staleness_ms);
}

environment read_environment(const settings &decided) {
  environment variables;
  std::vector<std::string> paths;
  if (decided.env_files) {
    paths = *decided.env_files;
  } else if (const auto named = variables.find("CACHECORE_ENV_FILES")) {
    std::string_view rest = named->value;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(':'), rest.size());
      if (end > 0) paths.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  for (const std::string &path : paths) variables.add_file(path);
  return variables;
}

}  // namespace

configuration load_configuration(const cachecore_options *options) {
  const cachecore_options known = known_options(options);
  std::vector<settings> sources;
  sources.push_back(settings_of_options(known));
  if (known.config_json != nullptr) sources.push_back(settings_of_json(known.config_json, "config_json"));
  if (known.config_file != nullptr) {
    const secret_text content = read_small_file(known.config_file, "config_file");
    sources.push_back(settings_of_json(content.text(), std::string("config_file ") + known.config_file));
  }
  const settings decided = first_of(sources);
  const environment variables = read_environment(decided);
  sources.push_back(settings_of_environment(variables, decided));
  const settings merged = first_of(sources);

  configuration out;
  resolve_server(sources, merged, variables, out);
  resolve_plugins(merged, out);
  resolve_plugin_path(decided, sources.back(), out);
  out.key_prefix = merged.key_prefix.value_or(out.key_prefix);
  out.max_connections = merged.max_connections.value_or(out.max_connections);
  out.connect_timeout_ms = merged.connect_timeout_ms.value_or(out.connect_timeout_ms);
  out.call_timeout_ms = merged.call_timeout_ms.value_or(out.call_timeout_ms);
  out.busy_poll_us = merged.busy_poll_us.value_or(out.busy_poll_us);
  out.retry_on_timeout = merged.retry_on_timeout.value_or(out.retry_on_timeout);
  resolve_reads(merged, out);
  out.decode_responses = merged.decode_responses;
  out.ping_on_init = merged.ping_on_init.value_or(out.ping_on_init);
  out.embedded_fsync = merged.embedded_fsync.value_or(out.embedded_fsync);
  out.redis_server = merged.redis_server.value_or(out.redis_server);
  out.log = known.log;
  out.log_context = known.log_context;
  return out;
}

}  // namespace cachecore_internal
