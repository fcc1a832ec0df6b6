// cluster_split.h: commands that concern several slots of a cluster.
//
// A command's keys must be in one slot, since one node executes it. What can be cut into commands of one slot each
// without changing its answer is cut (MGET, DEL, UNLINK, EXISTS, TOUCH, and MSET, which then is no longer one step);
// what concerns every node is asked of every master (DBSIZE, FLUSHDB, FLUSHALL, KEYS, SCRIPT LOAD and FLUSH). The rest
// is refused with both keys named.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/wire/gather.h"

namespace cachecore_internal {

// The slot of a command's keys, request::any_slot when it has none. Throws failure(INVALID_ARGUMENT) when they are in
// several, naming two of them.
int32_t slot_of_command(std::span<const std::string_view> words);

// Joins the slots of two parts that must go to one node. Throws as above.
int32_t same_slot(int32_t one, int32_t other, const char *what);

// How a command is asked of every master, if it must be.
std::optional<gather::merge> merge_of_all_nodes(std::span<const std::string_view> words) noexcept;

struct slot_part {
  int32_t slot;
  std::vector<uint32_t> words;   // indices of the words it takes over, behind the command's name
  std::vector<uint32_t> places;  // of its keys among all keys
};

struct split_command {
  gather::merge how;
  size_t keys = 0;
  std::vector<slot_part> parts;
};

// The parts of a command that can be cut and must be: its keys are in several slots.
std::optional<split_command> split_by_slot(std::span<const std::string_view> words);

}  // namespace cachecore_internal
