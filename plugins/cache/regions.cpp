#include "regions.h"

#include <charconv>

namespace cache_plugin {

namespace {

constexpr size_t first_table_size = 64;
constexpr std::string_view escaped_bytes = ":%{}";

std::string escape_for_keys(std::string_view name) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char byte : name) {
    if (escaped_bytes.find(byte) == std::string_view::npos) {
      escaped += byte;
    } else {
      escaped += '%';
      escaped += digits[static_cast<unsigned char>(byte) >> 4];
      escaped += digits[static_cast<unsigned char>(byte) & 0xF];
    }
  }
  return escaped;
}

}  // namespace

region::region(std::string_view name, std::shared_ptr<const policy> how, near_report &report)
    : name_(name), key_part_(escape_for_keys(name)), report_(report) {
  define(std::move(how));
}

std::optional<std::string> region::name_of(std::string_view key_part) {
  std::string name;
  for (size_t at = 0; at < key_part.size(); at++) {
    if (key_part[at] != '%') {
      name += key_part[at];
      continue;
    }
    unsigned byte = 0;
    const char *const digits = key_part.data() + at + 1;
    if (key_part.size() - at < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2)
      return std::nullopt;
    name += static_cast<char>(byte);
    at += 2;
  }
  return name;
}

std::shared_ptr<const policy> region::how() const {
  const std::lock_guard lock(mutex_);
  return how_;
}

void region::define(std::shared_ptr<const policy> how) {
  const std::lock_guard lock(mutex_);
  near_region *const before = near_.load(std::memory_order_relaxed);
  if (before == nullptr || how_ == nullptr || !(how_->near == how->near) || how_->eager != how->eager) {
    near_region *made = nullptr;
    if (how->near.max_bytes > 0) {
      near_caches_.push_back(std::make_unique<near_region>(how->near, how->eager, report_));
      made = near_caches_.back().get();
    }
    near_.store(made, std::memory_order_release);
    if (before != nullptr) before->erase_all();
  }
  how_ = std::move(how);
}

std::shared_ptr<const marker> region::marks() const {
  const std::lock_guard lock(mutex_);
  return marks_;
}

void region::remember(std::shared_ptr<const marker> marks) {
  const std::lock_guard lock(mutex_);
  const bool lost = marks_ != nullptr && marks_->now().incarnation != marks->now().incarnation;
  marks_ = std::move(marks);
  if (!lost) return;
  tags_.clear();
  near_region *const copies = near_.load(std::memory_order_relaxed);
  if (copies != nullptr) copies->erase_all();
}

std::optional<region::tag_epoch> region::tag(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = tags_.find(std::string(name));
  if (found == tags_.end()) return std::nullopt;
  return found->second;
}

void region::remember_tag(std::string_view name, const tag_epoch &known) {
  const std::lock_guard lock(mutex_);
  if (tags_.size() >= most_tags_remembered) tags_.clear();
  tags_.insert_or_assign(std::string(name), known);
}

regions::regions(const policy &standard, near_report &report)
    : standard_(std::make_shared<const policy>(standard)), report_(report) {
  tables_.push_back(std::make_unique<table>(first_table_size));
  current_.store(tables_.back().get(), std::memory_order_relaxed);
}

region_ref regions::find(std::string_view name) const noexcept {
  const table &now = *current_.load(std::memory_order_acquire);
  const size_t mask = now.slots.size() - 1;
  for (size_t at = hash_bytes(name) & mask;; at = (at + 1) & mask) {
    region *const found = now.slots[at].load(std::memory_order_acquire);
    if (found == nullptr || found->name() == name) return found;
  }
}

region_ref regions::get(std::string_view name) {
  region_ref found = find(name);
  if (found != nullptr) return found;
  const std::lock_guard lock(mutex_);
  found = find(name);
  if (found != nullptr) return found;
  auto made = std::make_unique<region>(name, standard_, report_);
  found = made.get();
  by_name_.emplace(std::string(name), std::move(made));
  if (by_name_.size() * 2 <= tables_.back()->slots.size()) {
    place(*tables_.back(), found);
    return found;
  }
  auto wider = std::make_unique<table>(tables_.back()->slots.size() * 2);
  for (const auto &[key, each] : by_name_) place(*wider, each.get());
  tables_.push_back(std::move(wider));
  current_.store(tables_.back().get(), std::memory_order_release);
  return found;
}

void regions::place(table &into, region *added) noexcept {
  const size_t mask = into.slots.size() - 1;
  size_t at = hash_bytes(added->name()) & mask;
  while (into.slots[at].load(std::memory_order_relaxed) != nullptr) at = (at + 1) & mask;
  into.slots[at].store(added, std::memory_order_release);
}

void regions::forget_markers() noexcept {
  const std::lock_guard lock(mutex_);
  for (const auto &[name, each] : by_name_) each->heard.forget();
}

std::vector<region_ref> regions::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<region_ref> out;
  out.reserve(by_name_.size());
  for (const auto &[name, each] : by_name_) out.push_back(each.get());
  return out;
}

}  // namespace cache_plugin
