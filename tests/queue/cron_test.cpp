// When a schedule is due: fields, months, and clocks that change.

#include "cron.h"

#include <cstdlib>
#include <ctime>

#include "handle.h"
#include "tests/cpp/check.h"

using queue_plugin::cron;
using queue_plugin::time_zone;

namespace {

int64_t utc(const char *text) {
  std::tm parts{};
  if (strptime(text, "%Y-%m-%d %H:%M:%S", &parts) == nullptr) test_die("what time is %s?", text);
  return timegm(&parts);
}

std::string text_of(int64_t at) {
  const auto seconds = static_cast<time_t>(at);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

// The occurrences after a time, in UTC, one a line.
std::string next(const char *schedule, const char *zone_name, const char *after, int count) {
  std::string fault;
  const auto read = cron::parse(schedule, fault);
  if (!read) throw std::runtime_error(fault);
  const auto zone = time_zone::load(zone_name);
  if (!zone) throw std::runtime_error(std::string("there is no zone ") + zone_name);
  std::string out;
  int64_t at = utc(after);
  for (int i = 0; i < count; i++) {
    const auto found = read->next(at, *zone);
    if (!found) return out + "none";
    at = *found;
    out += text_of(at) + "\n";
  }
  return out;
}

void fields_are_read() {
  CHECK(next("*/20 * * * *", "UTC", "2026-03-01 10:05:30", 3) ==
        "2026-03-01 10:20:00\n2026-03-01 10:40:00\n2026-03-01 11:00:00\n");
  CHECK(next("5,10-12 3 * * *", "UTC", "2026-03-01 03:10:00", 3) ==
        "2026-03-01 03:11:00\n2026-03-01 03:12:00\n2026-03-02 03:05:00\n");
  CHECK(next("15 30 4 1 jan *", "UTC", "2026-03-01 00:00:00", 1) == "2027-01-01 04:30:15\n");
  CHECK(next("0 0 * * Mon", "UTC", "2026-11-30 00:00:00", 1) == "2026-12-07 00:00:00\n");
  CHECK(next("0 0 * * 7", "UTC", "2026-11-30 00:00:00", 1) == "2026-12-06 00:00:00\n");
  CHECK(next("0 0 * * fri-sat", "UTC", "2026-11-30 00:00:00", 3) ==
        "2026-12-04 00:00:00\n2026-12-05 00:00:00\n2026-12-11 00:00:00\n");
  // Day or weekday.
  CHECK(next("0 0 13 * 5", "UTC", "2026-11-05 00:00:00", 3) ==
        "2026-11-06 00:00:00\n2026-11-13 00:00:00\n2026-11-20 00:00:00\n");
  CHECK(next("0 12 29 2 *", "UTC", "2026-01-01 00:00:00", 2) == "2028-02-29 12:00:00\n2032-02-29 12:00:00\n");
  CHECK(next("0 0 31 2 *", "UTC", "2026-01-01 00:00:00", 1) == "none");
  CHECK(next("@weekly", "UTC", "2026-11-30 00:00:00", 1) == "2026-12-06 00:00:00\n");
}

void what_is_no_schedule_is_refused() {
  for (const char *wrong :
       {"", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-3 * * * *",
        "a * * * *", "* * * * * * *", "1,,2 * * * *", "@never", "-1 * * * *", "* * * foo *"}) {
    std::string fault;
    CHECK(!cron::parse(wrong, fault));
    CHECK(!fault.empty());
  }
}

void an_hour_that_is_skipped() {
  // Berlin, 2026-03-29: 02:00 becomes 03:00, at 01:00 UTC.
  CHECK(next("30 2 * * *", "Europe/Berlin", "2026-03-27 12:00:00", 3) ==
        "2026-03-28 01:30:00\n2026-03-29 01:00:00\n2026-03-30 00:30:00\n");
  CHECK(next("*/30 * * * *", "Europe/Berlin", "2026-03-29 00:00:00", 4) ==
        "2026-03-29 00:30:00\n2026-03-29 01:00:00\n2026-03-29 01:30:00\n2026-03-29 02:00:00\n");
  CHECK(next("30 3 * * *", "Europe/Berlin", "2026-03-28 12:00:00", 1) == "2026-03-29 01:30:00\n");
  // New York, 2026-03-08, at 07:00 UTC.
  CHECK(next("15 2 * * *", "America/New_York", "2026-03-08 00:00:00", 2) ==
        "2026-03-08 07:00:00\n2026-03-09 06:15:00\n");
}

void an_hour_that_comes_twice() {
  // Berlin, 2026-10-25: 03:00 becomes 02:00, at 01:00 UTC.
  CHECK(next("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00:00", 2) == "2026-10-25 00:30:00\n2026-10-26 01:30:00\n");
  CHECK(next("30 * * * *", "Europe/Berlin", "2026-10-24 23:59:00", 3) ==
        "2026-10-25 00:30:00\n2026-10-25 01:30:00\n2026-10-25 02:30:00\n");
  // Asked within the second of the two.
  CHECK(next("45 2 * * *", "Europe/Berlin", "2026-10-25 01:10:00", 1) == "2026-10-26 01:45:00\n");
  // Half an hour, in the south.
  CHECK(next("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00:00", 2) ==
        "2026-04-04 14:45:00\n2026-04-05 15:15:00\n");
}

void years_beyond_the_table() {
  CHECK(next("30 2 * * *", "Europe/Berlin", "2055-03-27 12:00:00", 2) == "2055-03-28 01:00:00\n2055-03-29 00:30:00\n");
  CHECK(next("0 9 * * *", "America/Sao_Paulo", "2050-01-01 00:00:00", 1) == "2050-01-01 12:00:00\n");
}

void names_of_zones() {
  for (const char *wrong : {"", "Mars/Phobos", "../etc/passwd", "/etc/localtime", "Europe/../Europe/Berlin", "Europe"})
    CHECK(!time_zone::load(wrong));
  CHECK(time_zone::load("UTC") && time_zone::load("Etc/GMT+12"));
  CHECK(time_zone::load("Asia/Kathmandu")->offset_at(utc("2026-01-01 00:00:00")) == 20700);
}

// Local time at random instants, against the C library.
void the_library_agrees() {
  for (const char *name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
                           "Asia/Tehran", "America/St_Johns", "Pacific/Apia", "Europe/Dublin"}) {
    setenv("TZ", name, 1);
    tzset();
    const auto zone = time_zone::load(name);
    CHECK(zone.has_value());
    for (int64_t at = utc("1975-01-01 00:00:00"); at < utc("2090-01-01 00:00:00"); at += 1234567) {
      const auto seconds = static_cast<time_t>(at);
      std::tm parts{};
      localtime_r(&seconds, &parts);
      CHECK(zone->offset_at(at) == parts.tm_gmtoff);
    }
  }
  unsetenv("TZ");
}

void handles_are_read() {
  const auto read = queue_plugin::parse_handle("tok.1|5|mails42|x");
  CHECK(read && read->token == "tok.1" && read->queue == "mails" && read->id == "42|x" && read->plain());
  CHECK(!queue_plugin::parse_handle("tok+|1|ab")->plain());
  for (const char *wrong :
       {"", "|", "t|", "t|1", "t||ab", "t|2|ab", "t|0|ab", "t|01|ab", "t|-1|ab", "|1|ab", "t|99999999999999999999|ab"})
    CHECK(!queue_plugin::parse_handle(wrong));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(check::run<fields_are_read>),
      cmocka_unit_test(check::run<what_is_no_schedule_is_refused>),
      cmocka_unit_test(check::run<an_hour_that_is_skipped>),
      cmocka_unit_test(check::run<an_hour_that_comes_twice>),
      cmocka_unit_test(check::run<years_beyond_the_table>),
      cmocka_unit_test(check::run<names_of_zones>),
      cmocka_unit_test(check::run<the_library_agrees>),
      cmocka_unit_test(check::run<handles_are_read>),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
