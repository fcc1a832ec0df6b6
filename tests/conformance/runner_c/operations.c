#include "operations.h"

#include <poll.h>
#include <string.h>

#include "tests/support/support.h"

cachecore_status operations_submit(struct operations *operations, const char *name, const cachecore_method *method,
                                   const cachecore_value *args, size_t arg_count, int64_t timeout_ms,
                                   cachecore_error *error) {
  if (operations->queue == NULL) {
    const cachecore_status created = cachecore_completions_create(operations->core, &operations->queue, error);
    if (created != CACHECORE_OK) return created;
  }
  uint64_t number = 0;
  const uint64_t user_data = operations->count + 1000;
  const cachecore_status status = cachecore_submit(operations->core, method, args, arg_count, timeout_ms,
                                                   operations->queue, user_data, &number, error);
  if (status != CACHECORE_OK) return status;
  if (operations->count == MAX_OPERATIONS || name == NULL) test_die("a row has too many or nameless operations");
  operations->names[operations->count] = name;
  operations->numbers[operations->count++] = number;
  return status;
}

uint64_t operations_number(const struct operations *operations, const char *name) {
  for (size_t index = operations->count; index > 0; index--) {
    if (strcmp(operations->names[index - 1], name) == 0) return operations->numbers[index - 1];
  }
  test_die("a row speaks of an operation it has not submitted: %s", name);
}

static int take_kept(struct operations *operations, uint64_t number, cachecore_completion *out) {
  for (size_t index = 0; index < operations->kept_count; index++) {
    if (operations->kept[index].operation != number) continue;
    *out = operations->kept[index];
    operations->kept_count--;
    memmove(&operations->kept[index], &operations->kept[index + 1], (operations->kept_count - index) * sizeof(*out));
    return 1;
  }
  return 0;
}

/* The user data must be that of the submit. */
static void check_user_data(const struct operations *operations, const cachecore_completion *completion) {
  for (size_t index = 0; index < operations->count; index++) {
    if (operations->numbers[index] == completion->operation && completion->user_data == index + 1000) return;
  }
  test_die("a completion came with an operation or user data that were never given");
}

int operations_next(struct operations *operations, uint64_t number, cachecore_completion *out) {
  const int64_t end = test_now_ms() + test_patience_ms();
  while (!take_kept(operations, number, out)) {
    struct pollfd watched = {.fd = cachecore_completions_fd(operations->queue), .events = POLLIN, .revents = 0};
    const int64_t left = end - test_now_ms();
    if (operations->queue == NULL || left <= 0 || poll(&watched, 1, (int)left) < 0) return 0;
    if (operations->kept_count == MAX_KEPT) test_die("a row leaves too many completions undrained");
    const size_t space = MAX_KEPT - operations->kept_count;
    cachecore_completion *batch = &operations->kept[operations->kept_count];
    const size_t count = cachecore_completions_drain(operations->queue, batch, space < 100 ? space : 100);
    for (size_t index = 0; index < count; index++) check_user_data(operations, &batch[index]);
    operations->kept_count += count;
  }
  return 1;
}

void operations_destroy_queue(struct operations *operations) {
  for (size_t index = 0; index < operations->kept_count; index++) cachecore_result_free(operations->kept[index].result);
  operations->kept_count = 0;
  cachecore_completions_destroy(operations->queue);
  operations->queue = NULL;
}
