/* probe.c: a plugin that gives the tests of the command line every kind of parameter, answer, stream and failure.
 *
 * Methods that wait leave a word in a file when they are given up, so that a test can tell a cancelled call from a
 * killed program.
 */
#include <cachecore/options.h>
#include <cachecore/plugin.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PROBE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const cachecore_host *probe_host;
static const cachecore_invocation_service *invocations;
static const cachecore_stream_service *streams;
static const cachecore_timer_service *timers;
static const cachecore_log_service *logs;

/* ---- typed: answers with the arguments as they arrived ---- */

#define PROBE_PARAMETER(identifier, text, mask, stands_for, bits, ...)                                 \
  static const cachecore_parameter_spec identifier = {.struct_size = sizeof(cachecore_parameter_spec), \
                                                      .name = text,                                    \
                                                      .doc = "The " text ".",                          \
                                                      .kinds = mask,                                   \
                                                      .meaning = stands_for,                           \
                                                      .flags = bits,                                   \
                                                      __VA_ARGS__}

#define KIND(name) CACHECORE_KIND_BIT(CACHECORE_##name)
#define OPTIONAL CACHECORE_PARAMETER_OPTIONAL

static const cachecore_value one = {.kind = CACHECORE_INT, .as.integer = 1};
static const cachecore_value seven = {.kind = CACHECORE_INT, .as.integer = 7};

PROBE_PARAMETER(typed_integer, "integer", KIND(INT), CACHECORE_MEANING_NONE, OPTIONAL);
PROBE_PARAMETER(typed_real, "real", KIND(DOUBLE), CACHECORE_MEANING_NONE, OPTIONAL);
PROBE_PARAMETER(typed_truth, "truth", KIND(BOOL), CACHECORE_MEANING_NONE, OPTIONAL);
PROBE_PARAMETER(typed_bytes, "bytes", KIND(BYTES), CACHECORE_MEANING_BYTES, OPTIONAL);
PROBE_PARAMETER(typed_list, "list", KIND(LIST), CACHECORE_MEANING_NONE, OPTIONAL);
PROBE_PARAMETER(typed_free, "free", KIND(MAP), CACHECORE_MEANING_NONE, OPTIONAL);
PROBE_PARAMETER(typed_number, "number", KIND(INT) | KIND(DOUBLE), CACHECORE_MEANING_NONE, OPTIONAL);
PROBE_PARAMETER(typed_mixed, "mixed", KIND(INT) | KIND(BYTES), CACHECORE_MEANING_NONE, OPTIONAL);
PROBE_PARAMETER(typed_any, "any", 0, CACHECORE_MEANING_JSON, OPTIONAL);
PROBE_PARAMETER(typed_duration, "duration", KIND(INT), CACHECORE_MEANING_DURATION, OPTIONAL);
PROBE_PARAMETER(typed_timestamp, "timestamp", KIND(INT), CACHECORE_MEANING_TIMESTAMP, OPTIONAL);
PROBE_PARAMETER(typed_pin, "pin", KIND(INT), CACHECORE_MEANING_NONE, OPTIONAL | CACHECORE_PARAMETER_SECRET);
PROBE_PARAMETER(typed_positive, "positive", KIND(INT), CACHECORE_MEANING_COUNT, OPTIONAL, .minimum = &one,
                .default_value = &seven);
PROBE_PARAMETER(field_depth, "depth", KIND(INT), CACHECORE_MEANING_NONE, OPTIONAL);
PROBE_PARAMETER(field_label, "label", KIND(BYTES), CACHECORE_MEANING_TEXT, OPTIONAL);
static const cachecore_parameter_spec *const typed_fields[] = {&field_depth, &field_label, NULL};
PROBE_PARAMETER(typed_settings, "settings", KIND(MAP), CACHECORE_MEANING_NONE, OPTIONAL, .fields = typed_fields);

static const cachecore_parameter_spec *const typed_parameters[] = {
    &typed_integer,   &typed_real,   &typed_truth,    &typed_bytes,    &typed_list,
    &typed_free,      &typed_number, &typed_mixed,    &typed_any,      &typed_duration,
    &typed_timestamp, &typed_pin,    &typed_positive, &typed_settings, NULL};

static void typed(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  cachecore_pair pairs[PROBE_COUNT(typed_parameters)];
  size_t given = 0;
  (void)instance;
  for (size_t i = 0; i < arg_count; i++) {
    if (args[i].kind == CACHECORE_NIL) continue;
    pairs[given].key = cachecore_text(typed_parameters[i]->name);
    pairs[given++].value = args[i];
  }
  cachecore_value answer = cachecore_map(pairs, given);
  invocations->complete(invocation, &answer, 0);
}

/* ---- needs: parameters that must be given ---- */

PROBE_PARAMETER(needs_key, "key", KIND(BYTES), CACHECORE_MEANING_KEY, 0);
PROBE_PARAMETER(needs_values, "values", KIND(LIST), CACHECORE_MEANING_NONE, 0);
static const cachecore_parameter_spec *const needs_parameters[] = {&needs_key, &needs_values, NULL};

