#include "core/plugins/cluster_split.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "core/failure.h"
#include "core/wire/command_table.h"

namespace cachecore_internal {
namespace {

struct splittable {
  std::string_view name;
  gather::merge how;
  size_t step;  // words a key
};

constexpr splittable can_be_split[] = {{"mget", gather::merge::by_key, 1}, {"del", gather::merge::sum, 1},
                                       {"unlink", gather::merge::sum, 1},  {"exists", gather::merge::sum, 1},
                                       {"touch", gather::merge::sum, 1},   {"mset", gather::merge::agreement, 2}};

std::string quoted_key(std::string_view key) { return '"' + std::string(key.substr(0, 64)) + '"'; }

}  // namespace

int32_t slot_of_command(std::span<const std::string_view> words) {
  const key_positions keys = find_keys(words);
  int32_t slot = request::any_slot;
  std::string_view first;
  for (uint32_t i = 0; i < keys.range_count; i++) {
    for (uint32_t k = 0; k < keys.ranges[i].count; k++) {
      const std::string_view key = words[keys.ranges[i].first + k * keys.ranges[i].step];
      const int32_t here = key_slot(key);
      if (slot == request::any_slot) {
        slot = here;
        first = key;
      } else if (slot != here) {
        throw failure(CACHECORE_INVALID_ARGUMENT,
                      std::string(words[0]) + ": keys " + quoted_key(first) + " and " + quoted_key(key) +
                          " are in different slots of the cluster: give them a common {tag}, or send a command each");
      }
    }
  }
  return slot;
}

int32_t same_slot(int32_t one, int32_t other, const char *what) {
  if (one == request::any_slot || one == other) return other;
  if (other == request::any_slot) return one;
  throw failure(CACHECORE_INVALID_ARGUMENT, std::string(what) + ": its keys are in different slots of the cluster (" +
                                                std::to_string(one) + " and " + std::to_string(other) +
                                                "): give them a common {tag}");
}

std::optional<gather::merge> merge_of_all_nodes(std::span<const std::string_view> words) noexcept {
  const classified_command is = classify_command(words);
  if (is.info == nullptr) return std::nullopt;
  const std::string_view name = is.info->name;
  if (name == "dbsize") return gather::merge::sum;
  if (name == "flushdb" || name == "flushall" || name == "script|load" || name == "script|flush") {
    return gather::merge::agreement;
  }
  if (name == "keys") return gather::merge::joined;
  return std::nullopt;
}

std::optional<split_command> split_by_slot(std::span<const std::string_view> words) {
  if (words.size() < 3) return std::nullopt;
  const command_info *command = find_command(words[0]);
  if (command == nullptr) return std::nullopt;
  const auto *found = std::find_if(std::begin(can_be_split), std::end(can_be_split),
                                   [&](const splittable &each) { return each.name == command->name; });
  if (found == std::end(can_be_split) || (words.size() - 1) % found->step != 0) return std::nullopt;
  split_command out;
  out.how = found->how;
  std::unordered_map<int32_t, size_t> part_of_slot;
  for (size_t at = 1; at < words.size(); at += found->step) {
    const int32_t slot = key_slot(words[at]);
    const auto [place, fresh] = part_of_slot.emplace(slot, out.parts.size());
    if (fresh) out.parts.push_back({slot, {}, {}});
    slot_part &part = out.parts[place->second];
    for (size_t k = 0; k < found->step; k++) part.words.push_back(static_cast<uint32_t>(at + k));
    part.places.push_back(static_cast<uint32_t>(out.keys++));
  }
  if (out.parts.size() < 2) return std::nullopt;
  return out;
}

}  // namespace cachecore_internal
