/* async.c: many calls at once on one thread, with the program's own poll loop.
 *
 * A completion queue has a descriptor that is readable while it is not empty. user_data tells the answers apart; they
 * may come in any order, so this program puts them back into its own. */
#include <cachecore/cachecore.h>
#include <poll.h>
#include <stdio.h>

enum { COUNT = 10, BATCH = 4 };

static int fail(const cachecore_error *error) {
  fprintf(stderr, "%s: %s\n", cachecore_status_name(error->status), error->message);
  return 1;
}

/* Submits a call for each number; its completion will say `number` again. */
static int submit(cachecore *core, cachecore_completions *queue, cachecore_error *error) {
  const cachecore_method *method = NULL;
  if (cachecore_method_find(core, "kv.increment", &method, error) != CACHECORE_OK) return 0;
  for (uint64_t number = 0; number < COUNT; number++) {
    char key[32];
    snprintf(key, sizeof(key), "async:%llu", (unsigned long long)number);
    const cachecore_value args[] = {cachecore_text(key), cachecore_int((int64_t)(number * number))};
    const cachecore_status status = cachecore_submit(core, method, args, 2, 0, queue, number, NULL, error);
    if (status != CACHECORE_OK) return 0;
  }
  return 1;
}

/* Waits for the answers; `squares` is filled by number. */
static int collect(cachecore_completions *queue, int64_t *squares, cachecore_error *error) {
  for (size_t done = 0; done < COUNT;) {
    struct pollfd watched = {.fd = cachecore_completions_fd(queue), .events = POLLIN};
    poll(&watched, 1, -1); /* a real program watches its sockets and timers here too */
    cachecore_completion batch[BATCH];
    const size_t count = cachecore_completions_drain(queue, batch, BATCH);
    for (size_t index = 0; index < count; index++) {
      const cachecore_completion *one = &batch[index];
      if (one->status < 0) *error = *cachecore_result_error(one->result);
      if (one->status == CACHECORE_OK) squares[one->user_data] = cachecore_result_value(one->result)->as.integer;
      cachecore_result_free(one->result);
      if (one->status < 0) return 0;
    }
    done += count;
  }
  return 1;
}

int main(void) {
  cachecore *core = NULL;
  cachecore_completions *queue = NULL;
  cachecore_error error;
  int64_t squares[COUNT] = {0};
  if (cachecore_init(NULL, &core, &error) != CACHECORE_OK) return fail(&error);
  if (cachecore_completions_create(core, &queue, &error) != CACHECORE_OK || !submit(core, queue, &error) ||
      !collect(queue, squares, &error)) {
    cachecore_completions_destroy(queue);
    cachecore_close(core);
    return fail(&error);
  }
  for (size_t number = 0; number < COUNT; number++)
    printf("%zu * %zu = %lld\n", number, number, (long long)squares[number]);
  cachecore_completions_destroy(queue);
  cachecore_close(core);
  return 0;
}
