/* mem.h - sizes that cannot wrap, memory that says when it is gone, growing text and ids.
 *
 * Nothing here prints or exits. All allocations come back zeroed. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* out = a * b or a + b; -1 when that does not fit (out is then untouched). */
int size_mul(size_t a, size_t b, size_t *out);
int size_add(size_t a, size_t b, size_t *out);

/* n * size bytes, zeroed; NULL and VAC_ERR_MEMORY with the number of bytes. n or size may be 0
 * (the result is then a valid pointer to nothing). Free with free(). */
void *mem_new(size_t n, size_t size, struct vac_err *err);
char *mem_strdup(const char *s, struct vac_err *err);
char *mem_strndup(const char *s, size_t n, struct vac_err *err);
/* Grows *p (elements of `size` bytes, room for *cap) to hold at least `need`; doubles. */
int mem_grow(void *p_to_pointer, size_t *cap, size_t need, size_t size, struct vac_err *err);

/* An arena: many small things freed together. Zeroed memory, aligned to 16 bytes. */
struct arena {
    struct arena_block *head;
};
void *arena_alloc(struct arena *a, size_t n, size_t size, struct vac_err *err);
char *arena_strndup(struct arena *a, const char *s, size_t n, struct vac_err *err);
void arena_done(struct arena *a);

/* Growing text, always 0-terminated once something was put. A failed allocation makes it `bad`:
 * later puts do nothing, and sb_ok() tells at the end, so that writers need not check each put. */
struct strbuf {
    char *s;
    size_t len, cap;
    bool bad;
};
void sb_put(struct strbuf *b, const char *s, size_t n);
void sb_puts(struct strbuf *b, const char *s);
void sb_putc(struct strbuf *b, char c);
void sb_printf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends s as the inside of a JSON string (no quotes): quotes, backslash and controls escaped. */
void sb_json(struct strbuf *b, const char *s, size_t n);
/* Untrusted text for people: what utf8_is_unsafe names, and bytes that are not UTF-8, as visible escapes;
 * but for the characters in `keep` ("\n\t" where it may have lines of its own, "" in a line of ours). Without
 * utf8 so is all that is not ASCII. */
void sb_safe(struct strbuf *b, const char *s, size_t n, const char *keep, bool utf8);
/* One word of a line that is to be typed: as it is, or in quotes where a shell would take it apart. */
void sb_word(struct strbuf *b, const char *s);
/* Appends a double as JSON: the shortest text that reads back the same; null for NaN and Inf. */
void sb_num(struct strbuf *b, double x);
/* "1.347 TFLOP", "12.4 MB", "87 B": a quantity of four digits at most, with its unit. */
void sb_quantity(struct strbuf *b, double x, const char *unit);
int sb_ok(const struct strbuf *b, struct vac_err *err);
void sb_clear(struct strbuf *b); /* len = 0, keeps the memory */
void sb_done(struct strbuf *b);

/* A growing list of token ids. */
struct ids {
    int32_t *v;
    size_t n, cap;
};
int ids_push(struct ids *x, int32_t id, struct vac_err *err);
int ids_append(struct ids *x, const int32_t *v, size_t n, struct vac_err *err);
void ids_done(struct ids *x);
/* The ids from an index on; NULL where there are none, because an empty list has no place to count
 * from. */
static inline int32_t *ids_from(const struct ids *x, size_t from)
{
    return from < x->n ? x->v + from : NULL;
}
#endif
