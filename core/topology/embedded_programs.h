// embedded_programs.h: where the programs behind embedded:// are.
//
// The environment is not believed where the process has other rights than its caller (setuid).
//
// Thread rule: reentrant (reads the environment).
#pragma once

#include <string>
#include <vector>

namespace cachecore_internal {

// redis-server, or what the setting names instead: a path, or a name looked for on PATH and in the usual directories.
// Throws failure(UNAVAILABLE) whose message says where was looked and how to install it.
std::string find_redis_server(const std::string &setting);

// cachecore-supervisor: CACHECORE_SUPERVISOR, else beside the library as it was installed. Throws failure(UNAVAILABLE).
std::string find_supervisor();

// The environment both are given: enough to run, and no secret of ours.
std::vector<std::string> embedded_environment();

}  // namespace cachecore_internal
