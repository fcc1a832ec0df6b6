// history.h: what processes saw of a lock, and whether it can have been one.
//
// A record is one grant. What is certain of it is the time from an answer of the server that it is held (`from`) to the
// earlier of the release's beginning and the lease's end, the lease counted from before that request was sent
// (`until`): the holder may think so, whatever happens to it. Before `from` it was held as well, but nobody knows since
// when: a grant may be heard of late. All times are of one machine's clock.
//
// What must hold:
//   1. Certain times of holders that exclude each other do not meet; those of a semaphore meet in no greater number
//   than
//      its permits.
//   2. No two grants have one fence, but for those of one owner (not used here).
//   3. Who was granted before another asked has the lower fence; so has, of two that exclude each other, who held
//   first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lock_test {

struct record {
  int64_t asked = 0;
  int64_t from = 0;
  int64_t until = 0;
  int64_t fence = 0;
  int64_t permits = 0;  // of a semaphore
  int32_t process = 0;
  int32_t lock = 0;  // which lock
  char mode = 'x';
};

// What is wrong with the records of one lock; "" when nothing is.
std::string fault_of(std::vector<record> records);

}  // namespace lock_test
