// request.h: commands on their way through a lane, and the reply on its way back.
//
// A request stands in its own memory with its encoded bytes and, later, its reply. It is a wait (see invocation.h): the
// lane ends it. From release until its last reply was read, failed or withdrawn it is in exactly one list of one lane;
// a request that was given up stays there, so that replies keep their order and a late one is discarded with it.
#pragma once

#include "core/runtime/invocation.h"

namespace cachecore_internal {

struct gather;
class lane;
class node;
class waiting_room;

struct request final : wait {
  enum class shape : uint8_t { single, list, transaction };

  request *next_request = nullptr;
  lane *reserved = nullptr;                   // the lane of the lease it belongs to
  node *bound = nullptr;                      // the node it must go to
  int32_t slot = any_slot;                    // of its keys: the node that serves it is meant
  std::atomic<waiting_room *> room{nullptr};  // where it waits for a lane to go to
  waiter *caller = nullptr;                   // the blocking caller it runs for, a candidate reader of its lane
  const char *data = nullptr;
  size_t size = 0;
  shape form = shape::single;
  bool lost_change = false;   // its change went out before, on a connection that was lost
  bool changes = true;        // changes data: never sent twice, UNCERTAIN when its reply is lost
  bool repeatable = false;    // may be sent again: it changes nothing, or is idempotent
  bool isolated = false;      // kept off the shared lanes
  bool blocks = false;        // may be answered late on purpose
  bool may_be_stale = false;  // a read that a replica may answer (replica_reads.h)
  bool at_replica = false;    // ... and is asked to: if it cannot, the master is
  uint8_t attempts = 0;       // times it was sent and its connection was lost
  uint8_t refused = 0;        // times no connection could be made for it
  // Whether its bytes are being sent from where they are, and whether the reply came before the last of them was. Then
  // the reader leaves its end to the writer.
  enum in_place_phase : uint8_t { not_in_place, sending_in_place, answered_in_place };
  std::atomic<uint8_t> in_place{not_in_place};
  uint8_t redirects = 0;  // times another node was tried
  uint32_t preface = 0;   // replies before the first that counts
  uint32_t expected = 1;  // replies, with the preface
  uint32_t seen = 0;
  cachecore_value *items = nullptr;  // of a list
  cachecore_value scratch{};         // of a transaction: replies before the last
  const cachecore_value *first_error = nullptr;

  gather *whole = nullptr;  // what it is a part of
  uint32_t part_index = 0;

  // EVALSHA: what is needed to send the script itself when the server does not know it.
  const cachecore_script *script = nullptr;
  size_t script_tail = 0;  // where the words after the digest begin in `data`
  uint32_t script_words = 0;

  static constexpr int32_t any_slot = -1;

  // The value the next reply is to be decoded into.
  cachecore_value &target() noexcept {
    if (seen < preface) return scratch;
    switch (form) {
      case shape::list:
        return items[seen - preface];
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
// The abandon function of every request: takes it back from wherever it is.
cachecore_status withdraw_request(wait *self, cachecore_status reason) noexcept;
// Ends a request that is not on its way: a change that went out before, and may have been applied, is UNCERTAIN.
void end_unsent_request(request *ended, cachecore_status status, std::string_view why) noexcept;
// Makes a request that was answered ready to be sent again, from its executor.
void renew_request(request &again) noexcept;
// Adds a request to the step. Registers it as a wait.
void stage_request(invocation &owner, request *staged) noexcept;
// The same for a part of a wait that is registered.
void stage_part(invocation &owner, request *staged) noexcept;

}  // namespace cachecore_internal
