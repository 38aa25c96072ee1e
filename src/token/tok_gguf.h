/* tok_gguf.h - the tokenizer in a GGUF file as the tokenizer.json and tokenizer_config.json of the folder
 * that it was made from. */
#ifndef TOKEN_TOK_GGUF_H
#define TOKEN_TOK_GGUF_H

#include "weights/gguf.h"

struct tok_bpe;

/* Both texts. What decides the ids and is not known is an error that names it: nothing is guessed. */
int tok_gguf_texts(struct gguf *g, struct strbuf *tokenizer, struct strbuf *config,
                   struct vac_err *err);
/* SentencePiece joins by score, leftmost among equals, and a rank for each merge would part the equals:
 * called when the text has been read, it ranks the merges by the scores of what they make. */
int tok_gguf_rank(const struct gguf *g, struct tok_bpe *b, struct vac_err *err);
/* The name for texts that are cut by this pattern alone; whole = a word that is a token is taken at once. NULL =
 * there is none. */
const char *tok_gguf_split_name(const char *pattern, bool whole);
#endif
