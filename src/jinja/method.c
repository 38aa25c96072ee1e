/* method.c - arguments, what is done with strings, and the methods of strings, lists and dicts,
 * each one row of a table. */
#include "jinja/method.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

/* --- arguments --- */

static bool is_param(const char *params, struct str key)
{
    for (const char *p = params; *p; p += *p == ',') {
        size_t n = strcspn(p, ",");
        if (n == key.n && !memcmp(p, key.s, n))
            return true;
        p += n;
    }
    return false;
}

bool args_fit(struct eval *e, const char *name, const char *params, const struct args *a)
{
    size_t most = *params != '\0';

    if (*params == '*')
        return true;
    for (const char *p = params; *p; p++)
        most += *p == ',';
    if (a->n > most)
        fail(e, "%s: takes at most %zu argument%s here", name, most, most == 1 ? "" : "s");
    for (size_t i = 0; i < a->n_keys && !e->failed; i++) {
        struct str key = a->key[i].key->s;
        if (!is_param(params, key))
            fail(e, "%s: the argument \"%.*s\" is not implemented", name,
                 (int)(key.n < 40 ? key.n : 40), key.s);
    }
    return !e->failed;
}

struct value *arg_at(const struct args *a, size_t i, const char *name)
{
    if (i < a->n)
        return a->v[i];
    for (size_t k = 0; name && k < a->n_keys; k++) {
        if (str_is(a->key[k].key->s, name))
            return a->key[k].value;
    }
    return NULL;
}

struct str text_of(struct eval *e, struct value *x)
{
    return v_text(e, x)->s;
}

int64_t arg_int(struct eval *e, const struct args *a, size_t i, const char *name, int64_t otherwise)
{
    struct value *v = arg_at(a, i, name);

    if (!v || v->kind == V_NONE)
        return otherwise;
    if (v->kind != V_INT && v->kind != V_BOOL)
        fail(e, "expected a whole number, found a %s", v_type(v));
    return v->i;
}

struct value *str_value(struct eval *e, struct str s)
{
    return v_str(e, s.s, s.n);
}

/* --- strings --- */

struct value *str_cased(struct eval *e, struct str s, enum letters how)
{
    struct strbuf b = {0};
    bool first = true;
    uint32_t cp;

    for (size_t at = 0, n; at < s.n && !e->failed && work(e, 1); at += n) {
        char out[4];
        bool up = how == UPPER || (how != LOWER && first);
        n = utf8_get(s.s + at, s.n - at, &cp);
        if (!n) {
            sb_putc(&b, s.s[at]);
            n = 1;
            continue;
        }
        if (up && cp == 0xdf) { /* the one letter of everyday text that becomes two */
            sb_puts(&b, how == UPPER ? "SS" : "Ss");
        } else {
            cp = (uint32_t)(up ? utf8proc_toupper((utf8proc_int32_t)cp)
                               : utf8proc_tolower((utf8proc_int32_t)cp));
            sb_put(&b, out, utf8_put(cp, out));
        }
        if (how == TITLE) {
            const char *kind = utf8proc_category_string((utf8proc_int32_t)cp);
            first = kind[0] != 'L';
        } else if (how == WORDS) {
            first = cp < 0x80 ? cp && strchr("-({[< \t\n\v\f\r", (int)cp) != NULL : cp == 0xa0;
        } else {
            first = false;
        }
    }
    return v_take_str(e, &b);
}

const char *str_find(struct str in, struct str what)
{
    if (what.n == 0)
        return in.s;
    for (size_t i = 0; i + what.n <= in.n; i++) {
        if (in.s[i] == what.s[0] && !memcmp(in.s + i, what.s, what.n))
            return in.s + i;
    }
    return NULL;
}

