#include "zone_rule.h"

#include <utility>

#include "civil.h"

namespace queue_plugin {

namespace {

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::optional<int32_t> read_number(std::string_view &text, int32_t most) {
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  int32_t number = 0;
  while (!text.empty() && is_digit(text.front())) {
    number = number * 10 + (text.front() - '0');
    if (number > most) return std::nullopt;
    text.remove_prefix(1);
  }
  return number;
}

bool read_char(std::string_view &text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

bool zone_rule::read_name(std::string_view &text) {
  size_t size = 0;
  if (read_char(text, '<')) {
    size = text.find('>');
    if (size == std::string_view::npos) return false;
    text.remove_prefix(size + 1);
    return size >= 3;
  }
  while (size < text.size() && is_letter(text[size])) size++;
  text.remove_prefix(size);
  return size >= 3;
}

// [+-]hh[:mm[:ss]]
std::optional<int32_t> zone_rule::read_time(std::string_view &text, int32_t most_hours) {
  const bool negative = read_char(text, '-');
  if (!negative) (void)read_char(text, '+');
  const auto hours = read_number(text, most_hours);
  if (!hours) return std::nullopt;
  int32_t seconds = *hours * 3600;
  int32_t unit = 60;
  while (unit > 0 && read_char(text, ':')) {
    const auto part = read_number(text, 59);
    if (!part) return std::nullopt;
    seconds += *part * unit;
    unit /= 60;
  }
  return negative ? -seconds : seconds;
}

bool zone_rule::read_date(std::string_view &text, date &out) {
  if (!read_char(text, ',')) return false;
  if (read_char(text, 'M')) {
    const auto month = read_number(text, 12);
    if (!month || *month < 1 || !read_char(text, '.')) return false;
    const auto week = read_number(text, 5);
    if (!week || *week < 1 || !read_char(text, '.')) return false;
    const auto weekday = read_number(text, 6);
    if (!weekday) return false;
    out.month = static_cast<unsigned>(*month);
    out.week = static_cast<unsigned>(*week);
    out.weekday = static_cast<unsigned>(*weekday);
  } else {
    out.kind = read_char(text, 'J') ? 'J' : 'N';
    const auto day = read_number(text, 365);
    if (!day || (out.kind == 'J' && *day < 1)) return false;
    out.day = static_cast<unsigned>(*day);
  }
  if (read_char(text, '/')) {
    const auto time = read_time(text, 167);
    if (!time) return false;
    out.time = *time;
  }
  return true;
}

std::optional<zone_rule> zone_rule::parse(std::string_view text) {
  zone_rule rule;
  if (!read_name(text)) return std::nullopt;
  const auto west = read_time(text, 24);
  if (!west) return std::nullopt;
  rule.standard_ = -*west;
  rule.summer_ = rule.standard_;
  if (text.empty()) return rule;
  rule.has_summer_ = true;
  if (!read_name(text)) return std::nullopt;
  rule.summer_ = rule.standard_ + 3600;
  if (!text.empty() && text.front() != ',') {
    const auto summer = read_time(text, 24);
    if (!summer) return std::nullopt;
    rule.summer_ = -*summer;
  }
  if (!read_date(text, rule.begins_) || !read_date(text, rule.ends_) || !text.empty()) return std::nullopt;
  return rule;
}

int64_t zone_rule::day_in(const date &when, int64_t year) {
  if (when.kind == 'N') return day_number(year, 1, 1) + when.day;
  if (when.kind == 'J') {
    const bool leap = day_number(year, 3, 1) - day_number(year, 2, 28) == 2;
    return day_number(year, 1, 1) + when.day - 1 + (leap && when.day >= 60 ? 1 : 0);
  }
  const int64_t first = day_number(year, when.month, 1);
  const int64_t after = when.month == 12 ? day_number(year + 1, 1, 1) : day_number(year, when.month + 1, 1);
  int64_t day = first + (when.weekday + 7 - civil_of(first).weekday) % 7 + int64_t{when.week - 1} * 7;
  while (day >= after) day -= 7;
  return day;
}

void zone_rule::changes_of(int64_t year, change (&out)[2]) const {
  out[0] = {day_in(begins_, year) * seconds_a_day + begins_.time - standard_, true};
  out[1] = {day_in(ends_, year) * seconds_a_day + ends_.time - summer_, false};
  if (out[1].at < out[0].at) std::swap(out[0], out[1]);
}

int32_t zone_rule::offset_at(int64_t utc) const {
  if (!has_summer_) return standard_;
  const int64_t year = civil_of(floor_div(utc, seconds_a_day)).year;
  bool summer = false;
  for (int64_t each = year - 1; each <= year + 1; each++) {
    change both[2];
    changes_of(each, both);
    for (const change &one : both) {
      if (one.at <= utc) summer = one.to_summer;
    }
  }
  return summer ? summer_ : standard_;
}

std::optional<int64_t> zone_rule::next_change(int64_t utc) const {
  if (!has_summer_ || summer_ == standard_) return std::nullopt;
  const int64_t year = civil_of(floor_div(utc, seconds_a_day)).year;
  for (int64_t each = year - 1; each <= year + 2; each++) {
    change both[2];
    changes_of(each, both);
    for (const change &one : both) {
      if (one.at > utc) return one.at;
    }
  }
  return std::nullopt;
}

}  // namespace queue_plugin
