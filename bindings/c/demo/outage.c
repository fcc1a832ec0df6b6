/* outage.c: redis-server is killed while callers use it.
 *
 * On a server of its own, so that nobody else's is killed: embedded:// runs a real redis-server under a supervisor,
 * which starts it again.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "zipf.h"

enum { reader_count = 6, writer_count = 2, calm_ms = 1500, patience_ms = 20000, status_count = 20 };

enum phase { before, during, after, phase_count };

/* What one kind of caller saw in one phase. */
typedef struct tally {
  atomic_long by_status[status_count]; /* of OK, then of -1, -2 ... */
  atomic_llong slowest;
} tally;

typedef struct outage {
  const demo *shown;
  cachecore *core;
  atomic_int now; /* the phase */
  atomic_int over;
  atomic_llong answered_at; /* when a write succeeded for the first time in the phase `during` */
  tally lookups[phase_count];
  tally writes[phase_count];
} outage;

/* Calls are counted where they began. */
static void count(tally *in, cachecore_status status, int64_t took) {
  const int index = status >= 0 ? 0 : -status;
  atomic_fetch_add(&in->by_status[index < status_count ? index : status_count - 1], 1);
  long long slowest = atomic_load(&in->slowest);
  while (took > slowest && !atomic_compare_exchange_weak(&in->slowest, &slowest, took)) continue;
}

static void *read_products(void *given) {
  outage *shared = given;
  question asked = {.source = shop_open(shared->shown->database)};
  uint64_t state = (uint64_t)(uintptr_t)&asked;
  while (!atomic_load(&shared->over)) {
    asked.product = 1 + (int)next_random(&state, 100);
    const int phase = atomic_load(&shared->now);
    const int64_t begun = now_ns();
    cachecore_status status = ask_through_cache(shared->core, "sales", &asked, NULL);
    if (status == CACHECORE_OK && !shop_is_about(asked.answer, asked.product)) status = CACHECORE_CORRUPT;
    count(&shared->lookups[phase], status, now_ns() - begun);
    sleep_ms(1);
  }
  shop_close(asked.source);
  return NULL;
}

static void *write_counters(void *given) {
  outage *shared = given;
  while (!atomic_load(&shared->over)) {
    const int phase = atomic_load(&shared->now);
    const int64_t begun = now_ns();
    const cachecore_status status = cachecore_kv_increment(shared->core, "visits", 1, 0, NULL, NULL);
    const int64_t ended = now_ns();
    count(&shared->writes[phase], status, ended - begun);
    long long never = 0;
    if (phase == during && status == CACHECORE_OK) atomic_compare_exchange_strong(&shared->answered_at, &never, ended);
    sleep_ms(2);
  }
  return NULL;
}

/* The number of INFO's process_id. */
static pid_t server_process(cachecore *core) {
  const cachecore_value words[] = {cachecore_text("INFO"), cachecore_text("server")};
  const cachecore_value args[] = {cachecore_list(words, 2)};
  static const char name[] = "process_id:";
  cachecore_result *result = NULL;
  cachecore_error error;
  if (cachecore_invoke(core, "redis.command", args, 1, &result, &error) != CACHECORE_OK) give_up("%s", error.message);
  const cachecore_value *info = cachecore_result_value(result);
  const char *found = info->kind == CACHECORE_BYTES ? strstr(info->as.bytes.data, name) : NULL;
  const long process = found != NULL ? strtol(found + strlen(name), NULL, 10) : 0;
  cachecore_result_free(result);
  if (process <= 1) give_up("INFO does not tell the server's process");
  return (pid_t)process;
}

/* Whether the cache keeps values again: one that was loaded now is stored in Redis. */
static int cache_keeps(cachecore *core, int attempt) {
  char key[32];
  cachecore_result *found = NULL;
  int64_t kept = 0;
  snprintf(key, sizeof(key), "%d", attempt);
  if (cachecore_cache_lookup(core, "probe", key, &found, NULL) == CACHECORE_OK) {
    (void)cachecore_cache_store(core, cachecore_cache_lease(found), cachecore_text("there"), 0, &kept, NULL);
  }
  cachecore_result_free(found);
  return kept != 0;
}

static void wait_in_phase(const char *what, int64_t ms) {
  const int64_t begun = now_ns();
  for (int64_t passed = 0; passed < ms; passed = (now_ns() - begun) / 1000000) {
    progress(what, passed, ms);
    sleep_ms(20);
  }
  progress_over();
}

