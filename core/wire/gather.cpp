#include "core/wire/gather.h"

#include <algorithm>

namespace cachecore_internal {
namespace {

void fail_part(gather &whole, size_t index, cachecore_status status, const cachecore_error *error) noexcept {
  if (whole.worst == CACHECORE_OK || status == CACHECORE_UNCERTAIN) {
    whole.worst = status;
    if (error != nullptr) {
      try {
        auto *kept = whole.memory.allocate_array<cachecore_error>(1);
        *kept = *error;
        whole.worst_error = kept;
      } catch (const std::bad_alloc &) {
        whole.worst_error = nullptr;
      }
    }
  }
  if (whole.how != gather::merge::list) return;
  const std::string_view text = error != nullptr ? error->message : "";
  cachecore_value failed = cachecore_text("out of memory");
  try {
    failed = whole.memory.copy_bytes(text);
  } catch (const std::bad_alloc &) {
    // as it is
  }
  failed.kind = CACHECORE_ERROR;
  failed.reserved = status;
  whole.items[index] = failed;
}

void take_answer(gather &whole, size_t index, const cachecore_value &answer) noexcept {
  const auto list_of = [&]() -> const cachecore_value * {
    return answer.kind == CACHECORE_LIST ? answer.as.list.items : nullptr;
  };
  switch (whole.how) {
    case gather::merge::list:
      whole.items[index] = answer;
      return;
    case gather::merge::sum:
      if (answer.kind == CACHECORE_INT) whole.value.as.integer += answer.as.integer;
      return;
    case gather::merge::agreement:
      if (index == 0 || whole.value.kind == CACHECORE_NIL) whole.value = answer;
      return;
    case gather::merge::by_key: {
      const cachecore_value *items = list_of();
      const size_t first = whole.first_place[index];
      const size_t last = whole.first_place[index + 1];
      for (size_t i = 0; items != nullptr && i < last - first && i < answer.as.list.count; i++) {
        whole.items[whole.places[first + i]] = items[i];
      }
      return;
    }
    case gather::merge::joined:
      whole.items[index] = answer;  // joined at the end
      return;
  }
}

// The lists of `joined`, as one.
void join_lists(gather &whole) noexcept {
  size_t total = 0;
  for (size_t i = 0; i < whole.count; i++) {
    if (whole.items[i].kind == CACHECORE_LIST) total += whole.items[i].as.list.count;
  }
  try {
    auto *joined = whole.memory.allocate_array<cachecore_value>(total);
    cachecore_value *end = joined;
    for (size_t i = 0; i < whole.count; i++) {
      if (whole.items[i].kind == CACHECORE_LIST) {
        end = std::copy_n(whole.items[i].as.list.items, whole.items[i].as.list.count, end);
      }
    }
    whole.value = cachecore_list(joined, total);
  } catch (const std::bad_alloc &) {
    set_wait_error(&whole, CACHECORE_NO_MEMORY, "out of memory");
  }
}

void finish(gather &whole) noexcept {
  whole.status = CACHECORE_OK;
  const bool given_up = whole.owner->given_up != CACHECORE_OK && whole.gave_up;
  if (whole.worst != CACHECORE_OK && (whole.how != gather::merge::list || given_up)) {
    if (whole.some_applied && !given_up) {
      set_wait_error(&whole, CACHECORE_UNCERTAIN,
                     std::string("one part of the change failed after another was applied: ") +
                         (whole.worst_error != nullptr ? whole.worst_error->message : ""));
    } else if (whole.worst_error != nullptr) {
      whole.status = whole.worst;
      whole.error = whole.worst_error;
    } else {
      set_wait_error(&whole, whole.worst, "given up");
    }
  } else if (whole.how == gather::merge::list || whole.how == gather::merge::by_key) {
    whole.value = cachecore_list(whole.items, whole.item_count);
  } else if (whole.how == gather::merge::joined) {
    join_lists(whole);
  }
  end_wait(&whole);
}

void collected(gather &whole) noexcept {
  if (--whole.outstanding == 0) finish(whole);
}

void collect(wait *self) noexcept {
  auto *part = static_cast<request *>(self);
  gather &whole = *part->whole;
  const size_t index = part->part_index;
  whole.parts[index] = nullptr;
  if (part->sent_change) whole.sent_change = true;
  if (part->status == CACHECORE_OK) {
    if (part->changes) whole.some_applied = true;
    take_answer(whole, index, part->value);
  } else {
    fail_part(whole, index, part->status, part->error);
  }
  arena kept;
  kept.begin(part->memory.detach());
  whole.memory.adopt(kept);
  collected(whole);
}

bool give_up_parts(wait *self, cachecore_status reason) noexcept {
  auto &whole = *static_cast<gather *>(self);
  if (whole.gave_up) return false;
  whole.gave_up = true;
  whole.outstanding++;  // until all have been looked at
  for (size_t i = 0; i < whole.count; i++) {
    request *part = whole.parts[i];
    if (part == nullptr) continue;
    cachecore_status status = reason;
    const bool changes = part->changes;
    if (!abandon_part(part, reason, &status)) continue;  // its answer is on its way
    whole.parts[i] = nullptr;
    if (whole.worst == CACHECORE_OK || (changes && status == CACHECORE_UNCERTAIN)) whole.worst = status;
    whole.outstanding--;
  }
  collected(whole);
  return true;
}

}  // namespace

gather *begin_gather(invocation &owner, size_t count, gather::merge how, cachecore_continuation then, void *state) {
  auto *whole = make_wait<gather>();
  try {
    whole->parts = static_cast<request **>(whole->memory.allocate(count * sizeof(void *)));
    std::fill_n(whole->parts, count, nullptr);
    if (how == gather::merge::list || how == gather::merge::joined) {
      whole->items = whole->memory.allocate_array<cachecore_value>(count);
      std::fill_n(whole->items, count, cachecore_nil());
      whole->item_count = count;
    }
  } catch (...) {
    destroy_wait(whole);
    throw;
  }
  whole->count = whole->outstanding = count;
  whole->how = how;
  whole->then = then;
  whole->state = state;
  whole->abandon_parts = give_up_parts;
  if (how == gather::merge::sum) whole->value = cachecore_int(0);
  return begin_wait(owner, whole) ? whole : nullptr;
}

void add_part(gather &whole, size_t index, request *part) noexcept {
  part->whole = &whole;
  part->part_index = static_cast<uint32_t>(index);
  part->collect = collect;
  whole.parts[index] = part;
  stage_part(*whole.owner, part);
}

void add_failed_part(gather &whole, size_t index, cachecore_status status, std::string_view why) noexcept {
  cachecore_error error;
  set_error(&error, status, why);
  fail_part(whole, index, status, &error);
  collected(whole);
}

}  // namespace cachecore_internal
