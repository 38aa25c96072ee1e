/* tok_normalize.h - normalizers. */
#ifndef TOKEN_TOK_NORMALIZE_H
#define TOKEN_TOK_NORMALIZE_H

#include "token/tok.h"

/* The whole chain; the result is t->norm[0]. */
int tok_normalize(struct tokenizer *t, const char *s, size_t n, bool *first, struct vac_err *err);
/* A space in front of a text: asked for, or not. */
void tok_normalizer_prefix(struct tokenizer *t, bool on);
#endif
