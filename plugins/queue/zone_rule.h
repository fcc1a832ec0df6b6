// zone_rule.h: the rule of a time zone for the years its table does not name, as POSIX' TZ writes it:
// "CET-1CEST,M3.5.0,M10.5.0/3".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace queue_plugin {

class zone_rule {
 public:
  // Nothing when the text is no rule.
  static std::optional<zone_rule> parse(std::string_view text);

  // Local time minus UTC, in seconds, at an instant.
  [[nodiscard]] int32_t offset_at(int64_t utc) const;
  // The first change after an instant; nothing when there is none.
  [[nodiscard]] std::optional<int64_t> next_change(int64_t utc) const;

 private:
  struct date {
    char kind = 'M';  // M: month, week, weekday; J: day 1 to 365 without February 29; N: day 0 to 365
    unsigned month = 1, week = 1, weekday = 0;
    unsigned day = 0;
    int32_t time = 7200;  // local, seconds since midnight
  };
  struct change {
    int64_t at;
    bool to_summer;
  };

  [[nodiscard]] static int64_t day_in(const date &when, int64_t year);
  // The two changes of a year, in order.
  void changes_of(int64_t year, change (&out)[2]) const;

  static bool read_name(std::string_view &text);
  static std::optional<int32_t> read_time(std::string_view &text, int32_t most_hours);
  static bool read_date(std::string_view &text, date &out);

  int32_t standard_ = 0;
  int32_t summer_ = 0;
  bool has_summer_ = false;
  date begins_;
  date ends_;
};

}  // namespace queue_plugin
