/* eval.c - what an evaluation may spend, and how it fails. */
#include "jinja/eval.h"

#include <stdarg.h>
#include <stdio.h>

#include "jinja/value.h"

struct value *failed(void)
{
    static struct value nothing;

    return &nothing;
}

struct value *fail_as(struct eval *e, int code, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    if (e->failed)
        return failed();
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    e->failed = true;
    err_set(e->err, code, "%s: line %d: %s", e->name, e->line, text);
    return failed();
}

struct value *fail(struct eval *e, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fail_as(e, VAC_ERR_FORMAT, "%s", text);
}

bool work(struct eval *e, size_t n)
{
    e->steps += n;
    if (e->steps > STEPS_MAX)
        fail(e, "the template does not come to an end (%d steps)", STEPS_MAX);
    return !e->failed;
}

void *take(struct eval *e, size_t n, size_t size)
{
    size_t bytes;
    void *p = NULL;

    if (e->failed)
        return NULL;
    if (size_mul(n, size, &bytes) || bytes > BYTES_MAX - e->bytes || e->bytes > BYTES_MAX) {
        fail(e, "the template takes more than %zu MB", BYTES_MAX >> 20);
        return NULL;
    }
    e->bytes += bytes + 16;
    p = arena_alloc(&e->arena, n, size, NULL);
    if (!p)
        fail_as(e, VAC_ERR_MEMORY, "out of memory");
    return p;
}
