/* parse.c - tokens as a tree: statements, and expressions by precedence as Jinja has it. */
#include "jinja/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/value.h"

struct parser {
    const struct token *t;
    struct arena *a;
    int depth;
    bool failed;
    struct vac_err *err;
};

static struct node *expression(struct parser *p);
static struct node *unary(struct parser *p, bool with_filters);
static struct node *statements(struct parser *p, const char *const *until);

static struct node *bad(struct parser *p, const char *what)
{
    struct str t = p->t->text;

    if (!p->failed)
        err_set(p->err, VAC_ERR_FORMAT, "line %d: %s%s%.*s%s", p->t->line, what,
                p->t->kind == TOK_END ? ", found the end" : ", found \"",
                p->t->kind == TOK_END ? 0 : (int)(t.n < 40 ? t.n : 40), t.s,
                p->t->kind == TOK_END ? "" : "\"");
    p->failed = true;
    return NULL;
}

static struct node *node(struct parser *p, enum node_kind kind)
{
    struct node *n = p->failed ? NULL : arena_alloc(p->a, 1, sizeof *n, p->err);

    if (!n) {
        p->failed = true;
        return NULL;
    }
    n->kind = kind;
    n->line = p->t->line;
    return n;
}

static bool is_op(const struct parser *p, const char *op)
{
    return !p->failed && p->t->kind == TOK_OP && str_is(p->t->text, op);
}

static bool is_name(const struct parser *p, const char *name)
{
    return !p->failed && p->t->kind == TOK_NAME && str_is(p->t->text, name);
}

static bool skip_op(struct parser *p, const char *op)
{
    bool there = is_op(p, op);

    p->t += there;
    return there;
}

static bool skip_name(struct parser *p, const char *name)
{
    bool there = is_name(p, name);

    p->t += there;
    return there;
}

static void want_op(struct parser *p, const char *op)
{
    char what[32] = "expected \"";

    if (skip_op(p, op))
        return;
    strcat(strcat(what, op), "\"");
    bad(p, what);
}

static struct str want_name(struct parser *p)
{
    struct str s = p->t->text;

    if (p->failed || p->t->kind != TOK_NAME) {
        bad(p, "expected a name");
        return (struct str){"", 0};
    }
    p->t++;
    return s;
}

/* --- expressions --- */

static struct node *constant(struct parser *p, struct value v)
{
    struct node *n = node(p, NODE_CONST);

    if (!n || !(n->value = arena_alloc(p->a, 1, sizeof v, p->err))) {
        p->failed = true;
        return NULL;
    }
    *n->value = v;
    return n;
}

static struct node *string(struct parser *p)
{
    struct strbuf b = {0};
    struct node *n;
    char *copy;

    for (; p->t->kind == TOK_STRING; p->t++) /* neighbours are one */
        sb_put(&b, p->t->text.s, p->t->text.n);
    copy = arena_strndup(p->a, b.s ? b.s : "", b.len, p->err);
    n = copy ? constant(p, (struct value){.kind = V_STR, .s = {copy, b.len}}) : NULL;
    p->failed |= !n;
    sb_done(&b);
    return n;
}

static struct node *number(struct parser *p)
{
    char text[64], *end;
    size_t n = 0;
    struct value v = {.kind = p->t->kind == TOK_INT ? V_INT : V_FLOAT};

    for (size_t i = 0; i < p->t->text.n && n + 1 < sizeof text; i++)
        if (p->t->text.s[i] != '_')
            text[n++] = p->t->text.s[i];
    text[n] = '\0';
    errno = 0;
    if (v.kind == V_INT)
        v.i = strtoll(text, &end, 10);
    else
        v.f = strtod(text, &end);
    if (*end || p->t->text.n + 1 > sizeof text || (v.kind == V_INT && errno))
        return bad(p, "expected a number of at most 18 digits");
    p->t++;
    return constant(p, v);
}

/* Expressions up to a closing sign, with commas between; keywords where they may be. */
static struct node *items(struct parser *p, const char *close, bool keywords, bool *comma)
{
    struct node *first = NULL, **to = &first;

