// TLS in front of a real server: calls of every kind, whom to trust, and what a hostile or broken line does.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/ports.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/redis_core.h"
#include "tests/wire/certificates.h"

using namespace topology_test;
using namespace wire_test;

namespace {

struct secured {
  char *directory = test_directory();
  authority trusted{directory, "trusted"};
  authority other{directory, "other"};
  certificate_files server = trusted.issue("server", "DNS:localhost,IP:127.0.0.1");
  certificate_files client = trusted.issue("client", "DNS:client");
  certificate_files stranger = other.issue("stranger", "DNS:client");
  certificate_files expired = trusted.issue("expired", "DNS:localhost,IP:127.0.0.1", -60);
  certificate_files elsewhere = trusted.issue("elsewhere", "DNS:example.org,IP:192.0.2.1");

  ~secured() { test_directory_remove(directory); }
};

secured *files;

// A server whose TLS port shows `shown`.
class tls_server {
 public:
  explicit tls_server(const certificate_files &shown, const std::vector<std::string> &more = {}) : port_(free_port()) {
    std::vector<std::string> args = {
        "--tls-port", std::to_string(port_), "--tls-cert-file",     shown.certificate,    "--tls-key-file",
        shown.key,    "--tls-ca-cert-file",  files->trusted.file(), "--tls-auth-clients", "no"};
    args.insert(args.end(), more.begin(), more.end());
    std::vector<const char *> words;
    words.reserve(args.size() + 1);
    for (const std::string &each : args) words.push_back(each.c_str());
    words.push_back(nullptr);
    server_ = test_server_start_tcp(nullptr, words.data());
  }
  ~tls_server() { test_server_stop(server_); }
  tls_server(const tls_server &) = delete;
  tls_server &operator=(const tls_server &) = delete;

  [[nodiscard]] std::string url(const std::string &host = "127.0.0.1", const std::string &credentials = "") const {
    return "rediss://" + credentials + host + ":" + std::to_string(port_);
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] test_server *server() const { return server_; }

 private:
  int port_;
  test_server *server_ = nullptr;
};

std::string trusting(const std::string &more = "") {
  return R"({"tls": {"ca_file": ")" + files->trusted.file() + "\"" + more + "}}";
}

std::string with_client(const certificate_files &shown) {
  return trusting(R"(, "certificate_file": ")" + shown.certificate + R"(", "key_file": ")" + shown.key + "\"");
}

int make_files(void **) {
  files = new secured();
  return 0;
}

int remove_files(void **) {
  delete files;
  return 0;
}

