#include "screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { bar_width = 40, most_expectations = 32, expectation_size = 160 };

static int bar_is_shown;
static const char *announced;
static char expectations[most_expectations][expectation_size];
static int expectation_holds[most_expectations];
static int expectation_count;

void heading(const char *format, ...) {
  char text[100];
  va_list arguments;
  va_start(arguments, format);
  const int size = vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  printf("\n%s\n", text);
  for (int i = 0; i < size && i < 99; i++) putchar('-');
  putchar('\n');
  fflush(stdout);
}

void line(const char *format, ...) {
  va_list arguments;
  printf("  ");
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  fflush(stdout);
}

void blank_line(void) {
  putchar('\n');
  fflush(stdout);
}

void progress(const char *what, int64_t done, int64_t all) {
  if (!isatty(STDOUT_FILENO)) {
    if (announced == NULL || strcmp(announced, what) != 0) printf("  ... %s\n", what);
    announced = what;
    fflush(stdout);
    return;
  }
  char bar[bar_width + 1];
  const int filled = all > 0 ? (int)(done * bar_width / all) : 0;
  for (int i = 0; i < bar_width; i++) bar[i] = i < filled ? '#' : '.';
  bar[bar_width] = '\0';
  printf("\r  %-38.38s [%s] %3d %%", what, bar, all > 0 ? (int)(done * 100 / all) : 0);
  bar_is_shown = 1;
  fflush(stdout);
}

void progress_over(void) {
  if (bar_is_shown) printf("\r%90s\r", "");
  bar_is_shown = 0;
  announced = NULL;
  fflush(stdout);
}

static char *next_buffer(void) {
  static char buffers[16][32];
  static unsigned int turn;
  return buffers[turn++ % 16];
}

const char *grouped(int64_t number) {
  char digits[24];
  char *out = next_buffer();
  const int count = snprintf(digits, sizeof(digits), "%lld", (long long)number);
  int at = 0;
  for (int i = 0; i < count; i++) {
    if (i > 0 && (count - i) % 3 == 0 && digits[i - 1] != '-') out[at++] = ',';
    out[at++] = digits[i];
  }
  out[at] = '\0';
  return out;
}

const char *duration(int64_t ns) {
  char *out = next_buffer();
  const double ms = (double)ns / 1e6;
  if (ms < 10) {
    snprintf(out, 32, "%.2f ms", ms);
  } else if (ms < 1000) {
    snprintf(out, 32, "%.0f ms", ms);
  } else {
    snprintf(out, 32, "%.1f s", ms / 1000);
  }
  return out;
}

void give_up(const char *format, ...) {
  va_list arguments;
  progress_over();
  fflush(stdout);
  fprintf(stderr, "demo: ");
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

void expect(int holds, const char *format, ...) {
  va_list arguments;
  if (expectation_count == most_expectations) give_up("more is expected than there is room for");
  va_start(arguments, format);
  vsnprintf(expectations[expectation_count], expectation_size, format, arguments);
  va_end(arguments);
  expectation_holds[expectation_count++] = holds;
}

int show_expectations(void) {
  int failed = 0;
  for (int i = 0; i < expectation_count; i++) {
    line("%s  %s", expectation_holds[i] ? "ok    " : "FAILED", expectations[i]);
    failed += !expectation_holds[i];
  }
  return failed;
}
