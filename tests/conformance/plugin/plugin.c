/* plugin.c: the descriptor, the configuration and the instance. */
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

void answer_integer(const struct conformance *plugin, cachecore_invocation *invocation, int64_t integer) {
  const cachecore_value answer = cachecore_int(integer);
  plugin->invocation->complete(invocation, &answer, 0);
}

void answer_no_memory(const struct conformance *plugin, cachecore_invocation *invocation) {
  plugin->invocation->fail(invocation, CACHECORE_NO_MEMORY, "no memory for the answer");
}

static const cachecore_value default_greeting = {
    .kind = CACHECORE_BYTES, .reserved = 0, .as = {.bytes = {.data = "hello", .size = 5}}};
static const cachecore_value default_limit = {.kind = CACHECORE_INT, .reserved = 0, .as = {.integer = 10}};
static const cachecore_value zero = {.kind = CACHECORE_INT, .reserved = 0, .as = {.integer = 0}};

static const cachecore_parameter_spec config_greeting = {.struct_size = sizeof(cachecore_parameter_spec),
                                                         .name = "greeting",
                                                         .doc = "What conformance.greeting answers.",
                                                         .kinds = CACHECORE_KIND_BIT(CACHECORE_BYTES),
                                                         .meaning = CACHECORE_MEANING_TEXT,
                                                         .flags = CACHECORE_PARAMETER_OPTIONAL,
                                                         .default_value = &default_greeting};
static const cachecore_parameter_spec config_limit = {.struct_size = sizeof(cachecore_parameter_spec),
                                                      .name = "limit",
                                                      .doc = "Answered too.",
                                                      .kinds = CACHECORE_KIND_BIT(CACHECORE_INT),
                                                      .meaning = CACHECORE_MEANING_COUNT,
                                                      .flags = CACHECORE_PARAMETER_OPTIONAL,
                                                      .default_value = &default_limit,
                                                      .minimum = &zero};
static const cachecore_parameter_spec config_refuse = {.struct_size = sizeof(cachecore_parameter_spec),
                                                       .name = "refuse",
                                                       .doc = "Makes create fail.",
                                                       .kinds = CACHECORE_KIND_BIT(CACHECORE_BOOL),
                                                       .flags = CACHECORE_PARAMETER_OPTIONAL};
static const cachecore_parameter_spec *const config[] = {&config_greeting, &config_limit, &config_refuse, NULL};

static const cachecore_value *config_value(const cachecore_value *map, const char *name) {
  for (size_t index = 0; index < map->as.map.count; index++) {
    const cachecore_pair *pair = &map->as.map.pairs[index];
    if (strcmp(pair->key.as.bytes.data, name) == 0) return &pair->value;
  }
  return NULL;
}

static cachecore_status refuse(cachecore_error *error, cachecore_status status, const char *message) {
  memset(error, 0, sizeof(*error));
  error->status = status;
  strncpy(error->message, message, sizeof(error->message) - 1);
  return status;
}

static void destroy(void *instance) {
  struct conformance *plugin = instance;
  free((void *)(uintptr_t)plugin->greeting);
  free(plugin);
}

static cachecore_status create(const cachecore_host *host, const cachecore_value *settings, void **instance,
                               cachecore_error *error) {
  const cachecore_value *refused = config_value(settings, "refuse");
  if (refused != NULL && refused->kind == CACHECORE_BOOL && refused->as.integer != 0) {
    return refuse(error, CACHECORE_INVALID_STATE, "refuse is true: take it out of the configuration");
  }
  struct conformance *plugin = calloc(1, sizeof(*plugin));
  if (plugin == NULL) return refuse(error, CACHECORE_NO_MEMORY, "no memory for the instance");
  plugin->invocation = host->service(host, "invocation/1");
  plugin->stream = host->service(host, "stream/1");
  plugin->timer = host->service(host, "timer/1");
  const cachecore_value *greeting = config_value(settings, "greeting");
  plugin->greeting = strndup(greeting->as.bytes.data, greeting->as.bytes.size);
  plugin->limit = config_value(settings, "limit")->as.integer;
  if (plugin->invocation == NULL || plugin->stream == NULL || plugin->timer == NULL || plugin->greeting == NULL) {
    destroy(plugin);
    return refuse(error, CACHECORE_INCOMPATIBLE, "the host lacks invocation/1, stream/1 or timer/1, or memory");
  }
  *instance = plugin;
  return CACHECORE_OK;
}

static const char *const needs[] = {"invocation/1", "stream/1", "timer/1", NULL};

static const cachecore_method_spec *const methods[] = {&method_echo,
                                                       &method_echo_adopted,
                                                       &method_echo_text,
                                                       &method_echo_key,
                                                       &method_add,
                                                       &method_options,
                                                       &method_at_least_three,
                                                       &method_greeting,
                                                       &method_big,
                                                       &method_nested,
                                                       &method_mixed,
                                                       &method_fail,
                                                       &method_not_found,
                                                       &method_never,
                                                       &method_pause,
                                                       &method_emit,
                                                       &method_emit_fast,
                                                       &method_settled,
                                                       &method_grant,
                                                       &method_granted,
                                                       &method_released,
                                                       NULL};

static const cachecore_plugin descriptor = {.struct_size = sizeof(cachecore_plugin),
                                            .abi_major = CACHECORE_PLUGIN_ABI_MAJOR,
                                            .abi_minor = CACHECORE_PLUGIN_ABI_MINOR,
                                            .name = "conformance",
                                            .version = "1.0.0",
                                            .license = "MIT",
                                            .summary = "What every binding must carry over unchanged.",
                                            .needs = needs,
                                            .methods = methods,
                                            .config = config,
                                            .create = create,
                                            .reset = NULL,
                                            .destroy = destroy};

CACHECORE_PLUGIN_EXPORT const cachecore_plugin *cachecore_plugin_entry_v1(void);

CACHECORE_PLUGIN_EXPORT const cachecore_plugin *cachecore_plugin_entry_v1(void) { return &descriptor; }
