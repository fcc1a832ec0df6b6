// version: of this program and of the library it runs with.

#include "../command.h"

namespace cachectl {
namespace {

cachecore_status run_version(context &context) {
  if (context.options().output != format::json) {
    context.out().write(std::string("cachectl ") + CACHECTL_VERSION + " (libcachecore " + cachecore_version() + ")\n");
    return CACHECORE_OK;
  }
  value_store store;
  context.answer(store.map({pair_of("cachectl", cachecore_text(CACHECTL_VERSION)),
                            pair_of("libcachecore", cachecore_text(cachecore_version()))}));
  return CACHECORE_OK;
}

}  // namespace

extern const command version_command;
const command version_command = {
    .name = "version",
    .arguments = "",
    .summary = "writes the versions of cachectl and libcachecore",
    .details = "",
    .options = {},
    .least_words = 0,
    .most_words = 0,
    .looks_only = true,
    .run = run_version,
};

}  // namespace cachectl
