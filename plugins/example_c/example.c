/* example.c: a plugin of cachecore in plain C11, in one file.
 *
 *     example_c.add(a, b)                    answers at once
 *     example_c.count_visit(page, options?)  asks Redis, answers in a continuation, then gives the counter an expiry
 *     example_c.ticks(count, every_ms)       streams: a timer, an item, a timer ...
 *
 * The pattern for everything that takes time: a struct in the invocation's memory holds what the next step needs; a
 * service is given a function and that struct; each step ends by asking for the next one, or by ending the invocation,
 * exactly once.
 *
 * plugin.h says what may be called when, and who owns what.
 */
#include <cachecore/plugin.h>
#include <stdlib.h>
#include <string.h>

/* What create makes: the tables of the services this plugin needs, which live as long as the instance. */
typedef struct example {
  const cachecore_host *host;
  const cachecore_invocation_service *invocation;
  const cachecore_redis_service *redis;
  const cachecore_stream_service *stream;
  const cachecore_timer_service *timer;
} example;

/* ---- add --------------------------------------------------------------------------------------------------------- */

/* The arguments are two INTs: the core has checked. */
static void add(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const example *self = instance;
  const int64_t a = args[0].as.integer;
  const int64_t b = args[1].as.integer;
  (void)arg_count;
  if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b) {
    self->invocation->fail(invocation, CACHECORE_INVALID_ARGUMENT, "a + b must fit into 64 bits");
    return;
  }
  const cachecore_value sum = cachecore_int(a + b);
  self->invocation->complete(invocation, &sum, 0);
}

/* ---- count_visit ------------------------------------------------------------------------------------------------- */

typedef struct visit_state {
  const example *self;
  cachecore_invocation *invocation;
  cachecore_value key;
  cachecore_value ttl_ms; /* INT, or NIL */
  cachecore_value count;
} visit_state;

/* The value of a key in an option map, or NIL. */
static cachecore_value option(const cachecore_value *options, const char *name) {
  if (options->kind == CACHECORE_MAP) {
    for (size_t i = 0; i < options->as.map.count; i++) {
      const cachecore_pair *pair = &options->as.map.pairs[i];
      const cachecore_bytes_view key = pair->key.as.bytes;
      if (key.size == strlen(name) && memcmp(key.data, name, key.size) == 0) return pair->value;
    }
  }
  return cachecore_nil();
}

static void visit_expires(void *state, cachecore_status status, const cachecore_value *reply,
                          const cachecore_error *error) {
  const visit_state *visit = state;
  (void)reply;
  if (status != CACHECORE_OK) {
    visit->self->invocation->fail_with(visit->invocation, error);
    return;
  }
  visit->self->invocation->complete(visit->invocation, &visit->count, 0);
}

static void visit_counted(void *state, cachecore_status status, const cachecore_value *reply,
                          const cachecore_error *error) {
  visit_state *visit = state;
  if (status != CACHECORE_OK) {
    visit->self->invocation->fail_with(visit->invocation, error);
    return;
  }
  visit->count = *reply;
  if (visit->ttl_ms.kind != CACHECORE_INT) {
    visit->self->invocation->complete(visit->invocation, &visit->count, 0);
    return;
  }
  const cachecore_value words[] = {cachecore_text("PEXPIRE"), visit->key, visit->ttl_ms};
  visit->self->redis->command(visit->invocation, words, 3, CACHECORE_REDIS_IDEMPOTENT, visit_expires, visit);
}

