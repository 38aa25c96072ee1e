/* trace.h - what the program does: for people who work on it, lines appended to $VACCINE_LOG; for whoever waits while
 * something is opened, what is gone through now.
 *
 * Only TRACE writes them: "seconds since the first line, process, text". Without the variable, or where
 * the file cannot be opened, it costs a test of a flag. Names and numbers alone belong there: texts
 * of a user's may be secret, and hold any bytes. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define TRACE(...)                                                                                 \
    do {                                                                                           \
        if (trace_on())                                                                            \
            trace_line(__VA_ARGS__);                                                               \
    } while (0)

bool trace_on(void);
void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "reading", "rows.jsonl": done of all bytes. false = it is to be left. */
typedef bool doing_told(void *ctx, const char *what, const char *file, uint64_t done, uint64_t all);
/* From now on, on this thread; NULL = nobody waits any more. */
void doing_watch(doing_told *told, void *ctx);
/* Told by what goes through large files, a few times a megabyte at most. 0 = go on; -1 and VAC_ERR_STOPPED. */
int doing(const char *what, const char *file, uint64_t done, uint64_t all, struct vac_err *err);
#endif
