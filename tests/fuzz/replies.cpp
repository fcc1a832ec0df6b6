// Any bytes as what a server sends: the same replies, up to the same protocol error, however the bytes are cut.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>

#include "core/wire/reply_reader.h"

namespace {

using cachecore_internal::arena;
using cachecore_internal::reply_reader;

void check(bool holds) {
  if (!holds) std::abort();
}

struct reply {
  arena memory;
  cachecore_value value{};
};

struct conversation {
  std::deque<reply> replies;  // the last one is incomplete
  bool failed = false;
};

// A reply that spans feeds is given the same arena and value again.
void read(conversation &heard, reply_reader &reader, const char *data, size_t size) {
  if (heard.failed) return;
  check(reader.feed(data, size));
  for (;;) {
    const reply_reader::outcome outcome = reader.next(heard.replies.back().memory, heard.replies.back().value);
    if (outcome == reply_reader::outcome::complete) {
      heard.replies.emplace_back();
      continue;
    }
    heard.failed = outcome == reply_reader::outcome::failed;
    if (heard.failed) check(!reader.problem().empty());
    return;
  }
}

void hear(conversation &heard, const char *data, size_t size, size_t step) {
  reply_reader reader;
  heard.replies.emplace_back();
  for (size_t at = 0; at < size; at += step) read(heard, reader, data + at, std::min(step, size - at));
}

bool same(const cachecore_value &one, const cachecore_value &other) {
  if (one.kind != other.kind || one.reserved != other.reserved) return false;
  switch (one.kind) {
    case CACHECORE_NIL:
      return true;
    case CACHECORE_BOOL:
    case CACHECORE_INT:
      return one.as.integer == other.as.integer;
    case CACHECORE_DOUBLE:
      return std::bit_cast<uint64_t>(one.as.real) == std::bit_cast<uint64_t>(other.as.real);
    case CACHECORE_BYTES:
    case CACHECORE_ERROR:
      check(one.as.bytes.data[one.as.bytes.size] == '\0');
      return one.as.bytes.size == other.as.bytes.size &&
             std::memcmp(one.as.bytes.data, other.as.bytes.data, one.as.bytes.size) == 0;
    case CACHECORE_LIST:
      return one.as.list.count == other.as.list.count &&
             std::equal(one.as.list.items, one.as.list.items + one.as.list.count, other.as.list.items, same);
    default:
      return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *bytes = reinterpret_cast<const char *>(data);
  conversation whole;
  hear(whole, bytes, size, std::max<size_t>(size, 1));
  for (const size_t step : {size_t{1}, size_t{7}}) {
    conversation cut;
    hear(cut, bytes, size, step);
    check(cut.failed == whole.failed && cut.replies.size() == whole.replies.size());
    for (size_t i = 0; i + 1 < whole.replies.size(); i++) check(same(whole.replies[i].value, cut.replies[i].value));
  }
  return 0;
}
