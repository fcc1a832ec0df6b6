#include "command.h"

// The commands in the order of help; each is defined in a file of commands/.
#define CACHECTL_COMMANDS(each)                                                                                    \
  each(call) each(get) each(set) each(delete) each(queue) each(ping) each(health) each(top) each(stats) each(slow) \
      each(locks) each(sessions) each(plugins) each(methods) each(describe) each(encrypt) each(simulate)           \
          each(completion) each(version) each(help)

namespace cachectl {

#define CACHECTL_DECLARE(name) extern const command name##_command;
CACHECTL_COMMANDS(CACHECTL_DECLARE)

const std::vector<const command *> &commands() {
#define CACHECTL_ADDRESS(name) &name##_command,
  static const std::vector<const command *> all = {CACHECTL_COMMANDS(CACHECTL_ADDRESS)};
  return all;
}

const command *find_command(std::string_view name) {
  for (const command *known : commands()) {
    if (known->name == name) return known;
  }
  return nullptr;
}

}  // namespace cachectl
