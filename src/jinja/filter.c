/* filter.c - the filters, each one row of a table. */
#include "jinja/filter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/call.h"

static struct value *f_title(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    return str_cased(e, text_of(e, x), WORDS);
}

static struct value *f_trim(struct eval *e, struct value *x, const struct args *a)
{
    return str_value(e, str_strip(text_of(e, x), arg_at(a, 0, "chars"), true, true));
}

static struct value *f_tojson(struct eval *e, struct value *x, const struct args *a)
{
    struct value *ascii = arg_at(a, 0, "ensure_ascii"), *apart = arg_at(a, 2, "separators"),
                 *sorted = arg_at(a, 3, "sort_keys");
    int64_t indent = arg_int(e, a, 1, "indent", -1);
    bool given = arg_at(a, 1, "indent") && arg_at(a, 1, "indent")->kind != V_NONE;
    struct json_form form = {.indent = given ? indent < 0 ? 0 : (int)indent : -1,
                             .ascii = ascii && v_true(ascii),
                             .sorted = sorted && v_true(sorted),
                             .comma = given ? STR(",") : STR(", "),
                             .colon = STR(": ")};
    struct strbuf b = {0};

    if (indent > 64)
        return fail(e, "tojson: expected an indent up to 64");
    if (apart && apart->kind != V_NONE) {
        if (apart->kind != V_LIST || apart->n != 2 || apart->item[0]->kind != V_STR ||
            apart->item[1]->kind != V_STR)
            return fail(e, "tojson: expected two strings as separators");
        form.comma = apart->item[0]->s;
        form.colon = apart->item[1]->s;
    }
    v_tojson(e, &b, x, &form, 0);
    return v_take_str(e, &b);
}

static struct value *f_length(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    if (x->kind == V_STR)
        return v_int(e, (int64_t)str_length(x->s));
    if (x->kind == V_LIST || x->kind == V_DICT || x->kind == V_UNDEFINED)
        return v_int(e, (int64_t)x->n);
    return fail(e, "length: a %s has none", v_type(x));
}

/* An attribute by a name with dots, or a number. */
static struct value *attribute(struct eval *e, struct value *x, struct value *path)
{
    struct str rest = path->s;

    if (path->kind != V_STR)
        return get_item(e, x, path);
    while (!e->failed) {
        const char *dot = memchr(rest.s, '.', rest.n);
        struct str name = {rest.s, dot ? (size_t)(dot - rest.s) : rest.n};
        bool digits = name.n > 0 && name.n < 10;
        for (size_t i = 0; i < name.n; i++)
            digits &= name.s[i] >= '0' && name.s[i] <= '9';
        x = get_item(e, x, digits ? v_int(e, strtol(name.s, NULL, 10)) : v_str(e, name.s, name.n));
        if (!dot)
            break;
        rest = (struct str){dot + 1, rest.n - name.n - 1};
    }
    return x;
}

/* What Jinja's filter does while its result is gone over is done here at once; what may be done with the result is
 * the same: it is true, even without items, has no length and no places, and is empty behind a loop. */
static struct value *once(struct eval *e, struct value *list)
{
    if (!e->failed)
        list->kind = V_ONCE;
    return list;
}

/* select, reject, selectattr, rejectattr. */
static struct value *chosen(struct eval *e, struct value *x, const struct args *a, bool by_attr,
                            bool keep)
{
    struct value *items = v_items(e, x), *out = v_list(e, 0);
    size_t skip = by_attr ? 1 : 0;

    if (by_attr && a->n == 0)
        return fail(e, "expected the name of an attribute");
    for (size_t i = 0; i < items->n && !e->failed && work(e, 1); i++) {
        struct value *v = by_attr ? attribute(e, items->item[i], a->v[0]) : items->item[i];
        struct args rest = {.v = a->v + skip + 1, .n = a->n > skip + 1 ? a->n - skip - 1 : 0};
        bool yes;
        if (a->n > skip && a->v[skip]->kind != V_STR)
            return fail(e, "expected the name of a test");
        yes = a->n > skip ? v_true(call_test(e, a->v[skip]->s, v, &rest)) : v_true(v);
        if (yes == keep)
            list_push(e, out, items->item[i]);
    }
    return once(e, out);
}

static struct value *f_selectattr(struct eval *e, struct value *x, const struct args *a)
{
    return chosen(e, x, a, true, true);
}

static struct value *f_rejectattr(struct eval *e, struct value *x, const struct args *a)
{
    return chosen(e, x, a, true, false);
}

