// simulate: how many requests of a recorded trace a cache would answer, and how large it should be.
//
// The replay is in simulate/; this is what is read from the command line, and how the outcome is shown.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>

#include "../command.h"
#include "../failure.h"
#include "../nearest.h"
#include "../numbers.h"
#include "../simulate/plot.h"
#include "../simulate/replay.h"
#include "../table.h"
#include "../text.h"

namespace cachectl {
namespace {

std::vector<std::string> split(const std::string &list) {
  std::vector<std::string> out;
  size_t begin = 0;
  for (;;) {
    const size_t end = list.find(',', begin);
    out.push_back(list.substr(begin, end - begin));
    if (end == std::string::npos) return out;
    begin = end + 1;
  }
}

const std::string &needed(const context &context, const char *name, const char *what) {
  const std::string *given = context.option(name);
  if (given == nullptr || given->empty()) throw usage(std::string("simulate needs --") + name + ": " + what);
  return *given;
}

simulate::trace_format format_of(const std::string &name) {
  simulate::trace_format format{};
  if (simulate::parse_trace_format(name, format)) return format;
  throw usage("--format is ids, oracleGeneral or csv, got " + quoted(name));
}

// "64MiB", "2G", "1000". Of objects only numbers and the powers of 1,000.
simulate::capacity capacity_of(const std::string &text, bool of_objects) {
  struct unit {
    const char *name;
    uint64_t size;
  };
  constexpr unit units[] = {{"", 1},
                            {"k", 1'000},
                            {"M", 1'000'000},
                            {"G", 1'000'000'000},
                            {"KiB", uint64_t{1} << 10},
                            {"MiB", uint64_t{1} << 20},
                            {"GiB", uint64_t{1} << 30}};
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number<uint64_t>(text.substr(0, digits));
  const std::string named = text.substr(digits);
  for (const unit &each : units) {
    if (named != each.name || (of_objects && named.size() == 3)) continue;
    if (!number || *number == 0 || *number > std::numeric_limits<int64_t>::max() / each.size) break;
    return {*number * each.size, of_objects};
  }
  throw usage(
      "--capacity takes whole numbers above 0, of " +
      std::string(of_objects ? "objects, also as 10k or 2M" : "bytes, also as 500k, 64M, 2G, 512KiB, 64MiB or 2GiB") +
      "; got " + quoted(text));
}

std::vector<const simulate::known_policy *> policies_of(const std::string &list) {
  std::vector<std::string> names;
  for (const auto &known : simulate::policies()) names.emplace_back(known.name);
  std::vector<const simulate::known_policy *> out;
  for (const std::string &given : list == "all" ? names : split(list)) {
    std::string plain;
    for (const char each : given) {
      if (each != '-') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
    }
    const simulate::known_policy *known = simulate::find_policy(plain);
    if (known == nullptr) {
      throw usage("there is no policy " + quoted(given) + suggestion(given, names) + "; there are " + joined(names) +
                  ", or all");
    }
    if (std::find(out.begin(), out.end(), known) == out.end()) out.push_back(known);
  }
  return out;
}

void write_file(const std::string &path, const std::string &content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.flush();
  if (!file) throw failure(CACHECORE_INTERNAL, "cannot write " + quoted(path) + ": " + std::strerror(errno));
}

std::vector<simulate::outcome> replay_file(const std::string &path, simulate::trace_format format,
                                           const std::vector<const simulate::known_policy *> &policies,
                                           const std::vector<simulate::capacity> &capacities) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    // A directory can be opened, but not read.
    if (file) file.peek();
    if (file.bad() || !file.is_open()) throw usage("cannot read " + quoted(path) + ": " + std::strerror(errno));
    file.clear();
  }
  try {
    const auto trace =
        simulate::open_trace(path == "-" ? std::cin : file, format, path == "-" ? "standard input" : path);
    return simulate::replay(*trace, policies, capacities);
  } catch (const simulate::trace_error &malformed) {
    throw usage(shown(malformed.what()));
  }
}

void answer_values(context &context, const std::vector<simulate::outcome> &outcomes) {
  value_store store;
  std::vector<cachecore_value> rows;
  rows.reserve(outcomes.size());
  for (const simulate::outcome &each : outcomes) {
    rows.push_back(store.map({pair_of("policy", store.bytes(each.policy)),
                              pair_of("capacity", cachecore_int(static_cast<int64_t>(each.capacity))),
                              pair_of("requests", cachecore_int(static_cast<int64_t>(each.requests))),
                              pair_of("hits", cachecore_int(static_cast<int64_t>(each.hits))),
                              pair_of("hit_ratio", cachecore_double(each.hit_ratio())),
                              pair_of("byte_hit_ratio", cachecore_double(each.byte_hit_ratio()))}));
  }
  context.answer(store.list(std::move(rows)));
}

std::string fixed(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4f", number);
  return text;
}

void show(context &context, const std::vector<simulate::outcome> &outcomes) {
  table shown_table;
  shown_table.header = {"policy", "capacity", "requests", "hits", "hit ratio", "byte hit ratio"};
  shown_table.first_is_name = true;
  for (const simulate::outcome &each : outcomes) {
    shown_table.rows.push_back({{each.policy},
                                {std::to_string(each.capacity), true},
                                {std::to_string(each.requests), true},
                                {std::to_string(each.hits), true},
                                {fixed(each.hit_ratio()), true},
                                {fixed(each.byte_hit_ratio()), true}});
  }
  write_table(context.out(), shown_table, 0);
  context.out().write("\n" + simulate::bars(outcomes, context.out().page_width()));
}

cachecore_status run_simulate(context &context) {
  const std::string &path = needed(context, "trace", "the file with the requests, or - for standard input");
  const simulate::trace_format format = format_of(needed(context, "format", "ids, oracleGeneral or csv"));
  const bool of_objects = format == simulate::trace_format::ids;
  std::vector<simulate::capacity> capacities;
  for (const std::string &each :
       split(needed(context, "capacity", of_objects ? "how many objects fit" : "how many bytes fit"))) {
    capacities.push_back(capacity_of(each, of_objects));
  }
  const std::string *names = context.option("policy");
  const auto policies = policies_of(names == nullptr ? "l1" : *names);
  const auto outcomes = replay_file(path, format, policies, capacities);
  if (outcomes.front().requests == 0) throw usage(quoted(path) + " has no requests");
  if (const std::string *picture = context.option("svg")) write_file(*picture, simulate::svg(outcomes, path));
  if (context.options().output == format::human) {
    show(context, outcomes);
  } else {
    answer_values(context, outcomes);
  }
  return CACHECORE_OK;
}

}  // namespace

extern const command simulate_command;
const command simulate_command = {
    .name = "simulate",
    .arguments = "--trace FILE --format FORMAT --capacity LIST",
    .summary = "replays a recorded trace through the near cache, to find out how large it should be",
    .details =
        "Shows hits, hit ratio and byte hit ratio for each policy and capacity. The policy l1 is the code of the near "
        "cache of the plugin cache itself; lru, lfu, sieve and s3fifo are there to compare it with. Nothing is asked "
        "of any server.\n"
        "ids: text, one object on each line. oracleGeneral: libCacheSim's binary format. csv: text, a request on each "
        "line; a first line with names (id, size) says which field is which, else they are object,size or "
        "time,object,size.\n"
        "The bytes of a capacity are those of the objects as the trace tells them; what the near cache keeps besides "
        "is about 96 bytes an object.",
    .options = {{"trace", "FILE", "the requests; - is standard input"},
                {"format", "FORMAT", "ids, oracleGeneral or csv"},
                {"capacity", "LIST", "one or more, with commas: objects with ids, else bytes (64MiB)"},
                {"policy", "LIST", "one or more, with commas: l1 (the default), lru, lfu, sieve, s3fifo; or all"},
                {"svg", "FILE", "writes the hit ratios as a picture, too"}},
    .least_words = 0,
    .most_words = 0,
    .looks_only = true,
    .run = run_simulate,
};

}  // namespace cachectl
