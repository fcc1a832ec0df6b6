// row.h: doing the steps of one row of the table with the C++ binding.
#pragma once

#include <cjson/cJSON.h>

#include <stdexcept>
#include <string>

namespace table {

// What a step expected and got.
class difference : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws difference, which names the step.
void run(const cJSON *row, const std::string &plugin, const std::string &url);

}  // namespace table
