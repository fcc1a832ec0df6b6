#include "render.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "core_handle.h"
#include "failure.h"
#include "table.h"
#include "text.h"
#include "value_store.h"

namespace cachectl {
namespace {

constexpr int deepest_block = 6;
// What a terminal gets of one text; a pipe gets all of it.
constexpr size_t most_on_terminal = size_t{16} * 1024;

bool is_container(const cachecore_value &value) { return value.kind == CACHECORE_LIST || value.kind == CACHECORE_MAP; }

size_t count_of(const cachecore_value &container) {
  return container.kind == CACHECORE_LIST ? container.as.list.count : container.as.map.count;
}

std::string number_text(const cachecore_value &value) {
  std::array<char, 64> digits{};
  const auto written = value.kind == CACHECORE_DOUBLE
                           ? std::to_chars(digits.data(), digits.data() + digits.size(), value.as.real)
                           : std::to_chars(digits.data(), digits.data() + digits.size(), value.as.integer);
  return {digits.data(), written.ptr};
}

std::string scalar_text(const cachecore_value &value) {
  switch (value.kind) {
    case CACHECORE_NIL:
      return "nil";
    case CACHECORE_BOOL:
      return value.as.integer != 0 ? "true" : "false";
    case CACHECORE_BYTES:
      return std::string(view_of(value));
    case CACHECORE_ERROR:
      return std::string("error ") + cachecore_status_name(value.reserved) + ": " + std::string(view_of(value));
    default:
      return number_text(value);
  }
}

void append_compact(std::string &out, const cachecore_value &value) {
  if (!is_container(value)) {
    out += shown(scalar_text(value));
    return;
  }
  const bool list = value.kind == CACHECORE_LIST;
  out += list ? '[' : '{';
  for (size_t i = 0; i < count_of(value); ++i) {
    if (i > 0) out += ", ";
    if (!list) {
      append_compact(out, value.as.map.pairs[i].key);
      out += ": ";
    }
    append_compact(out, list ? value.as.list.items[i] : value.as.map.pairs[i].value);
  }
  out += list ? ']' : '}';
}

cell cell_of(const cachecore_value &value) {
  return {compact(value), value.kind == CACHECORE_INT || value.kind == CACHECORE_DOUBLE};
}

bool list_of_maps(const cachecore_value &value) {
  if (value.kind != CACHECORE_LIST || value.as.list.count == 0) return false;
  return std::all_of(value.as.list.items, value.as.list.items + value.as.list.count,
                     [](const cachecore_value &item) { return item.kind == CACHECORE_MAP; });
}

// One row an item; the columns are all keys in the order they are first seen.
void write_records(output &out, const cachecore_value &list, size_t indent) {
  table rows;
  for (size_t i = 0; i < list.as.list.count; ++i) {
    const cachecore_map_view &map = list.as.list.items[i].as.map;
    auto &row = rows.rows.emplace_back();
    for (size_t j = 0; j < map.count; ++j) {
      const std::string key = compact(map.pairs[j].key);
      const auto found = std::find(rows.header.begin(), rows.header.end(), key);
      const auto column = static_cast<size_t>(found - rows.header.begin());
      if (found == rows.header.end()) rows.header.push_back(key);
      if (row.size() <= column) row.resize(column + 1);
      row[column] = cell_of(map.pairs[j].value);
    }
  }
  write_table(out, rows, indent);
}

void write_block(output &out, const cachecore_value &value, size_t indent, int depth);

// Whether a value deserves lines of its own below its name.
bool is_block(const cachecore_value &value, int depth) {
  if (depth >= deepest_block || !is_container(value) || count_of(value) == 0) return false;
  return value.kind == CACHECORE_MAP || list_of_maps(value);
}

// A name and a value a line; blocks are set off below their name.
void write_map(output &out, const cachecore_map_view &map, size_t indent, int depth) {
  table rows;
  rows.first_is_name = true;
  for (size_t i = 0; i < map.count; ++i) {
    const cachecore_pair &pair = map.pairs[i];
    if (!is_block(pair.value, depth)) {
      rows.rows.push_back({{compact(pair.key)}, cell_of(pair.value)});
      continue;
    }
    write_table(out, rows, indent);
    rows.rows.clear();
    out.write(std::string(indent, ' '));
    out.write_styled(compact(pair.key), style::name);
    out.write("\n");
    write_block(out, pair.value, indent + 2, depth + 1);
  }
  write_table(out, rows, indent);
}

void write_block(output &out, const cachecore_value &value, size_t indent, int depth) {
  if (value.kind == CACHECORE_MAP) return write_map(out, value.as.map, indent, depth);
  if (list_of_maps(value)) return write_records(out, value, indent);
  for (size_t i = 0; i < value.as.list.count; ++i) out.write(compact(value.as.list.items[i]) + "\n");
}

void write_text(output &out, std::string_view text) {
  const std::string_view part = out.terminal() ? text.substr(0, most_on_terminal) : text;
  const std::string printed = shown(part, lines::many);
  out.write(printed);
  if (!printed.ends_with('\n')) out.write("\n");
  if (part.size() == text.size()) return;
  out.write_styled("... " + std::to_string(text.size() - part.size()) + " more bytes; --raw or a pipe shows all\n",
                   style::heading);
}

void write_human(output &out, const cachecore_value &value) {
  if (is_container(value)) return write_block(out, value, 0, 0);
  if (value.kind == CACHECORE_NIL) return out.write("ok\n");
  write_text(out, scalar_text(value));
}

void write_raw_lines(output &out, const cachecore_value &value) {
  if (!is_container(value)) {
    if (value.kind != CACHECORE_NIL) out.write(scalar_text(value));
    return out.write("\n");
  }
  for (size_t i = 0; i < count_of(value); ++i) {
    if (value.kind == CACHECORE_MAP) write_raw_lines(out, value.as.map.pairs[i].key);
    write_raw_lines(out, value.kind == CACHECORE_LIST ? value.as.list.items[i] : value.as.map.pairs[i].value);
  }
}

void write_raw(output &out, const cachecore_value &value) {
  if (value.kind == CACHECORE_NIL) return;
  if (value.kind == CACHECORE_BYTES) return out.write(view_of(value));
  write_raw_lines(out, value);
}

void write_json(output &out, const cachecore_value &value) {
  std::string text;
  try {
    text = encode_json(value);
  } catch (const failure &error) {
    throw failure(CACHECORE_CORRUPT, "the answer cannot be written as JSON: " + error.message());
  }
  out.write(text);
  out.write("\n");
}

}  // namespace

std::string compact(const cachecore_value &value) {
  std::string out;
  append_compact(out, value);
  return out;
}

void render(output &out, const cachecore_value &value, format as) {
  switch (as) {
    case format::human:
      return write_human(out, value);
    case format::json:
      return write_json(out, value);
    case format::raw:
      return write_raw(out, value);
  }
}

void render_item(output &out, const cachecore_value &item, format as) {
  switch (as) {
    case format::human:
      return out.write(compact(item) + "\n");
    case format::json:
      return write_json(out, item);
    case format::raw:
      return write_raw_lines(out, item);
  }
}

}  // namespace cachectl
