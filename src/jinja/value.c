/* value.c - values as Python has them: truth, order, printing, and JSON. */
#include "jinja/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

enum { NESTED_MAX = 100 };

/* --- making --- */

static struct value *make(struct eval *e, struct value v)
{
    struct value *x = take(e, 1, sizeof *x);

    if (!x)
        return failed();
    *x = v;
    return x;
}

struct value *v_undefined(struct eval *e, struct str name)
{
    return make(e, (struct value){.kind = V_UNDEFINED, .s = name});
}

struct value *v_none(struct eval *e)
{
    return make(e, (struct value){.kind = V_NONE});
}

struct value *v_bool(struct eval *e, bool b)
{
    return make(e, (struct value){.kind = V_BOOL, .i = b});
}

struct value *v_int(struct eval *e, int64_t i)
{
    return make(e, (struct value){.kind = V_INT, .i = i});
}

struct value *v_float(struct eval *e, double f)
{
    return make(e, (struct value){.kind = V_FLOAT, .f = f});
}

struct value *v_str(struct eval *e, const char *s, size_t n)
{
    char *copy = take(e, n + 1, 1);

    if (!copy)
        return v_none(e);
    memcpy(copy, s, n);
    return make(e, (struct value){.kind = V_STR, .s = {copy, n}});
}

struct value *v_take_str(struct eval *e, struct strbuf *b)
{
    struct value *v;

    if (b->bad)
        fail_as(e, VAC_ERR_MEMORY, "out of memory");
    v = v_str(e, b->s ? b->s : "", b->len);
    sb_done(b);
    return v;
}

struct value *v_list(struct eval *e, size_t cap)
{
    struct value *v = make(e, (struct value){.kind = V_LIST});

    if (cap && !e->failed && (v->item = take(e, cap, sizeof *v->item)))
        v->cap = cap;
    return v;
}

struct value *v_dict(struct eval *e, enum value_kind kind)
{
    return make(e, (struct value){.kind = kind});
}

/* Room for one more of n things of a size; the arena keeps the old ones. */
static void *grown(struct eval *e, void *old, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap ? 2 * *cap : 4;
    void *p;

    if (n < *cap)
        return old;
    p = take(e, more, size);
    if (p && n)
        memcpy(p, old, n * size);
    if (p)
        *cap = more;
    return p;
}

void list_push(struct eval *e, struct value *list, struct value *x)
{
    struct value **at = e->failed ? NULL : grown(e, list->item, list->n, &list->cap, sizeof *at);

    if (!at)
        return;
    list->item = at;
    list->item[list->n++] = x;
}

void dict_put(struct eval *e, struct value *dict, struct value *key, struct value *x)
{
    struct pair *at;

    if (e->failed || !work(e, dict->n + 1))
        return;
    for (size_t i = 0; i < dict->n; i++) {
        if (v_equal(e, dict->pair[i].key, key)) {
            dict->pair[i].value = x;
            return;
        }
    }
    at = grown(e, dict->pair, dict->n, &dict->cap, sizeof *at);
    if (!at)
        return;
    dict->pair = at;
    dict->pair[dict->n++] = (struct pair){key, x};
}

struct value *dict_get(struct eval *e, const struct value *dict, struct str key)
{
    (void)e;
    for (size_t i = 0; i < dict->n; i++) {
        const struct value *k = dict->pair[i].key;
        if (k->kind == V_STR && k->s.n == key.n && !memcmp(k->s.s, key.s, key.n))
            return dict->pair[i].value;
    }
    return NULL;
}

struct value *v_json(struct eval *e, const cJSON *x)
{
    struct value *v;

    if (!x || e->failed || !work(e, 1) || cJSON_IsNull(x))
        return v_none(e);
    if (cJSON_IsBool(x))
        return v_bool(e, cJSON_IsTrue(x));
    if (cJSON_IsNumber(x))
        return x->valuedouble == floor(x->valuedouble) && fabs(x->valuedouble) < 9e15
                   ? v_int(e, (int64_t)x->valuedouble)
                   : v_float(e, x->valuedouble);
    if (cJSON_IsString(x))
        return v_str(e, x->valuestring, strlen(x->valuestring));
    v = cJSON_IsArray(x) ? v_list(e, 0) : v_dict(e, V_DICT);
    for (const cJSON *c = x->child; c && !e->failed; c = c->next) {
        if (cJSON_IsArray(x))
            list_push(e, v, v_json(e, c));
        else
            dict_put(e, v, v_str(e, c->string, strlen(c->string)), v_json(e, c));
    }
    return v;
}

