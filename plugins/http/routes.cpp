#include "routes.h"

#include <algorithm>
#include <array>

#include "page_files.h"

namespace http_plugin {

namespace {

constexpr std::string_view call_path = "/api/call/";
constexpr std::string_view stats_path = "/stats/";

bool reads(const request &asked) { return asked.method == "GET" || asked.method == "HEAD"; }

const char *status_text(cachecore_status status) {
  static constexpr const char *names[] = {"OK",          "INVALID_ARGUMENT", "INVALID_STATE", "FORKED",    "CLOSED",
                                          "NO_METHOD",   "NO_PLUGIN",        "INCOMPATIBLE",  "TIMEOUT",   "CANCELLED",
                                          "UNAVAILABLE", "UNCERTAIN",        "REJECTED",      "DENIED",    "CONFLICT",
                                          "BUSY",        "CORRUPT",          "LOADER_FAILED", "NO_MEMORY", "INTERNAL"};
  if (status == CACHECORE_NOT_FOUND) return "NOT_FOUND";
  return status > 0 || status < CACHECORE_INTERNAL ? "UNKNOWN" : names[-status];
}

}  // namespace

int http_status(cachecore_status status) {
  switch (status) {
    case CACHECORE_OK:
      return 200;
    case CACHECORE_INVALID_ARGUMENT:
      return 400;
    case CACHECORE_NOT_FOUND:
    case CACHECORE_NO_METHOD:
    case CACHECORE_NO_PLUGIN:
      return 404;
    case CACHECORE_CONFLICT:
      return 409;
    case CACHECORE_BUSY:
      return 429;
    case CACHECORE_REJECTED:
    case CACHECORE_DENIED:
      return 502;
    case CACHECORE_UNAVAILABLE:
    case CACHECORE_CLOSED:
    case CACHECORE_CANCELLED:
      return 503;
    case CACHECORE_TIMEOUT:
    case CACHECORE_UNCERTAIN:
      return 504;
    default:
      return 500;
  }
}

std::string routes::json(const cachecore_value &plain) const {
  cachecore_result *text = nullptr;
  cachecore_error failed;
  if (submit_.json_encode(&plain, &text, &failed) != CACHECORE_OK) throw error(failed);
  const result_holder owned(submit_, text);
  return std::string(value(*owned.get()).text());
}

response routes::text_of(const cachecore_value &plain, int status) const {
  response out;
  out.status = status;
  out.body = json(plain) + "\n";
  return out;
}

response routes::result(const cachecore_value *answer) const {
  const std::array<entry, 1> whole{entry{"result", answer == nullptr ? value() : value(*answer)}};
  return text_of(value(std::span<const entry>(whole)), 200);
}

response routes::failure(const cachecore_error &failed) const {
  std::vector<entry> fields{{"status", status_text(failed.status)}, {"message", std::string_view(failed.message)}};
  if (failed.server_code[0] != '\0') fields.push_back({"server_code", std::string_view(failed.server_code)});
  const std::array<entry, 1> whole{entry{"error", value(std::span<const entry>(fields))}};
  return text_of(value(std::span<const entry>(whole)), http_status(failed.status));
}

std::string routes::event(std::string_view name, const cachecore_value &plain) const {
  return (name.empty() ? "" : "event: " + std::string(name) + "\n") + "data: " + json(plain) + "\n\n";
}

plan routes::refuse(int status, cachecore_status code, std::string_view message) const {
  cachecore_error failed;
  write_error(&failed, code, message);
  plan out;
  out.answer = failure(failed);
  out.answer.status = status;
  return out;
}

// What comes before the token is asked for tells nothing but that this is cachecore: the page is the same everywhere.
plan routes::find(const request &asked, std::string_view body) const {
  plan out;
  const bool known = access_.knows_host(asked.host);
  if (asked.path == "/health" && reads(asked)) {
    out.what = known && access_.has_token(asked.authorization) ? plan::kind::full_health : plan::kind::health;
    return out;
  }
  if (!known) {
    return refuse(421, CACHECORE_DENIED, "this server is not known by that Host: add it to `hosts` of the plugin http");
  }
  if (reads(asked) && find_page_file(asked.path) != nullptr) return page(asked);
  if (!access_.has_token(asked.authorization)) {
    out = refuse(401, CACHECORE_DENIED, "send the token: Authorization: Bearer TOKEN");
    out.answer.headers = "WWW-Authenticate: Bearer\r\n";
    return out;
  }
  const bool is_call = asked.path.starts_with(call_path);
  if (!is_call && !reads(asked)) {
    out = refuse(405, CACHECORE_INVALID_ARGUMENT, "only GET and HEAD are possible here");
    out.answer.headers = "Allow: GET, HEAD\r\n";
    return out;
  }
  if (asked.path == "/metrics") return metrics(asked);
  if (asked.path.starts_with(stats_path)) return stats(asked);
  if (asked.path == "/api/methods") return methods();
  if (is_call) return call(asked, body);
  return refuse(404, CACHECORE_NOT_FOUND,
                "there is nothing here: see /health, /metrics, /stats/TYPE, /api/call/METHOD");
}

plan routes::page(const request &asked) const {
  const page_file &file = *find_page_file(asked.path);
  plan out;
  out.answer.content_type = file.content_type;
  out.answer.headers = "ETag: " + std::string(file.tag) + "\r\n";
  out.answer.cacheable = true;
  if (lists(asked.if_none_match, file.tag)) {
    out.answer.status = 304;
  } else {
    out.answer.body = file.content;
  }
  return out;
}

plan routes::metrics(const request &asked) const {
  const bool open = lists(asked.accept, "application/openmetrics-text");
  plan out;
  out.what = plan::kind::metrics;
  out.method = host_.find("monitor.metrics");
  out.arguments = {value(open ? "openmetrics" : "prometheus")};
  out.answer.content_type =
      open ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
  return out;
}

plan routes::stats(const request &asked) const {
  std::optional<std::string> type = percent_decode(asked.path.substr(stats_path.size()));
  if (!type || type->empty()) return refuse(400, CACHECORE_INVALID_ARGUMENT, "/stats/TYPE needs a type");
  plan out;
  out.what = plan::kind::call;
  out.method = host_.find("monitor.stats");
  out.texts.push_back(std::move(*type));
  out.arguments = {value(std::string_view(out.texts.back()))};
  return out;
}

plan routes::methods() const {
  struct gathering {
    const access &gate;
    std::vector<std::string> names;
  } gathered{access_, {}};
  submit_.each_method(
      host_.raw(),
      [](void *state, const char *name, const cachecore_method *method) {
        auto &to = *static_cast<gathering *>(state);
        if (to.gate.reaches(name, method)) to.names.emplace_back(name);
      },
      &gathered);
  std::sort(gathered.names.begin(), gathered.names.end());
  std::vector<value> names;
  names.reserve(gathered.names.size());
  for (const std::string &each : gathered.names) names.emplace_back(std::string_view(each));
  plan out;
  const value list{std::span<const value>(names)};
  out.answer = result(&list);
  return out;
}

// Named arguments become those of the method's order. Answers with a refusal where they do not fit.
std::optional<plan> routes::bind(plan &to, const cachecore_value &arguments) const {
  const value given(arguments);
  if (given.is(CACHECORE_LIST)) {
    to.arguments.assign(given.items().begin(), given.items().end());
    return std::nullopt;
  }
  if (!given.is(CACHECORE_MAP)) {
    return refuse(400, CACHECORE_INVALID_ARGUMENT,
                  "the body must be a JSON object of arguments by name, or an array of them in order");
  }
  size_t count = 0;
  const cachecore_parameter_spec *const *parameters = submit_.method_parameters(to.method, &count);
  to.arguments.resize(count);
  for (const entry &each : given.pairs()) {
    const std::string_view name = each.key.is(CACHECORE_BYTES) ? each.key.text() : std::string_view();
    const auto *found = std::find_if(parameters, parameters + count,
                                     [&](const cachecore_parameter_spec *spec) { return spec->name == name; });
    if (found == parameters + count)
      return refuse(400, CACHECORE_INVALID_ARGUMENT, "there is no parameter " + std::string(name.substr(0, 64)));
    to.arguments[static_cast<size_t>(found - parameters)] = each.value;
  }
  return std::nullopt;
}

plan routes::call(const request &asked, std::string_view body) const {
  if (asked.method != "POST") {
    plan out = refuse(405, CACHECORE_INVALID_ARGUMENT, "call methods by POST");
    out.answer.headers = "Allow: POST\r\n";
    return out;
  }
  if (!body.empty() && !lists(asked.content_type, "application/json"))
    return refuse(415, CACHECORE_INVALID_ARGUMENT, "send arguments as Content-Type: application/json");
  const std::string name(asked.path.substr(call_path.size()));
  plan out;
  cachecore_error failed;
  if (host_.services().call->find(host_.raw(), name.c_str(), &out.method, &failed) != CACHECORE_OK) {
    out = {};
    out.answer = failure(failed);
    return out;
  }
  if (!access_.reaches(name, out.method)) {
    return refuse(403, CACHECORE_DENIED,
                  name +
                      " is not reachable over HTTP: add it to `allow` of the "
                      "plugin http");
  }
  const bool streams = (submit_.method_flags(out.method) & CACHECORE_METHOD_STREAMING) != 0;
  out.what = streams ? plan::kind::stream : plan::kind::call;
  if (body.empty()) return out;
  cachecore_result *decoded = nullptr;
  if (submit_.json_decode(body.data(), body.size(), &decoded, &failed) != CACHECORE_OK) {
    return refuse(400, CACHECORE_INVALID_ARGUMENT, std::string("the body: ") + failed.message);
  }
  out.kept.emplace_back(submit_, decoded);
  if (std::optional<plan> refused = bind(out, *out.kept.back().get())) return std::move(*refused);
  return out;
}

}  // namespace http_plugin
