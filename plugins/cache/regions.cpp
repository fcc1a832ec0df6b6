#include "regions.h"

namespace cache_plugin {

namespace {

std::string escape_for_keys(std::string_view name) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char byte : name) {
    if (std::string_view(":%{}").find(byte) == std::string_view::npos) {
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

region::region(std::string_view name, std::shared_ptr<const policy> how)
    : name_(name), key_part_(escape_for_keys(name)), how_(std::move(how)) {}

std::shared_ptr<const policy> region::how() const {
  const std::lock_guard lock(mutex_);
  return how_;
}

void region::define(std::shared_ptr<const policy> how) {
  const std::lock_guard lock(mutex_);
  how_ = std::move(how);
}

std::shared_ptr<const marker> region::marks() const {
  const std::lock_guard lock(mutex_);
  return marks_;
}

void region::remember(std::shared_ptr<const marker> marks) {
  const std::lock_guard lock(mutex_);
  marks_ = std::move(marks);
}

region_ref regions::get(std::string_view name) {
  {
    const std::shared_lock lock(mutex_);
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) return found->second;
  }
  const std::unique_lock lock(mutex_);
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) return found->second;
  auto made = std::make_shared<region>(name, standard_);
  by_name_.emplace(std::string(name), made);
  return made;
}

std::vector<region_ref> regions::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<region_ref> out;
  out.reserve(by_name_.size());
  for (const auto &[name, each] : by_name_) out.push_back(each);
  return out;
}

}  // namespace cache_plugin
