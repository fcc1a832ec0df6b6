#include "values.h"

#include <cachecore/core.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"

struct memory_part {
  struct memory_part *next;
};

void *memory_take(struct memory *memory, size_t size) {
  const size_t header = 16;
  struct memory_part *part = calloc(1, header + (size == 0 ? 1 : size));
  if (part == NULL) test_die("no memory");
  part->next = memory->parts;
  memory->parts = part;
  return (char *)part + header;
}

void memory_free(struct memory *memory) {
  while (memory->parts != NULL) {
    struct memory_part *next = memory->parts->next;
    free(memory->parts);
    memory->parts = next;
  }
}

int32_t status_by_name(const char *name) {
  for (int32_t status = 1; status > -100; status--) {
    if (strcmp(cachecore_status_name(status), name) == 0) return status;
  }
  test_die("the table names a status that does not exist: %s", name);
}

__attribute__((noreturn)) static void not_a_value(const cJSON *json) {
  char *text = cJSON_Print(json);
  test_die("the table holds what is not a value: %s", text);
}

static cachecore_value read_base64(struct memory *memory, const cJSON *json) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *text = cJSON_GetStringValue(json);
  if (text == NULL) not_a_value(json);
  char *bytes = memory_take(memory, strlen(text));
  size_t size = 0;
  unsigned bits = 0;
  int count = 0;
  for (; *text != '\0' && *text != '='; text++) {
    const char *digit = strchr(digits, *text);
    if (digit == NULL) not_a_value(json);
    bits = (bits << 6U | (unsigned)(digit - digits)) & 0xffffffU;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[size++] = (char)(unsigned char)(bits >> (unsigned)count & 0xffU);
    }
  }
  return cachecore_bytes(bytes, size);
}

static cachecore_value read_repeat(struct memory *memory, const cJSON *json) {
  const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(json, 0));
  const double times = cJSON_GetNumberValue(cJSON_GetArrayItem(json, 1));
  if (text == NULL || !(times >= 0)) not_a_value(json);
  const cachecore_bytes_view once = cachecore_text(text).as.bytes;
  if (once.size == 0) not_a_value(json);
  const size_t size = once.size * (size_t)times;
  char *bytes = memory_take(memory, size);
  for (size_t index = 0; index < size; index++) bytes[index] = once.data[index % once.size];
  return cachecore_bytes(bytes, size);
}

static cachecore_value read_nested(struct memory *memory, const cJSON *json) {
  const double levels = cJSON_GetNumberValue(cJSON_GetArrayItem(json, 0));
  if (!(levels >= 0)) not_a_value(json);
  cachecore_value value = value_read(memory, cJSON_GetArrayItem(json, 1));
  for (size_t level = 0; level < (size_t)levels; level++) {
    cachecore_value *item = memory_take(memory, sizeof(*item));
    *item = value;
    value = cachecore_list(item, 1);
  }
  return value;
}

static cachecore_value read_integer(const cJSON *json) {
  const char *text = cJSON_GetStringValue(json);
  char *end = NULL;
  errno = 0;
  const int64_t integer = text == NULL ? 0 : strtoll(text, &end, 10);
  if (text == NULL || *end != '\0' || errno != 0) not_a_value(json);
  return cachecore_int(integer);
}

static cachecore_value read_double(const cJSON *json) {
  const char *text = cJSON_GetStringValue(json);
  char *end = NULL;
  const double real = text == NULL ? 0 : strtod(text, &end);
  if (text == NULL || *end != '\0') not_a_value(json);
  return cachecore_double(real);
}

static cachecore_value read_error(const cJSON *json) {
  const char *status = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "status"));
  const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "message"));
  if (status == NULL || message == NULL) not_a_value(json);
  cachecore_value value = cachecore_text(message);
  value.kind = CACHECORE_ERROR;
  value.reserved = status_by_name(status);
  return value;
}

static cachecore_value read_list(struct memory *memory, const cJSON *json) {
  const size_t count = (size_t)cJSON_GetArraySize(json);
  cachecore_value *items = memory_take(memory, count * sizeof(*items));
  size_t index = 0;
  for (const cJSON *item = json->child; item != NULL; item = item->next) items[index++] = value_read(memory, item);
  return cachecore_list(items, count);
}

/* The pairs of an object, or of a list of pairs. */
static cachecore_value read_map(struct memory *memory, const cJSON *json) {
  const size_t count = (size_t)cJSON_GetArraySize(json);
  cachecore_pair *pairs = memory_take(memory, count * sizeof(*pairs));
  size_t index = 0;
  for (const cJSON *item = json->child; item != NULL; item = item->next, index++) {
    if (cJSON_IsArray(json)) {
      pairs[index].key = value_read(memory, cJSON_GetArrayItem(item, 0));
      pairs[index].value = value_read(memory, cJSON_GetArrayItem(item, 1));
    } else {
      pairs[index].key = cachecore_text(item->string);
      pairs[index].value = value_read(memory, item);
    }
  }
  return cachecore_map(pairs, count);
}

