#include "tests/faults/line_faults.h"

#include <cstring>

namespace faults_test {
namespace {

test_faults only(const std::function<void(test_faults &)> &set) {
  test_faults out;
  std::memset(&out, 0, sizeof(out));
  set(out);
  return out;
}

test_faults cut_after(int64_t bytes, bool resets = false) {
  return only([&](test_faults &f) {
    f.cut = 1;
    f.cut_after = bytes;
    f.cut_resets = resets ? 1 : 0;
  });
}

}  // namespace

// Both directions have their own way to go wrong.
std::vector<line_fault> line_faults(int64_t greeting) {
  const auto in = [](test_direction direction, const test_faults &set) {
    return [direction, set](test_proxy *proxy) { test_proxy_set(proxy, direction, &set); };
  };
  const test_faults delay = only([](test_faults &f) { f.delay_ms = 20; });
  const test_faults swallow = only([](test_faults &f) { f.swallow = 1; });
  const test_faults drip = only([](test_faults &f) { f.drip_ms = 1; });
  const test_faults garbage = only([](test_faults &f) { f.garbage = 1; });
  const auto half_open = [](test_proxy *proxy) { test_proxy_half_open(proxy, 1); };
  const auto hang_up = [](test_proxy *proxy) {
    test_proxy_hang_up(proxy, 1);
    test_proxy_disconnect(proxy);
  };
  return {
      {"delayed replies", in(TEST_TO_CLIENT, delay)},
      {"delayed requests", in(TEST_TO_SERVER, delay)},
      {"replies vanish", in(TEST_TO_CLIENT, swallow)},
      {"requests vanish", in(TEST_TO_SERVER, swallow)},
      {"cut within a reply", in(TEST_TO_CLIENT, cut_after(5))},
      {"cut within a request", in(TEST_TO_SERVER, cut_after(5))},
      {"reset within a reply", in(TEST_TO_CLIENT, cut_after(5, true))},
      {"reset within a request", in(TEST_TO_SERVER, cut_after(5, true))},
      {"closed at the first byte", in(TEST_TO_SERVER, cut_after(0))},
      {"garbage for replies", in(TEST_TO_CLIENT, garbage)},
      {"garbage for requests", in(TEST_TO_SERVER, garbage), false, true},
      {"replies drip", in(TEST_TO_CLIENT, drip)},
      {"requests drip", in(TEST_TO_SERVER, drip)},
      {"half open", half_open},
      {"connections refused",
       [](test_proxy *proxy) {
         test_proxy_refuse(proxy, 1);
         test_proxy_disconnect(proxy);
       }},
      {"connections reset", [](test_proxy *proxy) { test_proxy_reset(proxy); }},
      {"closed at once after accept", hang_up},
      // What a core meets that has not met the server before.
      {"accepts and never answers", half_open, true},
      {"closes a fresh core's connections at once", hang_up, true},
      {"garbage for a fresh core's requests", in(TEST_TO_SERVER, garbage), true, true},
      // Every connection can be made and is lost with its first request's reply: that is how a read is repeated.
      {"cut within the first reply after the greeting", in(TEST_TO_CLIENT, cut_after(greeting + 1)), true, false,
       2'000},
  };
}

}  // namespace faults_test
