// execution.h: one call from its start to its end.
//
// Every call is submitted and waited for, so that Ctrl-C cancels a slow one as it ends a stream: the method learns of
// it and gives back what it was granted. A second Ctrl-C ends the program at once.
//
// Thread rule: main thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "core_handle.h"
#include "output.h"

namespace cachectl {

struct call_settings {
  int64_t timeout_ms = 0;  // as in cachecore_submit
  bool streaming = false;
  int64_t most_items = 0;  // of a stream: cancelled after so many; 0: no end
};

struct answer_receiver {
  std::function<void(const cachecore_value &)> answer;  // the answer, or each item of a stream
  std::function<void(int64_t)> lost;                    // so many items of a stream were lost here
  std::function<void()> caught_up;                      // nothing more has come yet
};

// Returns OK or NOT_FOUND; throws a failure, or an interruption once the call has ended. A stream also ends by an
// interruption when the reader of `out` has gone.
cachecore_status run_call(cachecore *core, const cachecore_method *method, std::span<const cachecore_value> args,
                          const call_settings &settings, const output &out, const answer_receiver &receiver);

}  // namespace cachectl
