/* hello.c: store a value, read it back.
 *
 *     cc hello.c $(pkg-config --cflags --libs cachecore) -o hello && ./hello
 *
 * The server is the one CACHECORE_URL names (redis://127.0.0.1:6379); without it, a private one is started. */
#include <cachecore/cachecore.h>
#include <stdio.h>

int main(void) {
  cachecore *core = NULL;
  cachecore_result *result = NULL;
  cachecore_error error;

  if (cachecore_init(NULL, &core, &error) != CACHECORE_OK ||
      cachecore_kv_set(core, "greeting", "hello, world", 12, 60000, &error) != CACHECORE_OK ||
      cachecore_kv_get(core, "greeting", &result, &error) != CACHECORE_OK) {
    fprintf(stderr, "%s: %s\n", cachecore_status_name(error.status), error.message);
    cachecore_close(core);
    return 1;
  }
  printf("%s\n", cachecore_result_value(result)->as.bytes.data);
  cachecore_result_free(result);
  cachecore_close(core);
  return 0;
}
