/* waiting.c: methods that take time, emit, or grant something. */
#include <string.h>

#include "conformance.h"

#define PARAMETER(identifier, ...) \
  static const cachecore_parameter_spec identifier = {.struct_size = sizeof(cachecore_parameter_spec), __VA_ARGS__}

static const cachecore_value zero = {.kind = CACHECORE_INT, .reserved = 0, .as = {.integer = 0}};
static const cachecore_value complete_text = {
    .kind = CACHECORE_BYTES, .reserved = 0, .as = {.bytes = {.data = "complete", .size = 8}}};
static const cachecore_parameter_spec *const takes_nothing[] = {NULL};

static const int64_t long_time_ms = 86400000;

/* What a continuation needs of its invocation. */
struct waiting {
  struct conformance *plugin;
  cachecore_invocation *invocation;
  int64_t number;
};

/* NULL after the invocation has been ended for want of memory. */
static struct waiting *begin(struct conformance *plugin, cachecore_invocation *invocation, int64_t number) {
  struct waiting *waiting = plugin->invocation->allocate(invocation, sizeof(*waiting));
  if (waiting == NULL) {
    answer_no_memory(plugin, invocation);
    return NULL;
  }
  waiting->plugin = plugin;
  waiting->invocation = invocation;
  waiting->number = number;
  return waiting;
}

static void sleep_again(struct waiting *waiting, int64_t ms, cachecore_continuation then) {
  waiting->plugin->timer->sleep(waiting->invocation, ms, then, waiting);
}

/* ---- never, pause --------------------------------------------------------------------------------------------------
 */

static void never_continues(void *state, cachecore_status status, const cachecore_value *value,
                            const cachecore_error *error) {
  struct waiting *waiting = state;
  (void)value;
  if (status == CACHECORE_OK) {
    sleep_again(waiting, long_time_ms, never_continues);
  } else {
    waiting->plugin->invocation->fail_with(waiting->invocation, error);
  }
}

static void never(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  struct waiting *waiting = begin(instance, invocation, 0);
  (void)args;
  (void)arg_count;
  if (waiting != NULL) sleep_again(waiting, long_time_ms, never_continues);
}

const cachecore_method_spec method_never = {.struct_size = sizeof(cachecore_method_spec),
                                            .name = "never",
                                            .doc = "Waits until it is given up.",
                                            .flags = CACHECORE_METHOD_READ_ONLY,
                                            .parameters = takes_nothing,
                                            .returns = "never",
                                            .start = never};

PARAMETER(ms, .name = "ms", .doc = "How long.", .kinds = CACHECORE_KIND_BIT(CACHECORE_INT),
          .meaning = CACHECORE_MEANING_DURATION, .minimum = &zero);
PARAMETER(wait_ms, .name = "wait_ms", .doc = "How much longer than by default it may take.",
          .kinds = CACHECORE_KIND_BIT(CACHECORE_INT), .meaning = CACHECORE_MEANING_DURATION,
          .flags = CACHECORE_PARAMETER_OPTIONAL | CACHECORE_PARAMETER_WAIT, .default_value = &zero);
static const cachecore_parameter_spec *const takes_pause[] = {&ms, &wait_ms, NULL};

static void pause_continues(void *state, cachecore_status status, const cachecore_value *value,
                            const cachecore_error *error) {
  struct waiting *waiting = state;
  (void)value;
  if (status == CACHECORE_OK) {
    answer_integer(waiting->plugin, waiting->invocation, waiting->number);
  } else {
    waiting->plugin->invocation->fail_with(waiting->invocation, error);
  }
}

static void pause_for(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  struct waiting *waiting = begin(instance, invocation, args[0].as.integer);
  (void)arg_count;
  if (waiting != NULL) sleep_again(waiting, waiting->number, pause_continues);
}

const cachecore_method_spec method_pause = {.struct_size = sizeof(cachecore_method_spec),
                                            .name = "pause",
                                            .doc = "Waits, then answers how long.",
                                            .flags = CACHECORE_METHOD_READ_ONLY,
                                            .parameters = takes_pause,
                                            .returns = "INT",
                                            .start = pause_for};

/* ---- emit, emit_fast, settled --------------------------------------------------------------------------------------
 */

PARAMETER(count, .name = "count", .doc = "Items.", .kinds = CACHECORE_KIND_BIT(CACHECORE_INT),
          .meaning = CACHECORE_MEANING_COUNT, .minimum = &zero);
