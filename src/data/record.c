/* record.c - fields by name, from a table or from JSON. */
#include "data/record.h"
#include "base/kind.h"
#include "data/unpack.h"
#include "data/format.h"
#include "base/utf8.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- what the file is --- */

static size_t skip_space(const struct mapping *m, size_t at)
{
    while (at < m->len && strchr(" \t\r\n", m->data[at]) && m->data[at])
        at++;
    return at;
}

/* A bracket and what must follow it in JSON, so that a table may begin with a bracket, too. */
static bool is_json(const struct mapping *m)
{
    size_t at = skip_space(m, m->len >= 3 && !memcmp(m->data, "\xef\xbb\xbf", 3) ? 3 : 0), next;

    if (at == m->len || (m->data[at] != '{' && m->data[at] != '['))
        return false;
    next = skip_space(m, at + 1);
    if (next == m->len)
        return true;
    return m->data[at] == '{' ? m->data[next] == '"' || m->data[next] == '}'
                              : m->data[next] == '{' || m->data[next] == ']';
}

static int find_kind(struct record *r, const char *path, struct vac_err *err)
{
    struct mapping m;
    int rc;

    if (unpack_open(&m, path, err))
        return -1;
    rc = kind_refuse(path, m.data, m.len, KIND_ROWS, err);
    r->json = !rc && is_json(&m);
    map_close(&m);
    return rc;
}

int record_open(struct record *r, const char *path, struct vac_err *err)
{
    *r = (struct record){0};
    if (find_kind(r, path, err))
        return -1;
    return r->json ? row_reader_open(&r->rows, path, err) : csv_open(&r->csv, path, err);
}

void record_close(struct record *r)
{
    row_reader_close(&r->rows);
    csv_close(&r->csv);
    arena_done(&r->names);
    *r = (struct record){0};
}

/* --- names and records --- */

/* Of a text quoted in a message: at most 40 bytes, whole characters. */
static int short_length(const char *s)
{
    return (int)utf8_valid(s, strnlen(s, 40));
}

void record_literal(struct record *r)
{
    if (r->csv.separator == '\t')
        r->csv.quotes = CSV_LITERAL;
}

static int copy_names(struct record *r, struct vac_err *err)
{
    const char **name = arena_alloc(&r->names, r->csv.n, sizeof *name, err);

    if (!name)
        return -1;
    r->column = name;
    r->n_columns = r->csv.n;
    for (size_t i = 0; i < r->csv.n; i++) {
        name[i] = arena_strndup(&r->names, r->csv.field[i].text, strlen(r->csv.field[i].text), err);
        if (!name[i])
            return -1;
    }
    return 0;
}

int record_header(struct record *r, struct vac_err *err)
{
    int rc = csv_next(&r->csv, err);

    if (rc == 0)
        return err_set(err, VAC_ERR_FORMAT, "%s: holds no rows", r->csv.path);
    if (rc < 0 || copy_names(r, err))
        return -1;
    r->header = true;
    return 0;
}

static int check_name(const struct record *r, size_t i, struct vac_err *err)
{
    for (size_t k = 0; k < i; k++)
        if (*r->column[i] && !strcmp(r->column[i], r->column[k]))
            return csv_error(&r->csv, &r->csv.field[i], err, "a second column \"%.*s\": rename one",
                             short_length(r->column[i]), r->column[i]);
    return 0;
}

int record_unique(const struct record *r, struct vac_err *err)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (check_name(r, i, err))
            return -1;
    return 0;
}

void record_columns(struct record *r, const char *const *names)
{
    r->column = names;
    r->n_columns = 0;
    while (names[r->n_columns])
        r->n_columns++;
}

/* Later records have as many fields as the first one, which with a header is that. */
int record_next(struct record *r, struct vac_err *err)
{
    int rc;

    if (r->json)
        return row_reader_next_object(&r->rows, &r->object, err);
    rc = csv_next(&r->csv, err);
    if (rc > 0 && r->csv.n != r->n_columns)
        return err_set(err, VAC_ERR_FORMAT, "%s:%zu: %zu columns where %zu are needed", r->csv.path,
                       r->csv.line, r->csv.n, r->n_columns);
    return rc;
}

/* --- fields --- */

/* The index of a column, or n_columns. */
static size_t find_column(const struct record *r, const char *name)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (!strcmp(r->column[i], name))
            return i;
    for (size_t i = 0; i < r->n_columns; i++)
        if (!strcasecmp(r->column[i], name))
            return i;
    return r->n_columns;
}

bool record_has(const struct record *r, const char *name)
{
    if (r->json)
        return format_has(&r->object, name);
    return find_column(r, name) < r->n_columns;
}

const char *record_first(const struct record *r, const char *const *names)
{
    while (*names && !record_has(r, *names))
        names++;
    return *names;
}

int record_error(const struct record *r, const char *name, struct vac_err *err, const char *fmt,
                 ...)
{
    char what[sizeof err->msg];
    va_list ap;
    size_t i;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    i = name && !r->json ? find_column(r, name) : r->n_columns;
    if (!r->json && i < r->csv.n)
        return csv_error(&r->csv, &r->csv.field[i], err, "%s: %s", r->column[i], what);
    if (r->json && name && record_has(r, name)) {
        struct jnode at = {.up = &r->object, .file = r->object.file, .key = name};

        return json_error(&at, err, "%s", what);
    }
    if (r->json)
        return json_error(&r->object, err, "%s", what);
    return err_set(err, VAC_ERR_FORMAT, "%s:%zu: %s", r->csv.path, r->csv.line, what);
}

