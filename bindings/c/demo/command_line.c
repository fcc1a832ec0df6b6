/* command_line.c: a plugin in plain C is built as a stranger would, and called from a shell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "demo.h"

/* Where the tree was built; the shell finds there what an installation would have put into the usual places. */
static void enter_tree(const demo *shown) {
  char path[8192];
  const char *before = getenv("PATH");
  snprintf(path, sizeof(path), "%s:%s", DEMO_CACHECTL_DIRECTORY, before != NULL ? before : "/usr/bin:/bin");
  setenv("PATH", path, 1);
  before = getenv("PKG_CONFIG_PATH");
  snprintf(path, sizeof(path), "%s:%s", DEMO_PKG_CONFIG_DIRECTORY, before != NULL ? before : "");
  setenv("PKG_CONFIG_PATH", path, 1);
  setenv("CACHECORE_URL", shown->url, 1);
  setenv("EXAMPLE", DEMO_EXAMPLE_SOURCE, 1);
  setenv("DEMO", shown->directory, 1);
  before = getenv("CACHECORE_PLUGIN_PATH");
  snprintf(path, sizeof(path), "%s:%s", shown->directory, before != NULL ? before : DEMO_PLUGIN_DIRECTORY);
  setenv("CACHECORE_PLUGIN_PATH", path, 1);
}

/* Runs a command, shows it as `shown` and what it prints. Returns its last line, or NULL if it failed. */
static const char *run(const char *shown, const char *command) {
  static char last[256];
  char text[256];
  char complete[2048];
  printf("  $ %s\n", shown);
  fflush(stdout);
  snprintf(complete, sizeof(complete), "{ %s ; } 2>&1", command);
  FILE *output = popen(complete, "r");
  if (output == NULL) give_up("cannot run a shell");
  last[0] = '\0';
  while (fgets(text, sizeof(text), output) != NULL) {
    text[strcspn(text, "\n")] = '\0';
    line("%.96s", text);
    snprintf(last, sizeof(last), "%s", text);
  }
  const int status = pclose(output);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return last;
  line("(it failed: exit code %d)", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return NULL;
}

static int said(const char *output, const char *expected) { return output != NULL && strcmp(output, expected) == 0; }

void run_command_line(const demo *shown) {
  heading("3  A plugin in plain C, called from the command line");
  line("plugins/example_c/example.c sees <cachecore/plugin.h> and links nothing of cachecore.");
  blank_line();
  enter_tree(shown);
  const char *built =
      run("cc -shared -fPIC $(pkg-config --cflags cachecore) example.c -o cachecore_example_c.so",
          "cc -std=c11 -O2 -shared -fPIC -fvisibility=hidden $(pkg-config --cflags cachecore) \"$EXAMPLE\""
          " -o \"$DEMO/cachecore_example_c.so\"");
  const char *sum =
      run("cachectl --plugin example_c call example_c.add 2 3", "cachectl --plugin example_c call example_c.add 2 3");
  expect(built != NULL && said(sum, "5"), "command line: example_c.add 2 3 answers 5");
  const char *visits =
      run("cachectl --plugin example_c call example_c.count_visit page=home options.by=2",
          "cachectl --plugin example_c --key-prefix \"cachecore-demo:$PPID:\" call example_c.count_visit"
          " page=home options.by=2 options.ttl_ms=60000");
  expect(said(visits, "2"), "command line: example_c.count_visit counts in Redis");
  const char *refused = run("cachectl --plugin example_c call example_c.add 2 three || echo refused",
                            "cachectl --plugin example_c call example_c.add 2 three || echo refused");
  expect(said(refused, "refused"), "command line: a wrong argument is refused");
}
