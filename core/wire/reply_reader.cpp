#include "core/wire/reply_reader.h"

#include <hiredis/hiredis.h>

#include <cstring>
#include <new>

namespace cachecore_internal {

struct reply_builder {
  using target = reply_reader::target;

  static cachecore_value *slot(const redisReadTask *task) noexcept {
    if (task->parent == nullptr) return static_cast<target *>(task->privdata)->out;
    auto *list = static_cast<cachecore_value *>(task->parent->obj);
    return const_cast<cachecore_value *>(list->as.list.items) + task->idx;
  }

  static void *string(const redisReadTask *task, char *text, size_t size) noexcept {
    try {
      cachecore_value *out = slot(task);
      *out = static_cast<target *>(task->privdata)->memory->copy_bytes(std::string_view(text, size));
      if (task->type == REDIS_REPLY_ERROR) {
        out->kind = CACHECORE_ERROR;
        out->reserved = status_of_reply(std::string_view(text, size));
      }
      return out;
    } catch (const std::bad_alloc &) {
      return nullptr;
    }
  }

  template <class Count>
  static void *array(const redisReadTask *task, Count count) noexcept {
    try {
      cachecore_value *out = slot(task);
      const auto size = static_cast<size_t>(count);
      auto *items = static_cast<target *>(task->privdata)->memory->template allocate_array<cachecore_value>(size);
      // Written as they come, and looked at when all have: a count that the server only claims costs no pages.
      *out = cachecore_list(items, size);
      return out;
    } catch (const std::bad_alloc &) {
      return nullptr;
    }
  }

  static void *integer(const redisReadTask *task, long long number) noexcept {
    cachecore_value *out = slot(task);
    *out = cachecore_int(number);
    return out;
  }

  static void *nil(const redisReadTask *task) noexcept {
    cachecore_value *out = slot(task);
    *out = cachecore_nil();
    return out;
  }

  static void *real(const redisReadTask *task, double number, char *, size_t) noexcept {
    cachecore_value *out = slot(task);
    *out = cachecore_double(number);
    return out;
  }

  static void *truth(const redisReadTask *task, int number) noexcept {
    cachecore_value *out = slot(task);
    *out = cachecore_bool(number);
    return out;
  }

  static void free(void *) noexcept {}  // the arena goes as a whole

  template <class Count>
  static void set_array(redisReplyObjectFunctions &functions,
                        void *(*redisReplyObjectFunctions::*member)(const redisReadTask *, Count)) {
    functions.*member = array<Count>;
  }

  // Members that only hiredis 1.x has.
  template <class Functions>
  static void set_newer(Functions &functions) {
    if constexpr (requires { functions.createDouble; }) functions.createDouble = real;
    if constexpr (requires { functions.createBool; }) functions.createBool = truth;
  }

  static redisReplyObjectFunctions *functions() noexcept {
    static redisReplyObjectFunctions table = [] {
      redisReplyObjectFunctions made{};
      made.createString = string;
      set_array(made, &redisReplyObjectFunctions::createArray);
      made.createInteger = integer;
      made.createNil = nil;
      made.freeObject = free;
      set_newer(made);
      return made;
    }();
    return &table;
  }
};

reply_reader::reply_reader() : reader_(redisReaderCreateWithFunctions(reply_builder::functions())) {
  if (reader_ == nullptr) throw std::bad_alloc();
  reader_->privdata = &target_;
}

reply_reader::~reply_reader() { redisReaderFree(reader_); }

bool reply_reader::feed(const char *data, size_t size) noexcept {
  return redisReaderFeed(reader_, data, size) == REDIS_OK;
}

reply_reader::outcome reply_reader::next(arena &memory, cachecore_value &out) noexcept {
  target_.memory = &memory;
  target_.out = &out;
  void *reply = nullptr;
  if (redisReaderGetReply(reader_, &reply) != REDIS_OK) return outcome::failed;
  return reply == nullptr ? outcome::incomplete : outcome::complete;
}

std::string_view code_of_reply(std::string_view message) noexcept {
  const size_t end = message.find_first_of(" \r\n");
  const std::string_view word = message.substr(0, end);
  for (const char c : word) {
    if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return {};
  }
  return word;
}

cachecore_status status_of_reply(std::string_view message) noexcept {
  const std::string_view code = code_of_reply(message);
  if (code == "NOAUTH" || code == "WRONGPASS" || code == "NOPERM") return CACHECORE_DENIED;
  return CACHECORE_REJECTED;
}

}  // namespace cachecore_internal
