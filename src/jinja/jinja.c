/* jinja.c - a template evaluated: statements write, expressions give values. */
#include "jinja/jinja.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/call.h"
#include "jinja/filter.h"
#include "jinja/parse.h"

struct jinja {
    char *name;
    struct arena arena;
    struct node *root;
};

static struct value *eval(struct eval *e, const struct node *n);
static void run(struct eval *e, const struct node *n);

/* --- names --- */

static struct value *look_up(struct eval *e, struct str name)
{
    struct value *v;

    for (const struct scope *s = e->scope; s; s = s->up) {
        v = dict_get(e, s->names, name);
        if (v)
            return v;
        work(e, 1);
    }
    v = global_function(e, name);
    return v ? v : v_undefined(e, name);
}

static void name_put(struct eval *e, struct scope *s, struct str name, struct value *v)
{
    dict_put(e, s->names, v_str(e, name.s, name.n), v);
}

/* --- calls --- */

static void eval_args(struct eval *e, const struct node *list, struct args *a)
{
    size_t n = 0;

    *a = (struct args){0};
    for (const struct node *x = list; x; x = x->next)
        n++;
    a->v = take(e, n + 1, sizeof *a->v);
    a->key = take(e, n + 1, sizeof *a->key);
    for (const struct node *x = list; x && !e->failed; x = x->next) {
        if (x->kind == NODE_KEYWORD)
            a->key[a->n_keys++] = (struct pair){v_str(e, x->text.s, x->text.n), eval(e, x->a)};
        else
            a->v[a->n++] = eval(e, x);
    }
    if (e->failed)
        *a = (struct args){0};
}

/* A macro sees its parameters and what stands at the top of the template. */
static struct value *call_macro(struct eval *e, const struct value *f, const struct args *a)
{
    struct scope own = {.up = e->globals, .names = v_dict(e, V_SPACE)}, *before = e->scope;
    struct strbuf text = {0}, *sink = e->sink;
    size_t i = 0;

    for (const struct node *p = f->macro->list; p && !e->failed; p = p->next, i++) {
        struct value *v = i < a->n ? a->v[i] : NULL;
        for (size_t k = 0; k < a->n_keys && !v; k++)
            v = str_is(p->text, "") || a->key[k].key->s.n != p->text.n ||
                        memcmp(a->key[k].key->s.s, p->text.s, p->text.n)
                    ? NULL
                    : a->key[k].value;
        e->scope = &own;
        if (!v)
            v = p->a ? eval(e, p->a) : v_undefined(e, p->text);
        name_put(e, &own, p->text, v);
    }
    for (size_t k = 0; k < a->n_keys && !e->failed; k++) {
        if (!dict_get(e, own.names, a->key[k].key->s))
            fail(e, "the macro \"%.*s\" has no parameter \"%.*s\"",
                 (int)(f->s.n < 40 ? f->s.n : 40), f->s.s,
                 (int)(a->key[k].key->s.n < 40 ? a->key[k].key->s.n : 40), a->key[k].key->s.s);
    }
    if (a->n > i)
        fail(e, "the macro \"%.*s\" takes %zu arguments", (int)(f->s.n < 40 ? f->s.n : 40), f->s.s,
             i);
    e->scope = &own;
    e->sink = &text;
    run(e, f->macro->body);
    e->scope = before;
    e->sink = sink;
    return v_take_str(e, &text);
}

static struct value *call(struct eval *e, const struct node *n)
{
    struct value *f = eval(e, n->a);
    struct args a;

    eval_args(e, n->list, &a);
    e->line = n->line;
    if (e->failed)
        return failed();
    if (f->kind == V_FUNC)
        return call_function(e, f, &a);
    if (f->kind == V_MACRO)
        return call_macro(e, f, &a);
    if (f->kind == V_UNDEFINED && n->a->kind == NODE_ATTR)
        return fail(e, "the method \"%.*s\" is not implemented", (int)(f->s.n < 60 ? f->s.n : 60),
                    f->s.s);
    if (f->kind == V_UNDEFINED)
        return undefined_use(e, f);
    return fail(e, "a %s cannot be called", v_type(f));
}

/* --- operators --- */

static struct value *repeated(struct eval *e, const struct value *x, int64_t times)
{
    struct strbuf b = {0};
    struct value *list = x->kind == V_LIST ? v_list(e, 0) : NULL;

