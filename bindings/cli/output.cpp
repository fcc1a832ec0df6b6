#include "output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "failure.h"

namespace cachectl {
namespace {

constexpr size_t buffered = size_t{64} * 1024;
constexpr size_t default_width = 80;

size_t terminal_width(int descriptor) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char *columns = std::getenv("COLUMNS");
  if (columns == nullptr) return default_width;
  size_t width = 0;
  const auto parsed = std::from_chars(columns, columns + std::strlen(columns), width);
  return parsed.ec == std::errc() && width > 0 ? width : default_width;
}

bool colours_wanted() {
  const char *no_colour = std::getenv("NO_COLOR");
  const char *terminal = std::getenv("TERM");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  return terminal != nullptr && std::strcmp(terminal, "dumb") != 0;
}

const char *sequence(style with) {
  switch (with) {
    case style::heading:
      return "\x1b[1m";
    case style::name:
      return "\x1b[36m";
    case style::fault:
      return "\x1b[1;31m";
    case style::plain:
      break;
  }
  return "";
}

}  // namespace

output::output(int descriptor)
    : descriptor_(descriptor),
      terminal_(isatty(descriptor) == 1),
      colours_(terminal_ && colours_wanted()),
      width_(terminal_ ? terminal_width(descriptor) : 0) {}

size_t output::page_width() const noexcept {
  constexpr size_t readable = 100;
  constexpr size_t least = 40;
  return terminal_ ? std::clamp(width_, least, readable) : readable;
}

void output::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= buffered) flush();
}

void output::write_styled(std::string_view text, style with) {
  if (!colours_ || with == style::plain) return write(text);
  write(sequence(with));
  write(text);
  write("\x1b[0m");
}

void output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    const int reason = errno;
    buffer_.clear();
    if (reason == EPIPE) throw interruption(SIGPIPE);
    throw failure(CACHECORE_INTERNAL, std::string("cannot write the output: ") + std::strerror(reason));
  }
  buffer_.clear();
}

}  // namespace cachectl
