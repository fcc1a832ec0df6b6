// core_of.h: cores and methods for benches. What fails ends the program with the core's own message.
#pragma once

#include <cachecore/cachecore.h>

#include <memory>
#include <string>

namespace bench {

struct close_core {
  void operator()(cachecore *core) const { cachecore_close(core); }
};
using core_ptr = std::unique_ptr<cachecore, close_core>;

void check(cachecore_status status, const cachecore_error &error, const char *what);
// url empty: no server is named.
core_ptr open_core(const std::string &url);
const cachecore_method *find(cachecore *core, const char *name);

// Reads the bench's key with kv.get and looks at the answer.
void get_once(cachecore *core, const cachecore_method *get);

}  // namespace bench
