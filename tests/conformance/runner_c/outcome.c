#include "outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *say(struct memory *memory, const char *format, ...) {
  const size_t limit = 2048;
  char *text = memory_take(memory, limit);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, limit, format, arguments);
  va_end(arguments);
  return text;
}

static const cJSON *field(const cJSON *expect, const char *name) {
  return cJSON_GetObjectItemCaseSensitive(expect, name);
}

/* Calls `holds` with each text of `texts`, which is one or a list; the first for which it does not hold. */
static const char *first_without(const cJSON *texts, const char *inside, int wanted) {
  if (texts == NULL) return NULL;
  const cJSON *one = cJSON_IsArray(texts) ? texts->child : texts;
  for (; one != NULL; one = cJSON_IsArray(texts) ? one->next : NULL) {
    if ((strstr(inside, one->valuestring) != NULL) != wanted) return one->valuestring;
  }
  return NULL;
}

static int is_expected_status(const cJSON *expected, cachecore_status status) {
  if (expected == NULL) return status == CACHECORE_OK;
  if (!cJSON_IsArray(expected)) return status_by_name(expected->valuestring) == status;
  for (const cJSON *one = expected->child; one != NULL; one = one->next) {
    if (status_by_name(one->valuestring) == status) return 1;
  }
  return 0;
}

static const char *status_differs(struct memory *memory, const cJSON *expect, const struct outcome *got) {
  const cJSON *expected = field(expect, "status");
  if (is_expected_status(expected, got->status)) return NULL;
  char *wanted = expected == NULL ? NULL : cJSON_PrintUnformatted(expected);
  const char *text =
      say(memory, "expected status %s, got %s%s%s", wanted == NULL ? "OK" : wanted, cachecore_status_name(got->status),
          got->error == NULL ? "" : ": ", got->error == NULL ? "" : got->error->message);
  cJSON_free(wanted);
  return text;
}

static const char *error_differs(struct memory *memory, const cJSON *expect, const struct outcome *got) {
  const char *message = got->error == NULL ? "" : got->error->message;
  const char *code = got->error == NULL ? "" : got->error->server_code;
  if (got->status < 0 && (got->error == NULL || got->error->status != got->status)) {
    return say(memory, "the error does not say the status %s again", cachecore_status_name(got->status));
  }
  const char *missing = first_without(field(expect, "message_contains"), message, 1);
  if (missing != NULL) return say(memory, "expected a message with '%s', got '%s'", missing, message);
  const char *present = first_without(field(expect, "message_lacks"), message, 0);
  if (present != NULL) return say(memory, "expected a message without '%s', got '%s'", present, message);
  const cJSON *server_code = field(expect, "server_code");
  if (server_code != NULL && strcmp(server_code->valuestring, code) != 0) {
    return say(memory, "expected server code '%s', got '%s'", server_code->valuestring, code);
  }
  return NULL;
}

static const char *flags_differ(struct memory *memory, const cJSON *expect, const struct outcome *got) {
  uint32_t wanted = 0;
  const cJSON *flag = NULL;
  cJSON_ArrayForEach(flag, field(expect, "flags")) {
    wanted |= strcmp(flag->valuestring, "more") == 0 ? CACHECORE_COMPLETION_MORE : CACHECORE_COMPLETION_DROPPED;
  }
  return wanted == got->flags ? NULL : say(memory, "expected flags %u, got %u", wanted, got->flags);
}

static const char *value_differs(struct memory *memory, const cJSON *expect, const struct outcome *got) {
  const cJSON *json = field(expect, "value");
  if (json == NULL || got->status != CACHECORE_OK) return NULL;
  const cachecore_value wanted = value_read(memory, json);
  if (got->value == NULL) return say(memory, "expected %s, got no answer", value_show(memory, &wanted));
  if (value_equal(&wanted, got->value)) return NULL;
  return say(memory, "expected %s, got %s", value_show(memory, &wanted), value_show(memory, got->value));
}

const char *outcome_differs(struct memory *memory, const cJSON *expect, const struct outcome *got) {
  const char *differs = status_differs(memory, expect, got);
  if (differs == NULL) differs = error_differs(memory, expect, got);
  if (differs == NULL) differs = flags_differ(memory, expect, got);
  if (differs == NULL) differs = value_differs(memory, expect, got);
  return differs;
}
