// main.cpp: cachecore-bench [NAME...] [--json FILE] [--rounds N] [--plots DIRECTORY]
#include <dirent.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "bench.h"
#include "report.h"
#include "scale/scale.h"

namespace bench {

namespace {

constexpr const char *usage =
    "cachecore-bench [NAME...] [--json FILE] [--rounds N] [--plots DIRECTORY]\n"
    "\n"
    "Measures cachecore and its peers in turn. NAME is a bench or its beginning up to a dot; without it, all are "
    "run, except scale: how cost grows, as tables, and as plots and scale.json in a directory.\n";

struct arguments {
  std::vector<std::string> names;
  std::string json;
  std::string plots;
  size_t rounds = 9;
};

arguments read_arguments(int count, char **words) {
  arguments read;
  for (int i = 1; i < count; i++) {
    const std::string word = words[i];
    if (word == "--json" && i + 1 < count) {
      read.json = words[++i];
    } else if (word == "--plots" && i + 1 < count) {
      read.plots = words[++i];
    } else if (word == "--rounds" && i + 1 < count) {
      read.rounds = std::strtoul(words[++i], nullptr, 10);
      if (read.rounds == 0) test_die("--rounds takes a number above 0");
    } else if (word == "--help") {
      fputs(usage, stdout);
      exit(0);
    } else if (word[0] == '-') {
      test_die("what is %s?\n%s", word.c_str(), usage);
    } else {
      read.names.push_back(word);
    }
  }
  return read;
}

bool is_asked_for(const row &row, const std::string &name) {
  return row.name == name || row.name.compare(0, name.size() + 1, name + ".") == 0;
}

std::vector<row> choose(const std::vector<std::string> &names) {
  std::vector<row> all;
  for (const auto &rows :
       {call_rows(), sync_rows(), threads_rows(), async_rows(), value_rows(), auth_rows(), init_rows(), session_rows(),
        lock_rows(), caching_rows(), near_cache_rows(), queue_rows(), scrape_rows()})
    all.insert(all.end(), rows.begin(), rows.end());
  if (names.empty()) return all;
  std::vector<row> chosen;
  for (const auto &name : names) {
    const size_t before = chosen.size();
    for (const auto &each : all) {
      if (is_asked_for(each, name)) chosen.push_back(each);
    }
    if (chosen.size() > before) continue;
    std::string known;
    for (const auto &each : all) known += " " + each.name;
    test_die("there is no bench %s; there are%s", name.c_str(), known.c_str());
  }
  return chosen;
}

void place(pid_t process, const cpu_set_t &where) {
  const std::string threads = "/proc/" + std::to_string(process) + "/task";
  const std::unique_ptr<DIR, int (*)(DIR *)> directory(opendir(threads.c_str()), closedir);
  if (directory == nullptr) test_die("cannot read %s", threads.c_str());
  while (const dirent *entry = readdir(directory.get())) {
    const auto thread = static_cast<pid_t>(strtol(entry->d_name, nullptr, 10));
    if (thread > 0 && sched_setaffinity(thread, sizeof(where), &where) != 0) test_die("cannot choose a CPU");
  }
}

// While it exists, this process (with the threads it starts) and the server run on one CPU.
class on_one_cpu {
 public:
  explicit on_one_cpu(bool pinned) : pinned_(pinned) {
    if (!pinned_) return;
    if (sched_getaffinity(0, sizeof(before_), &before_) != 0) test_die("cannot ask for the CPUs");
    int first = 0;
    while (!CPU_ISSET(first, &before_)) first++;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    place(getpid(), one);
    place(test_server_pid(server()), one);
  }
  on_one_cpu(const on_one_cpu &) = delete;
  on_one_cpu &operator=(const on_one_cpu &) = delete;
  ~on_one_cpu() {
    if (!pinned_) return;
    place(getpid(), before_);
    place(test_server_pid(server()), before_);
  }

 private:
  bool pinned_;
  cpu_set_t before_{};
};

figures measure(const row &row, size_t rounds) {
  const on_one_cpu placed(row.pinned);
  const sides made = row.make();
  std::vector<sample> ours;
  std::vector<sample> peers;
  // What is counted, not timed, is the same every time.
  if (row.measures == quantity::bytes || row.measures == quantity::hits) rounds = 1;
  if (rounds > 1) {  // one round to warm up
    made.ours();
    if (made.peer) made.peer();
  }
  for (size_t round = 0; round < rounds; round++) {
    if (round % 2 == 0) ours.push_back(made.ours());
    if (made.peer) peers.push_back(made.peer());
    if (round % 2 == 1) ours.push_back(made.ours());
  }
  return sum_up(row, ours, peers);
}

}  // namespace

}  // namespace bench

int main(int count, char **words) {
  using namespace bench;
  arguments asked = read_arguments(count, words);
  const auto is_scale = [](const std::string &name) { return name == "scale" || name.starts_with("scale."); };
  std::vector<std::string> scales;
  std::copy_if(asked.names.begin(), asked.names.end(), std::back_inserter(scales), is_scale);
  std::erase_if(asked.names, is_scale);
  if (!scales.empty() && !run_scale(scales, asked.plots)) test_die("cannot write to %s", asked.plots.c_str());
  if (!scales.empty() && asked.names.empty()) return 0;
  std::vector<figures> all;
  print_head();
  for (const auto &each : choose(asked.names)) {
    all.push_back(measure(each, asked.rounds));
    print(all.back());
  }
  if (!asked.json.empty() && !write_json(asked.json, all)) test_die("cannot write %s", asked.json.c_str());
  return 0;
}
