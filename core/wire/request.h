// request.h: commands on their way through a lane, and the reply on its way back.
//
// A request stands in its own memory with its encoded bytes and, later, its reply. It is a wait (see invocation.h): the
// lane ends it. From release until its last reply was read, failed or withdrawn it is in exactly one list of one lane;
// a request that was given up stays there, so that replies keep their order and a late one is discarded with it.
#pragma once

#include "core/runtime/invocation.h"

namespace cachecore_internal {

class lane;

struct request final : wait {
  enum class shape : uint8_t { single, list, transaction };

  request *next_request = nullptr;
  lane *reserved = nullptr;  // the lane of the lease it belongs to
  waiter *caller = nullptr;  // the blocking caller it runs for, a candidate reader of its lane
  const char *data = nullptr;
  size_t size = 0;
  shape form = shape::single;
  bool changes = true;      // changes data: never sent twice, UNCERTAIN when its reply is lost
  bool repeatable = false;  // may be sent again: it changes nothing, or is idempotent
  bool isolated = false;    // kept off the shared lanes
  bool blocks = false;      // may be answered late on purpose
  uint8_t attempts = 0;     // times it was sent and its connection was lost
  uint8_t refused = 0;      // times no connection could be made for it
  uint32_t expected = 1;    // replies
  uint32_t seen = 0;
  cachecore_value *items = nullptr;  // of a list
  cachecore_value scratch{};         // of a transaction: replies before the last
  const cachecore_value *first_error = nullptr;

  // EVALSHA: what is needed to send the script itself when the server does not know it.
  const cachecore_script *script = nullptr;
  size_t script_tail = 0;  // where the words after the digest begin in `data`
  uint32_t script_words = 0;

  // The value the next reply is to be decoded into.
  cachecore_value &target() noexcept {
    switch (form) {
      case shape::list:
        return items[seen];
      case shape::transaction:
        return seen + 1 == expected ? value : scratch;
      default:
        return value;
    }
  }

  // Takes the reply that was decoded into target(); true when it was the last one: status, value and error are set.
  bool take_reply() noexcept;
};

// Gives what the invocation began in this step to the lanes.
void release_requests(invocation &owner) noexcept;
// Ends what it began and nobody has seen: it was given up within the step.
void drop_unreleased_requests(invocation &owner) noexcept;
// Adds a request to the step. Registers it as a wait.
void stage_request(invocation &owner, request *staged) noexcept;

}  // namespace cachecore_internal
