// How clients that lost the same server at once come back: the waits before their attempts grow and are spread.
//
// The waits are drawn at random, without a seed that a test could set, so the bounds are those no fair draw misses: a
// bucket's share is allowed eight standard deviations.
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "core/wire/node.h"
#include "tests/support/unit.h"

using cachecore_internal::node;

namespace {

constexpr int64_t ns_per_ms = 1'000'000;
constexpr int clients = 500;
constexpr int draws = 10'000;

int64_t ceiling_ms(uint32_t refusals) {
  return std::min<int64_t>(int64_t{20} << std::min<uint32_t>(refusals, 6), 1'000);
}

void waits_stay_below_a_ceiling_that_doubles(void **) {
  for (const uint32_t refusals : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 31U, 64U, UINT32_MAX}) {
    const int64_t ceiling = ceiling_ms(refusals) * ns_per_ms;
    int64_t longest = 0, sum = 0;
    for (int i = 0; i < draws; i++) {
      const int64_t wait = node::backoff_ns(refusals);
      assert_true(wait >= 0 && wait <= ceiling);
      longest = std::max(longest, wait);
      sum += wait;
    }
    // Full jitter: the whole range is used, and its middle is the mean.
    assert_true(longest >= ceiling * 9 / 10);
    assert_true(sum / draws > ceiling * 4 / 10 && sum / draws < ceiling * 6 / 10);
  }
}

// 50 of 500 are to be expected in a tenth of the range, with a deviation of 6.7.
void clients_of_a_restarted_server_are_spread(void **) {
  for (const uint32_t refusals : {3U, 4U, 5U, 6U, 20U}) {
    std::array<int, 10> buckets{};
    const int64_t ceiling = ceiling_ms(refusals) * ns_per_ms;
    for (int i = 0; i < clients; i++) {
      const int64_t bucket = node::backoff_ns(refusals) * 10 / (ceiling + 1);
      buckets[static_cast<size_t>(bucket)]++;
    }
    for (const int each : buckets) assert_in_range(each, 1, 104);
  }
}

// Attempts of 500 clients during an outage, each with its own history: no 20 ms of the last second have a tenth of
// them.
void attempts_of_an_outage_do_not_fall_into_step(void **) {
  constexpr int64_t outage_ms = 10'000;
  std::array<int, 50> buckets{};
  int attempts = 0;
  for (int i = 0; i < clients; i++) {
    uint32_t refusals = 0;
    for (int64_t now = 0; now < outage_ms * ns_per_ms;) {
      now += std::max<int64_t>(node::backoff_ns(++refusals), ns_per_ms);
      const int64_t bucket = (now / ns_per_ms - (outage_ms - 1'000)) / 20;
      if (now / ns_per_ms < outage_ms - 1'000 || bucket >= 50) continue;
      buckets[static_cast<size_t>(bucket)]++;
      attempts++;
    }
  }
  // About two attempts of each client in a second whose waits are half a second on average.
  assert_in_range(attempts, clients, 3 * clients);
  for (const int each : buckets) assert_true(each < attempts / 10);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(waits_stay_below_a_ceiling_that_doubles),
      cmocka_unit_test(clients_of_a_restarted_server_are_spread),
      cmocka_unit_test(attempts_of_an_outage_do_not_fall_into_step),
  };
  return cmocka_run_group_tests_name("backoff", tests, nullptr, nullptr);
}
