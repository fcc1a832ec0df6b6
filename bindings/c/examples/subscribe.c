/* subscribe.c: a stream: messages of a channel, until enough came.
 *
 * A streaming method is submitted. Its items are completions flagged MORE; the one without the flag is its end. */
#include <cachecore/cachecore.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const cachecore_error *error) {
  fprintf(stderr, "%s: %s\n", cachecore_status_name(error->status), error->message);
  exit(1);
}

static const char *text(const cachecore_value *map, const char *name) {
  for (size_t index = 0; index < map->as.map.count; index++) {
    const cachecore_pair *pair = &map->as.map.pairs[index];
    if (strcmp(pair->key.as.bytes.data, name) == 0) return pair->value.as.bytes.data;
  }
  return "";
}

static void publish(cachecore *core, const char *message) {
  const cachecore_value args[] = {cachecore_text("subscribe:news"), cachecore_text(message)};
  cachecore_error error;
  if (cachecore_invoke(core, "redis.publish", args, 2, NULL, &error) != CACHECORE_OK) die(&error);
}

/* Handles one item; 0 when enough came. */
static int take_item(cachecore *core, const cachecore_value *item) {
  if (strcmp(text(item, "kind"), "subscribed") == 0) {
    printf("listening to %s\n", text(item, "channel"));
    publish(core, "first");
    publish(core, "second");
    return 1;
  }
  if (strcmp(text(item, "kind"), "message") != 0) return 1; /* "deaf": messages may have been lost meanwhile */
  printf("message: %s\n", text(item, "payload"));
  return strcmp(text(item, "payload"), "second") != 0;
}

int main(void) {
  cachecore *core = NULL;
  cachecore_completions *queue = NULL;
  const cachecore_method *subscribe = NULL;
  cachecore_error error;
  uint64_t operation = 0;
  const cachecore_value channel = cachecore_text("subscribe:news");
  const cachecore_value args[] = {cachecore_list(&channel, 1)};
  if (cachecore_init(NULL, &core, &error) != CACHECORE_OK ||
      cachecore_method_find(core, "redis.subscribe", &subscribe, &error) != CACHECORE_OK ||
      cachecore_completions_create(core, &queue, &error) != CACHECORE_OK ||
      cachecore_submit(core, subscribe, args, 1, 0, queue, 0, &operation, &error) != CACHECORE_OK) {
    die(&error);
  }
  for (int ended = 0; !ended;) {
    struct pollfd watched = {.fd = cachecore_completions_fd(queue), .events = POLLIN};
    poll(&watched, 1, -1);
    cachecore_completion item;
    if (cachecore_completions_drain(queue, &item, 1) == 0) continue;
    ended = (item.flags & CACHECORE_COMPLETION_MORE) == 0;
    if (ended) {
      printf("ended: %s\n", cachecore_status_name(item.status));
    } else if (!take_item(core, cachecore_result_value(item.result)) &&
               cachecore_cancel(core, operation, &error) != CACHECORE_OK) {
      die(&error);
    }
    cachecore_result_free(item.result);
  }
  cachecore_completions_destroy(queue);
  cachecore_close(core);
  return 0;
}