PARAMETER(end, .name = "end", .doc = "\"complete\", \"fail\" or \"hold\".",
          .kinds = CACHECORE_KIND_BIT(CACHECORE_BYTES), .meaning = CACHECORE_MEANING_TEXT,
          .flags = CACHECORE_PARAMETER_OPTIONAL, .default_value = &complete_text);
static const cachecore_parameter_spec *const takes_count[] = {&count, NULL};
static const cachecore_parameter_spec *const takes_count_and_end[] = {&count, &end, NULL};

static void emit_all(const struct conformance *plugin, cachecore_invocation *invocation, int64_t items) {
  for (int64_t index = 0; index < items; index++) {
    const cachecore_value item = cachecore_int(index);
    plugin->stream->emit(invocation, &item);
  }
}

static void emit(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  struct conformance *plugin = instance;
  const char *ending = args[1].as.bytes.data;
  (void)arg_count;
  emit_all(plugin, invocation, args[0].as.integer);
  if (strcmp(ending, "complete") == 0) {
    plugin->invocation->complete(invocation, NULL, 0);
  } else if (strcmp(ending, "fail") == 0) {
    plugin->invocation->fail(invocation, CACHECORE_CORRUPT, "the stream was asked to fail");
  } else {
    struct waiting *waiting = begin(plugin, invocation, 0);
    if (waiting != NULL) sleep_again(waiting, long_time_ms, never_continues);
  }
}

const cachecore_method_spec method_emit = {
    .struct_size = sizeof(cachecore_method_spec),
    .name = "emit",
    .doc = "Emits 0, 1, 2 ..., then ends as told: hold goes on until it is given up.",
    .flags = CACHECORE_METHOD_READ_ONLY | CACHECORE_METHOD_STREAMING,
    .parameters = takes_count_and_end,
    .returns = "items INT; then NIL",
    .start = emit};

/* Goes on only after a timer, so that the submit has returned whatever the host's way of starting. */
static void emit_fast_continues(void *state, cachecore_status status, const cachecore_value *value,
                                const cachecore_error *error) {
  struct waiting *waiting = state;
  struct conformance *plugin = waiting->plugin;
  (void)value;
  if (status == CACHECORE_OK) emit_all(plugin, waiting->invocation, waiting->number);
  atomic_fetch_sub(&plugin->emitting, 1);
  if (status == CACHECORE_OK) {
    plugin->invocation->complete(waiting->invocation, NULL, 0);
  } else {
    plugin->invocation->fail_with(waiting->invocation, error);
  }
}

static void emit_fast(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  struct conformance *plugin = instance;
  struct waiting *waiting = begin(plugin, invocation, args[0].as.integer);
  (void)arg_count;
  if (waiting == NULL) return;
  atomic_fetch_add(&plugin->emitting, 1);
  sleep_again(waiting, 0, emit_fast_continues);
}

const cachecore_method_spec method_emit_fast = {.struct_size = sizeof(cachecore_method_spec),
                                                .name = "emit_fast",
                                                .doc = "Emits that many numbers without a pause.",
                                                .flags = CACHECORE_METHOD_READ_ONLY | CACHECORE_METHOD_STREAMING,
                                                .parameters = takes_count,
                                                .returns = "items INT; then NIL",
                                                .start = emit_fast};

/* Looks every millisecond whether `counter` is where it should be. */
static void settle(struct waiting *waiting, cachecore_status status, const cachecore_error *error, int64_t reached,
                   int64_t answer, cachecore_continuation again) {
  if (status != CACHECORE_OK) {
    waiting->plugin->invocation->fail_with(waiting->invocation, error);
  } else if (reached != 0) {
    answer_integer(waiting->plugin, waiting->invocation, answer);
  } else {
    sleep_again(waiting, 1, again);
  }
}

static void settled_continues(void *state, cachecore_status status, const cachecore_value *value,
                              const cachecore_error *error) {
  struct waiting *waiting = state;
  (void)value;
  settle(waiting, status, error, atomic_load(&waiting->plugin->emitting) == 0, 0, settled_continues);
}

static void settled(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  struct waiting *waiting = begin(instance, invocation, 0);
  (void)args;
  (void)arg_count;
  if (waiting != NULL) settled_continues(waiting, CACHECORE_OK, NULL, NULL);
}

