// plain.h: plain lists, as other programs use them for queues: RPUSH at one end, LPOP at the other.
//
// A plain list knows no leases, so what is popped must not get lost on its way to a caller who has gone. So only
// background coroutines pop, and hand the value to a call that waits: one of two lines for each list, of those that
// want a look, and of those that wait until something comes. A value for which nobody is left goes back to the head of
// the list. Waiting is a BLMOVE of the list's head onto itself: a look that blocks, and takes nothing.
//
// Thread rule: everything is guarded by `mutex`.
#pragma once

#include <cachecore/plugin.hpp>

#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace queue_plugin {

using namespace cachecore::plugin;

struct plain_line {
  explicit plain_line(std::string_view named) : name(named) {}

  const std::string name;
  parking_lot<> looking;
  parking_lot<> waiting;
  bool looks = false;                                      // a coroutine looks for those who look
  bool blocks = false;                                     // one blocks for those who wait
  int64_t deadline = std::numeric_limits<int64_t>::max();  // the earliest of those who wait
};

struct plain_lines {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<plain_line>, std::less<>> by_name;
  std::deque<plain_line *> to_look;  // for which a coroutine was started
  std::deque<plain_line *> to_block;
  int64_t alarm = std::numeric_limits<int64_t>::max();  // when the sleeper for deadlines wakes

  // With the mutex held.
  plain_line &get(std::string_view name) {
    const auto found = by_name.find(name);
    if (found != by_name.end()) return *found->second;
    return *by_name.emplace(std::string(name), std::make_unique<plain_line>(name)).first->second;
  }
};

}  // namespace queue_plugin