    for (int64_t i = 0; i < times && !e->failed && work(e, 1 + (list ? x->n : x->s.n / 64)); i++) {
        for (size_t k = 0; list && k < x->n; k++)
            list_push(e, list, x->item[k]);
        if (!list)
            sb_put(&b, x->s.s, x->s.n);
        if (b.len > BYTES_MAX / 2)
            fail(e, "a text grows too long");
    }
    if (!list)
        return v_take_str(e, &b);
    return list;
}

static struct value *arithmetic(struct eval *e, const char *op, const struct value *a,
                                const struct value *b)
{
    bool whole = a->kind != V_FLOAT && b->kind != V_FLOAT;
    double x = a->kind == V_FLOAT ? a->f : (double)a->i,
           y = b->kind == V_FLOAT ? b->f : (double)b->i;
    int64_t i = a->i, k = b->i, r;

    if (strchr("/%", *op) && y == 0)
        return fail(e, "division by zero");
    if (whole && *op == '+')
        return __builtin_add_overflow(i, k, &r) ? fail(e, "a number grows too large") : v_int(e, r);
    if (whole && *op == '-')
        return __builtin_sub_overflow(i, k, &r) ? fail(e, "a number grows too large") : v_int(e, r);
    if (whole && !strcmp(op, "*"))
        return __builtin_mul_overflow(i, k, &r) ? fail(e, "a number grows too large") : v_int(e, r);
    if (whole && k == -1 && (*op == '%' || !strcmp(op, "//")))
        return *op == '%'       ? v_int(e, 0)
               : i == INT64_MIN ? fail(e, "a number grows too large")
                                : v_int(e, -i);
    if (whole && *op == '%')
        return v_int(e, (i % k + k) % k);
    if (whole && !strcmp(op, "//"))
        return v_int(e, i / k - (i % k != 0 && (i % k < 0) != (k < 0)));
    if (!strcmp(op, "**")) {
        double p = pow(x, y);
        if (isnan(p))
            return fail(e, "a power that is no real number");
        return whole && k >= 0 && fabs(p) < 9e15 ? v_int(e, (int64_t)p) : v_float(e, p);
    }
    return v_float(e, *op == '+'          ? x + y
                      : *op == '-'        ? x - y
                      : !strcmp(op, "*")  ? x * y
                      : !strcmp(op, "//") ? floor(x / y)
                      : *op == '%'        ? x - y * floor(x / y)
                                          : x / y);
}

static bool numeric(const struct value *v)
{
    return v->kind == V_INT || v->kind == V_FLOAT || v->kind == V_BOOL;
}

static struct value *binary(struct eval *e, struct str sign, struct value *a, struct value *b)
{
    char op[3] = "";
    struct value *list;

    memcpy(op, sign.s, sign.n < 2 ? sign.n : 2);
    if (e->failed)
        return failed();
    if (*op == '~' || (*op == '+' && a->kind == V_STR && b->kind == V_STR)) {
        struct strbuf text = {0};
        v_print(e, &text, a, false);
        v_print(e, &text, b, false);
        return v_take_str(e, &text);
    }
    if (a->kind == V_UNDEFINED || b->kind == V_UNDEFINED)
        return undefined_use(e, a->kind == V_UNDEFINED ? a : b);
    if (numeric(a) && numeric(b))
        return arithmetic(e, op, a, b);
    if (*op == '+' && a->kind == V_LIST && b->kind == V_LIST && a->tuple == b->tuple) {
        list = v_list(e, a->n + b->n);
        for (size_t i = 0; i < a->n + b->n && !e->failed; i++)
            list_push(e, list, i < a->n ? a->item[i] : b->item[i - a->n]);
        return list;
    }
    if (!strcmp(op, "*") && (a->kind == V_STR || a->kind == V_LIST) && b->kind == V_INT)
        return repeated(e, a, b->i);
    if (!strcmp(op, "*") && (b->kind == V_STR || b->kind == V_LIST) && a->kind == V_INT)
        return repeated(e, b, a->i);
    return fail(e, "%s is not for a %s and a %s", op, v_type(a), v_type(b));
}

static bool compare(struct eval *e, struct str op, struct value *a, struct value *b)
{
    struct args with = {.v = &b, .n = 1};
    int c;

    if (str_is(op, "in") || str_is(op, "not in"))
        return v_true(call_test(e, STR("in"), a, &with)) == str_is(op, "in");
    if (str_is(op, "==") || str_is(op, "!="))
        return v_equal(e, a, b) == str_is(op, "==");
    if (a->kind == V_UNDEFINED || b->kind == V_UNDEFINED) {
        undefined_use(e, a->kind == V_UNDEFINED ? a : b);
        return false;
    }
    c = v_compare(e, a, b);
    if (op.s[0] == '<')
        return c < 0 || (op.n == 2 && c == 0);
    return c > 0 || (op.n == 2 && c == 0);
}

