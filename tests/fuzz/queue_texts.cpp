// What the plugin queue reads: handles, schedules, rules and files of time zones. The first byte says which. Each is
// refused, or means what its parts say: a handle gives its text back, the next time is later and never repeats, a
// change lies ahead.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "plugins/queue/cron.h"
#include "plugins/queue/handle.h"
#include "plugins/queue/time_zone.h"

namespace {

using queue_plugin::cron;
using queue_plugin::time_zone;

constexpr int64_t some_day = 1774742400;  // 2026-03-29

void check(bool holds) {
  if (!holds) std::abort();
}

void check_handle(std::string_view text) {
  const auto read = queue_plugin::parse_handle(text);
  if (!read) return;
  std::string again(read->token);
  again.append("|").append(std::to_string(read->queue.size())).append("|").append(read->queue).append(read->id);
  check(again == text && !read->queue.empty() && !read->id.empty());
}

void check_schedule(std::string_view text, const time_zone &zone) {
  std::string fault;
  const auto read = cron::parse(text, fault);
  check(read.has_value() == fault.empty());
  if (!read) return;
  int64_t at = some_day;
  for (int i = 0; i < 5; i++) {
    const auto next = read->next(at, zone);
    if (!next) return;
    check(*next > at);
    at = *next;
  }
}

void check_zone(const time_zone &zone) {
  for (const int64_t at : {int64_t{-5000000000}, int64_t{0}, some_day, int64_t{5000000000}}) {
    const int32_t offset = zone.offset_at(at);
    check(offset >= -8 * 86400 && offset <= 8 * 86400);
    if (const auto change = zone.next_change(at)) check(*change > at);
  }
  check_schedule("30 2 * * *", zone);
  check_schedule("0 * * * *", zone);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char *>(data) + 1, size - 1);
  switch (data[0]) {
    case 'h':
      check_handle(text);
      break;
    case 'c':
      check_schedule(text, time_zone::utc());
      break;
    case 'r':
      if (const auto rule = queue_plugin::zone_rule::parse(text)) {
        const auto change = rule->next_change(some_day);
        check(!change || *change > some_day);
        (void)rule->offset_at(some_day);
      }
      break;
    default:
      if (const auto zone = time_zone::parse(text)) check_zone(*zone);
  }
  return 0;
}
