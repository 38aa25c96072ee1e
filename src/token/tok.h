/* tok.h - a tokenizer as its parts see it; only tok_*.c and tokenizer.c include it.
 *
 * A text goes through: added tokens found in the raw text, normalizers, added tokens found in the
 * normalized text, pre-tokenizers, the BPE model, post-processors. Each of the four configurable
 * parts is a chain of stages (a Sequence is written out flat), each stage one row of its part's
 * table. */
#ifndef TOKEN_TOK_H
#define TOKEN_TOK_H

#include "base/utf8.h"
#include "token/tok_bpe.h"
#include "token/tok_chain.h"
#include "token/tok_unicode.h"
#include "token/tokenizer.h"

struct tok_pattern {
    const char *s;
    size_t len, order;
    int32_t id;
};
struct tok_matcher {
    struct tok_pattern *v; /* sorted by bytes */
    size_t n, cap;
    bool begins[256]; /* some pattern begins with this byte */
};

enum tok_flag {
    TOK_SPECIAL = 1,
    TOK_LSTRIP = 2,
    TOK_RSTRIP = 4,
    TOK_SINGLE_WORD = 8,
    TOK_NORMALIZED = 16,
    TOK_ADDED = 32 /* stands in t->added */
};
struct tok_token {
    const char *s; /* NULL = nobody's id */
    size_t len;
    unsigned flags;
    /* What decoding reads in its place where it is found in normalized text: that form of it. */
    const char *read;
    size_t read_len;
};

/* What the decoder's chain means for streaming. */
struct tok_hold {
    bool all;   /* any later token can change any earlier text */
    bool bytes; /* a run of <0xNN> tokens is open until another token ends it */
};

struct tokenizer {
    struct arena text; /* tokens and normalized patterns */
    struct tok_token *token;
    size_t size, token_cap;
    struct tok_map added; /* content -> id */
    size_t n_added, vocab_count;
    bool split_special; /* special tokens standing in a text are text */
    struct tok_matcher raw, normalized;
    struct tok_bpe bpe;
    struct tok_stage *normalizer, *pretokenizer, *post, *decoder;
    bool spaced; /* no decoder at all: tokens are joined with spaces */
    struct tok_hold hold;
    struct tokenizer_roles roles;
    char *chat_template;
    /* scratch, kept between calls */
    struct tok_pieces a, b;
    struct strbuf norm[2];
};
#endif