void calls_of_every_kind(void **) {
  const tls_server server(files->server);
  const redis_core core(server.url(), trusting().c_str());
  assert_answer(core.command({"SET", "a", "1"}), "OK");
  assert_answer(core.transaction({{"INCR", "a"}, {"INCR", "a"}}), "[2, 3]");
  assert_answer(core.script("return redis.call('incr', KEYS[1])", {"a"}), "4");
  assert_answer(core.command({"BLPOP", "none", "0.01"}), "nil");
  std::vector<words> many(10'000, words{"INCR", "a"});
  assert_true(core.pipeline(many).answer.ends_with("10003, 10004]"));
  for (const size_t size : {size_t{1} << 14, (size_t{1} << 14) + 1, size_t{1} << 20, size_t{32} << 20}) {
    std::string large(size, 'x');
    for (size_t i = 0; i < size; i += 997) large[i] = static_cast<char>('a' + i % 26);
    assert_answer(core.command({"SET", "large", large}), "OK");
    assert_true(core.command({"GET", "large"}).answer == large);
  }
}

// Values nobody else has: a reply that belongs to another would show.
void many_threads(void **) {
  const tls_server server(files->server);
  const redis_core core(server.url("localhost"), trusting().c_str());
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  callers.reserve(16);
  for (int number = 0; number < 16; number++) {
    callers.emplace_back([&, number] {
      for (int i = 0; i < 300; i++) {
        const std::string said =
            std::to_string(number) + ":" + std::to_string(i) + std::string(static_cast<size_t>(i % 50) * 400, '.');
        if (core.command({"ECHO", said}).answer != said) wrong++;
      }
    });
  }
  for (std::thread &each : callers) each.join();
  assert_int_equal(wrong, 0);
}

void whom_to_trust(void **) {
  const tls_server server(files->server);
  const std::string by_other = R"({"tls": {"ca_file": ")" + files->other.file() + "\"}}";
  const redis_core wrong_authority(server.url(), by_other.c_str());
  assert_failed(wrong_authority.command({"PING"}), CACHECORE_DENIED, "127.0.0.1");
  const redis_core by_system(server.url());
  assert_failed(by_system.command({"PING"}), CACHECORE_DENIED, "certificate");
  const redis_core unverified(server.url(), R"({"tls": {"verify": false}})");
  assert_answer(unverified.command({"PING"}), "PONG");
  {
    const tls_server late(files->expired);
    const redis_core core(late.url(), trusting().c_str());
    assert_failed(core.command({"PING"}), CACHECORE_DENIED, "expired");
  }
  const tls_server elsewhere(files->elsewhere);
  const redis_core wrong_address(elsewhere.url(), trusting().c_str());
  assert_failed(wrong_address.command({"PING"}), CACHECORE_DENIED, "IP address mismatch");
  const redis_core wrong_name(elsewhere.url("localhost"), trusting().c_str());
  assert_failed(wrong_name.command({"PING"}), CACHECORE_DENIED, "localhost: hostname mismatch");
  const redis_core named(elsewhere.url(), trusting(R"(, "server_name": "example.org")").c_str());
  assert_answer(named.command({"PING"}), "PONG");
}

void assert_refused(const redis_core &core) {
  const outcome came = core.command({"PING"});
  assert_true(came.status == CACHECORE_DENIED || came.status == CACHECORE_UNAVAILABLE);
  if (came.message.find("certificate") == std::string::npos && came.message.find("ca") == std::string::npos) {
    print_error("%s\n", came.message.c_str());
    assert_true(false);
  }
}

void client_certificates(void **) {
  const tls_server server(files->server, {"--tls-auth-clients", "yes"});
  const redis_core known(server.url(), with_client(files->client).c_str());
  assert_answer(known.command({"PING"}), "PONG");
  const redis_core nameless(server.url(), trusting().c_str());
  // DENIED with the reason, unless the server's reset overtakes its alert.
  assert_refused(nameless);
  const redis_core stranger(server.url(), with_client(files->stranger).c_str());
  assert_refused(stranger);
}

void refused_at_init(const std::string &config, const char *part) {
  cachecore_options options;
  cachecore_options_init(&options);
  options.url = "rediss://127.0.0.1:1";
  options.config_json = config.c_str();
  cachecore_handle *core = nullptr;
  cachecore_error error;
  assert_int_equal(cachecore_init(&options, &core, &error), CACHECORE_INVALID_ARGUMENT);
  if (std::string(error.message).find(part) == std::string::npos) print_error("%s\n", error.message);
  assert_non_null(std::strstr(error.message, part));
}

void files_are_read_at_init(void **) {
  refused_at_init(R"({"tls": {"ca_file": "/nonexistent/ca.pem"}})", "tls.ca_file /nonexistent/ca.pem");
  refused_at_init(R"({"tls": {"ca_file": ")" + files->server.key + "\"}}", "tls.ca_file");
  const certificate_files mixed = {files->client.certificate, files->server.key};
  refused_at_init(with_client(mixed), "tls.key_file");
}

