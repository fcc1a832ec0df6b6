// A setuid program must not believe its caller's environment. The test runs a setuid copy of itself as another user, so
// it takes root; it is skipped elsewhere, and where the file system honours no setuid bit.

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "tests/config/loading.h"

namespace {

constexpr int skipped = 77;  // meson's code for it
constexpr int plain_user = 65534;

// What the copy finds: 0 nothing of the environment, 1 something, 77 it is no setuid process.
int inspect() {
  if (getauxval(AT_SECURE) == 0) return skipped;
  const cachecore_internal::configuration read = cachecore_internal::load_configuration(nullptr);
  const bool believed = !read.server_is_default || !read.plugin_path.empty() || read.max_connections != 20;
  return believed ? 1 : 0;
}

std::string copy_of_this_program(const loading::directory &files) {
  std::string path = files.file("copy", "");
  const int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  const int to = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (from < 0 || to < 0) test_die("cannot copy this program");
  struct stat status{};
  assert_int_equal(fstat(from, &status), 0);
  for (off_t left = status.st_size; left > 0;) {
    const ssize_t sent = sendfile(to, from, nullptr, static_cast<size_t>(left));
    assert_true(sent > 0);
    left -= sent;
  }
  close(from);
  close(to);
  assert_int_equal(chmod(path.c_str(), 04755), 0);
  return path;
}

int run_as_another_user(const std::string &program) {
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    char *const arguments[] = {const_cast<char *>(program.c_str()), const_cast<char *>("inspect"), nullptr};
    if (setgid(plain_user) == 0 && setuid(plain_user) == 0) execv(program.c_str(), arguments);
    _exit(2);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

int outcome = -1;

void a_setuid_program_ignores_the_environment(void ** /*state*/) {
  const loading::directory files;
  assert_int_equal(chmod(files.path("").c_str(), 0755), 0);
  const std::string env_file = files.file("e", "CACHECORE_PLUGIN_PATH=/evil\nREDIS_HOST=evil\n", 0644);
  setenv("CACHECORE_URL", "redis://evil", 1);
  setenv("CACHECORE_PLUGIN_PATH", "/evil", 1);
  setenv("CACHECORE_ENV_FILES", env_file.c_str(), 1);
  setenv("REDIS_MAX_CONNECTIONS", "1", 1);
  outcome = run_as_another_user(copy_of_this_program(files));
  assert_true(outcome == 0 || outcome == skipped);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc == 2 && std::strcmp(argv[1], "inspect") == 0) return inspect();
  if (geteuid() != 0) return skipped;
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_setuid_program_ignores_the_environment, loading::clear_environment)};
  const int failed = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failed == 0 && outcome == skipped ? skipped : failed;
}
