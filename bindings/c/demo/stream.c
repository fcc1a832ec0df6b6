/* stream.c: the same stream of questions without and with the cache. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "zipf.h"

enum { thread_count = 8, fewest_uncached = 100 };

typedef struct stream_run {
  const demo *shown;
  cachecore *core; /* NULL: without cache */
  const int *products;
  size_t count;
  int64_t until; /* no more are begun after this time; 0: all are */
  atomic_size_t next;
  atomic_long loads;
} stream_run;

typedef struct worker {
  stream_run *run;
  pthread_t thread;
  samples answered;
  samples loaded;
  long wrong;
  char failure[200];
} worker;

static void ask_once(worker *self, question *asked) {
  cachecore_error error;
  const int64_t begun = now_ns();
  if (self->run->core == NULL) {
    shop_ask(asked->source, asked->product, asked->answer);
    asked->loaded = 1;
  } else if (ask_through_cache(self->run->core, "sales", asked, &error) != CACHECORE_OK) {
    if (self->failure[0] == '\0') snprintf(self->failure, sizeof(self->failure), "%.190s", error.message);
    self->wrong++;
    return;
  }
  samples_add(asked->loaded ? &self->loaded : &self->answered, now_ns() - begun);
  self->wrong += !shop_is_about(asked->answer, asked->product);
}

static void *work(void *given) {
  worker *self = given;
  stream_run *run = self->run;
  question asked = {.source = shop_open(run->shown->database), .loads = &run->loads};
  for (;;) {
    const size_t index = atomic_fetch_add(&run->next, 1);
    if (index >= run->count || (run->until != 0 && index >= fewest_uncached && now_ns() >= run->until)) break;
    asked.product = run->products[index];
    ask_once(self, &asked);
  }
  shop_close(asked.source);
  return NULL;
}

/* What all workers of a run saw. */
typedef struct outcome {
  samples answered;
  samples loaded;
  samples all;
  int64_t took;
  long loads;
  long wrong;
} outcome;

static outcome run_workers(stream_run *run, const char *what) {
  worker workers[thread_count];
  outcome seen;
  memset(workers, 0, sizeof(workers));
  memset(&seen, 0, sizeof(seen));
  const int64_t begun = now_ns();
  if (run->until != 0) run->until += begun;
  for (int i = 0; i < thread_count; i++) {
    workers[i].run = run;
    pthread_create(&workers[i].thread, NULL, work, &workers[i]);
  }
  for (;;) {
    const size_t done = atomic_load(&run->next);
    const int over = run->until != 0 ? now_ns() >= run->until : done >= run->count;
    if (over) break;
    if (run->until != 0) {
      progress(what, now_ns() - begun, run->until - begun);
    } else {
      progress(what, (int64_t)done, (int64_t)run->count);
    }
    sleep_ms(50);
  }
  for (int i = 0; i < thread_count; i++) pthread_join(workers[i].thread, NULL);
  seen.took = now_ns() - begun;
  progress_over();
  for (int i = 0; i < thread_count; i++) {
    samples_append(&seen.answered, &workers[i].answered);
    samples_append(&seen.loaded, &workers[i].loaded);
    seen.wrong += workers[i].wrong;
    if (workers[i].failure[0] != '\0') line("a lookup failed: %s", workers[i].failure);
    samples_free(&workers[i].answered);
    samples_free(&workers[i].loaded);
  }
  samples_append(&seen.all, &seen.answered);
  samples_append(&seen.all, &seen.loaded);
  samples_sort(&seen.answered);
  samples_sort(&seen.loaded);
  samples_sort(&seen.all);
  seen.loads = atomic_load(&run->loads);
  return seen;
}

static void show_row(const char *name, const samples *of, int64_t took) {
  line("%-24s %9s %12s %10s %10s %10s %10s", name, grouped((int64_t)of->count),
       took > 0 ? grouped((int64_t)((double)of->count * 1e9 / (double)took)) : "", duration(samples_quantile(of, 0.5)),
       duration(samples_quantile(of, 0.95)), duration(samples_quantile(of, 0.99)), duration(samples_quantile(of, 1)));
}

static void free_outcome(outcome *seen) {
  samples_free(&seen->answered);
  samples_free(&seen->loaded);
  samples_free(&seen->all);
}

static void show(const demo *shown, const outcome *alone, const outcome *cached, size_t different) {
  const double hit_rate = 100.0 * (double)cached->answered.count / (double)shown->lookups;
  line("%-24s %9s %12s %10s %10s %10s %10s", "", "lookups", "a second", "p50", "p95", "p99", "max");
  show_row("SQLite alone", &alone->all, alone->took);
  show_row("with cachecore", &cached->all, cached->took);
  show_row("  answered by the cache", &cached->answered, 0);
  show_row("  loaded from SQLite", &cached->loaded, 0);
  blank_line();
  line("Hit rate %.1f %%, %s loads: one for each of the %s different products.", hit_rate, grouped(cached->loads),
       grouped((int64_t)different));
  const double whole = (double)alone->took * (double)shown->lookups / (double)alone->all.count;
  if (alone->all.count < shown->lookups) {
    line("SQLite alone was given the first %s questions of the stream only: all of them would have taken",
         grouped((int64_t)alone->all.count));
    line("about %s, instead of %s.", duration((int64_t)whole), duration(cached->took));
  }
  expect(hit_rate > 50, "stream: the hit rate is %.1f %%", hit_rate);
  expect(cached->loads == (long)different, "stream: %s loads for %s different products", grouped(cached->loads),
         grouped((int64_t)different));
  expect(alone->wrong == 0 && cached->wrong == 0, "stream: every answer is about the product that was asked for");
}

void run_stream(const demo *shown) {
  heading("1  %s questions by %d threads", grouped((int64_t)shown->lookups), thread_count);
  line("How does a product sell? Some products are asked for very often, most of them rarely (zipf).");
  blank_line();
  int *products = zipf_stream(shown->lookups, shop_products);
  const size_t different = different_items(products, shown->lookups, shop_products);

  stream_run alone = {
      .shown = shown, .products = products, .count = shown->lookups, .until = shown->uncached_ms * 1000000};
  outcome without = run_workers(&alone, "without the cache");

  cachecore *core = open_core(shown->url, "cachecore-demo:", 30000);
  remove_keys(core);
  define_region(core, "sales", 600000);
  stream_run cached = {.shown = shown, .core = core, .products = products, .count = shown->lookups};
  outcome with = run_workers(&cached, "with the cache");
  show(shown, &without, &with, different);
  remove_keys(core);
  cachecore_close(core);
  free_outcome(&without);
  free_outcome(&with);
  free(products);
}
