// sessions.cpp: loading a session, beside the bare command that reads its key.
#include <cstdlib>
#include <string>

#include "bench.h"
#include "core_of.h"
#include "peers.h"

namespace bench {

namespace {

// A session as an application has it, and its key.
struct loaded {
  std::string id;
  std::string key;
};

loaded make_session(cachecore *core) {
  const cachecore_pair attributes[] = {{cachecore_text("name"), cachecore_text("Ada Lovelace")},
                                       {cachecore_text("email"), cachecore_text("ada@example.org")},
                                       {cachecore_text("role"), cachecore_text("editor")},
                                       {cachecore_text("csrf"), cachecore_text("9e107d9d372bb6826bd81d3542a419d6")},
                                       {cachecore_text("device"), cachecore_text("Firefox on Linux")}};
  cachecore_result *made = nullptr;
  cachecore_error error;
  check(cachecore_session_create(core, "bench", attributes, 5, nullptr, &made, &error), error, "session.create");
  loaded session{cachecore_session_id(made), {}};
  cachecore_result_free(made);
  const std::unique_ptr<char, void (*)(void *)> keys(test_command_text(server(), "KEYS {s??}:s:*"), std::free);
  session.key = keys.get();
  session.key = session.key.substr(1, session.key.size() - 2);
  if (session.key.find(',') != std::string::npos) test_die("there is more than one session");
  return session;
}

sides make_get() {
  const std::shared_ptr<cachecore> core = open_core(server_url());
  const cachecore_method *get = find(core.get(), "session.get");
  const std::shared_ptr<redisContext> peer = connect_peer();
  const auto session = std::make_shared<loaded>(make_session(core.get()));
  const pid_t pid = test_server_pid(server());
  // What the peer's next row finds is what it makes itself.
  const std::shared_ptr<void> ended(nullptr, [core, session](void *) {
    cachecore_session_destroy(core.get(), session->id.c_str(), nullptr, nullptr);
  });
  return {[core, get, session, pid] {
            return run_for_a_while(
                [&](int count) {
                  const cachecore_value id = cachecore_bytes(session->id.data(), session->id.size());
                  for (int i = 0; i < count; i++) {
                    cachecore_result *result = nullptr;
                    cachecore_error error;
                    check(cachecore_call(core.get(), get, &id, 1, 0, &result, &error), error, "session.get");
                    if (cachecore_session_attribute(result, "role")->as.bytes.size != 6) test_die("a wrong session");
                    cachecore_result_free(result);
                  }
                },
                100, pid);
          },
          [peer, session, pid] {
            return run_for_a_while(
                [&](int count) {
                  const char *words[] = {"HGETALL", session->key.c_str()};
                  const size_t sizes[] = {7, session->key.size()};
                  for (int i = 0; i < count; i++) {
                    auto *reply = static_cast<redisReply *>(redisCommandArgv(peer.get(), 2, words, sizes));
                    if (reply == nullptr || reply->elements < 10) test_die("hiredis: a wrong session");
                    freeReplyObject(reply);
                  }
                },
                100, pid);
          },
          ended};
}

}  // namespace

std::vector<row> session_rows() {
  return {
      {"session.get", "hiredis HGETALL", quantity::operations_per_second, 0.9, 0, true, make_get},
      {"session.get.unpinned", "hiredis HGETALL", quantity::operations_per_second, 0, 0, false, make_get},
  };
}

}  // namespace bench
