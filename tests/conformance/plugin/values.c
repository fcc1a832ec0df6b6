/* values.c: methods that answer at once: values of every kind, checked parameters, chosen failures. */
#include <string.h>

#include "conformance.h"

#define INTEGER(number)                                                \
  {                                                                    \
    .kind = CACHECORE_INT, .reserved = 0, .as = {.integer = (number) } \
  }
#define REAL(number)                                                   \
  {                                                                    \
    .kind = CACHECORE_DOUBLE, .reserved = 0, .as = {.real = (number) } \
  }
#define TEXT(text)                                                                                       \
  {                                                                                                      \
    .kind = CACHECORE_BYTES, .reserved = 0, .as = {.bytes = {.data = (text), .size = sizeof(text) - 1} } \
  }

static const cachecore_value zero = INTEGER(0), one = INTEGER(1), three = INTEGER(3);
static const cachecore_value least_ratio = REAL(0.5), no_label = TEXT("none");

#define PARAMETER(identifier, ...) \
  static const cachecore_parameter_spec identifier = {.struct_size = sizeof(cachecore_parameter_spec), __VA_ARGS__}

PARAMETER(any, .name = "value", .doc = "Anything.", .flags = CACHECORE_PARAMETER_OPTIONAL);
static const cachecore_parameter_spec *const takes_any[] = {&any, NULL};

static void echo(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const struct conformance *plugin = instance;
  (void)arg_count;
  plugin->invocation->complete(invocation, &args[0], 0);
}

const cachecore_method_spec method_echo = {.struct_size = sizeof(cachecore_method_spec),
                                           .name = "echo",
                                           .doc = "Answers its argument; the host copies it.",
                                           .flags = CACHECORE_METHOD_READ_ONLY | CACHECORE_METHOD_BORROWS_ARGUMENTS,
                                           .parameters = takes_any,
                                           .returns = "the argument",
                                           .start = echo};

static void echo_adopted(void *instance, cachecore_invocation *invocation, const cachecore_value *args,
                         size_t arg_count) {
  const struct conformance *plugin = instance;
  (void)arg_count;
  plugin->invocation->complete(invocation, &args[0], CACHECORE_COMPLETE_ADOPT);
}

const cachecore_method_spec method_echo_adopted = {.struct_size = sizeof(cachecore_method_spec),
                                                   .name = "echo_adopted",
                                                   .doc = "Answers its argument, in the memory it was given in.",
                                                   .flags = CACHECORE_METHOD_READ_ONLY,
                                                   .parameters = takes_any,
                                                   .returns = "the argument",
                                                   .start = echo_adopted};

PARAMETER(text, .name = "text", .doc = "UTF-8.", .kinds = CACHECORE_KIND_BIT(CACHECORE_BYTES),
          .meaning = CACHECORE_MEANING_TEXT);
static const cachecore_parameter_spec *const takes_text[] = {&text, NULL};

const cachecore_method_spec method_echo_text = {.struct_size = sizeof(cachecore_method_spec),
                                                .name = "echo_text",
                                                .doc = "Answers its text.",
                                                .flags = CACHECORE_METHOD_READ_ONLY,
                                                .parameters = takes_text,
                                                .returns = "BYTES",
                                                .start = echo};

PARAMETER(key, .name = "key", .doc = "A key.", .kinds = CACHECORE_KIND_BIT(CACHECORE_BYTES),
          .meaning = CACHECORE_MEANING_KEY);
static const cachecore_parameter_spec *const takes_key[] = {&key, NULL};

const cachecore_method_spec method_echo_key = {.struct_size = sizeof(cachecore_method_spec),
                                               .name = "echo_key",
                                               .doc = "Answers its key.",
                                               .flags = CACHECORE_METHOD_READ_ONLY,
                                               .parameters = takes_key,
                                               .returns = "BYTES",
                                               .start = echo};

PARAMETER(left, .name = "left", .doc = "0 or more.", .kinds = CACHECORE_KIND_BIT(CACHECORE_INT),
          .meaning = CACHECORE_MEANING_COUNT, .minimum = &zero);
PARAMETER(right, .name = "right", .doc = "0 or more.", .kinds = CACHECORE_KIND_BIT(CACHECORE_INT),
          .meaning = CACHECORE_MEANING_COUNT, .flags = CACHECORE_PARAMETER_OPTIONAL, .default_value = &one,
          .minimum = &zero);
static const cachecore_parameter_spec *const takes_sum[] = {&left, &right, NULL};

static void add(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const struct conformance *plugin = instance;
  int64_t sum = 0;
  (void)arg_count;
  if (__builtin_add_overflow(args[0].as.integer, args[1].as.integer, &sum)) {
    plugin->invocation->fail(invocation, CACHECORE_INVALID_ARGUMENT, "left and right must add up to less than 2^63");
    return;
  }
  answer_integer(plugin, invocation, sum);
}

