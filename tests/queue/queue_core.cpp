#include "queue_core.h"

namespace queue_test {

namespace {

test_server *running = nullptr;

}  // namespace

test_server *server() {
  if (running == nullptr) running = test_server_start(nullptr, nullptr);
  return running;
}

void stop_server() { test_server_stop(std::exchange(running, nullptr)); }

cachecore::core open(const std::string &url, const std::string &config, const std::string &key_prefix) {
  return cachecore::core(cachecore::options{.url = url,
                                            .config_json = "{\"plugins\": {\"queue\": " + config + "}}",
                                            .plugins = {{"queue"}},
                                            .key_prefix = key_prefix,
                                            .call_timeout_ms = test_patience_ms()});
}

std::vector<job> jobs_of(const cachecore::result &claimed) {
  std::vector<job> out;
  const auto view = claimed.view();
  for (size_t at = 0; at < view.items().size(); at++) {
    const auto each = view[at];
    out.push_back({each["job"].as<std::string>(), each["queue"].as<std::string>(), each["id"].as<std::string>(),
                   each["payload"].as<std::string>(), each["attempt"].as<int64_t>()});
  }
  return out;
}

std::string push(const cachecore::caller &core, const std::string &queue, const std::string &payload,
                 const cachecore::value &options) {
  return core.call("queue.push", queue, payload, options).view()["id"].as<std::string>();
}

int64_t count(const cachecore::caller &core, const std::string &queue, const char *state) {
  return core.call("queue.counts", queue).view()[state].as<int64_t>();
}

std::string state(const cachecore::caller &core, const std::string &queue, const std::string &id) {
  const auto found = core.call("queue.get", queue, id);
  return found.found() ? found.view()["state"].as<std::string>() : "none";
}

job claim_one(const cachecore::caller &core, const std::string &queue, int64_t lease_ms) {
  const auto claimed = claim(core, queue, 1, test_patience_ms(), lease_ms);
  if (claimed.size() != 1) throw std::runtime_error("no job came");
  return claimed[0];
}

}  // namespace queue_test
