/* parts.h - what the files of the interpreter share: the tree, values, and how an evaluation fails.
 */
#ifndef JINJA_PARTS_H
#define JINJA_PARTS_H

#include <stdbool.h>
#include "jinja/jinja.h"

struct str {
    const char *s;
    size_t n;
};
#define STR(text) ((struct str){text, sizeof(text) - 1})
bool str_is(struct str a, const char *b);

/* --- lex.c: a template as tokens --- */
enum token_kind {
    TOK_TEXT, /* outside of any tag, white space control already applied */
    TOK_NAME,
    TOK_STRING, /* escapes resolved */
    TOK_INT,
    TOK_FLOAT,
    TOK_OP,    /* "+", "==", "(", ... */
    TOK_BLOCK, /* {% */
    TOK_BLOCK_END,
    TOK_VAR, /* {{ */
    TOK_VAR_END,
    TOK_END
};
struct token {
    enum token_kind kind;
    int line;
    struct str text;
};
struct tokens {
    struct token *v;
    size_t n, cap;
};
int lex(const char *text, size_t len, struct arena *a, struct tokens *out, struct vac_err *err);

/* --- parse.c: tokens as a tree --- */
enum node_kind {
    /* statements; `next` is the one after it */
    NODE_TEXT,  /* text */
    NODE_PRINT, /* a */
    NODE_IF,    /* a ? b : c */
    NODE_FOR,   /* list = targets; a = what it goes over, b = filter or NULL, body, c = else */
    NODE_SET,   /* list = targets (one, or a tuple to unpack); a = value, or body */
    NODE_MACRO, /* text = name; list = parameters (NODE_PARAM); body */
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_GENERATION, /* body */
    /* expressions */
    NODE_CONST, /* value */
    NODE_NAME,  /* text */
    NODE_LIST,  /* list */
    NODE_DICT,  /* list of NODE_PAIR a: b */
    NODE_PAIR,
    NODE_ATTR,    /* a.text */
    NODE_ITEM,    /* a[b] */
    NODE_SLICE,   /* a[b:c:body] */
    NODE_CALL,    /* a(list), NODE_KEYWORD among them */
    NODE_KEYWORD, /* text = a */
    NODE_PARAM,   /* text, a = default or NULL */
    NODE_FILTER,  /* a | text(list) */
    NODE_TEST,    /* a is text(list) */
    NODE_NOT,
    NODE_AND,
    NODE_OR,
    NODE_COND,    /* a if b else c (c NULL = undefined) */
    NODE_UNARY,   /* text a */
    NODE_BINARY,  /* a text b */
    NODE_COMPARE, /* a, then list of NODE_BINARY whose text and b go on the chain */
};
struct node {
    enum node_kind kind;
    int line;
    struct str text;
    struct node *a, *b, *c, *body, *list, *next;
    struct value *value;
};
/* The template's statements; NULL and err. */
struct node *parse(const struct tokens *t, struct arena *a, struct vac_err *err);

/* --- values --- */
enum value_kind {
    V_UNDEFINED,
    V_NONE,
    V_BOOL,
    V_INT,
    V_FLOAT,
    V_STR,
    V_LIST,
    V_DICT,
    V_SPACE,
    V_MACRO,
    V_FUNC
};
struct pair {
    struct value *key, *value;
};
struct value {
    enum value_kind kind;
    bool tuple; /* a list that prints with round brackets */
    int64_t i;  /* also bool */
    double f;
    struct str s; /* also the name of what is undefined, or of a function */
    struct value **item;
    struct pair *pair;
    size_t n, cap;
    const struct node *macro;
    struct value *self; /* of a method */
};

