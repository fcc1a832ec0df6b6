// Whose a directory is, and what becomes of one that is not ours.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/embedded_fixture.h"

namespace {

using namespace embedded_test;

constexpr int64_t patience_ms = 60000;

void make_directory(const std::string &path, mode_t mode) {
  assert_int_equal(mkdir(path.c_str(), 0700), 0);
  assert_int_equal(chmod(path.c_str(), mode), 0);
}

void make_file(const std::string &path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(file >= 0);
  close(file);
}

void assert_refused(const configuration &settings, const char *why) {
  const failure refused = refusal(settings);
  assert_contains(refused.message(), why);
  assert_contains(refused.message(), settings.server.path);
  assert_int_equal(refused.status(), CACHECORE_INVALID_ARGUMENT);
}

void a_directory_of_something_else_is_refused_untouched(void **) {
  scene at;
  make_directory(at.data(), 0755);
  make_file(at.data() + "/thesis.txt");
  assert_refused(at.settings(),
                 "is not empty and no embedded server's (it holds \"thesis.txt\"): name a new or an empty directory");
  struct stat status{};
  assert_int_equal(stat(at.data().c_str(), &status), 0);
  assert_int_equal(status.st_mode & 0777U, 0755);
  assert_int_equal(unlink((at.data() + "/thesis.txt").c_str()), 0);
  assert_int_equal(rmdir(at.data().c_str()), 0);  // nothing else is in it
}

void an_empty_directory_becomes_ours(void **) {
  scene at;
  make_directory(at.data(), 0755);
  make_directory(at.data() + "/lost+found", 0700);
  const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  struct stat status{};
  assert_int_equal(stat(at.data().c_str(), &status), 0);
  assert_int_equal(status.st_mode & 0777U, 0700);
  assert_int_equal(access((at.data() + "/cachecore-embedded").c_str(), F_OK), 0);
}

void a_directory_others_may_write_to_is_refused(void **) {
  for (const mode_t mode : {0777U, 0770U, 0702U}) {
    scene at;
    make_directory(at.data(), mode);
    assert_refused(at.settings(), "can be written to by others");
    chmod(at.data().c_str(), 0700);
    {
      const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
    }
    wait_until([&] { return processes_in(at.data()).empty(); });
    chmod(at.data().c_str(), mode);
    assert_refused(at.settings(), "can be written to by others");
  }
}

void a_directory_of_another_user_is_refused(void **) {
  if (geteuid() != 0) {
    print_message("needs root: a directory has to be given away\n");
    _skip(__FILE__, __LINE__);
  }
  scene at;
  make_directory(at.data(), 0700);
  assert_int_equal(chown(at.data().c_str(), 12345, 12345), 0);
  assert_refused(at.settings(), "belongs to user 12345, and this process runs as user 0");
}

void what_cannot_be_a_directory_is_refused(void **) {
  scene at;
  make_file(at.data());
  assert_refused(at.settings(), "is not a directory");
  configuration settings = at.settings();
  settings.server.path = at.root() + "/no/such/parent";
  assert_refused(settings, "its parent directory does not exist");
  settings.server.path = "data";
  assert_refused(settings, "is not an absolute path");
  settings.server.path = at.root() + "/" + std::string(300, 'x');
  assert_refused(settings, "cannot be opened: File name too long");
  settings.server.path = "/proc/cachecore";
  assert_refused(settings, "cannot be made");
}

// A place others can guess: what lies there may be theirs.
void the_users_own_directory_is_no_link_and_no_strangers(void **) {
  scene at;
  assert_int_equal(setenv("XDG_RUNTIME_DIR", at.root().c_str(), 1), 0);
  configuration settings = at.settings();
  settings.server.path = "";
  make_directory(at.data(), 0700);
  assert_int_equal(symlink(at.data().c_str(), (at.root() + "/cachecore").c_str()), 0);
  assert_contains(refusal(settings).message(), at.root() + "/cachecore is not a directory");
  // Named by the user, a link is the user's business.
  settings.server.path = at.root() + "/cachecore";
  {
    const embedded_attachment attachment = attach_embedded(settings, patience_ms);
  }
  chmod(at.root().c_str(), 0777);
  assert_string_equal(user_directory().c_str(), ("/tmp/cachecore-" + std::to_string(geteuid())).c_str());
  chmod(at.root().c_str(), 0700);
  setenv("XDG_RUNTIME_DIR", "relative", 1);
  assert_string_equal(user_directory().c_str(), ("/tmp/cachecore-" + std::to_string(geteuid())).c_str());
  unsetenv("XDG_RUNTIME_DIR");
}

void a_path_too_long_for_a_socket_has_a_short_way(void **) {
  scene at;
  const std::string runtime = at.root() + "/runtime";
  make_directory(runtime, 0700);
  assert_int_equal(setenv("XDG_RUNTIME_DIR", runtime.c_str(), 1), 0);
  configuration settings = at.settings();
  make_directory(at.data(), 0700);
  settings.server.path = at.data() + "/" + std::string(150, 'd');
  std::string link;
  {
    const embedded_attachment attachment = attach_embedded(settings, patience_ms);
    assert_true(attachment.socket_path().size() < sizeof(sockaddr_un::sun_path));
    link = attachment.socket_path().substr(0, attachment.socket_path().rfind('/'));
    assert_contains(link, runtime);
    attacher other(settings);
    other.attach();
    const pid_t server = server_pid(attachment.socket_path());
    assert_int_equal(processes_in(settings.server.path).size(), 1);
    // Everyone makes the way anew where it is missing, or leads elsewhere.
    assert_int_equal(unlink(link.c_str()), 0);
    assert_int_equal(symlink("/nowhere", link.c_str()), 0);
    const embedded_attachment again = attach_embedded(settings, patience_ms);
    assert_string_equal(again.socket_path().c_str(), attachment.socket_path().c_str());
    assert_int_equal(server_pid(again.socket_path()), server);
  }
  wait_until([&] { return access(link.c_str(), F_OK) != 0 && errno == ENOENT; });
  assert_int_equal(access((settings.server.path + "/redis.sock").c_str(), F_OK), -1);
  wait_until([&] { return processes_in(at.data()).empty(); });

  // Without a runtime directory, in /tmp.
  unsetenv("XDG_RUNTIME_DIR");
  const embedded_attachment attachment = attach_embedded(settings, patience_ms);
  assert_contains(attachment.socket_path(), "/tmp/cachecore-links-" + std::to_string(geteuid()) + "/");
  assert_true(server_pid(attachment.socket_path()) > 0);
}

// A path whose socket just fits, and one whose socket just does not.
void paths_at_the_limit_work(void **) {
  scene at;
  const size_t room = sizeof(sockaddr_un::sun_path) - 1 - std::string("/redis.sock").size();
  for (const size_t size : {room, room + 1}) {
    configuration settings = at.settings();
    settings.server.path = at.data() + std::string(size - at.data().size(), 'd');
    const embedded_attachment attachment = attach_embedded(settings, patience_ms);
    assert_true(server_pid(attachment.socket_path()) > 0);
    assert_int_equal(attachment.socket_path().starts_with(settings.server.path), size == room);
  }
}

void write_text(const char *path, const std::string &text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text.data(), text.size()) < 0) _exit(77);
  close(file);
}

