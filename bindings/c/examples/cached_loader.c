/* cached_loader.c: reading a slow source through the cache.
 *
 * cachecore_cache_get_or_load answers from the cache, or waits for whoever loads the key already, or runs the loader
 * and stores what it gives. What lies beneath (lookup, store, fail) is in <cachecore/cache.h>, for programs whose
 * loading is no function call.
 */
#include <cachecore/cachecore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int loads; /* how often the source was asked */

typedef struct user {
  const char *id;
  char name[64]; /* what the loader gives has to outlive it, so it is kept here */
} user;

/* The slow source. */
static cachecore_status load_user(void *context, cachecore_value *value, cachecore_error *error) {
  user *self = context;
  loads++;
  if (strcmp(self->id, "nobody") == 0) return CACHECORE_NOT_FOUND; /* cached as well */
  if (strcmp(self->id, "broken") == 0) {
    snprintf(error->message, sizeof(error->message), "the source is away");
    return CACHECORE_LOADER_FAILED;
  }
  snprintf(self->name, sizeof(self->name), "user number %s", self->id);
  *value = cachecore_text(self->name);
  return CACHECORE_OK;
}

static void die(const cachecore_error *error) {
  fprintf(stderr, "%s: %s\n", cachecore_status_name(error->status), error->message);
  exit(1);
}

static void show_user(cachecore *core, const char *id) {
  user asked = {.id = id};
  cachecore_result *found = NULL;
  cachecore_error error;
  const cachecore_status status = cachecore_cache_get_or_load(core, "users", id, load_user, &asked, &found, &error);
  if (status == CACHECORE_LOADER_FAILED) {
    printf("%s: failed, %s (loads so far: %d)\n", id, error.message, loads);
    return;
  }
  if (status != CACHECORE_OK) die(&error);
  const cachecore_value *name = cachecore_cache_value(found);
  const char *shown = name->kind == CACHECORE_BYTES ? name->as.bytes.data : "none"; /* NIL: there is no such user */
  printf("%s: %s, %s (loads so far: %d)\n", id, cachecore_cache_state(found), shown, loads);
  cachecore_result_free(found);
}

int main(void) {
  cachecore *core = NULL;
  cachecore_error error;
  if (cachecore_init(NULL, &core, &error) != CACHECORE_OK) die(&error);

  const cachecore_pair policy[] = {{cachecore_text("ttl_ms"), cachecore_int(600000)}};
  if (cachecore_cache_define(core, "users", policy, 1, &error) != CACHECORE_OK) die(&error);

  const char *const ids[] = {"42", "42", "nobody", "nobody", "broken", "42"};
  for (size_t index = 0; index < sizeof(ids) / sizeof(ids[0]); index++) show_user(core, ids[index]);
  cachecore_close(core);
  return 0;
}