static struct value *f_select(struct eval *e, struct value *x, const struct args *a)
{
    return chosen(e, x, a, false, true);
}

static struct value *f_reject(struct eval *e, struct value *x, const struct args *a)
{
    return chosen(e, x, a, false, false);
}

static struct value *f_map(struct eval *e, struct value *x, const struct args *a)
{
    struct value *items = v_items(e, x), *out = v_list(e, items->n),
                 *path = arg_at(a, SIZE_MAX, "attribute");
    struct value *otherwise = arg_at(a, SIZE_MAX, "default");

    for (size_t i = 0; i < items->n && !e->failed && work(e, 1); i++) {
        struct args rest = {
            .v = a->v + 1, .n = a->n ? a->n - 1 : 0, .key = a->key, .n_keys = a->n_keys};
        struct value *v;
        if (path)
            v = attribute(e, items->item[i], path);
        else if (a->n && a->v[0]->kind == V_STR)
            v = call_filter(e, a->v[0]->s, items->item[i], &rest);
        else
            return fail(e, "map: expected attribute=... or the name of a filter");
        list_push(e, out, path && otherwise && v->kind == V_UNDEFINED ? otherwise : v);
    }
    return once(e, out);
}

static struct value *f_join(struct eval *e, struct value *x, const struct args *a)
{
    struct value *sep = arg_at(a, 0, "d"), *path = arg_at(a, 1, "attribute"),
                 *items = v_items(e, x);

    if (path) {
        struct value *list = v_list(e, items->n);
        for (size_t i = 0; i < items->n && !e->failed; i++)
            list_push(e, list, attribute(e, items->item[i], path));
        items = list;
    }
    return v_joined(e, items, sep ? text_of(e, sep) : STR(""));
}

static struct value *f_default(struct eval *e, struct value *x, const struct args *a)
{
    struct value *otherwise = arg_at(a, 0, "default_value"), *also = arg_at(a, 1, "boolean");
    bool use = x->kind == V_UNDEFINED || (also && v_true(also) && !v_true(x));

    return use ? otherwise ? otherwise : v_str(e, "", 0) : x;
}

struct sorting {
    struct eval *e;
    struct value *path;
    bool folded, by_value;
};

/* What a thing is sorted by; strings without regard to case, unless asked for. */
static struct value *sort_key(const struct sorting *s, struct value *x)
{
    struct value *v = s->path ? attribute(s->e, x, s->path) : x;

    return s->folded && v->kind == V_STR ? str_cased(s->e, v->s, LOWER) : v;
}

/* Insertion keeps equals in order; lists in templates are short, and work() ends long ones. */
static void sort_items(const struct sorting *s, struct value *list, bool reverse)
{
    struct value **key = take(s->e, list->n + 1, sizeof *key);

    for (size_t i = 0; key && i < list->n && !s->e->failed; i++)
        key[i] = sort_key(s, list->item[i]);
    for (size_t i = 1; key && i < list->n && !s->e->failed; i++) {
        struct value *x = list->item[i], *k = key[i];
        size_t at = i;
        for (; at > 0 && !s->e->failed && work(s->e, 1); at--) {
            int c = v_compare(s->e, key[at - 1], k);
            if (reverse ? c >= 0 : c <= 0)
                break;
            list->item[at] = list->item[at - 1];
            key[at] = key[at - 1];
        }
        list->item[at] = x;
        key[at] = k;
    }
}

static struct value *copy_list(struct eval *e, struct value *x)
{
    struct value *items = v_items(e, x), *out = v_list(e, items->n);

    for (size_t i = 0; i < items->n && !e->failed && work(e, 1); i++)
        list_push(e, out, items->item[i]);
    return out;
}

static struct value *f_sort(struct eval *e, struct value *x, const struct args *a)
{
    struct value *reverse = arg_at(a, 0, "reverse"), *exact = arg_at(a, 1, "case_sensitive"),
                 *out = copy_list(e, x);
    struct sorting s = {
        .e = e, .path = arg_at(a, 2, "attribute"), .folded = !exact || !v_true(exact)};

    sort_items(&s, out, reverse && v_true(reverse));
    return out;
}

static struct value *f_dictsort(struct eval *e, struct value *x, const struct args *a)
{
    struct value *exact = arg_at(a, 0, "case_sensitive"), *by = arg_at(a, 1, "by"),
                 *reverse = arg_at(a, 2, "reverse");
    struct value *out = do_items(e, x, a);
    struct sorting s = {.e = e, .folded = !exact || !v_true(exact)};

