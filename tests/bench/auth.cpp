// auth.cpp: verifying a token beside the bare HMGET that it comes to.
#include <array>
#include <cstring>

#include "bench.h"
#include "core_of.h"
#include "peers.h"

namespace bench {

namespace {

// A core with a token, and the key of the token's record for the peer.
struct signed_in {
  std::shared_ptr<cachecore> core;
  const cachecore_method *verify = nullptr;
  std::string token;
  std::string record;
};

std::string text_of(redisContext *context, const char *format, const char *argument) {
  auto *reply = static_cast<redisReply *>(redisCommand(context, format, argument));
  if (reply == nullptr || reply->type != REDIS_REPLY_ARRAY || reply->elements != 1) test_die("hiredis: %s", format);
  std::string text(reply->element[0]->str, reply->element[0]->len);
  freeReplyObject(reply);
  return text;
}

std::shared_ptr<signed_in> sign_in() {
  auto made = std::make_shared<signed_in>();
  made->core = open_core(server_url());
  made->verify = find(made->core.get(), "auth.verify");
  const cachecore_value user = cachecore_text("bench");
  cachecore_result *result = nullptr;
  cachecore_error error;
  check(cachecore_invoke(made->core.get(), "auth.revoke_all", &user, 1, nullptr, &error), error, "auth.revoke_all");
  check(cachecore_auth_issue(made->core.get(), "bench", cachecore_nil(), 0, nullptr, 0, nullptr, nullptr, &result,
                             &error),
        error, "auth.issue");
  made->token = cachecore_auth_text(result, "token");
  cachecore_result_free(result);
  made->record = text_of(connect_peer().get(), "KEYS %s", "auth:*:t:*");
  return made;
}

void verify_once(const signed_in &who) {
  const cachecore_value token = cachecore_bytes(who.token.data(), who.token.size());
  cachecore_result *result = nullptr;
  cachecore_error error;
  check(cachecore_call(who.core.get(), who.verify, &token, 1, 0, &result, &error), error, "auth.verify");
  cachecore_result_free(result);
}

void read_once(redisContext *context, const signed_in &who) {
  static constexpr std::array<const char *, 8> fields = {"HMGET", "", "v", "u", "m", "d", "c", "e"};
  std::array<const char *, 9> words{};
  std::array<size_t, 9> sizes{};
  for (size_t i = 0; i < fields.size(); i++) words[i] = fields[i];
  words[1] = who.record.c_str();
  words[8] = "f";
  for (size_t i = 0; i < words.size(); i++) sizes[i] = std::strlen(words[i]);
  auto *reply = static_cast<redisReply *>(redisCommandArgv(context, words.size(), words.data(), sizes.data()));
  if (reply == nullptr || reply->elements != 7 || reply->element[0]->len != 16) test_die("hiredis: HMGET failed");
  freeReplyObject(reply);
}

sides make_verify() {
  const std::shared_ptr<signed_in> who = sign_in();
  const std::shared_ptr<redisContext> peer = connect_peer();
  const pid_t pid = test_server_pid(server());
  return {[who, pid] {
            return run_for_a_while(
                [&](int count) {
                  for (int i = 0; i < count; i++) verify_once(*who);
                },
                100, pid);
          },
          [who, peer, pid] {
            return run_for_a_while(
                [&](int count) {
                  for (int i = 0; i < count; i++) read_once(peer.get(), *who);
                },
                100, pid);
          },
          nullptr};
}

sides make_verify_on_threads() {
  const std::shared_ptr<signed_in> who = sign_in();
  const auto connections = std::make_shared<std::vector<context_ptr>>();
  for (size_t i = 0; i < bench_threads; i++) connections->push_back(connect_peer());
  return {[who] { return run_threads([&](size_t) { verify_once(*who); }); },
          [who, connections] { return run_threads([&](size_t i) { read_once((*connections)[i].get(), *who); }); },
          nullptr};
}

}  // namespace

std::vector<row> auth_rows() {
  constexpr auto rate = quantity::operations_per_second;
  return {
      {"auth.verify", "hiredis HMGET", rate, 0.9, 0, true, make_verify},
      {"auth.verify.unpinned", "hiredis HMGET", rate, 0, 0, false, make_verify},
      {"auth.verify.sync64", "64 own hiredis HMGET", rate, 0.9, 0, false, make_verify_on_threads},
  };
}

}  // namespace bench
