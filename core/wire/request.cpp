#include "core/wire/request.h"

#include "core/runtime/engine.h"
#include "core/topology/router.h"
#include "core/wire/lane.h"
#include "core/wire/reply_reader.h"
#include "core/wire/waiting_room.h"

namespace cachecore_internal {
namespace {

std::string_view text_of(const cachecore_value &value) noexcept { return {value.as.bytes.data, value.as.bytes.size}; }

void fail_with_reply(request &failed, const cachecore_value &reply) noexcept {
  set_wait_error(&failed, reply.reserved, text_of(reply), code_of_reply(text_of(reply)));
}

}  // namespace

bool request::take_reply() noexcept {
  cachecore_value &reply = target();
  seen++;
  if (seen <= preface) return false;
  if (form == shape::transaction && seen < expected) {
    // +OK of MULTI, then QUEUED for each command; an error here makes EXEC abort, and says why.
    if (reply.kind == CACHECORE_ERROR && first_error == nullptr) {
      try {
        auto *kept = memory.allocate_array<cachecore_value>(1);
        *kept = reply;
        first_error = kept;
      } catch (const std::bad_alloc &) {
        // EXEC's own error will have to do.
      }
    }
    return false;
  }
  if (seen < expected) return false;
  status = CACHECORE_OK;
  if (form == shape::list) {
    value = cachecore_list(items, expected - preface);
  } else if (value.kind == CACHECORE_ERROR) {
    fail_with_reply(*this, first_error != nullptr ? *first_error : value);
  }
  return true;
}

void stage_request(invocation &owner, request *staged) noexcept {
  if (begin_wait(owner, staged)) stage_part(owner, staged);
}

void stage_part(invocation &owner, request *staged) noexcept {
  staged->owner = &owner;
  staged->next_request = nullptr;
  *owner.staged_tail = staged;
  owner.staged_tail = &staged->next_request;
}

void release_requests(invocation &owner) noexcept {
  request *first = owner.staged;
  if (first == nullptr) return;
  owner.staged = nullptr;
  owner.staged_tail = &owner.staged;
  owner.eng->routes().add(owner, first);
}

void drop_unreleased_requests(invocation &owner) noexcept {
  // They stay pending waits without a service: whoever abandons them has the last word on them.
  owner.staged = nullptr;
  owner.staged_tail = &owner.staged;
}

cachecore_status withdraw_request(wait *self, cachecore_status reason) noexcept {
  auto *given_up = static_cast<request *>(self);
  waiting_room *room = given_up->room.load(std::memory_order_acquire);
  if (room != nullptr && room->withdraw(given_up)) {
    given_up->phase.store(wait::ended, std::memory_order_release);
    return given_up->lost_change && reason != CACHECORE_CLOSED ? CACHECORE_UNCERTAIN : reason;
  }
  lane *line = given_up->line.load(std::memory_order_acquire);
  if (line == nullptr) {
    // Begun in a step that was given up before its end: nobody has seen it. Else the room is ending it.
    if (room == nullptr) given_up->phase.store(wait::ended, std::memory_order_release);
    return reason;
  }
  return line->withdraw(given_up, reason);
}

void end_unsent_request(request *ended, cachecore_status status, std::string_view why) noexcept {
  const bool uncertain = ended->lost_change && status != CACHECORE_CLOSED;
  set_wait_error(ended, uncertain ? CACHECORE_UNCERTAIN : status, why);
  if (uncertain) ended->sent_change = true;
  end_wait(ended);
}

void renew_request(request &again) noexcept {
  again.seen = 0;
  again.attempts = again.refused = 0;
  again.status = CACHECORE_OK;
  again.error = nullptr;
  again.first_error = nullptr;
  again.in_place.store(request::not_in_place, std::memory_order_relaxed);
  again.sent_change = false;
  again.next_request = nullptr;
  again.line.store(nullptr, std::memory_order_relaxed);
  again.room.store(nullptr, std::memory_order_relaxed);
  again.phase.store(wait::pending, std::memory_order_release);
}

}  // namespace cachecore_internal