static int no_column(const struct record *r, const char *name, struct vac_err *err)
{
    struct strbuf names = {0};

    record_names(r, &names);
    err_set(err, VAC_ERR_FORMAT, "%s: there is no column \"%s\": the first line names %s",
            r->csv.path, name, names.s ? names.s : "unknown");
    sb_done(&names);
    return -1;
}

static int copy(const char *s, const char **out, struct arena *a, struct vac_err *err)
{
    *out = arena_strndup(a, s, strlen(s), err);
    return *out ? 0 : -1;
}

static int table_text(const struct record *r, const char *name, const char **out, struct arena *a,
                      struct vac_err *err)
{
    size_t i = find_column(r, name);

    if (i >= r->csv.n)
        return no_column(r, name, err);
    return copy(r->csv.field[i].text, out, a, err);
}

int record_text(const struct record *r, const char *name, const char **out, struct arena *a,
                struct vac_err *err)
{
    const char *s;

    if (!r->json)
        return table_text(r, name, out, a, err);
    return json_str(&r->object, name, &s, err) ? -1 : copy(s, out, a, err);
}

int record_opt_text(const struct record *r, const char *name, const char **out, struct arena *a,
                    struct vac_err *err)
{
    const char *s = "";

    if (!r->json && record_has(r, name))
        return table_text(r, name, out, a, err);
    if (r->json && json_opt_str(&r->object, name, &s, err))
        return -1;
    return copy(s, out, a, err);
}

int record_scalar(const struct record *r, const char *name, const char **out, struct arena *a,
                  struct vac_err *err)
{
    const cJSON *v = r->json ? cJSON_GetObjectItemCaseSensitive(r->object.v, name) : NULL;
    struct strbuf number = {0};
    int rc;

    if (cJSON_IsNull(v))
        return copy("", out, a, err);
    if (cJSON_IsBool(v))
        return copy(cJSON_IsTrue(v) ? "true" : "false", out, a, err);
    if (!cJSON_IsNumber(v) || !isfinite(v->valuedouble))
        return record_text(r, name, out, a, err);
    json_number(v, &number);
    rc = sb_ok(&number, err) ? -1 : copy(number.s, out, a, err);
    sb_done(&number);
    return rc;
}

static bool cell_has_text(const struct record *r, size_t i)
{
    return i < r->n_columns && !utf8_is_blank(r->csv.field[i].text);
}

int record_choose(const struct record *r, const char *const *names, const char **out,
                  struct vac_err *err)
{
    if (r->json)
        return format_choose(&r->object, names, out, err);
    *out = record_first(r, names);
    for (; *names; names++) {
        if (!cell_has_text(r, find_column(r, *names)) || !strcmp(*out, *names))
            continue;
        if (cell_has_text(r, find_column(r, *out)))
            return record_error(r, *names, err, "\"%s\" holds text, too: keep one of them", *out);
        *out = *names;
    }
    return 0;
}

int record_unread(const struct record *r, const char *const *reads, struct vac_err *err)
{
    if (r->json)
        return format_unread(&r->object, reads, NULL, err);
    for (size_t i = 0; i < r->n_columns; i++) {
        const char *const *read = reads;

        while (*read && strcasecmp(*read, r->column[i]))
            read++;
        if (!*read && !format_is_note(r->column[i]) && cell_has_text(r, i))
            return record_error(r, r->column[i], err,
                                "is not read here, and its text would be lost: use format table "
                                "and name the columns that count");
    }
    return 0;
}

static int wrong_choice(const struct record *r, const char *name, const char *const *values,
                        const char *found, struct vac_err *err)
{
    struct strbuf list = {0};

    for (size_t i = 0; values[i]; i++)
        sb_printf(&list, "%s%s", i == 0 ? "" : values[i + 1] ? ", " : " or ", values[i]);
    if (!sb_ok(&list, err))
        record_error(r, name, err, "expected %s, found \"%.*s\"", list.s, short_length(found),
                     found);
    sb_done(&list);
    return -1;
}

int record_choice(const struct record *r, const char *name, const char *const *values, size_t *out,
                  struct vac_err *err)
{
    struct arena a = {0};
    const char *found;
    int rc = record_scalar(r, name, &found, &a, err);
    size_t i = 0;

    while (!rc && values[i] && strcmp(values[i], found))
        i++;
    if (!rc && !values[i])
        rc = wrong_choice(r, name, values, found, err);
    *out = i;
    arena_done(&a);
    return rc;
}

void record_names(const struct record *r, struct strbuf *out)
{
    enum { LONG = 200 };
    const cJSON *v = r->json && r->object.v ? r->object.v->child : NULL;
    const char *name;

    for (size_t i = 0; r->json ? v != NULL : i < r->n_columns; i++) {
        if (i)
            sb_puts(out, ", ");
        if (out->len > LONG) {
            sb_puts(out, "...");
            return;
        }
        name = r->json ? v->string : r->column[i];
        sb_put(out, name, (size_t)short_length(name));
        v = v ? v->next : NULL;
    }
}
