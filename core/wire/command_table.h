// command_table.h: what the core must know about a Redis command before it sends it.
//
// A lane carries the commands of many callers on one connection, retries some of them, and later sends each to the
// right node of a cluster. So for every command it must know:
//
//   changes a connection's state   SELECT, MULTI, SUBSCRIBE, CLIENT REPLY ...: would change what others on the lane
//   see. Only in a
//                                  lease; refused elsewhere.
//   may block                      BLPOP, XREAD with BLOCK, WAIT ...: everything behind it on the lane would wait too.
//   Needs an exclusive
//                                  connection. WAIT and WAITAOF also speak of what this connection wrote before.
//   reads only                     may be sent again when its reply was lost, and a deadline that passes means nothing
//   was changed. may be repeated                a change that, done twice, leaves the same data and gives the same
//   reply as done once. runs a script                  what it does is unknown to us: a lane of its own, and never a
//   retry (but EVAL_RO and the like read). where its keys are             the slot of the first one says which node
//   serves it.
//
// The answers come from the reply to COMMAND of a real server, turned into command_table_data.inc by
// generate_command_table.py (which also holds the lists the server has no words for), so looking a command up needs no
// server. A command that is not there is unknown: find_command returns null and the caller must assume that it changes
// data, may not be repeated and may be slow.
//
// Which changes may be repeated is decided narrowly. DEL, SADD or HSET leave the same data but tell how many were new,
// so the reply of the second is wrong. SET with NX, XX or GET answers by what was there. EXPIRE deletes at a time in
// the past. What is left: SET with at most an expiry, SETEX, PSETEX, MSET, HMSET, SCRIPT LOAD. If somebody else wrote
// the key between two tries, the second try wins: as if the caller had been that much slower.
//
// Thread rule: pure functions over constant data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cachecore_internal {

enum command_flag : uint32_t {
  command_read_only = 1,      // changes no data
  command_write = 2,          // the server's word; a command may be neither (EVAL, CONFIG SET)
  command_repeatable = 4,     // all that read, and some changes
  command_may_block = 8,      // waits in the server
  command_stateful = 16,      // changes the connection's state
  command_pub_sub = 32,       // the server's word
  command_script = 64,        // runs a script or function
  command_admin = 128,        // the server's word
  command_dangerous = 256,    // of the ACL category of that name: slow or harmful in production (KEYS, FLUSHALL)
  command_movable_keys = 512  // first_key, last_key and key_step do not tell all keys
};

struct command_info {
  std::string_view name;  // in lower case; of a subcommand "client|reply"
  uint32_t flags;         // of any use of it; see classify_command
  int8_t first_key;       // as COMMAND says: index of the first key, 0 for none ...
  int8_t last_key;        // ... of the last, negative from the end ...
  int8_t key_step;        // ... and from one key to the next
  uint8_t first_spec;     // its key specifications in the data
  uint8_t spec_count;
  bool has_subcommands;
};

// Finds a command by its first words, in any case; null when unknown. A command with subcommands is found also when the
// subcommand is unknown or empty: its flags are those that are safe to assume (a new subcommand of CLIENT may change
// the connection's state).
const command_info *find_command(std::string_view name, std::string_view subcommand = {}) noexcept;

// All commands of the table, for those who list them.
std::span<const command_info> all_commands() noexcept;

// A command as it is about to be sent.
struct classified_command {
  const command_info *info;  // null: unknown
  uint32_t
      flags;  // of this use: XREAD blocks only with BLOCK, SORT without STORE reads, SET with NX may not be repeated
};

classified_command classify_command(std::span<const std::string_view> words) noexcept;

// Keys at first, first + step, ...
struct key_range {
  uint32_t first;
  uint32_t count;
  uint32_t step;
};

struct key_positions {
  std::array<key_range, 3> ranges{};
  uint32_t range_count = 0;
};

// Where the keys of a command are, by the rules the server itself routes by: none when it has none, is unknown, or says
// there are more than it has. The channels of SPUBLISH and SSUBSCRIBE count as keys: they have a slot too.
key_positions find_keys(std::span<const std::string_view> words) noexcept;

// The index of the first key, or -1.
int find_first_key(std::span<const std::string_view> words) noexcept;

// The slot of a cluster the key is in: CRC16 of the key, or of what stands between its first '{' and the next '}'
// unless that is nothing, modulo 16,384.
constexpr uint32_t slot_count = 16'384;
uint16_t key_slot(std::string_view key) noexcept;

}  // namespace cachecore_internal
