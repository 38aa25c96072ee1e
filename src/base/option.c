/* option.c - reading, setting and showing values as the rows of an option table say. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/name.h"
#include "base/option.h"
#include "base/utf8.h"

static const double INT_LIMIT = 9007199254740992.0; /* 2^53 */

/* A value between its text or JSON and its field; `text` is borrowed. */
struct value {
    double number;    /* also 0 or 1, or the index of a choice */
    int64_t whole;    /* OPTION_INT */
    uint64_t natural; /* OPTION_SEED */
    bool is_whole, is_natural;
    const char *text;
};

/* ---- Fields ---- */

static void *field(const struct option_row *row, void *base)
{
    return (char *)base + row->offset;
}

static const void *field_const(const struct option_row *row, const void *base)
{
    return (const char *)base + row->offset;
}

static int store_text(char **to, const char *text, struct vac_err *err)
{
    char *copy = NULL;

    if (text && !(copy = mem_strdup(text, err)))
        return -1;
    free(*to);
    *to = copy;
    return 0;
}

static int store(const struct option_row *row, void *base, const struct value *v,
                 struct vac_err *err)
{
    void *to = field(row, base);

    switch (row->type) {
    case OPTION_NUM:
        *(double *)to = v->number;
        return 0;
    case OPTION_INT:
        *(int64_t *)to = v->whole;
        return 0;
    case OPTION_SEED:
        *(uint64_t *)to = v->natural;
        return 0;
    case OPTION_BOOL:
        *(bool *)to = v->number != 0;
        return 0;
    case OPTION_CHOICE:
        *(int *)to = (int)v->number;
        return 0;
    case OPTION_STRING:
        return store_text(to, v->text, err);
    }
    return 0;
}

/* All strings are set to nothing first, so that option_free is right after a failure. */
int option_defaults(const struct option_row *rows, void *base, struct vac_err *err)
{
    for (const struct option_row *r = rows; r->name; r++)
        if (r->type == OPTION_STRING)
            *(char **)field(r, base) = NULL;
    for (const struct option_row *r = rows; r->name; r++) {
        struct value v = {.number = r->def, .text = r->def_text};

        if (r->type == OPTION_INT)
            v.whole = (int64_t)r->def;
        if (r->type == OPTION_SEED)
            v.natural = (uint64_t)r->def;
        if (store(r, base, &v, err))
            return -1;
    }
    return 0;
}

void option_free(const struct option_row *rows, void *base)
{
    for (const struct option_row *r = rows; base && r->name; r++)
        if (r->type == OPTION_STRING)
            store_text(field(r, base), NULL, NULL);
}

const struct option_row *option_find(const struct option_row *rows, const char *name)
{
    for (; rows->name; rows++)
        if (!strcmp(rows->name, name))
            return rows;
    return NULL;
}

/* ---- What a row allows ---- */

static bool in_range(const struct option_row *row, double x)
{
    if (!isfinite(x))
        return false;
    return (row->min == 0 && row->max == 0) || (x >= row->min && x <= row->max);
}

static bool find_choice(const struct option_row *row, const char *text, double *number)
{
    for (size_t i = 0; row->choices[i]; i++)
        if (!strcmp(row->choices[i], text)) {
            *number = (double)i;
            return true;
        }
    return false;
}

static void wants_bounds(const struct option_row *row, struct strbuf *out)
{
    if (row->min == 0 && row->max == 0)
        return;
    if (isfinite(row->min) && isfinite(row->max)) {
        sb_puts(out, " from ");
        sb_num(out, row->min);
        sb_puts(out, " to ");
        sb_num(out, row->max);
    } else if (isfinite(row->min) || isfinite(row->max)) {
        sb_puts(out, isfinite(row->min) ? " of at least " : " of at most ");
        sb_num(out, isfinite(row->min) ? row->min : row->max);
    }
}

void option_wants(const struct option_row *row, struct strbuf *out)
{
    static const char *const plain[] = {
        [OPTION_NUM] = "a number",
        [OPTION_INT] = "a whole number",
        [OPTION_BOOL] = "true or false",
        [OPTION_STRING] = "text",
        [OPTION_CHOICE] = "one of ",
        [OPTION_SEED] = "a whole number from 0 to 18446744073709551615",
    };

    sb_puts(out, plain[row->type]);
    if (row->type == OPTION_NUM || row->type == OPTION_INT)
        wants_bounds(row, out);
    for (size_t i = 0; row->type == OPTION_CHOICE && row->choices[i]; i++) {
        sb_puts(out, i ? ", " : "");
        sb_puts(out, row->choices[i]);
    }
}

