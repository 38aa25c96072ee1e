/* encode.h - rows and prompts to ids and labels. */
#ifndef DATA_ENCODE_H
#define DATA_ENCODE_H

#include "data/format.h"
#include "token/tokenizer.h"

/* What turns a row into ids. tok may be NULL when all files hold ready-made tokens (asking for text is
 * then an error naming the file). vocab bounds ready-made ids. */
struct encoder {
    struct tokenizer *tok;
    const struct template_row *tmpl;
    const char *system; /* a system turn for conversations that have none; NULL or "" = none */
    size_t max_length, vocab; /* 0 = unlimited, not checked */
    size_t context;           /* what the model reads: no prompt is longer; 0 = unlimited */
    int32_t eos;              /* ends an answer where the template has no end of turn; -1 = none */
};
/* The id that a trained answer ends with: the end of turn that the template writes, where the
 * tokenizer has it as one token (nothing follows it then), else EOS; -1 = nothing ends it. */
int encoder_end(const struct encoder *enc, int32_t *id, struct vac_err *err);
#define ENCODER_NO_END                                                                             \
    "no token ends an answer, so that nothing teaches the model to stop: name an eos_token in "    \
    "tokenizer_config.json, or an eos_token_id in config.json"
/* The prompt part of a row as ids (of one far beyond the context only a beginning), ready for
 * generation (BOS by the tokenizer's own rule). */
int encode_prompt(const struct encoder *enc, const struct turn *turn, size_t n, struct ids *out,
                  struct vac_err *err);

/* The result, in memory that serves row after row. Zeroed at first. */
struct encoded {
    struct ids ids, labels; /* as many */
    size_t n_labels;        /* at positions >= 1 */
    bool cut;
    struct rendered text;
    struct ids part;
};
/* Errors do not name the row: the caller puts its place in front. */
int encode_row(const struct encoder *enc, const struct row *row, struct encoded *out,
               struct vac_err *err);
void encoded_done(struct encoded *e);
#endif