/* A bound of a slice with a step of sign `by`, as Python clips it. */
static int64_t slice_bound(struct eval *e, const struct node *n, int64_t len, int64_t by,
                           bool begin)
{
    struct value *v = n ? eval(e, n) : NULL;
    int64_t at, low = by < 0 ? -1 : 0, high = by < 0 ? len - 1 : len;

    if (!v || v->kind == V_NONE)
        return (by > 0) == begin ? low : high;
    if (v->kind != V_INT && v->kind != V_BOOL) {
        fail(e, "a slice needs whole numbers");
        return 0;
    }
    at = v->i < 0 ? v->i + len : v->i;
    return at < low ? low : at > high ? high : at;
}

static struct value *slice(struct eval *e, const struct node *n)
{
    struct value *x = eval(e, n->a), *step = n->body ? eval(e, n->body) : NULL, *out;
    int64_t len, by = step && step->kind == V_INT ? step->i : 1, from, to;
    bool text;

    if (x->kind == V_UNDEFINED)
        return undefined_use(e, x);
    if (x->kind != V_LIST && x->kind != V_STR)
        return fail(e, "a %s has no slices", v_type(x));
    if (by == 0)
        return fail(e, "a slice with a step of 0");
    len = x->kind == V_LIST ? (int64_t)x->n : (int64_t)str_length(x->s);
    from = slice_bound(e, n->b, len, by, true);
    to = slice_bound(e, n->c, len, by, false);
    if (e->failed)
        return failed();
    if (x->kind == V_STR && by == 1) {
        struct str s = from < to ? str_slice(x->s, (size_t)from, (size_t)to) : STR("");
        work(e, (size_t)len / 16);
        return v_str(e, s.s, s.n);
    }
    text = x->kind == V_STR;
    out = v_list(e, 0);
    if (!e->failed)
        out->tuple = x->tuple;
    x = v_items(e, x);
    by = by > len ? len + 1 : by < -len ? -len - 1 : by;
    for (; (by > 0 ? from < to : from > to) && !e->failed && work(e, 1); from += by)
        list_push(e, out, x->item[from]);
    return text ? call_filter(e, STR("join"), out, &(struct args){0}) : out;
}

/* --- expressions --- */

static struct value *eval_kind(struct eval *e, const struct node *n)
{
    struct value *a, *b;
    struct args args;

    switch (n->kind) {
    case NODE_CONST:
        return n->value;
    case NODE_NAME:
        return look_up(e, n->text);
    case NODE_LIST:
        a = v_list(e, 0);
        if (!e->failed)
            a->tuple = n->text.n > 0;
        for (const struct node *x = n->list; x && !e->failed; x = x->next)
            list_push(e, a, eval(e, x));
        return a;
    case NODE_DICT:
        a = v_dict(e, V_DICT);
        for (const struct node *x = n->list; x && !e->failed; x = x->next) {
            b = eval(e, x->a);
            dict_put(e, a, b, eval(e, x->b));
        }
        return a;
    case NODE_ATTR:
        a = eval(e, n->a);
        e->line = n->line;
        return get_attr(e, a, n->text);
    case NODE_ITEM:
        a = eval(e, n->a);
        b = n->b ? eval(e, n->b) : v_none(e);
        e->line = n->line;
        return get_item(e, a, b);
    case NODE_SLICE:
        return slice(e, n);
    case NODE_CALL:
        return call(e, n);
    case NODE_FILTER:
        a = eval(e, n->a);
        eval_args(e, n->list, &args);
        e->line = n->line;
        return call_filter(e, n->text, a, &args);
    case NODE_TEST:
        a = eval(e, n->a);
        eval_args(e, n->list, &args);
        e->line = n->line;
        return call_test(e, n->text, a, &args);
    case NODE_NOT:
        return v_bool(e, !v_true(eval(e, n->a)));
    case NODE_AND:
    case NODE_OR:
        a = eval(e, n->a);
        return v_true(a) == (n->kind == NODE_AND) ? eval(e, n->b) : a;
    case NODE_COND:
        if (v_true(eval(e, n->a)))
            return eval(e, n->b);
        return n->c ? eval(e, n->c) : v_undefined(e, STR("an if without else"));
    case NODE_UNARY:
        a = eval(e, n->a);
        if (!numeric(a))
            return fail(e, "%.*s is not for a %s", (int)n->text.n, n->text.s, v_type(a));
        b = v_int(e, 0);
        return arithmetic(e, n->text.s[0] == '-' ? "-" : "+", b, a);
    case NODE_BINARY:
        a = eval(e, n->a);
        b = eval(e, n->b);
        e->line = n->line;
        return binary(e, n->text, a, b);
    case NODE_COMPARE:
        a = eval(e, n->a);
        for (const struct node *x = n->list; x && !e->failed; x = x->next) {
            b = eval(e, x->b);
            e->line = x->line;
            if (e->failed || !compare(e, x->text, a, b))
                return v_bool(e, false);
            a = b;
        }
        return v_bool(e, true);
    default:
        return fail(e, "no expression");
    }
}