    s.path = v_int(e, by && by->kind == V_STR && str_is(by->s, "value"));
    sort_items(&s, out, reverse && v_true(reverse));
    return out;
}

static struct value *f_list(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    return copy_list(e, x);
}

static struct value *f_string(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    return v_text(e, x);
}

/* A decimal number and nothing else, blanks around it but for. */
static bool number_in(struct str s, double *out)
{
    char text[40], *end;

    s = str_strip(s, NULL, true, true);
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    memcpy(text, s.s, s.n);
    text[s.n] = '\0';
    if (strspn(text, "+-.0123456789eE") != s.n)
        return false;
    *out = strtod(text, &end);
    return !*end && isfinite(*out);
}

static struct value *f_int(struct eval *e, struct value *x, const struct args *a)
{
    struct value *otherwise = arg_at(a, 0, "default");
    double f;

    if (x->kind == V_UNDEFINED)
        return undefined_use(e, x);
    if (x->kind == V_INT || x->kind == V_BOOL)
        return v_int(e, x->i);
    if (x->kind == V_FLOAT && fabs(x->f) < 9e18)
        return v_int(e, (int64_t)x->f);
    if (x->kind == V_STR && number_in(x->s, &f) && fabs(f) < 9e15)
        return v_int(e, (int64_t)f);
    return otherwise ? otherwise : v_int(e, 0);
}

static struct value *f_float(struct eval *e, struct value *x, const struct args *a)
{
    struct value *otherwise = arg_at(a, 0, "default");
    double f;

    if (x->kind == V_UNDEFINED)
        return undefined_use(e, x);
    if (x->kind == V_INT || x->kind == V_BOOL)
        return v_float(e, (double)x->i);
    if (x->kind == V_STR && number_in(x->s, &f))
        return v_float(e, f);
    return x->kind == V_FLOAT ? x : otherwise ? otherwise : v_float(e, 0);
}

static struct value *f_abs(struct eval *e, struct value *x, const struct args *a)
{
    (void)a;
    if (x->kind == V_INT)
        return v_int(e, x->i < 0 && x->i != INT64_MIN ? -x->i : x->i);
    return x->kind == V_FLOAT ? v_float(e, fabs(x->f))
                              : fail(e, "abs: a %s is no number", v_type(x));
}

static struct value *f_first(struct eval *e, struct value *x, const struct args *a)
{
    struct value *items = x->kind == V_ONCE ? x : v_items(e, x);
    struct value *first = items->n && !e->failed ? items->item[0] : NULL;

    (void)a;
    if (first && x->kind == V_ONCE) { /* the others are still to come */
        x->item++;
        x->n--;
        x->cap--;
    }
    return first ? first : v_undefined(e, STR("the first of nothing"));
}

static struct value *f_last(struct eval *e, struct value *x, const struct args *a)
{
    struct value *items;

    (void)a;
    if (x->kind == V_ONCE)
        return fail(e, "last: a %s is gone over from its beginning: make it a list first",
                    v_type(x));
    items = v_items(e, x);
    return items->n ? items->item[items->n - 1] : v_undefined(e, STR("the last of nothing"));
}

static struct value *f_reverse(struct eval *e, struct value *x, const struct args *a)
{
    struct value *items = v_items(e, x), *out = v_list(e, items->n);

    (void)a;
    for (size_t i = items->n; i-- > 0 && !e->failed;)
        list_push(e, out, items->item[i]);
    if (x->kind == V_STR)
        return v_joined(e, out, STR(""));
    return x->kind == V_ONCE ? out : once(e, out);
}

static struct value *f_unique(struct eval *e, struct value *x, const struct args *a)
{
    struct value *items = v_items(e, x), *out = v_list(e, 0), *keys = v_list(e, 0);
    struct value *exact = arg_at(a, 0, "case_sensitive");
    struct sorting s = {
        .e = e, .path = arg_at(a, 1, "attribute"), .folded = !exact || !v_true(exact)};

    for (size_t i = 0; i < items->n && !e->failed; i++) {
        struct value *key = sort_key(&s, items->item[i]);
        bool seen = false;
        for (size_t k = 0; k < keys->n && !seen && !e->failed; k++)
            seen = v_equal(e, keys->item[k], key);
        if (seen)
            continue;
        list_push(e, keys, key);
        list_push(e, out, items->item[i]);
    }
    return once(e, out);
}

