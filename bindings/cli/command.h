// command.h: what a command is, and what it finds when it runs.
//
// A command group is a file in commands/ that defines a `command`, and its line in commands.cpp; help, completion and
// the reading of options follow from the definition.
//
// Thread rule: main thread only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.h"
#include "core_handle.h"
#include "description.h"
#include "global_options.h"
#include "input.h"
#include "output.h"

namespace cachectl {

class context;

struct command {
  const char *name;
  const char *arguments;  // as help shows them: "KEY VALUE"
  const char *summary;
  const char *details;  // more paragraphs for `help NAME`; ""
  std::vector<option_spec> options;
  size_t least_words;
  size_t most_words;
  bool looks_only;  // at descriptions: a warning about the server would be of no interest
  // Writes answers to the context's output. Returns OK or NOT_FOUND, or throws.
  cachecore_status (*run)(context &);
};

constexpr size_t any_number = static_cast<size_t>(-1);

// All commands, in the order of help.
const std::vector<const command *> &commands();
// nullptr when there is none of that name.
const command *find_command(std::string_view name);

// The command line, taken apart.
struct command_line {
  global_options options;
  const command *chosen = nullptr;                 // nullptr: nothing was asked for
  std::vector<word> words;                         // behind the command's name
  std::map<std::string, std::string> own_options;  // of the command
};

class context {
 public:
  context(const command_line &given, output &out, output &err) : given_(given), out_(out), err_(err) {}

  [[nodiscard]] const global_options &options() const noexcept { return given_.options; }
  [[nodiscard]] const std::vector<word> &words() const noexcept { return given_.words; }
  // nullptr when it was not given.
  [[nodiscard]] const std::string *option(const std::string &name) const;
  // A number at least `least`; `fallback` when it was not given.
  [[nodiscard]] int64_t number_option(const std::string &name, int64_t least, int64_t fallback) const;

  output &out() noexcept { return out_; }
  output &err() noexcept { return err_; }
  input &in() noexcept { return in_; }

  // Opened and described when first asked for.
  cachecore *core();
  const description &described();

  // Writes an answer as the options say.
  void answer(const cachecore_value &value);
  // A line for the person at the terminal, on standard error; nothing with --json.
  void note(const std::string &text);

  // Calls a method with bound arguments and writes its answers.
  cachecore_status call(cachecore *core, const std::string &method, bool streaming, const bound_arguments &arguments,
                        int64_t most_items = 0);
  // The same for words that are bound to the method's parameters.
  cachecore_status call(const std::string &method, const std::vector<word> &words, int64_t most_items = 0);

 private:
  const command_line &given_;
  output &out_;
  output &err_;
  input in_;
  core_pointer core_;
  std::unique_ptr<description> described_;
};

}  // namespace cachectl
