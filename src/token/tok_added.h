/* tok_added.h - added tokens standing in a text. */
#ifndef TOKEN_TOK_ADDED_H
#define TOKEN_TOK_ADDED_H

#include "token/tok.h"

/* Adds a token's content as a pattern of the matcher it belongs to; 1 = there is nothing left to
 * match. */
int tok_added_pattern(struct tokenizer *t, int32_t id, size_t order, struct vac_err *err);
/* Collects the patterns of all added tokens anew. */
int tok_added_again(struct tokenizer *t, struct vac_err *err);
/* To be called once all patterns are there. */
void tok_added_sort(struct tok_matcher *m);
/* Cuts a text at the added tokens standing in it. */
int tok_added_split(const struct tokenizer *t, const struct tok_matcher *m, const char *s, size_t n,
                    bool first, struct tok_pieces *out, struct vac_err *err);
/* The id of a token by its exact content (vocabulary or added), or -1. */
int32_t tok_find(const struct tokenizer *t, const char *token);
#endif
