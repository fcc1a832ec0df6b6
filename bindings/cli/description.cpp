#include "description.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "value_store.h"

namespace cachectl {
namespace {

constexpr std::array<std::string_view, 8> kind_names = {"NIL",   "BOOL", "INT", "DOUBLE",
                                                        "BYTES", "LIST", "MAP", "ERROR"};

std::string text_member(const cachecore_value &map, std::string_view key) {
  const cachecore_value *found = member(map, key);
  return found != nullptr && found->kind == CACHECORE_BYTES ? std::string(view_of(*found)) : std::string();
}

bool flag_member(const cachecore_value &map, std::string_view key) {
  const cachecore_value *found = member(map, key);
  return found != nullptr && found->kind == CACHECORE_BOOL && found->as.integer != 0;
}

const cachecore_value *set_member(const cachecore_value &map, std::string_view key) {
  const cachecore_value *found = member(map, key);
  return found != nullptr && found->kind != CACHECORE_NIL ? found : nullptr;
}

std::string upper_case(std::string_view text) {
  std::string out(text);
  for (char &c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

// Calls `each` with the items of a list member; an absent one has none.
template <class function>
void each_of(const cachecore_value &map, std::string_view key, function each) {
  const cachecore_value *found = member(map, key);
  if (found == nullptr || found->kind != CACHECORE_LIST) return;
  for (size_t i = 0; i < found->as.list.count; ++i) each(found->as.list.items[i]);
}

parameter_description read_parameter(const cachecore_value &tree) {
  parameter_description out;
  out.name = text_member(tree, "name");
  out.doc = text_member(tree, "doc");
  out.meaning = text_member(tree, "meaning");
  out.optional = flag_member(tree, "optional");
  out.secret = flag_member(tree, "secret");
  out.default_value = set_member(tree, "default");
  out.minimum = set_member(tree, "minimum");
  each_of(tree, "kinds", [&](const cachecore_value &kind) {
    const auto *const found = std::find(kind_names.begin(), kind_names.end(), upper_case(view_of(kind)));
    if (found != kind_names.end()) out.kinds |= 1U << (found - kind_names.begin());
  });
  each_of(tree, "fields", [&](const cachecore_value &field) { out.fields.push_back(read_parameter(field)); });
  return out;
}

method_description read_method(const cachecore_value &tree, const std::string &plugin) {
  method_description out;
  out.name = text_member(tree, "name");
  if (out.name.find('.') == std::string::npos) out.name = plugin + "." + out.name;
  out.doc = text_member(tree, "doc");
  out.returns = text_member(tree, "returns");
  out.tree = &tree;
  each_of(tree, "flags", [&](const cachecore_value &flag) { out.flags.emplace_back(view_of(flag)); });
  each_of(tree, "parameters", [&](const cachecore_value &one) { out.parameters.push_back(read_parameter(one)); });
  return out;
}

plugin_description read_plugin(const cachecore_value &tree) {
  plugin_description out;
  out.name = text_member(tree, "name");
  out.version = text_member(tree, "version");
  out.path = text_member(tree, "path");
  out.summary = text_member(tree, "summary");
  out.tree = &tree;
  each_of(tree, "methods",
          [&](const cachecore_value &method) { out.methods.push_back(read_method(method, out.name)); });
  return out;
}

// The kinds a parameter takes, with `between` them.
std::string kind_list(const parameter_description &parameter, std::string_view between) {
  std::string out;
  for (size_t kind = 0; kind < kind_names.size(); ++kind) {
    if (kind == CACHECORE_NIL || (parameter.kinds & (1U << kind)) == 0) continue;
    if (!out.empty()) out += between;
    out += kind_names[kind];
  }
  return out;
}

// What stands for a value of the parameter in a signature.
std::string placeholder(const parameter_description &parameter) {
  if (parameter.is_list()) return "ITEM";
  if (parameter.meaning == "duration") return "MS";
  if (parameter.meaning.empty()) return parameter.kinds == 0 ? "VALUE" : kind_list(parameter, "|");
  return upper_case(parameter.meaning);
}

}  // namespace

const cachecore_value *member(const cachecore_value &map, std::string_view key) {
  if (map.kind != CACHECORE_MAP) return nullptr;
  for (size_t i = 0; i < map.as.map.count; ++i) {
    const cachecore_pair &pair = map.as.map.pairs[i];
    if (pair.key.kind == CACHECORE_BYTES && view_of(pair.key) == key) return &pair.value;
  }
  return nullptr;
}

bool method_description::streaming() const { return std::find(flags.begin(), flags.end(), "streaming") != flags.end(); }

description::description(result_pointer described) : described_(std::move(described)) {
  each_of(tree(), "plugins", [&](const cachecore_value &plugin) { plugins_.push_back(read_plugin(plugin)); });
}

const method_description *description::method(std::string_view name) const {
  for (const plugin_description &plugin : plugins_) {
    for (const method_description &method : plugin.methods) {
      if (method.name == name) return &method;
    }
  }
  return nullptr;
}

const plugin_description *description::plugin(std::string_view name) const {
  for (const plugin_description &plugin : plugins_) {
    if (plugin.name == name) return &plugin;
  }
  return nullptr;
}

std::vector<std::string> description::method_names() const {
  std::vector<std::string> names;
  for (const plugin_description &plugin : plugins_) {
    for (const method_description &method : plugin.methods) names.push_back(method.name);
  }
  return names;
}

std::vector<std::string> description::plugin_names() const {
  std::vector<std::string> names;
  names.reserve(plugins_.size());
  for (const plugin_description &plugin : plugins_) names.push_back(plugin.name);
  return names;
}

std::string first_sentence(std::string_view doc) {
  const size_t end = std::min(doc.find(". "), doc.find('\n'));
  if (end != std::string_view::npos) return std::string(doc.substr(0, doc[end] == '.' ? end + 1 : end));
  return std::string(doc);
}

std::string kinds_text(const parameter_description &parameter) {
  return parameter.kinds == 0 ? "any value" : kind_list(parameter, " or ");
}

std::string signature(const method_description &method) {
  std::string out;
  for (const parameter_description &parameter : method.parameters) {
    if (!out.empty()) out += ' ';
    const std::string one = parameter.name + "=" + placeholder(parameter) + (parameter.is_list() ? " ..." : "");
    out += parameter.optional ? "[" + one + "]" : one;
  }
  return out;
}

}  // namespace cachectl
