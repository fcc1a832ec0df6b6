// alerts.cpp: what somebody should look at, found when it is asked for.
//
// Nothing is remembered: an alert is there as long as its figure is beyond its threshold. Those who want to be woken
// by one have grafana/alerts.yaml, which says the same in Prometheus' words.
#include <cstdio>

#include "monitor.h"

namespace monitor_plugin {

namespace {

std::string percent(double fraction) {
  char text[32];
  (void)std::snprintf(text, sizeof(text), "%.1f %%", fraction * 100);
  return text;
}

// What is found, in the order it was looked for.
class findings {
 public:
  explicit findings(call &call) : call_(call) {}

  void add(const char *name, const char *severity, const std::string &subject, const std::string &message,
           double figure, double threshold) {
    found_.push_back(call_.map({{"name", name},
                                {"severity", severity},
                                {"subject", call_.copy(subject)},
                                {"message", call_.copy(message)},
                                {"value", figure},
                                {"threshold", threshold}}));
  }
  [[nodiscard]] value all() { return call_.list(found_); }

 private:
  call &call_;
  std::vector<value> found_;
};

int64_t count_in(const value &of, std::string_view name) {
  const value found = of.is(CACHECORE_MAP) ? of.pairs()[name] : value();
  return found.is(CACHECORE_INT) ? found.as_int() : 0;
}

void look_at_server(findings &out, const server_figures &server, size_t number, const thresholds &limits) {
  const std::string who = "server " + std::to_string(number);
  const double memory = server.memory_fraction();
  if (memory > limits.memory) {
    out.add("memory", server.policy == "noeviction" ? "critical" : "warning", who,
            who + " uses " + percent(memory) + " of its memory" +
                (server.policy == "noeviction" ? ": soon it refuses writes" : ""),
            memory, limits.memory);
  }
  if (server.max_clients > 0) {
    const double clients = static_cast<double>(server.connected) / static_cast<double>(server.max_clients);
    if (clients > limits.clients) {
      out.add("clients", "warning", who, who + " has " + percent(clients) + " of the clients it allows", clients,
              limits.clients);
    }
  }
  if (!server.link_up) {
    out.add("replication", "critical", who, who + " is a replica that has lost its master", 0, 1);
  }
  if (server.last_write_failed || (!server.last_save.empty() && server.last_save != "ok")) {
    out.add("persistence", "critical", who, who + " could not write to its disk", 1, 0);
  }
}

void look_at_queue(findings &out, const entry &queue, const thresholds &limits) {
  const std::string who(queue.key.as_text());
  const int64_t ready = count_in(queue.value, "ready");
  if (ready > limits.queue_depth) {
    out.add("queue_depth", "warning", who, "queue " + who + " has " + std::to_string(ready) + " jobs ready",
            static_cast<double>(ready), static_cast<double>(limits.queue_depth));
  }
  const int64_t dead = count_in(queue.value, "dead");
  if (dead >= limits.queue_dead) {
    out.add("queue_dead", "warning", who, "queue " + who + " has " + std::to_string(dead) + " dead jobs",
            static_cast<double>(dead), static_cast<double>(limits.queue_dead));
  }
}

// Caches that hear nothing of changes serve what may be stale for as long as they are allowed to.
void look_at_tracking(findings &out, const value &stats) {
  const value metrics = stats.pairs()["metrics"];
  if (!metrics.is(CACHECORE_MAP)) return;
  for (const entry &each : metrics.pairs()) {
    const std::string_view name = each.key.as_text();
    if (!name.ends_with("_deaf") || !each.value.is(CACHECORE_INT) || each.value.as_int() == 0) continue;
    out.add("deaf_tracking", "warning", std::string(name),
            "near caches of this process do not hear of changes (" + std::string(name) + ")",
            static_cast<double>(each.value.as_int()), 0);
  }
}

}  // namespace

task<value> monitor::alerts(call &call) {
  findings out(call);
  const value state = co_await health(call, std::nullopt);
  const map_view seen = state.pairs();
  if (seen["status"].as_text() != "healthy") {
    out.add("health", seen["status"].as_text() == "degraded" ? "warning" : "critical",
            std::string(seen["reason"].as_text()), std::string(seen["message"].as_text()), 0, 1);
  }
  const double latency_ms = seen["latency_ms"].as_double();
  if (latency_ms > static_cast<double>(thresholds_.latency_ms)) {
    out.add("latency", "warning", "ping", "a ping takes " + std::to_string(static_cast<int64_t>(latency_ms)) + " ms",
            latency_ms, static_cast<double>(thresholds_.latency_ms));
  }
  if (const std::optional<value> stats = co_await ask(call, "core.stats")) look_at_tracking(out, *stats);
  if (seen["status"].as_text() == "unhealthy") co_return out.all();

  size_t number = 0;
  for (const server_figures &each : co_await ask_servers(call)) look_at_server(out, each, number++, thresholds_);
  const value recorded = co_await this->stats(call, std::nullopt);
  for (const entry &each : recorded.pairs()) {
    const map_view figures = each.value.pairs();
    const double rate = figures["hit_rate"].as_double();
    if (figures["total"].as_int() < thresholds_.hit_rate_calls || rate >= thresholds_.hit_rate) continue;
    const std::string type(each.key.as_text());
    out.add("hit_rate", "warning", type, "only " + percent(rate) + " of the reads of " + type + " are hits", rate,
            thresholds_.hit_rate);
  }
  for (const entry &queue : co_await queues(call)) look_at_queue(out, queue, thresholds_);
  co_return out.all();
}

}  // namespace monitor_plugin
