// completion: of commands, options, methods and their parameters, in a shell.
//
// The shell's part is a few lines that ask this program, `completion words`, what may come next. So the answers are
// right for the plugins that are loaded, and nothing has to be installed anew when a plugin is.

#include <string_view>

#include "../command.h"
#include "../failure.h"
#include "../text.h"

namespace cachectl {
namespace {

constexpr std::string_view bash_script =
    R"bash(# bash completion for cachectl; in ~/.bashrc:  eval "$(cachectl completion bash)"
_cachectl() {
  # Bash breaks words at '=' and ':'; what was typed is taken from the line itself.
  local line="${COMP_LINE:0:COMP_POINT}" current words candidates
  current="${line##*[[:space:]]}"
  read -r -a words <<< "${line%"$current"}"
  case "${words[${#words[@]} - 1]}" in
    --config | --plugin) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    --plugin-path) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
  esac
  candidates="$("${words[0]}" completion words -- "${words[@]:1}" 2> /dev/null)"
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$current")
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -o default -F _cachectl cachectl
)bash";

void write_options(output &out, const std::vector<option_spec> &specs) {
  for (const option_spec &spec : specs) out.write(std::string("--") + spec.name + "\n");
}

// Whether a word before the cursor takes the next one as its value.
bool takes_value(const std::string &word) {
  for (const option_spec &spec : global_option_specs()) {
    if (spec.value != nullptr && word == std::string("--") + spec.name) return true;
  }
  return false;
}

void write_methods(context &context) {
  for (const std::string &name : context.described().method_names()) context.out().write(name + "\n");
}

void write_parameters(context &context, const std::string &name, const std::vector<std::string> &given) {
  const method_description *method = context.described().method(name);
  if (method == nullptr) return;
  for (const parameter_description &parameter : method->parameters) {
    const auto already = [&](const std::string &word) { return word.starts_with(parameter.name + "="); };
    bool seen = false;
    for (const std::string &word : given) seen = seen || already(word);
    if (!seen || parameter.is_list()) context.out().write(parameter.name + "=\n");
  }
}

// What may follow the words that stand before the cursor.
void write_next(context &context) {
  output &out = context.out();
  std::vector<std::string> plain;
  for (size_t i = 1; i < context.words().size(); ++i) {
    const std::string &text = context.words()[i].text;
    if (takes_value(text)) {
      ++i;
    } else if (!text.starts_with('-')) {
      plain.push_back(text);
    }
  }
  write_options(out, global_option_specs());
  if (plain.empty()) {
    for (const command *known : commands()) out.write(std::string(known->name) + "\n");
    return write_methods(context);
  }
  const command *known = find_command(plain.front());
  if (known != nullptr) write_options(out, known->options);
  const bool call = known != nullptr && std::string_view(known->name) == "call";
  if (call) plain.erase(plain.begin());
  if (known == nullptr || (call && !plain.empty())) return write_parameters(context, plain.front(), plain);
  if (std::string_view(known->arguments).find("METHOD") != std::string_view::npos && plain.size() <= 1)
    write_methods(context);
  if (std::string_view(known->arguments).find("PLUGIN") != std::string_view::npos && plain.size() <= 1) {
    for (const std::string &name : context.described().plugin_names()) out.write(name + "\n");
  }
}

cachecore_status run_completion(context &context) {
  const std::string &what = context.words().front().text;
  if (what == "bash" && context.words().size() == 1) {
    context.out().write(bash_script);
  } else if (what == "words") {
    write_next(context);
  } else {
    throw usage("completion is called as: cachectl completion bash");
  }
  return CACHECORE_OK;
}

}  // namespace

extern const command completion_command;
const command completion_command = {
    .name = "completion",
    .arguments = "bash",
    .summary = "writes a completion script:  eval \"$(cachectl completion bash)\"",
    .details = "",
    .options = {},
    .least_words = 1,
    .most_words = any_number,
    .looks_only = true,
    .run = run_completion,
};

}  // namespace cachectl