static long total(const tally *of) {
  long sum = 0;
  for (int i = 0; i < status_count; i++) sum += atomic_load(&of->by_status[i]);
  return sum;
}

static void show_rows(const char *name, tally seen[phase_count]) {
  const char *label = name;
  for (int i = 0; i < status_count; i++) {
    const long counts[] = {atomic_load(&seen[before].by_status[i]), atomic_load(&seen[during].by_status[i]),
                           atomic_load(&seen[after].by_status[i])};
    if (counts[0] + counts[1] + counts[2] == 0) continue;
    line("%-18s %-14s %10s %10s %10s", label, cachecore_status_name(-i), grouped(counts[0]), grouped(counts[1]),
         grouped(counts[2]));
    label = "";
  }
  line("%-18s %-14s %10s %10s %10s", "", "slowest", duration(atomic_load(&seen[before].slowest)),
       duration(atomic_load(&seen[during].slowest)), duration(atomic_load(&seen[after].slowest)));
}

static void show(outage *seen, pid_t killed, int64_t answered_ns, int64_t kept_ns) {
  line("redis-server (process %ld) was killed with SIGKILL. Its supervisor started another, which answered",
       (long)killed);
  line("writes %s after the kill; the cache kept values again %s after it.", duration(answered_ns), duration(kept_ns));
  blank_line();
  line("%-18s %-14s %10s %10s %10s", "what callers saw", "", "before", "outage", "after");
  show_rows("cache lookups", seen->lookups);
  show_rows("kv.increment", seen->writes);
  blank_line();
  line("Lookups went on: what Redis did not have was loaded from SQLite, one load a key. A write that was not");
  line("sent is UNAVAILABLE; one that was sent, and whose answer was lost, is UNCERTAIN.");

  long failed = 0;
  for (int i = 0; i < phase_count; i++)
    failed += total(&seen->lookups[i]) - atomic_load(&seen->lookups[i].by_status[0]);
  expect(failed == 0, "outage: %s lookups, none of them failed",
         grouped(total(&seen->lookups[before]) + total(&seen->lookups[during]) + total(&seen->lookups[after])));
  expect(atomic_load(&seen->writes[after].by_status[0]) > 0 && kept_ns > 0 && answered_ns > 0,
         "outage: Redis was used again %s after the kill, without a restart of the program", duration(kept_ns));
}

void run_outage(const demo *shown) {
  char url[4200];
  pthread_t readers[reader_count];
  pthread_t writers[writer_count];
  snprintf(url, sizeof(url), "embedded://%s/outage", shown->directory);
  heading("4  kill -9 redis-server, while %d threads read through the cache and %d write", reader_count, writer_count);

  outage *shared = calloc(1, sizeof(*shared));
  if (shared == NULL) give_up("out of memory");
  shared->shown = shown;
  shared->core = open_core(url, "cachecore-demo:", 5000);
  remove_keys(shared->core);
  define_region(shared->core, "sales", 500);
  const pid_t killed = server_process(shared->core);
  for (int i = 0; i < reader_count; i++) pthread_create(&readers[i], NULL, read_products, shared);
  for (int i = 0; i < writer_count; i++) pthread_create(&writers[i], NULL, write_counters, shared);

  wait_in_phase("before the kill", calm_ms);
  atomic_store(&shared->now, during);
  const int64_t killed_at = now_ns();
  kill(killed, SIGKILL);
  int64_t kept_at = 0;
  for (int attempt = 0; now_ns() - killed_at < (int64_t)patience_ms * 1000000; attempt++) {
    progress("without Redis", (now_ns() - killed_at) / 1000000, patience_ms);
    if (kept_at == 0 && cache_keeps(shared->core, attempt)) kept_at = now_ns();
    if (kept_at != 0 && atomic_load(&shared->answered_at) != 0) break;
    sleep_ms(5);
  }
  progress_over();
  atomic_store(&shared->now, after);
  wait_in_phase("after the kill", calm_ms);
  atomic_store(&shared->over, 1);
  for (int i = 0; i < reader_count; i++) pthread_join(readers[i], NULL);
  for (int i = 0; i < writer_count; i++) pthread_join(writers[i], NULL);

  const int64_t answered_at = atomic_load(&shared->answered_at);
  show(shared, killed, answered_at != 0 ? answered_at - killed_at : 0, kept_at != 0 ? kept_at - killed_at : 0);
  cachecore_close(shared->core);
  free(shared);
}
