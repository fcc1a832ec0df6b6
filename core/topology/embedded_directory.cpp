#include "core/topology/embedded_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "core/failure.h"
#include "core/topology/embedded.h"
#include "core/topology/short_path.h"
#include "core/topology/supervisor/protocol.h"

namespace cachecore_internal {
namespace {

constexpr std::string_view marker_text =
    "This directory belongs to a cachecore embedded server (embedded://), which is shared by all processes that name "
    "it\n"
    "and ends with the last of them. Delete the directory only while none of them runs.\n";

std::string mode_text(mode_t mode) {
  char text[16];
  snprintf(text, sizeof(text), "%04o", static_cast<unsigned>(mode & 07777U));
  return text;
}

// The first name in the directory that an unused one would not have; "" when there is none.
std::string first_entry(int directory) {
  const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR *)> listing(copy < 0 ? nullptr : fdopendir(copy), closedir);
  if (listing == nullptr) {
    const int error = errno;
    if (copy >= 0) ::close(copy);
    throw failure(CACHECORE_INVALID_ARGUMENT,
                  std::string("embedded: its directory cannot be read: ") + strerror(error));
  }
  while (const dirent *entry = readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && name != "lost+found") return std::string(name);
  }
  return {};
}

bool same_file(const struct stat &one, const struct stat &other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

}  // namespace

bool private_directory(const std::string &path) noexcept {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
         (status.st_mode & 022U) == 0;
}

std::string user_directory() {
  const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/' && private_directory(runtime)) return std::string(runtime) + "/cachecore";
  return "/tmp/cachecore-" + std::to_string(geteuid());
}

void embedded_directory::refuse(const std::string &why) const {
  throw failure(CACHECORE_INVALID_ARGUMENT, "embedded: " + path_ + " " + why);
}

void embedded_directory::refuse_file(const char *name, int error) const {
  const bool full = error == ENOSPC || error == EDQUOT;
  const char *remedy = full ? "free some space" : "name a directory this process may write to";
  throw failure(full || error == EMFILE || error == ENFILE ? CACHECORE_UNAVAILABLE : CACHECORE_INVALID_ARGUMENT,
                "embedded: " + path_ + "/" + name + " cannot be made: " + strerror(error) + ": " + remedy);
}

embedded_directory::embedded_directory(const std::string &path) : path_(path.empty() ? user_directory() : path) {
  if (path_.front() != '/') refuse("is not an absolute path: write embedded:///directory");
  // The user's own is at a place others can guess, so a link there is not the user's doing.
  open_directory(!path.empty());
  require_ours();
  adopt();
}

void embedded_directory::open_directory(bool follow) {
  for (int attempt = 0; attempt < 100; attempt++) {
    directory_ =
        owned_descriptor(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW)));
    if (directory_.valid()) return;
    if (errno == ENOTDIR || errno == ELOOP) refuse("is not a directory: name another path, or remove it");
    if (errno != ENOENT) refuse(std::string("cannot be opened: ") + strerror(errno));
    make_directory();
  }
  refuse("was deleted as often as it was made: find out by whom");
}

void embedded_directory::make_directory() const {
  if (mkdir(path_.c_str(), 0700) == 0 || errno == EEXIST) return;
  if (errno == ENOENT) refuse("cannot be made: its parent directory does not exist: make that first");
  if (errno == ENOSPC || errno == EDQUOT) {
    throw failure(CACHECORE_UNAVAILABLE,
                  "embedded: " + path_ + " cannot be made: " + strerror(errno) + ": free some space");
  }
  refuse(std::string("cannot be made: ") + strerror(errno) + ": name a directory this process may make");
}

