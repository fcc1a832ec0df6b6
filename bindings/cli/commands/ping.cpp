// ping: is the server there?

#include "../command.h"

namespace cachectl {
namespace {

cachecore_status run_ping(context &context) { return context.call("redis.ping", {}); }

}  // namespace

extern const command ping_command;
const command ping_command = {
    .name = "ping",
    .arguments = "",
    .summary = "asks the server for a sign of life; exit code 3 without one",
    .details = "The same as redis.ping.",
    .options = {},
    .least_words = 0,
    .most_words = 0,
    .looks_only = false,
    .run = run_ping,
};

}  // namespace cachectl
