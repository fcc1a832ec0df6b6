#include "core/config/settings.h"

#include <algorithm>

#include "core/config/rejection.h"
#include "core/failure.h"

namespace cachecore_internal {
namespace {

constexpr size_t longest_key_prefix = 1024;
constexpr size_t longest_plugin_name = 64;

bool is_control(char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; }

}  // namespace

int64_t checked_number(int64_t number, const number_range &range, std::string_view origin) {
  const bool allowed = (number >= range.minimum && number <= range.maximum) || (range.none && number == -1);
  if (!allowed) reject({origin, " must be ", range.takes, ", got ", std::to_string(number)});
  return number;
}

std::string checked_key_prefix(std::string prefix, std::string_view origin) {
  if (prefix.size() > longest_key_prefix) reject({origin, " must be at most 1024 bytes long"});
  if (std::any_of(prefix.begin(), prefix.end(), is_control)) reject({origin, " must not contain control characters"});
  return prefix;
}

std::string checked_absolute_path(std::string path, std::string_view origin) {
  if (!path.starts_with('/')) reject({origin, " must be an absolute path, got ", quoted(path)});
  return path;
}

bool is_plugin_name(std::string_view name) {
  const auto is_letter = [](char byte) { return byte >= 'a' && byte <= 'z'; };
  const auto is_allowed = [&](char byte) { return is_letter(byte) || (byte >= '0' && byte <= '9') || byte == '_'; };
  return !name.empty() && name.size() <= longest_plugin_name && is_letter(name[0]) &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

std::vector<std::string> checked_load(std::vector<std::string> names, std::string_view origin) {
  for (size_t i = 0; i < names.size(); i++) {
    const std::string &name = names[i];
    if (!is_plugin_name(name) && !name.starts_with('/')) {
      reject({origin, " takes plugin names (\"kv\") and absolute paths, got ", quoted(name)});
    }
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), name) !=
        names.begin() + static_cast<std::ptrdiff_t>(i)) {
      reject({origin, " names the plugin ", quoted(name), " twice"});
    }
  }
  return names;
}

std::vector<std::string> checked_plugin_path(std::string_view path, std::string_view origin) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const size_t end = std::min(path.find(':'), path.size());
    const std::string_view directory = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (directory.empty()) continue;
    if (directory[0] != '/') {
      reject({origin, " takes absolute directories separated by ':', got ", quoted(directory)});
    }
    if (std::find(out.begin(), out.end(), directory) == out.end()) out.emplace_back(directory);
  }
  return out;
}

endpoint checked_url(const std::string &url, std::string_view origin) {
  try {
    return parse_url(url);
  } catch (const failure &reason) {
    throw failure(reason.status(), std::string(origin) + ": " + reason.message());
  }
}

}  // namespace cachecore_internal
