// gather.h: one wait made of several requests.
//
// In a cluster a pipeline, a command to every node and a command whose keys are in several slots become requests of
// their own, each with its own node, redirections and retries. The invocation sees one wait: it ends when the last part
// has, with an answer put together from theirs. Giving up gives up the parts; what they can truthfully say decides what
// the whole says.
//
// Thread rule: the executor of the invocation. Invariants: a part is in no list of the invocation; a collected one's
// memory is the gather's, or its lane's when it was given up.
#pragma once

#include "core/wire/request.h"

namespace cachecore_internal {

struct gather final : wait {
  enum class merge : uint8_t {
    list,       // the replies in order, failed ones as ERROR
    sum,        // of INTs
    agreement,  // all OK: the first one's reply
    by_key,     // LISTs whose items belong where `places` says
    joined      // LISTs, one behind the other
  };

  merge how = merge::list;
  size_t count = 0;
  size_t outstanding = 0;
  request **parts = nullptr;  // null: collected
  cachecore_value *items = nullptr;
  size_t item_count = 0;
  uint32_t *places = nullptr;             // by_key: for each part its places in `items`, one part behind the other
  size_t *first_place = nullptr;          // by_key: where a part's begin
  cachecore_status worst = CACHECORE_OK;  // of those that failed, UNCERTAIN before all others
  cachecore_error *worst_error = nullptr;
  bool some_applied = false;  // a part that changes data succeeded
  bool gave_up = false;
};

// Makes one of `count` parts and registers it. Null when the invocation was given up: it has ended then. Throws
// std::bad_alloc.
gather *begin_gather(invocation &owner, size_t count, gather::merge how, cachecore_continuation then, void *state);

// Adds a part made by make_request-like code; it is staged with the others of this step.
void add_part(gather &whole, size_t index, request *part) noexcept;

// A part that cannot be sent: it fails with this.
void add_failed_part(gather &whole, size_t index, cachecore_status status, std::string_view why) noexcept;

}  // namespace cachecore_internal
