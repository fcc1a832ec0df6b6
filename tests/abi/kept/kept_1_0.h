/* kept_1_0.h: the contract as a program or plugin of an earlier 1.0 saw it: structs end before their later members.
 *
 * Never changed and never replaced by today's headers: what is built from it stands for what users built years ago. */
#ifndef CACHECORE_TESTS_KEPT_1_0_H
#define CACHECORE_TESTS_KEPT_1_0_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t cachecore_status;

typedef struct cachecore_value {
  int32_t kind;
  int32_t reserved;
  union {
    int64_t integer;
    double real;
    struct {
      const char *data;
      size_t size;
    } bytes;
  } as;
} cachecore_value;

typedef struct cachecore_error {
  cachecore_status status;
  char server_code[28];
  char message[480];
} cachecore_error;

/* ---- What applications see ---- */

typedef struct cachecore_handle cachecore_handle;
typedef struct cachecore_method cachecore_method;
typedef struct cachecore_result cachecore_result;

/* Without busy_poll_us, log, log_context, ping_on_init. */
typedef struct cachecore_options {
  size_t struct_size;
  const char *url;
  const char *config_json;
  const char *config_file;
  const char *const *plugins;
  const char *plugin_path;
  const char *key_prefix;
  int64_t max_connections;
  int64_t connect_timeout_ms;
  int64_t call_timeout_ms;
} cachecore_options;

void cachecore_options_init_sized(cachecore_options *options, size_t size);
cachecore_status cachecore_init(const cachecore_options *options, cachecore_handle **out, cachecore_error *error);
cachecore_status cachecore_reset(cachecore_handle *core, cachecore_error *error);
void cachecore_close(cachecore_handle *core);
cachecore_status cachecore_plugin_load(cachecore_handle *core, const char *name_or_path, const char *config_json,
                                       cachecore_error *error);
cachecore_status cachecore_describe(cachecore_handle *core, cachecore_result **out, cachecore_error *error);
cachecore_status cachecore_invoke(cachecore_handle *core, const char *method, const cachecore_value *args,
                                  size_t arg_count, cachecore_result **out, cachecore_error *error);
const cachecore_value *cachecore_result_value(const cachecore_result *result);
void cachecore_result_free(cachecore_result *result);

/* ---- What plugins see ---- */

typedef struct cachecore_invocation cachecore_invocation;

typedef struct cachecore_host {
  size_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  const char *key_prefix;
  const void *(*service)(const struct cachecore_host *host, const char *name);
} cachecore_host;

/* The beginning of invocation/1. */
typedef struct cachecore_invocation_service {
  size_t struct_size;
  void *(*allocate)(cachecore_invocation *invocation, size_t size);
  void (*complete)(cachecore_invocation *invocation, const cachecore_value *value, uint32_t flags);
  void (*fail)(cachecore_invocation *invocation, cachecore_status status, const char *message);
} cachecore_invocation_service;

/* Without default_value, minimum, fields. */
typedef struct cachecore_parameter_spec {
  size_t struct_size;
  const char *name;
  const char *doc;
  uint32_t kinds;
  uint32_t meaning;
  uint32_t flags;
  uint32_t reserved;
} cachecore_parameter_spec;

/* Without undo. */
typedef struct cachecore_method_spec {
  size_t struct_size;
  const char *name;
  const char *doc;
  uint32_t flags;
  uint32_t reserved;
  const cachecore_parameter_spec *const *parameters;
  const char *returns;
  void (*start)(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count);
} cachecore_method_spec;

typedef struct cachecore_plugin {
  size_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  const char *name;
  const char *version;
  const char *license;
  const char *summary;
  const char *const *needs;
  const cachecore_method_spec *const *methods;
  const cachecore_parameter_spec *const *config;
  cachecore_status (*create)(const cachecore_host *host, const cachecore_value *config, void **instance,
                             cachecore_error *error);
  cachecore_status (*reset)(void *instance, cachecore_error *error);
  void (*destroy)(void *instance);
} cachecore_plugin;

#ifdef __cplusplus
}
#endif

#endif
