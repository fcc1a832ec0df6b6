/* screen.h: what the demo prints: text for a terminal of 100 columns, without colours.
 *
 * Thread rule: the main thread.
 */
#ifndef CACHECORE_DEMO_SCREEN_H
#define CACHECORE_DEMO_SCREEN_H

#include <stddef.h>
#include <stdint.h>

/* "1  A stream of lookups", underlined. */
void heading(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line of text, indented below its heading. */
void line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void blank_line(void);

/* How far a long step is: a bar that is drawn over itself on a terminal; else a line at its beginning. */
void progress(const char *what, int64_t done, int64_t all);
/* Wipes the bar away. */
void progress_over(void);

/* "12,345" in one of a few buffers that take turns. */
const char *grouped(int64_t number);
/* "0.21 ms", "8.1 ms", "1.3 s" likewise. */
const char *duration(int64_t ns);

/* Ends the program: a demo that cannot go on says why. */
void give_up(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Something that has to be so for the demo to succeed. It is listed at the end. */
void expect(int holds, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Lists what was expected, and returns how much of it did not hold. */
int show_expectations(void);

#endif