const cachecore_method_spec method_settled = {.struct_size = sizeof(cachecore_method_spec),
                                              .name = "settled",
                                              .doc = "Waits until every emit_fast has emitted all it has.",
                                              .flags = CACHECORE_METHOD_READ_ONLY,
                                              .parameters = takes_nothing,
                                              .returns = "INT 0",
                                              .start = settled};

/* ---- grant, granted, released --------------------------------------------------------------------------------------
 */

static void give(struct waiting *waiting) {
  const int64_t number = (int64_t)atomic_fetch_add(&waiting->plugin->granted, 1) + 1;
  answer_integer(waiting->plugin, waiting->invocation, number);
}

/* A careless method: it grants whatever came, as one does whose grant was already on the way. */
static void grant_continues(void *state, cachecore_status status, const cachecore_value *value,
                            const cachecore_error *error) {
  (void)status;
  (void)value;
  (void)error;
  give(state);
}

static void grant(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  struct waiting *waiting = begin(instance, invocation, 0);
  (void)arg_count;
  if (waiting == NULL) return;
  if (args[0].kind == CACHECORE_BOOL && args[0].as.integer != 0) {
    sleep_again(waiting, long_time_ms, grant_continues);
  } else {
    give(waiting);
  }
}

static void undo_grant(void *instance, cachecore_invocation *invocation, const cachecore_value *args,
                       size_t arg_count) {
  struct conformance *plugin = instance;
  if (arg_count == 1 && args[0].kind == CACHECORE_INT) atomic_fetch_add(&plugin->released, 1);
  plugin->invocation->complete(invocation, NULL, 0);
}

PARAMETER(late, .name = "late", .doc = "Grant only when given up: to nobody.",
          .kinds = CACHECORE_KIND_BIT(CACHECORE_BOOL), .flags = CACHECORE_PARAMETER_OPTIONAL);
static const cachecore_parameter_spec *const takes_late[] = {&late, NULL};

const cachecore_method_spec method_grant = {.struct_size = sizeof(cachecore_method_spec),
                                            .name = "grant",
                                            .doc = "Grants the next number; what reaches nobody is given back.",
                                            .flags = 0,
                                            .parameters = takes_late,
                                            .returns = "INT",
                                            .start = grant,
                                            .undo = undo_grant};

PARAMETER(at_least, .name = "at_least", .doc = "Wait for so many.", .kinds = CACHECORE_KIND_BIT(CACHECORE_INT),
          .meaning = CACHECORE_MEANING_COUNT, .flags = CACHECORE_PARAMETER_OPTIONAL, .default_value = &zero,
          .minimum = &zero);
static const cachecore_parameter_spec *const takes_at_least[] = {&at_least, NULL};

static void granted_continues(void *state, cachecore_status status, const cachecore_value *value,
                              const cachecore_error *error) {
  struct waiting *waiting = state;
  const int64_t now = (int64_t)atomic_load(&waiting->plugin->granted);
  (void)value;
  settle(waiting, status, error, now >= waiting->number, now, granted_continues);
}

static void granted(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  struct waiting *waiting = begin(instance, invocation, args[0].as.integer);
  (void)arg_count;
  if (waiting != NULL) granted_continues(waiting, CACHECORE_OK, NULL, NULL);
}

const cachecore_method_spec method_granted = {.struct_size = sizeof(cachecore_method_spec),
                                              .name = "granted",
                                              .doc = "Waits until that many were granted; answers how many were.",
                                              .flags = CACHECORE_METHOD_READ_ONLY,
                                              .parameters = takes_at_least,
                                              .returns = "INT",
                                              .start = granted};

static void released_continues(void *state, cachecore_status status, const cachecore_value *value,
                               const cachecore_error *error) {
  struct waiting *waiting = state;
  const int64_t now = (int64_t)atomic_load(&waiting->plugin->released);
  (void)value;
  settle(waiting, status, error, now >= waiting->number, now, released_continues);
}

static void released(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  struct waiting *waiting = begin(instance, invocation, args[0].as.integer);
  (void)arg_count;
  if (waiting != NULL) released_continues(waiting, CACHECORE_OK, NULL, NULL);
}

const cachecore_method_spec method_released = {
    .struct_size = sizeof(cachecore_method_spec),
    .name = "released",
    .doc = "Waits until that many grants were given back; answers how many were.",
    .flags = CACHECORE_METHOD_READ_ONLY,
    .parameters = takes_at_least,
    .returns = "INT",
    .start = released};
