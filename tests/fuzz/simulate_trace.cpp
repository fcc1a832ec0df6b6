// A recorded trace; the first byte chooses its format. Refused with a message that names the place, or read to its end:
// no object without bytes, never more requests than the format has room for, and the same ones when read again.

#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "bindings/cli/simulate/trace.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

struct outcome {
  std::vector<simulate::request> requests;
  std::string refusal;
};

outcome read(const std::string &bytes, simulate::trace_format format) {
  outcome out;
  std::istringstream source(bytes);
  const auto opened = simulate::open_trace(source, format, "fuzzed");
  try {
    for (simulate::request each; opened->next(each);) out.requests.push_back(each);
  } catch (const simulate::trace_error &refused) {
    out.refusal = refused.what();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const auto format = static_cast<simulate::trace_format>(data[0] % 3);
  const std::string bytes(reinterpret_cast<const char *>(data) + 1, size - 1);
  const outcome first = read(bytes, format);
  check(first.refusal.empty() || first.refusal.starts_with("fuzzed, "));
  for (const char each : first.refusal) check(each >= ' ' && each <= '~');
  const size_t least = format == simulate::trace_format::oracle_general ? 24 : 1;
  check(first.requests.size() * least <= bytes.size());
  for (const simulate::request &each : first.requests) check(each.size > 0);
  const outcome second = read(bytes, format);
  check(second.refusal == first.refusal && second.requests.size() == first.requests.size());
  for (size_t i = 0; i < first.requests.size(); i++) check(second.requests[i].id == first.requests[i].id);
  return 0;
}