    while (!p->failed && !is_op(p, close)) {
        if (keywords && p->t->kind == TOK_NAME && p->t[1].kind == TOK_OP &&
            str_is(p->t[1].text, "=")) {
            *to = node(p, NODE_KEYWORD);
            if (!*to)
                return NULL;
            (*to)->text = p->t->text;
            p->t += 2;
            (*to)->a = expression(p);
        } else {
            *to = expression(p);
        }
        if (p->failed)
            return NULL;
        to = &(*to)->next;
        if (!skip_op(p, ","))
            break;
        if (comma)
            *comma = true;
    }
    want_op(p, close);
    return first;
}

static struct node *dict(struct parser *p)
{
    struct node *n = node(p, NODE_DICT), **to;

    if (!n)
        return NULL;
    p->t++;
    for (to = &n->list; !p->failed && !is_op(p, "}"); to = &(*to)->next) {
        *to = node(p, NODE_PAIR);
        if (!*to)
            return NULL;
        (*to)->a = expression(p);
        want_op(p, ":");
        (*to)->b = expression(p);
        if (p->failed || !skip_op(p, ","))
            break;
    }
    want_op(p, "}");
    return n;
}

static struct node *primary(struct parser *p)
{
    static const struct {
        const char *name;
        struct value v;
    } words[] = {{"true", {.kind = V_BOOL, .i = 1}}, {"True", {.kind = V_BOOL, .i = 1}},
                 {"false", {.kind = V_BOOL}},        {"False", {.kind = V_BOOL}},
                 {"none", {.kind = V_NONE}},         {"None", {.kind = V_NONE}}};
    struct node *n;
    bool comma = false;

    switch (p->t->kind) {
    case TOK_STRING:
        return string(p);
    case TOK_INT:
    case TOK_FLOAT:
        return number(p);
    case TOK_NAME:
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            if (is_name(p, words[i].name)) {
                p->t++;
                return constant(p, words[i].v);
            }
        }
        n = node(p, NODE_NAME);
        if (n)
            n->text = p->t++->text;
        return n;
    default:
        break;
    }
    if (is_op(p, "{"))
        return dict(p);
    if (is_op(p, "[")) {
        n = node(p, NODE_LIST);
        p->t++;
        if (n)
            n->list = items(p, "]", false, NULL);
        return n;
    }
    if (!is_op(p, "("))
        return bad(p, "expected an expression");
    n = node(p, NODE_LIST);
    p->t++;
    if (!n)
        return NULL;
    n->list = items(p, ")", false, &comma);
    n->value = NULL;
    if (n->list && !comma)
        return n->list;  /* only brackets */
    n->text = STR("()"); /* a tuple */
    return n;
}

static struct node *subscript(struct parser *p, struct node *of)
{
    struct node *n = node(p, NODE_ITEM);

    if (!n)
        return NULL;
    n->a = of;
    if (!is_op(p, ":"))
        n->b = expression(p);
    if (skip_op(p, ":")) {
        n->kind = NODE_SLICE;
        if (!is_op(p, "]") && !is_op(p, ":"))
            n->c = expression(p);
        if (skip_op(p, ":") && !is_op(p, "]"))
            n->body = expression(p);
    }
    want_op(p, "]");
    return n;
}

/* What hangs on an expression: .name [item] (call) */
static struct node *postfix(struct parser *p, struct node *of)
{
    while (of && !p->failed) {
        struct node *n;
        if (is_op(p, ".")) {
            n = node(p, NODE_ATTR);
            p->t++;
            if (!n)
                return NULL;
            if (p->t->kind == TOK_INT) { /* x.0 is x[0] */
                n->kind = NODE_ITEM;
                n->b = number(p);
            } else {
                n->text = want_name(p);
            }
            n->a = of;
        } else if (skip_op(p, "[")) {
            n = subscript(p, of);
        } else if (is_op(p, "(")) {
            n = node(p, NODE_CALL);
            p->t++;
            if (!n)
                return NULL;
            n->a = of;
            n->list = items(p, ")", true, NULL);
        } else {
            return of;
        }
        of = n;
    }
    return of;
}

/* A test's argument may stand without brackets: x is equalto 3. */
static bool begins_argument(const struct parser *p)
{
    if (p->t->kind == TOK_NAME)
        return !is_name(p, "else") && !is_name(p, "or") && !is_name(p, "and") &&
               !is_name(p, "if") && !is_name(p, "is") && !is_name(p, "not") && !is_name(p, "in");
    return p->t->kind == TOK_STRING || p->t->kind == TOK_INT || p->t->kind == TOK_FLOAT ||
           is_op(p, "[") || is_op(p, "{");
}

