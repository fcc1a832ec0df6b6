/* errors.c: what can go wrong, and what a program may conclude from it.
 *
 * A status says what happened to the data; the message says what was wrong and what to do. */
#include <cachecore/cachecore.h>
#include <stdio.h>

/* What a caller does about a status. Only UNCERTAIN leaves open whether a change was applied. */
static const char *advice(cachecore_status status) {
  switch (status) {
    case CACHECORE_OK:
      return "use the answer";
    case CACHECORE_NOT_FOUND:
      return "an answer too: there is no such key";
    case CACHECORE_TIMEOUT:
    case CACHECORE_UNAVAILABLE:
    case CACHECORE_BUSY:
      return "nothing was changed: try again, or do without";
    case CACHECORE_UNCERTAIN:
      return "look before doing it again";
    case CACHECORE_REJECTED:
      return "the server said no: see server_code";
    default:
      return "the program must be corrected";
  }
}

static void call(cachecore *core, const char *method, const cachecore_value *args, size_t count) {
  cachecore_result *result = NULL;
  cachecore_error error;
  const cachecore_status status = cachecore_invoke(core, method, args, count, &result, &error);
  printf("%s -> %s (%s)\n", method, cachecore_status_name(status), advice(status));
  if (status < 0) printf("  %s\n", error.message);
  if (error.server_code[0] != '\0') printf("  server_code: %s\n", error.server_code);
  cachecore_result_free(result);
}

int main(void) {
  cachecore *core = NULL;
  cachecore_error error;
  if (cachecore_init(NULL, &core, &error) != CACHECORE_OK) {
    fprintf(stderr, "%s: %s\n", cachecore_status_name(error.status), error.message);
    return 1;
  }
  const cachecore_value missing[] = {cachecore_text("errors:no-such-key")};
  call(core, "kv.get", missing, 1);
  call(core, "kv.gte", missing, 1);
  const cachecore_value wrong[] = {cachecore_text("errors:key"), cachecore_text("value"), cachecore_text("soon")};
  call(core, "kv.set", wrong, 3);
  const cachecore_value words[] = {cachecore_text("SET"), cachecore_text("errors:text"), cachecore_text("value")};
  const cachecore_value set[] = {cachecore_list(words, 3)};
  call(core, "redis.command", set, 1);
  const cachecore_value push_words[] = {cachecore_text("LPUSH"), cachecore_text("errors:text"), cachecore_text("item")};
  const cachecore_value push[] = {cachecore_list(push_words, 3)};
  call(core, "redis.command", push, 1);
  cachecore_close(core);
  return 0;
}
