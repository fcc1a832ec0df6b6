// main.cpp: the conformance table against the C++ binding. Arguments: the table's files. See ../README.md.
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "row.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"

namespace {

struct one_row {
  std::string name;
  const cJSON *json;
  std::string plugin;
  std::string url;
};

// How the row differs; empty when it does not.
std::string difference_of(const one_row &row) {
  try {
    table::run(row.json, row.plugin, row.url);
  } catch (const std::exception &wrong) {
    return wrong.what();
  }
  return {};
}

void run_wrong(void **state) { assert_false(difference_of(*static_cast<const one_row *>(*state)).empty()); }

void run(void **state) {
  const std::string told = difference_of(*static_cast<const one_row *>(*state));
  if (!told.empty()) print_error("%s\n", told.c_str());
  assert_true(told.empty());
}

struct deleting {
  void operator()(cJSON *json) const { cJSON_Delete(json); }
};
using table_file = std::unique_ptr<cJSON, deleting>;

table_file read_table(const char *path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  table_file table(cJSON_Parse(text.c_str()));
  if (cJSON_GetObjectItemCaseSensitive(table.get(), "rows") == nullptr) test_die("%s is not a table", path);
  return table;
}

std::string short_name(const std::string &path) {
  const size_t slash = path.rfind('/') + 1;
  return path.substr(slash, path.rfind('.') - slash);
}

int run_table(const std::string &path, const std::string &plugin, const std::string &url) {
  const table_file table = read_table(path.c_str());
  const std::string group = short_name(path);
  std::vector<one_row> rows;
  for (const cJSON *row = cJSON_GetObjectItemCaseSensitive(table.get(), "rows")->child; row != nullptr;
       row = row->next) {
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "name"));
    rows.push_back({group + ": " + (name == nullptr ? "nameless" : name), row, plugin, url});
  }
  const bool wrong = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(table.get(), "wrong")) != 0;
  std::vector<CMUnitTest> tests;
  tests.reserve(rows.size());
  for (auto &row : rows) tests.push_back({row.name.c_str(), wrong ? run_wrong : run, nullptr, nullptr, &row});
  return _cmocka_run_group_tests(group.c_str(), tests.data(), tests.size(), nullptr, nullptr);
}

}  // namespace

int main(int argument_count, char **arguments) {
  const char *plugin = std::getenv("CACHECORE_CONFORMANCE_PLUGIN");
  if (plugin == nullptr) test_die("CACHECORE_CONFORMANCE_PLUGIN does not say where the plugin is");
  const char *given = std::getenv("CACHECORE_CONFORMANCE_URL");
  test_server *server = given == nullptr ? test_server_start(nullptr, nullptr) : nullptr;
  const std::string url = given != nullptr ? given : test_server_url(server);
  int failed = 0;
  for (int index = 1; index < argument_count; index++) failed += run_table(arguments[index], plugin, url);
  test_server_stop(server);
  return failed == 0 ? 0 : 1;
}
