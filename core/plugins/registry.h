// registry.h: the plugins of a core, their methods, and their instances.
//
// Methods are found by name in an immutable table that is replaced as a whole when a plugin is loaded: looking up takes
// no lock. Tables, methods and records live until close; instances live as long as an engine.
//
// The namespaces `redis` and `core` are the core's own: descriptors like any plugin's, but compiled in.
//
// Thread rule: find and each on any thread; loading is serialised by a mutex; instances change only while the core's
// gate is shut.
#pragma once

#include <cachecore/plugin.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/plugins/method.h"

struct cachecore_handle;

namespace cachecore_internal {

class engine;

// A metric of a plugin.
struct metric_record {
  std::string name;
  std::string doc;
  uint32_t kind = 0;
  std::atomic<int64_t> value{0};
};

class plugin_record : public cachecore_host {
 public:
  plugin_record(::cachecore_handle &owner, const ::cachecore_plugin &descriptor, std::string path,
                std::string config_json);
  ~plugin_record();
  plugin_record(const plugin_record &) = delete;
  plugin_record &operator=(const plugin_record &) = delete;

  ::cachecore_handle &core;
  const ::cachecore_plugin &descriptor;
  const std::string path;  // "" for the core's own
  const std::string config_json;
  std::vector<std::unique_ptr<cachecore_method>> methods;
  std::mutex metrics_mutex;
  std::vector<std::unique_ptr<metric_record>> metrics;
  void *instance = nullptr;

  void create();  // throws failure
  void renew();   // throws failure
  void destroy() noexcept;
  static const plugin_record &of(const cachecore_host *host) noexcept {
    return *static_cast<const plugin_record *>(host);
  }
};

class plugin_registry {
 public:
  explicit plugin_registry(::cachecore_handle &owner);
  ~plugin_registry();
  plugin_registry(const plugin_registry &) = delete;
  plugin_registry &operator=(const plugin_registry &) = delete;

  // All that the configuration names. Throws failure.
  void load_configured();
  // One by name or absolute path. Throws failure.
  void load(const std::string &name_or_path, const char *config_json);

  [[nodiscard]] const cachecore_method *find(std::string_view name) const noexcept;
  [[nodiscard]] std::string nearest(std::string_view name) const;  // for error messages
  // What to do for the plugin of a method that was not found, for error messages; empty where it is loaded.
  [[nodiscard]] std::string advice(std::string_view method) const;
  [[nodiscard]] std::vector<const plugin_record *> all() const;

  void renew_instances();  // at reset; throws failure. Methods of a plugin that failed are unusable until the next.
  void after_fork();       // makes instances anew, leaving the parent's
  void end_instances() noexcept;

 private:
  template <class Renew>
  void renew_each(Renew renew);
  struct table {
    std::unordered_map<std::string_view, const cachecore_method *> by_name;
  };

  void add(const ::cachecore_plugin &descriptor, std::string path, const char *config_json);
  [[nodiscard]] std::vector<std::string> directories() const;
  [[nodiscard]] bool has(std::string_view name) const noexcept;

  ::cachecore_handle &core_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<plugin_record>> records_;
  std::vector<std::unique_ptr<table>> tables_;  // every one there was
  std::atomic<const table *> current_{nullptr};
};

// What the core itself offers: `redis` and `core`.
const ::cachecore_plugin &redis_namespace() noexcept;
const ::cachecore_plugin &core_namespace() noexcept;

// ---- loader.cpp ----

struct loaded_plugin {
  const ::cachecore_plugin *descriptor = nullptr;
  std::string path;
};

// Finds and loads a plugin's file and checks its descriptor. Throws failure: NO_PLUGIN (every path tried, the loader's
// own words), INCOMPATIBLE, DENIED.
loaded_plugin load_plugin_file(const std::string &name_or_path, const std::vector<std::string> &directories);

// The plugin directory that belongs to this library, and CACHECORE_PLUGIN_PATH.
std::vector<std::string> default_plugin_directories();

// The names of the plugins built with this library.
std::vector<std::string> built_in_plugins();

// The file of a plugin in the first of `directories` that has it; empty where none has.
std::string find_plugin_file(std::string_view name, const std::vector<std::string> &directories);

// ---- services.cpp ----

// The table of a service by id, or null.
const void *find_service(const cachecore_host *host, const char *id) noexcept;

}  // namespace cachecore_internal
