#include "scale.h"

#include <cjson/cJSON.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "tests/bench/bench.h"
#include "tests/bench/core_of.h"

namespace bench {

namespace {

using figure = double scale_point::*;

struct fitted {
  std::string of;
  double exponent = 0;
};

// The slope of log(figure) over log(size); points without a figure are left out.
double exponent_of(const std::vector<scale_point> &points, figure wanted) {
  double count = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const scale_point &each : points) {
    if (each.*wanted <= 0 || each.size <= 0) continue;
    const double log_size = std::log(each.size);
    const double log_figure = std::log(each.*wanted);
    count++;
    x += log_size;
    y += log_figure;
    xx += log_size * log_size;
    xy += log_size * log_figure;
  }
  const double spread = count * xx - x * x;
  return count < 2 || spread == 0 ? NAN : (count * xy - x * y) / spread;
}

// In a child, which ends with what it held.
scale_point measure_apart(const scale_series &series, double size) {
  int channel[2];
  if (pipe(channel) != 0) test_die("pipe");
  fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const scale_point taken = series.measure(size);
    _exit(write(channel[1], &taken, sizeof(taken)) == sizeof(taken) ? 0 : 1);
  }
  scale_point taken;
  close(channel[1]);
  if (child < 0 || read(channel[0], &taken, sizeof(taken)) != sizeof(taken)) {
    test_die("%s: no figure at %.0f", series.name.c_str(), size);
  }
  close(channel[0]);
  waitpid(child, nullptr, 0);
  taken.size = size;
  return taken;
}

bool is_built(const scale_series &series) {
  const core_ptr core = open_core("");
  const cachecore_method *found = nullptr;
  for (const std::string &method : series.needs) {
    if (cachecore_method_find(core.get(), method.c_str(), &found, nullptr) != CACHECORE_OK) {
      printf("%s: left out, there is no %s\n", series.name.c_str(), method.c_str());
      return false;
    }
  }
  return true;
}

void print_series(const scale_series &series, const std::vector<scale_point> &points,
                  const std::vector<fitted> &exponents) {
  printf("\n%s\n%14s %14s %16s %16s %14s\n", series.name.c_str(), series.size_name.c_str(), "ns/operation",
         "client CPU us", "server CPU us", "memory MB");
  for (const scale_point &each : points) {
    printf("%14.0f %14.0f %16.2f %16.2f %14.2f\n", each.size, each.ns_per_operation, each.client_cpu_us,
           each.server_cpu_us, each.memory / 1e6);
  }
  for (const fitted &each : exponents) {
    if (!std::isnan(each.exponent))
      printf("  %s grows as %s^%.2f\n", each.of.c_str(), series.size_name.c_str(), each.exponent);
  }
  fflush(stdout);
}

void add_to_json(cJSON *list, const scale_series &series, const std::vector<scale_point> &points,
                 const std::vector<fitted> &exponents) {
  cJSON *object = cJSON_CreateObject();
  cJSON_AddItemToArray(list, object);
  cJSON_AddStringToObject(object, "bench", series.name.c_str());
  cJSON_AddStringToObject(object, "size", series.size_name.c_str());
  cJSON *rows = cJSON_AddArrayToObject(object, "points");
  for (const scale_point &each : points) {
    cJSON *row = cJSON_CreateObject();
    cJSON_AddItemToArray(rows, row);
    cJSON_AddNumberToObject(row, "size", each.size);
    cJSON_AddNumberToObject(row, "ns_per_operation", each.ns_per_operation);
    cJSON_AddNumberToObject(row, "client_cpu_us", each.client_cpu_us);
    cJSON_AddNumberToObject(row, "server_cpu_us", each.server_cpu_us);
    cJSON_AddNumberToObject(row, "memory", each.memory);
  }
  cJSON *fits = cJSON_AddObjectToObject(object, "exponents");
  for (const fitted &each : exponents) {
    if (!std::isnan(each.exponent)) cJSON_AddNumberToObject(fits, each.of.c_str(), each.exponent);
  }
}

