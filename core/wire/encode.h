// encode.h: words to the bytes of a command (RESP arrays of bulk strings).
//
// Words are values: BYTES as they are, INT, BOOL and DOUBLE as text. The size is computed first, so a command is
// written once into exactly the memory it needs.
#pragma once

#include <cachecore/value.h>

#include <cstddef>
#include <string_view>

#include "core/runtime/arena.h"

namespace cachecore_internal {

constexpr size_t max_word_size = size_t{512} << 20;  // the server's proto-max-bulk-len

struct encoded {
  char *data = nullptr;
  size_t size = 0;
};

// `words` of one command. Throws failure(INVALID_ARGUMENT) for a word of
// another kind, a word over 512 MiB or no word at all; std::bad_alloc.
encoded encode_command(arena &memory, const cachecore_value *words, size_t count);

// Several commands (LISTs of words), one after the other, between `before` and `after`.
encoded encode_commands(arena &memory, const cachecore_value *commands, size_t count, std::string_view before,
                        std::string_view after);

// The text of an INT, BOOL or DOUBLE word in `scratch` (at least 40 bytes), or the bytes of a BYTES word.
std::string_view word_text(const cachecore_value &word, char *scratch);

}  // namespace cachecore_internal
