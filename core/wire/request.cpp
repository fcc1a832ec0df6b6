#include "core/wire/request.h"

#include "core/runtime/engine.h"
#include "core/wire/node.h"
#include "core/wire/reply_reader.h"

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
    value = cachecore_list(items, expected);
  } else if (value.kind == CACHECORE_ERROR) {
    fail_with_reply(*this, first_error != nullptr ? *first_error : value);
  }
  return true;
}

void stage_request(invocation &owner, request *staged) noexcept {
  if (!begin_wait(owner, staged)) return;
  staged->next_request = nullptr;
  *owner.staged_tail = staged;
  owner.staged_tail = &staged->next_request;
}

void release_requests(invocation &owner) noexcept {
  request *first = owner.staged;
  if (first == nullptr) return;
  owner.staged = nullptr;
  owner.staged_tail = &owner.staged;
  owner.eng->server().add(owner, first);
}

void drop_unreleased_requests(invocation &owner) noexcept {
  // They stay pending waits without a service: whoever abandons them has the last word on them.
  owner.staged = nullptr;
  owner.staged_tail = &owner.staged;
}

}  // namespace cachecore_internal