static struct node *filters(struct parser *p, struct node *x)
{
    while (x && !p->failed && (is_op(p, "|") || is_name(p, "is"))) {
        bool test = is_name(p, "is"), negated;
        struct node *n = node(p, test ? NODE_TEST : NODE_FILTER), *not ;
        p->t++;
        negated = test && skip_name(p, "not");
        if (!n)
            return NULL;
        n->a = x;
        n->text = want_name(p);
        if (skip_op(p, "("))
            n->list = items(p, ")", true, NULL);
        else if (test && begins_argument(p))
            n->list = postfix(p, primary(p));
        x = n;
        if (negated) {
            not = node(p, NODE_NOT);
            if (!not )
                return NULL;
            not ->a = x;
            x = not ;
        }
    }
    return x;
}

static struct node *binary(struct parser *p, const char *const *ops,
                           struct node *(*operand)(struct parser *p))
{
    struct node *x = operand(p);

    for (size_t i = 0; x && !p->failed && ops[i];) {
        struct node *n;
        if (!is_op(p, ops[i])) {
            i++;
            continue;
        }
        n = node(p, NODE_BINARY);
        if (!n)
            return NULL;
        n->text = p->t++->text;
        n->a = x;
        n->b = operand(p);
        x = n;
        i = 0;
    }
    return x;
}

static struct node *power(struct parser *p)
{
    struct node *x = unary(p, true);

    while (x && is_op(p, "**")) {
        struct node *n = node(p, NODE_BINARY);
        if (!n)
            return NULL;
        n->text = p->t++->text;
        n->a = x;
        n->b = unary(p, true);
        x = n;
    }
    return x;
}

static struct node *product(struct parser *p)
{
    return binary(p, (const char *const[]){"*", "/", "//", "%", NULL}, power);
}

static struct node *joined(struct parser *p)
{
    return binary(p, (const char *const[]){"~", NULL}, product);
}

static struct node *sum(struct parser *p)
{
    return binary(p, (const char *const[]){"+", "-", NULL}, joined);
}

static struct node *unary(struct parser *p, bool with_filters)
{
    struct node *n, *x;

    if (++p->depth > DEPTH_MAX)
        return bad(p, "expressions are nested too deeply");
    if (is_op(p, "-") || is_op(p, "+")) {
        n = node(p, NODE_UNARY);
        if (n) {
            n->text = p->t++->text;
            n->a = unary(p, false);
        }
        x = n;
    } else {
        x = primary(p);
    }
    x = postfix(p, x);
    if (with_filters)
        x = filters(p, x);
    p->depth--;
    return x;
}

static struct node *compare(struct parser *p)
{
    static const char *const ops[] = {"==", "!=", "<=", ">=", "<", ">", NULL};
    struct node *x = sum(p), *chain = NULL, **to = &chain;

    while (x && !p->failed) {
        struct node *n;
        struct str op = p->t->text;
        size_t i = 0;
        while (ops[i] && !is_op(p, ops[i]))
            i++;
        if (ops[i] || is_name(p, "in")) {
            p->t++;
        } else if (is_name(p, "not") && p->t[1].kind == TOK_NAME && str_is(p->t[1].text, "in")) {
            op = STR("not in");
            p->t += 2;
        } else {
            break;
        }
        n = node(p, NODE_BINARY);
        if (!n)
            return NULL;
        n->text = op;
        n->b = sum(p);
        *to = n;
        to = &n->next;
    }
    if (x && chain) {
        struct node *n = node(p, NODE_COMPARE);
        if (!n)
            return NULL;
        n->a = x;
        n->list = chain;
        x = n;
    }
    return x;
}

static struct node *negation(struct parser *p)
{
    struct node *n;

    if (!is_name(p, "not"))
        return compare(p);
    if (++p->depth > DEPTH_MAX)
        return bad(p, "expressions are nested too deeply");
    n = node(p, NODE_NOT);
    p->t++;
    if (n)
        n->a = negation(p);
    p->depth--;
    return n;
}

static struct node *logic(struct parser *p, const char *word, enum node_kind kind,
                          struct node *(*operand)(struct parser *p))
{
    struct node *x = operand(p);

    while (x && skip_name(p, word)) {
        struct node *n = node(p, kind);
        if (!n)
            return NULL;
        n->a = x;
        n->b = operand(p);
        x = n;
    }
    return x;
}

