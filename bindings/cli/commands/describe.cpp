// describe, plugins, methods: what can be called.

#include "../command.h"
#include "../failure.h"
#include "../nearest.h"
#include "../page.h"
#include "../text.h"

namespace cachectl {
namespace {

failure nothing_named(const description &described, const std::string &name, std::vector<std::string> names) {
  return {name.find('.') == std::string::npos ? CACHECORE_NO_PLUGIN : CACHECORE_NO_METHOD,
          "there is no plugin or method " + quoted(name) + suggestion(name, names) + "; the plugins are " +
              joined(described.plugin_names()) + " (--plugin NAME loads another)"};
}

cachecore_status run_describe(context &context) {
  const description &described = context.described();
  const bool human = context.options().output == format::human;
  if (context.words().empty()) {
    if (!human) {
      context.answer(described.tree());
      return CACHECORE_OK;
    }
    bool first = true;
    for (const plugin_description &plugin : described.plugins()) {
      if (!first) context.out().write("\n");
      first = false;
      write_plugin_page(context.out(), plugin);
    }
    return CACHECORE_OK;
  }
  const std::string &name = context.words().front().text;
  if (const method_description *method = described.method(name)) {
    human ? write_method_page(context.out(), *method) : context.answer(*method->tree);
  } else if (const plugin_description *plugin = described.plugin(name)) {
    human ? write_plugin_page(context.out(), *plugin) : context.answer(*plugin->tree);
  } else {
    std::vector<std::string> names = described.method_names();
    for (std::string &one : described.plugin_names()) names.push_back(std::move(one));
    throw nothing_named(described, name, std::move(names));
  }
  return CACHECORE_OK;
}

cachecore_status run_plugins(context &context) {
  value_store store;
  std::vector<cachecore_value> rows;
  for (const plugin_description &plugin : context.described().plugins()) {
    rows.push_back(
        store.map({pair_of("name", store.bytes(plugin.name)), pair_of("version", store.bytes(plugin.version)),
                   pair_of("methods", cachecore_int(static_cast<int64_t>(plugin.methods.size()))),
                   pair_of("summary", store.bytes(plugin.summary)), pair_of("path", store.bytes(plugin.path))}));
  }
  context.answer(store.list(std::move(rows)));
  return CACHECORE_OK;
}

cachecore_status run_methods(context &context) {
  const description &described = context.described();
  const std::string only = context.words().empty() ? "" : context.words().front().text;
  if (!only.empty() && described.plugin(only) == nullptr)
    throw nothing_named(described, only, described.plugin_names());
  value_store store;
  std::vector<cachecore_value> rows;
  for (const plugin_description &plugin : described.plugins()) {
    if (!only.empty() && plugin.name != only) continue;
    for (const method_description &method : plugin.methods) {
      rows.push_back(
          store.map({pair_of("method", store.bytes(method.name)), pair_of("parameters", store.bytes(signature(method))),
                     pair_of("does", store.bytes(first_sentence(method.doc)))}));
    }
  }
  context.answer(store.list(std::move(rows)));
  return CACHECORE_OK;
}

}  // namespace

extern const command describe_command;
const command describe_command = {
    .name = "describe",
    .arguments = "[PLUGIN | METHOD]",
    .summary = "describes everything, a plugin with its methods, or a method",
    .details = "With --json all that the library says about it.",
    .options = {},
    .least_words = 0,
    .most_words = 1,
    .looks_only = true,
    .run = run_describe,
};

extern const command plugins_command;
const command plugins_command = {
    .name = "plugins",
    .arguments = "",
    .summary = "lists the loaded plugins",
    .details = "",
    .options = {},
    .least_words = 0,
    .most_words = 0,
    .looks_only = true,
    .run = run_plugins,
};

extern const command methods_command;
const command methods_command = {
    .name = "methods",
    .arguments = "[PLUGIN]",
    .summary = "lists the methods with their parameters",
    .details = "",
    .options = {},
    .least_words = 0,
    .most_words = 1,
    .looks_only = true,
    .run = run_methods,
};

}  // namespace cachectl