static void needs(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  (void)instance;
  cachecore_value answer = cachecore_list(args, arg_count);
  invocations->complete(invocation, &answer, 0);
}

/* ---- fail ---- */

PROBE_PARAMETER(fail_status, "status", KIND(INT), CACHECORE_MEANING_NONE, 0);
PROBE_PARAMETER(fail_message, "message", KIND(BYTES), CACHECORE_MEANING_TEXT, OPTIONAL);
static const cachecore_parameter_spec *const fail_parameters[] = {&fail_status, &fail_message, NULL};

static void fail(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  (void)instance;
  (void)arg_count;
  logs->write(probe_host, CACHECORE_LOG_WARNING, "about to fail");
  invocations->fail(invocation, (cachecore_status)args[0].as.integer,
                    args[1].kind == CACHECORE_NIL ? NULL : args[1].as.bytes.data);
}

/* ---- shape: answers of every form ---- */

PROBE_PARAMETER(shape_name, "name", KIND(BYTES), CACHECORE_MEANING_TEXT, 0);
static const cachecore_parameter_spec *const shape_parameters[] = {&shape_name, NULL};

static cachecore_pair entry(const char *key, cachecore_value value) {
  cachecore_pair pair = {cachecore_text(key), value};
  return pair;
}

static cachecore_value failed_reply(void) {
  cachecore_value value = cachecore_text("WRONGTYPE not a list");
  value.kind = CACHECORE_ERROR;
  value.reserved = CACHECORE_REJECTED;
  return value;
}

static cachecore_value shaped(const char *name, cachecore_pair pairs[8], cachecore_value items[4]) {
  static const char binary[] = {'\0', '\xff', 'a', '\x1b', '[', '3', '1', 'm', '\n'};
  if (strcmp(name, "nil") == 0) return cachecore_nil();
  if (strcmp(name, "true") == 0) return cachecore_bool(1);
  if (strcmp(name, "least") == 0) return cachecore_int(INT64_MIN);
  if (strcmp(name, "real") == 0) return cachecore_double(0.1);
  if (strcmp(name, "nan") == 0) return cachecore_double(NAN);
  if (strcmp(name, "binary") == 0) return cachecore_bytes(binary, sizeof binary);
  if (strcmp(name, "escape") == 0) return cachecore_text("\x1b[31mred");
  if (strcmp(name, "text") == 0) return cachecore_text("gr\xc3\xbc\xc3\x9f\x65\tdich\nzweite Zeile");
  if (strcmp(name, "empty") == 0) return cachecore_list(NULL, 0);
  if (strcmp(name, "list") == 0) {
    items[0] = cachecore_text("a\nb");
    items[1] = cachecore_int(5);
    items[2] = cachecore_nil();
    items[3] = failed_reply();
    return cachecore_list(items, 4);
  }
  if (strcmp(name, "records") == 0) {
    pairs[0] = entry("name", cachecore_text("first"));
    pairs[1] = entry("size", cachecore_int(5));
    pairs[2] = entry("name", cachecore_text("zw\xc3\xb6lf"));
    pairs[3] = entry("size", cachecore_int(12345));
    pairs[4] = entry("note", cachecore_bytes(binary, 2));
    items[0] = cachecore_map(pairs, 2);
    items[1] = cachecore_map(pairs + 2, 3);
    return cachecore_list(items, 2);
  }
  pairs[0] = entry("name", cachecore_text("outer"));
  pairs[1] = entry("inner", cachecore_map(pairs + 3, 2));
  pairs[2] = entry("last", cachecore_list(items, 2));
  pairs[3] = entry("depth", cachecore_int(1));
  pairs[4] = entry("rows", cachecore_list(items + 2, 1));
  pairs[5] = entry("column", cachecore_bool(0));
  items[0] = cachecore_text("x");
  items[1] = cachecore_double(2.5);
  items[2] = cachecore_map(pairs + 5, 1);
  return cachecore_map(pairs, 3);
}

static void shape(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  cachecore_pair pairs[8];
  cachecore_value items[4];
  (void)instance;
  (void)arg_count;
  cachecore_value answer = shaped(args[0].as.bytes.data, pairs, items);
  invocations->complete(invocation, &answer, 0);
}

/* ---- items and hang: what takes time ---- */

PROBE_PARAMETER(items_count, "count", KIND(INT), CACHECORE_MEANING_COUNT, OPTIONAL);
PROBE_PARAMETER(items_pause, "pause_ms", KIND(INT), CACHECORE_MEANING_DURATION, OPTIONAL, .default_value = &one);
PROBE_PARAMETER(items_mark, "mark", KIND(BYTES), CACHECORE_MEANING_TEXT, OPTIONAL);
static const cachecore_parameter_spec *const items_parameters[] = {&items_count, &items_pause, &items_mark, NULL};
static const cachecore_parameter_spec *const hang_parameters[] = {&items_mark, NULL};

typedef struct waiting {
  cachecore_invocation *invocation;
  const char *mark; /* file that gets the status it was given up with; NULL: none */
  int64_t next;
  int64_t last; /* 0: no end */
  int64_t pause_ms;
} waiting;

