// plot.cpp: bars and curves.
#include "plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace simulate {

namespace {

constexpr double left = 70;
constexpr double top = 50;
constexpr double plot_width = 620;
constexpr double plot_height = 340;
constexpr double legend_width = 130;
constexpr std::array<const char *, 6> colours = {"#0b6e4f", "#c1440e", "#3a5ba0", "#8a5a83", "#b8860b", "#555555"};

std::string decimals(double number, int count) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", count, number);
  return text.data();
}

std::string escaped(const std::string &text) {
  std::string out;
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    if (each == '<') {
      out += "&lt;";
    } else if (each == '&') {
      out += "&amp;";
    } else {
      out += byte < ' ' || byte > '~' ? '?' : each;
    }
  }
  return out;
}

std::string text_at(double x, double y, const char *anchor, const std::string &text) {
  return "<text x=\"" + decimals(x, 1) + "\" y=\"" + decimals(y, 1) + "\" text-anchor=\"" + anchor + "\">" +
         escaped(text) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2) {
  return "<line x1=\"" + decimals(x1, 1) + "\" y1=\"" + decimals(y1, 1) + "\" x2=\"" + decimals(x2, 1) + "\" y2=\"" +
         decimals(y2, 1) + "\" stroke=\"#cccccc\"/>\n";
}

// Where a capacity lies between the smallest and the largest.
class scale {
 public:
  explicit scale(const std::vector<outcome> &outcomes) {
    for (const outcome &each : outcomes) {
      const double at = std::log(static_cast<double>(std::max<uint64_t>(each.capacity, 1)));
      least_ = std::min(least_, at);
      most_ = std::max(most_, at);
    }
  }

  [[nodiscard]] double x(uint64_t capacity) const {
    if (most_ <= least_) return left + plot_width / 2;
    const double at = std::log(static_cast<double>(std::max<uint64_t>(capacity, 1)));
    return left + plot_width * (at - least_) / (most_ - least_);
  }

 private:
  double least_ = HUGE_VAL;
  double most_ = -HUGE_VAL;
};

double y_of(double ratio) { return top + plot_height * (1 - ratio); }

}  // namespace

std::string bars(const std::vector<outcome> &outcomes, size_t width) {
  size_t name_width = 0;
  size_t capacity_width = 0;
  for (const outcome &each : outcomes) {
    name_width = std::max(name_width, each.policy.size());
    capacity_width = std::max(capacity_width, std::to_string(each.capacity).size());
  }
  const size_t labels = name_width + 1 + capacity_width + 1 + sizeof("100.00 %");
  const size_t longest = width > labels + 10 ? width - labels : 10;
  std::string out;
  for (const outcome &each : outcomes) {
    const std::string capacity = std::to_string(each.capacity);
    const std::string percent = decimals(each.hit_ratio() * 100, 2) + " %";
    const auto length = static_cast<size_t>(std::lround(each.hit_ratio() * static_cast<double>(longest)));
    out += each.policy + std::string(name_width - each.policy.size() + 1, ' ');
    out += std::string(capacity_width - capacity.size(), ' ') + capacity + ' ';
    out += std::string(sizeof("100.00 %") - 1 - percent.size(), ' ') + percent;
    if (length > 0) out += ' ' + std::string(length, '#');
    out += '\n';
  }
  return out;
}

std::string svg(const std::vector<outcome> &outcomes, const std::string &title) {
  const scale capacities(outcomes);
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" +
                    decimals(left + plot_width + legend_width, 0) + "\" height=\"" +
                    decimals(top + plot_height + 60, 0) +
                    "\" font-family=\"sans-serif\" font-size=\"12\">\n"
                    "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  out += text_at(left, 28, "start", title);
  for (int percent = 0; percent <= 100; percent += 20) {
    const double y = y_of(percent / 100.0);
    out += line(left, y, left + plot_width, y);
    out += text_at(left - 8, y + 4, "end", std::to_string(percent) + " %");
  }
  std::vector<uint64_t> marked;
  for (const outcome &each : outcomes) {
    if (std::find(marked.begin(), marked.end(), each.capacity) != marked.end()) continue;
    marked.push_back(each.capacity);
    out += text_at(capacities.x(each.capacity), top + plot_height + 20, "middle", std::to_string(each.capacity));
  }
  out += text_at(left + plot_width / 2, top + plot_height + 44, "middle", "capacity");
  std::vector<std::string> drawn;
  for (const outcome &first : outcomes) {
    if (std::find(drawn.begin(), drawn.end(), first.policy) != drawn.end()) continue;
    const std::string colour = colours[drawn.size() % colours.size()];
    std::vector<const outcome *> curve;
    for (const outcome &each : outcomes) {
      if (each.policy == first.policy) curve.push_back(&each);
    }
    std::sort(curve.begin(), curve.end(), [](const outcome *a, const outcome *b) { return a->capacity < b->capacity; });
    std::string points;
    std::string dots;
    for (const outcome *each : curve) {
      const std::string x = decimals(capacities.x(each->capacity), 1);
      const std::string y = decimals(y_of(each->hit_ratio()), 1);
      points += x + ',' + y + ' ';
      dots += "<circle cx=\"" + x + "\" cy=\"" + y + "\" r=\"3\" fill=\"" + colour + "\"/>\n";
    }
    out += "<polyline fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"2\" points=\"" + points + "\"/>\n" + dots;
    const double y = top + 16 * static_cast<double>(drawn.size());
    out += "<rect x=\"" + decimals(left + plot_width + 24, 1) + "\" y=\"" + decimals(y, 1) +
           "\" width=\"10\" height=\"10\" fill=\"" + colour + "\"/>\n";
    out += text_at(left + plot_width + 40, y + 9, "start", first.policy);
    drawn.push_back(first.policy);
  }
  return out + "</svg>\n";
}

}  // namespace simulate