static struct value *eval(struct eval *e, const struct node *n)
{
    struct value *v;

    if (e->failed || !n || !work(e, 1))
        return failed();
    if (++e->depth > DEPTH_MAX)
        v = fail(e, "the template is nested too deeply");
    else
        v = eval_kind(e, n);
    e->depth--;
    return v;
}

/* --- statements --- */

static void write_text(struct eval *e, const char *s, size_t n)
{
    if (n > OUTPUT_MAX || e->sink->len > OUTPUT_MAX - n)
        fail(e, "the text is longer than %zu MB", OUTPUT_MAX >> 20);
    else
        sb_put(e->sink, s, n);
    if (e->sink->bad)
        fail_as(e, VAC_ERR_MEMORY, "out of memory");
    work(e, n / 64);
}

static void assign_one(struct eval *e, const struct node *to, struct value *v)
{
    struct value *ns;

    e->line = to->line;
    if (to->kind == NODE_NAME) {
        name_put(e, e->scope, to->text, v);
        return;
    }
    ns = eval(e, to->a);
    if (ns->kind != V_SPACE) {
        fail(e, "only a namespace's attributes can be set");
        return;
    }
    dict_put(e, ns, v_str(e, to->text.s, to->text.n), v);
}

static void assign(struct eval *e, const struct node *targets, struct value *v)
{
    size_t n = 0, i = 0;

    for (const struct node *t = targets; t; t = t->next)
        n++;
    if (n == 1) {
        assign_one(e, targets, v);
        return;
    }
    v = v_items(e, v);
    if (v->n != n) {
        fail(e, "%zu values for %zu names", v->n, n);
        return;
    }
    for (const struct node *t = targets; t && !e->failed; t = t->next)
        assign_one(e, t, v->item[i++]);
}

static void loop_put(struct eval *e, struct value *loop, const char *name, struct value *v)
{
    dict_put(e, loop, v_str(e, name, strlen(name)), v);
}

static struct value *loop_of(struct eval *e, const struct value *items, size_t i)
{
    struct value *loop = v_dict(e, V_DICT);
    int64_t n = (int64_t)items->n, at = (int64_t)i;

    loop_put(e, loop, "index", v_int(e, at + 1));
    loop_put(e, loop, "index0", v_int(e, at));
    loop_put(e, loop, "revindex", v_int(e, n - at));
    loop_put(e, loop, "revindex0", v_int(e, n - at - 1));
    loop_put(e, loop, "first", v_bool(e, i == 0));
    loop_put(e, loop, "last", v_bool(e, at + 1 == n));
    loop_put(e, loop, "length", v_int(e, n));
    loop_put(e, loop, "depth", v_int(e, 1)); /* of loops that call themselves, which are not here */
    loop_put(e, loop, "depth0", v_int(e, 0));
    if (i > 0)
        loop_put(e, loop, "previtem", items->item[i - 1]);
    if (at + 1 < n)
        loop_put(e, loop, "nextitem", items->item[i + 1]);
    return loop;
}

static void run_for(struct eval *e, const struct node *n)
{
    struct value *items = v_items(e, eval(e, n->a)), *kept = items;
    struct scope own = {.up = e->scope}, *before = e->scope;

    e->scope = &own;
    if (n->b) { /* what the filter leaves is what loop counts */
        kept = v_list(e, 0);
        for (size_t i = 0; i < items->n && !e->failed; i++) {
            own.names = v_dict(e, V_SPACE);
            assign(e, n->list, items->item[i]);
            if (v_true(eval(e, n->b)))
                list_push(e, kept, items->item[i]);
        }
    }
    for (size_t i = 0; i < kept->n && !e->failed && e->run != RUN_BREAK; i++) {
        own.names = v_dict(e, V_SPACE);
        name_put(e, &own, STR("loop"), loop_of(e, kept, i));
        assign(e, n->list, kept->item[i]);
        run(e, n->body);
        if (e->run == RUN_CONTINUE)
            e->run = RUN_ON;
    }
    e->run = RUN_ON;
    own.names = v_dict(e, V_SPACE);
    if (kept->n == 0 && !e->failed)
        run(e, n->c);
    e->scope = before;
}

