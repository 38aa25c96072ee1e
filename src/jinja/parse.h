/* parse.h - tokens as a tree. */
#ifndef JINJA_PARSE_H
#define JINJA_PARSE_H

#include "jinja/lex.h"

struct value;
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
#endif
