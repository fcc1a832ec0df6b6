// top: everything at a glance, again and again.
//
// A frame is written at once over the one before, so that nothing flickers; what is left of a longer one is cleared.
// Where no terminal is, frames follow each other.

#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "../command.h"
#include "../failure.h"
#include "../query.h"
#include "../signals.h"
#include "../table.h"
#include "../text.h"
#include "../value_store.h"

namespace cachectl {
namespace {

std::string amount(double figure, const char *unit) {
  static constexpr const char *scales[] = {"", "k", "M", "G", "T"};
  size_t scale = 0;
  while (figure >= 10'000 && scale + 1 < std::size(scales)) {
    figure /= 1'000;
    scale++;
  }
  char text[48];
  (void)std::snprintf(text, sizeof text, scale == 0 ? "%.0f%s%s" : "%.1f %s%s", figure, scales[scale], unit);
  return text;
}

std::string percent(double fraction) {
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.1f %%", fraction * 100);
  return text;
}

class board {
 public:
  board(context &context, double seconds) : context_(context), out_(context.out()), seconds_(seconds) {}

  void write_frame() {
    if (out_.terminal()) out_.write("\x1b[H\x1b[J");
    write_health();
    if (!answers_) return;
    write_server();
    write_types();
    write_queues();
    write_alerts();
  }

 private:
  void heading(const char *name) {
    out_.write("\n");
    out_.write_styled(name, style::heading);
    out_.write("\n");
  }

  void write_health() {
    answers_ = false;
    try {
      query(context_, "monitor.health", {}, [&](const cachecore_value &answer) {
        const std::string status = text_of(answer, "status");
        answers_ = status != "unhealthy";
        char latency[32];
        (void)std::snprintf(latency, sizeof latency, "%.2f ms", number_of(answer, "latency_ms"));
        out_.write_styled(status, status == "healthy" ? style::name : style::fault);
        out_.write("  round trip " + std::string(latency));
        const std::string reason = text_of(answer, "reason");
        if (!reason.empty()) out_.write("  " + reason + ": " + shown(text_of(answer, "message")));
        out_.write("\n");
      });
    } catch (const failure &failed) {
      if (failed.status() == CACHECORE_NO_METHOD) throw;
      out_.write_styled("unhealthy", style::fault);
      out_.write("  " + shown(failed.message()) + "\n");
    }
  }

  void write_server() {
    query(context_, "monitor.server", {}, [&](const cachecore_value &server) {
      const auto part = [&](const char *name) {
        const cachecore_value *found = member(server, name);
        return found == nullptr ? cachecore_nil() : *found;
      };
      const cachecore_value memory = part("memory");
      const cachecore_value clients = part("clients");
      const cachecore_value commands = part("commands");
      const cachecore_value keyspace = part("keyspace");
      const double limit = number_of(memory, "max_bytes");
      out_.write(
          shown(text_of(server, "product")) + " " + shown(text_of(server, "version")) + "  " +
          amount(number_of(commands, "per_second"), "") + " commands/s  " +
          amount(number_of(clients, "connected"), "") + " clients  " + amount(number_of(memory, "used_bytes"), "B") +
          (limit == 0 ? "" : " of " + amount(limit, "B") + " (" + percent(number_of(memory, "fraction")) + ")") + "  " +
          amount(number_of(keyspace, "keys"), "") + " keys  " + percent(number_of(keyspace, "hit_rate")) + " hits\n");
    });
  }

  void write_types() {
    table rows{.header = {"type", "hits", "misses", "hit rate", "reads/s"}, .rows = {}, .first_is_name = true};
    query(context_, "monitor.stats", {}, [&](const cachecore_value &types) {
      if (types.kind != CACHECORE_MAP) return;
      for (size_t i = 0; i < types.as.map.count; i++) {
        const cachecore_pair &each = types.as.map.pairs[i];
        const std::string name(view_of(each.key));
        const double total = number_of(each.value, "total");
        const auto before = totals_.find(name);
        const double rate = before == totals_.end() ? 0 : std::max(0.0, total - before->second) / seconds_;
        totals_[name] = total;
        rows.rows.push_back({{shown(name)},
                             {amount(number_of(each.value, "hits"), ""), true},
                             {amount(number_of(each.value, "misses"), ""), true},
                             {percent(number_of(each.value, "hit_rate")), true},
                             {amount(rate, ""), true}});
      }
    });
    if (rows.rows.empty()) return;
    heading("hits, 24 hours");
    write_table(out_, rows, 0);
  }

  void write_queues() {
    if (!has_method(context_, "queue.names") || !has_method(context_, "queue.counts")) return;
    std::vector<std::string> names;
    query(context_, "queue.names", {}, [&](const cachecore_value &list) {
      for (size_t i = 0; list.kind == CACHECORE_LIST && i < list.as.list.count; i++)
        names.emplace_back(view_of(list.as.list.items[i]));
    });
    table rows{.header = {"queue", "ready", "active", "delayed", "dead"}, .rows = {}, .first_is_name = true};
    for (const std::string &name : names) {
      query(context_, "queue.counts", {{name, true}}, [&](const cachecore_value &counts) {
        rows.rows.push_back({{shown(name)},
                             {amount(number_of(counts, "ready"), ""), true},
                             {amount(number_of(counts, "active"), ""), true},
                             {amount(number_of(counts, "delayed"), ""), true},
                             {amount(number_of(counts, "dead"), ""), true}});
      });
    }
    if (rows.rows.empty()) return;
    heading("queues");
    write_table(out_, rows, 0);
  }

  void write_alerts() {
    query(context_, "monitor.alerts", {}, [&](const cachecore_value &alerts) {
      if (alerts.kind != CACHECORE_LIST || alerts.as.list.count == 0) return;
      heading("alerts");
      for (size_t i = 0; i < alerts.as.list.count; i++) {
        const cachecore_value &each = alerts.as.list.items[i];
        out_.write_styled(text_of(each, "severity"), style::fault);
        out_.write("  " + shown(text_of(each, "message")) + "\n");
      }
    });
  }

  context &context_;
  output &out_;
  const double seconds_;
  bool answers_ = false;
  std::map<std::string, double> totals_;
};

// Between frames; false when a signal asks for the end.
bool wait_ms(int64_t ms) {
  const signal_watch signals;
  pollfd watched{signals.descriptor(), POLLIN, 0};
  (void)poll(&watched, 1, static_cast<int>(ms));
  return signals.take() == 0;
}

cachecore_status run_top(context &context) {
  const int64_t interval_ms = context.number_option("interval-ms", 100, 2'000);
  const int64_t frames = context.number_option("count", 1, 0);
  board shown_board(context, static_cast<double>(interval_ms) / 1'000);
  for (int64_t written = 1;; written++) {
    shown_board.write_frame();
    context.out().flush();
    if (written == frames) return CACHECORE_OK;
    if (!wait_ms(interval_ms)) return CACHECORE_OK;
    if (!context.out().terminal()) context.out().write("\n");
  }
}

}  // namespace

extern const command top_command;
const command top_command = {
    .name = "top",
    .arguments = "[--interval-ms N] [--count N]",
    .summary = "health, server, hit rates, queues and alerts, live; Ctrl-C ends it",
    .details = "What it shows is what all processes share. Where no terminal is, frames follow each other.",
    .options = {{"interval-ms", "N", "time between frames; 2000"}, {"count", "N", "ends after so many frames"}},
    .least_words = 0,
    .most_words = 0,
    .looks_only = false,
    .run = run_top,
};

}  // namespace cachectl
