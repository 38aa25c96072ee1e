/* bpe.h - trains a byte-level BPE and writes it as tokenizer.json and tokenizer_config.json.
 *
 * For a small made-up world: the texts are ASCII, and anything else is refused. What is trained can
 * read any text all the same, because every byte is a token.
 *
 * Ids: 0 "<|end|>" (EOS), 1 "<|begin|>" (BOS), 2 + b the byte b, 258 and up the merges in the order
 * in which they were learnt. Readers find EOS and BOS in tokenizer_config.json, as the names are
 * none that they know by themselves. The tokenizer puts nothing around a text: a run's encoder adds
 * EOS behind an answer, and BOS stands only where the prompt template or the text itself writes it.
 *
 * To be a model folder it lacks config.json, with vocab_size at least the trained size,
 * eos_token_id BPE_END and bos_token_id BPE_BEGIN, and the weights, model.safetensors. */
#ifndef LAB_BPE_H
#define LAB_BPE_H

#include <stddef.h>
#include "base/err.h"

enum { BPE_END, BPE_BEGIN, BPE_BYTES, BPE_MERGES = BPE_BYTES + 256 };

/* Trains exactly `vocab` tokens (specials and bytes included) on n texts and writes both files into
 * `dir`, which is made where it is missing. The same texts, in whatever order, give the same bytes.
 * The specials may stand in the texts: nothing is learnt of them or across them. A `vocab` below
 * BPE_MERGES is an error, and so is one that the texts hold too few pairs for. 0 or -1. */
int bpe_train(const char *const *texts, size_t n, int vocab, const char *dir, struct vac_err *err);

/* The length of the word that s (ASCII, not empty) begins with, as GPT-2's pattern cuts it. */
size_t bpe_word_len(const char *s);
#endif
