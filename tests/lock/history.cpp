#include "history.h"

#include <algorithm>

namespace lock_test {

namespace {

std::string show(const record &each) {
  return std::string(1, each.mode) + " of process " + std::to_string(each.process) + ", asked " +
         std::to_string(each.asked) + ", held " + std::to_string(each.from) + " to " + std::to_string(each.until) +
         ", fence " + std::to_string(each.fence);
}

bool exclude(const record &a, const record &b) { return a.mode == 'x' || b.mode == 'x' || a.mode != b.mode; }

std::string meeting(const std::vector<record> &by_from) {
  std::vector<record> inside;
  for (const record &next : by_from) {
    std::erase_if(inside, [&](const record &each) { return each.until <= next.from; });
    for (const record &each : inside) {
      if (exclude(each, next)) return "both hold it: " + show(each) + "; " + show(next);
    }
    inside.push_back(next);
    if (next.mode == 's' && static_cast<int64_t>(inside.size()) > next.permits) {
      return std::to_string(inside.size()) + " permits are taken: " + show(next);
    }
  }
  return "";
}

std::string falling(const std::vector<record> &by_from) {
  // The highest fence of each mode so far.
  record exclusive;
  record others;
  for (const record &next : by_from) {
    const record &before = next.mode == 'x' && others.fence > exclusive.fence ? others : exclusive;
    if (next.fence < before.fence) return "who held later has the lower fence: " + show(before) + "; " + show(next);
    record &highest = next.mode == 'x' ? exclusive : others;
    if (next.fence > highest.fence) highest = next;
  }
  return "";
}

std::string overtaking(const std::vector<record> &by_from) {
  std::vector<record> by_asked = by_from;
  std::sort(by_asked.begin(), by_asked.end(), [](const record &a, const record &b) { return a.asked < b.asked; });
  record highest;
  size_t granted = 0;
  for (const record &next : by_asked) {
    for (; granted < by_from.size() && by_from[granted].from < next.asked; granted++) {
      if (by_from[granted].fence > highest.fence) highest = by_from[granted];
    }
    if (next.fence < highest.fence) return "who asked later has the lower fence: " + show(highest) + "; " + show(next);
  }
  return "";
}

}  // namespace

std::string fault_of(std::vector<record> records) {
  std::sort(records.begin(), records.end(), [](const record &a, const record &b) { return a.fence < b.fence; });
  for (size_t i = 0; i + 1 < records.size(); i++) {
    if (records[i].fence == records[i + 1].fence) return "one fence: " + show(records[i]) + "; " + show(records[i + 1]);
  }
  std::sort(records.begin(), records.end(), [](const record &a, const record &b) { return a.from < b.from; });
  // What was over before it was known is certain of nothing, but its fence counts.
  std::vector<record> certain = records;
  std::erase_if(certain, [](const record &each) { return each.until <= each.from; });
  for (std::string fault : {meeting(certain), falling(certain), overtaking(records)}) {
    if (!fault.empty()) return fault;
  }
  return "";
}

}  // namespace lock_test
