#include "input.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "failure.h"
#include "signals.h"
#include "text.h"

namespace cachectl {
namespace {

// Redis takes no longer string, so that a wrong file (a device, a disk image) ends here and not in memory.
constexpr size_t largest = size_t{512} * 1024 * 1024;

class open_file {
 public:
  explicit open_file(int descriptor) : descriptor_(descriptor) {}
  open_file(const open_file &) = delete;
  open_file &operator=(const open_file &) = delete;
  ~open_file() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

std::string read_all(int descriptor, const std::string &name) {
  std::string out;
  std::array<char, size_t{64} * 1024> block{};
  while (true) {
    const ssize_t size = read(descriptor, block.data(), block.size());
    if (size == 0) return out;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) throw usage("cannot read " + name + ": " + std::strerror(errno));
    out.append(block.data(), static_cast<size_t>(size));
    if (out.size() > largest) throw usage(name + " holds more than 512 MiB, the largest value a server takes");
  }
}

// A terminal without echo for as long as it lives.
class silent_terminal {
 public:
  explicit silent_terminal(int descriptor) : descriptor_(descriptor), before_() {
    if (tcgetattr(descriptor_, &before_) != 0) throw usage("cannot ask for a secret: this is no terminal");
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    tcsetattr(descriptor_, TCSAFLUSH, &silent);
  }
  silent_terminal(const silent_terminal &) = delete;
  silent_terminal &operator=(const silent_terminal &) = delete;
  ~silent_terminal() { tcsetattr(descriptor_, TCSAFLUSH, &before_); }

 private:
  int descriptor_;
  termios before_;
};

void say(int descriptor, const std::string &text) {
  if (write(descriptor, text.data(), text.size()) < 0) throw usage("cannot ask for a secret: the terminal is gone");
}

// One line, without its end. A signal puts the terminal back on its way out.
std::string ask(int terminal, const signal_watch &signals, const std::string &prompt) {
  say(terminal, prompt);
  std::string line;
  while (true) {
    std::array<pollfd, 2> ready = {{{terminal, POLLIN, 0}, {signals.descriptor(), POLLIN, 0}}};
    if (poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) throw usage("cannot read the terminal");
    if (const int signal = signals.take(); signal != 0) throw interruption(signal);
    if (ready[0].revents == 0) continue;
    std::array<char, 256> block{};
    const ssize_t size = read(terminal, block.data(), block.size());
    if (size <= 0) throw usage("no secret was given: the terminal ended");
    line.append(block.data(), static_cast<size_t>(size));
    if (line.ends_with('\n')) return line.substr(0, line.size() - 1);
  }
}

std::string ask_twice(const std::string &what) {
  const open_file terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (terminal.descriptor() < 0) throw usage("cannot open the terminal; give the secret on standard input");
  const signal_watch signals;
  const silent_terminal silence(terminal.descriptor());  // before the question: who types fast must not be seen either
  std::string first = ask(terminal.descriptor(), signals, what + ": ");
  if (first != ask(terminal.descriptor(), signals, what + " again: ")) throw usage("the two secrets differ");
  return first;
}

}  // namespace

std::string input::standard() {
  if (taken_) throw usage("standard input can be read for one value only");
  taken_ = true;
  return read_all(STDIN_FILENO, "standard input");
}

std::string input::file(const std::string &path) {
  if (path == "-") return standard();
  const open_file opened(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.descriptor() < 0) throw usage("cannot open " + quoted(path) + ": " + std::strerror(errno));
  return read_all(opened.descriptor(), "the file " + quoted(path));
}

std::string input::secret(const std::string &what) {
  std::string out;
  if (isatty(STDIN_FILENO) == 1) {
    out = ask_twice(what);
  } else {
    out = standard();
    if (out.ends_with('\n')) out.pop_back();
    if (out.ends_with('\r')) out.pop_back();
  }
  if (out.empty()) throw usage("no secret was given: write it to standard input");
  return out;
}

}  // namespace cachectl
