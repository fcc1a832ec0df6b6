/* wrong_plugin.c: plugins that must not be loaded; WRONG says what is wrong with this one. */
#include <cachecore/plugin.h>
#include <stdio.h>
#include <string.h>

#define WRONG_NOTHING 0
#define WRONG_MAJOR 1
#define WRONG_MINOR 2
#define WRONG_DESCRIPTOR 3
#define WRONG_ENTRY 4
#define WRONG_SIZE 5
#define WRONG_NAME 6
#define WRONG_NEEDS 7
#define WRONG_CREATE 8
#define WRONG_METHOD 9

static void start(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  (void)instance;
  (void)invocation;
  (void)args;
  (void)arg_count;
}

static const cachecore_method_spec method = {.struct_size = WRONG == WRONG_METHOD ? 16 : sizeof(cachecore_method_spec),
                                             .name = "method",
                                             .doc = "Never called.",
                                             .returns = "NIL",
                                             .start = start};
static const cachecore_method_spec *const methods[] = {&method, NULL};
static const char *const needs[] = {WRONG == WRONG_NEEDS ? "teleport/1" : "invocation/1", NULL};

static cachecore_status create(const cachecore_host *host, const cachecore_value *config, void **instance,
                               cachecore_error *error) {
  (void)host;
  (void)config;
  *instance = NULL;
  if (WRONG != WRONG_CREATE) return CACHECORE_OK;
  memset(error, 0, sizeof(*error));
  error->status = CACHECORE_DENIED;
  snprintf(error->message, sizeof(error->message), "the moon is not full");
  return CACHECORE_DENIED;
}

static void destroy(void *instance) { (void)instance; }

static const cachecore_plugin descriptor = {
    .struct_size = WRONG == WRONG_SIZE ? 40 : sizeof(cachecore_plugin),
    .abi_major = WRONG == WRONG_MAJOR ? 2 : CACHECORE_PLUGIN_ABI_MAJOR,
    .abi_minor = WRONG == WRONG_MINOR ? 999 : CACHECORE_PLUGIN_ABI_MINOR,
    .name = WRONG == WRONG_NAME ? "Wrong Name" : "wrong",
    .version = "1.0.0",
    .license = "MIT",
    .summary = "Must not be loaded.",
    .needs = needs,
    .methods = methods,
    .create = create,
    .destroy = destroy,
};

#if WRONG == WRONG_ENTRY
CACHECORE_PLUGIN_EXPORT const cachecore_plugin *cachecore_plugin_entry_v2(void);
CACHECORE_PLUGIN_EXPORT const cachecore_plugin *cachecore_plugin_entry_v2(void) { return &descriptor; }
#else
CACHECORE_PLUGIN_EXPORT const cachecore_plugin *cachecore_plugin_entry_v1(void);
CACHECORE_PLUGIN_EXPORT const cachecore_plugin *cachecore_plugin_entry_v1(void) {
  return WRONG == WRONG_DESCRIPTOR ? NULL : &descriptor;
}
#endif
