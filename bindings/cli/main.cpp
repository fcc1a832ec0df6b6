// main.cpp: reads the command line, runs the command, and says how it went.

#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <csignal>
#include <exception>
#include <filesystem>
#include <new>

#include "command.h"
#include "command_line.h"
#include "failure.h"
#include "signals.h"
#include "text.h"
#include "value_store.h"

namespace cachectl {
namespace {

// One line on standard error. Where nobody can read it, the exit code still says it.
void report(output &err, const failure &error, format as) {
  try {
    if (as == format::json) {
      value_store store;
      err.write(encode_json(store.map({pair_of("status", cachecore_text(cachecore_status_name(error.status()))),
                                       pair_of("message", store.bytes(shown(error.message()))),
                                       pair_of("server_code", store.bytes(shown(error.server_code())))})));
      err.write("\n");
    } else {
      err.write_styled("cachectl: ", style::fault);
      err.write(shown(error.message()) + "\n");
    }
    err.flush();
  } catch (const std::exception &) {
  }
}

int run(const std::vector<std::string> &args, command_line &line, output &out, output &err) {
  try {
    read_command_line(args, line);
    context running(line, out, err);
    const cachecore_status status = line.chosen->run(running);
    out.flush();
    return exit_code_of(status);
  } catch (const failure &error) {
    try {
      out.flush();  // what was answered before it failed
    } catch (const std::exception &) {
    }
    report(err, error, line.options.output);
    return exit_code_of(error.status());
  }
}

int guarded_main(const std::vector<std::string> &args) {
  output out(STDOUT_FILENO);
  output err(STDERR_FILENO);
  command_line line;
  // An option that is wrong may stand before the one that says how to report it.
  const auto options_end = std::find(args.begin(), args.end(), "--");
  if (std::find(args.begin(), options_end, "--json") != options_end) line.options.output = format::json;
  try {
    return run(args, line, out, err);
  } catch (const std::bad_alloc &) {
    report(err, failure(CACHECORE_NO_MEMORY, "out of memory"), line.options.output);
  } catch (const std::filesystem::filesystem_error &error) {
    report(err, failure(CACHECORE_INTERNAL, error.what()), line.options.output);
  }
  return exit_other;
}

}  // namespace
}  // namespace cachectl

int main(int argc, char **argv) {
  // Character widths alone: what is written must not depend on the user's locale.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  // A reader that has gone is noticed by write, so that a stream can be cancelled first.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return cachectl::guarded_main(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const cachectl::interruption &interrupted) {
    cachectl::end_by_signal(interrupted.signal());
  }
}
