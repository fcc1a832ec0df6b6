#include "scripts.h"

#include <algorithm>
#include <array>

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

// Put together by the compiler: they live as long as the plugin's code, whatever still runs while the process ends.
template <size_t... Sizes>
constexpr auto join(const char (&...parts)[Sizes]) {
  std::array<char, (Sizes + ...) - sizeof...(Sizes) + 1> out{};
  auto end = out.begin();
  ((end = std::copy_n(parts, Sizes - 1, end)), ...);
  return out;
}

template <size_t Size>
constexpr cachecore_script script_of(const std::array<char, Size> &source) {
  return {sizeof(cachecore_script), source.data(), Size - 1};
}

constexpr auto push_source = join(push_quick_lua, job_lua, push_lua);
constexpr auto claim_source = join(claim_quick_lua, job_lua, claim_lua);
constexpr auto finish_source = join(finish_quick_lua, job_lua, finish_lua);
constexpr auto renew_source = join(renew_lua);
constexpr auto give_back_source = join(job_lua, give_back_lua);
constexpr auto cancel_source = join(job_lua, cancel_lua);
constexpr auto view_source = join(job_lua, view_lua);
constexpr auto rules_source = join(job_lua, rules_lua);
constexpr auto sweep_source = join(job_lua, sweep_lua);
constexpr auto counts_source = join(counts_lua);
constexpr auto progress_source = join(job_lua, progress_lua);
constexpr auto schedule_source = join(job_lua, schedule_lua);
constexpr auto plain_source = join(plain_lua);

constexpr cachecore_script push_script = script_of(push_source);
constexpr cachecore_script claim_script = script_of(claim_source);
constexpr cachecore_script finish_script = script_of(finish_source);
constexpr cachecore_script renew_script = script_of(renew_source);
constexpr cachecore_script give_back_script = script_of(give_back_source);
constexpr cachecore_script cancel_script = script_of(cancel_source);
constexpr cachecore_script view_script = script_of(view_source);
constexpr cachecore_script rules_script = script_of(rules_source);
constexpr cachecore_script sweep_script = script_of(sweep_source);
constexpr cachecore_script counts_script = script_of(counts_source);
constexpr cachecore_script progress_script = script_of(progress_source);
constexpr cachecore_script schedule_script = script_of(schedule_source);
constexpr cachecore_script plain_script = script_of(plain_source);

}  // namespace

const cachecore_script &push() { return push_script; }
const cachecore_script &claim() { return claim_script; }
const cachecore_script &finish() { return finish_script; }
const cachecore_script &renew() { return renew_script; }
const cachecore_script &give_back() { return give_back_script; }
const cachecore_script &cancel() { return cancel_script; }
const cachecore_script &view() { return view_script; }
const cachecore_script &rules() { return rules_script; }
const cachecore_script &sweep() { return sweep_script; }
const cachecore_script &counts() { return counts_script; }
const cachecore_script &progress() { return progress_script; }
const cachecore_script &schedule() { return schedule_script; }
const cachecore_script &plain() { return plain_script; }

}  // namespace queue_plugin::scripts
