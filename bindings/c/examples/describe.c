/* describe.c: what can be called, and how: the description every binding and the command line are built from.
 *
 *     ./describe            the methods of all plugins
 *     ./describe kv.set     one method, with its parameters
 */
#include <cachecore/cachecore.h>
#include <stdio.h>
#include <string.h>

static const cachecore_value *field(const cachecore_value *map, const char *name) {
  static const cachecore_value absent = {.kind = CACHECORE_NIL};
  for (size_t index = 0; index < map->as.map.count; index++) {
    const cachecore_pair *pair = &map->as.map.pairs[index];
    if (strcmp(pair->key.as.bytes.data, name) == 0) return &pair->value;
  }
  return &absent;
}

static const char *text(const cachecore_value *map, const char *name) {
  const cachecore_value *value = field(map, name);
  return value->kind == CACHECORE_BYTES ? value->as.bytes.data : "";
}

/* Any value as JSON. */
static void print_json(const cachecore_value *value) {
  cachecore_result *json = NULL;
  if (cachecore_json_encode(value, &json, NULL) == CACHECORE_OK)
    printf("%s", cachecore_result_value(json)->as.bytes.data);
  cachecore_result_free(json);
}

static void print_parameters(const cachecore_value *parameters) {
  for (size_t index = 0; index < parameters->as.list.count; index++) {
    const cachecore_value *parameter = &parameters->as.list.items[index];
    printf("  %s%s ", text(parameter, "name"), field(parameter, "optional")->as.integer != 0 ? "?" : "");
    print_json(field(parameter, "kinds"));
    printf("  %s\n", text(parameter, "doc"));
  }
}

/* `wanted` NULL: all methods, a line each. How many there were. */
static int print_methods(const cachecore_value *plugin, const char *wanted) {
  const cachecore_value *methods = field(plugin, "methods");
  int printed = 0;
  for (size_t index = 0; index < methods->as.list.count; index++) {
    const cachecore_value *method = &methods->as.list.items[index];
    if (wanted != NULL && strcmp(wanted, text(method, "name")) != 0) continue;
    printf("%s: %s\n", text(method, "name"), text(method, "doc"));
    if (wanted != NULL) print_parameters(field(method, "parameters"));
    printed++;
  }
  return printed;
}

int main(int argument_count, char **arguments) {
  cachecore *core = NULL;
  cachecore_result *result = NULL;
  cachecore_error error;
  if (cachecore_init(NULL, &core, &error) != CACHECORE_OK ||
      cachecore_describe(core, &result, &error) != CACHECORE_OK) {
    fprintf(stderr, "%s: %s\n", cachecore_status_name(error.status), error.message);
    cachecore_close(core);
    return 1;
  }
  const cachecore_value *plugins = field(cachecore_result_value(result), "plugins");
  int printed = 0;
  for (size_t index = 0; index < plugins->as.list.count; index++) {
    printed += print_methods(&plugins->as.list.items[index], argument_count > 1 ? arguments[1] : NULL);
  }
  if (printed == 0) fprintf(stderr, "no loaded plugin has such a method\n");
  cachecore_result_free(result);
  cachecore_close(core);
  return printed == 0 ? 1 : 0;
}
