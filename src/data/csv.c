/* csv.c - cutting a mapped file into records and fields.
 *
 * The texts of a record's fields are put one behind the other into one buffer; while it still
 * grows, a field's text is kept as an offset in it. */
#include "data/csv.h"
#include "data/unpack.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- places in the file --- */

static const char *text_of(const struct csv_reader *r)
{
    return (const char *)r->map.data;
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* The length of the line end at `at`: \r\n is one. */
static size_t line_end(const struct csv_reader *r, size_t at)
{
    const char *s = text_of(r);

    if (at == r->map.len || !is_line_end(s[at]))
        return 0;
    return s[at] == '\r' && at + 1 < r->map.len && s[at + 1] == '\n' ? 2 : 1;
}

/* Line and column of an offset in the current record. */
static void locate(const struct csv_reader *r, size_t offset, size_t *line, size_t *column)
{
    const char *s = text_of(r);

    *line = r->line;
    *column = 1;
    for (size_t i = r->begin; i < offset; i++) {
        size_t end = line_end(r, i);

        if (end && i + end <= offset) {
            ++*line;
            *column = 1;
            i += end - 1;
        } else if (((unsigned char)s[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

static int error_at(const struct csv_reader *r, size_t offset, struct vac_err *err,
                    const char *what)
{
    size_t line, column;

    locate(r, offset, &line, &column);
    return err_set(err, VAC_ERR_FORMAT, "%s:%zu:%zu: %s", r->path, line, column, what);
}

int csv_error(const struct csv_reader *r, const struct csv_field *f, struct vac_err *err,
              const char *fmt, ...)
{
    char what[sizeof err->msg];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return error_at(r, f->at, err, what);
}

/* --- one field --- */

/* The end of what the current record may take up. */
static size_t record_limit(const struct csv_reader *r)
{
    return r->map.len - r->begin > CSV_RECORD_MAX ? r->begin + CSV_RECORD_MAX : r->map.len;
}

/* Nothing is left, though the record goes on at `at`. */
static int no_end(const struct csv_reader *r, size_t at, bool quoted, struct vac_err *err)
{
    if (quoted && record_limit(r) == r->map.len)
        return error_at(
            r, at, err,
            "the quote that opens this field is never closed: a \" must end it, and a quote "
            "inside it is written \"\"");
    return error_at(
        r, at, err,
        quoted ? "a row of more than 16 MiB from this quote on: is its closing quote missing?"
               : "a row of more than 16 MiB: is this a text table with a row on each line?");
}

static int take_quoted(struct csv_reader *r, size_t *at, struct vac_err *err)
{
    const char *s = text_of(r), *quote;
    size_t open = *at, limit = record_limit(r), from = open + 1;

    for (;;) {
        quote = from < limit ? memchr(s + from, '"', limit - from) : NULL;
        if (!quote)
            return no_end(r, open, true, err);
        *at = (size_t)(quote - s) + 1;
        sb_put(&r->text, s + from, *at - 1 - from);
        if (*at == r->map.len || s[*at] != '"')
            break;
        sb_putc(&r->text, '"');
        from = *at + 1;
    }
    if (*at < r->map.len && s[*at] != r->separator && !is_line_end(s[*at]))
        return error_at(
            r, *at, err,
            "something follows the closing quote: a separator or the end of the line must; a "
            "quote inside a quoted field is written \"\"");
    return 0;
}

static int take_plain(struct csv_reader *r, size_t *at, struct vac_err *err)
{
    const char *s = text_of(r);
    size_t from = *at, limit = record_limit(r), to = from;

    while (to < limit && s[to] != r->separator && !is_line_end(s[to])) {
        if (s[to] == '"' && r->quotes == CSV_QUOTED)
            return error_at(
                r, to, err,
                "a quote inside a field that is not quoted: put the field in quotes and write "
                "\"\" for this one");
        to++;
    }
    if (to == limit && limit < r->map.len)
        return no_end(r, from, false, err);
    sb_put(&r->text, s + from, to - from);
    *at = to;
    return 0;
}

static int take_field(struct csv_reader *r, size_t *at, struct vac_err *err)
{
    bool quoted = r->quotes != CSV_LITERAL && *at < r->map.len && text_of(r)[*at] == '"';

    if (r->n == CSV_COLUMNS_MAX)
        return error_at(r, *at, err, "more than 4096 columns: is the separator right?");
    if (mem_grow(&r->field, &r->cap, r->n + 1, sizeof *r->field, err))
        return -1;
    r->field[r->n++] = (struct csv_field){.text = NULL, .at = *at};
    if (quoted ? take_quoted(r, at, err) : take_plain(r, at, err))
        return -1;
    sb_putc(&r->text, '\0');
    return sb_ok(&r->text, err);
}

/* --- one record --- */

static int check_bytes(const struct csv_reader *r, size_t end, struct vac_err *err)
{
    const char *s = text_of(r) + r->begin, *zero;
    size_t n = end - r->begin, valid = utf8_valid(s, n);

    if (valid < n)
        return error_at(r, r->begin + valid, err, "not valid UTF-8: save the file as UTF-8");
    zero = memchr(s, '\0', n);
    if (zero)
        return error_at(r, r->begin + (size_t)(zero - s), err,
                        "a zero byte: this is no text table");
    return 0;
}

static int check_columns(struct csv_reader *r, struct vac_err *err)
{
    if (r->columns == 0)
        r->columns = r->n;
    if (r->n == r->columns)
        return 0;
    return err_set(
        err, VAC_ERR_FORMAT,
        "%s:%zu: %zu field%s where the first row has %zu: a field that holds %s must be in "
        "quotes",
        r->path, r->line, r->n, r->n == 1 ? "" : "s", r->columns,
        r->separator == '\t' ? "a tab or a line end" : "a separator or a line end");
}

/* Now that the buffer grows no more. The fields lie in it in order, each with a 0 behind it. */
static void set_texts(struct csv_reader *r)
{
    const char *p = r->text.s;

    for (size_t i = 0; i < r->n; i++) {
        r->field[i].text = p;
        p += strlen(p) + 1;
    }
}

static int read_record(struct csv_reader *r, struct vac_err *err)
{
    size_t at = r->begin, unused;

    r->n = 0;
    sb_clear(&r->text);
    for (;;) {
        if (take_field(r, &at, err))
            return -1;
        if (at == r->map.len || text_of(r)[at] != r->separator)
            break;
        at++;
    }
    if (check_bytes(r, at, err) || check_columns(r, err))
        return -1;
    set_texts(r);
    locate(r, at, &r->next_line, &unused);
    r->at = at;
    return 0;
}

/* Over the last record's line end and empty lines. */
static void pass_line_ends(struct csv_reader *r)
{
    size_t n;

    while (r->at < r->map.len && (n = line_end(r, r->at)) > 0) {
        r->at += n;
        r->next_line++;
    }
}

int csv_next(struct csv_reader *r, struct vac_err *err)
{
    int rc;

    pass_line_ends(r);
    r->n = 0;
    if (r->at == r->map.len)
        return map_check(&r->map, err);
    r->begin = r->at;
    r->line = r->next_line;
    rc = read_record(r, err) ? -1 : 1;
    if (!map_torn(&r->map))
        return rc;
    if (rc < 0)
        err_clear(err);
    return map_check(&r->map, err);
}

/* --- the file --- */

/* Tabs win, since text in a tab-separated file is full of commas while a comma-separated one hardly
 * has a tab outside of quotes in its first line. Behind a quote that this line does not close a tab
 * counts when there is nothing else: there, the quote may be itself. */
static char guess_separator(const struct csv_reader *r)
{
    const char *s = text_of(r);
    bool quoted = false, comma = false, semicolon = false, hidden = false;

    for (size_t i = r->at; i < r->map.len && !is_line_end(s[i]); i++) {
        if (s[i] == '"')
            quoted = !quoted;
        else if (s[i] == '\t' && !quoted)
            return '\t';
        hidden |= s[i] == '\t';
        comma |= s[i] == ',' && !quoted;
        semicolon |= s[i] == ';' && !quoted;
    }
    if (quoted && hidden && !comma && !semicolon)
        return '\t';
    return semicolon && !comma ? ';' : ',';
}

int csv_open(struct csv_reader *r, const char *path, struct vac_err *err)
{
    *r = (struct csv_reader){.next_line = 1, .line = 1};
    r->path = mem_strdup(path, err);
    if (!r->path || unpack_open(&r->map, path, err)) {
        csv_close(r);
        return -1;
    }
    if (r->map.len >= 3 && !memcmp(r->map.data, "\xef\xbb\xbf", 3))
        r->at = 3;
    r->separator = guess_separator(r);
    r->quotes = r->separator == '\t' ? CSV_RELAXED : CSV_QUOTED;
    return 0;
}

void csv_close(struct csv_reader *r)
{
    map_close(&r->map);
    sb_done(&r->text);
    free(r->path);
    free(r->field);
    *r = (struct csv_reader){0};
}
