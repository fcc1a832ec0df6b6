#include "held.h"

#include <algorithm>

namespace queue_plugin {

namespace {

constexpr size_t most_together = 500;

}  // namespace

std::string held::name_of(std::string_view queue, std::string_view member) {
  std::string name(queue);
  name += '\n';  // which no queue's name holds
  name += member;
  return name;
}

bool held::add(std::string_view queue, std::string member, int64_t lease_ms, int64_t now_ms) {
  const int64_t renew_at = now_ms + lease_ms / 3;
  std::string name = name_of(queue, member);
  const std::lock_guard lock(mutex_);
  leases_.insert_or_assign(std::move(name), lease{lease_ms, renew_at});
  if (renew_at >= due_) return false;
  due_ = renew_at;
  return true;
}

void held::remove(std::string_view queue, const std::string &member) {
  const std::string name = name_of(queue, member);
  const std::lock_guard lock(mutex_);
  leases_.erase(name);
}

int64_t held::due() {
  const std::lock_guard lock(mutex_);
  return due_;
}

size_t held::count() {
  const std::lock_guard lock(mutex_);
  return leases_.size();
}

void held::forget_sleeper() {
  const std::lock_guard lock(mutex_);
  due_ = never;
}

std::optional<std::vector<renewal>> held::take_due(int64_t expected, int64_t now_ms) {
  std::vector<renewal> out;
  const std::lock_guard lock(mutex_);
  if (due_ != expected) return std::nullopt;
  due_ = never;
  for (auto &[name, each] : leases_) {
    if (each.renew_at <= now_ms) {
      each.renew_at = now_ms + each.lease_ms / 3;
      const size_t end = name.find('\n');
      const std::string_view queue = std::string_view(name).substr(0, end);
      const auto fits = [&](const renewal &some) {
        return some.queue == queue && some.lease_ms == each.lease_ms && some.members.size() < most_together;
      };
      auto found = std::find_if(out.rbegin(), out.rend(), fits);
      if (found == out.rend()) {
        out.push_back({std::string(queue), each.lease_ms, {}});
        found = out.rbegin();
      }
      found->members.push_back(name.substr(end + 1));
    }
    due_ = std::min(due_, each.renew_at);
  }
  return out;
}

}  // namespace queue_plugin
