// help: of the program, a command, or a method.

#include "../command.h"
#include "../failure.h"
#include "../nearest.h"
#include "../page.h"
#include "../text.h"

namespace cachectl {
namespace {

using definitions = std::vector<std::pair<std::string, std::string>>;

std::string with_space(const char *text) { return *text == '\0' ? "" : std::string(" ") + text; }

void write_options(output &out, const std::vector<option_spec> &specs) {
  definitions rows;
  for (const option_spec &spec : specs) {
    rows.emplace_back(std::string("--") + spec.name + (spec.value == nullptr ? "" : with_space(spec.value)), spec.doc);
  }
  write_definitions(out, rows);
}

void write_overview(output &out) {
  out.write("cachectl calls the methods of cachecore's plugins.\n");
  write_heading(out, "Use");
  out.write(
      "  cachectl [OPTION ...] COMMAND [ARGUMENT ...]\n"
      "  cachectl [OPTION ...] PLUGIN.METHOD [NAME=VALUE ...]\n"
      "\n"
      "  cachectl kv.set key=user:1 value=hello ttl_ms=30s\n"
      "  cachectl --json kv.get user:1\n"
      "  cachectl help kv.set\n");
  write_heading(out, "Commands");
  definitions rows;
  for (const command *known : commands()) rows.emplace_back(known->name + with_space(known->arguments), known->summary);
  write_definitions(out, rows);
  write_heading(out, "Arguments of a method");
  out.write(std::string(find_command("call")->details) + "\n");
  write_heading(out, "Options");
  write_options(out, global_option_specs());
  write_heading(out, "Exit codes");
  write_definitions(out, {{"0", "done"},
                          {"1", "not found: there is no such key, field, ..."},
                          {"2", "a wrong command, option, method, parameter or value"},
                          {"3", "no server, or no answer in time; nothing that changes data was sent"},
                          {"4", "rejected or denied by the server, a conflict, or a bound that is reached"},
                          {"5", "anything else, also a change whose reply was lost: it may have been applied"}});
  out.write("\n  A program that is interrupted (Ctrl-C) cancels its call and ends by that signal.\n");
}

void write_command(output &out, const command &known) {
  out.write_styled(known.name, style::heading);
  out.write(std::string(" ") + known.summary + "\n");
  write_heading(out, "Use");
  out.write(std::string("  cachectl [OPTION ...] ") + known.name + with_space(known.arguments) + "\n");
  if (*known.details != '\0') out.write(std::string("\n") + known.details + "\n");
  if (known.options.empty()) return;
  write_heading(out, "Options");
  write_options(out, known.options);
}

cachecore_status run_help(context &context) {
  if (context.words().empty()) {
    write_overview(context.out());
    return CACHECORE_OK;
  }
  const std::string &name = context.words().front().text;
  if (const command *known = find_command(name)) {
    write_command(context.out(), *known);
    return CACHECORE_OK;
  }
  // A plain word is no method, so that its help does not have to load any plugin.
  if (name.find('.') == std::string::npos) {
    std::vector<std::string> names;
    for (const command *known : commands()) names.emplace_back(known->name);
    throw usage("there is no command " + quoted(name) + suggestion(name, names) + "; for a plugin: cachectl describe " +
                shown(name));
  }
  const method_description *method = context.described().method(name);
  if (method == nullptr) {
    throw failure(CACHECORE_NO_METHOD, "there is no method " + quoted(name) +
                                           suggestion(name, context.described().method_names()) +
                                           "; `cachectl methods` lists them, --plugin NAME loads another plugin");
  }
  write_method_page(context.out(), *method);
  return CACHECORE_OK;
}

}  // namespace

extern const command help_command;
const command help_command = {
    .name = "help",
    .arguments = "[COMMAND | METHOD]",
    .summary = "explains the program, a command, or a method",
    .details = "",
    .options = {},
    .least_words = 0,
    .most_words = 1,
    .looks_only = true,
    .run = run_help,
};

}  // namespace cachectl
