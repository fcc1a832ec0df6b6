// global_options.h: what every command can be told, and how options are written.
//
// An option is `--name value` or `--name=value` and may stand anywhere before `--`; what follows `--` is taken as it
// is.
//
// Thread rule: immutable once the command line has been read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cachectl {

enum class format { human, json, raw };

struct option_spec {
  const char *name;
  const char *value;  // what the value is called in help; nullptr: the option takes none
  const char *doc;
};

struct global_options {
  std::string url;
  std::string config_file;
  std::string config_json;
  std::vector<std::string> plugins;
  std::string plugin_path;
  std::string key_prefix;
  int64_t timeout_ms = 0;  // 0: the default of the library
  format output = format::human;
  bool verbose = false;
  bool quiet = false;  // of the log only errors; set for commands that call nothing
};

// Their specifications, in the order of help.
const std::vector<option_spec> &global_option_specs();

}  // namespace cachectl