// So that a file system of one page can be mounted, seen by nobody else.
void enter_mount_namespace() {
  if (unshare(CLONE_NEWNS) == 0) return;
  const std::string user = std::to_string(geteuid()), group = std::to_string(getegid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) _exit(77);
  write_text("/proc/self/setgroups", "deny");
  write_text("/proc/self/uid_map", user + " " + user + " 1");
  write_text("/proc/self/gid_map", group + " " + group + " 1");
}

void attach_on_a_full_disk(const char *size_of_disk, const char *expected) {
  scene at;
  make_directory(at.data(), 0700);
  std::array<int, 2> told{};
  assert_int_equal(pipe(told.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    enter_mount_namespace();
    mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (mount("tmpfs", at.data().c_str(), "tmpfs", 0, size_of_disk) != 0) _exit(77);
    std::string said = "attached";
    try {
      const embedded_attachment attachment = attach_embedded(at.settings(), 20000);
    } catch (const failure &refused) {
      said = std::to_string(refused.status()) + " " + refused.message();
    }
    if (write(told[1], said.data(), said.size()) < 0) _exit(1);
    _exit(0);
  }
  close(told[1]);
  int status = 0;
  waitpid(child, &status, 0);
  std::array<char, 1024> said{};
  const ssize_t size = read(told[0], said.data(), said.size() - 1);
  close(told[0]);
  assert_true(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) {
    print_message("needs the right to mount\n");
    _skip(__FILE__, __LINE__);
  }
  assert_true(size > 0);
  assert_contains(said.data(), std::to_string(CACHECORE_UNAVAILABLE) + " embedded: ");
  assert_contains(said.data(), expected);
}

void a_full_disk_is_named(void **) {
  attach_on_a_full_disk("size=4k,mode=0700", "the disk is full: free some space");
  attach_on_a_full_disk("nr_inodes=3,mode=0700", "cannot be made: No space left on device: free some space");
}

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_directory_of_something_else_is_refused_untouched),
      cmocka_unit_test(an_empty_directory_becomes_ours),
      cmocka_unit_test(a_directory_others_may_write_to_is_refused),
      cmocka_unit_test(a_directory_of_another_user_is_refused),
      cmocka_unit_test(what_cannot_be_a_directory_is_refused),
      cmocka_unit_test(the_users_own_directory_is_no_link_and_no_strangers),
      cmocka_unit_test(a_path_too_long_for_a_socket_has_a_short_way),
      cmocka_unit_test(paths_at_the_limit_work),
      cmocka_unit_test(a_full_disk_is_named),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