// gnuplot draws it; without gnuplot the data remain.
bool plot(const std::string &directory, const scale_series &series, const std::vector<scale_point> &points,
          const std::vector<fitted> &exponents) {
  const std::string base = directory + "/" + series.name;
  std::ofstream data(base + ".dat");
  data << "# " << series.size_name << " ns/operation client_cpu_us server_cpu_us memory_bytes\n";
  bool has_memory = false;
  for (const scale_point &each : points) {
    data << each.size << ' ' << each.ns_per_operation << ' ' << each.client_cpu_us << ' ' << each.server_cpu_us << ' '
         << each.memory << '\n';
    has_memory |= each.memory > 0;
  }
  if (!data.flush()) return false;
  FILE *gnuplot = popen("gnuplot 2>/dev/null", "we");
  if (gnuplot == nullptr) return true;
  std::string title = series.name;
  for (const fitted &each : exponents) {
    char text[96];
    if (std::isnan(each.exponent)) continue;
    snprintf(text, sizeof(text), ", %s ~ n^{%.2f}", each.of.c_str(), each.exponent);
    title += text;
  }
  fprintf(gnuplot,
          "set terminal svg size 720,420 background '#ffffff' font 'sans-serif,12'\n"
          "set output '%s.svg'\nset title \"%s\" noenhanced\nset logscale xy\nset xlabel '%s' noenhanced\n"
          "set ylabel 'ns/operation'\nset grid\nset key outside bottom center horizontal\n",
          base.c_str(), title.c_str(), series.size_name.c_str());
  if (has_memory) fprintf(gnuplot, "set y2label 'memory, bytes'\nset y2tics\nset logscale y2\n");
  fprintf(gnuplot, "plot '%s.dat' using 1:2 with linespoints lw 2 title 'time an operation'", base.c_str());
  if (has_memory) {
    fprintf(gnuplot, ", '%s.dat' using 1:($5 > 0 ? $5 : NaN) axes x1y2 with linespoints dt 2 title 'memory'",
            base.c_str());
  }
  fprintf(gnuplot, "\n");
  pclose(gnuplot);
  return true;
}

}  // namespace

double resident_bytes() {
  std::ifstream status("/proc/self/statm");
  double total = 0, resident = 0;
  status >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

bool run_scale(const std::vector<std::string> &names, const std::string &directory) {
  std::vector<scale_series> all = scale_of_calls();
  for (scale_series &each : scale_of_stores()) all.push_back(std::move(each));
  const std::unique_ptr<cJSON, void (*)(cJSON *)> list(cJSON_CreateArray(), cJSON_Delete);
  bool written = true;
  for (const std::string &name : names) {
    bool known = false;
    for (const scale_series &series : all) {
      if (name != "scale" && name != series.name) continue;
      known = true;
      server();  // the children share it
      if (!is_built(series)) continue;
      std::vector<scale_point> points;
      points.reserve(series.sizes.size());
      for (const double size : series.sizes) points.push_back(measure_apart(series, size));
      const std::vector<fitted> exponents = {
          {"time an operation", exponent_of(points, &scale_point::ns_per_operation)},
          {"memory", exponent_of(points, &scale_point::memory)},
      };
      print_series(series, points, exponents);
      add_to_json(list.get(), series, points, exponents);
      if (!directory.empty()) written &= plot(directory, series, points, exponents);
    }
    if (!known) test_die("there is no bench %s", name.c_str());
  }
  if (directory.empty()) return true;
  const std::unique_ptr<char, void (*)(void *)> text(cJSON_Print(list.get()), cJSON_free);
  std::ofstream file(directory + "/scale.json");
  file << text.get() << '\n';
  return static_cast<bool>(file.flush()) && written;
}

}  // namespace bench
