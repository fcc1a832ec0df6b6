#include "access.h"

#include <algorithm>

namespace http_plugin {

namespace {

// What is reachable although it is not marked as only reading, since all it changes is a key of its own.
constexpr std::string_view also[] = {"monitor.alerts", "monitor.health"};
// Of the core's own methods that only read, those that are somebody's business. (`core.encrypt` uses the secret key,
// `core.drain` waits.)
constexpr std::string_view of_the_core[] = {"core.slow", "core.stats"};

template <size_t N>
bool has(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool takes_secrets(const cachecore_submit_service &submit, const cachecore_method *method) {
  size_t count = 0;
  const cachecore_parameter_spec *const *parameters = submit.method_parameters(method, &count);
  return std::any_of(parameters, parameters + count, [](const cachecore_parameter_spec *each) {
    return (each->flags & CACHECORE_PARAMETER_SECRET) != 0;
  });
}

}  // namespace

bool access::knows_host(std::string_view header) const {
  const std::string name = host_name(header);
  return !name.empty() && std::find(settings_.hosts.begin(), settings_.hosts.end(), name) != settings_.hosts.end();
}

bool access::has_token(std::string_view authorization) const {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size()) return false;
  for (size_t i = 0; i < scheme.size(); i++) {
    const char given = authorization[i];
    const char small = given >= 'A' && given <= 'Z' ? static_cast<char>(given - 'A' + 'a') : given;
    if (small != scheme[i]) return false;
  }
  const std::array<uint8_t, 32> digest = host_.sha256(authorization.substr(scheme.size()));
  return host_.services().crypto->equal(digest.data(), settings_.token_digest.data(), digest.size()) == 1;
}

bool access::reaches(std::string_view name, const cachecore_method *method) const {
  const std::string_view plugin = name.substr(0, name.find('.'));
  const bool allowed = std::any_of(settings_.allow.begin(), settings_.allow.end(), [&](std::string_view each) {
    return each == name || (each.ends_with(".*") && each.substr(0, each.size() - 2) == plugin);
  });
  if (allowed || has(also, name)) return true;
  if (plugin == "redis") return false;
  if (plugin == "core") return has(of_the_core, name);
  const cachecore_submit_service &submit = *host_.services().submit;
  return (submit.method_flags(method) & CACHECORE_METHOD_READ_ONLY) != 0 && !takes_secrets(submit, method);
}

}  // namespace http_plugin