void versions_and_ports(void **) {
  const tls_server old(files->server, {"--tls-protocols", "TLSv1.1"});
  const redis_core too_old(old.url(), trusting().c_str());
  assert_failed(too_old.command({"PING"}), CACHECORE_UNAVAILABLE, "TLS");
  const tls_server twelve(files->server, {"--tls-protocols", "TLSv1.2"});
  const redis_core still_good(twelve.url(), trusting().c_str());
  assert_answer(still_good.command({"PING"}), "PONG");
  const redis_core plain_port("rediss://127.0.0.1:" + std::to_string(test_server_port(twelve.server())),
                              trusting().c_str());
  assert_failed(plain_port.command({"PING"}), CACHECORE_UNAVAILABLE, "is it a TLS port?");
  const redis_core plain_client("redis://127.0.0.1:" + std::to_string(twelve.port()));
  assert_failed(plain_client.command({"PING"}), CACHECORE_UNAVAILABLE, "rediss://");
}

// A password that changes while the core runs: read again at every connection.
void passwords_rotate(void **) {
  const tls_server server(files->server, {"--user", "app", "on", ">first", "~*", "&*", "+@all"});
  const std::string path = std::string(files->directory) + "/password";
  std::ofstream(path) << "first\n";
  const std::string config =
      R"({"password_file": ")" + path + R"(", "tls": {"ca_file": ")" + files->trusted.file() + "\"}}";
  const redis_core core(server.url("127.0.0.1", "app@"), config.c_str());
  assert_answer(core.command({"ACL", "WHOAMI"}), "app");
  free(test_command_text(server.server(), "ACL SETUSER app resetpass >second"));
  std::ofstream(path) << "second\n";
  free(test_command_text(server.server(), "CLIENT KILL TYPE normal SKIPME yes"));
  const auto back = [](void *state) {
    return static_cast<const redis_core *>(state)->command({"ACL", "WHOAMI"}).answer == "app" ? 1 : 0;
  };
  assert_true(test_wait_until(back, const_cast<redis_core *>(&core), test_patience_ms()));
  std::ofstream(path) << "third\n";
  free(test_command_text(server.server(), "CLIENT KILL TYPE normal SKIPME yes"));
  const auto denied = [](void *state) {
    return static_cast<const redis_core *>(state)->command({"PING"}).status == CACHECORE_DENIED ? 1 : 0;
  };
  assert_true(test_wait_until(denied, const_cast<redis_core *>(&core), test_patience_ms()));
}

