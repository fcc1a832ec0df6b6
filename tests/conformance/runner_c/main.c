/* main.c: the conformance table against the C ABI. Arguments: the table's files. See ../README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "row.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"

static const char *plugin;
static const char *url;

static void run_wrong(void **state) {
  char *told = row_run(*state, plugin, url);
  const int found = told != NULL;
  free(told);
  assert_true(found);
}

static void run(void **state) {
  char *told = row_run(*state, plugin, url);
  if (told != NULL) print_error("%s\n", told);
  const int passed = told == NULL;
  free(told);
  assert_true(passed);
}

static cJSON *read_table(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) test_die("cannot read %s", path);
  const size_t limit = 4U << 20U;
  char *text = calloc(1, limit);
  if (text == NULL || fread(text, 1, limit - 1, file) == limit - 1) test_die("%s is too large", path);
  fclose(file);
  cJSON *table = cJSON_Parse(text);
  free(text);
  if (cJSON_GetObjectItemCaseSensitive(table, "rows") == NULL) test_die("%s is not a table", path);
  return table;
}

/* The file's name without folder and extension. */
static char *short_name(const char *path) {
  const char *slash = strrchr(path, '/');
  const char *name = slash == NULL ? path : slash + 1;
  const char *point = strrchr(name, '.');
  return test_format("%.*s", (int)(point == NULL ? strlen(name) : (size_t)(point - name)), name);
}

static int run_table(const char *path) {
  cJSON *table = read_table(path);
  const cJSON *rows = cJSON_GetObjectItemCaseSensitive(table, "rows");
  const size_t count = (size_t)cJSON_GetArraySize(rows);
  struct CMUnitTest *tests = calloc(count, sizeof(*tests));
  char **names = calloc(count, sizeof(*names));
  if (tests == NULL || names == NULL) test_die("no memory");
  const int wrong = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(table, "wrong"));
  char *group = short_name(path);
  size_t index = 0;
  for (cJSON *row = rows->child; row != NULL; row = row->next, index++) {
    names[index] = test_format("%s: %s", group, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "name")));
    tests[index] =
        (struct CMUnitTest){.name = names[index], .test_func = wrong ? run_wrong : run, .initial_state = row};
  }
  const int failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
  for (index = 0; index < count; index++) free(names[index]);
  free(names);
  free(tests);
  free(group);
  cJSON_Delete(table);
  return failed;
}

int main(int argument_count, char **arguments) {
  plugin = getenv("CACHECORE_CONFORMANCE_PLUGIN");
  if (plugin == NULL) test_die("CACHECORE_CONFORMANCE_PLUGIN does not say where the plugin is");
  url = getenv("CACHECORE_CONFORMANCE_URL");
  test_server *server = url == NULL ? test_server_start(NULL, NULL) : NULL;
  if (server != NULL) url = test_server_url(server);
  int failed = 0;
  for (int index = 1; index < argument_count; index++) failed += run_table(arguments[index]);
  test_server_stop(server);
  return failed == 0 ? 0 : 1;
}
