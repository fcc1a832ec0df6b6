#include "table_value.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

namespace table {
namespace {

using cachecore::value;

// What {"$any": true} is read as: no plugin can answer this status.
constexpr auto any_status = static_cast<cachecore::status>(1000);

[[noreturn]] void not_a_value(const cJSON *json) {
  char *text = cJSON_Print(json);
  const std::string message = std::string("the table holds what is not a value: ") + text;
  cJSON_free(text);
  throw std::runtime_error(message);
}

std::string text_of(const cJSON *json) {
  const char *text = cJSON_GetStringValue(json);
  if (text == nullptr) not_a_value(json);
  return text;
}

std::string from_base64(const std::string &text) {
  static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char character : text) {
    if (character == '=') break;
    bits = (bits << 6U) | static_cast<uint32_t>(digits.find(character));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> static_cast<uint32_t>(count)) & 0xffU);
  }
  return bytes;
}

value read_list(const cJSON *json) {
  value::list_type items;
  for (const cJSON *item = json->child; item != nullptr; item = item->next) items.push_back(read(item));
  return items;
}

value read_map(const cJSON *json) {
  value::map_type pairs;
  for (const cJSON *item = json->child; item != nullptr; item = item->next) {
    if (cJSON_IsArray(json)) {
      pairs.emplace_back(read(cJSON_GetArrayItem(item, 0)), read(cJSON_GetArrayItem(item, 1)));
    } else {
      pairs.emplace_back(std::string(item->string), read(item));
    }
  }
  return pairs;
}

value read_repeat(const cJSON *json) {
  const std::string text = text_of(cJSON_GetArrayItem(json, 0));
  const auto times = static_cast<size_t>(cJSON_GetNumberValue(cJSON_GetArrayItem(json, 1)));
  std::string bytes;
  bytes.reserve(text.size() * times);
  for (size_t index = 0; index < times; index++) bytes += text;
  return bytes;
}

value read_nested(const cJSON *json) {
  value tree = read(cJSON_GetArrayItem(json, 1));
  for (auto left = static_cast<int>(cJSON_GetNumberValue(cJSON_GetArrayItem(json, 0))); left > 0; left--) {
    tree = cachecore::list(tree);
  }
  return tree;
}

value read_object(const cJSON *json) {
  const cJSON *only = json->child;
  if (only == nullptr || only->string[0] != '$') return read_map(json);
  const std::string name = only->string;
  if (name == "$int") return static_cast<int64_t>(std::stoll(text_of(only)));
  if (name == "$double") return std::strtod(text_of(only).c_str(), nullptr);
  if (name == "$bytes") return from_base64(text_of(only));
  if (name == "$repeat") return read_repeat(only);
  if (name == "$nested") return read_nested(only);
  if (name == "$map") return read_map(only);
  if (name == "$any") return cachecore::failed_reply{any_status, ""};
  if (name != "$error") not_a_value(json);
  return cachecore::failed_reply{status_by_name(text_of(cJSON_GetObjectItemCaseSensitive(only, "status"))),
                                 text_of(cJSON_GetObjectItemCaseSensitive(only, "message"))};
}

bool same_list(const value::list_type &expected, const value::list_type &got) {
  return std::equal(expected.begin(), expected.end(), got.begin(), got.end(), equal);
}

bool same_map(const value::map_type &expected, const value::map_type &got) {
  return expected.size() == got.size() && std::all_of(expected.begin(), expected.end(), [&](const auto &pair) {
           return std::any_of(got.begin(), got.end(), [&](const auto &other) {
             return equal(pair.first, other.first) && equal(pair.second, other.second);
           });
         });
}

}  // namespace

cachecore::status status_by_name(const std::string &name) {
  for (int32_t code = 1; code > -100; code--) {
    const auto status = static_cast<cachecore::status>(code);
    if (name == cachecore::status_name(status)) return status;
  }
  throw std::runtime_error("the table names a status that does not exist: " + name);
}

value read(const cJSON *json) {
  if (json == nullptr) throw std::runtime_error("the table lacks a value");
  if (cJSON_IsNull(json)) return nullptr;
  if (cJSON_IsBool(json)) return cJSON_IsTrue(json) != 0;
  if (cJSON_IsString(json)) return json->valuestring;
  if (cJSON_IsArray(json)) return read_list(json);
  if (cJSON_IsObject(json)) return read_object(json);
  const double number = cJSON_GetNumberValue(json);
  if (!(std::abs(number) <= 1e15) || std::floor(number) != number) not_a_value(json);
  return static_cast<int64_t>(number);
}

bool equal(const value &expected, const value &got) {
  const auto &wanted = expected.alternatives();
  const auto &found = got.alternatives();
  if (const auto *any = std::get_if<cachecore::failed_reply>(&wanted); any != nullptr && any->status == any_status)
    return true;
  if (wanted.index() != found.index()) return false;
  if (const auto *real = std::get_if<double>(&wanted)) {
    const double other = std::get<double>(found);
    return std::bit_cast<uint64_t>(*real) == std::bit_cast<uint64_t>(other) || (std::isnan(*real) && std::isnan(other));
  }
  if (const auto *list = std::get_if<value::list_type>(&wanted))
    return same_list(*list, std::get<value::list_type>(found));
  if (const auto *map = std::get_if<value::map_type>(&wanted)) return same_map(*map, std::get<value::map_type>(found));
  return expected == got;
}

std::string show(const value &value) {
  std::string text;
  try {
    text = cachecore::json_encode(value);
  } catch (const cachecore::error &reason) {
    text = std::string("a ") + cachecore::kind_name(value.kind()) + " (" + reason.what() + ")";
  }
  if (text.size() > 300) text = text.substr(0, 300) + "...";
  return text;
}

}  // namespace table
