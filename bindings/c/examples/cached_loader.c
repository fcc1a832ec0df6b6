/* cached_loader.c: reading a slow source through the cache.
 *
 * The protocol, whoever asks and however many at once:
 *
 *     cache.lookup(region, key)     {"state": "hit", "value": ...}    or   {"state": "load", "lease": ...}
 *     cache.store(lease, value)     by the one caller who was told to load; the others wait inside lookup
 *     cache.fail(lease, message)    when the source failed: nobody waits in vain
 */
#include <cachecore/cachecore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int loads; /* how often the source was asked */

/* The slow source. 0 when it cannot answer. */
static int load_user(const char *id, char *out, size_t size) {
  loads++;
  if (strcmp(id, "broken") == 0) return 0;
  snprintf(out, size, "user number %s", id);
  return 1;
}

static void die(const cachecore_error *error) {
  fprintf(stderr, "%s: %s\n", cachecore_status_name(error->status), error->message);
  exit(1);
}

/* What a map holds under `name`; never NULL. */
static const cachecore_value *field(const cachecore_value *map, const char *name) {
  static const cachecore_value absent = {.kind = CACHECORE_NIL};
  for (size_t index = 0; index < map->as.map.count; index++) {
    const cachecore_pair *pair = &map->as.map.pairs[index];
    if (strcmp(pair->key.as.bytes.data, name) == 0) return &pair->value; /* results are NUL-ended */
  }
  return &absent;
}

/* Loads with `lease` and stores; the value's text in `out`. */
static int load_and_store(cachecore *core, const cachecore_value *lease, const char *id, char *out, size_t size) {
  cachecore_error error;
  if (!load_user(id, out, size)) {
    const cachecore_value args[] = {*lease, cachecore_text("the source has no such user")};
    if (cachecore_invoke(core, "cache.fail", args, 2, NULL, &error) < 0) die(&error);
    return 0;
  }
  const cachecore_value args[] = {*lease, cachecore_text(out)};
  if (cachecore_invoke(core, "cache.store", args, 2, NULL, &error) < 0) die(&error);
  return 1;
}

static int get_user(cachecore *core, const char *id, char *out, size_t size) {
  const cachecore_value args[] = {cachecore_text("users"), cachecore_text(id)};
  cachecore_result *result = NULL;
  cachecore_error error;
  if (cachecore_invoke(core, "cache.lookup", args, 2, &result, &error) != CACHECORE_OK) die(&error);
  const cachecore_value *answer = cachecore_result_value(result);
  int found = 1;
  if (field(answer, "lease")->kind != CACHECORE_NIL) {
    found = load_and_store(core, field(answer, "lease"), id, out, size);
  } else {
    snprintf(out, size, "%s", field(answer, "value")->as.bytes.data);
  }
  cachecore_result_free(result);
  return found;
}

int main(void) {
  cachecore *core = NULL;
  cachecore_error error;
  if (cachecore_init(NULL, &core, &error) != CACHECORE_OK) die(&error);

  const cachecore_pair fields[] = {{cachecore_text("ttl_ms"), cachecore_int(600000)}};
  const cachecore_value policy[] = {cachecore_text("users"), cachecore_map(fields, 1)};
  if (cachecore_invoke(core, "cache.define", policy, 2, NULL, &error) != CACHECORE_OK) die(&error);

  const char *const ids[] = {"42", "42", "7", "broken", "42", "7"};
  for (size_t index = 0; index < sizeof(ids) / sizeof(ids[0]); index++) {
    char user[64];
    const int found = get_user(core, ids[index], user, sizeof(user));
    printf("%s: %s (loads so far: %d)\n", ids[index], found ? user : "none", loads);
  }
  cachecore_close(core);
  return 0;
}
