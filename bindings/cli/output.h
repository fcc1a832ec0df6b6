// output.h: a buffered descriptor that knows whether a person reads it.
//
// Standard output carries answers and nothing else. A reader that has gone throws interruption(SIGPIPE), any other
// failure to write a failure; nothing is lost silently.
//
// Thread rule: main thread only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cachectl {

enum class style { plain, heading, name, fault };

class output {
 public:
  // Colours are used on a terminal only, and not when NO_COLOR is set.
  explicit output(int descriptor);
  output(const output &) = delete;
  output &operator=(const output &) = delete;

  void write(std::string_view text);
  void write_styled(std::string_view text, style with);
  void flush();

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] bool terminal() const noexcept { return terminal_; }
  // Columns of the terminal; 0 when it is none.
  [[nodiscard]] size_t width() const noexcept { return width_; }
  // What texts are broken at: the terminal's width, or a page's.
  [[nodiscard]] size_t page_width() const noexcept;

 private:
  int descriptor_;
  bool terminal_;
  bool colours_;
  size_t width_;
  std::string buffer_;
};

}  // namespace cachectl
