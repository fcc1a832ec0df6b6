#include "command.h"
#include "execution.h"
#include "failure.h"
#include "numbers.h"
#include "render.h"
#include "text.h"

namespace cachectl {

namespace {

// The library's words, which name the nearest method, and for a plugin that is not loaded what to do here.
[[noreturn]] void explain_missing(cachecore *core, const description &described, const std::string &method) {
  try {
    find_method(core, method);
  } catch (const failure &missing) {
    const std::string plugin = method.substr(0, method.find('.'));
    const bool absent = plugin.size() < method.size() && described.plugin(plugin) == nullptr;
    if (missing.status() != CACHECORE_NO_METHOD || !absent) throw;
    throw failure(missing.status(), missing.message() + "; here that is --plugin " + shown(plugin));
  }
  throw failure(CACHECORE_INTERNAL, method + " exists, but is not described");
}

}  // namespace

const std::string *context::option(const std::string &name) const {
  const auto found = given_.own_options.find(name);
  return found == given_.own_options.end() ? nullptr : &found->second;
}

int64_t context::number_option(const std::string &name, int64_t least, int64_t fallback) const {
  const std::string *text = option(name);
  if (text == nullptr) return fallback;
  const auto number = parse_number<int64_t>(*text);
  if (!number || *number < least) {
    throw usage("--" + name + " takes a whole number of at least " + std::to_string(least) + ", got " + quoted(*text));
  }
  return *number;
}

cachecore *context::core() {
  if (core_ == nullptr) core_ = open_core(options());
  return core_.get();
}

const description &context::described() {
  if (described_ == nullptr) described_ = std::make_unique<description>(describe(core()));
  return *described_;
}

void context::answer(const cachecore_value &value) { render(out_, value, options().output); }

void context::note(const std::string &text) {
  if (options().output == format::json) return;
  err_.write("cachectl: " + text + "\n");
  err_.flush();
}

cachecore_status context::call(cachecore *core, const std::string &method, bool streaming,
                               const bound_arguments &arguments, int64_t most_items) {
  const call_settings settings = {.timeout_ms = options().timeout_ms, .streaming = streaming, .most_items = most_items};
  const answer_receiver receiver = {
      .answer =
          [&](const cachecore_value &value) {
            if (!streaming) return answer(value);
            render_item(out_, value, options().output);
          },
      .lost =
          [&](int64_t count) {
            if (options().output != format::json)
              return note(std::to_string(count) + " items were lost here: read faster");
            err_.write("{\"dropped\":" + std::to_string(count) + "}\n");
            err_.flush();
          },
      .caught_up = [&] { out_.flush(); },
  };
  const cachecore_status status = run_call(core, find_method(core, method), arguments.values, settings, out_, receiver);
  if (status != CACHECORE_NOT_FOUND) return status;
  if (options().output == format::json) out_.write("null\n");
  note(method + ": not found");
  return status;
}

cachecore_status context::call(const std::string &method, const std::vector<word> &words, int64_t most_items) {
  const method_description *found = described().method(method);
  if (found == nullptr) {
    explain_missing(core(), described(), method);
  }
  if (most_items > 0 && !found->streaming()) throw usage("--count is for streams; " + method + " is none");
  const bound_arguments arguments = bind_arguments(*found, words, in_);
  return call(core(), method, found->streaming(), arguments, most_items);
}

}  // namespace cachectl
