// The JSON object as a source. Each key is a row of a table: its name and how it is read.
#include <cmath>
#include <span>

#include "core/config/json_document.h"
#include "core/config/json_text.h"
#include "core/config/rejection.h"
#include "core/config/settings.h"

namespace cachecore_internal {
namespace {

// A member's value on its way into the settings.
class json_value {
 public:
  json_value(const cJSON *node, std::string_view text, std::string origin)
      : node_(node), text_(text), origin_(std::move(origin)) {}

  [[nodiscard]] const std::string &origin() const { return origin_; }
  [[nodiscard]] const cJSON *node() const { return node_; }
  // As it is written in the source.
  [[nodiscard]] std::string_view raw() const { return text_; }

  [[nodiscard]] std::string text() const {
    if (!cJSON_IsString(node_)) reject_kind("a text");
    return node_->valuestring;
  }

  [[nodiscard]] said said_text() const { return {text(), origin_}; }
  [[nodiscard]] said said_path() const { return {checked_absolute_path(text(), origin_), origin_}; }

  [[nodiscard]] bool truth() const {
    if (!cJSON_IsBool(node_)) reject_kind("true or false");
    return cJSON_IsTrue(node_) != 0;
  }

  [[nodiscard]] int64_t number(const number_range &range) const {
    if (!cJSON_IsNumber(node_)) reject_kind(range.takes);
    const double real = node_->valuedouble;
    // No range reaches 2^53, so what fits a range is exact.
    const bool whole = std::abs(real) < 9007199254740992.0 && std::floor(real) == real;
    if (!whole) reject({origin_, " must be ", range.takes, ", got ", quoted(text_)});
    return checked_number(static_cast<int64_t>(real), range, origin_);
  }

  [[nodiscard]] std::vector<std::string> texts() const {
    if (!cJSON_IsArray(node_)) reject_kind("a list of texts");
    std::vector<std::string> out;
    const cJSON *item = nullptr;
    cJSON_ArrayForEach(item, node_) {
      if (!cJSON_IsString(item)) reject({origin_, " must be a list of texts, got one that holds ", json_kind(item)});
      out.emplace_back(item->valuestring);
    }
    return out;
  }

  void require_object() const {
    if (!cJSON_IsObject(node_)) reject_kind("an object");
  }

 private:
  [[noreturn]] void reject_kind(std::string_view takes) const {
    reject({origin_, " must be ", takes, ", got ", json_kind(node_)});
  }

