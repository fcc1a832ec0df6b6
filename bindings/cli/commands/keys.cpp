// get, set, delete: the plugin kv in the fewest words. Keys are taken as they are, whatever characters they have.

#include "../command.h"

namespace cachectl {
namespace {

word literal(const word &given) { return {given.text, true}; }

cachecore_status run_get(context &context) { return context.call("kv.get", {literal(context.words()[0])}); }

cachecore_status run_set(context &context) {
  const word &value = context.words()[1];
  std::vector<word> words = {literal(context.words()[0]), value};
  // Otherwise a value like a=b would be taken for a parameter.
  const bool read = value.text == "-" || value.text.starts_with('@');
  if (!read) words[1].literal = true;
  if (const std::string *ttl = context.option("ttl-ms")) words.push_back({"ttl_ms=" + *ttl, false});
  return context.call("kv.set", words);
}

cachecore_status run_delete(context &context) {
  std::vector<word> words;
  for (const word &given : context.words()) words.push_back(literal(given));
  return context.call(words.size() == 1 ? "kv.delete" : "kv.delete_many", words);
}

}  // namespace

extern const command get_command;
const command get_command = {
    .name = "get",
    .arguments = "KEY",
    .summary = "writes a key's value; exit code 1 when there is none",
    .details = "The same as kv.get.",
    .options = {},
    .least_words = 1,
    .most_words = 1,
    .looks_only = false,
    .run = run_get,
};

extern const command set_command;
const command set_command = {
    .name = "set",
    .arguments = "KEY VALUE [--ttl-ms N]",
    .summary = "stores a value; @FILE reads a file, - standard input",
    .details = "The same as kv.set. Behind -- the value is taken as it is.",
    .options = {{"ttl-ms", "N", "lets it expire after so many milliseconds; also 30s, 5m, 2h, 1d"}},
    .least_words = 2,
    .most_words = 2,
    .looks_only = false,
    .run = run_set,
};

extern const command delete_command;
const command delete_command = {
    .name = "delete",
    .arguments = "KEY ...",
    .summary = "deletes keys",
    .details = "The same as kv.delete, or kv.delete_many for several.",
    .options = {},
    .least_words = 1,
    .most_words = any_number,
    .looks_only = false,
    .run = run_delete,
};

}  // namespace cachectl
