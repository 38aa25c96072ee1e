/* mem.c - checked sizes, zeroed memory, arenas, growing text and lists of ids. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/utf8.h"

/* A block of an arena; the memory it hands out follows the header. */
struct arena_block {
    struct arena_block *next;
    size_t used, size;
    size_t pad; /* keeps what follows aligned to 16 bytes */
};
_Static_assert(sizeof(struct arena_block) % 16 == 0, "blocks of an arena start aligned");

enum { ARENA_FIRST = 1 << 10, ARENA_BLOCK = 1 << 16, ARENA_ALIGN = 16 };

int size_mul(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_mul_overflow(a, b, &r))
        return -1;
    *out = r;
    return 0;
}

int size_add(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_add_overflow(a, b, &r))
        return -1;
    *out = r;
    return 0;
}

static int out_of_memory(size_t n, size_t size, struct vac_err *err)
{
    size_t total;

    if (size_mul(n, size, &total))
        return err_set(err, VAC_ERR_MEMORY, "out of memory: %zu times %zu bytes cannot be had", n,
                       size);
    return err_set(err, VAC_ERR_MEMORY, "out of memory: no room for %zu bytes", total);
}

void *mem_new(size_t n, size_t size, struct vac_err *err)
{
    size_t total;
    void *p = NULL;

    /* Objects beyond PTRDIFF_MAX break pointer differences, whatever the allocator says. */
    if (!size_mul(n, size, &total) && total <= PTRDIFF_MAX)
        p = calloc(total ? total : 1, 1);
    if (!p)
        out_of_memory(n, size, err);
    return p;
}

char *mem_strndup(const char *s, size_t n, struct vac_err *err)
{
    size_t len = strnlen(s, n);
    char *p = mem_new(len + 1, 1, err);

    if (p)
        memcpy(p, s, len);
    return p;
}

char *mem_strdup(const char *s, struct vac_err *err)
{
    return mem_strndup(s, strlen(s), err);
}

int mem_grow(void *p_to_pointer, size_t *cap, size_t need, size_t size, struct vac_err *err)
{
    size_t want = *cap ? *cap : 16, bytes;
    void *old, *p = NULL;

    if (need <= *cap)
        return 0;
    while (want < need)
        if (size_mul(want, 2, &want))
            want = need;
    /* The caller's pointer is of any type: read and written as bytes, not through a void **. */
    memcpy(&old, p_to_pointer, sizeof old);
    if (!size_mul(want, size ? size : 1, &bytes) && bytes <= PTRDIFF_MAX)
        p = realloc(old, bytes);
    if (!p)
        return out_of_memory(want, size, err);
    memset((char *)p + *cap * size, 0, (want - *cap) * size);
    memcpy(p_to_pointer, &p, sizeof p);
    *cap = want;
    return 0;
}

/* Blocks are twice as large as the one before: many arenas hold little. Big things get a block of their own
 * behind the head, so that the rest of the head is not lost. */
static struct arena_block *arena_add(struct arena *a, size_t need, struct vac_err *err)
{
    size_t size = !a->head                          ? ARENA_FIRST
                  : a->head->size < ARENA_BLOCK / 2 ? 2 * a->head->size
                                                    : ARENA_BLOCK;
    bool own = need > ARENA_BLOCK / 4;
    struct arena_block *b;
    size_t total;

    if (own || need > size)
        size = need;
    if (size_add(size, sizeof *b, &total)) {
        out_of_memory(need, 1, err);
        return NULL;
    }
    b = mem_new(1, total, err);
    if (!b)
        return NULL;
    b->size = size;
    if (a->head && own) {
        b->next = a->head->next;
        a->head->next = b;
    } else {
        b->next = a->head;
        a->head = b;
    }
    return b;
}

void *arena_alloc(struct arena *a, size_t n, size_t size, struct vac_err *err)
{
    struct arena_block *b = a->head;
    size_t need;
    void *p;

    if (size_mul(n, size, &need) || size_add(need, ARENA_ALIGN - 1, &need)) {
        out_of_memory(n, size, err);
        return NULL;
    }
    need -= need % ARENA_ALIGN;
    if (!b || need > b->size - b->used)
        b = arena_add(a, need, err);
    if (!b)
        return NULL;
    p = (char *)(b + 1) + b->used;
    b->used += need;
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n, struct vac_err *err)
{
    size_t len = strnlen(s, n);
    char *p = arena_alloc(a, len + 1, 1, err);

    if (p)
        memcpy(p, s, len);
    return p;
}

void arena_done(struct arena *a)
{
    while (a && a->head) {
        struct arena_block *next = a->head->next;

        free(a->head);
        a->head = next;
    }
}

/* Room for n more bytes and the closing 0. */
static bool sb_room(struct strbuf *b, size_t n)
{
    size_t need;

    if (b->bad)
        return false;
    if (size_add(b->len, n, &need) || size_add(need, 1, &need) ||
        mem_grow(&b->s, &b->cap, need, 1, NULL))
        b->bad = true;
    return !b->bad;
}

