#include "core/wire/encode.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include "core/failure.h"

namespace cachecore_internal {
namespace {

constexpr size_t scratch_size = 40;

size_t decimal_digits(size_t number) noexcept {
  size_t digits = 1;
  while (number >= 10) {
    number /= 10;
    digits++;
  }
  return digits;
}

char *put_number(char *out, char mark, size_t number) noexcept {
  *out++ = mark;
  out = std::to_chars(out, out + 20, number).ptr;
  *out++ = '\r';
  *out++ = '\n';
  return out;
}

size_t word_size(const cachecore_value &word) {
  char scratch[scratch_size];
  const size_t size = word_text(word, scratch).size();
  if (size > max_word_size) {
    throw failure(CACHECORE_INVALID_ARGUMENT, "a word of a command has " + std::to_string(size) +
                                                  " bytes; the server takes at most 536870912 (512 MiB)");
  }
  return size;
}

size_t command_size(const cachecore_value *words, size_t count) {
  if (count == 0) throw failure(CACHECORE_INVALID_ARGUMENT, "a command needs at least one word");
  size_t total = 1 + decimal_digits(count) + 2;
  for (size_t i = 0; i < count; i++) {
    const size_t size = word_size(words[i]);
    total += 1 + decimal_digits(size) + 2 + size + 2;
  }
  return total;
}

char *write_command(char *out, const cachecore_value *words, size_t count) {
  out = put_number(out, '*', count);
  for (size_t i = 0; i < count; i++) {
    char scratch[scratch_size];
    const std::string_view text = word_text(words[i], scratch);
    out = put_number(out, '$', text.size());
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    out += text.size();
    *out++ = '\r';
    *out++ = '\n';
  }
  return out;
}

}  // namespace

std::string_view word_text(const cachecore_value &word, char *scratch) {
  switch (word.kind) {
    case CACHECORE_BYTES:
      return {word.as.bytes.data, word.as.bytes.size};
    case CACHECORE_INT:
    case CACHECORE_BOOL: {
      const auto end = std::to_chars(scratch, scratch + scratch_size, word.as.integer).ptr;
      return {scratch, static_cast<size_t>(end - scratch)};
    }
    case CACHECORE_DOUBLE: {
      if (std::isinf(word.as.real)) return word.as.real > 0 ? "+inf" : "-inf";
      if (std::isnan(word.as.real))
        throw failure(CACHECORE_INVALID_ARGUMENT, "a word of a command is not a number (NaN)");
      const auto end = std::to_chars(scratch, scratch + scratch_size, word.as.real).ptr;
      return {scratch, static_cast<size_t>(end - scratch)};
    }
    default:
      throw failure(CACHECORE_INVALID_ARGUMENT, "a word of a command must be BYTES, INT, BOOL or DOUBLE");
  }
}

encoded encode_command(arena &memory, const cachecore_value *words, size_t count) {
  encoded out;
  out.size = command_size(words, count);
  out.data = static_cast<char *>(memory.allocate(out.size));
  write_command(out.data, words, count);
  return out;
}

encoded encode_commands(arena &memory, const cachecore_value *commands, size_t count, std::string_view before,
                        std::string_view after) {
  encoded out;
  out.size = before.size() + after.size();
  for (size_t i = 0; i < count; i++) {
    if (commands[i].kind != CACHECORE_LIST) {
      throw failure(CACHECORE_INVALID_ARGUMENT, "command " + std::to_string(i) + " must be a LIST of words");
    }
    out.size += command_size(commands[i].as.list.items, commands[i].as.list.count);
  }
  out.data = static_cast<char *>(memory.allocate(out.size));
  char *end = out.data;
  if (!before.empty()) std::memcpy(end, before.data(), before.size());
  end += before.size();
  for (size_t i = 0; i < count; i++) end = write_command(end, commands[i].as.list.items, commands[i].as.list.count);
  if (!after.empty()) std::memcpy(end, after.data(), after.size());
  return out;
}

}  // namespace cachecore_internal
