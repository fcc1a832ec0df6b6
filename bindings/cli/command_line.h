// command_line.h: reading argv.
//
// Thread rule: functions are reentrant. Errors: failure(INVALID_ARGUMENT) naming the word and the nearest right one.
#pragma once

#include <string>
#include <vector>

#include "command.h"

namespace cachectl {

// Fills `line` as far as it gets, so that an error can be written in the format that was asked for.
void read_command_line(const std::vector<std::string> &args, command_line &line);

}  // namespace cachectl
