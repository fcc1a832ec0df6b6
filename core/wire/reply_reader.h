// reply_reader.h: hiredis' redisReader, building value trees in an arena instead of objects of its own.
//
// feed() takes the bytes as they come; next() completes one reply at a time into the arena and value it is given. A
// reply may span many feeds: then the same arena and value must be given again. Works with hiredis 0.14 (which nests 7
// deep at most) and 1.x.
//
// Thread rule: one thread at a time. Invariant: after a protocol error nothing more is read.
#pragma once

#include <cachecore/error.h>
#include <hiredis/read.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "core/runtime/arena.h"

namespace cachecore_internal {

class reply_reader {
 public:
  enum class outcome { complete, incomplete, failed };

  reply_reader();
  ~reply_reader();
  reply_reader(const reply_reader &) = delete;
  reply_reader &operator=(const reply_reader &) = delete;

  // False when memory is short or the protocol was already violated.
  bool feed(const char *data, size_t size) noexcept;
  outcome next(arena &memory, cachecore_value &out) noexcept;
  // Bytes that were fed and belong to no reply yet.
  [[nodiscard]] bool has_unread() const noexcept { return reader_->pos < reader_->len || reader_->ridx >= 0; }
  // What was wrong, after `failed`.
  [[nodiscard]] std::string problem() const { return reader_->errstr; }

 private:
  struct target {
    arena *memory = nullptr;
    cachecore_value *out = nullptr;
  };
  friend struct reply_builder;

  redisReader *reader_;
  target target_;
};

// The status of a server's error reply, by its first word.
cachecore_status status_of_reply(std::string_view message) noexcept;
// Its first word ("WRONGTYPE").
std::string_view code_of_reply(std::string_view message) noexcept;

}  // namespace cachecore_internal
