// values.cpp: many values at once, large ones, and what memory a large one takes.
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench.h"
#include "core_of.h"
#include "peers.h"

namespace bench {

namespace {

constexpr size_t many_keys = 100;
constexpr size_t many_size = 1'024;
constexpr size_t large_size = size_t{1} << 20;
constexpr size_t huge_size = size_t{64} << 20;

using reply_ptr = std::unique_ptr<redisReply, void (*)(redisReply *)>;

reply_ptr run(redisContext *context, const std::vector<std::string> &words) {
  std::vector<const char *> data;
  std::vector<size_t> sizes;
  for (const std::string &each : words) {
    data.push_back(each.data());
    sizes.push_back(each.size());
  }
  void *reply = redisCommandArgv(context, static_cast<int>(words.size()), data.data(), sizes.data());
  if (reply == nullptr) test_die("hiredis: %s", context->errstr);
  return {static_cast<redisReply *>(reply), [](redisReply *each) { freeReplyObject(each); }};
}

cachecore_result *call(cachecore *core, const cachecore_method *method, const cachecore_value *args, size_t count) {
  cachecore_result *result = nullptr;
  cachecore_error error;
  check(cachecore_call(core, method, args, count, 0, &result, &error), error, "a call");
  return result;
}

std::vector<std::string> names_of_many() {
  std::vector<std::string> out;
  out.reserve(many_keys);
  for (size_t i = 0; i < many_keys; i++) out.push_back("bench:many:" + std::to_string(i));
  return out;
}

sides make_mget() {
  const std::shared_ptr<cachecore> core = open_core(server_url());
  const std::shared_ptr<redisContext> peer = connect_peer();
  const cachecore_method *get_many = find(core.get(), "kv.get_many");
  const auto names = std::make_shared<std::vector<std::string>>(names_of_many());
  auto words = std::make_shared<std::vector<std::string>>(*names);
  for (const std::string &each : *names) run(peer.get(), {"SET", each, std::string(many_size, 'v')});
  words->insert(words->begin(), "MGET");
  const pid_t pid = test_server_pid(server());
  return {[core, get_many, names, pid] {
            return run_for_a_while(
                [&](int count) {
                  std::vector<cachecore_value> keys;
                  for (const std::string &each : *names) keys.push_back(cachecore_bytes(each.data(), each.size()));
                  const cachecore_value arg = cachecore_list(keys.data(), keys.size());
                  for (int i = 0; i < count; i++) {
                    cachecore_result *result = call(core.get(), get_many, &arg, 1);
                    if (cachecore_result_value(result)->as.list.count != many_keys) test_die("get_many failed");
                    cachecore_result_free(result);
                  }
                },
                10, pid);
          },
          [peer, words, pid] {
            return run_for_a_while(
                [&](int count) {
                  for (int i = 0; i < count; i++) {
                    if (run(peer.get(), *words)->elements != many_keys) test_die("hiredis: MGET failed");
                  }
                },
                10, pid);
          },
          nullptr};
}

sides make_large(bool writes) {
  const std::shared_ptr<cachecore> core = open_core(server_url());
  const std::shared_ptr<redisContext> peer = connect_peer();
  const cachecore_method *method = find(core.get(), writes ? "kv.set" : "kv.get");
  const auto value = std::make_shared<std::string>(large_size, 'l');
  run(peer.get(), {"SET", "bench:large", *value});
  const pid_t pid = test_server_pid(server());
  return {[core, method, value, writes, pid] {
            return run_for_a_while(
                [&](int count) {
                  const cachecore_value args[] = {cachecore_text("bench:large"),
                                                  cachecore_bytes(value->data(), value->size())};
                  for (int i = 0; i < count; i++) {
                    cachecore_result_free(call(core.get(), method, args, writes ? 2 : 1));
                  }
                },
                2, pid);
          },
          [peer, value, writes, pid] {
            return run_for_a_while(
                [&](int count) {
                  for (int i = 0; i < count; i++) {
                    if (writes) {
                      const char *words[] = {"SET", "bench:large", value->data()};
                      const size_t sizes[] = {3, 11, value->size()};
                      freeReplyObject(redisCommandArgv(peer.get(), 3, words, sizes));
                    } else {
                      freeReplyObject(redisCommand(peer.get(), "GET bench:large"));
                    }
                  }
                },
                2, pid);
          },
          nullptr};
}

double highest_memory() {
  double kilobytes = 0;
  FILE *status = std::fopen("/proc/self/status", "re");
  std::array<char, 256> line{};
  while (status != nullptr && std::fgets(line.data(), line.size(), status) != nullptr) {
    if (std::strncmp(line.data(), "VmHWM:", 6) == 0) kilobytes = std::strtod(line.data() + 6, nullptr);
  }
  if (status != nullptr) std::fclose(status);
  return kilobytes * 1'024;
}

// In a process of its own: how far the memory rises by one value of 64 MB.
sample memory_of_a_huge_value() {
  run(connect_peer().get(), {"SET", "bench:huge", std::string(huge_size, 'h')});
  int channel[2];
  if (pipe(channel) != 0) test_die("pipe");
  const pid_t child = fork();
  if (child == 0) {
    const core_ptr core = open_core(server_url());
    const cachecore_method *get = find(core.get(), "kv.get");
    malloc_trim(0);
    FILE *reset = std::fopen("/proc/self/clear_refs", "we");
    if (reset != nullptr) {
      std::fputs("5", reset);
      std::fclose(reset);
    }
    const double before = highest_memory();
    const cachecore_value key = cachecore_text("bench:huge");
    cachecore_result *result = call(core.get(), get, &key, 1);
    const bool right = cachecore_result_value(result)->as.bytes.size == huge_size;
    const double risen = right ? highest_memory() - before : 0;
    if (write(channel[1], &risen, sizeof(risen)) != sizeof(risen)) _exit(1);
    _exit(0);
  }
  sample taken;
  double risen = 0;
  if (child < 0 || read(channel[0], &risen, sizeof(risen)) != sizeof(risen) || risen <= 0) test_die("no figure");
  taken.operations = risen;
  close(channel[0]);
  close(channel[1]);
  waitpid(child, nullptr, 0);
  return taken;
}

sides make_busy() {
  cachecore_options options;
  cachecore_options_init(&options);
  const std::string url = server_url();
  options.url = url.c_str();
  options.busy_poll_us = 50;
  cachecore *made = nullptr;
  cachecore_error error;
  check(cachecore_init(&options, &made, &error), error, "init");
  const std::shared_ptr<cachecore> core(made, close_core());
  const cachecore_method *get = find(core.get(), "kv.get");
  const std::shared_ptr<redisContext> peer = connect_peer();
  const pid_t pid = test_server_pid(server());
  return {[core, get, pid] {
            return run_for_a_while(
                [&](int count) {
                  for (int i = 0; i < count; i++) get_once(core.get(), get);
                },
                100, pid);
          },
          [peer, pid] {
            return run_for_a_while(
                [&](int count) {
                  for (int i = 0; i < count; i++) get_once(peer.get());
                },
                100, pid);
          },
          nullptr};
}

}  // namespace

std::vector<row> value_rows() {
  constexpr auto rate = quantity::operations_per_second;
  return {
      {"get.sync1.busy", "hiredis sync", rate, 2.0, 0, false, make_busy},
      {"mget", "hiredis sync", rate, 1.2, 0, true, make_mget},
      {"large.get", "hiredis sync", rate, 0.95, 0, true, [] { return make_large(false); }},
      {"large.set", "hiredis sync", rate, 0.95, 0, true, [] { return make_large(true); }},
      {"large.memory", "budget 2.2 of 64 MB", quantity::bytes, 1.0, 2.2 * huge_size, false,
       [] { return sides{memory_of_a_huge_value, nullptr, nullptr}; }},
  };
}

}  // namespace bench