// One fault of the line at a time: what comes back is right or an error, and afterwards everything works.
void broken_lines(void **) {
  const tls_server server(files->server);
  const std::string upstream = "127.0.0.1:" + std::to_string(server.port());
  test_proxy *proxy = test_proxy_start_at(files->directory, upstream.c_str());
  const redis_core core("rediss://127.0.0.1:" + std::to_string(test_proxy_port(proxy)), trusting().c_str(), 2'000);
  assert_answer(core.command({"PING"}), "PONG");
  const auto faulty = [&](const test_faults &fault, test_direction direction) {
    test_proxy_set(proxy, direction, &fault);
    for (int i = 0; i < 3; i++) {
      const std::string said = "said " + std::to_string(i) + std::string(3'000, 'x');
      const outcome came = core.command({"ECHO", said}, 700);
      if (came.status == CACHECORE_OK) assert_true(came.answer == said);
      const outcome changed = core.command({"INCR", "n"}, 700);
      assert_true(changed.status == CACHECORE_OK || changed.status == CACHECORE_UNCERTAIN ||
                  changed.status == CACHECORE_UNAVAILABLE || changed.status == CACHECORE_TIMEOUT);
    }
    test_proxy_clear(proxy);
    test_proxy_disconnect(proxy);
    const auto works = [](void *state) {
      return static_cast<const redis_core *>(state)->command({"PING"}).status == CACHECORE_OK ? 1 : 0;
    };
    assert_true(test_wait_until(works, const_cast<redis_core *>(&core), test_patience_ms()));
    for (int i = 0; i < 100; i++) {
      const std::string said = "after " + std::to_string(i);
      assert_answer(core.command({"ECHO", said}), said.c_str());
    }
  };
  test_faults reorder{}, garbage{}, late_garbage{}, cut{}, drip{}, delay{}, swallow{};
  reorder.reorder = 1;
  garbage.garbage = 1;
  late_garbage.garbage = 1;
  late_garbage.garbage_after = 100;
  cut.cut = 1;
  cut.cut_after = 40;  // within a record
  cut.cut_limit = 2;
  drip.drip_ms = 1;
  delay.delay_ms = 20;
  swallow.swallow = 1;
  for (const test_faults &fault : {reorder, garbage, late_garbage, cut, drip, delay, swallow}) {
    faulty(fault, TEST_TO_CLIENT);
    faulty(fault, TEST_TO_SERVER);
  }
  test_proxy_stop(proxy);
}

// Tickets that a TLS 1.3 server sends unasked are not taken for a reply, nor for the end.
void an_idle_connection(void **) {
  const tls_server server(files->server);
  const redis_core core(server.url(), trusting().c_str());
  assert_answer(core.command({"PING"}), "PONG");
  const int64_t until = test_now_ms() + 1'100;
  while (test_now_ms() < until) poll(nullptr, 0, 50);
  assert_answer(core.command({"INCR", "idle"}), "1");
  // It was the same connection that answered: one is the tests' own, one the core's.
  assert_int_equal(test_server_info(server.server(), "connected_clients"), 2);
  assert_answer(core.command({"INCR", "idle"}), "2");
}

// A server that has closed an idle connection: a change is not sent into it, which would be UNCERTAIN for nothing.
void a_connection_closed_while_idle(void **) {
  const tls_server server(files->server);
  std::vector<std::unique_ptr<redis_core>> cores;
  for (int i = 0; i < 8; i++) {
    cores.push_back(std::make_unique<redis_core>(server.url(), trusting().c_str()));
    assert_answer(cores.back()->command({"INCR", "n" + std::to_string(i)}), "1");
  }
  free(test_command_text(server.server(), "CLIENT KILL TYPE normal SKIPME yes"));
  const int64_t until = test_now_ms() + 1'200;
  while (test_now_ms() < until) poll(nullptr, 0, 50);
  for (int i = 0; i < 8; i++)
    assert_answer(cores[static_cast<size_t>(i)]->command({"INCR", "n" + std::to_string(i)}), "2");
}

void a_forked_child(void **) {
  const tls_server server(files->server);
  const redis_core core(server.url(), trusting().c_str());
  assert_answer(core.command({"SET", "a", "1"}), "OK");
  const pid_t child = fork();
  if (child == 0) {
    cachecore_error error;
    const bool right = cachecore_invoke(core.handle(), "redis.ping", nullptr, 0, nullptr, &error) == CACHECORE_FORKED &&
                       cachecore_reset(core.handle(), &error) == CACHECORE_OK &&
                       core.command({"GET", "a"}).answer == "1";
    _exit(right ? 0 : 1);
  }
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_answer(core.command({"INCR", "a"}), "2");
}

}  // namespace

int main(int argc, char **) {
  const CMUnitTest tests[] = {
      cmocka_unit_test(calls_of_every_kind),    cmocka_unit_test(many_threads),
      cmocka_unit_test(whom_to_trust),          cmocka_unit_test(client_certificates),
      cmocka_unit_test(files_are_read_at_init), cmocka_unit_test(versions_and_ports),
      cmocka_unit_test(passwords_rotate),       cmocka_unit_test(broken_lines),
      cmocka_unit_test(an_idle_connection),     cmocka_unit_test(a_connection_closed_while_idle),
  };
  const CMUnitTest forking[] = {cmocka_unit_test(a_forked_child)};
  return argc > 1 ? cmocka_run_group_tests_name("tls in a fork", forking, make_files, remove_files)
                  : cmocka_run_group_tests_name("tls", tests, make_files, remove_files);
}
