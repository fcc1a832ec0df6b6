/* stampede.c: many threads miss the same key at the same moment. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "demo.h"

enum { thread_count = 200, stack_size = 256 * 1024, product = 1234 };

typedef struct stampede {
  const demo *shown;
  cachecore *core; /* NULL: without cache */
  pthread_barrier_t begin;
  atomic_long loads;
  atomic_long right;
  atomic_llong slowest;
} stampede;

static void *ask_at_once(void *given) {
  stampede *shared = given;
  question asked = {.source = shop_open(shared->shown->database), .product = product, .loads = &shared->loads};
  cachecore_status status = CACHECORE_OK;
  pthread_barrier_wait(&shared->begin);
  const int64_t begun = now_ns();
  if (shared->core == NULL) {
    shop_ask(asked.source, asked.product, asked.answer);
    atomic_fetch_add(&shared->loads, 1);
  } else {
    status = ask_through_cache(shared->core, "sales", &asked, NULL);
  }
  const long long took = now_ns() - begun;
  long long slowest = atomic_load(&shared->slowest);
  while (took > slowest && !atomic_compare_exchange_weak(&shared->slowest, &slowest, took)) continue;
  if (status == CACHECORE_OK && shop_is_about(asked.answer, product)) atomic_fetch_add(&shared->right, 1);
  shop_close(asked.source);
  return NULL;
}

static void run_threads(stampede *shared) {
  pthread_t threads[thread_count];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, stack_size);
  pthread_barrier_init(&shared->begin, NULL, thread_count);
  for (int i = 0; i < thread_count; i++) {
    if (pthread_create(&threads[i], &small, ask_at_once, shared) != 0) give_up("cannot start %d threads", thread_count);
  }
  for (int i = 0; i < thread_count; i++) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&shared->begin);
  pthread_attr_destroy(&small);
}

static void show(const char *name, const stampede *seen) {
  line("%-24s %9ld %9ld %14s", name, (long)thread_count, atomic_load(&seen->loads),
       duration(atomic_load(&seen->slowest)));
}

void run_stampede(const demo *shown) {
  heading("2  %d threads miss one key at once", thread_count);
  stampede alone = {.shown = shown};
  run_threads(&alone);

  cachecore *core = open_core(shown->url, "cachecore-demo:", 30000);
  remove_keys(core);
  define_region(core, "sales", 600000);
  stampede cached = {.shown = shown, .core = core};
  run_threads(&cached);
  line("%-24s %9s %9s %14s", "", "threads", "queries", "slowest answer");
  show("SQLite alone", &alone);
  show("with cachecore", &cached);
  blank_line();
  line("One thread was told to load; the others waited for its answer without a query of their own.");
  expect(atomic_load(&cached.loads) == 1, "stampede: %ld load for %d threads", atomic_load(&cached.loads),
         (int)thread_count);
  expect(atomic_load(&cached.right) == thread_count, "stampede: all %d threads have the answer", (int)thread_count);
  remove_keys(core);
  cachecore_close(core);
}
