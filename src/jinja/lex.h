/* lex.h - a template as tokens, and stretches of text. */
#ifndef JINJA_LEX_H
#define JINJA_LEX_H

#include "base/mem.h"

struct str {
    const char *s;
    size_t n;
};
#define STR(text) ((struct str){text, sizeof(text) - 1})
bool str_is(struct str a, const char *b);

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
#endif
