#include "report.h"

#include <cjson/cJSON.h>

#include <cstdio>
#include <fstream>

namespace bench {

namespace {

// Larger is better, whatever the unit.
double goodness(quantity measures, const sample &taken) {
  switch (measures) {
    case quantity::operations_per_second:
      return taken.operations / taken.wall_ns;
    case quantity::ns_per_operation:
      return taken.operations / taken.wall_ns;
    case quantity::hits:
      return taken.operations;
    case quantity::bytes:
      return 1 / taken.operations;
  }
  return 0;
}

double shown(quantity measures, const sample &taken) {
  switch (measures) {
    case quantity::operations_per_second:
      return taken.operations / taken.wall_ns * 1e9;
    case quantity::ns_per_operation:
      return taken.wall_ns / taken.operations;
    case quantity::hits:
    case quantity::bytes:
      return taken.operations;
  }
  return 0;
}

const char *unit_of(quantity measures) {
  switch (measures) {
    case quantity::operations_per_second:
      return "operations/s";
    case quantity::ns_per_operation:
      return "ns/operation";
    case quantity::hits:
      return "hits/10,000";
    case quantity::bytes:
      return "bytes";
  }
  return "";
}

template <class Figure>
double median_of(const std::vector<sample> &samples, const Figure &figure) {
  std::vector<double> all;
  all.reserve(samples.size());
  for (const auto &each : samples) all.push_back(figure(each));
  return percentile(all, 0.5);
}

void add_sides(cJSON *object, const char *name, double ours, double peer) {
  if (ours <= 0) return;
  cJSON *pair = cJSON_AddObjectToObject(object, name);
  cJSON_AddNumberToObject(pair, "ours", ours);
  if (peer > 0) cJSON_AddNumberToObject(pair, "peer", peer);
}

std::string pair_of(double ours, double peer) {
  char text[64] = "";
  if (ours > 0 && peer > 0) snprintf(text, sizeof(text), "%.2f:%.2f", ours, peer);
  if (ours > 0 && peer <= 0) snprintf(text, sizeof(text), "%.2f", ours);
  return text;
}

}  // namespace

figures sum_up(const row &measured, const std::vector<sample> &ours, const std::vector<sample> &peers) {
  const quantity measures = measured.measures;
  figures sum{.name = measured.name,
              .peer_name = measured.peer_name,
              .unit = unit_of(measures),
              .target = measured.target,
              .rounds = ours.size(),
              .pinned = measured.pinned};
  const auto figure = [&](const sample &taken) { return shown(measures, taken); };
  sum.ours = median_of(ours, figure);
  std::vector<double> ratios;
  ratios.reserve(ours.size());
  for (size_t i = 0; i < ours.size(); i++) {
    const double against = peers.empty() ? 1 / measured.budget : goodness(measures, peers[i]);
    ratios.push_back(goodness(measures, ours[i]) / against);
  }
  sum.peer = peers.empty() ? measured.budget : median_of(peers, figure);
  sum.ratio = percentile(ratios, 0.5);
  sum.spread = (percentile(ratios, 0.75) - percentile(ratios, 0.25)) / sum.ratio;
  if (measures == quantity::bytes || measures == quantity::hits) return sum;
  const auto client = [](const sample &taken) { return taken.client_cpu_ns / taken.operations / 1e3; };
  const auto server = [](const sample &taken) { return taken.server_cpu_ns / taken.operations / 1e3; };
  const auto p99 = [](const sample &taken) { return taken.p99_ns / 1e3; };
  sum.our_client_us = median_of(ours, client);
  sum.our_server_us = median_of(ours, server);
  sum.our_p99_us = median_of(ours, p99);
  if (peers.empty()) return sum;
  sum.peer_client_us = median_of(peers, client);
  sum.peer_server_us = median_of(peers, server);
  sum.peer_p99_us = median_of(peers, p99);
  return sum;
}

void print_head() {
  printf("%-24s %12s %12s %-12s %7s %7s %7s   %-13s %-13s %-15s %s\n", "bench", "ours", "peer", "unit", "ratio",
         "spread", "target", "client CPU us", "server CPU us", "p99 us", "peer");
}

void print(const figures &row) {
  char target[16] = "";
  if (row.target > 0) snprintf(target, sizeof(target), "%.2f", row.target);
  printf("%-24s %12.0f %12.0f %-12s %7.2f %6.0f%% %7s   %-13s %-13s %-15s %s%s\n", row.name.c_str(), row.ours, row.peer,
         row.unit.c_str(), row.ratio, row.spread * 100, target, pair_of(row.our_client_us, row.peer_client_us).c_str(),
         pair_of(row.our_server_us, row.peer_server_us).c_str(), pair_of(row.our_p99_us, row.peer_p99_us).c_str(),
         row.peer_name.c_str(), row.pinned ? ", on one CPU" : "");
  fflush(stdout);
}

bool write_json(const std::string &path, const std::vector<figures> &rows) {
  const std::unique_ptr<cJSON, void (*)(cJSON *)> list(cJSON_CreateArray(), cJSON_Delete);
  for (const auto &row : rows) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(list.get(), object);
    cJSON_AddStringToObject(object, "bench", row.name.c_str());
    cJSON_AddNumberToObject(object, "ours", row.ours);
    cJSON_AddNumberToObject(object, "peer", row.peer);
    cJSON_AddStringToObject(object, "peer_name", row.peer_name.c_str());
    cJSON_AddStringToObject(object, "unit", row.unit.c_str());
    cJSON_AddNumberToObject(object, "ratio", row.ratio);
    cJSON_AddNumberToObject(object, "spread", row.spread);
    if (row.target > 0) {
      cJSON_AddNumberToObject(object, "target", row.target);
    } else {
      cJSON_AddNullToObject(object, "target");
    }
    cJSON_AddNumberToObject(object, "rounds", static_cast<double>(row.rounds));
    cJSON_AddBoolToObject(object, "pinned", row.pinned ? 1 : 0);
    add_sides(object, "client_cpu_us", row.our_client_us, row.peer_client_us);
    add_sides(object, "server_cpu_us", row.our_server_us, row.peer_server_us);
    add_sides(object, "p99_us", row.our_p99_us, row.peer_p99_us);
  }
  const std::unique_ptr<char, void (*)(void *)> text(cJSON_Print(list.get()), cJSON_free);
  std::ofstream file(path);
  file << text.get() << '\n';
  return static_cast<bool>(file.flush());
}

}  // namespace bench
