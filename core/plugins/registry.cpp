#include "core/plugins/registry.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <ranges>

#include "core/config/settings.h"
#include "core/core.h"
#include "core/failure.h"
#include "core/plugins/validate.h"
#include "core/values/json.h"

namespace cachecore_internal {
namespace {

// How many single-letter edits turn `a` into `b`.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) row[j] = j;
  for (size_t i = 1; i <= a.size(); i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

template <class T>
size_t length_of(const T *const *null_ended) noexcept {
  size_t count = 0;
  while (null_ended != nullptr && null_ended[count] != nullptr) count++;
  return count;
}

constexpr const char *how_to_search = "; set plugin_path or CACHECORE_PLUGIN_PATH";

std::string joined(const std::vector<std::string> &directories) {
  std::string out;
  for (const std::string &each : directories) out += (out.empty() ? "" : ", ") + each;
  return out.empty() ? "no directory" : out;
}

std::unique_ptr<cachecore_method> make_method(plugin_record &plugin, const cachecore_method_spec &original) {
  cachecore_method_spec spec{};
  std::memcpy(&spec, &original, std::min(original.struct_size, sizeof(spec)));
  auto made = std::make_unique<cachecore_method>();
  made->name = std::string(plugin.descriptor.name) + "." + spec.name;
  made->doc = spec.doc != nullptr ? spec.doc : "";
  made->returns = spec.returns != nullptr ? spec.returns : "";
  made->start = spec.start;
  made->undo = spec.undo;
  made->plugin = &plugin;
  made->core = &plugin.core;
  made->flags = spec.flags;
  for (size_t i = 0; i < length_of(spec.parameters); i++) {
    const cachecore_parameter_spec *parameter = made->copies.copy(*spec.parameters[i]);
    made->parameters.push_back(parameter);
    if ((parameter->flags & CACHECORE_PARAMETER_WAIT) != 0) made->wait_parameter = static_cast<int32_t>(i);
  }
  return made;
}

}  // namespace

// ---- spec_copies ----

const cachecore_parameter_spec *spec_copies::copy(const cachecore_parameter_spec &original, int depth) {
  if (depth > 8)
    throw failure(CACHECORE_INCOMPATIBLE, std::string("the fields of ") + original.name + " are nested too deeply");
  cachecore_parameter_spec &made = specs_.emplace_back();
  std::memcpy(&made, &original, std::min(original.struct_size, sizeof(made)));
  made.fields = copy_all(made.fields, depth + 1);
  return &made;
}

const cachecore_parameter_spec *const *spec_copies::copy_all(const cachecore_parameter_spec *const *originals,
                                                             int depth) {
  if (originals == nullptr) return nullptr;
  std::vector<const cachecore_parameter_spec *> made;
  for (size_t i = 0; originals[i] != nullptr; i++) made.push_back(copy(*originals[i], depth));
  made.push_back(nullptr);
  return lists_.emplace_back(std::move(made)).data();
}

// ---- plugin_record ----

plugin_record::plugin_record(::cachecore_handle &owner, const ::cachecore_plugin &given, std::string from,
                             std::string config)
    : cachecore_host{}, core(owner), descriptor(given), path(std::move(from)), config_json(std::move(config)) {
  struct_size = sizeof(cachecore_host);
  abi_major = CACHECORE_PLUGIN_ABI_MAJOR;
  abi_minor = CACHECORE_PLUGIN_ABI_MINOR;
  key_prefix = owner.settings.key_prefix.c_str();
  service = find_service;
  for (size_t i = 0; i < length_of(descriptor.methods); i++)
    methods.push_back(make_method(*this, *descriptor.methods[i]));
}

plugin_record::~plugin_record() = default;

void plugin_record::create() {
  arena memory;
  cachecore_value config = cachecore_map(nullptr, 0);
  const std::string what = std::string("plugin ") + descriptor.name;
  if (!config_json.empty()) {
    try {
      config = json_decode(config_json, memory);
    } catch (const failure &fault) {
      throw failure(CACHECORE_INVALID_ARGUMENT, what + ": its configuration is not JSON: " + fault.message());
    }
    if (config.kind != CACHECORE_MAP) {
      throw failure(CACHECORE_INVALID_ARGUMENT, what + ": its configuration must be a JSON object");
    }
  }
  spec_copies copies;
  validate_configuration(what, copies.copy_all(descriptor.config), config, memory);
  cachecore_error error{};
  void *made = nullptr;
  const cachecore_status status =
      descriptor.create == nullptr ? CACHECORE_OK : descriptor.create(this, &config, &made, &error);
  if (status != CACHECORE_OK) {
    throw failure(status < 0 ? status : CACHECORE_INTERNAL,
                  what + ": create failed: " + (error.message[0] != '\0' ? error.message : "it gave no reason"));
  }
  instance = made;
  for (const auto &each : methods) each->instance.store(made, std::memory_order_release);
}

void plugin_record::renew() {
  if (descriptor.reset == nullptr || instance == nullptr) {
    destroy();
    create();
    return;
  }
  cachecore_error error{};
  const cachecore_status status = descriptor.reset(instance, &error);
  if (status != CACHECORE_OK) {
    throw failure(status < 0 ? status : CACHECORE_INTERNAL,
                  std::string("plugin ") + descriptor.name + ": reset failed: " + error.message);
  }
}

void plugin_record::destroy() noexcept {
  void *ended = instance;
  instance = nullptr;
  for (const auto &each : methods) each->instance.store(nullptr, std::memory_order_release);
  if (ended != nullptr && descriptor.destroy != nullptr) descriptor.destroy(ended);
}

// ---- plugin_registry ----

plugin_registry::plugin_registry(::cachecore_handle &owner) : core_(owner) {}
plugin_registry::~plugin_registry() = default;

void plugin_registry::load_configured() {
  const configuration &settings = core_.settings;
  add(core_namespace(), "", nullptr);
  add(redis_namespace(), "", nullptr);
  std::vector<plugin_request> wanted = settings.plugins;
  if (settings.all_built_in) {
    std::string absent;
    for (const std::string &name : built_in_plugins()) {
      if (find_plugin_file(name, directories()).empty()) {
        absent += (absent.empty() ? "" : ", ") + name;
      } else {
        wanted.push_back({name, ""});
      }
    }
    if (!absent.empty()) {
      core_.log.write(CACHECORE_LOG_WARNING, "built-in plugins without a file, so not loaded: " + absent +
                                                 "; searched: " + joined(directories()) + how_to_search);
    }
  }
  for (const plugin_request &each : wanted) {
    load(each.name_or_path, each.config_json.empty() ? nullptr : each.config_json.c_str());
  }
  for (const auto &[name, config] : settings.plugin_configs) {
    if (!has(name)) {
      throw failure(
          CACHECORE_INVALID_ARGUMENT,
          "plugins." + name + ": no loaded plugin has this name; name it in `load`, or remove its configuration");
    }
  }
}

// Where plugins are searched, in order.
std::vector<std::string> plugin_registry::directories() const {
  std::vector<std::string> out = core_.settings.plugin_path;
  for (const std::string &each : default_plugin_directories()) out.push_back(each);
  return out;
}

std::string plugin_registry::advice(std::string_view method) const {
  const std::string plugin(method.substr(0, method.find('.')));
  if (plugin.size() == method.size() || !is_plugin_name(plugin) || has(plugin)) return {};
  const std::string path = find_plugin_file(plugin, directories());
  if (!path.empty()) {
    return "the plugin " + plugin + " is not loaded: name it in `load` (options.plugins); its file is " + path;
  }
  return "the plugin " + plugin + " is not loaded, and has no file in " + joined(directories()) + how_to_search;
}

void plugin_registry::load(const std::string &name_or_path, const char *config_json) {
  const loaded_plugin loaded = load_plugin_file(name_or_path, directories());
  add(*loaded.descriptor, loaded.path, config_json);
}

bool plugin_registry::has(std::string_view name) const noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::any_of(records_.begin(), records_.end(),
                     [name](const auto &each) { return name == each->descriptor.name; });
}

void plugin_registry::add(const ::cachecore_plugin &descriptor, std::string path, const char *config_json) {
  const std::string name = descriptor.name;
  if (has(name)) throw failure(CACHECORE_INVALID_STATE, "plugin " + name + " is loaded already");
  for (size_t i = 0; i < length_of(descriptor.needs); i++) {
    const std::string need = descriptor.needs[i];
    if (need.find('/') == std::string::npos ? !has(need) : find_service(nullptr, need.c_str()) == nullptr) {
      throw failure(CACHECORE_INCOMPATIBLE, "plugin " + name + " needs " + need +
                                                (need.find('/') == std::string::npos
                                                     ? ", which is not loaded: name it before this one"
                                                     : ", a service that this version of cachecore does not have"));
    }
  }
  std::string config;
  const auto configured = core_.settings.plugin_configs.find(name);
  if (config_json != nullptr) {
    config = config_json;
  } else if (configured != core_.settings.plugin_configs.end()) {
    config = configured->second;
  }
  auto record = std::make_unique<plugin_record>(core_, descriptor, std::move(path), std::move(config));
  record->create();

  const std::lock_guard<std::mutex> lock(mutex_);
  auto renewed = std::make_unique<table>();
  const table *previous = current_.load(std::memory_order_relaxed);
  if (previous != nullptr) renewed->by_name = previous->by_name;
  for (const auto &each : record->methods) renewed->by_name.emplace(each->name, each.get());
  records_.push_back(std::move(record));
  current_.store(renewed.get(), std::memory_order_release);
  tables_.push_back(std::move(renewed));
}

const cachecore_method *plugin_registry::find(std::string_view name) const noexcept {
  const table *now = current_.load(std::memory_order_acquire);
  if (now == nullptr) return nullptr;
  const auto found = now->by_name.find(name);
  return found == now->by_name.end() ? nullptr : found->second;
}

std::string plugin_registry::nearest(std::string_view name) const {
  const table *now = current_.load(std::memory_order_acquire);
  std::string best;
  size_t best_distance = 4;
  if (now == nullptr || name.size() > 200) return best;
  for (const auto &[each, method] : now->by_name) {
    const size_t edits = distance(name, each);
    if (edits < best_distance || (edits == best_distance && !best.empty() && each < best)) {
      best_distance = edits;
      best = each;
    }
  }
  return best;
}

std::vector<const plugin_record *> plugin_registry::all() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<const plugin_record *> out;
  out.reserve(records_.size());
  for (const auto &each : records_) out.push_back(each.get());
  return out;
}

// All are tried, so that none keeps what belonged to the engine that has ended; the first failure is thrown.
void plugin_registry::renew_instances() {
  renew_each([](plugin_record &each) { each.renew(); });
}

template <class Renew>
void plugin_registry::renew_each(Renew renew) {
  std::exception_ptr first;
  for (const auto &each : records_) {
    bool usable = true;
    try {
      renew(*each);
    } catch (...) {
      usable = false;
      if (first == nullptr) first = std::current_exception();
    }
    for (const auto &method : each->methods) method->unusable.store(!usable, std::memory_order_release);
  }
  if (first != nullptr) std::rethrow_exception(first);
}

void plugin_registry::after_fork() {
  new (&mutex_) std::mutex();
  renew_each([](plugin_record &each) {
    new (&each.metrics_mutex) std::mutex();
    each.instance = nullptr;
    each.create();
  });
}

void plugin_registry::end_instances() noexcept {
  for (const auto &each : std::views::reverse(records_)) each->destroy();
}

}  // namespace cachecore_internal