/* "expected WANTS, found ...": the sentence up to the comma, and the nearest choice for its end. */
struct complaint {
    struct strbuf wants;
    const char *near; /* NULL when there is none */
};

static struct complaint complain(const struct option_row *row, const char *text)
{
    struct complaint c = {0};

    option_wants(row, &c.wants);
    sb_puts(&c.wants, "");
    if (row->type == OPTION_CHOICE && text)
        c.near = err_nearest(text, name_word, row->choices);
    return c;
}

/* ---- From JSON ---- */

static int wrong_json(const struct option_row *row, const struct jnode *n, struct vac_err *err)
{
    struct complaint c = complain(row, cJSON_GetStringValue(n->v));

    if (c.near)
        json_error(n, err, "expected %s, found \"%.40s\" (did you mean \"%s\"?)",
                   c.wants.bad ? row->help : c.wants.s, n->v->valuestring, c.near);
    else
        json_wrong(n, c.wants.bad ? row->help : c.wants.s, err);
    sb_done(&c.wants);
    return -1;
}

/* Whether the JSON value is one that the row allows; then *v. */
static bool value_of_json(const struct option_row *row, const cJSON *j, struct value *v)
{
    switch (row->type) {
    case OPTION_NUM:
        v->number = j->valuedouble;
        return cJSON_IsNumber(j) && in_range(row, v->number);
    case OPTION_INT:
        return json_whole(j, &v->whole) && in_range(row, (double)v->whole);
    case OPTION_SEED:
        return json_natural(j, &v->natural);
    case OPTION_BOOL:
        v->number = cJSON_IsTrue(j);
        return cJSON_IsBool(j);
    case OPTION_STRING:
        v->text = j->valuestring;
        return cJSON_IsString(j);
    case OPTION_CHOICE:
        return cJSON_IsString(j) && find_choice(row, j->valuestring, &v->number);
    }
    return false;
}

static int read_row(const struct option_row *row, const struct jnode *obj, void *base,
                    struct vac_err *err)
{
    struct value v = {0};
    struct jnode n;
    int rc = json_opt(obj, row->name, JSON_ANY, &n, err);

    if (rc < 0)
        return -1;
    if (rc > 0 && row->required) {
        struct complaint c = complain(row, NULL);

        json_error(obj, err, "\"%s\" is missing (%s)", row->name, c.wants.bad ? "" : c.wants.s);
        sb_done(&c.wants);
        return -1;
    }
    if (rc > 0)
        return 0;
    if (!value_of_json(row, n.v, &v))
        return wrong_json(row, &n, err);
    return store(row, base, &v, err);
}

int option_read(const struct option_row *rows, const struct jnode *obj, void *base,
                struct vac_err *err)
{
    for (; rows->name; rows++)
        if (read_row(rows, obj, base, err))
            return -1;
    return 0;
}

/* ---- From text ---- */

/* The point is a point whatever the locale says; words and hexadecimal are refused. */
static bool parse_number(const char *text, double *x)
{
    locale_t c;
    char *end;

    if (!text[0] || text[strspn(text, "+-.0123456789eE")])
        return false;
    c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c)
        return false;
    *x = strtod_l(text, &end, c);
    freelocale(c);
    return end != text && !*end;
}

/* Digits, all of which count; or a number like 1e6 that is whole. */
static bool parse_whole(const char *text, struct value *v)
{
    const char *digits = text + (text[0] == '-' || text[0] == '+');
    double x;

    errno = 0;
    if (*digits && !digits[strspn(digits, "0123456789")]) {
        v->natural = strtoull(text, NULL, 10);
        v->is_natural = !errno && text[0] != '-';
        errno = 0;
        v->whole = strtoll(text, NULL, 10);
        v->is_whole = !errno;
        return v->is_whole || v->is_natural;
    }
    if (!parse_number(text, &x) || x != floor(x) || fabs(x) >= INT_LIMIT)
        return false;
    v->whole = (int64_t)x;
    v->natural = x < 0 ? 0 : (uint64_t)x;
    v->is_whole = true;
    v->is_natural = x >= 0;
    return true;
}

static bool parse_bool(const char *text, double *number)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(text, words[i])) {
            *number = (double)(i % 2);
            return true;
        }
    return false;
}

