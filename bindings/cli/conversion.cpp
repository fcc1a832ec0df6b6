#include "conversion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "failure.h"
#include "numbers.h"
#include "text.h"

namespace cachectl {
namespace {

std::string what_it_takes(const parameter_description &parameter) {
  std::string out = kinds_text(parameter);
  if (parameter.meaning == "duration") out += " (milliseconds, or with a unit: 500ms, 30s, 5m, 2h, 1d)";
  if (parameter.meaning == "timestamp") out += " (milliseconds since 1970, or 2031-12-31T23:59:59Z)";
  if (parameter.takes(CACHECORE_INT) && parameter.kinds != 0 && parameter.meaning.empty()) {
    out += " (-9223372036854775808 to 9223372036854775807)";
  }
  return out;
}

failure refused(const parameter_description &parameter, const std::string &name, const std::string &text) {
  std::string message = name + " takes " + what_it_takes(parameter);
  if (!parameter.secret) message += ", got " + quoted(text);
  return usage(std::move(message));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

std::optional<int64_t> parse_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, int64_t>, 5> units = {
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  for (const auto &[unit, ms] : units) {
    if (!text.ends_with(unit)) continue;
    const auto count = parse_number<int64_t>(text.substr(0, text.size() - unit.size()));
    int64_t out = 0;
    if (count && !__builtin_mul_overflow(*count, ms, &out)) return out;
  }
  return parse_number<int64_t>(text);
}

// UTC alone: a time without its zone would mean another moment on another machine.
std::optional<int64_t> parse_timestamp(std::string_view text) {
  std::tm fields{};
  const std::string copy(text);
  const char *end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &fields);
  if (end == nullptr || *end != '\0') return parse_number<int64_t>(text);
  const std::tm asked = fields;
  const int64_t seconds = timegm(&fields);
  // A day that does not exist (February 30) has become another one.
  if (fields.tm_mday != asked.tm_mday || fields.tm_hour != asked.tm_hour || fields.tm_min != asked.tm_min) return {};
  return seconds * 1000;
}

std::optional<int64_t> parse_integer(const parameter_description &parameter, std::string_view text) {
  if (parameter.meaning == "duration") return parse_duration(text);
  if (parameter.meaning == "timestamp") return parse_timestamp(text);
  return parse_number<int64_t>(text);
}

std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view word : {"true", "yes", "on", "1"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"false", "no", "off", "0"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

cachecore_value decode(const std::string &name, const std::string &json, value_store &store) {
  try {
    return store.json(json);
  } catch (const failure &error) {
    // The parameter is at fault, not a function that nobody here has called.
    constexpr std::string_view by_function = "cachecore_json_decode: the text ";
    std::string_view message = error.message();
    if (message.starts_with(by_function)) message.remove_prefix(by_function.size());
    throw usage(name + ": " + std::string(message));
  }
}

// A text for a parameter that takes any value. What begins like a container or a string is meant as JSON, and a fault
// in it is said.
cachecore_value convert_any(const std::string &name, std::string text, value_store &store) {
  const std::string_view content = trimmed(text);
  if (!content.empty() && std::string_view("{[\"").find(content.front()) != std::string_view::npos) {
    return decode(name, text, store);
  }
  if (content == "true" || content == "false") return cachecore_bool(content == "true");
  if (content == "null") return cachecore_nil();
  const bool number_like =
      !content.empty() && (content.front() == '-' || (content.front() >= '0' && content.front() <= '9'));
  if (number_like) {
    try {
      return store.json(content);
    } catch (const failure &) {
      return store.bytes(std::move(text));  // 007, 1.2.3, a number outside int64: text
    }
  }
  return store.bytes(std::move(text));
}

}  // namespace

cachecore_value convert(const parameter_description &parameter, const std::string &name, std::string text,
                        value_store &store) {
  if (parameter.kinds == 0) return convert_any(name, std::move(text), store);
  if (parameter.takes(CACHECORE_BYTES)) return store.bytes(std::move(text));
  const std::string_view content = trimmed(text);
  if (parameter.takes(CACHECORE_INT)) {
    if (const auto integer = parse_integer(parameter, content)) return cachecore_int(*integer);
  }
  if (parameter.takes(CACHECORE_DOUBLE)) {
    const auto real = parse_number<double>(content);
    if (real && std::isfinite(*real)) return cachecore_double(*real);
  }
  if (parameter.takes(CACHECORE_BOOL)) {
    if (const auto truth = parse_bool(content)) return cachecore_bool(*truth ? 1 : 0);
  }
  const bool container = (content.starts_with('[') && parameter.takes(CACHECORE_LIST)) ||
                         (content.starts_with('{') && parameter.takes(CACHECORE_MAP));
  if (!container) throw refused(parameter, name, text);
  return convert_json(parameter, name, text, store);
}

cachecore_value convert_json(const parameter_description &parameter, const std::string &name, const std::string &json,
                             value_store &store) {
  const cachecore_value value = decode(name, json, store);
  if (value.kind == CACHECORE_NIL && parameter.optional) return value;
  const bool as_double = value.kind == CACHECORE_INT && parameter.takes(CACHECORE_DOUBLE);
  if (!parameter.takes(value.kind) && !as_double) throw refused(parameter, name, json);
  return parameter.takes(value.kind) ? value : cachecore_double(static_cast<double>(value.as.integer));
}

}  // namespace cachectl