/* --- evaluating --- */
struct scope {
    struct scope *up;
    struct value *names; /* a V_SPACE */
};
struct eval {
    const struct jinja *j;
    struct arena arena;
    struct jinja_output *out;
    struct strbuf *sink; /* where text goes: out->text, or a capture */
    struct scope *scope, *globals;
    const char *today;
    size_t steps, bytes, depth;
    int line;
    enum { RUN_ON, RUN_BREAK, RUN_CONTINUE } run;
    struct vac_err *err;
    bool failed;
};
/* Takes the first error, with the line; every evaluation after it gives undefined at once. */
struct value *fail(struct eval *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct value *fail_as(struct eval *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Counts n units of work; false when there was too much. */
bool work(struct eval *e, size_t n);
void *take(struct eval *e, size_t n, size_t size);

/* value.c */
struct value *v_undefined(struct eval *e, struct str name);
struct value *v_none(struct eval *e);
struct value *v_bool(struct eval *e, bool b);
struct value *v_int(struct eval *e, int64_t i);
struct value *v_float(struct eval *e, double f);
struct value *v_str(struct eval *e, const char *s, size_t n); /* copies */
struct value *v_take_str(struct eval *e, struct strbuf *b);   /* copies and frees b */
struct value *v_list(struct eval *e, size_t cap);
struct value *v_dict(struct eval *e, enum value_kind kind);
void list_push(struct eval *e, struct value *list, struct value *x);
void dict_put(struct eval *e, struct value *dict, struct value *key, struct value *x);
struct value *dict_get(struct eval *e, const struct value *dict,
                       struct str key); /* NULL = not there */
struct value *v_json(struct eval *e, const cJSON *x);
bool v_true(const struct value *v);
bool v_equal(struct eval *e, const struct value *a, const struct value *b);
/* -1, 0, 1; fails when the two have no order. */
int v_compare(struct eval *e, const struct value *a, const struct value *b);
/* As Python's str(), and with `inside` as its repr(). */
void v_print(struct eval *e, struct strbuf *b, const struct value *v, bool inside);
void v_tojson(struct eval *e, struct strbuf *b, const struct value *v, int indent, int level);
struct value *v_text(struct eval *e, const struct value *v); /* str(v) */
const char *v_type(const struct value *v); /* for messages: "string", "list", ... */
/* What a loop goes over: a list of items, keys or characters. */
struct value *v_items(struct eval *e, struct value *v);
size_t str_length(struct str s);                            /* in characters */
struct str str_slice(struct str s, size_t from, size_t to); /* of characters */
struct str str_strip(struct str s, const struct value *chars, bool left, bool right);

/* --- calling --- */
struct args {
    struct value **v; /* positional */
    size_t n;
    struct pair *key; /* keywords */
    size_t n_keys;
};
typedef struct value *callee(struct eval *e, struct value *x, const struct args *a);
/* filter.c */
struct value *call_filter(struct eval *e, struct str name, struct value *x, const struct args *a);
/* call.c: a global function by name, NULL = there is none; f is one, or a method */
struct value *call_test(struct eval *e, struct str name, struct value *x, const struct args *a);
struct value *global_function(struct eval *e, struct str name);
struct value *call_function(struct eval *e, struct value *f, const struct args *a);
/* method.c: a method of a string, list or dict by name, NULL = there is none */
struct value *method_of(struct eval *e, struct value *x, struct str name);
struct value *call_method(struct eval *e, const struct value *f, const struct args *a);
/* Argument i, or the keyword `name`; NULL when it is not given. */
struct value *arg_at(const struct args *a, size_t i, const char *name);
int64_t arg_int(struct eval *e, const struct args *a, size_t i, const char *name,
                int64_t otherwise);
struct str text_of(struct eval *e, struct value *x); /* str(x) */
struct value *str_value(struct eval *e, struct str s);
/* TITLE is Python's: after every letter that is none; WORDS is the filter's: after blanks and
 * brackets. */
enum letters { UPPER, LOWER, TITLE, WORDS, CAPITALIZE };

struct value *str_cased(struct eval *e, struct str s, enum letters how);
const char *str_find(struct str in, struct str what); /* NULL = nowhere */
struct value *v_joined(struct eval *e, struct value *list, struct str sep);
/* Methods that are filters too. */
callee do_replace, do_upper, do_lower, do_capitalize, do_items;

/* jinja.c */
struct value *get_attr(struct eval *e, struct value *x, struct str name);
struct value *get_item(struct eval *e, struct value *x, struct value *key);

struct jinja {
    char *name;
    struct arena arena;
    struct node *root;
};
#endif
