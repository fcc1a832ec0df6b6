#include "core/topology/short_path.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/failure.h"
#include "core/topology/embedded_directory.h"
#include "core/topology/supervisor/protocol.h"

namespace cachecore_internal {
namespace {

// FNV-1a: links of one user are not worth attacking by that user.
std::string hash_of(const std::string &text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3U;
  std::array<char, 17> digits{};
  snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(hash));
  return digits.data();
}

// Directories that may hold the links, the best first.
std::vector<std::string> places() {
  std::vector<std::string> found;
  const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/' && private_directory(runtime)) {
    found.push_back(std::string(runtime) + "/cachecore-links");
  }
  found.push_back("/tmp/cachecore-links-" + std::to_string(geteuid()));
  return found;
}

bool leads_to(const std::string &link, const std::string &directory) {
  std::array<char, PATH_MAX + 1> target{};
  const ssize_t size = readlink(link.c_str(), target.data(), target.size() - 1);
  return size > 0 && directory == std::string_view(target.data(), static_cast<size_t>(size));
}

// Under another name first, so that the link never is absent or wrong for others.
bool make_link(const std::string &link, const std::string &directory) {
  static std::atomic<unsigned> number{0};
  if (leads_to(link, directory)) return true;
  const std::string fresh = link + "." + std::to_string(getpid()) + "." + std::to_string(number.fetch_add(1));
  if (symlink(directory.c_str(), fresh.c_str()) != 0) return false;
  if (rename(fresh.c_str(), link.c_str()) == 0) return true;
  unlink(fresh.c_str());
  return false;
}

}  // namespace

bool fits_a_socket(const std::string &path) noexcept { return path.size() < sizeof(sockaddr_un::sun_path); }

std::string short_link(const std::string &directory) {
  std::array<char, PATH_MAX> real{};
  if (realpath(directory.c_str(), real.data()) == nullptr) {
    throw failure(CACHECORE_INVALID_ARGUMENT, "embedded: " + directory + " cannot be resolved: " + strerror(errno));
  }
  std::string tried;
  for (const std::string &place : places()) {
    std::string link = place + "/" + hash_of(real.data());
    if (!fits_a_socket(link + "/" EMBEDDED_SOCKET)) continue;
    mkdir(place.c_str(), 0700);
    if (private_directory(place) && make_link(link, real.data())) return link;
    tried += (tried.empty() ? "" : ", ") + place;
  }
  throw failure(CACHECORE_INVALID_ARGUMENT,
                "embedded: " + directory +
                    " is too long for a unix socket, and no symbolic link to it could be made in " + tried +
                    ": name a directory with a path of at most 96 bytes");
}

}  // namespace cachecore_internal