const cachecore_method_spec method_add = {.struct_size = sizeof(cachecore_method_spec),
                                          .name = "add",
                                          .doc = "Adds two numbers.",
                                          .flags = CACHECORE_METHOD_READ_ONLY,
                                          .parameters = takes_sum,
                                          .returns = "INT",
                                          .start = add};

PARAMETER(bytes, .name = "data", .doc = "Three bytes or more.", .kinds = CACHECORE_KIND_BIT(CACHECORE_BYTES),
          .meaning = CACHECORE_MEANING_BYTES, .minimum = &three);
static const cachecore_parameter_spec *const takes_bytes[] = {&bytes, NULL};

const cachecore_method_spec method_at_least_three = {.struct_size = sizeof(cachecore_method_spec),
                                                     .name = "at_least_three",
                                                     .doc = "Answers its bytes.",
                                                     .flags = CACHECORE_METHOD_READ_ONLY,
                                                     .parameters = takes_bytes,
                                                     .returns = "BYTES",
                                                     .start = echo};

PARAMETER(rate, .name = "rate", .doc = "0.5 or more.",
          .kinds = CACHECORE_KIND_BIT(CACHECORE_DOUBLE) | CACHECORE_KIND_BIT(CACHECORE_INT),
          .flags = CACHECORE_PARAMETER_OPTIONAL, .minimum = &least_ratio);
PARAMETER(burst, .name = "burst", .doc = "0 or more.", .kinds = CACHECORE_KIND_BIT(CACHECORE_INT),
          .flags = CACHECORE_PARAMETER_OPTIONAL, .minimum = &zero);
static const cachecore_parameter_spec *const limit_fields[] = {&rate, &burst, NULL};

PARAMETER(delay, .name = "delay_ms", .doc = "0 or more.", .kinds = CACHECORE_KIND_BIT(CACHECORE_INT),
          .meaning = CACHECORE_MEANING_DURATION, .flags = CACHECORE_PARAMETER_OPTIONAL, .minimum = &zero);
PARAMETER(label, .name = "label", .doc = "A text.", .kinds = CACHECORE_KIND_BIT(CACHECORE_BYTES),
          .meaning = CACHECORE_MEANING_TEXT, .flags = CACHECORE_PARAMETER_OPTIONAL, .default_value = &no_label);
PARAMETER(strict, .name = "strict", .doc = "Yes or no.", .kinds = CACHECORE_KIND_BIT(CACHECORE_BOOL),
          .flags = CACHECORE_PARAMETER_OPTIONAL);
PARAMETER(limits, .name = "limits", .doc = "How fast.", .kinds = CACHECORE_KIND_BIT(CACHECORE_MAP),
          .flags = CACHECORE_PARAMETER_OPTIONAL, .fields = limit_fields);
static const cachecore_parameter_spec *const setting_fields[] = {&delay, &label, &strict, &limits, NULL};

PARAMETER(settings, .name = "settings", .doc = "Options.", .kinds = CACHECORE_KIND_BIT(CACHECORE_MAP),
          .flags = CACHECORE_PARAMETER_OPTIONAL, .fields = setting_fields);
PARAMETER(secret, .name = "secret", .doc = "Never shown.", .kinds = CACHECORE_KIND_BIT(CACHECORE_BYTES),
          .meaning = CACHECORE_MEANING_TEXT, .flags = CACHECORE_PARAMETER_OPTIONAL | CACHECORE_PARAMETER_SECRET,
          .minimum = &three);
static const cachecore_parameter_spec *const takes_settings[] = {&settings, &secret, NULL};

const cachecore_method_spec method_options = {.struct_size = sizeof(cachecore_method_spec),
                                              .name = "options",
                                              .doc = "Answers its options as it received them.",
                                              .flags = CACHECORE_METHOD_READ_ONLY,
                                              .parameters = takes_settings,
                                              .returns = "MAP",
                                              .start = echo};

static const cachecore_parameter_spec *const takes_nothing[] = {NULL};

static void greeting(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const struct conformance *plugin = instance;
  const cachecore_pair pairs[] = {{cachecore_text("greeting"), cachecore_text(plugin->greeting)},
                                  {cachecore_text("limit"), cachecore_int(plugin->limit)}};
  const cachecore_value answer = cachecore_map(pairs, 2);
  (void)args;
  (void)arg_count;
  plugin->invocation->complete(invocation, &answer, 0);
}

const cachecore_method_spec method_greeting = {.struct_size = sizeof(cachecore_method_spec),
                                               .name = "greeting",
                                               .doc = "Answers the plugin's configuration.",
                                               .flags = CACHECORE_METHOD_READ_ONLY,
                                               .parameters = takes_nothing,
                                               .returns = "{greeting, limit}",
                                               .start = greeting};

