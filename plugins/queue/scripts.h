// scripts.h: the scripts as the server gets them.
//
// What several of them share (scripts/job.lua) is put before each; the quick form of a script, which does the common
// case in a few commands and returns, before that.
//
// Thread rule: [any thread]. They live for ever, since the core keeps their digests by their addresses.
#pragma once

#include <cachecore/plugin.hpp>

namespace queue_plugin::scripts {

const cachecore_script &push();
const cachecore_script &claim();
const cachecore_script &finish();
const cachecore_script &renew();
const cachecore_script &give_back();
const cachecore_script &cancel();
const cachecore_script &view();
const cachecore_script &rules();
const cachecore_script &sweep();
const cachecore_script &counts();
const cachecore_script &progress();
const cachecore_script &schedule();
const cachecore_script &plain();

}  // namespace queue_plugin::scripts
