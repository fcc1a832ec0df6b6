#include "core/topology/embedded_programs.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <string_view>

#include "core/build_config.h"
#include "core/failure.h"

namespace cachecore_internal {
namespace {

constexpr size_t longest_list = 200;  // of a message, whose remedy must not be cut

bool executable(const std::string &path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
}

std::string joined(const std::vector<std::string> &texts) {
  std::string all;
  for (const std::string &text : texts) {
    if (all.size() + text.size() > longest_list) return all + ", ...";
    all += (all.empty() ? "" : ", ") + text;
  }
  return all;
}

void add_once(std::vector<std::string> &directories, std::string_view directory) {
  if (directory.empty() || directory.front() != '/') return;
  for (const std::string &known : directories) {
    if (known == directory) return;
  }
  directories.emplace_back(directory);
}

std::vector<std::string> search_path() {
  std::vector<std::string> directories;
  const char *path = secure_getenv("PATH");
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(':'));
    add_once(directories, one);
    rest.remove_prefix(one.size() + (one.size() < rest.size() ? 1 : 0));
  }
  for (const char *usual : {"/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin", "/opt/redis/bin"})
    add_once(directories, usual);
  return directories;
}

// The directory of the file this code was loaded from: libcachecore.so, or a program it is linked into.
std::string own_directory() {
  static const char here = 0;
  Dl_info info{};
  std::array<char, PATH_MAX> real{};
  if (dladdr(&here, &info) == 0 || info.dli_fname == nullptr || realpath(info.dli_fname, real.data()) == nullptr)
    return {};
  const std::string_view path = real.data();
  return std::string(path.substr(0, path.rfind('/')));
}

}  // namespace

std::string find_redis_server(const std::string &setting) {
  std::string name = setting.empty() ? "redis-server" : setting;
  std::vector<std::string> looked_in;
  if (name.find('/') != std::string::npos) {
    if (name.front() == '/' && executable(name)) return name;
    looked_in.push_back(name);
  } else {
    looked_in = search_path();
    for (const std::string &directory : looked_in) {
      std::string path = directory + "/" + name;
      if (executable(path)) return path;
    }
  }
  throw failure(CACHECORE_UNAVAILABLE,
                "embedded: redis-server was not found (looked in " + joined(looked_in) +
                    "): install it with `apt-get install redis-server` or set embedded.redis_server");
}

std::string find_supervisor() {
  const char *named = secure_getenv("CACHECORE_SUPERVISOR");
  if (named != nullptr && named[0] != '\0') {
    if (named[0] == '/' && executable(named)) return named;
    throw failure(CACHECORE_UNAVAILABLE,
                  std::string("embedded: CACHECORE_SUPERVISOR names \"") + named +
                      "\", which is no program: give the absolute path of cachecore-supervisor, or unset it");
  }
  const std::string base = own_directory();
  const std::string_view installed = CACHECORE_SUPERVISOR_SUBPATH;
  std::vector<std::string> candidates;
  candidates.push_back(installed.front() == '/' ? std::string(installed) : base + "/" + std::string(installed));
  candidates.push_back(base + "/cachecore-supervisor");
  candidates.push_back(base + "/../libexec/cachecore/cachecore-supervisor");
  for (const std::string &path : candidates) {
    if (executable(path)) return path;
  }
  throw failure(CACHECORE_UNAVAILABLE, "embedded: the program cachecore-supervisor was not found (looked for " +
                                           joined(candidates) +
                                           "): install cachecore anew, or set CACHECORE_SUPERVISOR to its path");
}

std::vector<std::string> embedded_environment() {
  std::vector<std::string> all;
  for (const char *name : {"PATH", "LD_LIBRARY_PATH", "TZ"}) {
    const char *value = secure_getenv(name);
    if (value != nullptr) all.push_back(std::string(name) + "=" + value);
  }
  return all;
}

}  // namespace cachecore_internal
