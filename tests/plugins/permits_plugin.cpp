// permits_plugin.cpp: a plugin whose calls wait for each other: a number of permits, first come, first served. Used by
// permits_test.cpp.

#include <cachecore/plugin.hpp>

#include <mutex>

using namespace cachecore::plugin;

namespace {

class permits {
 public:
  permits(host &, const value &config) : free_(config.pairs()["count"].as_int()) {}

  task<int64_t> acquire(call &call) {
    std::unique_lock lock(mutex_);
    if (free_ == 0) co_return (co_await line_.wait(call, lock)).grant;
    free_--;
    co_return 1;
  }

  task<void> release(call &, int64_t) {
    give_back();
    co_return;
  }

  task<void> undo(call &, value) {
    give_back();
    const std::lock_guard lock(mutex_);
    undone_++;
    co_return;
  }

  task<value> state(call &call) {
    const std::lock_guard lock(mutex_);
    co_return call.map({{"free", free_}, {"waiting", !line_.empty()}, {"undone", undone_}});
  }

 private:
  void give_back() {
    const std::lock_guard lock(mutex_);
    if (!line_.wake_one(1)) free_++;
  }

  std::mutex mutex_;
  parking_lot<int64_t> line_;
  int64_t free_;
  int64_t undone_ = 0;
};

constexpr about permits_about{
    .name = "permits", .version = "1.0.0", .license = "MIT", .summary = "Permits for a test.", .needs = {"timer/1"}};

constexpr auto permits_config = spec::fields(spec::count("count").kinds(spec::an_int).by_default(2));

constexpr auto permits_methods = spec::declare(
    spec::method<&permits::acquire>("acquire", "Takes a permit.", "INT", spec::none).undone_by<&permits::undo>(),
    spec::method<&permits::release>("release", "Gives it back.", "NIL", spec::none, spec::count("permit")),
    spec::method<&permits::state>("state", "Tells how many are free.", "MAP", spec::read_only));

}  // namespace

CACHECORE_PLUGIN(permits, permits_about, permits_methods, permits_config)
