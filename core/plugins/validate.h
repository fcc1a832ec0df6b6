// validate.h: arguments against their specification, before a plugin sees anything.
//
// Every complaint names the method, the parameter (with the path inside an option map) and what it takes; the value
// itself is shown only when it is a number, never for a parameter flagged SECRET.
//
// Thread rule: reentrant.
#pragma once

#include <cachecore/plugin.h>

#include <string>

#include "core/plugins/method.h"
#include "core/runtime/arena.h"

namespace cachecore_internal {

struct argument_list {
  const cachecore_value *values = nullptr;
  size_t count = 0;
};

// Checks the caller's arguments and returns as many as the method has parameters, with defaults filled in: the caller's
// own array where nothing had to change, else one in `memory`. Throws failure(INVALID_ARGUMENT).
argument_list validate_arguments(const cachecore_method &method, const cachecore_value *args, size_t count,
                                 arena &memory);

// The same for a plugin's configuration; fills defaults into `config`. `specs` null: it must be empty.
void validate_configuration(const std::string &what, const cachecore_parameter_spec *const *specs,
                            cachecore_value &config, arena &memory);

// "INT, DOUBLE or NIL"
std::string kind_names(uint32_t kinds, bool optional);
const char *kind_name(int32_t kind) noexcept;
const char *meaning_name(uint32_t meaning) noexcept;

}  // namespace cachecore_internal
