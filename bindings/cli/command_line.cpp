#include "command_line.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include "failure.h"
#include "nearest.h"
#include "numbers.h"
#include "text.h"

namespace cachectl {
namespace {

// A word that begins with a dash is an option, except for "-" (standard input) and negative numbers.
bool is_option(const std::string &arg) {
  if (arg.size() < 2 || arg[0] != '-') return false;
  const char second = arg[1];
  return !(second >= '0' && second <= '9') && second != '.';
}

const option_spec *find_option(const std::vector<option_spec> &specs, const std::string &name) {
  const auto found =
      std::find_if(specs.begin(), specs.end(), [&](const option_spec &spec) { return spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

// The names of the words a command has to have, without the first `given`: "VALUE" of "KEY VALUE [--ttl-ms N]".
std::string missing_words(const command &chosen, size_t given) {
  std::istringstream names(chosen.arguments);
  std::string out;
  std::string name;
  for (size_t i = 0; i < chosen.least_words && names >> name; ++i) {
    if (i >= given) out += (out.empty() ? "" : " ") + name;
  }
  return out;
}

class reader {
 public:
  reader(const std::vector<std::string> &args, command_line &line) : args_(args), line_(line) {}

  void read() {
    for (; next_ < args_.size(); ++next_) {
      const std::string &arg = args_[next_];
      if (!literal_ && arg == "--") {
        literal_ = true;
      } else if (!literal_ && is_option(arg)) {
        add_option(arg);
      } else if (line_.chosen == nullptr) {
        choose(arg);
      } else {
        line_.words.push_back({arg, literal_});
      }
    }
    if (help_ || version_) return turn_to_help();
    if (line_.chosen == nullptr) throw usage("there is no command; `cachectl help` lists them");
    count_words();
    line_.options.quiet = line_.chosen->looks_only;
  }

 private:
  void choose(const std::string &name) {
    line_.chosen = find_command(name);
    if (line_.chosen != nullptr) return;
    if (name.find('.') == std::string::npos) {
      std::vector<std::string> names;
      for (const command *known : commands()) names.emplace_back(known->name);
      throw usage("there is no command " + quoted(name) + suggestion(name, names) +
                  "; `cachectl help` lists them, methods are called as PLUGIN.METHOD");
    }
    line_.chosen = find_command("call");
    line_.words.push_back({name, literal_});
  }

  void add_option(const std::string &arg) {
    if (arg == "-h" || arg == "--help") {
      help_ = true;
      return;
    }
    if (arg == "--version") {
      version_ = true;
      return;
    }
    const size_t equals = arg.find('=');
    const std::string name = arg.starts_with("--") ? arg.substr(2, equals - 2) : std::string();
    const option_spec *spec = find_option(global_option_specs(), name);
    const bool global = spec != nullptr;
    if (!global && line_.chosen != nullptr) spec = find_option(line_.chosen->options, name);
    if (spec == nullptr) throw unknown_option(arg.substr(0, equals), name);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = arg.substr(equals + 1);
    if (spec->value == nullptr && value) throw usage("--" + name + " takes no value");
    if (spec->value != nullptr && !value) {
      if (next_ + 1 == args_.size()) throw usage("--" + name + " needs a value: --" + name + " " + spec->value);
      value = args_[++next_];
    }
    if (global) return set_global(name, value.value_or(""));
    if (!line_.own_options.emplace(name, value.value_or("")).second) throw twice(name);
  }

  static failure twice(const std::string &name) { return usage("--" + name + " is given more than once"); }

  failure unknown_option(const std::string &shown_name, const std::string &name) const {
    std::vector<std::string> names = {"--help", "--version"};
    for (const option_spec &spec : global_option_specs()) names.push_back(std::string("--") + spec.name);
    if (line_.chosen != nullptr) {
      for (const option_spec &spec : line_.chosen->options) names.push_back(std::string("--") + spec.name);
    } else {
      for (const command *known : commands()) {
        if (find_option(known->options, name) == nullptr) continue;
        return usage("--" + name + " belongs to the command " + known->name + " and stands behind it");
      }
    }
    const bool call = line_.chosen != nullptr && std::string_view(line_.chosen->name) == "call";
    return usage("there is no option " + quoted(shown_name) + suggestion(shown_name, names) +
                 (call ? "; parameters are written NAME=VALUE" : "") +
                 "; put -- before a value that begins with a dash");
  }

  void set_global(const std::string &name, const std::string &value) {
    global_options &options = line_.options;
    if (name == "plugin") {
      options.plugins.push_back(value);
    } else if (name == "verbose") {
      options.verbose = true;
    } else if (name == "json" || name == "raw") {
      const format asked = name == "json" ? format::json : format::raw;
      if (options.output != format::human && options.output != asked)
        throw usage("--json and --raw exclude each other");
      options.output = asked;
    } else if (name == "timeout-ms") {
      set_timeout(value);
    } else {
      set_text(name, value);
    }
  }

  void set_text(const std::string &name, const std::string &value) {
    global_options &options = line_.options;
    std::string &target = name == "url"           ? options.url
                          : name == "config"      ? options.config_file
                          : name == "config-json" ? options.config_json
                          : name == "plugin-path" ? options.plugin_path
                                                  : options.key_prefix;
    if (!target.empty()) throw twice(name);
    if (value.empty()) throw usage("--" + name + " is empty");
    target = value;
  }

  void set_timeout(const std::string &value) {
    const auto number = parse_number<int64_t>(value);
    if (!number || (*number < 1 && *number != -1)) {
      throw usage("--timeout-ms takes milliseconds of at least 1, or -1 for no deadline, got " + quoted(value));
    }
    if (line_.options.timeout_ms != 0) throw twice("timeout-ms");
    line_.options.timeout_ms = *number;
  }

  // `COMMAND --help` and `PLUGIN.METHOD --help` are `help COMMAND` and `help PLUGIN.METHOD`.
  void turn_to_help() {
    std::vector<word> words;
    if (help_ && line_.chosen != nullptr) {
      const bool method = std::string_view(line_.chosen->name) == "call" && !line_.words.empty();
      words.push_back(method ? line_.words.front() : word{line_.chosen->name});
    }
    line_.words = std::move(words);
    line_.own_options.clear();
    line_.chosen = find_command(help_ ? "help" : "version");
    line_.options.quiet = true;
  }

  void count_words() const {
    const command &chosen = *line_.chosen;
    const size_t count = line_.words.size();
    if (count >= chosen.least_words && count <= chosen.most_words) return;
    const std::string form =
        std::string("cachectl ") + chosen.name + (*chosen.arguments == '\0' ? "" : " ") + chosen.arguments;
    std::string fault = std::string(chosen.name);
    if (count < chosen.least_words) {
      fault += " needs " + missing_words(chosen, count);
    } else if (chosen.most_words == 0) {
      fault += " takes no words";
    } else {
      // The words are not repeated: one may be a secret that was meant for standard input.
      fault += " takes " + std::to_string(chosen.most_words) + (chosen.most_words == 1 ? " word" : " words") +
               ", got " + std::to_string(count);
    }
    throw usage(fault + "; it is called as: " + form);
  }

  const std::vector<std::string> &args_;
  command_line &line_;
  size_t next_ = 0;
  bool literal_ = false;
  bool help_ = false;
  bool version_ = false;
};

}  // namespace

const std::vector<option_spec> &global_option_specs() {
  static const std::vector<option_spec> specs = {
      {"url", "URL", "the server: redis:// rediss:// unix:// embedded:// ...; a password is safer in CACHECORE_URL"},
      {"config", "FILE", "a file that holds a JSON object of options"},
      {"config-json", "TEXT", "a JSON object of options"},
      {"plugin", "PATH", "loads one more plugin, by path or name; may be repeated"},
      {"plugin-path", "DIRECTORIES", "directories, separated by ':', that are searched for plugins first"},
      {"key-prefix", "TEXT", "put before every key"},
      {"timeout-ms", "N", "deadline of the call; -1: none"},
      {"json", nullptr, "answers and errors as JSON, one line each"},
      {"raw", nullptr, "the bytes of the answer as they are"},
      {"verbose", nullptr, "the library's log on standard error"},
  };
  return specs;
}

void read_command_line(const std::vector<std::string> &args, command_line &line) { reader(args, line).read(); }

}  // namespace cachectl