void sb_put(struct strbuf *b, const char *s, size_t n)
{
    if (!sb_room(b, n))
        return;
    if (n)
        memcpy(b->s + b->len, s, n);
    b->len += n;
    b->s[b->len] = '\0';
}

void sb_puts(struct strbuf *b, const char *s)
{
    sb_put(b, s, strlen(s));
}

void sb_putc(struct strbuf *b, char c)
{
    sb_put(b, &c, 1);
}

void sb_printf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap, again;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        b->bad = true;
    else if (sb_room(b, (size_t)n)) {
        vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(ap);
}

static void sb_json_char(struct strbuf *b, uint32_t cp, const char *s, size_t n)
{
    static const char letters[] = "btn\0fr"; /* for 8 .. 13; 11 has none */

    if (cp == '"' || cp == '\\') {
        sb_putc(b, '\\');
        sb_putc(b, (char)cp);
    } else if (cp >= 8 && cp <= 13 && letters[cp - 8]) {
        sb_putc(b, '\\');
        sb_putc(b, letters[cp - 8]);
    } else if (cp < 0x20 || cp == 0x7f) {
        sb_printf(b, "\\u%04x", (unsigned)cp);
    } else {
        sb_put(b, s, n);
    }
}

/* Text that is not UTF-8 would make the whole document unreadable: such bytes become U+FFFD. */
void sb_json(struct strbuf *b, const char *s, size_t n)
{
    size_t i = 0;

    sb_put(b, "", 0);
    while (i < n) {
        uint32_t cp;
        size_t k = utf8_get(s + i, n - i, &cp);

        if (k)
            sb_json_char(b, cp, s + i, k);
        else
            sb_puts(b, "\xef\xbf\xbd");
        i += k ? k : 1;
    }
}

void sb_safe(struct strbuf *b, const char *s, size_t n, const char *keep, bool utf8)
{
    sb_put(b, "", 0);
    for (size_t i = 0, k; i < n; i += k) {
        char escape[UTF8_ESCAPE];
        uint32_t cp;

        k = utf8_get(s + i, n - i, &cp);
        if (k && (utf8 || cp < 0x80) &&
            (!utf8_is_unsafe(cp) || (cp && cp < 0x80 && strchr(keep, (char)cp)))) {
            sb_put(b, s + i, k);
        } else {
            k = utf8_escape(s + i, n - i, escape);
            sb_puts(b, escape);
        }
    }
}

/* The locale may write the point in its own way, in several bytes even: whatever is not part of a
 * number must be it. */
static void point_fix(char *s)
{
    size_t to = strspn(s, "+-0123456789e"), from = to;

    if (!s[to])
        return;
    while (s[from] && !strchr("+-0123456789e", s[from]))
        from++;
    s[to++] = '.';
    memmove(s + to, s + from, strlen(s + from) + 1);
}

void sb_word(struct strbuf *b, const char *s)
{
    static const char apart[] = " \t\r\n|&;<>()$`\\\"'*?[]#~!{}";

    if (*s && !s[strcspn(s, apart)]) {
        sb_puts(b, s);
        return;
    }
    sb_putc(b, '\'');
    for (; *s; s++)
        if (*s == '\'')
            sb_puts(b, "'\\''");
        else
            sb_putc(b, *s);
    sb_putc(b, '\'');
}

void sb_num(struct strbuf *b, double x)
{
    char text[64];

    if (!isfinite(x)) {
        sb_puts(b, "null");
        return;
    }
    if (x == floor(x) && fabs(x) < 1e15) {
        sb_printf(b, "%.0f", x);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    point_fix(text);
    sb_puts(b, text);
}

void sb_quantity(struct strbuf *b, double x, const char *unit)
{
    static const char *const prefix[] = {"", "k", "M", "G", "T", "P", "E", NULL};
    int i = 0;

    for (; fabs(x) >= 999.95 && prefix[i + 1]; i++)
        x /= 1000;
    sb_printf(b, "%.4g %s%s", x, prefix[i], unit);
}

int sb_ok(const struct strbuf *b, struct vac_err *err)
{
    if (!b->bad)
        return 0;
    return err_set(err, VAC_ERR_MEMORY, "out of memory: no room for a text of more than %zu bytes",
                   b->len);
}

void sb_clear(struct strbuf *b)
{
    b->len = 0;
    b->bad = false;
    if (b->s)
        b->s[0] = '\0';
}

void sb_done(struct strbuf *b)
{
    if (!b)
        return;
    free(b->s);
    *b = (struct strbuf){0};
}

int ids_push(struct ids *x, int32_t id, struct vac_err *err)
{
    return ids_append(x, &id, 1, err);
}

int ids_append(struct ids *x, const int32_t *v, size_t n, struct vac_err *err)
{
    size_t need;

    if (size_add(x->n, n, &need))
        return out_of_memory(n, sizeof *v, err);
    if (mem_grow(&x->v, &x->cap, need, sizeof *v, err))
        return -1;
    if (n)
        memcpy(x->v + x->n, v, n * sizeof *v);
    x->n = need;
    return 0;
}

void ids_done(struct ids *x)
{
    if (!x)
        return;
    free(x->v);
    *x = (struct ids){0};
}
