/* examples_test.c: the C examples print what they should. Arguments: the folder with the expected outputs (<name>.txt),
 * then the programs (example-<name>). In an expected line "..." at its end stands for any rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

static const char *expected_folder;

/* All that can be read, NUL-ended, freed by the caller. */
static char *read_all(FILE *file) {
  const size_t limit = 1U << 16U;
  char *text = calloc(1, limit);
  if (text == NULL) test_die("no memory");
  if (fread(text, 1, limit - 1, file) == limit - 1) test_die("more output than an example can have");
  return text;
}

static char *expected_output(const char *name) {
  char *path = test_format("%s/%s.txt", expected_folder, name);
  FILE *file = fopen(path, "rb");
  if (file == NULL) test_die("cannot read %s", path);
  char *text = read_all(file);
  fclose(file);
  free(path);
  return text;
}

static int line_matches(const char *wanted, size_t wanted_size, const char *got, size_t got_size) {
  if (wanted_size >= 3 && memcmp(wanted + wanted_size - 3, "...", 3) == 0) {
    return got_size >= wanted_size - 3 && memcmp(wanted, got, wanted_size - 3) == 0;
  }
  return wanted_size == got_size && memcmp(wanted, got, got_size) == 0;
}

/* Whether every line matches. */
static int output_matches(const char *wanted, const char *got) {
  while (*wanted != '\0' && *got != '\0') {
    const size_t wanted_size = strcspn(wanted, "\n");
    const size_t got_size = strcspn(got, "\n");
    if (!line_matches(wanted, wanted_size, got, got_size)) return 0;
    wanted += wanted_size + (wanted[wanted_size] == '\n');
    got += got_size + (got[got_size] == '\n');
  }
  return *wanted == *got;
}

static void prints_what_it_should(void **state) {
  const char *program = *state;
  const char *name = strstr(program, "example-") + strlen("example-");
  const char *arguments = strcmp(name, "describe") == 0 ? " kv.set" : "";
  char *command = test_format("'%s'%s", program, arguments);
  FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the test's own program */
  if (pipe == NULL) test_die("cannot run %s", command);
  char *got = read_all(pipe);
  const int status = pclose(pipe);
  char *wanted = expected_output(name);
  const int matches = output_matches(wanted, got);
  if (!matches) print_error("%s printed\n%s\nexpected\n%s\n", name, got, wanted);
  free(command);
  free(got);
  free(wanted);
  assert_true(matches);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argument_count, char **arguments) {
  if (argument_count < 3) test_die("which examples?");
  expected_folder = arguments[1];
  const size_t count = (size_t)argument_count - 2;
  struct CMUnitTest *tests = calloc(count, sizeof(*tests));
  if (tests == NULL) test_die("no memory");
  for (size_t index = 0; index < count; index++) {
    char *program = arguments[index + 2];
    tests[index] = (struct CMUnitTest){
        .name = strstr(program, "example-"), .test_func = prints_what_it_should, .initial_state = program};
  }
  test_server *server = test_server_start(NULL, NULL);
  setenv("CACHECORE_URL", test_server_url(server), 1);
  const int failed = _cmocka_run_group_tests("examples", tests, count, NULL, NULL);
  test_server_stop(server);
  free(tests);
  return failed;
}
