/* plugin_1_0.c: a plugin built against kept_1_0.h. Never changed. */
#include <stdlib.h>

#include "kept_1_0.h"

struct kept {
  const cachecore_invocation_service *invocation;
};

static void twice(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const struct kept *self = instance;
  const cachecore_value answer = {.kind = 2, .as = {.integer = (args[0].kind == 0 ? 21 : args[0].as.integer) * 2}};
  (void)arg_count;
  self->invocation->complete(invocation, &answer, 0);
}

/* Nothing behind it is readable as a later member: what reads too far meets a wild pointer. */
static const struct {
  cachecore_parameter_spec spec;
  uintptr_t beyond[4];
} number = {{.struct_size = sizeof(cachecore_parameter_spec),
             .name = "number",
             .doc = "An INT; 21 without it.",
             .kinds = 1u << 2,
             .flags = 1u},
            {0x5555, 0x5555, 0x5555, 0x5555}};
static const cachecore_parameter_spec *const parameters[] = {&number.spec, NULL};

static const struct {
  cachecore_method_spec spec;
  uintptr_t beyond[4];
} method = {{.struct_size = sizeof(cachecore_method_spec),
             .name = "twice",
             .doc = "Doubles.",
             .flags = 1u,
             .parameters = parameters,
             .returns = "INT",
             .start = twice},
            {0x5555, 0x5555, 0x5555, 0x5555}};
static const cachecore_method_spec *const methods[] = {&method.spec, NULL};

static const char *const needs[] = {"invocation/1", NULL};

static cachecore_status create(const cachecore_host *host, const cachecore_value *config, void **instance,
                               cachecore_error *error) {
  struct kept *self = calloc(1, sizeof(*self));
  (void)config;
  (void)error;
  if (self == NULL) return -18;
  self->invocation = host->service(host, "invocation/1");
  *instance = self;
  return 0;
}

static void destroy(void *instance) { free(instance); }

static const struct {
  cachecore_plugin descriptor;
  uintptr_t beyond[4];
} plugin = {{.struct_size = sizeof(cachecore_plugin),
             .abi_major = 1,
             .abi_minor = 0,
             .name = "kept",
             .version = "1.0.0",
             .license = "MIT",
             .summary = "Built long ago.",
             .needs = needs,
             .methods = methods,
             .create = create,
             .destroy = destroy},
            {0x5555, 0x5555, 0x5555, 0x5555}};

__attribute__((visibility("default"))) const cachecore_plugin *cachecore_plugin_entry_v1(void);

const cachecore_plugin *cachecore_plugin_entry_v1(void) { return &plugin.descriptor; }
