/* A process that ends without close, with calls under way, ends cleanly: with its own status, by no signal. */
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"

static test_server *server;

static int set_up(void **state) {
  (void)state;
  server = test_server_start(NULL, NULL);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  test_server_stop(server);
  return 0;
}

static void *block_for_ever(void *context) {
  cachecore *core = context;
  const cachecore_value words[] = {cachecore_text("BLPOP"), cachecore_text("nothing"), cachecore_int(0)};
  const cachecore_value list = cachecore_list(words, 3);
  cachecore_call(core, test_method(core, "redis.command"), &list, 1, -1, NULL, NULL);
  return NULL;
}

/* What this program does when it is started again by itself. */
static int leave_in_the_middle(const char *url) {
  cachecore *core = test_core(url, NULL);
  cachecore_completions *queue = NULL;
  if (cachecore_completions_create(core, &queue, NULL) != CACHECORE_OK) return 2;
  if (cachecore_invoke(core, "redis.ping", NULL, 0, NULL, NULL) != CACHECORE_OK) return 3;
  pthread_t thread;
  pthread_create(&thread, NULL, block_for_ever, core);
  const cachecore_method *ping = test_method(core, "redis.ping");
  for (uint64_t i = 0; i < 20; i++) cachecore_submit(core, ping, NULL, 0, 0, queue, i, NULL, NULL);
  exit(42);
}

static void exit_without_close_is_clean(void **state) {
  const char *self = *state;
  const long runs = test_length(60, 1000);
  for (long i = 0; i < runs; i++) {
    const pid_t pid = fork();
    if (pid == 0) {
      execl(self, self, "--leave", test_server_url(server), (char *)NULL);
      _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status)) fail_msg("run %ld ended by signal %d", i, WTERMSIG(status));
    assert_int_equal(WEXITSTATUS(status), 42);
  }
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--leave") == 0) return leave_in_the_middle(argv[2]);
  const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(exit_without_close_is_clean, argv[0])};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
