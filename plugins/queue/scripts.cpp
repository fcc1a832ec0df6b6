#include "scripts.h"

#include <initializer_list>
#include <string>

#include "cancel.lua.h"
#include "claim.lua.h"
#include "claim_quick.lua.h"
#include "counts.lua.h"
#include "finish.lua.h"
#include "finish_quick.lua.h"
#include "give_back.lua.h"
#include "job.lua.h"
#include "plain.lua.h"
#include "progress.lua.h"
#include "push.lua.h"
#include "push_quick.lua.h"
#include "renew.lua.h"
#include "rules.lua.h"
#include "schedule.lua.h"
#include "sweep.lua.h"
#include "view.lua.h"

namespace queue_plugin::scripts {

namespace {

// Never freed: a server's reply may still need it while the process ends.
const cachecore_script &joined(std::initializer_list<const char *> parts) {
  auto *const text = new std::string;
  for (const char *part : parts) *text += part;
  return *new cachecore_script{sizeof(cachecore_script), text->data(), text->size()};
}

}  // namespace

const cachecore_script &push() {
  static const cachecore_script &made = joined({push_quick_lua, job_lua, push_lua});
  return made;
}
const cachecore_script &claim() {
  static const cachecore_script &made = joined({claim_quick_lua, job_lua, claim_lua});
  return made;
}
const cachecore_script &finish() {
  static const cachecore_script &made = joined({finish_quick_lua, job_lua, finish_lua});
  return made;
}
const cachecore_script &renew() {
  static const cachecore_script &made = joined({renew_lua});
  return made;
}
const cachecore_script &give_back() {
  static const cachecore_script &made = joined({job_lua, give_back_lua});
  return made;
}
const cachecore_script &cancel() {
  static const cachecore_script &made = joined({job_lua, cancel_lua});
  return made;
}
const cachecore_script &view() {
  static const cachecore_script &made = joined({job_lua, view_lua});
  return made;
}
const cachecore_script &rules() {
  static const cachecore_script &made = joined({job_lua, rules_lua});
  return made;
}
const cachecore_script &sweep() {
  static const cachecore_script &made = joined({job_lua, sweep_lua});
  return made;
}
const cachecore_script &counts() {
  static const cachecore_script &made = joined({counts_lua});
  return made;
}
const cachecore_script &progress() {
  static const cachecore_script &made = joined({job_lua, progress_lua});
  return made;
}
const cachecore_script &schedule() {
  static const cachecore_script &made = joined({job_lua, schedule_lua});
  return made;
}
const cachecore_script &plain() {
  static const cachecore_script &made = joined({plain_lua});
  return made;
}

}  // namespace queue_plugin::scripts
