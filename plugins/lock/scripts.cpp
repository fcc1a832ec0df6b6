#include "scripts.h"

#include "acquire.lua.h"
#include "check.lua.h"
#include "fence.lua.h"
#include "force.lua.h"
#include "release.lua.h"
#include "renew.lua.h"
#include "state.lua.h"
#include "status.lua.h"

namespace lock_plugin::scripts {

namespace {

const cachecore_script *make(const char *before, const char *source) {
  const auto *text = new std::string(std::string(before) + source);
  return new cachecore_script{sizeof(cachecore_script), text->data(), text->size()};
}

}  // namespace

const cachecore_script &acquire() {
  static const cachecore_script *const made = make(state_lua, acquire_lua);
  return *made;
}

const cachecore_script &check() {
  static const cachecore_script *const made = make(state_lua, check_lua);
  return *made;
}

const cachecore_script &fence() {
  static const cachecore_script *const made = make(state_lua, fence_lua);
  return *made;
}

const cachecore_script &force() {
  static const cachecore_script *const made = make(state_lua, force_lua);
  return *made;
}

const cachecore_script &release() {
  static const cachecore_script *const made = make(state_lua, release_lua);
  return *made;
}

const cachecore_script &renew() {
  static const cachecore_script *const made = make("", renew_lua);
  return *made;
}

const cachecore_script &status() {
  static const cachecore_script *const made = make("", status_lua);
  return *made;
}

}  // namespace lock_plugin::scripts
