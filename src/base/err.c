/* err.c - one error, one safe line of text: escaping, cutting, prefixes and "did you mean". */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "base/err.h"
#include "base/utf8.h"

enum { MSG_SIZE = sizeof(((struct vac_err *)0)->msg), WORD_MAX = 64 };

/* Copies s into msg, safe to show on one line; what does not fit ends in "...". */
static void copy_safe(char msg[MSG_SIZE], const char *s)
{
    size_t n = strlen(s), len = 0, cut = 0;

    while (n > 0) {
        char unit[UTF8_ESCAPE];
        uint32_t cp;
        size_t took = utf8_get(s, n, &cp), m = took;

        if (took && !utf8_is_unsafe(cp)) {
            memcpy(unit, s, took);
        } else {
            took = utf8_escape(s, n, unit);
            m = strlen(unit);
        }

        if (len + m > MSG_SIZE - 1) {
            memcpy(msg + cut, "...", 4);
            return;
        }
        memcpy(msg + len, unit, m);
        len += m;
        if (len <= MSG_SIZE - 4)
            cut = len;
        s += took;
        n -= took;
    }
    msg[len] = '\0';
}

int err_set(struct vac_err *err, int code, const char *fmt, ...)
{
    char raw[2 * MSG_SIZE];
    va_list ap;

    if (!err || err->code)
        return -1;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    err->code = code;
    copy_safe(err->msg, raw);
    return -1;
}

int err_prefix(struct vac_err *err, const char *fmt, ...)
{
    char raw[2 * MSG_SIZE + 4];
    va_list ap;
    size_t n;

    if (!err || !err->code)
        return -1;
    va_start(ap, fmt);
    vsnprintf(raw, MSG_SIZE, fmt, ap);
    va_end(ap);
    n = strlen(raw);
    snprintf(raw + n, sizeof raw - n, ": %s", err->msg);
    copy_safe(err->msg, raw);
    return -1;
}

int err_errno(struct vac_err *err, const char *fmt, ...)
{
    int saved = errno;
    bool full = saved == ENOSPC || saved == EDQUOT || saved == EFBIG;
    char raw[MSG_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    errno = saved;
    err_set(err, full ? VAC_ERR_SPACE : VAC_ERR_IO, "%s: %m", raw);
    errno = saved;
    return -1;
}

void err_clear(struct vac_err *err)
{
    if (!err)
        return;
    err->code = VAC_OK;
    err->msg[0] = '\0';
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Insertions, deletions, substitutions and swaps of neighbours that turn a[n] into b[m];
 * both are at most WORD_MAX long. */
static size_t edit_distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];

    for (size_t j = 0; j <= m; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *free_row = before;

        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        before = last;
        last = now;
        now = free_row;
    }
    return last[m];
}

const char *err_nearest(const char *word, const char *(*at)(const void *ctx, size_t i),
                        const void *ctx)
{
    size_t n = strnlen(word, WORD_MAX + 1), best = (n < 9 ? n / 3 : 3) + 1;
    const char *found = NULL, *c;

    if (n > WORD_MAX)
        return NULL;
    for (size_t i = 0; (c = at(ctx, i)); i++) {
        size_t m = strnlen(c, WORD_MAX + 1), d;

        if (m > WORD_MAX)
            continue;
        d = edit_distance(word, n, c, m);
        if (d < best) {
            best = d;
            found = c;
        }
    }
    return found;
}
