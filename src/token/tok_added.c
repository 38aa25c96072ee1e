/* tok_added.c - added tokens standing in a text: the leftmost match wins, of those the longest.
 *
 * The patterns are sorted by their bytes, so that walking into the text narrows a range of
 * candidates; a table of first bytes skips the places where none begins. */
#include "token/tok_added.h"
#include "token/tok.h"
#include "token/tok_normalize.h"
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const struct tok_pattern *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int c = memcmp(x->s, y->s, n);

    if (c != 0)
        return c;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Of equal patterns only the first in order can ever match. */
void tok_added_sort(struct tok_matcher *m)
{
    size_t w = 0;

    if (m->n > 0)
        qsort(m->v, m->n, sizeof(*m->v), compare);
    for (size_t i = 0; i < m->n; i++) {
        if (w > 0 && m->v[w - 1].len == m->v[i].len &&
            !memcmp(m->v[w - 1].s, m->v[i].s, m->v[i].len))
            continue;
        m->v[w++] = m->v[i];
        m->begins[(unsigned char)m->v[i].s[0]] = true;
    }
    m->n = w;
}

int tok_added_pattern(struct tokenizer *t, int32_t id, size_t order, struct vac_err *err)
{
    struct tok_token *x = &t->token[id];
    struct tok_matcher *m = x->flags & TOK_NORMALIZED ? &t->normalized : &t->raw;
    const char *s = x->s;
    size_t len = x->len;
    bool first = true;

    x->read = NULL;
    if (x->flags & TOK_NORMALIZED) {
        if (tok_normalize(t, s, len, &first, err))
            return -1;
        len = t->norm[0].len;
        s = arena_strndup(&t->text, t->norm[0].s ? t->norm[0].s : "", len, err);
        if (!s)
            return -1;
        x->read = s;
        x->read_len = len;
    }
    if (len == 0)
        return 1;
    if (mem_grow(&m->v, &m->cap, m->n + 1, sizeof(*m->v), err))
        return -1;
    m->v[m->n++] = (struct tok_pattern){.s = s, .len = len, .order = order, .id = id};
    return 0;
}

int tok_added_again(struct tokenizer *t, struct vac_err *err)
{
    size_t order = 0;

    t->raw.n = t->normalized.n = 0;
    memset(t->raw.begins, 0, sizeof t->raw.begins);
    memset(t->normalized.begins, 0, sizeof t->normalized.begins);
    for (unsigned special = TOK_SPECIAL;; special = 0) {
        for (size_t i = 0; i < t->size; i++) {
            unsigned flags = t->token[i].flags;

            if ((flags & TOK_ADDED) && (flags & TOK_SPECIAL) == special &&
                tok_added_pattern(t, (int32_t)i, order++, err) < 0)
                return -1;
        }
        if (!special)
            break;
    }
    tok_added_sort(&t->raw);
    tok_added_sort(&t->normalized);
    return 0;
}

/* The first pattern in [from, to) whose byte at `depth` is at least b; all agree before that byte.
 */
static size_t lower(const struct tok_pattern *v, size_t from, size_t to, size_t depth, unsigned b)
{
    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (v[mid].len <= depth || (unsigned char)v[mid].s[depth] < b)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

/* The longest pattern that s begins with, or NULL. Counts its steps. */
static const struct tok_pattern *longest(const struct tok_matcher *m, const char *s, size_t n,
                                         size_t *steps)
{
    const struct tok_pattern *best = NULL;
    size_t from = 0, to = m->n;

    for (size_t depth = 0; depth < n && from < to; depth++) {
        unsigned b = (unsigned char)s[depth];

        ++*steps;
        from = lower(m->v, from, to, depth, b);
        to = lower(m->v, from, to, depth, b + 1);
        if (from < to && m->v[from].len == depth + 1)
            best = &m->v[from];
    }
    return best;
}

/* The character that ends right before s + at. */
static uint32_t char_before(const char *s, size_t at)
{
    size_t from = at - 1;
    uint32_t cp = 0;

    while (from > 0 && ((unsigned char)s[from] & 0xc0) == 0x80)
        from--;
    utf8_get(s + from, at - from, &cp);
    return cp;
}

static bool stands_alone(const char *s, size_t n, size_t from, size_t to)
{
    uint32_t cp = 0;

    if (from > 0 && tok_is_word(char_before(s, from)))
        return false;
    return to >= n || !utf8_get(s + to, n - to, &cp) || !tok_is_word(cp);
}

/* Takes the white space around a match into it; to the left only what no match before has taken. */
static void widen(unsigned flags, const char *s, size_t n, size_t done, size_t *from, size_t *to)
{
    uint32_t cp = 0;
    size_t len;

    if ((flags & TOK_LSTRIP) && *from < done)
        *from = done;
    while ((flags & TOK_LSTRIP) && *from > done && tok_is_space(char_before(s, *from))) {
        do
            --*from;
        while (*from > 0 && ((unsigned char)s[*from] & 0xc0) == 0x80);
    }
    while ((flags & TOK_RSTRIP) && *to < n && (len = utf8_get(s + *to, n - *to, &cp)) > 0 &&
           tok_is_space(cp))
        *to += len;
}

int tok_added_split(const struct tokenizer *t, const struct tok_matcher *m, const char *s, size_t n,
                    bool first, struct tok_pieces *out, struct vac_err *err)
{
    size_t done = 0, at = 0, steps = 0, most = tok_most(n);

    while (m->n > 0 && at < n) {
        const struct tok_pattern *p =
            m->begins[(unsigned char)s[at]] ? longest(m, s + at, n - at, &steps) : NULL;
        size_t from = at, to;
        unsigned flags;

        if (steps > most)
            return err_set(
                err, VAC_ERR_FORMAT,
                "looking for added_tokens takes more than %zu steps in a text of %zu bytes", most,
                n);
        if (!p) {
            at++;
            continue;
        }
        at = to = from + p->len;
        flags = t->token[p->id].flags;
        if ((flags & TOK_SINGLE_WORD) && !stands_alone(s, n, from, to))
            continue;
        if ((flags & TOK_SPECIAL) && t->split_special)
            continue;
        widen(flags, s, n, done, &from, &to);
        if (done < from && tok_pieces_add(out, s + done, from - done, -1, first && done == 0, err))
            return -1;
        if (from >= to) /* nothing is left of it behind the match before */
            continue;
        if (tok_pieces_add(out, s + from, to - from, p->id, first && from == 0, err))
            return -1;
        done = to;
    }
    if (done < n)
        return tok_pieces_add(out, s + done, n - done, -1, first && done == 0, err);
    return 0;
}

int32_t tok_find(const struct tokenizer *t, const char *token)
{
    size_t len = strlen(token);
    int32_t id = tok_map_get(&t->added, token, len);

    return id >= 0 ? id : tok_map_get(&t->bpe.vocab, token, len);
}
