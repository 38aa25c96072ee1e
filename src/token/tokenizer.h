/* tokenizer.h - text to ids and back, as Hugging Face's tokenizers does it for the same tokenizer.json.
 *
 * Reads tokenizer.json (BPE in its byte-level and its SentencePiece-like form) and, where present,
 * tokenizer_config.json for the names of the special tokens. Any part of the pipeline that is not
 * implemented is refused by name when the file is opened, never skipped. A tokenizer is read-only once
 * open, except for its word cache: one thread at a time. */
#ifndef TOKEN_TOKENIZER_H
#define TOKEN_TOKENIZER_H

#include "base/mem.h"

struct tokenizer;

/* `dir` is a model folder, a tokenizer.json itself, or a GGUF file. */
struct tokenizer *tokenizer_open(const char *dir, struct vac_err *err);
/* Whether there is one to open. */
bool tokenizer_there(const char *dir);
void tokenizer_free(struct tokenizer *t);

/* Memory that it holds. */
size_t tokenizer_bytes(const struct tokenizer *t);
/* Ids 0 .. size - 1 may appear (the highest id + 1, added tokens included). */
size_t tokenizer_size(const struct tokenizer *t);
/* Appends the ids of text (n bytes of valid UTF-8, else an error with the byte's position). Added tokens
 * standing in the text are recognised, as Hugging Face does. `special` applies the post-processor, which
 * adds BOS and the like. */
int tokenizer_encode(struct tokenizer *t, const char *text, size_t n, bool special, struct ids *out,
                     struct vac_err *err);
/* The same for who looks at no more than the first `limit` ids (0 = at all): of a text that is much
 * longer only a beginning is tokenized, as long as it takes for twice as much to begin with the
 * same ids. */
int tokenizer_encode_head(struct tokenizer *t, const char *text, size_t n, bool special,
                          size_t limit, struct ids *out, struct vac_err *err);
/* Appends the text of n ids through the decoder; ids outside the vocabulary are an error. Bytes that are
 * no valid UTF-8 become U+FFFD. skip_special leaves special added tokens out. */
int tokenizer_decode(struct tokenizer *t, const int32_t *ids, size_t n, bool skip_special,
                     struct strbuf *out, struct vac_err *err);
/* The token as written in the vocabulary; NULL for an id that is nobody's. Borrowed. */
const char *tokenizer_token(const struct tokenizer *t, int32_t id);
bool tokenizer_is_special(const struct tokenizer *t, int32_t id);
bool tokenizer_is_added(const struct tokenizer *t, int32_t id); /* special or not */

/* Special tokens by role, from tokenizer_config.json, else from the post-processor and the usual names;
 * -1 = has none. */
struct tokenizer_roles {
    int32_t bos, eos, pad, unk;
    bool add_bos, add_eos; /* what the post-processor does to a single sequence */
};
struct tokenizer_roles tokenizer_roles(const struct tokenizer *t);
/* The Jinja chat template of tokenizer_config.json or chat_template.jinja, NULL = none. Borrowed. */
const char *tokenizer_chat_template(const struct tokenizer *t);
#endif
