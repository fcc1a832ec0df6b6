// scrapes.cpp: what being watched costs: GETs of a core whose metrics are scraped over HTTP twenty times a second
// (three hundred times as often as Prometheus does), beside GETs of the same core left alone.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "bench.h"
#include "core_of.h"

namespace bench {

namespace {

constexpr auto between_scrapes = std::chrono::milliseconds(50);

core_ptr open_serving_core() {
  cachecore_options options;
  cachecore_options_init(&options);
  const std::string url = server_url();
  options.url = url.c_str();
  options.config_json = R"({"plugins": {"http": {"listen": "127.0.0.1:0", "token": "the-token-of-this-bench"}}})";
  cachecore *core = nullptr;
  cachecore_error error;
  check(cachecore_init(&options, &core, &error), error, "init");
  return core_ptr(core);
}

uint16_t port_of(cachecore *core) {
  cachecore_result *status = nullptr;
  cachecore_error error;
  check(cachecore_invoke(core, "http.status", nullptr, 0, &status, &error), error, "http.status");
  const cachecore_value *address = cachecore_monitor_field(status, "address");
  const std::string text(address->as.bytes.data, address->as.bytes.size);
  cachecore_result_free(status);
  return static_cast<uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
}

void scrape(uint16_t port) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0) test_die("connect");
  constexpr std::string_view ask =
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer "
      "the-token-of-this-bench\r\n\r\n";
  if (write(connection, ask.data(), ask.size()) != static_cast<ssize_t>(ask.size())) test_die("write");
  std::string text;
  char part[16384];
  for (ssize_t got = 0; (got = read(connection, part, sizeof(part))) > 0;) text.append(part, static_cast<size_t>(got));
  close(connection);
  if (text.find("\ncachecore_up 1\n") == std::string::npos) test_die("a scrape has no figures: %s", text.c_str());
}

side get_side(const std::shared_ptr<cachecore> &core, bool scraped) {
  const cachecore_method *get = find(core.get(), "kv.get");
  return [core, get, scraped, port = port_of(core.get())] {
    std::atomic<bool> over{false};
    std::thread scraper;
    if (scraped) {
      scraper = std::thread([&] {
        while (!over.load()) {
          scrape(port);
          std::this_thread::sleep_for(between_scrapes);
        }
      });
    }
    const sample done = run_for_a_while(
        [&](int count) {
          for (int i = 0; i < count; i++) get_once(core.get(), get);
        },
        100, test_server_pid(server()));
    over.store(true);
    if (scraper.joinable()) scraper.join();
    return done;
  };
}

sides make_scraped() {
  const std::shared_ptr<cachecore> core = open_serving_core();
  sides made;
  made.ours = get_side(core, true);
  made.peer = get_side(core, false);
  return made;
}

}  // namespace

std::vector<row> scrape_rows() {
  row scraped;
  scraped.name = "get.scraped";
  scraped.peer_name = "without scrapes";
  scraped.target = 0.98;
  scraped.make = make_scraped;
  return {scraped};
}

}  // namespace bench