/* --- asking --- */

bool v_true(const struct value *v)
{
    switch (v->kind) {
    case V_UNDEFINED:
    case V_NONE:
        return false;
    case V_BOOL:
    case V_INT:
        return v->i != 0;
    case V_FLOAT:
        return v->f != 0;
    case V_STR:
        return v->s.n > 0;
    case V_LIST:
    case V_DICT:
        return v->n > 0;
    default:
        return true;
    }
}

static bool is_number(const struct value *v)
{
    return v->kind == V_BOOL || v->kind == V_INT || v->kind == V_FLOAT;
}

static double number_of(const struct value *v)
{
    return v->kind == V_FLOAT ? v->f : (double)v->i;
}

static bool equal_at(struct eval *e, const struct value *a, const struct value *b, int depth)
{
    if (e->failed || !work(e, 1))
        return false;
    if (depth > NESTED_MAX) {
        fail(e, "values are nested too deeply");
        return false;
    }
    if (is_number(a) && is_number(b))
        return a->kind == V_FLOAT || b->kind == V_FLOAT ? number_of(a) == number_of(b)
                                                        : a->i == b->i;
    if (a->kind != b->kind)
        return false;
    if (a->kind == V_STR)
        return a->s.n == b->s.n && !memcmp(a->s.s, b->s.s, a->s.n);
    if (a->kind == V_LIST || a->kind == V_DICT) {
        if (a->n != b->n || (a->kind == V_LIST && a->tuple != b->tuple))
            return false;
        for (size_t i = 0; i < a->n; i++) {
            const struct value *x = a->kind == V_LIST ? a->item[i] : a->pair[i].value, *y = NULL;
            if (a->kind == V_LIST)
                y = b->item[i];
            for (size_t k = 0; a->kind == V_DICT && k < b->n && !y; k++)
                y = equal_at(e, a->pair[i].key, b->pair[k].key, depth + 1) ? b->pair[k].value
                                                                           : NULL;
            if (!y || !equal_at(e, x, y, depth + 1))
                return false;
        }
        return true;
    }
    return a->kind == V_NONE || a->kind == V_UNDEFINED || a == b;
}

bool v_equal(struct eval *e, const struct value *a, const struct value *b)
{
    return equal_at(e, a, b, 0);
}

int v_compare(struct eval *e, const struct value *a, const struct value *b)
{
    if (is_number(a) && is_number(b)) {
        double x = number_of(a), y = number_of(b);
        return (x > y) - (x < y);
    }
    if (a->kind == V_STR && b->kind == V_STR) {
        int c = memcmp(a->s.s, b->s.s, a->s.n < b->s.n ? a->s.n : b->s.n);
        return c ? (c > 0) - (c < 0) : (a->s.n > b->s.n) - (a->s.n < b->s.n);
    }
    if (a->kind == V_LIST && b->kind == V_LIST) {
        for (size_t i = 0; i < a->n && i < b->n && !e->failed && work(e, 1); i++) {
            int c = v_compare(e, a->item[i], b->item[i]);
            if (c)
                return c;
        }
        return (a->n > b->n) - (a->n < b->n);
    }
    fail(e, "a %s and a %s have no order", v_type(a), v_type(b));
    return 0;
}

const char *v_type(const struct value *v)
{
    static const char *const names[] = {
        "undefined value", "None", "bool",      "int",   "float",   "string", "list",
        "generator",       "dict", "namespace", "macro", "function"};

    return names[v->kind];
}

/* --- printing --- */

/* As Python's repr: the shortest digits that read back the same, an exponent only where it is
 * large. */
