/* tok_pretokenize.h - pre-tokenizers. */
#ifndef TOKEN_TOK_PRETOKENIZE_H
#define TOKEN_TOK_PRETOKENIZE_H

#include "token/tok.h"

/* The whole chain, on t->a in place. */
int tok_pretokenize(struct tokenizer *t, struct vac_err *err);
/* A space in front of a text: asked for, or not. */
void tok_pretokenizer_prefix(struct tokenizer *t, bool on);
#endif
