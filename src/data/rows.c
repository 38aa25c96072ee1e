/* rows.c - reading JSON arrays and JSON lines row by row.
 *
 * The file stays mapped and is cut into rows by a small scanner that knows strings and brackets
 * only; each row is then parsed on its own. The first row decides the format of all. */
#include "data/rows.h"
#include "base/trace.h"
#include "base/kind.h"
#include "data/unpack.h"
#include "base/utf8.h"
#include "data/dataset.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- places in the file, for messages --- */

static const char *text_of(const struct row_reader *r)
{
    return (const char *)r->map.data;
}

static size_t count_lines(const char *s, size_t from, size_t to)
{
    size_t n = 0;

    if (from == to) /* an empty file has no text at all */
        return 0;
    for (const char *p = s + from; p < s + to; p++) {
        p = memchr(p, '\n', (size_t)(s + to - p));
        if (!p)
            break;
        n++;
    }
    return n;
}

/* Moves on, counting the lines passed. */
static void advance(struct row_reader *r, size_t to)
{
    r->line += count_lines(text_of(r), r->at, to);
    r->at = to;
}

/* Where the line of an offset begins, behind a byte order mark. */
static size_t line_start(const struct row_reader *r, size_t offset)
{
    const char *newline = memrchr(text_of(r), '\n', offset);

    return newline ? (size_t)(newline - text_of(r)) + 1 : r->start;
}

static size_t count_characters(const char *s, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)s[i] & 0xc0) != 0x80;
    return count;
}

/* Line and column (in characters, from 1) of an offset at or after r->at. */
static void locate(const struct row_reader *r, size_t offset, size_t *line, size_t *column)
{
    const char *s = text_of(r);
    size_t start = line_start(r, offset);

    *line = r->line + count_lines(s, r->at, offset);
    *column = count_characters(s + start, offset - start) + 1;
}

static int error_at(const struct row_reader *r, size_t offset, struct vac_err *err,
                    const char *what)
{
    size_t line, column;

    locate(r, offset, &line, &column);
    return err_set(err, VAC_ERR_FORMAT, "%s:%zu:%zu: %s", r->path, line, column, what);
}

static int check_utf8(const struct row_reader *r, size_t from, size_t to, struct vac_err *err)
{
    size_t bad = from + utf8_valid(text_of(r) + from, to - from), line, column;

    if (bad == to)
        return 0;
    locate(r, bad, &line, &column);
    return err_set(err, VAC_ERR_FORMAT, "%s:%zu:%zu: invalid UTF-8 byte 0x%02x", r->path, line,
                   column, r->map.data[bad]);
}

/* --- cutting the text into rows --- */

/* The offset behind the JSON value at `at`: of the first comma or closing bracket outside of it. */
static size_t value_end(const char *s, size_t n, size_t at)
{
    size_t depth = 0;

    while (at < n) {
        char c = s[at];

        if (c == '"') {
            at = rows_string_end(s, n, at);
            continue;
        }
        if (depth == 0 && (c == ',' || c == ']' || c == '}'))
            break;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        at++;
    }
    return at;
}

/* What follows an element: a comma and another element, or the end of the array and of the file.
 * 1 = at the next element, 0 = the end. */
static int array_step(struct row_reader *r, struct vac_err *err)
{
    const char *s = text_of(r);
    size_t n = r->shape.end, at = rows_skip_space(s, n, r->at);

    if (at < n && s[at] == ',' && r->index > 0) {
        advance(r, rows_skip_space(s, n, at + 1));
        return 1;
    }
    if (at < n && s[at] == ']') {
        at = rows_skip_space(s, n, at + 1);
        if (at < n)
            return error_at(r, at, err, "text after the end of the array");
        r->ended = true;
        return 0;
    }
    if (at == n)
        return error_at(r, at, err, "the array is not closed: \"]\" is missing");
    if (r->index > 0)
        return error_at(r, at, err, "expected \",\" or \"]\" after a row");
    advance(r, at);
    return 1;
}

/* The extent of the next row; 1, 0 at the end, -1. r->at is then its beginning. */
static int cut_element(struct row_reader *r, size_t *end, struct vac_err *err)
{
    const char *s = text_of(r);
    int rc;

    if (r->ended)
        return 0;
    rc = array_step(r, err);
    if (rc <= 0)
        return rc;
    *end = value_end(s, r->shape.end, r->at);
    while (*end > r->at && rows_skip_space(s, *end, *end - 1) == *end)
        --*end;
    if (*end == r->at)
        return error_at(r, r->at, err, "expected a row");
    return 1;
}

