#include "row.h"

#include <deque>
#include <map>
#include <memory>

#include "table_value.h"

namespace table {
namespace {

using cachecore::value;

const cJSON *field(const cJSON *json, const char *name) { return cJSON_GetObjectItemCaseSensitive(json, name); }

std::string text_of(const cJSON *json, const char *name) { return field(json, name)->valuestring; }

int64_t number_of(const cJSON *json, const char *name, int64_t otherwise) {
  const cJSON *number = field(json, name);
  return number == nullptr ? otherwise : static_cast<int64_t>(number->valuedouble);
}

// The texts of a field that is one text or a list of them.
std::vector<std::string> texts_of(const cJSON *json, const char *name) {
  std::vector<std::string> texts;
  const cJSON *texts_json = field(json, name);
  if (cJSON_IsString(texts_json)) texts.emplace_back(texts_json->valuestring);
  if (!cJSON_IsArray(texts_json)) return texts;
  for (const cJSON *text = texts_json->child; text != nullptr; text = text->next) texts.emplace_back(text->valuestring);
  return texts;
}

// What a step came to.
struct outcome {
  cachecore::status status = cachecore::status::ok;
  std::string message{};
  std::string server_code{};
  std::vector<std::string> flags{};
  std::optional<value> answer{};

  // Does something that throws the binding's error, or gives a result.
  template <class F>
  static outcome of(F &&act) {
    outcome got;
    try {
      cachecore::result answer = act();
      if (!answer.found()) got.status = cachecore::status::not_found;
      if (answer.found()) got.answer = answer.as<value>();
    } catch (const cachecore::error &reason) {
      got.status = reason.status();
      got.message = reason.message();
      got.server_code = reason.server_code();
    }
    return got;
  }

  // The same for what answers nothing.
  template <class F>
  static outcome of_nothing(F &&act) {
    outcome got = of([&] {
      act();
      return cachecore::result();
    });
    if (got.status == cachecore::status::not_found) got.status = cachecore::status::ok;
    return got;
  }

  void compare(const cJSON *expect) const {
    std::vector<std::string> statuses = texts_of(expect, "status");
    if (statuses.empty()) statuses.emplace_back("OK");
    const std::string name = cachecore::status_name(status);
    if (std::find(statuses.begin(), statuses.end(), name) == statuses.end()) {
      throw difference("expected status " + statuses.front() + ", got " + name + ": " + message);
    }
    for (const auto &text : texts_of(expect, "message_contains")) {
      if (message.find(text) == std::string::npos)
        throw difference("expected a message with '" + text + "', got '" + message + "'");
    }
    for (const auto &text : texts_of(expect, "message_lacks")) {
      if (message.find(text) != std::string::npos)
        throw difference("expected a message without '" + text + "', got '" + message + "'");
    }
    if (field(expect, "server_code") != nullptr && server_code != text_of(expect, "server_code")) {
      throw difference("expected server code " + text_of(expect, "server_code") + ", got '" + server_code + "'");
    }
    if (flags != texts_of(expect, "flags")) throw difference("the flags are not the expected ones");
    if (field(expect, "value") == nullptr || status != cachecore::status::ok) return;
    const value wanted = read(field(expect, "value"));
    if (!answer) throw difference("expected " + show(wanted) + ", got no answer");
    if (!equal(wanted, *answer)) throw difference("expected " + show(wanted) + ", got " + show(*answer));
  }
};

void expect_back(const value &sent, const value &got) {
  if (!equal(sent, got)) throw difference("expected " + show(sent) + " back, got " + show(got));
}

cJSON *configuration(const cJSON *row, const std::string &plugin, const std::string &url) {
  cJSON *config = cJSON_CreateObject();
  const cJSON *item = nullptr;
  cJSON_AddStringToObject(config, "url", url.c_str());
  cJSON *load = cJSON_AddArrayToObject(config, "load");
  cJSON_AddItemToArray(load, cJSON_CreateString(plugin.c_str()));
  cJSON_ArrayForEach(item, field(row, "load")) cJSON_AddItemToArray(load, cJSON_Duplicate(item, 1));
  cJSON_AddNumberToObject(config, "call_timeout_ms", 30000);
  cJSON_ArrayForEach(item, field(row, "config")) {
    cJSON_DeleteItemFromObjectCaseSensitive(config, item->string);
    cJSON_AddItemToObject(config, item->string, cJSON_Duplicate(item, 1));
  }
  return config;
}

// A core, its queue, and the operations a row has named.
class session {
 public:
  session(cachecore::core core, std::string plugin) : core_(std::move(core)), plugin_(std::move(plugin)) {}

