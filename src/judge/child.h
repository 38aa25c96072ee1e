/* child.h - inside src/judge: a long-lived program that is asked in lines and answers in lines.
 *
 * It runs under /bin/sh in a process group of its own; what it writes to its standard error is kept
 * for the message of an error and never reaches the terminal. */
#ifndef JUDGE_CHILD_H
#define JUDGE_CHILD_H

#include "base/mem.h"

struct child;
struct child *child_start(const char *command, struct vac_err *err);
/* Ends its input, gives it a moment to end by itself, else kills it. NULL is fine. */
void child_stop(struct child *c);

/* One line of answer, number i of this call, without its newline; line = its number since the
 * start. */
typedef int child_line(void *ctx, size_t i, const char *text, size_t n, size_t line,
                       struct vac_err *err);
/* Sends n bytes and takes `lines` lines, in whatever order the two become possible. Nothing either
 * way for `idle` seconds is an error, and so are an early end and a line too many. After an error
 * the child is of no use any more. */
int child_talk(struct child *c, const char *text, size_t n, size_t lines, double idle,
               child_line *take, void *ctx, struct vac_err *err);
#endif
