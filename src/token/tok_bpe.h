/* tok_bpe.h - byte pair encoding of one word. */
#ifndef TOKEN_TOK_BPE_H
#define TOKEN_TOK_BPE_H

#include "token/tok_map.h"

struct tok_pair {
    uint64_t key;  /* left id << 32 | right id */
    uint32_t rank; /* 0 = free slot; else index in the merges + 1 */
    int32_t id;    /* of the merged token */
};
struct tok_symbol {
    int32_t id;
    uint32_t prev, next; /* indices; TOK_NONE = none */
    bool gone;
};
#define TOK_NONE UINT32_MAX
struct tok_merge {
    uint32_t rank, pos;
    int32_t id;
};
struct tok_word;
struct tok_bpe {
    struct tok_map vocab;
    struct tok_pair *pair;
    size_t pair_mask;
    int32_t byte[256]; /* <0x00> .. <0xFF>, -1 = not in the vocabulary */
    int32_t unk;       /* -1 = not in the vocabulary */
    char *unk_token, *prefix, *suffix;
    size_t prefix_len, suffix_len;
    bool has_unk, fuse_unk, byte_fallback, ignore_merges;
    struct tok_word *cache;
    struct tok_symbol *sym;
    size_t n_sym, sym_cap;
    struct tok_merge *heap;
    size_t n_heap, heap_cap;
    struct strbuf scratch;
};
int tok_bpe_init(struct tok_bpe *b, size_t n_merges, struct vac_err *err);
void tok_bpe_done(struct tok_bpe *b);
size_t tok_bpe_bytes(const struct tok_bpe *b);
/* A later merge of the same pair replaces the earlier one. */
void tok_bpe_add_merge(struct tok_bpe *b, int32_t left, int32_t right, uint32_t rank, int32_t id);
/* Appends the ids of one word. */
int tok_bpe_encode(struct tok_bpe *b, const char *s, size_t n, struct ids *out,
                   struct vac_err *err);
#endif