static struct value *replaced(struct eval *e, struct str s, struct str from, struct str to,
                              int64_t count)
{
    struct strbuf b = {0};
    uint32_t cp;

    while (count != 0 && !e->failed && work(e, 1 + s.n / 64)) {
        const char *at = str_find(s, from);
        if (!at)
            break;
        sb_put(&b, s.s, (size_t)(at - s.s));
        sb_put(&b, to.s, to.n);
        s.n -= (size_t)(at - s.s) + from.n;
        s.s = at + from.n;
        count -= count > 0;
        if (from.n == 0) { /* between all characters */
            size_t n = s.n ? utf8_get(s.s, s.n, &cp) : 0;
            if (s.n == 0)
                break;
            n = n ? n : 1;
            sb_put(&b, s.s, n);
            s.s += n;
            s.n -= n;
        }
        if (b.len > ((size_t)64 << 20)) {
            fail(e, "a text grows too long");
            break;
        }
    }
    sb_put(&b, s.s, s.n);
    return v_take_str(e, &b);
}

static struct value *split(struct eval *e, struct str s, const struct value *sep, int64_t most)
{
    struct value *list = v_list(e, 0);

    if (sep && sep->kind == V_STR && sep->s.n == 0)
        return fail(e, "split: the separator is empty");
    for (; !e->failed && work(e, 1); most -= most > 0) {
        const char *at = NULL;
        size_t gap = 0;
        if (!sep || sep->kind != V_STR) { /* white space, any number of it */
            s = str_strip(s, NULL, true, false);
            if (s.n == 0)
                return list;
            for (size_t i = 0; most != 0 && i < s.n && !at; i++) {
                struct str rest = {s.s + i, s.n - i};
                gap = rest.n - str_strip(rest, NULL, true, false).n;
                at = gap ? s.s + i : NULL;
            }
            if (!at && most == 0)
                s = str_strip(s, NULL, false, true);
        } else {
            at = most == 0 ? NULL : str_find(s, sep->s);
            gap = sep->s.n;
        }
        if (!at) {
            list_push(e, list, str_value(e, s));
            return list;
        }
        list_push(e, list, v_str(e, s.s, (size_t)(at - s.s)));
        s.n -= (size_t)(at - s.s) + gap;
        s.s = at + gap;
        work(e, s.n / 64);
    }
    return list;
}

/* The last place, NULL = nowhere. */
static const char *find_last(struct str in, struct str what)
{
    for (size_t at = in.n < what.n ? 0 : in.n - what.n + 1; at-- > 0;) {
        if (!memcmp(in.s + at, what.s, what.n))
            return in.s + at;
    }
    return NULL;
}

static bool begins(struct str s, struct str with)
{
    return s.n >= with.n && !memcmp(s.s, with.s, with.n);
}

static bool ends(struct str s, struct str with)
{
    return s.n >= with.n && !memcmp(s.s + s.n - with.n, with.s, with.n);
}

static struct value *affix(struct eval *e, struct str s, const struct args *a,
                           bool (*has)(struct str, struct str))
{
    struct value *with = arg_at(a, 0, NULL);

    if (with && with->kind == V_STR)
        return v_bool(e, has(s, with->s));
    for (size_t i = 0; with && with->kind == V_LIST && i < with->n; i++) {
        if (with->item[i]->kind == V_STR && has(s, with->item[i]->s))
            return v_bool(e, true);
    }
    if (!with || with->kind != V_LIST)
        return fail(e, "expected a string to look for");
    return v_bool(e, false);
}

/* --- methods --- */

static struct value *m_strip(struct eval *e, struct value *x, const struct args *a)
{
    return str_value(e, str_strip(x->s, arg_at(a, 0, NULL), true, true));
}

static struct value *m_lstrip(struct eval *e, struct value *x, const struct args *a)
{
    return str_value(e, str_strip(x->s, arg_at(a, 0, NULL), true, false));
}

static struct value *m_rstrip(struct eval *e, struct value *x, const struct args *a)
{
    return str_value(e, str_strip(x->s, arg_at(a, 0, NULL), false, true));
}

static struct value *m_split(struct eval *e, struct value *x, const struct args *a)
{
    return split(e, x->s, arg_at(a, 0, "sep"), arg_int(e, a, 1, "maxsplit", -1));
}

static struct value *m_rsplit(struct eval *e, struct value *x, const struct args *a)
{
    struct value *sep = arg_at(a, 0, "sep"), *parts, *list = v_list(e, 0);
    int64_t most = arg_int(e, a, 1, "maxsplit", -1);
    struct str s = x->s;