static waiting *wait_state(cachecore_invocation *invocation, const cachecore_value *mark) {
  waiting *state = invocations->allocate(invocation, sizeof *state);
  if (state == NULL) {
    invocations->fail(invocation, CACHECORE_NO_MEMORY, NULL);
    return NULL;
  }
  memset(state, 0, sizeof *state);
  state->invocation = invocation;
  state->next = 1;
  if (mark->kind == CACHECORE_BYTES) state->mark = mark->as.bytes.data;
  return state;
}

static void leave_mark(const waiting *state, cachecore_status status) {
  FILE *file = state->mark == NULL ? NULL : fopen(state->mark, "w");
  if (file == NULL) return;
  fprintf(file, "%d", (int)status);
  fclose(file);
}

static void next_items(void *context, cachecore_status status, const cachecore_value *value,
                       const cachecore_error *error) {
  waiting *state = context;
  (void)value;
  if (status != CACHECORE_OK) {
    leave_mark(state, status);
    invocations->fail_with(state->invocation, error);
    return;
  }
  while (state->last == 0 || state->next <= state->last) {
    cachecore_value item = cachecore_int(state->next++);
    streams->emit(state->invocation, &item);
    if (state->pause_ms > 0) {
      timers->sleep(state->invocation, state->pause_ms, next_items, state);
      return;
    }
  }
  invocations->complete(state->invocation, NULL, 0);
}

static void items(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  waiting *state = wait_state(invocation, &args[2]);
  (void)instance;
  (void)arg_count;
  if (state == NULL) return;
  if (args[0].kind == CACHECORE_INT) state->last = args[0].as.integer;
  state->pause_ms = args[1].as.integer;
  next_items(state, CACHECORE_OK, NULL, NULL);
}

static void hung(void *context, cachecore_status status, const cachecore_value *value, const cachecore_error *error) {
  waiting *state = context;
  (void)value;
  leave_mark(state, status);
  if (status == CACHECORE_OK) {
    invocations->complete(state->invocation, NULL, 0);
  } else {
    invocations->fail_with(state->invocation, error);
  }
}

static void hang(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  waiting *state = wait_state(invocation, &args[0]);
  (void)instance;
  (void)arg_count;
  if (state != NULL) timers->sleep(invocation, INT64_C(3600000), hung, state);
}

/* ---- the plugin ---- */

#define PROBE_METHOD(identifier, text, bits, words)                                                       \
  static const cachecore_method_spec identifier##_method = {.struct_size = sizeof(cachecore_method_spec), \
                                                            .name = #identifier,                          \
                                                            .doc = text,                                  \
                                                            .flags = bits,                                \
                                                            .parameters = identifier##_parameters,        \
                                                            .returns = words,                             \
                                                            .start = identifier}

PROBE_METHOD(typed, "Answers with its arguments. Every kind is there.", CACHECORE_METHOD_READ_ONLY, "MAP");
PROBE_METHOD(needs, "Answers with its arguments, which must be given.", CACHECORE_METHOD_READ_ONLY, "LIST");
PROBE_METHOD(fail, "Fails with a status.", CACHECORE_METHOD_READ_ONLY, "nothing");
PROBE_METHOD(shape, "Answers in the form that is asked for.", CACHECORE_METHOD_READ_ONLY, "anything");
PROBE_METHOD(items, "Counts.", CACHECORE_METHOD_READ_ONLY | CACHECORE_METHOD_STREAMING, "INT, one after the other");
PROBE_METHOD(hang, "Takes an hour.", CACHECORE_METHOD_READ_ONLY, "nothing");

static const cachecore_method_spec *const methods[] = {&typed_method, &needs_method, &fail_method, &shape_method,
                                                       &items_method, &hang_method,  NULL};
static const char *const needed[] = {"invocation/1", "stream/1", "timer/1", "log/1", NULL};

static cachecore_status create(const cachecore_host *host, const cachecore_value *config, void **instance,
                               cachecore_error *error) {
  (void)config;
  (void)error;
  *instance = NULL;
  probe_host = host;
  invocations = host->service(host, "invocation/1");
  streams = host->service(host, "stream/1");
  timers = host->service(host, "timer/1");
  logs = host->service(host, "log/1");
  return CACHECORE_OK;
}

static void destroy(void *instance) { (void)instance; }

static const cachecore_plugin probe = {.struct_size = sizeof(cachecore_plugin),
                                       .abi_major = CACHECORE_PLUGIN_ABI_MAJOR,
                                       .abi_minor = CACHECORE_PLUGIN_ABI_MINOR,
                                       .name = "probe",
                                       .version = "1.2.3",
                                       .license = "MIT",
                                       .summary = "What the tests of the command line call",
                                       .needs = needed,
                                       .methods = methods,
                                       .create = create,
                                       .destroy = destroy};

CACHECORE_PLUGIN_EXPORT const cachecore_plugin *cachecore_plugin_entry_v1(void);

const cachecore_plugin *cachecore_plugin_entry_v1(void) { return &probe; }
