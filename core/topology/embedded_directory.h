// embedded_directory.h: the directory of an embedded server: whose it is, its files, its locks.
//
// All access to its files is through the descriptor of the opened directory, so that a path that changes its meaning
// meanwhile (renamed, deleted, made again) never mixes two directories.
//
// Thread rule: one thread an object; different objects, also of one directory, on different threads.
#pragma once

#include <cstdint>
#include <string>

#include "core/topology/owned_descriptor.h"

namespace cachecore_internal {

class embedded_directory {
 public:
  // Opens `path` ("" for the user's own), making it when it does not exist and marking it as ours when it is empty.
  // Throws failure (INVALID_ARGUMENT, UNAVAILABLE for a full disk) where it is not, or must not be, ours.
  explicit embedded_directory(const std::string &path);

  [[nodiscard]] const std::string &path() const noexcept { return path_; }
  [[nodiscard]] int descriptor() const noexcept { return directory_.get(); }

  // Opens a lock's file, making it.
  [[nodiscard]] owned_descriptor open_lock(const char *name) const;

  // Whether the path still leads to this directory, and `name` in it to the opened `file`.
  [[nodiscard]] bool holds(const char *name, const owned_descriptor &file) const noexcept;

  // Whether a supervisor, or the server of one that was killed, lives.
  [[nodiscard]] bool supervised() const;

  // The socket's path; where that would be too long, `link` receives the symbolic link it leads through.
  [[nodiscard]] std::string socket_path(std::string &link) const;

  [[nodiscard]] int64_t log_size() const noexcept;
  // The last lines written to the log since it had `from` bytes, for a message: "" or ": a; b". Says so when the disk
  // is full.
  [[nodiscard]] std::string last_words(int64_t from) const;

 private:
  void open_directory(bool follow);
  void make_directory() const;
  void require_ours() const;
  void adopt() const;
  [[noreturn]] void refuse(const std::string &why) const;
  [[noreturn]] void refuse_file(const char *name, int error) const;

  std::string path_;
  owned_descriptor directory_;
};

// Whether the path is a directory (no symbolic link) of this user that nobody else may write to.
bool private_directory(const std::string &path) noexcept;

}  // namespace cachecore_internal
