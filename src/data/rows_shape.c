/* rows_shape.c - how the rows of a file lie in it: JSON lines, an array, a list inside one object,
 * or objects over several lines; and what is said of files that are nothing of these.
 *
 * Only the first object is looked at, by a scanner that knows strings and brackets. */
#include "data/rows_shape.h"
#include "data/format.h"
#include <string.h>

size_t rows_skip_space(const char *s, size_t n, size_t at)
{
    while (at < n && (s[at] == ' ' || s[at] == '\t' || s[at] == '\r' || s[at] == '\n'))
        at++;
    return at;
}

size_t rows_string_end(const char *s, size_t n, size_t at)
{
    for (at++; at < n && s[at] != '"'; at++)
        if (s[at] == '\\')
            at++;
    return at < n ? at + 1 : n;
}

size_t rows_object_end(const char *s, size_t n, size_t at)
{
    size_t depth = 0;

    while (at < n) {
        char c = s[at];

        if (c == '"') {
            at = rows_string_end(s, n, at);
            continue;
        }
        at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return at;
    }
    return 0;
}

/* A member of the first object, not parsed. */
struct member {
    const char *key;
    size_t key_len, value; /* offset of the value */
};

/* The member at *at, which moves behind it; false at the end or at what is no member. */
static bool next_member(const char *s, size_t n, size_t *at, struct member *m)
{
    size_t p = rows_skip_space(s, n, *at), end;

    if (p < n && s[p] == ',')
        p = rows_skip_space(s, n, p + 1);
    if (p == n || s[p] != '"')
        return false;
    end = rows_string_end(s, n, p);
    m->key = s + p + 1;
    m->key_len = end > p + 1 ? end - p - 2 : 0;
    p = rows_skip_space(s, n, end);
    if (p == n || s[p] != ':')
        return false;
    m->value = rows_skip_space(s, n, p + 1);
    *at = m->value;
    if (*at < n && (s[*at] == '{' || s[*at] == '['))
        *at = rows_object_end(s, n, *at);
    else if (*at < n && s[*at] == '"')
        *at = rows_string_end(s, n, *at);
    else
        while (*at < n && s[*at] != ',' && s[*at] != '}')
            ++*at;
    return *at > 0;
}

static bool is_key(const struct member *m, const char *name)
{
    return strlen(name) == m->key_len && !memcmp(m->key, name, m->key_len);
}

/* Some format reads the key: the object is a row. */
static bool is_row_key(const struct member *m)
{
    const struct format *f;

    for (size_t i = 0; (f = format_at(i)); i++)
        for (size_t k = 0; f->reads[k]; k++)
            if (is_key(m, f->reads[k]))
                return true;
    return false;
}

/* What the members of the first object are. */
struct members {
    struct member list[2]; /* the first lists of objects */
    size_t lists, rows;    /* how many of these there are; of keys that rows have */
    bool columns;          /* a key that holds a text in every row holds a list or an object */
};

static void look_at_member(struct members *x, const char *s, size_t n, const struct member *m)
{
    static const char *const texts[] = {"instruction", "output",     "prompt",
                                        "response",    "completion", "text"};
    size_t inside = rows_skip_space(s, n, m->value + 1);

    x->rows += is_row_key(m);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        x->columns |= is_key(m, texts[i]) && (s[m->value] == '[' || s[m->value] == '{') &&
                      inside < n && s[inside] == '"';
    if (s[m->value] != '[' || inside >= n || s[inside] != '{')
        return;
    if (x->lists < 2)
        x->list[x->lists] = *m;
    x->lists++;
}

static int refuse_lists(const char *path, const struct members *x, struct vac_err *err)
{
    return err_set(err, VAC_ERR_FORMAT,
                   "%s: holds several lists of rows (\"%.*s\", \"%.*s\"%s): put the one that is "
                   "meant into a file of its own",
                   path, (int)x->list[0].key_len, x->list[0].key, (int)x->list[1].key_len,
                   x->list[1].key, x->lists > 2 ? ", ..." : "");
}

/* The file is one object that begins at `at`: a row, or what holds the rows. */
static int look_inside(const char *path, const char *s, size_t n, size_t at, struct rows_shape *out,
                       struct vac_err *err)
{
    struct members x = {.lists = 0};
    struct member m;

    for (at++; next_member(s, n, &at, &m) && m.value < n;)
        look_at_member(&x, s, n, &m);
    if (x.columns)
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: holds columns, not rows: write a row at a time (with pandas: "
                       "to_json(NEW, orient='records', lines=True))",
                       path);
    if (x.rows || x.lists == 0)
        return 0;
    if (x.lists > 1)
        return refuse_lists(path, &x, err);
    out->array = true;
    out->from = x.list[0].value;
    out->end = rows_object_end(s, n, out->from);
    return 0;
}

/* A line with separators, and no JSON. */
static bool is_table(const char *s, size_t n, size_t at)
{
    const char *newline;
    size_t len;

    at = rows_skip_space(s, n, at);
    newline = at < n && !strchr("{[", s[at]) ? memchr(s + at, '\n', n - at) : NULL;
    len = newline ? (size_t)(newline - s) - at : 0;
    return newline &&
           (memchr(s + at, ',', len) || memchr(s + at, '\t', len) || memchr(s + at, ';', len));
}

/* A table's first line; the command is one that takes any table. */
static int refuse_text(const char *path, const char *s, size_t n, size_t at, struct vac_err *err)
{
    const char *newline = memchr(s + at, '\n', n - at);
    size_t len = newline ? (size_t)(newline - s) - at : n - at;
    size_t short_len = len < 80 ? len : 80;

    if (!is_table(s, n, at))
        return 0;
    if (len && s[at + len - 1] == '\r' && short_len == len)
        short_len--;
    return err_set(err, VAC_ERR_FORMAT,
                   "%s: is not JSON; if it is a table, make rows of it: vaccine import table FILE "
                   "--instruction COLUMN --output COLUMN -o NEW.jsonl (its first line: %.*s)",
                   path, (int)short_len, s + at);
}

int rows_shape(const char *path, const char *s, size_t n, size_t at, struct rows_shape *out,
               struct vac_err *err)
{
    size_t end;

    *out = (struct rows_shape){.from = at, .end = n};
    at = rows_skip_space(s, n, at);
    if (at == n)
        return 0;
    if (s[at] == '[') {
        out->array = true;
        out->from = at;
        return 0;
    }
    if (s[at] != '{')
        return refuse_text(path, s, n, at, err);
    end = rows_object_end(s, n, at);
    if (end == 0)
        return 0;
    out->spread = memchr(s + at, '\n', end - at) != NULL;
    return rows_skip_space(s, n, end) == n ? look_inside(path, s, n, at, out, err) : 0;
}
