// The texts of the plugin lock: handles that callers give, ids of fences that the server gives, and what comes over the
// process' channel. Whatever parses says again what it was; the state that is restored has the size that was announced.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/lock/handle.h"

namespace {

using namespace lock_plugin;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_fence(const fence_id &id) {
  check(id.ms >= 0 && id.order >= 0);
  if (!id.fits()) return;
  const auto again = parse_fence(write_fence(id.number()));
  check(again && again->ms == id.ms && again->order == id.order);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  if (const auto known = parse_handle(text)) {
    const std::string again =
        std::string(1, static_cast<char>(known->how)).append(known->id.view()).append(known->name);
    check(again == text && !known->name.empty());
    std::vector<char> state(simple_state_size(text) + 1, '\x7E');
    write_simple_state(known->id, text, state.data());
    check(state.back() == '\x7E');
  }
  if (const auto fence = parse_fence(text)) check_fence(*fence);
  if (const auto heard = parse_announcement(text)) {
    check(heard->kind == text.front() && heard->id.view() == text.substr(1, token::size));
    if (heard->kind == 'g') check_fence(heard->fence);
  }
  return 0;
}
