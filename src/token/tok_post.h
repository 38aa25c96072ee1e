/* tok_post.h - post-processors. */
#ifndef TOKEN_TOK_POST_H
#define TOKEN_TOK_POST_H

#include "token/tok.h"

/* The whole chain; `out` from index `from` on is the sequence. */
int tok_post_apply(const struct tokenizer *t, struct ids *out, size_t from, struct vac_err *err);
/* What stands before (or behind) a sequence is this id; -1 = nothing. */
int tok_post_set(struct tokenizer *t, bool before, int32_t id, struct vac_err *err);
#endif