static cachecore_value read_object(struct memory *memory, const cJSON *json) {
  const cJSON *only = json->child;
  if (only == NULL || only->string[0] != '$') return read_map(memory, json);
  if (strcmp(only->string, "$int") == 0) return read_integer(only);
  if (strcmp(only->string, "$double") == 0) return read_double(only);
  if (strcmp(only->string, "$bytes") == 0) return read_base64(memory, only);
  if (strcmp(only->string, "$repeat") == 0) return read_repeat(memory, only);
  if (strcmp(only->string, "$nested") == 0) return read_nested(memory, only);
  if (strcmp(only->string, "$map") == 0) return read_map(memory, only);
  if (strcmp(only->string, "$error") == 0) return read_error(only);
  if (strcmp(only->string, "$any") != 0) not_a_value(json);
  cachecore_value any = cachecore_nil();
  any.kind = KIND_ANY;
  return any;
}

cachecore_value value_read(struct memory *memory, const cJSON *json) {
  if (cJSON_IsNull(json)) return cachecore_nil();
  if (cJSON_IsBool(json)) return cachecore_bool(cJSON_IsTrue(json));
  if (cJSON_IsString(json)) return cachecore_text(json->valuestring);
  if (cJSON_IsArray(json)) return read_list(memory, json);
  if (cJSON_IsObject(json)) return read_object(memory, json);
  if (!cJSON_IsNumber(json) || json->valuedouble > 1e15 || json->valuedouble < -1e15 ||
      json->valuedouble != (double)(int64_t)json->valuedouble) {
    not_a_value(json);
  }
  return cachecore_int((int64_t)json->valuedouble);
}

static int same_bytes(const cachecore_value *left, const cachecore_value *right) {
  return left->as.bytes.size == right->as.bytes.size &&
         (left->as.bytes.size == 0 || memcmp(left->as.bytes.data, right->as.bytes.data, left->as.bytes.size) == 0);
}

static int same_double(double left, double right) {
  if (isnan(left) || isnan(right)) return isnan(left) && isnan(right);
  return left == right && signbit(left) == signbit(right);
}

static int same_pairs(const cachecore_value *expected, const cachecore_value *got) {
  for (size_t index = 0; index < expected->as.map.count; index++) {
    const cachecore_pair *wanted = &expected->as.map.pairs[index];
    size_t at = 0;
    while (at < got->as.map.count && !value_equal(&wanted->key, &got->as.map.pairs[at].key)) at++;
    if (at == got->as.map.count || !value_equal(&wanted->value, &got->as.map.pairs[at].value)) return 0;
  }
  return 1;
}

int value_equal(const cachecore_value *expected, const cachecore_value *got) {
  if (expected->kind == KIND_ANY) return 1;
  if (expected->kind != got->kind) return 0;
  switch (expected->kind) {
    case CACHECORE_NIL:
      return 1;
    case CACHECORE_BOOL:
    case CACHECORE_INT:
      return expected->as.integer == got->as.integer;
    case CACHECORE_DOUBLE:
      return same_double(expected->as.real, got->as.real);
    case CACHECORE_BYTES:
      return same_bytes(expected, got);
    case CACHECORE_ERROR:
      return expected->reserved == got->reserved && same_bytes(expected, got);
    case CACHECORE_LIST:
      if (expected->as.list.count != got->as.list.count) return 0;
      for (size_t index = 0; index < expected->as.list.count; index++) {
        if (!value_equal(&expected->as.list.items[index], &got->as.list.items[index])) return 0;
      }
      return 1;
    case CACHECORE_MAP:
      return expected->as.map.count == got->as.map.count && same_pairs(expected, got);
    default:
      return 0;
  }
}

const char *value_show(struct memory *memory, const cachecore_value *value) {
  const size_t limit = 400;
  char *text = memory_take(memory, limit + 8);
  cachecore_error error;
  cachecore_result *result = NULL;
  if (value->kind == CACHECORE_DOUBLE) {
    snprintf(text, limit, "DOUBLE %.17g", value->as.real);
  } else if (cachecore_json_encode(value, &result, &error) == CACHECORE_OK) {
    const cachecore_bytes_view json = cachecore_result_value(result)->as.bytes;
    snprintf(text, limit, "%.*s%s", (int)(json.size > 300 ? 300 : json.size), json.data, json.size > 300 ? "..." : "");
  } else {
    snprintf(text, limit, "a value of kind %" PRId32 " (%.200s)", value->kind, error.message);
  }
  cachecore_result_free(result);
  return text;
}
