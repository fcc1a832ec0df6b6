// time_zone.h: a time zone of the system's database (/usr/share/zoneinfo): what local time is at an instant, and when
// that changes.
//
// GCC 12 has no std::chrono::time_zone, and tzset() belongs to the application, so the file (TZif, RFC 8536) is read
// here: its table of changes, then its rule for the years behind them. Times are seconds since 1970-01-01 UTC.
//
// Thread rule: immutable once made.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "zone_rule.h"

namespace queue_plugin {

class time_zone {
 public:
  // By its name, "Europe/Berlin"; "UTC" always exists. Nothing when the system has no such zone.
  static std::optional<time_zone> load(std::string_view name);
  // The content of a TZif file; nothing when it is none.
  static std::optional<time_zone> parse(std::string_view file);
  static time_zone utc() { return {}; }

  // Local time minus UTC.
  [[nodiscard]] int32_t offset_at(int64_t utc) const;
  // The first instant after this one at which the offset may change.
  [[nodiscard]] std::optional<int64_t> next_change(int64_t utc) const;

 private:
  struct change {
    int64_t at;
    int32_t offset;
  };
  std::vector<change> changes_;
  int32_t first_offset_ = 0;
  std::optional<zone_rule> rule_;
};

}  // namespace queue_plugin
