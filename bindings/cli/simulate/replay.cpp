// replay.cpp: counting hits.
#include "replay.h"

namespace simulate {

namespace {

double part_of(uint64_t part, uint64_t whole) noexcept {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double outcome::hit_ratio() const noexcept { return part_of(hits, requests); }

double outcome::byte_hit_ratio() const noexcept { return part_of(hit_bytes, bytes); }

std::vector<outcome> replay(trace &requests, const std::vector<const known_policy *> &policies,
                            const std::vector<capacity> &capacities) {
  std::vector<outcome> out;
  std::vector<std::unique_ptr<policy>> caches;
  for (const known_policy *known : policies) {
    for (const capacity &each : capacities) {
      out.push_back({.policy = known->name, .capacity = each.size});
      caches.push_back(known->make(each));
    }
  }
  uint64_t count = 0;
  uint64_t bytes = 0;
  for (request asked; requests.next(asked);) {
    count++;
    bytes += asked.size;
    for (size_t i = 0; i < caches.size(); i++) {
      if (!caches[i]->request(asked.id, asked.size)) continue;
      out[i].hits++;
      out[i].hit_bytes += asked.size;
    }
  }
  for (outcome &each : out) {
    each.requests = count;
    each.bytes = bytes;
  }
  return out;
}

}  // namespace simulate