static struct node *conjunction(struct parser *p)
{
    return logic(p, "and", NODE_AND, negation);
}

static struct node *disjunction(struct parser *p)
{
    return logic(p, "or", NODE_OR, conjunction);
}

static struct node *expression(struct parser *p)
{
    struct node *x, *n;

    if (p->failed || ++p->depth > DEPTH_MAX)
        return bad(p, "expressions are nested too deeply");
    x = disjunction(p);
    while (x && skip_name(p, "if")) {
        n = node(p, NODE_COND);
        if (!n)
            return NULL;
        n->b = x;
        n->a = disjunction(p);
        if (skip_name(p, "else"))
            n->c = expression(p);
        x = n;
    }
    p->depth--;
    return p->failed ? NULL : x;
}

/* An expression, or several with commas between: a tuple. */
static struct node *expressions(struct parser *p)
{
    struct node *x = expression(p), *n, **to;

    if (!x || !is_op(p, ","))
        return x;
    n = node(p, NODE_LIST);
    if (!n)
        return NULL;
    n->text = STR("()");
    n->list = x;
    for (to = &x->next; skip_op(p, ",");) {
        if (p->t->kind == TOK_BLOCK_END || p->t->kind == TOK_VAR_END || is_op(p, "="))
            break;
        *to = expression(p);
        if (!*to)
            return NULL;
        to = &(*to)->next;
    }
    return n;
}

/* --- statements --- */

static void end_block(struct parser *p)
{
    if (p->failed)
        return;
    if (p->t->kind != TOK_BLOCK_END)
        bad(p, "expected the end of the tag");
    else
        p->t++;
}

/* Whether the next tag is one of these; then it is passed over, up to behind its name. */
static bool at_tag(struct parser *p, const char *const *names)
{
    for (; !p->failed && *names; names++) {
        if (p->t->kind == TOK_BLOCK && p->t[1].kind == TOK_NAME && str_is(p->t[1].text, *names))
            return true;
    }
    return false;
}

static void close_tag(struct parser *p, const char *name)
{
    if (!at_tag(p, (const char *const[]){name, NULL})) {
        char what[48];
        snprintf(what, sizeof what, "expected {%% %s %%}", name);
        bad(p, what);
        return;
    }
    p->t += 2;
    while (!p->failed && p->t->kind == TOK_NAME) /* {% endmacro name %} */
        p->t++;
    end_block(p);
}

static struct node *if_statement(struct parser *p)
{
    struct node *n = node(p, NODE_IF);

    if (!n)
        return NULL;
    n->a = expressions(p);
    end_block(p);
    n->b = statements(p, (const char *const[]){"elif", "else", "endif", NULL});
    if (at_tag(p, (const char *const[]){"elif", NULL})) {
        p->t += 2;
        if (++p->depth > DEPTH_MAX)
            return bad(p, "statements are nested too deeply");
        n->c = if_statement(p);
        p->depth--;
        return n;
    }
    if (at_tag(p, (const char *const[]){"else", NULL})) {
        p->t += 2;
        end_block(p);
        n->c = statements(p, (const char *const[]){"endif", NULL});
    }
    close_tag(p, "endif");
    return n;
}

/* Names with commas between, as for and set have them: one, or a tuple; ns.name is a target too. */
static struct node *targets(struct parser *p)
{
    struct node *first = NULL, **to = &first;
    bool bracket = skip_op(p, "(");

    do {
        if (first && (is_op(p, "=") || is_name(p, "in")))
            break;
        *to = node(p, NODE_NAME);
        if (!*to)
            return NULL;
        (*to)->text = want_name(p);
        if (skip_op(p, ".")) {
            struct node *attr = node(p, NODE_ATTR);
            if (!attr)
                return NULL;
            attr->a = *to;
            attr->text = want_name(p);
            *to = attr;
        }
        to = &(*to)->next;
    } while (!p->failed && skip_op(p, ","));
    if (bracket)
        want_op(p, ")");
    return first;
}

static struct node *for_statement(struct parser *p)
{
    struct node *n = node(p, NODE_FOR);