static void count_visit(void *instance, cachecore_invocation *invocation, const cachecore_value *args,
                        size_t arg_count) {
  static const char name[] = "visits:";
  const example *self = instance;
  const cachecore_bytes_view page = args[0].as.bytes;
  const size_t prefix_size = strlen(self->host->key_prefix);
  const size_t key_size = prefix_size + strlen(name) + page.size;
  (void)arg_count;

  visit_state *visit = self->invocation->allocate(invocation, sizeof(*visit));
  char *key = self->invocation->allocate(invocation, key_size);
  if (visit == NULL || key == NULL) {
    self->invocation->fail(invocation, CACHECORE_NO_MEMORY, "out of memory");
    return;
  }
  memcpy(key, self->host->key_prefix, prefix_size);
  memcpy(key + prefix_size, name, strlen(name));
  memcpy(key + prefix_size + strlen(name), page.data, page.size);

  visit->self = self;
  visit->invocation = invocation;
  visit->key = cachecore_bytes(key, key_size);
  visit->ttl_ms = option(&args[1], "ttl_ms");
  cachecore_value by = option(&args[1], "by");
  if (by.kind != CACHECORE_INT) by = cachecore_int(1);

  const cachecore_value words[] = {cachecore_text("INCRBY"), visit->key, by};
  self->redis->command(invocation, words, 3, 0, visit_counted, visit);
}

/* ---- ticks ------------------------------------------------------------------------------------------------------- */

typedef struct tick_state {
  const example *self;
  cachecore_invocation *invocation;
  int64_t every_ms;
  int64_t count;
  int64_t done;
} tick_state;

/* Runs after each sleep. When the caller cancels, the sleep ends at once with that status, and so does the stream. */
static void tick(void *state, cachecore_status status, const cachecore_value *nothing, const cachecore_error *error) {
  tick_state *ticking = state;
  (void)nothing;
  if (status != CACHECORE_OK) {
    ticking->self->invocation->fail_with(ticking->invocation, error);
    return;
  }
  cachecore_pair pair = {cachecore_text("tick"), cachecore_int(++ticking->done)};
  const cachecore_value item = cachecore_map(&pair, 1);
  ticking->self->stream->emit(ticking->invocation, &item);
  if (ticking->done == ticking->count) {
    ticking->self->invocation->complete(ticking->invocation, NULL, 0);
    return;
  }
  ticking->self->timer->sleep(ticking->invocation, ticking->every_ms, tick, ticking);
}

static void ticks(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const example *self = instance;
  tick_state *ticking = self->invocation->allocate(invocation, sizeof(*ticking));
  (void)arg_count;
  if (ticking == NULL) {
    self->invocation->fail(invocation, CACHECORE_NO_MEMORY, "out of memory");
    return;
  }
  ticking->self = self;
  ticking->invocation = invocation;
  ticking->count = args[0].as.integer;
  ticking->every_ms = args[1].as.integer;
  ticking->done = 0;
  self->timer->sleep(invocation, ticking->every_ms, tick, ticking);
}

/* ---- The instance ------------------------------------------------------------------------------------------------ */

static cachecore_status create(const cachecore_host *host, const cachecore_value *config, void **instance,
                               cachecore_error *error) {
  example *self = malloc(sizeof(*self));
  (void)config;
  if (self == NULL) {
    memset(error, 0, sizeof(*error));
    error->status = CACHECORE_NO_MEMORY;
    strcpy(error->message, "out of memory");
    return CACHECORE_NO_MEMORY;
  }
  /* None of them is NULL: the core refuses the plugin where it lacks something of `needs`. */
  self->host = host;
  self->invocation = host->service(host, "invocation/1");
  self->redis = host->service(host, "redis/1");
  self->stream = host->service(host, "stream/1");
  self->timer = host->service(host, "timer/1");
  *instance = self;
  return CACHECORE_OK;
}

static void destroy(void *instance) { free(instance); }

/* ---- What callers see -------------------------------------------------------------------------------------------- */

#define AN_INT CACHECORE_KIND_BIT(CACHECORE_INT)
#define SOME_BYTES CACHECORE_KIND_BIT(CACHECORE_BYTES)
#define A_MAP CACHECORE_KIND_BIT(CACHECORE_MAP)

static const cachecore_value one = {.kind = CACHECORE_INT, .as.integer = 1};
static const cachecore_value thousand = {.kind = CACHECORE_INT, .as.integer = 1000};

static const cachecore_parameter_spec a = {
    .struct_size = sizeof(a), .name = "a", .doc = "One number.", .kinds = AN_INT};
static const cachecore_parameter_spec b = {.struct_size = sizeof(b), .name = "b", .doc = "Another.", .kinds = AN_INT};

