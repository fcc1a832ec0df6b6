#include "table.h"

#include <algorithm>
#include <numeric>

#include "text.h"

namespace cachectl {
namespace {

constexpr size_t gap = 2;
constexpr size_t least_width = 8;
constexpr size_t most_width_of_page = 120;

size_t column_count(const table &rows) {
  size_t count = rows.header.size();
  for (const auto &row : rows.rows) count = std::max(count, row.size());
  return count;
}

std::vector<size_t> natural_widths(const table &rows) {
  std::vector<size_t> widths(column_count(rows));
  for (size_t i = 0; i < rows.header.size(); ++i) widths[i] = display_width(rows.header[i]);
  for (const auto &row : rows.rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  return widths;
}

void fit(std::vector<size_t> &widths, size_t available) {
  if (widths.empty()) return;
  const size_t gaps = gap * (widths.size() - 1);
  size_t total = std::accumulate(widths.begin(), widths.end(), gaps);
  while (total > available) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= least_width) return;
    // Down to the next widest at once: a cell may be megabytes wide.
    size_t next = least_width;
    for (const size_t width : widths) {
      if (width < *widest) next = std::max(next, width);
    }
    const size_t cut = std::min(total - available, std::max<size_t>(*widest - next, 1));
    *widest -= cut;
    total -= cut;
  }
}

void write_cell(output &out, const std::string &text, size_t width, bool right, bool last, style with) {
  const std::string shown_text = clipped(text, width);
  const size_t used = display_width(shown_text);
  const std::string padding(width > used ? width - used : 0, ' ');
  if (right) out.write(padding);
  out.write_styled(shown_text, with);
  if (!right && !last) out.write(padding);
  if (!last) out.write(std::string(gap, ' '));
}

bool numbers_only(const table &rows, size_t column) {
  bool any = false;
  for (const auto &row : rows.rows) {
    if (column >= row.size() || row[column].text.empty()) continue;
    if (!row[column].number) return false;
    any = true;
  }
  return any;
}

}  // namespace

void write_table(output &out, const table &rows, size_t indent) {
  std::vector<size_t> widths = natural_widths(rows);
  if (out.terminal()) {
    fit(widths, out.width() > indent ? out.width() - indent : 1);
  } else {
    for (size_t &width : widths) width = std::min(width, most_width_of_page);
  }
  std::vector<bool> right(widths.size());
  for (size_t i = 0; i < widths.size(); ++i) right[i] = !rows.header.empty() && numbers_only(rows, i);
  const std::string margin(indent, ' ');
  if (!rows.header.empty()) {
    out.write(margin);
    for (size_t i = 0; i < rows.header.size(); ++i) {
      write_cell(out, rows.header[i], widths[i], right[i], i + 1 == rows.header.size(), style::heading);
    }
    out.write("\n");
  }
  for (const auto &row : rows.rows) {
    out.write(margin);
    for (size_t i = 0; i < row.size(); ++i) {
      const style with = i == 0 && rows.first_is_name ? style::name : style::plain;
      write_cell(out, row[i].text, widths[i], right[i], i + 1 == row.size(), with);
    }
    out.write("\n");
  }
}

}  // namespace cachectl
