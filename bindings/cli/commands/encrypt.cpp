// encrypt: a secret as ENC(...), for configuration files.
//
// The secret comes from standard input or a terminal without echo, never from the command line, which other users can
// read.

#include "../command.h"

namespace cachectl {
namespace {

cachecore_status run_encrypt(context &context) {
  bound_arguments arguments;
  arguments.values.push_back(arguments.store.bytes(context.in().secret("Secret")));
  // Neither the plugins nor the server have a part in it, and a configuration that still lacks this secret must not
  // stand in the way.
  const core_pointer core = open_bare_core();
  return context.call(core.get(), "core.encrypt", false, arguments);
}

}  // namespace

extern const command encrypt_command;
const command encrypt_command = {
    .name = "encrypt",
    .arguments = "",
    .summary = "reads a secret and writes it as ENC(...), for use in a configuration",
    .details =
        "The secret is read from standard input (its last newline is left out) or asked for without echo.\n"
        "The key is 32 bytes as base64 or hex in CACHECORE_SECRET_KEY, or in the file CACHECORE_SECRET_KEY_FILE "
        "names.\n"
        "A new key:  openssl rand -base64 32",
    .options = {},
    .least_words = 0,
    .most_words = 0,
    .looks_only = false,
    .run = run_encrypt,
};

}  // namespace cachectl
