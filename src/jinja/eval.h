/* eval.h - one evaluation: its names, what it may spend, and how it fails.
 *
 * The first failure is kept with its line; everything after it is over at once, so that nothing in
 * between needs to ask. Work, memory, depth and output are counted and bounded. */
#ifndef JINJA_EVAL_H
#define JINJA_EVAL_H

#include "jinja/jinja.h"
#include "jinja/lex.h"

struct value;
/* What one rendering may cost. A real template takes some thousand steps. */
enum { STEPS_MAX = 10000000, DEPTH_MAX = 200 };
#define BYTES_MAX ((size_t)64 << 20)
#define OUTPUT_MAX ((size_t)16 << 20)

struct scope {
    struct scope *up;
    struct value *names; /* a V_SPACE */
};
struct eval {
    const char *name; /* of the template, for messages */
    struct arena arena;
    struct jinja_output *out;
    struct strbuf *sink; /* where text goes: out->text, or a capture */
    struct scope *scope, *globals;
    const char *today;
    size_t steps, bytes, depth;
    int line;
    enum { RUN_ON, RUN_BREAK, RUN_CONTINUE } run;
    struct vac_err *err;
    bool failed;
};
/* Takes the first error, with the line; every evaluation after it gives undefined at once. */
struct value *fail(struct eval *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct value *fail_as(struct eval *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Counts n units of work; false when there was too much. */
bool work(struct eval *e, size_t n);
void *take(struct eval *e, size_t n, size_t size);
/* Undefined, without a name: what everything gives once it has failed. Never written. */
struct value *failed(void);
#endif