  void step(const cJSON *json) {
    for (const auto &[name, perform] : steps()) {
      if (field(json, name) == nullptr) continue;
      (this->*perform)(json);
      return;
    }
    throw difference("the runner does not know this step");
  }

 private:
  using performer = void (session::*)(const cJSON *);
  static const std::vector<std::pair<const char *, performer>> &steps() {
    static const std::vector<std::pair<const char *, performer>> all{{"call", &session::call},
                                                                     {"echo", &session::echo},
                                                                     {"submit", &session::submit},
                                                                     {"drain", &session::drain},
                                                                     {"cancel", &session::cancel},
                                                                     {"drain_stream", &session::drain_stream},
                                                                     {"load", &session::load},
                                                                     {"destroy_queue", &session::destroy_queue},
                                                                     {"reset", &session::reset},
                                                                     {"describe", &session::describe},
                                                                     {"json_encode", &session::json_encode},
                                                                     {"json_decode", &session::json_decode},
                                                                     {"round_trip", &session::round_trip}};
    return all;
  }

  static std::vector<value> arguments(const cJSON *json) {
    return field(json, "args") == nullptr ? std::vector<value>() : read(field(json, "args")).as<std::vector<value>>();
  }
  static cachecore::call_options options(const cJSON *json, uint64_t user_data) {
    return {.timeout_ms = number_of(json, "timeout_ms", cachecore::default_timeout), .user_data = user_data};
  }

  // The binding takes arguments one by one; a table has any number of them.
  template <class Call>
  static auto spread(const std::vector<value> &args, Call &&call) {
    switch (args.size()) {
      case 0:
        return call();
      case 1:
        return call(args[0]);
      case 2:
        return call(args[0], args[1]);
      case 3:
        return call(args[0], args[1], args[2]);
      default:
        throw difference("the runner passes at most three arguments");
    }
  }

  void call(const cJSON *json) {
    outcome::of([&] {
      const auto method = core_.with(options(json, 0)).find(text_of(json, "call"));
      return spread(arguments(json), method);
    }).compare(field(json, "expect"));
  }

  void echo(const cJSON *json) {
    const value sent = read(field(json, "echo"));
    for (const char *method : {"conformance.echo", "conformance.echo_adopted"}) {
      expect_back(sent, core_.call(method, sent).as<value>());
    }
  }

  void submit(const cJSON *json) {
    if (!queue_) queue_ = std::make_unique<cachecore::completions>(core_);
    const uint64_t user_data = ++last_user_data_;
    outcome::of_nothing([&] {
      const auto method = core_.with(options(json, user_data)).find(text_of(json, "submit"));
      operations_[text_of(json, "as")] = {
          spread(arguments(json), [&](const auto &...args) { return method.submit(*queue_, args...); }), user_data};
    }).compare(field(json, "expect"));
  }

  struct operation {
    uint64_t number = 0;
    uint64_t user_data = 0;
  };