static const cachecore_method_spec add_spec = {
    .struct_size = sizeof(add_spec),
    .name = "add",
    .doc = "Adds two numbers.",
    .flags = CACHECORE_METHOD_READ_ONLY | CACHECORE_METHOD_BORROWS_ARGUMENTS,
    .parameters = (const cachecore_parameter_spec *const[]){&a, &b, NULL},
    .returns = "INT",
    .start = add,
};

static const cachecore_parameter_spec page = {.struct_size = sizeof(page),
                                              .name = "page",
                                              .doc = "Which page.",
                                              .kinds = SOME_BYTES,
                                              .meaning = CACHECORE_MEANING_KEY};
static const cachecore_parameter_spec by = {.struct_size = sizeof(by),
                                            .name = "by",
                                            .doc = "How many visits at once; 1 without it.",
                                            .kinds = AN_INT,
                                            .meaning = CACHECORE_MEANING_COUNT,
                                            .flags = CACHECORE_PARAMETER_OPTIONAL,
                                            .minimum = &one};
static const cachecore_parameter_spec ttl_ms = {.struct_size = sizeof(ttl_ms),
                                                .name = "ttl_ms",
                                                .doc = "Forgets the page's count so long after its last visit.",
                                                .kinds = AN_INT,
                                                .meaning = CACHECORE_MEANING_DURATION,
                                                .flags = CACHECORE_PARAMETER_OPTIONAL,
                                                .minimum = &one};
static const cachecore_parameter_spec visit_options = {
    .struct_size = sizeof(visit_options),
    .name = "options",
    .doc = "How to count.",
    .kinds = A_MAP,
    .flags = CACHECORE_PARAMETER_OPTIONAL,
    .fields = (const cachecore_parameter_spec *const[]){&by, &ttl_ms, NULL},
};

static const cachecore_method_spec count_visit_spec = {
    .struct_size = sizeof(count_visit_spec),
    .name = "count_visit",
    .doc = "Counts a visit of a page.",
    .parameters = (const cachecore_parameter_spec *const[]){&page, &visit_options, NULL},
    .returns = "INT: visits so far",
    .start = count_visit,
};

static const cachecore_parameter_spec count = {.struct_size = sizeof(count),
                                               .name = "count",
                                               .doc = "How many.",
                                               .kinds = AN_INT,
                                               .meaning = CACHECORE_MEANING_COUNT,
                                               .minimum = &one};
static const cachecore_parameter_spec every_ms = {.struct_size = sizeof(every_ms),
                                                  .name = "every_ms",
                                                  .doc = "How far apart.",
                                                  .kinds = AN_INT,
                                                  .meaning = CACHECORE_MEANING_DURATION,
                                                  .flags = CACHECORE_PARAMETER_OPTIONAL,
                                                  .default_value = &thousand,
                                                  .minimum = &one};

static const cachecore_method_spec ticks_spec = {
    .struct_size = sizeof(ticks_spec),
    .name = "ticks",
    .doc = "Streams ticks of a clock.",
    .flags = CACHECORE_METHOD_READ_ONLY | CACHECORE_METHOD_STREAMING,
    .parameters = (const cachecore_parameter_spec *const[]){&count, &every_ms, NULL},
    .returns = "MAPs {tick: 1}, {tick: 2} ...",
    .start = ticks,
};

static const cachecore_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = CACHECORE_PLUGIN_ABI_MAJOR,
    .abi_minor = CACHECORE_PLUGIN_ABI_MINOR,
    .name = "example_c",
    .version = "1.0.0",
    .license = "MIT",
    .summary = "Shows how a plugin in C is made.",
    .needs = (const char *const[]){"redis/1", "stream/1", "timer/1", NULL},
    .methods = (const cachecore_method_spec *const[]){&add_spec, &count_visit_spec, &ticks_spec, NULL},
    .create = create,
    .destroy = destroy,
};

CACHECORE_PLUGIN_EXPORT const cachecore_plugin *cachecore_plugin_entry_v1(void) { return &plugin; }
