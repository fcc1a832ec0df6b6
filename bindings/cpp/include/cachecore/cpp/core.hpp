// core.hpp: lifecycle and calls.
//
//     cachecore::core core(cachecore::options{.url = "redis://127.0.0.1:6379", .plugins = {{"kv"}}});
//     auto get = core.find("kv.get");                            // looks the name up once
//     auto text = get("key").as<std::optional<std::string>>();
//     core.with_timeout(50ms).call("kv.delete", "key");
//
// Thread rule: every const member of core, caller and method may be called from any number of threads at once.
// Invariants: a core closes in its destructor, which waits for calls in flight; methods, callers and streams of it must
// not be used afterwards (results and completion queues may). Moving a core leaves them valid.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "error.hpp"
#include "result.hpp"
#include "value.hpp"

namespace cachecore {

class completions;
class stream;

// Receives log records, on any thread and on several at once; must not block, call a core, or throw (that ends the
// program).
using log_function = std::function<void(int level, std::string_view message)>;

// As cachecore_options; an empty string, 0 or nullopt is "not set".
struct options {
  std::string url{};
  std::string config_json{};
  std::string config_file{};
  std::optional<std::vector<std::string>> plugins{};  // names or absolute paths; nullopt: all built-in ones
  std::string plugin_path{};
  std::string key_prefix{};
  int64_t max_connections = 0;
  int64_t connect_timeout_ms = 0;
  int64_t call_timeout_ms = 0;
  int64_t busy_poll_us = 0;
  log_function log{};
  bool ping_on_init = false;
};

// Special values of a timeout: the default plus the method's own wait parameter, and none.
inline constexpr int64_t default_timeout = 0;
inline constexpr int64_t no_timeout = -1;

struct call_options {
  int64_t timeout_ms = default_timeout;
  uint64_t user_data = 0;  // comes back in the completion of a submit
};

// A method of a core, looked up once.
class method {
 public:
  template <class... A>
  result operator()(const A &...args) const {
    builder memory;
    const std::array<cachecore_value, sizeof...(A)> values{encode(args, memory)...};
    return call(values.data(), values.size());
  }
  [[nodiscard]] result call(const cachecore_value *args, size_t count) const {
    cachecore_error reason;
    cachecore_result *out = nullptr;
    check(cachecore_call(core_, native_, args, count, options_.timeout_ms, &out, &reason), reason);
    return result(out);
  }

  // Starts it; its completion comes through `queue` and names the number that is returned. In completions.hpp.
  template <class... A>
  uint64_t submit(completions &queue, const A &...args) const;

  [[nodiscard]] method with(call_options options) const noexcept { return method(core_, native_, options); }
  [[nodiscard]] const cachecore_method *native() const noexcept { return native_; }

 private:
  friend class caller;
  friend class stream;
  method(cachecore_handle *core, const cachecore_method *native, call_options options) noexcept
      : core_(core), native_(native), options_(options) {}

  cachecore_handle *core_;
  const cachecore_method *native_;
  call_options options_;
};

// A core seen with certain call options. Cheap to copy.
class caller {
 public:
  caller(cachecore_handle *core, call_options options) noexcept : core_(core), options_(options) {}

  // Throws error(NO_METHOD), which names the nearest one.
  [[nodiscard]] method find(const char *name) const {
    cachecore_error reason;
    const cachecore_method *out = nullptr;
    check(cachecore_method_find(core_, name, &out, &reason), reason);
    return method(core_, out, options_);
  }
  [[nodiscard]] method find(const std::string &name) const { return find(name.c_str()); }

  // Calls a method and waits: an empty result for NOT_FOUND, a thrown error for all other statuses than OK.
  template <class... A>
  result call(const char *name, const A &...args) const {
    return find(name)(args...);
  }
  template <class... A>
  result call(const std::string &name, const A &...args) const {
    return find(name)(args...);
  }

  // As method::submit.
  template <class... A>
  uint64_t submit(completions &queue, const char *name, const A &...args) const;

  // Starts a streaming method. In stream.hpp.
  template <class... A>
  stream open(const char *name, const A &...args) const;

  // Asks for the end of an operation; its completion still comes.
  void cancel(uint64_t operation) const {
    cachecore_error reason;
    check(cachecore_cancel(core_, operation, &reason), reason);
  }

  [[nodiscard]] caller with(call_options options) const noexcept { return {core_, options}; }
  // Milliseconds > 0, no_timeout or default_timeout.
  [[nodiscard]] caller with_timeout(int64_t timeout_ms) const noexcept {
    return {core_, {.timeout_ms = timeout_ms, .user_data = options_.user_data}};
  }
  // A deadline that has come already is an error, not "the default".
  [[nodiscard]] caller with_timeout(std::chrono::milliseconds timeout) const {
    if (timeout.count() <= 0) throw error(status::timeout, "the timeout given is not above 0, so its time has passed");
    return with_timeout(timeout.count());
  }

