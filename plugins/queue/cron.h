// cron.h: "minute hour day month weekday" (or "second minute hour day month weekday"), and when it comes next in a time
// zone.
//
// A field is * or a list of numbers, ranges a-b and steps */n, a-b/n; months and weekdays have names (jan, mon), 7 is
// Sunday as well. Where both day and weekday are given, either is enough, as in every cron. @hourly @daily @weekly
// @monthly @yearly.
//
// When clocks change: an occurrence of a fixed hour that falls into the hour that is skipped comes at the change; in
// the hour that comes twice it comes once, the first time. A schedule for every hour (hour *) follows real time: both
// of the two hours, none of the skipped.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "time_zone.h"

namespace queue_plugin {

class cron {
 public:
  // Nothing when the text is none; `fault` then says why.
  static std::optional<cron> parse(std::string_view text, std::string &fault);

  // The first occurrence after an instant (seconds since 1970 UTC); nothing when there is none within ten years.
  [[nodiscard]] std::optional<int64_t> next(int64_t after, const time_zone &zone) const;

 private:
  // The first matching local second in [from, before); nothing when there is none.
  [[nodiscard]] std::optional<int64_t> match(int64_t from, int64_t before) const;
  [[nodiscard]] bool day_matches(int64_t day) const;

  std::bitset<60> seconds_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  bool any_day_ = false;
  bool any_weekday_ = false;
  bool any_hour_ = false;
};

}  // namespace queue_plugin