void embedded_directory::require_ours() const {
  struct stat status{};
  if (fstat(directory_.get(), &status) != 0) refuse(std::string("cannot be examined: ") + strerror(errno));
  if (status.st_uid != geteuid()) {
    refuse("belongs to user " + std::to_string(status.st_uid) + ", and this process runs as user " +
           std::to_string(geteuid()) + ": name a directory of this user");
  }
  if ((status.st_mode & 022U) != 0) {
    refuse("can be written to by others (its mode is " + mode_text(status.st_mode) +
           "): chmod it to 0700, or name another directory");
  }
}

// The marker is the first file ever made here, so whoever finds another one without it has found somebody else's
// directory.
void embedded_directory::adopt() const {
  struct stat status{};
  const int directory = directory_.get();
  if (fstatat(directory, EMBEDDED_MARKER, &status, AT_SYMLINK_NOFOLLOW) == 0) return;
  const std::string stranger = first_entry(directory);
  if (!stranger.empty()) {
    if (fstatat(directory, EMBEDDED_MARKER, &status, AT_SYMLINK_NOFOLLOW) == 0) return;
    refuse("is not empty and no embedded server's (it holds \"" + stranger + "\"): name a new or an empty directory");
  }
  fchmod(directory, 0700);
  const owned_descriptor marker(
      openat(directory, EMBEDDED_MARKER, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!marker.valid() && errno == ENOENT) return;  // the directory was deleted meanwhile: holds() will say so
  if (!marker.valid()) refuse_file(EMBEDDED_MARKER, errno);
  // What the file says is for people; that it exists is what counts.
  if (::write(marker.get(), marker_text.data(), marker_text.size()) < 0 && (errno == ENOSPC || errno == EDQUOT)) {
    refuse_file(EMBEDDED_MARKER, errno);
  }
}

owned_descriptor embedded_directory::open_lock(const char *name) const {
  owned_descriptor file(openat(directory_.get(), name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid() && errno != ENOENT) refuse_file(name, errno);
  return file;
}

bool embedded_directory::holds(const char *name, const owned_descriptor &file) const noexcept {
  struct stat opened{}, named{};
  if (!file.valid() || fstat(directory_.get(), &opened) != 0 || stat(path_.c_str(), &named) != 0) return false;
  if (!same_file(opened, named)) return false;
  if (fstat(file.get(), &opened) != 0 || fstatat(directory_.get(), name, &named, AT_SYMLINK_NOFOLLOW) != 0)
    return false;
  return same_file(opened, named);
}

bool embedded_directory::supervised() const {
  const owned_descriptor file = open_lock(EMBEDDED_SUPERVISOR);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return file.valid() && fcntl(file.get(), F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

std::string embedded_directory::socket_path(std::string &link) const {
  link.clear();
  std::string plain = path_ + "/" EMBEDDED_SOCKET;
  if (fits_a_socket(plain)) return plain;
  link = short_link(path_);
  return link + "/" EMBEDDED_SOCKET;
}

int64_t embedded_directory::log_size() const noexcept {
  struct stat status{};
  return fstatat(directory_.get(), EMBEDDED_LOG, &status, AT_SYMLINK_NOFOLLOW) == 0 ? int64_t{status.st_size} : 0;
}

std::string embedded_directory::last_words(int64_t from) const {
  struct statvfs disk{};
  std::string words =
      fstatvfs(directory_.get(), &disk) == 0 && disk.f_bavail == 0 ? ": the disk is full: free some space" : "";
  const owned_descriptor log(openat(directory_.get(), EMBEDDED_LOG, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!log.valid()) return words;
  char text[320];
  const int64_t size = log_size();
  const int64_t longest = sizeof(text);
  const int64_t begin = size < from ? 0 : from;  // smaller: it was begun anew
  const int64_t at = size - begin > longest ? size - longest : begin;
  const ssize_t got = pread(log.get(), text, sizeof(text), at);
  std::string_view rest(text, got < 0 ? 0 : static_cast<size_t>(got));
  if (at > begin) rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
  for (const char *separator = ": "; !rest.empty(); separator = "; ") {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.empty()) words += separator + std::string(line);
  }
  return words;
}

}  // namespace cachecore_internal
