// scale.h: how cost grows: one figure against one size, over several powers of it.
//
// A series measures the same work at sizes that grow, each in a process of its own, so that memory is that size's
// alone. What is said of it is an exponent e, fitted by least squares over the logarithms: the figure grows as size^e.
// 0 is flat; a cost an operation of 0.1 doubles when the size grows a thousandfold.
//
// Thread rule: the main thread; a series starts and joins threads of its own.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bench {

struct scale_point {
  double size = 0;
  double ns_per_operation = 0;  // wall time
  double client_cpu_us = 0;     // an operation
  double server_cpu_us = 0;
  double memory = 0;  // bytes of this process by which it grew
};

struct scale_series {
  std::string name;       // scale.threads
  std::string size_name;  // threads
  std::vector<double> sizes;
  std::function<scale_point(double size)> measure;
  std::vector<std::string> needs;  // methods; a series whose plugins are not built is left out
};

std::vector<scale_series> scale_of_calls();   // threads, window, value
std::vector<scale_series> scale_of_stores();  // near cache, queue, lock

// What this process holds now.
double resident_bytes();

// Measures the series of these names ("scale": all), prints tables, and writes DIRECTORY/<name>.dat, .svg (by gnuplot,
// where there is one) and scale.json. `directory` empty: prints only. False when a file cannot be written.
bool run_scale(const std::vector<std::string> &names, const std::string &directory);

}  // namespace bench
