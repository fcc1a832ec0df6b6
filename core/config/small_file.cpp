#include "core/config/small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/config/rejection.h"

namespace cachecore_internal {
namespace {

class descriptor {
 public:
  explicit descriptor(int number) : number_(number) {}
  ~descriptor() {
    if (number_ >= 0) close(number_);
  }
  descriptor(const descriptor &) = delete;
  descriptor &operator=(const descriptor &) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void reject_file(std::string_view what, const std::string &path, std::string_view reason) {
  reject({what, " ", path, ": ", reason});
}

std::string error_text(int number) { return std::generic_category().message(number); }

}  // namespace

secret_text read_small_file(const std::string &path, std::string_view what, struct stat *status) {
  if (path.empty()) reject({what, ": the path is empty"});
  // O_NONBLOCK: opening a FIFO nobody writes to must not hang.
  const descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.number() < 0) reject_file(what, path, error_text(errno));
  struct stat found{};
  if (fstat(file.number(), &found) != 0) reject_file(what, path, error_text(errno));
  if (!S_ISREG(found.st_mode)) reject_file(what, path, "is not a regular file");
  if (status != nullptr) *status = found;

  // One byte more than allowed tells a file that is too large, whatever fstat said of its size.
  secret_text content(std::string(longest_file + 1, '\0'));
  size_t size = 0;
  while (size < content.text().size()) {
    const ssize_t got = read(file.number(), content.text().data() + size, content.text().size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) reject_file(what, path, error_text(errno));
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > longest_file) reject_file(what, path, "is larger than 1 MiB");
  content.text().resize(size);
  return content;
}

secret_text read_key_file(const std::string &path, std::string_view origin) {
  struct stat status{};
  secret_text content = read_small_file(path, origin, &status);
  const mode_t readers = status.st_uid == 0 ? mode_t{S_IRWXO | S_IWGRP | S_IXGRP} : mode_t{S_IRWXG | S_IRWXO};
  if ((status.st_mode & readers) != 0) {
    reject_file(origin, path, "others than its owner may use this key file: run `chmod 600` on it");
  }
  return content;
}

}  // namespace cachecore_internal
