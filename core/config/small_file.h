// small_file.h: files that configuration reads as a whole.
//
// Thread rule: functions are reentrant. Blocks only as long as the disk does: anything but a regular file (a FIFO, a
// terminal) is refused.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "core/config/secret.h"

namespace cachecore_internal {

constexpr size_t longest_file = 1'048'576;

// A file's whole content. `status`, when not null, receives what fstat said of the very file that was read.
// Throws failure(INVALID_ARGUMENT): "<what> <path>: <reason>".
secret_text read_small_file(const std::string &path, std::string_view what, struct stat *status = nullptr);

}  // namespace cachecore_internal