static void print_float(struct strbuf *b, double f)
{
    char text[40];
    int digits = 1, exponent;

    if (!isfinite(f)) {
        sb_puts(b, isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    do
        snprintf(text, sizeof text, "%.*e", digits - 1, f);
    while (strtod(text, NULL) != f && digits++ < 17);
    exponent = atoi(strchr(text, 'e') + 1);
    if (exponent < -4 || exponent >= 16)
        sb_printf(b, "%.*g", digits, f);
    else
        sb_printf(b, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 1, f);
}

static size_t char_at(struct str s, size_t at, uint32_t *cp)
{
    size_t n = utf8_get(s.s + at, s.n - at, cp);

    if (n)
        return n;
    *cp = (unsigned char)s.s[at];
    return 1;
}

/* As Python's repr of a string: what does not print is written as its number. */
static void print_quoted(struct strbuf *b, struct str s)
{
    char quote = memchr(s.s, '\'', s.n) && !memchr(s.s, '"', s.n) ? '"' : '\'';
    uint32_t c;

    sb_putc(b, quote);
    for (size_t i = 0, n; i < s.n; i += n) {
        const char *kind;
        n = char_at(s, i, &c);
        kind = utf8proc_category_string((utf8proc_int32_t)c);
        if (c == '\\' || c == (unsigned char)quote)
            sb_printf(b, "\\%c", (char)c);
        else if (c == '\n' || c == '\r' || c == '\t')
            sb_printf(b, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (c != ' ' && (*kind == 'Z' || (*kind == 'C' && kind[1] != 'n')))
            sb_printf(b, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
        else
            sb_put(b, s.s + i, n);
    }
    sb_putc(b, quote);
}

static void print_at(struct eval *e, struct strbuf *b, const struct value *v, bool inside,
                     int depth)
{
    if (e->failed || !work(e, 1))
        return;
    if (depth > NESTED_MAX) {
        fail(e, "values are nested too deeply");
        return;
    }
    switch (v->kind) {
    case V_UNDEFINED:
        if (inside)
            sb_puts(b, "Undefined");
        break;
    case V_NONE:
        sb_puts(b, "None");
        break;
    case V_BOOL:
        sb_puts(b, v->i ? "True" : "False");
        break;
    case V_INT:
        sb_printf(b, "%lld", (long long)v->i);
        break;
    case V_FLOAT:
        print_float(b, v->f);
        break;
    case V_STR:
        if (inside)
            print_quoted(b, v->s);
        else
            sb_put(b, v->s.s, v->s.n);
        work(e, v->s.n / 64);
        break;
    case V_LIST:
        sb_putc(b, v->tuple ? '(' : '[');
        for (size_t i = 0; i < v->n && !e->failed; i++) {
            sb_puts(b, i ? ", " : "");
            print_at(e, b, v->item[i], true, depth + 1);
        }
        sb_puts(b, v->tuple ? v->n == 1 ? ",)" : ")" : "]");
        break;
    case V_DICT:
        sb_putc(b, '{');
        for (size_t i = 0; i < v->n && !e->failed; i++) {
            sb_puts(b, i ? ", " : "");
            print_at(e, b, v->pair[i].key, true, depth + 1);
            sb_puts(b, ": ");
            print_at(e, b, v->pair[i].value, true, depth + 1);
        }
        sb_putc(b, '}');
        break;
    default:
        fail(e, "a %s cannot be printed", v_type(v));
    }
}

void v_print(struct eval *e, struct strbuf *b, const struct value *v, bool inside)
{
    print_at(e, b, v, inside, 0);
}

struct value *v_text(struct eval *e, const struct value *v)
{
    struct strbuf b = {0};

    v_print(e, &b, v, false);
    return v_take_str(e, &b);
}

static void new_line(struct strbuf *b, int indent, int level)
{
    if (indent < 0)
        return;
    sb_putc(b, '\n');
    for (int i = 0; i < indent * level; i++)
        sb_putc(b, ' ');
}

static void json_text_of(struct strbuf *b, struct str s, bool ascii)
{
    uint32_t c;

    sb_putc(b, '"');
    for (size_t i = 0, n; i < s.n; i += n) {
        const char *at;
        n = char_at(s, i, &c);
        at = c && c < 0x80 ? strchr("\"\\\n\r\t\b\f", (int)c) : NULL;
        if (at)
            sb_printf(b, "\\%c", "\"\\nrtbf"[at - "\"\\\n\r\t\b\f"]);
        else if (ascii && c > 0xffff)
            sb_printf(b, "\\u%04x\\u%04x", 0xd800 + ((unsigned)c - 0x10000) / 0x400,
                      0xdc00 + ((unsigned)c - 0x10000) % 0x400);
        else if (c < 0x20 || (ascii && c > 0x7e))
            sb_printf(b, "\\u%04x", (unsigned)c);
        else
            sb_put(b, s.s + i, n);
    }
    sb_putc(b, '"');
}

/* The place in `of` of the key that comes behind `last` in their order; NULL = the first. */
static const struct pair *next_key(struct eval *e, const struct value *of, const struct pair *last)
{
    const struct pair *best = NULL;

    for (size_t i = 0; i < of->n && !e->failed && work(e, 1); i++) {
        const struct pair *p = &of->pair[i];
        if ((!last || v_compare(e, p->key, last->key) > 0) &&
            (!best || v_compare(e, p->key, best->key) < 0))
            best = p;
    }
    return best;
}

void v_tojson(struct eval *e, struct strbuf *b, const struct value *v, const struct json_form *f,
              int level)
{
    bool list = v->kind == V_LIST;
    const struct pair *p = NULL;

    if (e->failed || !work(e, 1))
        return;
    if (level > NESTED_MAX) {
        fail(e, "values are nested too deeply");
        return;
    }
    switch (v->kind) {
    case V_NONE:
        sb_puts(b, "null");
        return;
    case V_BOOL:
        sb_puts(b, v->i ? "true" : "false");
        return;
    case V_FLOAT:
        if (!isfinite(v->f)) {
            sb_puts(b, isnan(v->f) ? "NaN" : v->f < 0 ? "-Infinity" : "Infinity");
            return;
        }
        /* fall through */
    case V_INT:
        print_at(e, b, v, true, 0);
        return;
    case V_STR:
        json_text_of(b, v->s, f->ascii);
        work(e, v->s.n / 64);
        return;
    case V_LIST:
    case V_DICT:
        break;
    default:
        fail(e, "tojson: a %s is no JSON", v_type(v));
        return;
    }
    sb_putc(b, list ? '[' : '{');
    for (size_t i = 0; i < v->n && !e->failed; i++) {
        sb_put(b, f->comma.s, i ? f->comma.n : 0);
        new_line(b, f->indent, level + 1);
        if (list) {
            v_tojson(e, b, v->item[i], f, level + 1);
            continue;
        }
        p = f->sorted ? next_key(e, v, p) : &v->pair[i];
        if (e->failed)
            break;
        if (p->key->kind != V_STR) /* a number, true, null: its JSON is the key's text */
            sb_putc(b, '"');
        v_tojson(e, b, p->key, f, level + 1);
        if (p->key->kind != V_STR)
            sb_putc(b, '"');
        sb_put(b, f->colon.s, f->colon.n);
        v_tojson(e, b, p->value, f, level + 1);
    }
    if (v->n)
        new_line(b, f->indent, level);
    sb_putc(b, list ? ']' : '}');
}

/* --- going over, and strings by characters --- */

size_t str_length(struct str s)
{
    size_t n = 0;
    uint32_t cp;

    for (size_t at = 0; at < s.n; at += char_at(s, at, &cp))
        n++;
    return n;
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    size_t at = 0, begin;
    uint32_t cp;

    for (; from > 0 && at < s.n; from--, to--)
        at += char_at(s, at, &cp);
    begin = at;
    for (; to > 0 && at < s.n; to--)
        at += char_at(s, at, &cp);
    return (struct str){s.s + begin, at - begin};
}

static bool stripped(uint32_t c, const struct value *chars)
{
    uint32_t cp;

    if (!chars || chars->kind != V_STR)
        return utf8_is_space(c);
    for (size_t at = 0; at < chars->s.n; at += char_at(chars->s, at, &cp)) {
        char_at(chars->s, at, &cp);
        if (cp == c)
            return true;
    }
    return false;
}

struct str str_strip(struct str s, const struct value *chars, bool left, bool right)
{
    uint32_t cp;

    while (left && s.n) {
        size_t n = char_at(s, 0, &cp);
        if (!stripped(cp, chars))
            break;
        s.s += n;
        s.n -= n;
    }
    while (right && s.n) {
        size_t at = s.n - 1;
        while (at > 0 && ((unsigned char)s.s[at] & 0xc0) == 0x80 && s.n - at < 4)
            at--;
        if (at + char_at(s, at, &cp) != s.n) { /* not UTF-8 */
            at = s.n - 1;
            cp = (unsigned char)s.s[at];
        }
        if (!stripped(cp, chars))
            break;
        s.n = at;
    }
    return s;
}

struct value *v_items(struct eval *e, struct value *v)
{
    struct value *list;
    uint32_t cp;

    if (v->kind == V_LIST)
        return v;
    list = v_list(e, 0);
    if (v->kind == V_ONCE && !e->failed) {
        list->item = v->item;
        list->n = list->cap = v->n;
        v->n = v->cap = 0;
        return list;
    }
    if (v->kind == V_DICT) {
        for (size_t i = 0; i < v->n; i++)
            list_push(e, list, v->pair[i].key);
    } else if (v->kind == V_STR) {
        for (size_t at = 0, n; at < v->s.n && !e->failed && work(e, 1); at += n) {
            n = char_at(v->s, at, &cp);
            list_push(e, list, v_str(e, v->s.s + at, n));
        }
    } else if (v->kind != V_UNDEFINED) {
        fail(e, "a %s cannot be gone over", v_type(v));
    }
    return list;
}
