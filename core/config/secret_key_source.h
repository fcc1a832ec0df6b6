// secret_key_source.h: where the key of ENC(...) comes from.
//
// Thread rule: reentrant.
#pragma once

#include <memory>
#include <optional>

#include "core/config/secret.h"
#include "core/config/settings.h"

namespace cachecore_internal {

// The key file of the JSON, else CACHECORE_SECRET_KEY, else the file CACHECORE_SECRET_KEY_FILE names (the variable of
// the source of higher rank first). Null when there is none; throws failure(INVALID_ARGUMENT) for one that cannot be
// used.
std::shared_ptr<const secret_key> find_secret_key(const std::optional<said> &key_file, const environment &variables);

}  // namespace cachecore_internal
