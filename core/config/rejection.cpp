#include "core/config/rejection.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/failure.h"

namespace cachecore_internal {
namespace {

constexpr size_t longest_quote = 40;

// Levenshtein distance.
size_t distance(std::string_view left, std::string_view right) {
  std::vector<size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < left.size(); i++) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < right.size(); j++) {
      const size_t substituted = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

void reject(std::initializer_list<std::string_view> parts) {
  std::string message;
  for (const std::string_view part : parts) message += part;
  throw failure(CACHECORE_INVALID_ARGUMENT, std::move(message));
}

std::string quoted(std::string_view text) {
  if (text.find('@') != std::string_view::npos) return "(a text with '@', not shown)";
  std::string out = "\"";
  for (const char byte : text.substr(0, longest_quote)) {
    out += byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\' ? byte : '?';
  }
  if (text.size() > longest_quote) out += "...";
  return out + '"';
}

std::string nearest_or_all(std::string_view unknown, std::span<const std::string_view> known) {
  std::string_view nearest;
  size_t smallest = unknown.size() / 3 + 1;
  if (unknown.size() <= longest_quote) {
    for (const std::string_view name : known) {
      const size_t apart = distance(unknown, name);
      if (apart <= smallest && (nearest.empty() || apart < smallest)) {
        nearest = name;
        smallest = apart;
      }
    }
  }
  if (!nearest.empty()) return ": did you mean \"" + std::string(nearest) + "\"?";
  std::string out = ": known are ";
  for (size_t i = 0; i < known.size(); i++) {
    if (i > 0) out += ", ";
    out += known[i];
  }
  return out;
}

}  // namespace cachecore_internal
