#include "nearest.h"

#include <algorithm>
#include <cstddef>

namespace cachectl {
namespace {

// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
size_t distance(std::string_view left, std::string_view right) {
  std::vector<size_t> before_last(right.size() + 1);
  std::vector<size_t> last(right.size() + 1);
  std::vector<size_t> current(right.size() + 1);
  for (size_t j = 0; j <= right.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= left.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= right.size(); ++j) {
      const size_t replace = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      current[j] = std::min({replace, last[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        current[j] = std::min(current[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(current);
  }
  return last[right.size()];
}

}  // namespace

std::string nearest(std::string_view wrong, const std::vector<std::string> &names) {
  constexpr size_t longest_worth_comparing = 100;
  if (wrong.empty() || wrong.size() > longest_worth_comparing) return {};
  std::string best;
  size_t least = std::max<size_t>(wrong.size() / 3, 1) + 1;
  for (const std::string &name : names) {
    const size_t changes = distance(wrong, name);
    if (changes >= least) continue;
    least = changes;
    best = name;
  }
  if (!best.empty()) return best;
  // A beginning that only one name has is as good as a near miss.
  for (const std::string &name : names) {
    if (wrong.size() < 2 || !std::string_view(name).starts_with(wrong)) continue;
    if (!best.empty()) return {};
    best = name;
  }
  return best;
}

std::string suggestion(std::string_view wrong, const std::vector<std::string> &names) {
  const std::string name = nearest(wrong, names);
  return name.empty() ? std::string() : " (did you mean '" + name + "'?)";
}

}  // namespace cachectl
