// redis_service.h: commands for plugins (service redis/1): from words to requests.
//
// What a command is (does it change data, may it be repeated, does it block) comes from the command table; a command
// the table does not know goes out on the isolated lane and is never repeated. Commands that block or change a
// connection's state are refused outside a lease.
//
// Thread rule: in a step of the invocation. A command that cannot be begun ends its wait with the reason, as if the
// server had refused it.
#pragma once

#include <cachecore/plugin.h>

namespace cachecore_internal {

const cachecore_redis_service *redis_service() noexcept;

class node;
// A read sent to one node, whatever its keys.
void command_on(cachecore_invocation *owner, node &server, const cachecore_value *words, size_t count,
                cachecore_continuation then, void *state) noexcept;

}  // namespace cachecore_internal