  [[nodiscard]] cachecore_handle *native() const noexcept { return core_; }
  [[nodiscard]] const call_options &options() const noexcept { return options_; }

 private:
  cachecore_handle *core_;
  call_options options_;
};

class core {
 public:
  explicit core(const options &options) { init(options); }
  explicit core(const char *url) : core(cachecore::options{.url = url}) {}
  explicit core(const std::string &url) : core(cachecore::options{.url = url}) {}
  // All defaults: what the environment says, else the private server.
  core() : core(cachecore::options{}) {}
  static core from_json(std::string_view config_json) {
    return core(cachecore::options{.config_json = std::string(config_json)});
  }

  core(core &&) noexcept = default;
  core &operator=(core &&other) noexcept {
    native_ = std::move(other.native_);  // closes the old core, which may still log
    log_ = std::move(other.log_);
    return *this;
  }
  ~core() = default;

  // Drops connections and plugin state; in a forked child it makes the inherited core usable.
  void reset() const {
    cachecore_error reason;
    check(cachecore_reset(native(), &reason), reason);
  }
  // Closes now. The core may only be destroyed or assigned to afterwards.
  void close() noexcept { native_.reset(); }

  void load(const std::string &name_or_path, const std::string &config_json = {}) const {
    cachecore_error reason;
    check(cachecore_plugin_load(native(), name_or_path.c_str(), config_json.empty() ? nullptr : config_json.c_str(),
                                &reason),
          reason);
  }
  // What can be called, as the map core.h describes.
  [[nodiscard]] result describe() const {
    cachecore_error reason;
    cachecore_result *out = nullptr;
    check(cachecore_describe(native(), &out, &reason), reason);
    return result(out);
  }

  [[nodiscard]] method find(const char *name) const & { return caller(*this).find(name); }
  [[nodiscard]] method find(const std::string &name) const & { return caller(*this).find(name); }
  template <class... A>
  result call(const char *name, const A &...args) const {
    return caller(*this).call(name, args...);
  }
  template <class... A>
  result call(const std::string &name, const A &...args) const {
    return caller(*this).call(name, args...);
  }
  template <class... A>
  uint64_t submit(completions &queue, const char *name, const A &...args) const;
  template <class... A>
  stream open(const char *name, const A &...args) const &;
  void cancel(uint64_t operation) const { caller(*this).cancel(operation); }

  [[nodiscard]] caller with(call_options options) const & noexcept { return {native(), options}; }
  [[nodiscard]] caller with_timeout(int64_t timeout_ms) const & noexcept {
    return caller(*this).with_timeout(timeout_ms);
  }
  [[nodiscard]] caller with_timeout(std::chrono::milliseconds timeout) const & {
    return caller(*this).with_timeout(timeout);
  }
  operator caller() const & noexcept { return {native(), {}}; }
  // A method or caller of a temporary core would outlive it.
  operator caller() && = delete;

  [[nodiscard]] cachecore_handle *native() const noexcept { return native_.get(); }

 private:
  struct closing {
    void operator()(cachecore_handle *native) const noexcept { cachecore_close(native); }
  };

  static void write_log(void *context, int32_t level, const char *message) noexcept {
    (*static_cast<const log_function *>(context))(level, message);
  }

  void init(const options &options) {
    const auto set = [](const std::string &text) {
      if (text.find('\0') != std::string::npos) throw error(status::invalid_argument, "an option holds a NUL byte");
      return text.empty() ? nullptr : text.c_str();
    };
    cachecore_options native;
    cachecore_options_init(&native);
    native.url = set(options.url);
    native.config_json = set(options.config_json);
    native.config_file = set(options.config_file);
    std::vector<const char *> plugins;
    if (options.plugins) {
      for (const auto &name : *options.plugins) plugins.push_back(name.empty() ? "" : set(name));
      plugins.push_back(nullptr);
      native.plugins = plugins.data();
    }
    native.plugin_path = set(options.plugin_path);
    native.key_prefix = set(options.key_prefix);
    if (options.max_connections != 0) native.max_connections = options.max_connections;
    if (options.connect_timeout_ms != 0) native.connect_timeout_ms = options.connect_timeout_ms;
    if (options.call_timeout_ms != 0) native.call_timeout_ms = options.call_timeout_ms;
    if (options.busy_poll_us != 0) native.busy_poll_us = options.busy_poll_us;
    if (options.log) {
      log_ = std::make_unique<log_function>(options.log);
      native.log = write_log;
      native.log_context = log_.get();
    }
    native.ping_on_init = options.ping_on_init ? 1 : 0;
    cachecore_handle *out = nullptr;
    cachecore_error reason;
    check(cachecore_init(&native, &out, &reason), reason);
    native_.reset(out);
  }

  // Declared first, so that the core is closed before its log goes.
  std::unique_ptr<log_function> log_;
  std::unique_ptr<cachecore_handle, closing> native_;
};

}  // namespace cachecore
