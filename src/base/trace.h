/* trace.h - what the program does, for people who work on it: lines appended to $VACCINE_LOG.
 *
 * Only TRACE writes them: "seconds since the first line, process, text". Without the variable, or where
 * the file cannot be opened, it costs a test of a flag. Names and numbers alone belong there: texts
 * of a user's may be secret, and hold any bytes. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>

#define TRACE(...)                                                                                 \
    do {                                                                                           \
        if (trace_on())                                                                            \
            trace_line(__VA_ARGS__);                                                               \
    } while (0)

bool trace_on(void);
void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
#endif