    if (most < 0)
        return split(e, s, sep, most);
    if (!sep || sep->kind != V_STR || sep->s.n == 0)
        return fail(e, "rsplit: with a largest number, only a separator is implemented");
    parts = v_list(e, 0);
    for (const char *at; most-- > 0 && work(e, 1 + s.n / 64) && (at = find_last(s, sep->s));
         s.n = (size_t)(at - s.s))
        list_push(e, parts, v_str(e, at + sep->s.n, s.n - (size_t)(at - s.s) - sep->s.n));
    list_push(e, list, str_value(e, s));
    for (size_t i = parts->n; i-- > 0 && !e->failed;)
        list_push(e, list, parts->item[i]);
    return list;
}

/* Bytes of the line end at s + at, 0 = none: those of Python. */
static size_t line_end(struct str s, size_t at)
{
    uint32_t c = 0;
    size_t n = utf8_get(s.s + at, s.n - at, &c);

    if (c == '\r' && at + 1 < s.n && s.s[at + 1] == '\n')
        return 2;
    return (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
                   c == 0x2029
               ? n
               : 0;
}

static struct value *m_splitlines(struct eval *e, struct value *x, const struct args *a)
{
    struct value *keep = arg_at(a, 0, "keepends"), *list = v_list(e, 0);
    size_t from = 0, n;

    for (size_t at = 0; at < x->s.n && work(e, 1); at += n ? n : 1) {
        n = line_end(x->s, at);
        if (!n)
            continue;
        list_push(e, list, v_str(e, x->s.s + from, at - from + (keep && v_true(keep) ? n : 0)));
        from = at + n;
    }
    if (from < x->s.n)
        list_push(e, list, v_str(e, x->s.s + from, x->s.n - from));
    return list;
}

static struct value *partition(struct eval *e, struct str s, const struct args *a, bool last)
{
    struct value *sep = arg_at(a, 0, NULL), *list = v_list(e, 3);
    const char *at;
    size_t before;

    if (!sep || sep->kind != V_STR || sep->s.n == 0)
        return fail(e, "partition: expected a separator");
    at = last ? find_last(s, sep->s) : str_find(s, sep->s);
    before = at ? (size_t)(at - s.s) : last ? 0 : s.n;
    list->tuple = !e->failed;
    list_push(e, list, v_str(e, s.s, before));
    list_push(e, list, v_str(e, sep->s.s, at ? sep->s.n : 0));
    before += at ? sep->s.n : 0;
    list_push(e, list, v_str(e, s.s + before, s.n - before));
    return list;
}

static struct value *m_partition(struct eval *e, struct value *x, const struct args *a)
{
    return partition(e, x->s, a, false);
}

static struct value *m_rpartition(struct eval *e, struct value *x, const struct args *a)
{
    return partition(e, x->s, a, true);
}

static struct value *m_removeprefix(struct eval *e, struct value *x, const struct args *a)
{
    struct value *with = arg_at(a, 0, NULL);
    size_t n = with && with->kind == V_STR && begins(x->s, with->s) ? with->s.n : 0;

    return v_str(e, x->s.s + n, x->s.n - n);
}

static struct value *m_removesuffix(struct eval *e, struct value *x, const struct args *a)
{
    struct value *with = arg_at(a, 0, NULL);
    size_t n = with && with->kind == V_STR && ends(x->s, with->s) ? with->s.n : 0;

    return v_str(e, x->s.s, x->s.n - n);
}

static struct value *m_startswith(struct eval *e, struct value *x, const struct args *a)
{
    return affix(e, x->s, a, begins);
}

static struct value *m_endswith(struct eval *e, struct value *x, const struct args *a)
{
    return affix(e, x->s, a, ends);
}

struct value *do_replace(struct eval *e, struct value *x, const struct args *a)
{
    struct value *from = arg_at(a, 0, "old"), *to = arg_at(a, 1, "new");

    if (!from || !to)
        return fail(e, "replace: expected two strings");
    return replaced(e, text_of(e, x), text_of(e, from), text_of(e, to),
                    arg_int(e, a, 2, "count", -1));
}

struct value *do_upper(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    return str_cased(e, text_of(e, x), UPPER);
}

struct value *do_lower(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    return str_cased(e, text_of(e, x), LOWER);
}

static struct value *m_title(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    return str_cased(e, x->s, TITLE);
}

struct value *do_capitalize(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    return str_cased(e, text_of(e, x), CAPITALIZE);
}

static struct value *found(struct eval *e, struct value *x, const struct args *a,
                           const char *(*find)(struct str, struct str))
{
    struct value *what = arg_at(a, 0, NULL);
    const char *at = what && what->kind == V_STR ? find(x->s, what->s) : NULL;

    return v_int(e, at ? (int64_t)str_length((struct str){x->s.s, (size_t)(at - x->s.s)}) : -1);
}

static struct value *m_find(struct eval *e, struct value *x, const struct args *a)
{
    return found(e, x, a, str_find);
}

static struct value *m_rfind(struct eval *e, struct value *x, const struct args *a)
{
    return found(e, x, a, find_last);
}

static struct value *m_count(struct eval *e, struct value *x, const struct args *a)
{
    struct value *what = arg_at(a, 0, NULL);
    int64_t n = 0;

    for (size_t i = 0; what && x->kind == V_LIST && i < x->n; i++)
        n += v_equal(e, x->item[i], what);
    for (struct str s = x->s;
         x->kind == V_STR && what && what->kind == V_STR && what->s.n && work(e, 1);) {
        const char *at = str_find(s, what->s);
        if (!at)
            break;
        s.n -= (size_t)(at - s.s) + what->s.n;
        s.s = at + what->s.n;
        n++;
    }
    return v_int(e, n);
}

static struct value *m_isdigit(struct eval *e, struct value *x, const struct args *a)
{
    bool all = x->s.n > 0;

    (void)a;
    for (size_t i = 0; i < x->s.n; i++)
        all &= x->s.s[i] >= '0' && x->s.s[i] <= '9';
    return v_bool(e, all);
}

struct value *v_joined(struct eval *e, struct value *list, struct str sep)
{
    struct strbuf b = {0};
    struct value *items = v_items(e, list);

    for (size_t i = 0; i < items->n && !e->failed && work(e, 1); i++) {
        if (i)
            sb_put(&b, sep.s, sep.n);
        v_print(e, &b, items->item[i], false);
    }
    return v_take_str(e, &b);
}

static struct value *m_join(struct eval *e, struct value *x, const struct args *a)
{
    struct value *list = arg_at(a, 0, NULL);

    return list ? v_joined(e, list, x->s) : fail(e, "join: expected a list");
}

static struct value *pairs(struct eval *e, struct value *x, bool keys, bool values)
{
    struct value *list = v_list(e, x->n);

    for (size_t i = 0; i < x->n && !e->failed; i++) {
        struct value *both = v_list(e, 2);
        both->tuple = !e->failed;
        if (keys && values) {
            list_push(e, both, x->pair[i].key);
            list_push(e, both, x->pair[i].value);
        }
        list_push(e, list, keys && values ? both : keys ? x->pair[i].key : x->pair[i].value);
    }
    return list;
}

struct value *do_items(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    if (x->kind == V_UNDEFINED)
        return v_list(e, 0);
    return x->kind == V_DICT ? pairs(e, x, true, true) : fail(e, "items: a %s has none", v_type(x));
}

static struct value *m_keys(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    return pairs(e, x, true, false);
}

static struct value *m_values(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    return pairs(e, x, false, true);
}

static struct value *m_get(struct eval *e, struct value *x, const struct args *a)
{
    struct value *key = arg_at(a, 0, "key"), *otherwise = arg_at(a, 1, "default");

    for (size_t i = 0; key && i < x->n; i++) {
        if (v_equal(e, x->pair[i].key, key))
            return x->pair[i].value;
    }
    return otherwise ? otherwise : v_none(e);
}

static struct value *m_index(struct eval *e, struct value *x, const struct args *a)
{
    struct value *what = arg_at(a, 0, NULL);

    for (size_t i = 0; what && i < x->n; i++) {
        if (v_equal(e, x->item[i], what))
            return v_int(e, (int64_t)i);
    }
    return fail(e, "index: not in the list");
}

static const struct method {
    enum value_kind of;
    const char *name, *params;
    callee *call;
} methods[] = {
    {V_STR, "strip", "#", m_strip},
    {V_STR, "lstrip", "#", m_lstrip},
    {V_STR, "rstrip", "#", m_rstrip},
    {V_STR, "split", "sep,maxsplit", m_split},
    {V_STR, "rsplit", "sep,maxsplit", m_rsplit},
    {V_STR, "splitlines", "keepends", m_splitlines},
    {V_STR, "partition", "#", m_partition},
    {V_STR, "rpartition", "#", m_rpartition},
    {V_STR, "removeprefix", "#", m_removeprefix},
    {V_STR, "removesuffix", "#", m_removesuffix},
    {V_STR, "startswith", "#", m_startswith},
    {V_STR, "endswith", "#", m_endswith},
    {V_STR, "replace", "old,new,count", do_replace},
    {V_STR, "upper", "", do_upper},
    {V_STR, "lower", "", do_lower},
    {V_STR, "title", "", m_title},
    {V_STR, "capitalize", "", do_capitalize},
    {V_STR, "find", "#", m_find},
    {V_STR, "rfind", "#", m_rfind},
    {V_STR, "count", "#", m_count},
    {V_STR, "isdigit", "", m_isdigit},
    {V_STR, "join", "#", m_join},
    {V_DICT, "items", "", do_items},
    {V_DICT, "keys", "", m_keys},
    {V_DICT, "values", "", m_values},
    {V_DICT, "get", "#,#", m_get},
    {V_LIST, "index", "#", m_index},
    {V_LIST, "count", "#", m_count},
};

struct value *method_of(struct eval *e, struct value *x, struct str name)
{
    struct value *f;

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (methods[i].of != x->kind || !str_is(name, methods[i].name))
            continue;
        f = v_str(e, name.s, name.n);
        if (e->failed)
            return f;
        f->kind = V_FUNC;
        f->self = x;
        f->i = (int64_t)i;
        return f;
    }
    return NULL;
}

