// detached_process.h: starts a program that is no child of this process.
//
// The host may have any number of threads, any signal handlers, and its own ideas about waitpid(-1) and SIGCHLD. So the
// program is a grandchild in a session of its own, and the child between ends at once, sends no signal at its end and
// is seen by no waitpid but ours. Both run on raw system calls alone: no fork handlers, no libc state, no sanitizer in
// between. In a host that adopts orphans (a container's first process, a subreaper) the program becomes its child all
// the same.
//
// Thread rule: reentrant.
#pragma once

#include <string>
#include <vector>

#include "core/topology/supervisor/protocol.h"

namespace cachecore_internal {

struct detached_program {
  std::vector<std::string> words;        // words[0] is the program's path
  std::vector<std::string> environment;  // "NAME=value"
  std::vector<int> descriptors;          // what it has at 0, 1, 2 ...; others stay open if they are not CLOEXEC
};

// Starts it: all signals blocked, for the program to set up. Returns 0 or an errno. Where the program cannot be
// executed, an EMBEDDED_FAILED report is written to its EMBEDDED_REPORT_DESCRIPTOR instead.
int start_detached(const detached_program &program);

}  // namespace cachecore_internal
