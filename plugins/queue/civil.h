// civil.h: days and seconds of the proleptic Gregorian calendar, without time zones. (<chrono>'s calendar, in numbers.)
#pragma once

#include <chrono>
#include <cstdint>

namespace queue_plugin {

constexpr int64_t seconds_a_day = 86400;

struct civil_day {
  int64_t year;
  unsigned month;    // 1 to 12
  unsigned day;      // 1 to 31
  unsigned weekday;  // 0: Sunday
};

// Days since 1970-01-01.
constexpr int64_t day_number(int64_t year, unsigned month, unsigned day) noexcept {
  using namespace std::chrono;
  return sys_days(std::chrono::year(static_cast<int>(year)) / std::chrono::month(month) / std::chrono::day(day))
      .time_since_epoch()
      .count();
}

constexpr civil_day civil_of(int64_t days) noexcept {
  using namespace std::chrono;
  const sys_days at{std::chrono::days(days)};
  const year_month_day date(at);
  return {static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
          std::chrono::weekday(at).c_encoding()};
}

constexpr int64_t floor_div(int64_t number, int64_t by) noexcept {
  return number / by - (number % by != 0 && (number < 0) != (by < 0) ? 1 : 0);
}

}  // namespace queue_plugin
