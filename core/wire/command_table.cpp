#include "core/wire/command_table.h"

#include "core/wire/command_table_names.h"
#include "core/wire/command_table_specs.h"

namespace cachecore_internal {
namespace {

#include "core/wire/command_table_data.inc"

constexpr size_t longest_name = 32;
constexpr uint32_t slots = 1024;  // more than twice the commands, so that most are found at once
constexpr uint16_t empty_slot = 0xFFFF;
static_assert(std::size(commands) * 2 < slots);

constexpr std::string_view container_of(std::string_view name) { return name.substr(0, name.find('|')); }

constexpr std::string_view subcommand_of(std::string_view name) {
  const size_t bar = name.find('|');
  return bar == std::string_view::npos ? std::string_view() : name.substr(bar + 1);
}

constexpr uint64_t hash_command(std::string_view name, std::string_view subcommand) noexcept {
  const uint64_t hash = hash_name(name, 0);
  return subcommand.empty() ? hash : hash_name(subcommand, hash);
}

constexpr uint32_t slot_of(uint64_t hash) noexcept { return static_cast<uint32_t>(hash >> 40) % slots; }

// Where in `commands` a command is, by its hash; a taken slot leads to the next.
constexpr std::array<uint16_t, slots> make_index() {
  std::array<uint16_t, slots> made{};
  made.fill(empty_slot);
  for (size_t i = 0; i < std::size(commands); i++) {
    if (commands[i].name.size() > longest_name) throw "longest_name is too small";
    if (commands[i].spec_count > key_positions().ranges.size()) throw "key_positions has too few ranges";
    uint32_t slot = slot_of(hash_command(container_of(commands[i].name), subcommand_of(commands[i].name)));
    while (made[slot] != empty_slot) slot = (slot + 1) % slots;
    made[slot] = static_cast<uint16_t>(i);
  }
  return made;
}

constexpr std::array<uint16_t, slots> index = make_index();

bool is_command(std::string_view known, std::string_view name, std::string_view subcommand) noexcept {
  if (subcommand.empty()) return same_name(name, known);
  if (known.size() != name.size() + 1 + subcommand.size() || known[name.size()] != '|') return false;
  return same_name(name, known.substr(0, name.size())) && same_name(subcommand, known.substr(name.size() + 1));
}

const command_info *find_exactly(std::string_view name, std::string_view subcommand) noexcept {
  if (name.empty() || name.size() > longest_name || subcommand.size() > longest_name) return nullptr;
  for (uint32_t slot = slot_of(hash_command(name, subcommand)); index[slot] != empty_slot; slot = (slot + 1) % slots) {
    const command_info &command = commands[index[slot]];
    if (is_command(command.name, name, subcommand)) return &command;
  }
  return nullptr;
}

// Whether XREAD or XREADGROUP has BLOCK among its options, which end at STREAMS.
bool has_block(std::span<const std::string_view> words) noexcept {
  for (size_t i = 1; i < words.size() && !same_name(words[i], "streams"); i++) {
    if (same_name(words[i], "block")) return true;
    if (same_name(words[i], "count")) {
      i += 1;
    } else if (same_name(words[i], "group")) {
      i += 2;
    }
  }
  return false;
}

// Whether SET has no option but an expiry.
bool is_plain_set(std::span<const std::string_view> words) noexcept {
  for (size_t i = 3; i < words.size(); i++) {
    const std::string_view option = words[i];
    if (same_name(option, "keepttl")) continue;
    const bool expiry =
        same_name(option, "ex") || same_name(option, "px") || same_name(option, "exat") || same_name(option, "pxat");
    if (!expiry) return false;
    i++;
  }
  return true;
}

}  // namespace

const command_info *find_command(std::string_view name, std::string_view subcommand) noexcept {
  const command_info *command = find_exactly(name, {});
  if (command == nullptr || command->name.find('|') != std::string_view::npos) return nullptr;
  if (!command->has_subcommands || subcommand.empty()) return command;
  const command_info *exact = find_exactly(name, subcommand);
  return exact != nullptr ? exact : command;
}

std::span<const command_info> all_commands() noexcept { return commands; }

std::span<const key_spec> specs_of(const command_info &command) noexcept {
  return std::span(key_specs).subspan(command.first_spec, command.spec_count);
}

classified_command classify_command(std::span<const std::string_view> words) noexcept {
  if (words.empty()) return {nullptr, 0};
  const command_info *command = find_command(words[0], words.size() > 1 ? words[1] : std::string_view());
  if (command == nullptr) return {nullptr, 0};
  uint32_t flags = command->flags;
  const std::string_view name = command->name;
  if (name == "xread" || name == "xreadgroup") {
    if (!has_block(words)) flags &= ~uint32_t{command_may_block};
  } else if (name == "set") {
    if (!is_plain_set(words)) flags &= ~uint32_t{command_repeatable};
  } else if (name == "sort" || name == "georadius" || name == "georadiusbymember") {
    const bool stores = find_keys(words).range_count != 1;
    if (!stores) flags = (flags & ~uint32_t{command_write}) | command_read_only | command_repeatable;
  }
  return {command, flags};
}

}  // namespace cachecore_internal
