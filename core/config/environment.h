// environment.h: variables of the process and of env files, in their order of precedence.
//
// An empty variable counts as not set. A setuid or setgid program sees no variable of the process at all: they are its
// caller's, and some of them name files.
//
// Thread rule: a plain value once made. Making one reads the process' environment, which nobody may change meanwhile.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachecore_internal {

struct variable {
  std::string value;
  std::string
      origin;       // how messages call it: "environment variable REDIS_PORT", "env file /run/.env, line 3: REDIS_PORT"
  size_t rank = 0;  // of its source; lower wins
};

class environment {
 public:
  // The process' own.
  environment();

  // Adds a file of lower rank than all before. Throws failure(INVALID_ARGUMENT) naming file and line, never what is
  // written there.
  void add_file(const std::string &path);

  // The first that is set.
  [[nodiscard]] std::optional<variable> find(const std::string &name) const;

 private:
  using variables = std::map<std::string, variable>;
  std::vector<variables> sources_;
};

// Reads the text of an env file: NAME=value lines, `export NAME=value`, values in '...' as they are and in "..." with
// \n \r \t \" \\ \$, # comments on lines of their own and after a blank. Nothing is expanded. Later lines win, as in a
// shell. `source` begins every origin and message.
std::map<std::string, variable> read_env_text(std::string_view text, std::string_view source);

}  // namespace cachecore_internal
