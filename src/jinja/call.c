/* call.c - the functions and tests that a template may call, each one row of a table. */
#include "jinja/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- functions --- */

static struct value *g_raise(struct eval *e, struct value *x, const struct args *a)
{
    struct value *why = arg_at(a, 0, "message");
    struct str s = why ? text_of(e, why) : STR("");

    (void)x;
    return fail_as(e, VAC_ERR_USAGE, "the template refuses: %.*s", (int)(s.n < 300 ? s.n : 300),
                   s.s);
}

static struct value *g_range(struct eval *e, struct value *x, const struct args *a)
{
    int64_t from = a->n > 1 ? arg_int(e, a, 0, NULL, 0) : 0, to = arg_int(e, a, a->n > 1, NULL, 0);
    int64_t by = arg_int(e, a, 2, NULL, 1);
    struct value *list = v_list(e, 0);

    (void)x;
    if (by == 0 || a->n == 0)
        return fail(e, "range: expected one to three whole numbers, the step not 0");
    if (from < -1000000000 || from > 1000000000 || to < -1000000000 || to > 1000000000 ||
        by > 1000000000 || by < -1000000000)
        return fail(e, "range: too long");
    for (; (by > 0 ? from < to : from > to) && !e->failed && work(e, 1); from += by)
        list_push(e, list, v_int(e, from));
    return list;
}

static struct value *g_namespace(struct eval *e, struct value *x, const struct args *a)
{
    struct value *ns = v_dict(e, V_SPACE);

    (void)x;
    for (size_t i = 0; i < a->n && !e->failed; i++) {
        struct value *from = a->v[i];
        for (size_t k = 0; from->kind == V_DICT && k < from->n; k++)
            dict_put(e, ns, from->pair[k].key, from->pair[k].value);
        if (from->kind != V_DICT) { /* pairs */
            from = v_items(e, from);
            for (size_t k = 0; k < from->n && !e->failed; k++) {
                struct value *pair = v_items(e, from->item[k]);
                if (pair->n != 2)
                    return fail(e, "expected a dict, or a list of pairs");
                dict_put(e, ns, pair->item[0], pair->item[1]);
            }
        }
    }
    for (size_t i = 0; i < a->n_keys; i++)
        dict_put(e, ns, a->key[i].key, a->key[i].value);
    return ns;
}

static struct value *g_dict(struct eval *e, struct value *x, const struct args *a)
{
    struct value *d = g_namespace(e, x, a);

    if (!e->failed)
        d->kind = V_DICT;
    return d;
}

/* Days from 1970-01-01 (Hinnant's civil calendar). */
static long days_of(int y, int m, int d)
{
    int era, yoe, doy;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return (long)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static struct value *g_strftime(struct eval *e, struct value *x, const struct args *a)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    struct value *form = arg_at(a, 0, "format");
    int y = 0, m = 0, d = 0, H = 0, M = 0, S = 0, weekday, yearday;
    struct strbuf b = {0};

    (void)x;
    if (!e->today)
        return fail(e, "strftime_now: the day is not known here");
    if (sscanf(e->today, "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d", &y, &m, &d, &H, &M, &S) < 3 || m < 1 ||
        m > 12 || d < 1 || d > 31 || H > 23 || M > 59 || S > 60)
        return fail(e, "strftime_now: expected a day like 2026-11-26, found \"%.40s\"", e->today);
    if (!form || form->kind != V_STR)
        return fail(e, "strftime_now: expected a format");
    weekday = (int)(((days_of(y, m, d) + 4) % 7 + 7) % 7);
    yearday = (int)(days_of(y, m, d) - days_of(y, 1, 1)) + 1;
    for (size_t i = 0; i < form->s.n && !e->failed; i++) {
        const char *s = form->s.s + i;
        bool bare = i + 2 < form->s.n && s[0] == '%' && s[1] == '-';
        char c = s[0] == '%' && i + 1 < form->s.n ? bare ? s[2] : s[1] : 0;
        if (s[0] != '%') {
            sb_putc(&b, s[0]);
            continue;
        }
        i += 1 + bare;
        switch (c) {
        case 'Y':
            sb_printf(&b, "%d", y);
            break;
        case 'y':
            sb_printf(&b, "%02d", y % 100);
            break;
        case 'm':
            sb_printf(&b, bare ? "%d" : "%02d", m);
            break;
        case 'd':
            sb_printf(&b, bare ? "%d" : "%02d", d);
            break;
        case 'e':
            sb_printf(&b, "%2d", d);
            break;
        case 'B':
            sb_puts(&b, months[m - 1]);
            break;
        case 'b':
        case 'h':
            sb_put(&b, months[m - 1], 3);
            break;
        case 'A':
            sb_puts(&b, days[weekday]);
            break;
        case 'a':
            sb_put(&b, days[weekday], 3);
            break;
        case 'w':
            sb_printf(&b, "%d", weekday);
            break;
        case 'u':
            sb_printf(&b, "%d", weekday ? weekday : 7);
            break;
        case 'j':
            sb_printf(&b, bare ? "%d" : "%03d", yearday);
            break;
        case 'H':
            sb_printf(&b, bare ? "%d" : "%02d", H);
            break;
        case 'I':
            sb_printf(&b, bare ? "%d" : "%02d", H % 12 ? H % 12 : 12);
            break;
        case 'M':
            sb_printf(&b, bare ? "%d" : "%02d", M);
            break;
        case 'S':
            sb_printf(&b, bare ? "%d" : "%02d", S);
            break;
        case 'p':
            sb_puts(&b, H < 12 ? "AM" : "PM");
            break;
        case 'F':
            sb_printf(&b, "%04d-%02d-%02d", y, m, d);
            break;
        case 'T':
            sb_printf(&b, "%02d:%02d:%02d", H, M, S);
            break;
        case 'D':
            sb_printf(&b, "%02d/%02d/%02d", m, d, y % 100);
            break;
        case '%':
            sb_putc(&b, '%');
            break;
        default:
            fail(e, "strftime_now: %%%c is not implemented", c);
        }
    }
    return v_take_str(e, &b);
}