  const cJSON *node_;
  std::string_view text_;
  std::string origin_;
};

// Calls `visit(name, json_value)` for each member of `node`, whose text is `text`.
template <class Visit>
void for_each_member(const cJSON *node, std::string_view text, const std::string &prefix, Visit visit) {
  const std::vector<std::string_view> texts = member_texts(text);
  size_t i = 0;
  const cJSON *member = nullptr;
  cJSON_ArrayForEach(member, node) {
    visit(std::string_view(member->string), json_value(member, texts.at(i), prefix + member->string));
    i++;
  }
}

struct key {
  std::string_view name;
  void (*read)(const json_value &value, settings &out);
};

void read_members(const cJSON *node, std::string_view text, const std::string &prefix, std::span<const key> keys,
                  settings &out) {
  for_each_member(node, text, prefix, [&](std::string_view name, const json_value &value) {
    for (const key &known : keys) {
      if (known.name == name) return known.read(value, out);
    }
    std::vector<std::string_view> names;
    for (const key &known : keys) names.push_back(known.name);
    const std::string here = prefix.substr(out.source.size() + 2);  // "tls." of "config_json: tls."
    reject({out.source, ": unknown key ", quoted(here + std::string(name)), nearest_or_all(name, names)});
  });
}

constexpr key tls_keys[] = {
    {"ca_file", [](const json_value &value, settings &out) { out.tls_ca_file = value.said_path(); }},
    {"certificate_file", [](const json_value &value, settings &out) { out.tls_certificate_file = value.said_path(); }},
    {"key_file", [](const json_value &value, settings &out) { out.tls_key_file = value.said_path(); }},
    {"server_name", [](const json_value &value, settings &out) { out.tls_server_name = value.said_text(); }},
    {"verify", [](const json_value &value, settings &out) { out.tls_verify = value.truth(); }},
};

void read_fsync(const json_value &value, settings &out) {
  std::string when = value.text();
  if (when != "always" && when != "everysec" && when != "no") {
    reject({value.origin(), " must be always, everysec or no, got ", quoted(when)});
  }
  out.embedded_fsync = std::move(when);
}

void read_redis_server(const json_value &value, settings &out) {
  std::string program = value.text();
  if (program.empty() || (program.find('/') != std::string::npos && !program.starts_with('/'))) {
    reject({value.origin(), " must be a program's name or absolute path, got ", quoted(program)});
  }
  out.redis_server = std::move(program);
}

constexpr key embedded_keys[] = {
    {"fsync", read_fsync},
    {"redis_server", read_redis_server},
};

void read_url(const json_value &value, settings &out) {
  out.server = checked_url(value.text(), out.source);
  out.server_origin = out.source;
}

void read_plugins(const json_value &value, settings &out) {
  value.require_object();
  for_each_member(
      value.node(), value.raw(), value.origin() + ".", [&](std::string_view name, const json_value &config) {
        if (!is_plugin_name(name)) {
          reject({value.origin(), " holds configurations by plugin name ([a-z][a-z0-9_]*), got ", quoted(name)});
        }
        config.require_object();
        out.plugin_configs.emplace(name, config.raw());
      });
}

void read_tls(const json_value &value, settings &out) {
  value.require_object();
  read_members(value.node(), value.raw(), value.origin() + ".", tls_keys, out);
}

void read_embedded(const json_value &value, settings &out) {
  value.require_object();
  read_members(value.node(), value.raw(), value.origin() + ".", embedded_keys, out);
}

constexpr key sentinel_keys[] = {
    {"user", [](const json_value &value, settings &out) { out.sentinel_user = value.said_text(); }},
    {"password", [](const json_value &value, settings &out) { out.sentinel_password = value.said_text(); }},
};

void read_sentinel(const json_value &value, settings &out) {
  value.require_object();
  read_members(value.node(), value.raw(), value.origin() + ".", sentinel_keys, out);
}

constexpr key root_keys[] = {
    {"url", read_url},
    {"load", [](const json_value &value, settings &out) { out.load = checked_load(value.texts(), value.origin()); }},
    {"plugins", read_plugins},
    {"plugin_path", [](const json_value &value,
                       settings &out) { out.plugin_path = checked_plugin_path(value.text(), value.origin()); }},
    {"key_prefix",
     [](const json_value &value, settings &out) { out.key_prefix = checked_key_prefix(value.text(), value.origin()); }},
    {"max_connections",
     [](const json_value &value, settings &out) { out.max_connections = value.number(max_connections_range); }},
    {"connect_timeout_ms",
     [](const json_value &value, settings &out) { out.connect_timeout_ms = value.number(connect_timeout_range); }},
    {"call_timeout_ms",
     [](const json_value &value, settings &out) { out.call_timeout_ms = value.number(call_timeout_range); }},
    {"busy_poll_us", [](const json_value &value, settings &out) { out.busy_poll_us = value.number(busy_poll_range); }},
    {"read_from", [](const json_value &value, settings &out) { out.read_from = value.said_text(); }},
    {"max_staleness_ms",
     [](const json_value &value, settings &out) { out.max_staleness_ms = value.number(max_staleness_range); }},
    {"retry_on_timeout", [](const json_value &value, settings &out) { out.retry_on_timeout = value.truth(); }},
    {"decode_responses", [](const json_value &value, settings &out) { out.decode_responses = value.truth(); }},
    {"ping_on_init", [](const json_value &value, settings &out) { out.ping_on_init = value.truth(); }},
    {"password", [](const json_value &value, settings &out) { out.password = value.said_text(); }},
    {"password_file", [](const json_value &value, settings &out) { out.password_file = value.said_path(); }},
    {"secret_key_file", [](const json_value &value, settings &out) { out.secret_key_file = value.said_text(); }},
    {"env_files", [](const json_value &value, settings &out) { out.env_files = value.texts(); }},
    {"tls", read_tls},
    {"embedded", read_embedded},
    {"sentinel", read_sentinel},
};

}  // namespace

settings settings_of_json(std::string_view json, std::string_view source) {
  const json_document document = parse_json_object(json, source);
  settings out;
  out.source = source;
  read_members(document.get(), json, out.source + ": ", root_keys, out);
  return out;
}

}  // namespace cachecore_internal
