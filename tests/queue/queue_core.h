// queue_core.h: a private server, cores in front of it, and queue calls in few words.
//
// Thread rule: a core's calls from any thread, the rest on the test's own.
#pragma once

#include <cachecore/cachecore.hpp>

#include <string>
#include <vector>

#include "tests/cpp/check.h"

namespace queue_test {

using cachecore::list;
using cachecore::map;
using cachecore::status;

// What a claim gave; lives by itself.
struct job {
  std::string handle;
  std::string queue;
  std::string id;
  std::string payload;
  int64_t attempt;
};

// Of the whole program; started at first use. A database of its own is the test's business: queues have names.
test_server *server();
void stop_server();

cachecore::core open(const std::string &url = test_server_url(server()), const std::string &config = "{}",
                     const std::string &key_prefix = "app:");

std::vector<job> jobs_of(const cachecore::result &claimed);
template <class... More>
std::vector<job> claim(const cachecore::caller &core, const std::string &queue, int64_t count = 1, int64_t wait_ms = 0,
                       const More &...more) {
  return jobs_of(core.call("queue.claim", queue, count, wait_ms, more...));
}

std::string push(const cachecore::caller &core, const std::string &queue, const std::string &payload,
                 const cachecore::value &options = map({}));
int64_t count(const cachecore::caller &core, const std::string &queue, const char *state);
std::string state(const cachecore::caller &core, const std::string &queue, const std::string &id);

// Claims until a job comes, within the test's patience.
job claim_one(const cachecore::caller &core, const std::string &queue, int64_t lease_ms = 30000);

}  // namespace queue_test