static int cut_line(struct row_reader *r, size_t *end)
{
    const char *s = text_of(r), *newline;

    advance(r, rows_skip_space(s, r->shape.end, r->at));
    if (r->at == r->shape.end)
        return 0;
    if (r->shape.spread && s[r->at] == '{') {
        *end = rows_object_end(s, r->shape.end, r->at);
        *end = *end ? *end : r->shape.end;
        return 1;
    }
    newline = memchr(s + r->at, '\n', r->shape.end - r->at);
    *end = newline ? (size_t)(newline - s) : r->shape.end;
    return 1;
}

/* --- one row --- */

static int set_where(struct row_reader *r, struct vac_err *err)
{
    size_t size = strlen(r->path) + 64;

    if (!r->where) {
        r->where = mem_new(size, 1, err);
        r->where_size = size;
    }
    if (!r->where)
        return -1;
    if (r->shape.array)
        snprintf(r->where, r->where_size, "%s:%zu: row %zu", r->path, r->line, r->index + 1);
    else
        snprintf(r->where, r->where_size, "%s:%zu", r->path, r->line);
    return 0;
}

static void put_keys(struct strbuf *b, const char *const *keys)
{
    for (size_t i = 0; keys[i]; i++) {
        sb_puts(b, i ? ", " : "");
        sb_puts(b, keys[i]);
    }
}

static int unknown_format(const struct jnode *row, struct vac_err *err)
{
    struct strbuf known = {0};
    const struct format *f;

    for (size_t i = 0; (f = format_at(i)) != NULL; i++) {
        sb_puts(&known, i ? "; " : "");
        sb_puts(&known, f->name);
        sb_puts(&known, ": ");
        put_keys(&known, f->keys);
    }
    if (!sb_ok(&known, err))
        err_set(err, VAC_ERR_FORMAT, "%s: the keys are of no known format (%s)", row->file,
                known.s);
    sb_done(&known);
    return -1;
}

/* A later row that is not of the first one's format. */
static int other_format(const struct row_reader *r, const struct jnode *row, struct vac_err *err)
{
    struct strbuf keys = {0};
    size_t i = 0;

    while (r->format->keys[i] && format_has(row, r->format->keys[i]))
        i++;
    put_keys(&keys, r->format->keys);
    if (!sb_ok(&keys, err))
        err_set(err, VAC_ERR_FORMAT,
                "%s: \"%s\" is missing: by its first row the file is %s, whose rows hold %s",
                row->file, r->format->keys[i] ? r->format->keys[i] : r->format->keys[0],
                r->format->name, keys.s);
    sb_done(&keys);
    return -1;
}

/* The row's own "id", a string or a number. */
static int read_id(const struct jnode *row, struct row *out, struct arena *a, struct vac_err *err)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(row->v, "id");
    char number[32];
    const char *s = cJSON_GetStringValue(v);

    if (cJSON_IsNumber(v)) {
        snprintf(number, sizeof number, "%.17g", v->valuedouble);
        s = v->valuestring ? v->valuestring : number; /* all digits, where a double has fewer */
    }
    if (!s)
        return 0;
    out->id = arena_strndup(a, s, strlen(s), err);
    return out->id ? 0 : -1;
}

/* A row is parsed alone. When that fails it is parsed again behind as many spaces as there are
 * characters before it on its line, so that the error's column is that of the file. */
static int parse_row(struct row_reader *r, size_t end, struct vac_err *err)
{
    const char *s = text_of(r) + r->at;
    size_t len = end - r->at, start, pad, size;
    struct vac_err placed = {0};
    char *text;

    r->json = json_parse_line(s, len, r->path, r->line, err);
    if (r->json)
        return 0;
    start = line_start(r, r->at);
    pad = count_characters(text_of(r) + start, r->at - start);
    text = size_add(pad, len, &size) ? NULL : mem_new(size, 1, NULL);
    if (text) {
        memset(text, ' ', pad);
        memcpy(text + pad, s, len);
        cJSON_Delete(json_parse_line(text, size, r->path, r->line, &placed));
    }
    free(text);
    if (placed.code) {
        err_clear(err);
        err_set(err, placed.code, "%s", placed.msg);
    }
    return -1;
}

static int read_row(struct row_reader *r, struct row *out, struct arena *a, struct vac_err *err)
{
    struct jnode row = json_root(r->json, r->where);
    const struct format *f = r->format;
    const char *category;

    for (size_t i = 0; !r->format && (f = format_at(i)); i++)
        r->format = f->detect(&row) ? f : NULL;
    if (!r->format)
        return unknown_format(&row, err);
    if (!r->format->detect(&row))
        return other_format(r, &row, err);
    *out = (struct row){.is_safe = -1, .json = r->json};
    out->line = r->shape.array ? r->index + 1 : r->line;
    if (read_id(&row, out, a, err) || r->format->read(&row, out, a, err))
        return -1;
    /* the row's own category, where the format has no other use for the key */
    category = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row.v, "category"));
    if (!out->category && category && *category &&
        !(out->category = arena_strndup(a, category, strlen(category), err)))
        return -1;
    return format_unread(&row, r->format->reads, out, err);
}

