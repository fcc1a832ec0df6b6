/* asking.c: all that an application has to write to cache a query: a loader, and one call. */
#include <stdio.h>
#include <string.h>

#include "demo.h"

static cachecore_status load_from_shop(void *context, cachecore_value *value, cachecore_error *error) {
  question *asked = context;
  (void)error;
  shop_ask(asked->source, asked->product, asked->answer);
  asked->loaded = 1;
  if (asked->loads != NULL) atomic_fetch_add(asked->loads, 1);
  *value = cachecore_text(asked->answer);
  return CACHECORE_OK;
}

cachecore_status ask_through_cache(cachecore *core, const char *region, question *asked, cachecore_error *error) {
  char key[16];
  cachecore_result *found = NULL;
  snprintf(key, sizeof(key), "%d", asked->product);
  asked->loaded = 0;
  const cachecore_status status = cachecore_cache_get_or_load(core, region, key, load_from_shop, asked, &found, error);
  if (status == CACHECORE_OK && !asked->loaded) {
    const cachecore_value *value = cachecore_cache_value(found);
    snprintf(asked->answer, sizeof(asked->answer), "%s", value->kind == CACHECORE_BYTES ? value->as.bytes.data : "");
  }
  cachecore_result_free(found);
  return status;
}

cachecore *open_core(const char *url, const char *key_prefix, int64_t call_timeout_ms) {
  cachecore *core = NULL;
  cachecore_error error;
  cachecore_options options;
  cachecore_options_init(&options);
  options.url = url;
  options.key_prefix = key_prefix;
  options.call_timeout_ms = call_timeout_ms;
  options.ping_on_init = 1;
  if (cachecore_init(&options, &core, &error) != CACHECORE_OK) give_up("%s", error.message);
  return core;
}

void define_region(cachecore *core, const char *region, int64_t ttl_ms) {
  const cachecore_pair policy[] = {{cachecore_text("ttl_ms"), cachecore_int(ttl_ms)}};
  cachecore_error error;
  if (cachecore_cache_define(core, region, policy, 1, &error) != CACHECORE_OK) give_up("%s", error.message);
}

void remove_keys(cachecore *core) {
  cachecore_error error;
  if (cachecore_kv_delete_matching(core, "*", NULL, &error) != CACHECORE_OK) give_up("%s", error.message);
}