struct value *call_method(struct eval *e, const struct value *f, const struct args *a)
{
    const struct method *m = &methods[f->i];

    return args_fit(e, m->name, m->params, a) ? m->call(e, f->self, a) : failed();
}

/* --- members --- */

struct value *undefined_use(struct eval *e, const struct value *x)
{
    return fail(e, "\"%.*s\" is undefined", (int)(x->s.n < 60 ? x->s.n : 60), x->s.s);
}

struct value *get_attr(struct eval *e, struct value *x, struct str name)
{
    struct value *v = NULL;

    if (x->kind == V_UNDEFINED)
        return undefined_use(e, x);
    if (x->kind == V_STR || x->kind == V_DICT || x->kind == V_LIST)
        v = method_of(e, x, name);
    if (!v && (x->kind == V_DICT || x->kind == V_SPACE))
        v = dict_get(e, x, name);
    return v ? v : v_undefined(e, name);
}

struct value *get_item(struct eval *e, struct value *x, struct value *key)
{
    int64_t n, at;

    if (x->kind == V_UNDEFINED)
        return undefined_use(e, x);
    if (x->kind == V_DICT || x->kind == V_SPACE) {
        for (size_t i = 0; i < x->n; i++) {
            if (v_equal(e, x->pair[i].key, key))
                return x->pair[i].value;
        }
    }
    if ((x->kind == V_LIST || x->kind == V_STR) && (key->kind == V_INT || key->kind == V_BOOL)) {
        n = x->kind == V_LIST ? (int64_t)x->n : (int64_t)str_length(x->s);
        at = key->i < 0 ? key->i + n : key->i;
        if (at < 0 || at >= n)
            return v_undefined(e, STR("an item beyond the end"));
        if (x->kind == V_LIST)
            return x->item[at];
        work(e, (size_t)n / 16);
        return v_str(e, str_slice(x->s, (size_t)at, (size_t)at + 1).s,
                     str_slice(x->s, (size_t)at, (size_t)at + 1).n);
    }
    return key->kind == V_STR ? get_attr(e, x, key->s) : v_undefined(e, STR("an item"));
}