PARAMETER(size, .name = "size", .doc = "Bytes.", .kinds = CACHECORE_KIND_BIT(CACHECORE_INT),
          .meaning = CACHECORE_MEANING_COUNT, .minimum = &zero);
static const cachecore_parameter_spec *const takes_size[] = {&size, NULL};

static void big(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const struct conformance *plugin = instance;
  const size_t count = (size_t)args[0].as.integer;
  char *data = plugin->invocation->allocate(invocation, count + 1);
  (void)arg_count;
  if (data == NULL) {
    answer_no_memory(plugin, invocation);
    return;
  }
  memset(data, 'x', count);
  data[count] = '\0';
  const cachecore_value answer = cachecore_bytes(data, count);
  plugin->invocation->complete(invocation, &answer, CACHECORE_COMPLETE_ADOPT);
}

const cachecore_method_spec method_big = {.struct_size = sizeof(cachecore_method_spec),
                                          .name = "big",
                                          .doc = "Answers that many times the letter x.",
                                          .flags = CACHECORE_METHOD_READ_ONLY,
                                          .parameters = takes_size,
                                          .returns = "BYTES",
                                          .start = big};

PARAMETER(depth, .name = "depth", .doc = "Levels.", .kinds = CACHECORE_KIND_BIT(CACHECORE_INT),
          .meaning = CACHECORE_MEANING_COUNT, .minimum = &zero);
static const cachecore_parameter_spec *const takes_depth[] = {&depth, NULL};

static void nested(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const struct conformance *plugin = instance;
  const size_t levels = (size_t)args[0].as.integer;
  cachecore_value *tree = plugin->invocation->allocate(invocation, (levels + 1) * sizeof(*tree));
  (void)arg_count;
  if (tree == NULL) {
    answer_no_memory(plugin, invocation);
    return;
  }
  tree[levels] = cachecore_text("bottom");
  for (size_t level = levels; level > 0; level--) tree[level - 1] = cachecore_list(&tree[level], 1);
  plugin->invocation->complete(invocation, &tree[0], 0);
}

const cachecore_method_spec method_nested = {.struct_size = sizeof(cachecore_method_spec),
                                             .name = "nested",
                                             .doc = "Answers the text \"bottom\" inside that many lists.",
                                             .flags = CACHECORE_METHOD_READ_ONLY,
                                             .parameters = takes_depth,
                                             .returns = "LIST of LIST of ... BYTES",
                                             .start = nested};

static void mixed(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const struct conformance *plugin = instance;
  cachecore_value failed = cachecore_text("WRONGTYPE not a list");
  failed.kind = CACHECORE_ERROR;
  failed.reserved = CACHECORE_REJECTED;
  const cachecore_value items[] = {cachecore_int(1), failed, cachecore_nil()};
  const cachecore_value answer = cachecore_list(items, 3);
  (void)args;
  (void)arg_count;
  plugin->invocation->complete(invocation, &answer, 0);
}

const cachecore_method_spec method_mixed = {.struct_size = sizeof(cachecore_method_spec),
                                            .name = "mixed",
                                            .doc = "Answers a list whose second item is a failed reply.",
                                            .flags = CACHECORE_METHOD_READ_ONLY,
                                            .parameters = takes_nothing,
                                            .returns = "[1, ERROR, NIL]",
                                            .start = mixed};

PARAMETER(code, .name = "status", .doc = "Negative.", .kinds = CACHECORE_KIND_BIT(CACHECORE_INT));
PARAMETER(message, .name = "message", .doc = "Why.", .kinds = CACHECORE_KIND_BIT(CACHECORE_BYTES),
          .meaning = CACHECORE_MEANING_TEXT);
static const cachecore_parameter_spec *const takes_failure[] = {&code, &message, NULL};

static void fail(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const struct conformance *plugin = instance;
  (void)arg_count;
  plugin->invocation->fail(invocation, (cachecore_status)args[0].as.integer, args[1].as.bytes.data);
}

const cachecore_method_spec method_fail = {.struct_size = sizeof(cachecore_method_spec),
                                           .name = "fail",
                                           .doc = "Fails with that status and message.",
                                           .flags = CACHECORE_METHOD_READ_ONLY,
                                           .parameters = takes_failure,
                                           .returns = "never",
                                           .start = fail};

static void not_found(void *instance, cachecore_invocation *invocation, const cachecore_value *args, size_t arg_count) {
  const struct conformance *plugin = instance;
  (void)args;
  (void)arg_count;
  plugin->invocation->fail(invocation, CACHECORE_NOT_FOUND, NULL);
}

const cachecore_method_spec method_not_found = {.struct_size = sizeof(cachecore_method_spec),
                                                .name = "not_found",
                                                .doc = "Answers NOT_FOUND.",
                                                .flags = CACHECORE_METHOD_READ_ONLY,
                                                .parameters = takes_nothing,
                                                .returns = "never",
                                                .start = not_found};