static void run_set(struct eval *e, const struct node *n)
{
    struct strbuf text = {0}, *sink = e->sink;

    if (n->a) {
        assign(e, n->list, eval(e, n->a));
        return;
    }
    e->sink = &text;
    run(e, n->body);
    e->sink = sink;
    assign(e, n->list, v_take_str(e, &text));
}

static void run_generation(struct eval *e, const struct node *n)
{
    struct jinja_output *out = e->out;
    size_t from = out->text.len;

    run(e, n->body);
    if (e->failed || e->sink != &out->text || out->text.len == from)
        return;
    if (mem_grow(&out->span, &out->cap_spans, out->n_spans + 1, sizeof *out->span, NULL))
        fail_as(e, VAC_ERR_MEMORY, "out of memory");
    else
        out->span[out->n_spans++] = (struct jinja_span){from, out->text.len};
}

static void run_one(struct eval *e, const struct node *n)
{
    struct value *v;

    switch (n->kind) {
    case NODE_TEXT:
        write_text(e, n->text.s, n->text.n);
        break;
    case NODE_PRINT:
        v = v_text(e, eval(e, n->a));
        if (!e->failed)
            write_text(e, v->s.s, v->s.n);
        break;
    case NODE_IF:
        run(e, v_true(eval(e, n->a)) ? n->b : n->c);
        break;
    case NODE_FOR:
        run_for(e, n);
        break;
    case NODE_SET:
        run_set(e, n);
        break;
    case NODE_MACRO:
        v = v_str(e, n->text.s, n->text.n);
        if (e->failed)
            break;
        v->kind = V_MACRO;
        v->macro = n;
        name_put(e, e->scope, n->text, v);
        break;
    case NODE_BREAK:
    case NODE_CONTINUE:
        e->run = n->kind == NODE_BREAK ? RUN_BREAK : RUN_CONTINUE;
        break;
    case NODE_GENERATION:
        run_generation(e, n);
        break;
    default:
        fail(e, "no statement");
    }
}

static void run(struct eval *e, const struct node *n)
{
    if (++e->depth > DEPTH_MAX)
        fail(e, "the template is nested too deeply");
    for (; n && !e->failed && e->run == RUN_ON && work(e, 1); n = n->next) {
        e->line = n->line;
        run_one(e, n);
    }
    e->depth--;
}

/* --- the whole --- */

struct jinja *jinja_parse(const char *text, size_t len, const char *name, struct vac_err *err)
{
    struct jinja *j = mem_new(1, sizeof *j, err);
    struct tokens t = {0};
    struct vac_err why = {0};
    char *copy;

    if (!j)
        return NULL;
    j->name = mem_strdup(name, &why);
    copy = arena_strndup(&j->arena, text, len, &why);
    if (j->name && copy && !lex(copy, len, &j->arena, &t, &why))
        j->root = parse(&t, &j->arena, &why);
    free(t.v);
    if (j->root)
        return j;
    err_set(err, why.code ? why.code : VAC_ERR_MEMORY, "%s: %s", name,
            why.code ? why.msg : "out of memory");
    jinja_free(j);
    return NULL;
}

void jinja_free(struct jinja *j)
{
    if (!j)
        return;
    arena_done(&j->arena);
    free(j->name);
    free(j);
}

int jinja_render(const struct jinja *j, const cJSON *vars, const char *today,
                 struct jinja_output *out, struct vac_err *err)
{
    struct eval e = {.name = j->name, .out = out, .today = today, .line = 1, .err = err};
    struct scope top = {0}, given = {0};

    sb_clear(&out->text);
    out->n_spans = 0;
    e.sink = &out->text;
    given.names = v_dict(&e, V_SPACE);
    top = (struct scope){.up = &given, .names = v_dict(&e, V_SPACE)};
    e.scope = e.globals = &top;
    for (const cJSON *x = vars ? vars->child : NULL; x && !e.failed; x = x->next)
        name_put(&e, &given, (struct str){x->string, strlen(x->string)}, v_json(&e, x));
    run(&e, j->root->body);
    arena_done(&e.arena);
    if (e.failed)
        return -1;
    sb_put(&out->text, "", 0);
    return sb_ok(&out->text, err);
}

void jinja_output_done(struct jinja_output *out)
{
    sb_done(&out->text);
    free(out->span);
    *out = (struct jinja_output){0};
}