  cachecore::completion next(const operation &of) {
    for (;;) {
      for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
        if (kept->operation() != of.number) continue;
        if (kept->user_data() != of.user_data) throw difference("a completion came with another's user data");
        cachecore::completion found = std::move(*kept);
        kept_.erase(kept);
        return found;
      }
      if (!queue_ || !queue_->wait(30'000)) throw difference("no completion came");
      for (auto &done : queue_->drain()) kept_.push_back(std::move(done));
    }
  }

  static outcome of_completion(cachecore::completion done) {
    const bool more = done.more();
    const bool dropped = done.dropped() > 0;
    outcome got = outcome::of([&] { return std::move(done).get(); });
    if (more) got.flags.emplace_back("more");
    if (dropped) got.flags.emplace_back("dropped");
    return got;
  }

  void drain(const cJSON *json) {
    of_completion(next(operations_.at(text_of(json, "drain")))).compare(field(json, "expect"));
  }

  void drain_stream(const cJSON *json) {
    const operation &source = operations_.at(text_of(json, "drain_stream"));
    const cJSON *expect = field(json, "expect");
    int64_t items = 0;
    int64_t dropped = 0;
    value last;
    for (;;) {
      cachecore::completion done = next(source);
      if (!done.more()) {
        outcome got = of_completion(std::move(done));
        if (dropped > 0) got.flags.emplace_back("dropped");
        got.compare(expect);
        break;
      }
      dropped += done.dropped();
      if (done.dropped() > 0) continue;
      items++;
      last = done.as<value>();
    }
    if (items + dropped != number_of(expect, "items_and_dropped", items + dropped)) {
      throw difference("got " + std::to_string(items) + " items and " + std::to_string(dropped) + " dropped ones");
    }
    if (items > number_of(expect, "max_items", items)) throw difference("got " + std::to_string(items) + " items");
    if (field(expect, "last") != nullptr) expect_back(read(field(expect, "last")), last);
  }

  void cancel(const cJSON *json) {
    const cJSON *which = field(json, "cancel");
    const uint64_t number =
        cJSON_IsString(which) ? operations_.at(which->valuestring).number : static_cast<uint64_t>(which->valuedouble);
    outcome::of_nothing([&] { core_.cancel(number); }).compare(field(json, "expect"));
  }

  void destroy_queue(const cJSON *) {
    kept_.clear();
    queue_.reset();
  }

  void load(const cJSON *json) {
    const std::string name = text_of(json, "load");
    outcome::of_nothing([&] { core_.load(name == "$plugin" ? plugin_ : name); }).compare(field(json, "expect"));
  }

  void reset(const cJSON *json) {
    outcome::of_nothing([&] { core_.reset(); }).compare(field(json, "expect"));
  }

  void describe(const cJSON *json) {
    const std::string full = text_of(json, "describe");
    const cachecore::result description = core_.describe();
    outcome got;
    for (const auto &plugin : description.view()["plugins"].items()) {
      const cachecore::value_view of(&plugin);
      if (of["name"].as<std::string>() != full.substr(0, full.find('.'))) continue;
      for (const auto &method : of["methods"].items()) {
        const cachecore::value_view view(&method);
        if (view["name"].as<std::string>() == full) got.answer = value(view);
      }
    }
    got.compare(field(json, "expect"));
  }

  void json_encode(const cJSON *json) {
    const value sent = read(field(json, "json_encode"));
    std::string text;
    outcome::of_nothing([&] { text = cachecore::json_encode(sent); }).compare(field(json, "expect"));
    const cJSON *wanted = field(field(json, "expect"), "json");
    if (wanted != nullptr && text != wanted->valuestring) {
      throw difference(std::string("expected the text ") + wanted->valuestring + ", got " + text);
    }
  }

  void json_decode(const cJSON *json) {
    const auto text = read(field(json, "json_decode")).as<std::string>();
    outcome::of([&] { return cachecore::json_decode(text); }).compare(field(json, "expect"));
  }

  void round_trip(const cJSON *json) {
    const value sent = read(field(json, "round_trip"));
    expect_back(sent, cachecore::json_decode(cachecore::json_encode(sent)).as<value>());
  }

  cachecore::core core_;
  std::string plugin_;
  std::unique_ptr<cachecore::completions> queue_;
  std::map<std::string, operation> operations_;
  std::deque<cachecore::completion> kept_;
  uint64_t last_user_data_ = 0;
};

std::string describe_step(int number, const cJSON *step) {
  char *text = cJSON_PrintUnformatted(step);
  const std::string told = "step " + std::to_string(number) + ", " + std::string(text).substr(0, 300) + ": ";
  cJSON_free(text);
  return told;
}

// NULL when making the core failed as expected.
std::unique_ptr<session> open(const cJSON *row, const std::string &plugin, const std::string &url) {
  cJSON *config = configuration(row, plugin, url);
  char *json = cJSON_PrintUnformatted(config);
  const std::string text = json;
  cJSON_free(json);
  cJSON_Delete(config);
  std::unique_ptr<session> made;
  outcome::of_nothing([&] {
    made = std::make_unique<session>(cachecore::core::from_json(text), plugin);
  }).compare(field(row, "init"));
  return made;
}

}  // namespace

void run(const cJSON *row, const std::string &plugin, const std::string &url) {
  std::unique_ptr<session> session;
  try {
    session = open(row, plugin, url);
  } catch (const std::exception &wrong) {
    throw difference(std::string("making the core: ") + wrong.what());
  }
  int number = 0;
  const cJSON *step = nullptr;
  cJSON_ArrayForEach(step, field(row, "steps")) {
    number++;
    try {
      session->step(step);
    } catch (const std::exception &wrong) {
      throw difference(describe_step(number, step) + wrong.what());
    }
  }
}

}  // namespace table
