#include "cron.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#include "civil.h"

namespace queue_plugin {

namespace {

constexpr int64_t longest_search_s = int64_t{3660} * seconds_a_day;
constexpr std::string_view months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct field {
  const char *name;
  unsigned least;
  unsigned most;
  std::span<const std::string_view> names;
  unsigned first_name;
};

std::optional<unsigned> read_number(std::string_view text, const field &of) {
  unsigned number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed == std::errc{} && end == text.data() + text.size()) {
    if (number < of.least || number > of.most) return std::nullopt;
    return number;
  }
  for (size_t i = 0; i < of.names.size(); i++) {
    const bool same = std::equal(text.begin(), text.end(), of.names[i].begin(), of.names[i].end(), [](char a, char b) {
      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
    });
    if (same) return static_cast<unsigned>(i) + of.first_name;
  }
  return std::nullopt;
}

// Marks what the text names; false when it names nothing that exists.
template <size_t N>
bool read_field(std::string_view text, const field &of, std::bitset<N> &out) {
  if (text.empty()) return false;
  for (;;) {
    const size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    unsigned step = 1;
    bool stepped = false;
    if (const size_t slash = part.find('/'); slash != std::string_view::npos) {
      const std::string_view digits = part.substr(slash + 1);
      const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
      if (failed != std::errc{} || end != digits.data() + digits.size() || step == 0 || step > 1000) return false;
      part = part.substr(0, slash);
      stepped = true;
    }
    unsigned first = of.least;
    unsigned last = of.most;
    if (part != "*") {
      const size_t dash = part.find('-');
      const auto from = read_number(part.substr(0, dash), of);
      if (!from) return false;
      first = *from;
      if (dash != std::string_view::npos) {
        const auto to = read_number(part.substr(dash + 1), of);
        if (!to || *to < first) return false;
        last = *to;
      } else if (!stepped) {
        last = first;
      }
    }
    for (unsigned each = first; each <= last; each += step) out.set(each % N);
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

std::string_view shorthand(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
      {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}};
  for (const auto &[name, means] : known) {
    if (text == name) return means;
  }
  return text;
}

}  // namespace

std::optional<cron> cron::parse(std::string_view text, std::string &fault) {
  std::vector<std::string_view> parts;
  text = shorthand(text);
  for (size_t at = 0; at < text.size();) {
    const size_t begin = text.find_first_not_of(" \t", at);
    if (begin == std::string_view::npos) break;
    at = std::min(text.find_first_of(" \t", begin), text.size());
    parts.push_back(text.substr(begin, at - begin));
    if (parts.size() > 6) break;
  }
  if (parts.size() != 5 && parts.size() != 6) {
    fault =
        "must have 5 fields (minute hour day month weekday), or 6 with seconds before them, or be @daily and the like";
    return std::nullopt;
  }
  if (parts.size() == 5) parts.insert(parts.begin(), "0");
  cron read;
  std::bitset<8> weekdays_to_seven;
  const auto fails = [&](size_t part, const char *name, const char *range) {
    fault = std::string("has no such ") + name + ": \"" + std::string(parts[part].substr(0, 40)) + "\" (" + range + ")";
    return std::nullopt;
  };
  if (!read_field(parts[0], {"second", 0, 59, {}, 0}, read.seconds_)) return fails(0, "second", "0-59");
  if (!read_field(parts[1], {"minute", 0, 59, {}, 0}, read.minutes_)) return fails(1, "minute", "0-59");
  if (!read_field(parts[2], {"hour", 0, 23, {}, 0}, read.hours_)) return fails(2, "hour", "0-23");
  if (!read_field(parts[3], {"day", 1, 31, {}, 0}, read.days_)) return fails(3, "day", "1-31");
  if (!read_field(parts[4], {"month", 1, 12, months, 1}, read.months_)) return fails(4, "month", "1-12 or jan-dec");
  if (!read_field(parts[5], {"weekday", 0, 7, weekdays, 0}, weekdays_to_seven))
    return fails(5, "weekday", "0-7 or sun-sat");
  for (size_t i = 0; i < 8; i++) {
    if (weekdays_to_seven[i]) read.weekdays_.set(i % 7);
  }
  read.any_day_ = parts[3].starts_with('*');
  read.any_weekday_ = parts[5].starts_with('*');
  read.any_hour_ = parts[2].starts_with('*');
  return read;
}

bool cron::day_matches(int64_t day) const {
  const civil_day date = civil_of(day);
  if (!months_[date.month]) return false;
  const bool by_day = days_[date.day];
  const bool by_weekday = weekdays_[date.weekday];
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<int64_t> cron::match(int64_t from, int64_t before) const {
  int64_t day = floor_div(from, seconds_a_day);
  auto second = static_cast<size_t>(from - day * seconds_a_day);
  for (; day * seconds_a_day < before; day++, second = 0) {
    if (!day_matches(day)) continue;
    for (size_t hour = second / 3600; hour < 24; hour++) {
      if (!hours_[hour]) continue;
      const size_t earliest_minute = hour == second / 3600 ? second % 3600 / 60 : 0;
      for (size_t minute = earliest_minute; minute < 60; minute++) {
        if (!minutes_[minute]) continue;
        const size_t begin = hour * 3600 + minute * 60;
        for (size_t each = second > begin ? second - begin : 0; each < 60; each++) {
          if (!seconds_[each]) continue;
          const int64_t found = day * seconds_a_day + static_cast<int64_t>(begin + each);
          if (found >= before) return std::nullopt;
          return found;
        }
      }
    }
  }
  return std::nullopt;
}

// Between two changes of a zone local time is UTC plus a constant, so each such stretch is searched by itself.
std::optional<int64_t> cron::next(int64_t after, const time_zone &zone) const {
  const int64_t horizon = after + longest_search_s;
  int64_t from = after + 1;
  int32_t offset = zone.offset_at(from);
  // Local times before this one were there already, in the stretch before.
  int64_t repeated_before = from + offset;
  if (!any_hour_) {
    // The stretch may have begun shortly before: what it repeats is not due again.
    const int64_t day_before = from - seconds_a_day;
    for (auto change = zone.next_change(day_before); change && *change <= from; change = zone.next_change(*change))
      repeated_before = std::max(repeated_before, *change + zone.offset_at(*change - 1));
  }
  while (from < horizon) {
    const auto change = zone.next_change(from);
    const int64_t end = change ? std::min(*change, horizon) : horizon;
    const int64_t first = any_hour_ ? from + offset : std::max(from + offset, repeated_before);
    if (const auto found = match(first, end + offset)) return *found - offset;
    if (!change || *change >= horizon) return std::nullopt;
    from = *change;
    const int32_t before = offset;
    offset = zone.offset_at(from);
    // What was skipped comes at the change itself.
    if (!any_hour_ && offset > before && match(from + before, from + offset)) return from;
    repeated_before = from + before;
  }
  return std::nullopt;
}

}  // namespace queue_plugin