static struct value *best(struct eval *e, struct value *x, const struct args *a, int sign)
{
    struct value *items = v_items(e, x), *top = items->n ? items->item[0] : NULL;
    struct value *exact = arg_at(a, 0, "case_sensitive");
    struct sorting s = {
        .e = e, .path = arg_at(a, 1, "attribute"), .folded = !exact || !v_true(exact)};

    for (size_t i = 1; i < items->n && !e->failed; i++) {
        if (sign * v_compare(e, sort_key(&s, items->item[i]), sort_key(&s, top)) > 0)
            top = items->item[i];
    }
    return top ? top : v_undefined(e, STR("the most of nothing"));
}

static struct value *f_max(struct eval *e, struct value *x, const struct args *a)
{
    return best(e, x, a, 1);
}

static struct value *f_min(struct eval *e, struct value *x, const struct args *a)
{
    return best(e, x, a, -1);
}

static struct value *f_sum(struct eval *e, struct value *x, const struct args *a)
{
    struct value *items = v_items(e, x), *path = arg_at(a, 0, "attribute");
    int64_t n = 0;
    double f = 0;
    bool whole = true;

    for (size_t i = 0; i < items->n && !e->failed; i++) {
        struct value *v = path ? attribute(e, items->item[i], path) : items->item[i];
        if (v->kind != V_INT && v->kind != V_FLOAT && v->kind != V_BOOL)
            return fail(e, "sum: a %s is no number", v_type(v));
        whole &= v->kind != V_FLOAT;
        f += v->kind == V_FLOAT ? v->f : (double)v->i;
        n = (int64_t)((uint64_t)n + (uint64_t)v->i);
    }
    return whole ? v_int(e, n) : v_float(e, f);
}

static struct value *f_indent(struct eval *e, struct value *x, const struct args *a)
{
    int64_t width = arg_int(e, a, 0, "width", 4);
    struct value *first = arg_at(a, 1, "first"), *blank = arg_at(a, 2, "blank");
    struct str s = text_of(e, x);
    struct strbuf b = {0};
    bool begins_line = first && v_true(first);

    if (width < 0 || width > 1000)
        return fail(e, "indent: expected a width from 0 to 1000");
    for (size_t i = 0; i < s.n && !e->failed && work(e, 1); i++) {
        if (begins_line && (s.s[i] != '\n' || (blank && v_true(blank))))
            for (int64_t k = 0; k < width; k++)
                sb_putc(&b, ' ');
        sb_putc(&b, s.s[i]);
        begins_line = s.s[i] == '\n';
    }
    return v_take_str(e, &b);
}

static const struct {
    const char *name, *params;
    callee *call;
} filters[] = {
    {"trim", "chars", f_trim},
    {"tojson", "ensure_ascii,indent,separators,sort_keys", f_tojson},
    {"length", "", f_length},
    {"count", "", f_length},
    {"selectattr", "*", f_selectattr},
    {"rejectattr", "*", f_rejectattr},
    {"select", "*", f_select},
    {"reject", "*", f_reject},
    {"map", "*", f_map},
    {"join", "d,attribute", f_join},
    {"lower", "", do_lower},
    {"upper", "", do_upper},
    {"title", "", f_title},
    {"capitalize", "", do_capitalize},
    {"default", "default_value,boolean", f_default},
    {"d", "default_value,boolean", f_default},
    {"dictsort", "case_sensitive,by,reverse", f_dictsort},
    {"list", "", f_list},
    {"string", "", f_string},
    {"safe", "", f_string},
    {"int", "default", f_int},
    {"float", "default", f_float},
    {"abs", "", f_abs},
    {"first", "", f_first},
    {"last", "", f_last},
    {"reverse", "", f_reverse},
    {"unique", "case_sensitive,attribute", f_unique},
    {"sort", "reverse,case_sensitive,attribute", f_sort},
    {"replace", "old,new,count", do_replace},
    {"items", "", do_items},
    {"max", "case_sensitive,attribute", f_max},
    {"min", "case_sensitive,attribute", f_min},
    {"sum", "attribute", f_sum},
    {"indent", "width,first,blank", f_indent},
};

struct value *call_filter(struct eval *e, struct str name, struct value *x, const struct args *a)
{
    for (size_t i = 0; i < sizeof filters / sizeof *filters && !e->failed; i++) {
        if (str_is(name, filters[i].name))
            return args_fit(e, filters[i].name, filters[i].params, a) ? filters[i].call(e, x, a)
                                                                      : failed();
    }
    return fail(e, "the filter \"%.*s\" is not implemented", (int)(name.n < 40 ? name.n : 40),
                name.s);
}
