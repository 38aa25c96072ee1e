/* dataset_support.h - a tokenizer of characters, and samples spelled by hand.
 *
 * The tokenizer has one token for each character, so that expected ids can be written by hand: a
 * byte-level BPE without a pattern, <s> and </s> as added tokens, and one merge, ":A", which reaches
 * across the border between a question and its answer. */
#ifndef DATASET_SUPPORT_H
#define DATASET_SUPPORT_H

#include "data/dataset.h"
#include "support.h"

enum { BOS, EOS, NEWLINE, SPACE, FIRST, MERGED = 98, VOCAB };

/* The whole message must be the path and `rest`. */
void assert_message(const struct vac_err *err, const char *path, const char *rest);
const char *write_tokenizer(bool add_eos);
struct encoder open_encoder(const char *template, size_t max_length, bool add_eos);
/* The ids of a text by hand: one for each character, "$" for </s> and "^" for <s>. */
size_t spell(const char *text, int32_t *out);
/* `labelled`: a text as long as `text` with '.' where there is no label, anything else where there
 * is. */
void assert_sample(const struct sample *s, const char *text, const char *labelled);
/* Samples of a file with this text. */
void add(struct dataset *d, const struct encoder *enc, const char *text);
#endif
