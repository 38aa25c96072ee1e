/* tok_json.h - tokenizer.json read. */
#ifndef TOKEN_TOK_JSON_H
#define TOKEN_TOK_JSON_H

#include "token/tok.h"

/* Vocabulary, merges, added tokens and all chains. */
int tok_read(struct tokenizer *t, const struct jnode *root, size_t file_len, struct vac_err *err);
/* "special", lstrip, rstrip, single_word, normalized; `optional` = absent is false (and
 * normalized what special is not). */
int tok_read_flags(const struct jnode *node, bool optional, unsigned *flags, struct vac_err *err);
/* Makes room for n more added tokens. */
int tok_added_room(struct tokenizer *t, size_t n, struct vac_err *err);
/* Adds a token as Hugging Face does: one of the vocabulary keeps its id, another gets the next one;
 * of one that is added already the flags are set anew. */
int tok_add(struct tokenizer *t, const char *content, unsigned flags, struct vac_err *err);
#endif
