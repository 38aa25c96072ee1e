/* diff.c - the longest common subsequence of two texts' words.
 *
 * Answers are a few hundred words, so the plain quadratic table is enough; beyond its limit only
 * the common beginning and end are told apart from the rest. */
#include <stdlib.h>
#include <string.h>
#include "term/diff.h"
#include "term/text.h"

enum { TABLE_LIMIT = 1 << 22 };

struct word {
    const char *s;
    size_t len;
};
struct words {
    struct word *v;
    size_t n;
    const char *text;
    unsigned char *mark;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next word behind *s; len 0 = none. */
static struct word next_word(const char **s)
{
    struct word w;

    while (is_blank(**s))
        ++*s;
    w.s = *s;
    while (**s && !is_blank(**s))
        ++*s;
    w.len = (size_t)(*s - w.s);
    return w;
}

static int split(struct words *w, const char *text, unsigned char *mark)
{
    const char *s = text;
    size_t n = 0;

    while (next_word(&s).len)
        n++;
    w->v = calloc(n + 1, sizeof *w->v);
    w->n = w->v ? n : 0;
    w->text = text;
    w->mark = mark;
    memset(mark, 0, strlen(text));
    s = text;
    for (size_t i = 0; i < w->n; i++)
        w->v[i] = next_word(&s);
    return w->v ? 0 : -1;
}

static bool same(struct word a, struct word b)
{
    return a.len == b.len && !memcmp(a.s, b.s, a.len);
}

/* Marks words from..to-1 and the blanks between them. */
static size_t mark_words(struct words *w, size_t from, size_t to)
{
    const char *end;

    if (from >= to)
        return 0;
    end = w->v[to - 1].s + w->v[to - 1].len;
    memset(w->mark + (w->v[from].s - w->text), 1, (size_t)(end - w->v[from].s));
    return to - from;
}

/* length[i][j] = words in common of a from i on and b from j on, within the middles. */
static uint16_t *table_fill(const struct word *a, size_t n, const struct word *b, size_t m)
{
    uint16_t *t;

    if (n > UINT16_MAX || m > UINT16_MAX || (n + 1) * (m + 1) > TABLE_LIMIT)
        return NULL;
    t = calloc((n + 1) * (m + 1), sizeof *t);
    for (size_t i = n; t && i-- > 0;) {
        uint16_t *row = t + i * (m + 1), *below = row + m + 1;

        for (size_t j = m; j-- > 0;)
            row[j] = same(a[i], b[j])         ? (uint16_t)(below[j + 1] + 1)
                     : below[j] >= row[j + 1] ? below[j]
                                              : row[j + 1];
    }
    return t;
}

/* Walks the table: words on the way that are not common are marked, neighbours together. */
static size_t mark_middle(struct words *a, struct words *b, size_t from, size_t n, size_t m)
{
    uint16_t *t = table_fill(a->v + from, n, b->v + from, m);
    size_t i = 0, j = 0, marked = 0;

    if (!t)
        return mark_words(a, from, from + n) + mark_words(b, from, from + m);
    while (i < n || j < m) {
        size_t i0 = i, j0 = j;

        while (i < n && (j >= m || t[(i + 1) * (m + 1) + j] == t[i * (m + 1) + j]))
            i++;
        while (j < m && t[i * (m + 1) + j + 1] == t[i * (m + 1) + j])
            j++;
        marked += mark_words(a, from + i0, from + i) + mark_words(b, from + j0, from + j);
        if (i < n && j < m) { /* a common word */
            i++;
            j++;
        }
    }
    free(t);
    return marked;
}

size_t diff_words(const char *a, const char *b, unsigned char *mark_a, unsigned char *mark_b)
{
    struct words x = {0}, y = {0};
    size_t begin = 0, end = 0, marked = 0;

    if (split(&x, a, mark_a) + split(&y, b, mark_b) == 0) {
        while (begin < x.n && begin < y.n && same(x.v[begin], y.v[begin]))
            begin++;
        while (end < x.n - begin && end < y.n - begin &&
               same(x.v[x.n - 1 - end], y.v[y.n - 1 - end]))
            end++;
        marked = mark_middle(&x, &y, begin, x.n - begin - end, y.n - begin - end);
    }
    free(x.v);
    free(y.v);
    return marked;
}

/* One line, in runs of equal marks. */
static bool draw_line(const struct view *v, int x, int y, unsigned style, unsigned changed,
                      const char *s, const unsigned char *mark, size_t len)
{
    bool any = false;

    for (size_t i = 0, n; i < len; i += n) {
        bool on = mark && mark[i];

        for (n = 1; i + n < len && (mark && mark[i + n]) == on; n++)
            ;
        x = draw_bytes(v, x, y, on ? changed : style, s + i, n);
        any = any || on;
    }
    return any;
}

int diff_draw(const struct view *v, int x, int y, int w, unsigned style, unsigned changed,
              char gutter, const char *s, const unsigned char *mark, int skip)
{
    size_t n = strlen(s), len, at = 0;
    struct view part;

    w = w > 3 ? w - 2 : 1;
    while (at < n && y < v->h) {
        size_t took = text_line(s + at, n - at, w, v->c->utf8, &len);

        if (skip > 0) {
            skip--;
        } else {
            part = view_part(v, x + 2, y, w, 1);
            if (draw_line(&part, 0, 0, style, changed, s + at, mark ? mark + at : NULL, len))
                draw_glyph(v, x, y, changed, (unsigned char)gutter);
            y++;
        }
        at += took;
    }
    return y;
}
