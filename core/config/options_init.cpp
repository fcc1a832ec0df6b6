#include <cachecore/options.h>

#include <cstring>

// Every default is "not set", so that a value somebody writes is told from one nobody wrote, also when it equals the
// built-in one. A newer program's larger struct is zeroed as a whole: what this version does not know must be unset
// too.
extern "C" CACHECORE_API void cachecore_options_init_sized(cachecore_options *options, size_t size) {
  if (options == nullptr) return;
  std::memset(static_cast<void *>(options), 0, size);
  if (size >= sizeof(options->struct_size)) options->struct_size = size;
}
