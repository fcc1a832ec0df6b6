// Finding and loading plugin files. Code is never unloaded: an invocation's frame may still be on its way through it.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/build_config.h"
#include "core/failure.h"
#include "core/plugins/registry.h"

namespace cachecore_internal {
namespace {

// The directory of libcachecore.so itself, so that a relocated installation finds its own plugins.
std::string library_directory() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void *>(&load_plugin_file), &info) == 0 || info.dli_fname == nullptr) return {};
  char resolved[PATH_MAX];
  if (realpath(info.dli_fname, resolved) == nullptr) return {};
  return std::filesystem::path(resolved).parent_path().string();
}

bool is_plugin_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 64 || name[0] < 'a' || name[0] > 'z') return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

// As root, code that others may change is not run.
void refuse_if_writable_by_others(const std::string &path) {
  if (geteuid() != 0) return;
  struct stat about{};
  if (stat(path.c_str(), &about) != 0) return;
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    throw failure(CACHECORE_DENIED, "plugin file " + path +
                                        " can be written by group or others, and this process is root: chmod go-w it");
  }
  if (about.st_uid != 0) {
    throw failure(CACHECORE_DENIED, "plugin file " + path + " belongs to user " + std::to_string(about.st_uid) +
                                        ", and this process is root: chown root it");
  }
}

void check_methods(const ::cachecore_plugin &plugin, const std::string &what) {
  for (size_t i = 0; plugin.methods != nullptr && plugin.methods[i] != nullptr; i++) {
    const cachecore_method_spec &spec = *plugin.methods[i];
    if (spec.struct_size < offsetof(cachecore_method_spec, undo) || spec.name == nullptr || spec.start == nullptr) {
      throw failure(CACHECORE_INCOMPATIBLE, what + ": method " + std::to_string(i) +
                                                " has no name or start function, or a struct_size that is too small");
    }
    for (size_t j = 0; spec.parameters != nullptr && spec.parameters[j] != nullptr; j++) {
      const cachecore_parameter_spec &parameter = *spec.parameters[j];
      if (parameter.struct_size < offsetof(cachecore_parameter_spec, default_value) || parameter.name == nullptr) {
        throw failure(CACHECORE_INCOMPATIBLE, what + ": parameter " + std::to_string(j) + " of " + spec.name +
                                                  " has no name, or a struct_size that is too small");
      }
    }
  }
}

const ::cachecore_plugin &check_descriptor(const ::cachecore_plugin *plugin, const std::string &path) {
  const std::string what = "plugin " + path;
  if (plugin == nullptr) throw failure(CACHECORE_INCOMPATIBLE, what + ": its entry function returned NULL");
  if (plugin->struct_size < offsetof(::cachecore_plugin, destroy) + sizeof(plugin->destroy)) {
    throw failure(CACHECORE_INCOMPATIBLE, what + ": the descriptor's struct_size is " +
                                              std::to_string(plugin->struct_size) + ", too small for plugin ABI 1.0");
  }
  if (plugin->abi_major != CACHECORE_PLUGIN_ABI_MAJOR || plugin->abi_minor > CACHECORE_PLUGIN_ABI_MINOR) {
    throw failure(CACHECORE_INCOMPATIBLE, what + " was built for plugin ABI " + std::to_string(plugin->abi_major) +
                                              "." + std::to_string(plugin->abi_minor) + "; this library has " +
                                              std::to_string(CACHECORE_PLUGIN_ABI_MAJOR) + "." +
                                              std::to_string(CACHECORE_PLUGIN_ABI_MINOR) +
                                              ": rebuild it, or use a matching library");
  }
  if (plugin->name == nullptr || !is_plugin_name(plugin->name)) {
    throw failure(CACHECORE_INCOMPATIBLE, what + ": its name must match [a-z][a-z0-9_]*");
  }
  if (plugin->version == nullptr) throw failure(CACHECORE_INCOMPATIBLE, what + ": it has no version");
  check_methods(*plugin, what);
  return *plugin;
}

loaded_plugin open_file(const std::string &path) {
  refuse_if_writable_by_others(path);
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    throw failure(CACHECORE_NO_PLUGIN, "plugin file " + path + " cannot be loaded: " + dlerror());
  }
  const auto entry = reinterpret_cast<cachecore_plugin_entry>(dlsym(handle, "cachecore_plugin_entry_v1"));
  if (entry == nullptr) {
    dlclose(handle);
    throw failure(
        CACHECORE_INCOMPATIBLE,
        "plugin file " + path +
            " does not export cachecore_plugin_entry_v1: it is no cachecore plugin, or one of another major version");
  }
  const ::cachecore_plugin &checked = check_descriptor(entry(), path);
  dlclose(handle);  // RTLD_NODELETE keeps it
  return {&checked, path};
}

}  // namespace

std::vector<std::string> default_plugin_directories() {
  std::vector<std::string> out;
  const std::string library = library_directory();
  if (!library.empty())
    out.push_back((std::filesystem::path(library) / CACHECORE_PLUGIN_SUBDIR).lexically_normal().string());
  return out;
}

std::vector<std::string> built_in_plugins() {
  std::vector<std::string> out;
  for (const char *name : std::initializer_list<const char *>{CACHECORE_BUILTIN_PLUGINS}) out.emplace_back(name);
  return out;
}

std::string find_plugin_file(std::string_view name, const std::vector<std::string> &directories) {
  for (const std::string &directory : directories) {
    std::string path = directory + "/cachecore_" + std::string(name) + ".so";
    if (access(path.c_str(), F_OK) == 0) return path;
  }
  return {};
}

loaded_plugin load_plugin_file(const std::string &name_or_path, const std::vector<std::string> &directories) {
  if (name_or_path.empty()) throw failure(CACHECORE_INVALID_ARGUMENT, "a plugin's name must not be empty");
  if (name_or_path[0] == '/') {
    if (access(name_or_path.c_str(), F_OK) != 0) {
      throw failure(CACHECORE_NO_PLUGIN, "plugin file " + name_or_path + ": " + std::strerror(errno));
    }
    return open_file(name_or_path);
  }
  if (!is_plugin_name(name_or_path)) {
    throw failure(
        CACHECORE_INVALID_ARGUMENT,
        "\"" + name_or_path.substr(0, 128) + "\" is neither a plugin's name ([a-z][a-z0-9_]*) nor an absolute path");
  }
  std::string tried;
  for (const std::string &directory : directories) {
    if (directory.empty() || directory[0] != '/') continue;
    const std::string path = directory + "/cachecore_" + name_or_path + ".so";
    if (access(path.c_str(), F_OK) == 0) return open_file(path);
    tried += (tried.empty() ? "" : ", ") + path + " (" + std::strerror(errno) + ")";
  }
  throw failure(CACHECORE_NO_PLUGIN, "plugin " + name_or_path +
                                         " was not found; tried: " + (tried.empty() ? "no directory" : tried) +
                                         ". Set plugin_path or CACHECORE_PLUGIN_PATH, or give an absolute path");
}

}  // namespace cachecore_internal
