#include "page.h"

#include <algorithm>

#include "render.h"
#include "text.h"

namespace cachectl {
namespace {

constexpr size_t margin = 2;
// Names longer than this get a line of their own.
constexpr size_t most_name_width = 26;

// "INT, duration, at least 1, default 500, optional".
std::string terms(const parameter_description &parameter) {
  std::string out = kinds_text(parameter);
  if (!parameter.meaning.empty() && parameter.meaning != "bytes") out += ", " + parameter.meaning;
  if (parameter.minimum != nullptr) {
    const bool size = parameter.takes(CACHECORE_BYTES) && parameter.kinds != 0;
    out += ", at least " + compact(*parameter.minimum) + (size ? " bytes" : "");
  }
  if (parameter.secret) out += ", secret (give it as -, on standard input)";
  // An empty text says no more than that nothing has to be given.
  const bool nothing = parameter.default_value != nullptr && parameter.default_value->kind == CACHECORE_BYTES &&
                       parameter.default_value->as.bytes.size == 0;
  if (parameter.default_value != nullptr && !nothing) {
    out += ", default " + compact(*parameter.default_value);
  } else if (parameter.optional || nothing) {
    out += ", optional";
  }
  return out;
}

void add_parameter(std::vector<std::pair<std::string, std::string>> &definitions, const std::string &prefix,
                   const parameter_description &parameter) {
  const std::string name = prefix + parameter.name;
  definitions.emplace_back(name,
                           terms(parameter) + (parameter.doc.empty() ? "" : "\n" + shown(parameter.doc, lines::many)));
  for (const parameter_description &field : parameter.fields) add_parameter(definitions, name + ".", field);
}

std::string spaces(size_t count) { return std::string(count, ' '); }

}  // namespace

void write_heading(output &out, const std::string &text) {
  out.write("\n");
  out.write_styled(text, style::heading);
  out.write("\n");
}

void write_definitions(output &out, const std::vector<std::pair<std::string, std::string>> &definitions) {
  size_t width = 0;
  for (const auto &[name, text] : definitions) {
    if (display_width(name) <= most_name_width) width = std::max(width, display_width(name));
  }
  const size_t indent = margin + width + 2;
  const size_t room = std::max<size_t>(out.page_width() - indent, 20);
  for (const auto &[name, text] : definitions) {
    out.write(spaces(margin));
    out.write_styled(name, style::name);
    const size_t used = display_width(name);
    out.write(used <= width ? spaces(width - used + 2) : "\n" + spaces(indent));
    out.write(wrapped(text, room, indent) + "\n");
  }
}

void write_method_page(output &out, const method_description &method) {
  out.write_styled(method.name, style::heading);
  out.write("\n" + spaces(margin) + wrapped(shown(method.doc, lines::many), out.page_width() - margin, margin) + "\n");
  write_heading(out, "Call");
  out.write(spaces(margin) +
            wrapped("cachectl " + method.name + " " + signature(method), out.page_width() - 2 * margin, 2 * margin) +
            "\n");
  if (!method.parameters.empty()) {
    write_heading(out, "Parameters");
    std::vector<std::pair<std::string, std::string>> definitions;
    for (const parameter_description &parameter : method.parameters) add_parameter(definitions, "", parameter);
    write_definitions(out, definitions);
  }
  if (!method.returns.empty()) {
    write_heading(out, method.streaming() ? "Items" : "Answer");
    out.write(spaces(margin) + wrapped(shown(method.returns, lines::many), out.page_width() - margin, margin) + "\n");
  }
  if (method.flags.empty()) return;
  write_heading(out, "Flags");
  std::string flags;
  for (const std::string &flag : method.flags) flags += (flags.empty() ? "" : ", ") + flag;
  out.write(spaces(margin) + flags + "\n");
}

void write_plugin_page(output &out, const plugin_description &plugin) {
  out.write_styled(plugin.name, style::heading);
  out.write(" " + plugin.version + (plugin.path.empty() ? "" : "  " + shown(plugin.path)) + "\n");
  if (!plugin.summary.empty()) {
    out.write(spaces(margin) + wrapped(shown(plugin.summary, lines::many), out.page_width() - margin, margin) + "\n");
  }
  out.write("\n");
  std::vector<std::pair<std::string, std::string>> definitions;
  definitions.reserve(plugin.methods.size());
  for (const method_description &method : plugin.methods) {
    definitions.emplace_back(method.name, shown(first_sentence(method.doc)));
  }
  write_definitions(out, definitions);
}

}  // namespace cachectl