/* An empty text is no text, which is how option_text shows a string that is not set. */
static bool value_of_text(const struct option_row *row, const char *text, struct value *v)
{
    switch (row->type) {
    case OPTION_NUM:
        return parse_number(text, &v->number) && in_range(row, v->number);
    case OPTION_INT:
        return parse_whole(text, v) && v->is_whole && in_range(row, (double)v->whole);
    case OPTION_SEED:
        return parse_whole(text, v) && v->is_natural;
    case OPTION_BOOL:
        return parse_bool(text, &v->number);
    case OPTION_STRING:
        v->text = text[0] ? text : NULL;
        return (text[0] || !row->required) && utf8_valid(text, strlen(text)) == strlen(text);
    case OPTION_CHOICE:
        return find_choice(row, text, &v->number);
    }
    return false;
}

/* How many bytes of a text to quote: at most 40 and whole characters. */
static int quoted(const char *text)
{
    size_t n = strlen(text), len = 0;
    uint32_t cp;

    while (len < n && len < 40) {
        size_t k = utf8_get(text + len, n - len, &cp);

        len += k ? k : 1;
    }
    return (int)len;
}

static int wrong_text(const struct option_row *row, const char *text, const char *where,
                      struct vac_err *err)
{
    struct complaint c = complain(row, text);

    err_set(err, VAC_ERR_USAGE, "%s%sexpected %s, found \"%.*s\"%s%s%s", where ? where : "",
            where ? ": " : "", c.wants.bad ? row->help : c.wants.s, quoted(text), text,
            c.near ? " (did you mean \"" : "", c.near ? c.near : "", c.near ? "\"?)" : "");
    sb_done(&c.wants);
    return -1;
}

/* The text without spaces around it, except where spaces may be meant. */
int option_set(const struct option_row *row, const char *text, void *base, const char *where,
               struct vac_err *err)
{
    struct value v = {0};
    char *copy = mem_strdup(text, err), *s = copy;
    size_t n;
    int rc;

    if (!copy)
        return -1;
    if (row->type != OPTION_STRING) {
        s += strspn(s, " \t\n");
        for (n = strlen(s); n > 0 && strchr(" \t\n", s[n - 1]); n--)
            s[n - 1] = '\0';
    }
    if (value_of_text(row, s, &v))
        rc = store(row, base, &v, err);
    else
        rc = wrong_text(row, s, where, err);
    free(copy);
    return rc;
}

int option_check(const struct option_row *row, const char *text, const char *where,
                 struct vac_err *err)
{
    union {
        double num;
        int64_t whole;
        bool yes;
        char *text;
        int choice;
    } value = {0};
    struct option_row one[2] = {*row, {.name = NULL}};
    int rc;

    one[0].offset = 0;
    rc = option_set(&one[0], text, &value, where, err);
    option_free(one, &value);
    return rc;
}

/* ---- To text ---- */

static const char *choice_name(const struct option_row *row, int i)
{
    for (int k = 0; row->choices[k]; k++)
        if (k == i)
            return row->choices[k];
    return "?";
}

/* The text of a value, quoted where JSON needs it. */
static void show(const struct option_row *row, const void *base, bool json, struct strbuf *out)
{
    const void *from = field_const(row, base);
    const char *text = NULL;

    if (row->type == OPTION_NUM)
        sb_num(out, *(const double *)from);
    else if (row->type == OPTION_INT)
        sb_printf(out, "%lld", (long long)*(const int64_t *)from);
    else if (row->type == OPTION_SEED)
        sb_printf(out, "%llu", (unsigned long long)*(const uint64_t *)from);
    else if (row->type == OPTION_BOOL)
        sb_puts(out, *(const bool *)from ? "true" : "false");
    else if (row->type == OPTION_CHOICE)
        text = choice_name(row, *(const int *)from);
    else if (!(text = *(char *const *)from))
        sb_puts(out, json ? "null" : "");
    if (text && json) {
        sb_putc(out, '"');
        sb_json(out, text, strlen(text));
        sb_putc(out, '"');
    } else if (text) {
        sb_puts(out, text);
    }
}

void option_text(const struct option_row *row, const void *base, struct strbuf *out)
{
    show(row, base, false, out);
}

void option_json(const struct option_row *row, const void *base, struct strbuf *out)
{
    show(row, base, true, out);
}
