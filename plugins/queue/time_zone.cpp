#include "time_zone.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace queue_plugin {

namespace {

constexpr size_t header_size = 44;
constexpr size_t largest_file = 1 << 20;

int64_t big_endian(std::string_view bytes) noexcept {
  uint64_t number = (static_cast<unsigned char>(bytes[0]) & 0x80u) != 0 ? ~uint64_t{0} : 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return static_cast<int64_t>(number);
}

// The counts of a header, in the order of the file.
struct counts {
  size_t utc_marks, standard_marks, leaps, changes, types, names;

  [[nodiscard]] size_t size(size_t time_size) const noexcept {
    return changes * (time_size + 1) + types * 6 + names + leaps * (time_size + 4) + standard_marks + utc_marks;
  }
};

std::optional<counts> read_header(std::string_view file) {
  if (file.size() < header_size || !file.starts_with("TZif")) return std::nullopt;
  size_t numbers[6];
  for (size_t i = 0; i < 6; i++) {
    const int64_t number = big_endian(file.substr(20 + 4 * i, 4));
    if (number < 0 || number > static_cast<int64_t>(largest_file)) return std::nullopt;
    numbers[i] = static_cast<size_t>(number);
  }
  return counts{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]};
}

bool is_zone_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 128 || name.front() == '/' || name.find("..") != std::string_view::npos)
    return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
           c == '-' || c == '/';
  });
}

}  // namespace

std::optional<time_zone> time_zone::parse(std::string_view file) {
  const auto first = read_header(file);
  if (!first) return std::nullopt;
  counts has = *first;
  size_t time_size = 4;
  if (file[4] >= '2') {
    // The same again with times of eight bytes, behind the part for old readers.
    const size_t skipped = header_size + has.size(4);
    if (skipped > file.size()) return std::nullopt;
    file.remove_prefix(skipped);
    const auto second = read_header(file);
    if (!second) return std::nullopt;
    has = *second;
    time_size = 8;
  }
  file.remove_prefix(header_size);
  if (has.types == 0 || has.size(time_size) > file.size()) return std::nullopt;

  const std::string_view times = file.substr(0, has.changes * time_size);
  const std::string_view indexes = file.substr(times.size(), has.changes);
  const std::string_view types = file.substr(times.size() + indexes.size(), has.types * 6);
  const auto offset_of = [&](size_t type) { return static_cast<int32_t>(big_endian(types.substr(type * 6, 4))); };
  for (size_t type = 0; type < has.types; type++) {
    if (offset_of(type) < -7 * 86400 || offset_of(type) > 7 * 86400) return std::nullopt;
  }
  time_zone zone;
  zone.first_offset_ = offset_of(0);
  for (size_t i = 0; i < has.changes; i++) {
    const size_t type = static_cast<unsigned char>(indexes[i]);
    const int64_t at = big_endian(times.substr(i * time_size, time_size));
    if (type >= has.types || (i > 0 && at <= zone.changes_.back().at)) return std::nullopt;
    zone.changes_.push_back({at, offset_of(type)});
  }
  if (time_size == 8) {
    std::string_view rule = file.substr(has.size(time_size));
    if (rule.size() >= 2 && rule.front() == '\n') {
      rule.remove_prefix(1);
      const size_t end = rule.find('\n');
      if (end == std::string_view::npos) return std::nullopt;
      rule = rule.substr(0, end);
      if (!rule.empty()) {
        zone.rule_ = zone_rule::parse(rule);
        if (!zone.rule_) return std::nullopt;
      }
    }
  }
  return zone;
}

std::optional<time_zone> time_zone::load(std::string_view name) {
  if (name == "UTC") return utc();
  if (!is_zone_name(name)) return std::nullopt;
  const std::string path = "/usr/share/zoneinfo/" + std::string(name);
  const std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (file == nullptr) return std::nullopt;
  std::string content(largest_file, '\0');
  const size_t size = std::fread(content.data(), 1, content.size(), file.get());
  if (std::ferror(file.get()) != 0 || size == content.size()) return std::nullopt;
  return parse(std::string_view(content).substr(0, size));
}

int32_t time_zone::offset_at(int64_t utc) const {
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), utc,
                                      [](int64_t at, const change &each) { return at < each.at; });
  if (after == changes_.end() && rule_) return rule_->offset_at(utc);
  return after == changes_.begin() ? first_offset_ : std::prev(after)->offset;
}

std::optional<int64_t> time_zone::next_change(int64_t utc) const {
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), utc,
                                      [](int64_t at, const change &each) { return at < each.at; });
  if (after != changes_.end()) return after->at;
  return rule_ ? rule_->next_change(utc) : std::nullopt;
}

}  // namespace queue_plugin
