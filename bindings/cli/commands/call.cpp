// call: any method of any plugin.

#include "../command.h"
#include "../failure.h"

namespace cachectl {
namespace {

cachecore_status run_call_command(context &context) {
  const std::vector<word> &words = context.words();
  const int64_t items = context.number_option("count", 1, 0);
  return context.call(words.front().text, {words.begin() + 1, words.end()}, items);
}

}  // namespace

extern const command call_command;
const command call_command = {
    .name = "call",
    .arguments = "METHOD [NAME=VALUE ...]",
    .summary = "calls a method; the word `call` may be left out",
    .details =
        "  NAME=TEXT        a parameter, converted as its kind says\n"
        "  NAME:=JSON       a parameter as JSON: tags:='[\"a\",\"b\"]'; {\"$bytes\": base64} for any bytes\n"
        "  NAME=@FILE       the content of a file; NAME=- standard input; both also behind :=\n"
        "  NAME.FIELD=TEXT  one key of a map parameter; likewise NAME.FIELD:=JSON\n"
        "  NAME=ITEM        again for the same list parameter: one more item\n"
        "  WORD             the next parameter in order; a list parameter takes all words that are left\n"
        "  -- WORD ...      words in order, taken as they are: no NAME=, no @, no -\n"
        "\n"
        "Durations take units: ttl_ms=30s. A stream writes its items as they come, until it ends or Ctrl-C cancels it.",
    .options = {{"count", "N", "ends a stream after N items"}},
    .least_words = 1,
    .most_words = any_number,
    .looks_only = false,
    .run = run_call_command,
};

}  // namespace cachectl
