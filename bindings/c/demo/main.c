/* main.c: what cachecore does, shown on a real database and a real redis-server. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo.h"

static const char usage[] =
    "cachecore-demo [--quick] [--lookups N]\n"
    "\n"
    "  --quick       a short form, in a few seconds\n"
    "  --lookups N   the length of the stream; 50000 without it\n"
    "\n"
    "It uses a private redis-server (embedded://), or the server of CACHECORE_URL; what it writes there begins with\n"
    "\"cachecore-demo:\" and is removed. The server it kills is always one of its own.\n";

static demo read_arguments(int count, char **words) {
  demo shown = {.directory = DEMO_DIRECTORY, .lookups = 50000, .uncached_ms = 6000};
  for (int i = 1; i < count; i++) {
    if (strcmp(words[i], "--quick") == 0) {
      shown.lookups = 3000;
      shown.uncached_ms = 500;
    } else if (strcmp(words[i], "--lookups") == 0 && i + 1 < count) {
      char *end = NULL;
      const long lookups = strtol(words[++i], &end, 10);
      if (*end != '\0' || lookups < 1 || lookups > 100000000)
        give_up("--lookups takes a number from 1 to 100,000,000, not %s", words[i]);
      shown.lookups = (size_t)lookups;
    } else if (strcmp(words[i], "--help") == 0) {
      fputs(usage, stdout);
      exit(0);
    } else {
      fprintf(stderr, "cachecore-demo: what is %s?\n\n%s", words[i], usage);
      exit(2);
    }
  }
  return shown;
}

static void make_directory(const char *path) {
  if (mkdir(path, 0700) != 0 && errno != EEXIST) give_up("cannot make the directory %s: %s", path, strerror(errno));
}

static void introduce(const demo *shown, int is_private) {
  shop *source = shop_open(shown->database);
  char answer[shop_answer_size];
  shop_ask(source, 1, answer); /* warms it up */
  const int64_t begun = now_ns();
  shop_ask(source, 42, answer);
  const int64_t took = now_ns() - begun;
  shop_close(source);
  printf("cachecore %s, %ld processors\n\n", cachecore_version(), sysconf(_SC_NPROCESSORS_ONLN));
  /* A URL of the user's may hold a password. */
  line("Redis    %s",
       is_private ? "a private redis-server (embedded://), started for this" : "the server of CACHECORE_URL");
  line("Source   SQLite: %s sales of %s products by %s customers", grouped(shop_sales), grouped(shop_products),
       grouped(shop_customers));
  line("Query    how a product sells: all sales are read, customers joined, totals made; %s when asked alone",
       duration(took));
  line("Answer   %s", answer);
}

int main(int count, char **words) {
  char database[4200];
  char url[4200];
  demo shown = read_arguments(count, words);
  const char *given_url = getenv("CACHECORE_URL");
  const int is_private = given_url == NULL || given_url[0] == '\0';
  const int64_t begun = now_ns();
  make_directory(shown.directory);
  snprintf(database, sizeof(database), "%s/shop.db", shown.directory);
  snprintf(url, sizeof(url), "embedded://%s/redis", shown.directory);
  shown.database = database;
  shown.url = is_private ? url : strdup(given_url);

  shop_make(database);
  introduce(&shown, is_private);
  run_stream(&shown);
  run_stampede(&shown);
  run_command_line(&shown);
  run_outage(&shown);

  heading("Summary");
  const int failed = show_expectations();
  blank_line();
  line("%s in %s.", failed == 0 ? "All as expected," : "NOT as expected,", duration(now_ns() - begun));
  return failed == 0 ? 0 : 1;
}