    if (!n)
        return NULL;
    n->list = targets(p);
    if (!p->failed && !skip_name(p, "in"))
        return bad(p, "expected \"in\"");
    n->a = disjunction(p);
    if (is_op(p, ",")) { /* a tuple without brackets */
        struct node *list = node(p, NODE_LIST), **to;
        if (!list || !n->a)
            return NULL;
        list->list = n->a;
        for (to = &n->a->next; skip_op(p, ",") && (*to = disjunction(p)); to = &(*to)->next)
            continue;
        n->a = list;
    }
    if (skip_name(p, "if"))
        n->b = expression(p);
    if (is_name(p, "recursive"))
        return bad(p, "recursive loops are not implemented");
    end_block(p);
    n->body = statements(p, (const char *const[]){"else", "endfor", NULL});
    if (at_tag(p, (const char *const[]){"else", NULL})) {
        p->t += 2;
        end_block(p);
        n->c = statements(p, (const char *const[]){"endfor", NULL});
    }
    close_tag(p, "endfor");
    return n;
}

static struct node *set_statement(struct parser *p)
{
    struct node *n = node(p, NODE_SET);

    if (!n)
        return NULL;
    n->list = targets(p);
    if (skip_op(p, "=")) {
        n->a = expressions(p);
        end_block(p);
        return n;
    }
    if (is_op(p, "|"))
        return bad(p, "a filter on a set block is not implemented");
    end_block(p);
    n->body = statements(p, (const char *const[]){"endset", NULL});
    close_tag(p, "endset");
    return n;
}

static struct node *macro_statement(struct parser *p)
{
    struct node *n = node(p, NODE_MACRO), **to;

    if (!n)
        return NULL;
    n->text = want_name(p);
    want_op(p, "(");
    for (to = &n->list; !p->failed && !is_op(p, ")"); to = &(*to)->next) {
        *to = node(p, NODE_PARAM);
        if (!*to)
            return NULL;
        (*to)->text = want_name(p);
        if (skip_op(p, "="))
            (*to)->a = expression(p);
        if (p->failed || !skip_op(p, ","))
            break;
    }
    want_op(p, ")");
    end_block(p);
    n->body = statements(p, (const char *const[]){"endmacro", NULL});
    close_tag(p, "endmacro");
    return n;
}

static struct node *block(struct parser *p)
{
    struct node *n;

    p->t++;
    if (skip_name(p, "if"))
        return if_statement(p);
    if (skip_name(p, "for"))
        return for_statement(p);
    if (skip_name(p, "set"))
        return set_statement(p);
    if (skip_name(p, "macro"))
        return macro_statement(p);
    if (is_name(p, "break") || is_name(p, "continue")) {
        n = node(p, is_name(p, "break") ? NODE_BREAK : NODE_CONTINUE);
        p->t++;
        end_block(p);
        return n;
    }
    if (skip_name(p, "generation")) {
        n = node(p, NODE_GENERATION);
        end_block(p);
        if (n)
            n->body = statements(p, (const char *const[]){"endgeneration", NULL});
        close_tag(p, "endgeneration");
        return n;
    }
    return bad(p, "expected if, for, set, macro, break, continue or generation");
}

static struct node *statements(struct parser *p, const char *const *until)
{
    struct node *first = NULL, **to = &first;

    if (++p->depth > DEPTH_MAX)
        return bad(p, "statements are nested too deeply");
    while (!p->failed && p->t->kind != TOK_END && !at_tag(p, until)) {
        struct node *n = NULL;
        if (p->t->kind == TOK_TEXT) {
            n = node(p, NODE_TEXT);
            if (n)
                n->text = p->t++->text;
        } else if (p->t->kind == TOK_VAR) {
            p->t++;
            n = node(p, NODE_PRINT);
            if (n)
                n->a = expressions(p);
            if (!p->failed && p->t->kind != TOK_VAR_END)
                bad(p, "expected }}");
            else
                p->t += !p->failed;
        } else if (p->t->kind == TOK_BLOCK) {
            n = block(p);
        } else {
            bad(p, "expected text or a tag");
        }
        if (p->failed || !n)
            return NULL;
        *to = n;
        to = &n->next;
    }
    p->depth--;
    return first;
}

struct node *parse(const struct tokens *t, struct arena *a, struct vac_err *err)
{
    struct parser p = {.t = t->v, .a = a, .err = err};
    struct node *root = node(&p, NODE_GENERATION); /* only to hold what may be nothing */
    struct node *body = statements(&p, (const char *const[]){NULL});

    if (!p.failed && p.t->kind != TOK_END)
        bad(&p, "this tag has no beginning");
    if (p.failed || !root)
        return NULL;
    root->body = body;
    return root;
}
