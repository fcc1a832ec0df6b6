#include <array>
#include <charconv>
#include <optional>

#include "core/wire/command_table.h"
#include "core/wire/command_table_names.h"
#include "core/wire/command_table_specs.h"

namespace cachecore_internal {
namespace {

using words_of_command = std::span<const std::string_view>;

void add(key_positions &keys, size_t first, size_t count, size_t step) noexcept {
  keys.ranges[keys.range_count++] = {static_cast<uint32_t>(first), static_cast<uint32_t>(count),
                                     static_cast<uint32_t>(step)};
}

// The index of the run's first word; nothing where its keyword is not.
std::optional<size_t> begin_of(const key_spec &spec, words_of_command words) noexcept {
  const size_t place = spec.place;
  if (spec.keyword.empty()) return place;
  for (size_t i = place; i + 1 < words.size(); i++) {
    if (same_name(words[i], spec.keyword)) return i + 1;
  }
  return std::nullopt;
}

std::optional<size_t> number_in(std::string_view word) noexcept {
  size_t number = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (fault != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

// Adds the run of one specification; false when the command says there are no keys, or some where it has no words.
bool add_run(const key_spec &spec, words_of_command words, key_positions &keys) noexcept {
  const std::optional<size_t> begin = begin_of(spec, words);
  if (!begin) return true;
  const size_t first = *begin;
  if (first >= words.size()) return false;
  const size_t step = spec.step;
  if (spec.counted) {
    const std::optional<size_t> count = number_in(words[first]);
    if (!count || *count == 0 || *count > (words.size() - first - 1 + step - 1) / step) return false;
    add(keys, first + 1, *count, step);
    return true;
  }
  size_t end = 0;  // behind the last key
  if (spec.last >= 0) {
    end = first + static_cast<size_t>(spec.last) + 1;
  } else {
    const auto left_out = static_cast<size_t>(-spec.last) - 1;
    const size_t behind = spec.limit > 1 ? first + (words.size() - first) / spec.limit : words.size();
    if (behind < first + left_out) return false;
    end = behind - left_out;
  }
  if (end <= first || end > words.size()) return false;
  add(keys, first, (end - first + step - 1) / step, step);
  return true;
}

// SORT key ... [STORE key]: the last STORE that is an option and not the word of another one.
void add_sort_keys(words_of_command words, key_positions &keys) noexcept {
  size_t store = 0;
  for (size_t i = 2; i < words.size(); i++) {
    if (same_name(words[i], "limit")) {
      i += 2;
    } else if (same_name(words[i], "get") || same_name(words[i], "by")) {
      i++;
    } else if (same_name(words[i], "store") && i + 1 < words.size()) {
      store = i + 1;
    }
  }
  add(keys, 1, 1, 1);
  if (store != 0) add(keys, store, 1, 1);
}

// MIGRATE host port key|"" db timeout ... [AUTH password | AUTH2 user password] [KEYS key ...]
void add_migrate_keys(words_of_command words, key_positions &keys) noexcept {
  for (size_t i = 6; i + 1 < words.size(); i++) {
    if (same_name(words[i], "auth")) {
      i++;
    } else if (same_name(words[i], "auth2")) {
      i += 2;
    } else if (same_name(words[i], "keys")) {
      if (words[3].empty()) add(keys, i + 1, words.size() - i - 1, 1);
      return;
    }
  }
  if (words.size() > 3) add(keys, 3, 1, 1);
}

constexpr std::array<uint16_t, 256> make_crc_table() {
  std::array<uint16_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; bit++) crc = crc << 1 ^ ((crc & 0x8000) != 0 ? 0x1021u : 0u);
    table[byte] = static_cast<uint16_t>(crc);
  }
  return table;
}

constexpr std::array<uint16_t, 256> crc_table = make_crc_table();  // XMODEM: polynomial 0x1021, begins with 0

std::string_view hashed_part(std::string_view key) noexcept {
  const size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace

key_positions find_keys(std::span<const std::string_view> words) noexcept {
  key_positions keys;
  if (words.empty()) return keys;
  const command_info *command = find_command(words[0], words.size() > 1 ? words[1] : std::string_view());
  if (command == nullptr) return keys;
  const std::span<const key_spec> specs = specs_of(*command);
  if (specs.empty()) return keys;
  if (command->name == "sort" && words.size() > 1) {
    add_sort_keys(words, keys);
    return keys;
  }
  if (command->name == "migrate") {
    add_migrate_keys(words, keys);
    return keys;
  }
  for (const key_spec &spec : specs) {
    if (!add_run(spec, words, keys)) return {};
  }
  return keys;
}

int find_first_key(std::span<const std::string_view> words) noexcept {
  const key_positions keys = find_keys(words);
  return keys.range_count == 0 ? -1 : static_cast<int>(keys.ranges[0].first);
}

uint16_t key_slot(std::string_view key) noexcept {
  uint32_t crc = 0;
  for (const char c : hashed_part(key)) {
    crc = (crc << 8 ^ crc_table[(crc >> 8 ^ static_cast<unsigned char>(c)) & 0xFF]) & 0xFFFF;
  }
  return static_cast<uint16_t>(crc % slot_count);
}

}  // namespace cachecore_internal
