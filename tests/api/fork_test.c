/* Forks: the child's inherited core answers FORKED, reset makes it usable, the parent notices nothing. */
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

/* Runs `child` in a fork; its value is the exit status: 0 is good, else the number of the step that failed. */
static int in_child(int (*child)(cachecore *), cachecore *core) {
  fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) _exit(child(core));
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static cachecore_status ping(cachecore *core) {
  cachecore_result *result = NULL;
  const cachecore_status status = cachecore_invoke(core, "redis.ping", NULL, 0, &result, NULL);
  cachecore_result_free(result);
  return status;
}

static int uses_it_after_reset(cachecore *core) {
  cachecore_error error;
  cachecore_result *result = NULL;
  const cachecore_method *method = NULL;
  cachecore_completions *queue = NULL;
  if (cachecore_invoke(core, "redis.ping", NULL, 0, &result, &error) != CACHECORE_FORKED) return 1;
  if (strstr(error.message, "cachecore_reset") == NULL) return 2;
  if (cachecore_method_find(core, "redis.ping", &method, &error) != CACHECORE_FORKED) return 3;
  if (cachecore_completions_create(core, &queue, &error) != CACHECORE_FORKED || queue != NULL) return 4;
  if (cachecore_describe(core, &result, &error) != CACHECORE_FORKED) return 5;
  if (cachecore_cancel(core, 1, &error) != CACHECORE_FORKED) return 6;
  if (cachecore_reset(core, &error) != CACHECORE_OK) return 7;
  if (ping(core) != CACHECORE_OK) return 8;
  if (cachecore_method_find(core, "redis.ping", &method, &error) != CACHECORE_OK) return 9;
  if (cachecore_completions_create(core, &queue, &error) != CACHECORE_OK) return 10;
  cachecore_completions_destroy(queue);
  cachecore_close(core);
  return 0;
}

static void a_child_resets_and_goes_on(void **state) {
  (void)state;
  cachecore *core = test_core(test_server_url(server), NULL);
  assert_int_equal(ping(core), CACHECORE_OK);
  const int64_t connections = test_server_info(server, "total_connections_received");
  assert_int_equal(in_child(uses_it_after_reset, core), 0);
  assert_int_equal(ping(core), CACHECORE_OK);
  /* Only the child has connected anew (and test_server_info itself): the parent's connection lives on. */
  assert_true(test_server_info(server, "total_connections_received") <= connections + 3);
  cachecore_close(core);
}

static int only_closes(cachecore *core) {
  cachecore_close(core);
  return 0;
}

static void a_child_may_only_close(void **state) {
  (void)state;
  cachecore *core = test_core(test_server_url(server), NULL);
  assert_int_equal(ping(core), CACHECORE_OK);
  assert_int_equal(in_child(only_closes, core), 0);
  assert_int_equal(ping(core), CACHECORE_OK);
  cachecore_close(core);
}

static cachecore_completions *inherited;

static int destroys_the_inherited_queue(cachecore *core) {
  if (cachecore_completions_fd(inherited) != -1) return 1;
  cachecore_completion completion;
  if (cachecore_completions_drain(inherited, &completion, 1) != 0) return 2;
  cachecore_completions_destroy(inherited);
  return cachecore_reset(core, NULL) == CACHECORE_OK && ping(core) == CACHECORE_OK ? 0 : 3;
}

static void inherited_queues_accept_only_destroy(void **state) {
  (void)state;
  cachecore *core = test_core(test_server_url(server), NULL);
  assert_int_equal(cachecore_completions_create(core, &inherited, NULL), CACHECORE_OK);
  assert_int_equal(cachecore_submit(core, test_method(core, "redis.ping"), NULL, 0, 0, inherited, 1, NULL, NULL),
                   CACHECORE_OK);
  assert_int_equal(in_child(destroys_the_inherited_queue, core), 0);
  cachecore_completion completion;
  size_t count = 0;
  while (count == 0) count = cachecore_completions_drain(inherited, &completion, 1);
  assert_int_equal(completion.status, CACHECORE_OK);
  cachecore_result_free(completion.result);
  cachecore_completions_destroy(inherited);
  cachecore_close(core);
}

/* Forks while other threads are anywhere in the library. */
struct busy {
  cachecore *core;
  atomic_int stop;
  atomic_long calls, wrong;
};

static void *keep_busy(void *context) {
  struct busy *busy = context;
  while (!atomic_load(&busy->stop)) {
    const cachecore_status status = ping(busy->core);
    atomic_fetch_add(&busy->calls, 1);
    if (status != CACHECORE_OK) atomic_fetch_add(&busy->wrong, 1);
  }
  return NULL;
}

static int resets_and_pings(cachecore *core) {
  if (ping(core) != CACHECORE_FORKED) return 1;
  if (cachecore_reset(core, NULL) != CACHECORE_OK) return 2;
  for (int i = 0; i < 3; i++) {
    if (ping(core) != CACHECORE_OK) return 3;
  }
  cachecore_close(core);
  return 0;
}

static void forks_while_other_threads_hold_locks(void **state) {
  (void)state;
  enum { threads = 4 };
  struct busy busy = {.core = test_core(test_server_url(server), NULL)};
  pthread_t running[threads];
  for (int i = 0; i < threads; i++) pthread_create(&running[i], NULL, keep_busy, &busy);
  const long forks = test_length(60, 1000);
  int failed = 0;
  for (long i = 0; i < forks && failed == 0; i++) failed = in_child(resets_and_pings, busy.core);
  atomic_store(&busy.stop, 1);
  for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
  cachecore_close(busy.core);
  assert_int_equal(failed, 0);
  assert_int_equal(atomic_load(&busy.wrong), 0);
}

static int forks_again(cachecore *core) {
  const int first = resets_and_pings(core);
  (void)core;
  return first;
}

static int grandchild_works(cachecore *core) {
  if (cachecore_reset(core, NULL) != CACHECORE_OK || ping(core) != CACHECORE_OK) return 50;
  return in_child(forks_again, core);
}

static void a_grandchild_works_too(void **state) {
  (void)state;
  cachecore *core = test_core(test_server_url(server), NULL);
  assert_int_equal(ping(core), CACHECORE_OK);
  assert_int_equal(in_child(grandchild_works, core), 0);
  assert_int_equal(ping(core), CACHECORE_OK);
  cachecore_close(core);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_child_resets_and_goes_on),
      cmocka_unit_test(a_child_may_only_close),
      cmocka_unit_test(inherited_queues_accept_only_destroy),
      cmocka_unit_test(forks_while_other_threads_hold_locks),
      cmocka_unit_test(a_grandchild_works_too),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