static const struct {
    const char *name, *params;
    callee *call;
} functions[] = {{"raise_exception", "message", g_raise},
                 {"range", "#,#,#", g_range},
                 {"namespace", "*", g_namespace},
                 {"dict", "*", g_dict},
                 {"strftime_now", "format", g_strftime}};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

struct value *global_function(struct eval *e, struct str name)
{
    struct value *f;

    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        if (!str_is(name, functions[i].name))
            continue;
        f = v_str(e, name.s, name.n);
        if (!e->failed) {
            f->kind = V_FUNC;
            f->i = (int64_t)i;
        }
        return f;
    }
    return NULL;
}

struct value *call_function(struct eval *e, struct value *f, const struct args *a)
{
    if (f->self)
        return call_method(e, f, a);
    return args_fit(e, functions[f->i].name, functions[f->i].params, a)
               ? functions[f->i].call(e, NULL, a)
               : failed();
}

/* --- tests --- */

static bool is_in(struct eval *e, struct value *x, struct value *of)
{
    if (of->kind == V_STR) {
        if (x->kind != V_STR) {
            fail(e, "\"in\" a string: expected a string, found a %s", v_type(x));
            return false;
        }
        return str_find(of->s, x->s) != NULL;
    }
    if (of->kind == V_ONCE)
        of = v_items(e, of);
    if (of->kind != V_LIST && of->kind != V_DICT && of->kind != V_UNDEFINED) {
        fail(e, "\"in\": a %s holds nothing", v_type(of));
        return false;
    }
    for (size_t i = 0; i < of->n && !e->failed; i++) {
        if (v_equal(e, of->kind == V_DICT ? of->pair[i].key : of->item[i], x))
            return true;
    }
    return false;
}

struct value *call_test(struct eval *e, struct str name, struct value *x, const struct args *a)
{
    struct value *with = arg_at(a, 0, NULL);
    static const struct {
        const char *name;
        unsigned kinds;
    } kinds[] = {
        {"undefined", 1u << V_UNDEFINED},
        {"none", 1u << V_NONE},
        {"boolean", 1u << V_BOOL},
        {"integer", 1u << V_INT},
        {"float", 1u << V_FLOAT},
        {"number", 1u << V_INT | 1u << V_FLOAT | 1u << V_BOOL},
        {"string", 1u << V_STR},
        {"mapping", 1u << V_DICT},
        {"sequence", 1u << V_STR | 1u << V_LIST | 1u << V_DICT | 1u << V_UNDEFINED},
        {"iterable", 1u << V_STR | 1u << V_LIST | 1u << V_ONCE | 1u << V_DICT | 1u << V_UNDEFINED},
        {"callable", 1u << V_FUNC | 1u << V_MACRO | 1u << V_UNDEFINED}};
    static const struct {
        const char *name, *op;
    } compared[] = {{"equalto", "=="}, {"eq", "=="}, {"==", "=="},      {"ne", "!="},
                    {"!=", "!="},      {"lt", "<"},  {"lessthan", "<"}, {"<", "<"},
                    {"le", "<="},      {"<=", "<="}, {"gt", ">"},       {"greaterthan", ">"},
                    {">", ">"},        {"ge", ">="}, {">=", ">="}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (str_is(name, kinds[i].name))
            return v_bool(e, kinds[i].kinds >> x->kind & 1);
    }
    if (str_is(name, "defined"))
        return v_bool(e, x->kind != V_UNDEFINED);
    if (str_is(name, "true") || str_is(name, "false"))
        return v_bool(e, x->kind == V_BOOL && (x->i != 0) == str_is(name, "true"));
    for (size_t i = 0; with && i < sizeof compared / sizeof *compared; i++) {
        const char *op = compared[i].op;
        int c;
        if (!str_is(name, compared[i].name))
            continue;
        if (op[0] == '=' || op[0] == '!')
            return v_bool(e, v_equal(e, x, with) == (op[0] == '='));
        c = v_compare(e, x, with);
        return v_bool(e, op[0] == '<' ? c < 0 || (op[1] && c == 0) : c > 0 || (op[1] && c == 0));
    }
    if (str_is(name, "in") && with)
        return v_bool(e, is_in(e, x, with));
    if (x->kind == V_INT && (str_is(name, "odd") || str_is(name, "even")))
        return v_bool(e, (x->i % 2 != 0) == str_is(name, "odd"));
    if (x->kind == V_INT && str_is(name, "divisibleby") && with && with->kind == V_INT && with->i)
        return v_bool(e, x->i % with->i == 0);
    if (x->kind == V_STR && (str_is(name, "lower") || str_is(name, "upper"))) {
        struct value *y = str_cased(e, x->s, str_is(name, "lower") ? LOWER : UPPER);
        struct value *z = str_cased(e, x->s, str_is(name, "lower") ? UPPER : LOWER);
        return v_bool(e, v_equal(e, x, y) && !v_equal(e, x, z));
    }
    return fail(e, "the test \"%.*s\" is not implemented", (int)(name.n < 40 ? name.n : 40),
                name.s);
}