/* The extent of the next row: 1, 0 at the end, -1. */
static int cut_row(struct row_reader *r, size_t *end, struct vac_err *err)
{
    int rc = r->shape.array ? cut_element(r, end, err) : cut_line(r, end);

    if (rc == 0 && r->index == 0)
        return err_set(err, VAC_ERR_FORMAT, "%s: holds no rows", r->path);
    return rc;
}

/* --- tables --- */

/* An object of the record's fields. */
static cJSON *record_object(const struct row_reader *r, struct vac_err *err)
{
    cJSON *row = cJSON_CreateObject();

    for (size_t i = 0; row && i < r->csv.columns; i++)
        if (json_add(row, r->name[i], cJSON_CreateString(r->csv.field[i].text), err)) {
            cJSON_Delete(row);
            return NULL;
        }
    return row;
}

static int next_record(struct row_reader *r, struct vac_err *err)
{
    int rc = csv_next(&r->csv, err);

    r->line = r->csv.line;
    if (rc == 0 && r->index == 0)
        return err_set(err, VAC_ERR_FORMAT, "%s: holds no rows, only a line of names", r->path);
    return rc;
}

/* A table whose first line names what some format needs is read as rows of it: 1; 0 = it does not,
 * and is told as what it is. */
static int open_table(struct row_reader *r, struct vac_err *err)
{
    const struct format *f;
    struct jnode row;
    cJSON *named;
    int rc = csv_open(&r->csv, r->path, NULL) ? 0 : csv_next(&r->csv, NULL) > 0;

    if (rc > 0 && !(r->name = mem_new(r->csv.columns, sizeof *r->name, err)))
        rc = -1;
    for (size_t i = 0; rc > 0 && i < r->csv.columns; i++) {
        r->name[i] = mem_strdup(r->csv.field[i].text, err);
        for (char *c = r->name[i]; c && *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        rc = r->name[i] ? 1 : -1;
        for (size_t k = 0; rc > 0 && k < i; k++)
            rc = strcmp(r->name[i], r->name[k]) ? rc : 0;
    }
    named = rc > 0 ? record_object(r, err) : NULL;
    row = json_root(named, r->path);
    rc = rc > 0 && !named ? -1 : rc;
    for (size_t i = 0; named && (f = format_at(i)) && !r->table; i++)
        r->table = f->detect(&row);
    cJSON_Delete(named);
    return rc < 0 ? -1 : r->table;
}

/* Cuts the next row and parses it, without moving on: 1, 0 at the end, -1. */
static int next_object(struct row_reader *r, size_t *end, struct vac_err *err)
{
    int rc;

    cJSON_Delete(r->json);
    r->json = NULL;
    if (r->table) {
        rc = next_record(r, err);
        if (rc > 0 && (!(r->json = record_object(r, err)) || set_where(r, err)))
            rc = -1;
        return rc;
    }
    rc = cut_row(r, end, err);
    if (rc <= 0)
        return rc;
    if (check_utf8(r, r->at, *end, err) || parse_row(r, *end, err) || set_where(r, err))
        return -1;
    if (!cJSON_IsObject(r->json))
        return err_set(err, VAC_ERR_FORMAT, "%s: a row must be an object {...}", r->where);
    return 1;
}

static void pass_row(struct row_reader *r, size_t end)
{
    if (!r->table)
        advance(r, end);
    r->index++;
}

/* The result, unless the file has changed under it; at the end, all of it is asked about. */
static int believe(struct row_reader *r, int rc, struct vac_err *err)
{
    enum { TOLD_EVERY = 1 << 16 };
    const struct mapping *m = r->table ? &r->csv.map : &r->map;
    size_t at = r->table ? r->csv.at : r->at;

    if (rc > 0 && at - r->told >= TOLD_EVERY) {
        r->told = at;
        if (doing("reading", r->path, at, m->len, err))
            return -1;
    }
    if (rc != 0 && !map_torn(m))
        return rc;
    if (rc < 0)
        err_clear(err);
    return map_check(m, err) ? -1 : rc;
}

int row_reader_pass(struct row_reader *r, struct vac_err *err)
{
    size_t end = 0;
    int rc = r->table ? next_record(r, err) : cut_row(r, &end, err);

    if (rc > 0)
        pass_row(r, end);
    return believe(r, rc, err);
}

int row_reader_next(struct row_reader *r, struct row *out, struct arena *a, struct vac_err *err)
{
    size_t end = 0;
    int rc = next_object(r, &end, err);
    struct vac_err why = {0};

    if (rc > 0 && read_row(r, out, a, &why)) {
        bool odd = why.code == VAC_ERR_UNSUPPORTED;

        rc = odd && r->skip_odd
                 ? ROW_ODD
                 : err_set(err, why.code, "%s%s", why.msg,
                           odd && r->may_skip ? " (\"odd\": \"skip\" passes such rows over)" : "");
    }
    if (rc > 0)
        pass_row(r, end);
    return believe(r, rc, err);
}

int row_reader_next_object(struct row_reader *r, struct jnode *out, struct vac_err *err)
{
    size_t end = 0;
    int rc = next_object(r, &end, err);

    if (rc > 0) {
        *out = json_root(r->json, r->where);
        pass_row(r, end);
    }
    return believe(r, rc, err);
}

/* --- the whole file --- */

static int begin(struct row_reader *r, struct vac_err *err)
{
    const unsigned char *s = r->map.data;
    size_t n = r->map.len, first;

    if (kind_refuse(r->path, s, n, KIND_ROWS, err))
        return -1;
    if (!s)
        return 0;
    if (n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
        r->at = r->start = 3;
    first = rows_skip_space(text_of(r), n, r->at);
    if (first < n && s[first] != '{' && s[first] != '[') { /* one column needs no separator */
        int table = open_table(r, err);

        if (table < 0)
            return -1;
        if (table) {
            map_close(&r->map);
            return 0;
        }
    }
    if (rows_shape(r->path, text_of(r), n, r->at, &r->shape, err))
        return -1;
    advance(r, r->shape.from + r->shape.array);
    return 0;
}

int row_reader_open(struct row_reader *r, const char *path, struct vac_err *err)
{
    *r = (struct row_reader){.line = 1};
    r->path = mem_strdup(path, err);
    if (!r->path || unpack_open(&r->map, path, err) || begin(r, err)) {
        row_reader_close(r);
        return -1;
    }
    return 0;
}

void row_reader_close(struct row_reader *r)
{
    cJSON_Delete(r->json);
    for (size_t i = 0; r->name && i < r->csv.columns; i++)
        free(r->name[i]);
    free(r->name);
    csv_close(&r->csv);
    map_close(&r->map);
    free(r->path);
    free(r->where);
    *r = (struct row_reader){0};
}

int row_reader_draw(const char *path, uint64_t seed, struct draw *out, struct vac_err *err)
{
    struct row_reader in;
    size_t n = 0;
    int rc;

    *out = (struct draw){0};
    if (row_reader_open(&in, path, err))
        return -1;
    while ((rc = row_reader_pass(&in, err)) > 0)
        n++;
    row_reader_close(&in);
    return rc < 0 ? -1 : draw_init(out, n, seed, err);
}

static int keep_rows(struct rows *r, struct row_reader *in, rows_visit *visit, void *ctx,
                     struct vac_err *err)
{
    struct row row;
    size_t cap = 0;
    int rc;

    while ((rc = row_reader_next(in, &row, &r->arena, err)) > 0) {
        if (visit && visit(ctx, &row, r->n, err))
            return -1;
        row.json = NULL;
        if (mem_grow(&r->row, &cap, r->n + 1, sizeof *r->row, err))
            return -1;
        r->row[r->n++] = row;
    }
    r->format = in->format;
    return rc;
}

int rows_read(struct rows *r, const char *path, rows_visit *visit, void *ctx, struct vac_err *err)
{
    struct row_reader in;
    int rc = -1;

    *r = (struct rows){0};
    if (row_reader_open(&in, path, err))
        return -1;
    r->path = mem_strdup(path, err);
    if (r->path)
        rc = keep_rows(r, &in, visit, ctx, err);
    row_reader_close(&in);
    if (rc)
        rows_done(r);
    return rc;
}

int rows_choose(struct rows *r, const struct dataset_spec *spec, struct vac_err *err)
{
    struct draw draw = {0};
    size_t kept = 0;

    if (spec->drawn && draw_init(&draw, r->n, spec->seed, err))
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        size_t place = draw_place(&draw, i);

        if (place >= spec->skip && (!spec->take || place - spec->skip < spec->take))
            r->row[kept++] = r->row[i];
    }
    draw_done(&draw);
    if (kept == 0)
        return err_set(err, VAC_ERR_USAGE, "%s: skip is %zu, but the file holds only %zu rows",
                       r->path, spec->skip, r->n);
    r->n = kept;
    return 0;
}

void rows_done(struct rows *r)
{
    free(r->path);
    free(r->row);
    arena_done(&r->arena);
    *r = (struct rows){0};
}
