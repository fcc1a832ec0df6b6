// short_path.h: short ways to directories whose paths are too long for the address of a unix socket (107 bytes).
//
// Thread rule: reentrant; also between processes.
#pragma once

#include <string>

namespace cachecore_internal {

bool fits_a_socket(const std::string &path) noexcept;

// A symbolic link to `directory`, the same one for everybody who has the same runtime directory, short enough for a
// socket in it. Throws failure(INVALID_ARGUMENT) where none can be made.
std::string short_link(const std::string &directory);

}  // namespace cachecore_internal
