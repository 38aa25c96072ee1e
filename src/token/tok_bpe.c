/* tok_bpe.c - the BPE model: a word becomes characters, and pairs are merged, lowest rank first, of
 * equal ranks the leftmost.
 *
 * The symbols are a linked list in an array and the candidate pairs a heap, so a word of n
 * characters takes O(n log n) however long it is. Candidates are not removed from the heap when a
 * neighbour changes; one that no longer stands for what is there is skipped when it comes up. */
#include "token/tok_bpe.h"
#include "base/utf8.h"
#include "token/tok_chain.h"
#include "token/tok_unicode.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A cached word; the cache has a fixed number of places, and a new word takes the place of the old
 * one. */
#define CACHE_PLACES 16384
#define CACHE_BYTES 44
#define CACHE_IDS 12
struct tok_word {
    unsigned char len, n; /* len 0 = free */
    char s[CACHE_BYTES];
    int32_t id[CACHE_IDS];
};

/* ---- The table of merges ---- */

static size_t pair_place(const struct tok_bpe *b, uint64_t key)
{
    uint64_t h = key * 0x9e3779b97f4a7c15ULL;
    size_t i = (size_t)(h >> 20) & b->pair_mask;

    while (b->pair[i].rank && b->pair[i].key != key)
        i = (i + 1) & b->pair_mask;
    return i;
}

static uint64_t pair_key(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

/* The merge of two neighbours, or NULL. */
static const struct tok_pair *find_pair(const struct tok_bpe *b, int32_t left, int32_t right)
{
    const struct tok_pair *p = &b->pair[pair_place(b, pair_key(left, right))];

    return p->rank ? p : NULL;
}

void tok_bpe_add_merge(struct tok_bpe *b, int32_t left, int32_t right, uint32_t rank, int32_t id)
{
    uint64_t key = pair_key(left, right);

    b->pair[pair_place(b, key)] = (struct tok_pair){.key = key, .rank = rank, .id = id};
}

int tok_bpe_init(struct tok_bpe *b, size_t n_merges, struct vac_err *err)
{
    size_t places = 16;

    while (places / 2 < n_merges) {
        if (size_mul(places, 2, &places))
            return err_set(err, VAC_ERR_MEMORY, "%zu merges do not fit in memory", n_merges);
    }
    b->pair_mask = places - 1;
    b->pair = mem_new(places, sizeof(*b->pair), err);
    b->cache = mem_new(CACHE_PLACES, sizeof(*b->cache), err);
    return b->pair && b->cache ? 0 : -1;
}

void tok_bpe_done(struct tok_bpe *b)
{
    tok_map_done(&b->vocab);
    free(b->pair);
    free(b->unk_token);
    free(b->prefix);
    free(b->suffix);
    free(b->cache);
    free(b->sym);
    free(b->heap);
    sb_done(&b->scratch);
    *b = (struct tok_bpe){0};
}

size_t tok_bpe_bytes(const struct tok_bpe *b)
{
    return (b->vocab.mask + 1) * sizeof *b->vocab.slot + (b->pair_mask + 1) * sizeof *b->pair +
           CACHE_PLACES * sizeof *b->cache;
}

/* ---- The heap of candidates ---- */

static bool before(const struct tok_merge *a, const struct tok_merge *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->pos < b->pos;
}

static int heap_push(struct tok_bpe *b, struct tok_merge m, struct vac_err *err)
{
    size_t i = b->n_heap;

    if (mem_grow(&b->heap, &b->heap_cap, i + 1, sizeof(*b->heap), err))
        return -1;
    b->n_heap++;
    for (; i > 0 && before(&m, &b->heap[(i - 1) / 2]); i = (i - 1) / 2)
        b->heap[i] = b->heap[(i - 1) / 2];
    b->heap[i] = m;
    return 0;
}

static struct tok_merge heap_pop(struct tok_bpe *b)
{
    struct tok_merge top = b->heap[0], last = b->heap[--b->n_heap];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < b->n_heap) {
        if (child + 1 < b->n_heap && before(&b->heap[child + 1], &b->heap[child]))
            child++;
        if (!before(&b->heap[child], &last))
            break;
        b->heap[i] = b->heap[child];
        i = child;
    }
    b->heap[i] = last;
    return top;
}

/* ---- Merging ---- */

/* Puts the pair that begins at pos into the heap, when it is one. */
static int offer(struct tok_bpe *b, uint32_t pos, struct vac_err *err)
{
    const struct tok_symbol *left = &b->sym[pos];
    const struct tok_pair *p;

    if (left->next == TOK_NONE)
        return 0;
    p = find_pair(b, left->id, b->sym[left->next].id);
    if (!p)
        return 0;
    return heap_push(b, (struct tok_merge){.rank = p->rank, .pos = pos, .id = p->id}, err);
}

/* Does the candidate still stand for what is there? */
static bool stands(const struct tok_bpe *b, const struct tok_merge *m)
{
    const struct tok_symbol *left = &b->sym[m->pos];
    const struct tok_pair *p;

    if (left->gone || left->next == TOK_NONE)
        return false;
    p = find_pair(b, left->id, b->sym[left->next].id);
    return p && p->id == m->id;
}

static int merge_all(struct tok_bpe *b, struct vac_err *err)
{
    b->n_heap = 0;
    for (size_t i = 0; i + 1 < b->n_sym; i++) {
        if (offer(b, (uint32_t)i, err))
            return -1;
    }
    while (b->n_heap > 0) {
        struct tok_merge m = heap_pop(b);
        struct tok_symbol *left = &b->sym[m.pos], *right;

        if (!stands(b, &m))
            continue;
        right = &b->sym[left->next];
        left->id = m.id;
        left->next = right->next;
        right->gone = true;
        if (left->next != TOK_NONE)
            b->sym[left->next].prev = m.pos;
        if (left->prev != TOK_NONE && offer(b, left->prev, err))
            return -1;
        if (offer(b, m.pos, err))
            return -1;
    }
    return 0;
}

/* ---- From text to symbols ---- */

static int add_symbol(struct tok_bpe *b, int32_t id, struct vac_err *err)
{
    size_t i = b->n_sym;

    if (i >= TOK_NONE)
        return err_set(err, VAC_ERR_MEMORY, "a word of more than %lu characters",
                       (unsigned long)TOK_NONE);
    if (mem_grow(&b->sym, &b->sym_cap, i + 1, sizeof(*b->sym), err))
        return -1;
    b->sym[i] = (struct tok_symbol){
        .id = id, .prev = i > 0 ? (uint32_t)(i - 1) : TOK_NONE, .next = TOK_NONE};
    if (i > 0)
        b->sym[i - 1].next = (uint32_t)i;
    b->n_sym++;
    return 0;
}

/* 1 when every byte of the character has a token, and adds them; 0 when not. */
static int add_bytes(struct tok_bpe *b, const char *s, size_t n, struct vac_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (b->byte[(unsigned char)s[i]] < 0)
            return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (add_symbol(b, b->byte[(unsigned char)s[i]], err))
            return -1;
    }
    return 1;
}

/* The character as the vocabulary has it: with the prefix of what continues a word and the suffix
 * of what ends one. */
static int spell(struct tok_bpe *b, const char *s, size_t len, bool first, bool last,
                 const char **out, size_t *out_len, struct vac_err *err)
{
    bool prefix = !first && b->prefix_len > 0, suffix = last && b->suffix_len > 0;

    *out = s;
    *out_len = len;
    if (!prefix && !suffix)
        return 0;
    sb_clear(&b->scratch);
    if (prefix)
        sb_put(&b->scratch, b->prefix, b->prefix_len);
    sb_put(&b->scratch, s, len);
    if (suffix)
        sb_put(&b->scratch, b->suffix, b->suffix_len);
    *out = b->scratch.s;
    *out_len = b->scratch.len;
    return sb_ok(&b->scratch, err);
}

/* An unknown character: its bytes, else the unknown token, which waits in *waiting because the next
 * unknown one may join it. Without an unknown token it vanishes, as Hugging Face has it. */
static int add_unknown(struct tok_bpe *b, const char *s, size_t n, bool *waiting,
                       struct vac_err *err)
{
    int bytes = b->byte_fallback ? add_bytes(b, s, n, err) : 0;

    if (bytes != 0)
        return bytes < 0 ? -1 : 0;
    if (!b->has_unk)
        return 0;
    if (b->unk < 0)
        return err_set(
            err, VAC_ERR_FORMAT,
            "the text needs the unknown token \"%s\", which the tokenizer's vocabulary lacks",
            b->unk_token);
    if (*waiting && !b->fuse_unk && add_symbol(b, b->unk, err))
        return -1;
    *waiting = true;
    return 0;
}

static int spell_word(struct tok_bpe *b, const char *s, size_t n, struct vac_err *err)
{
    bool waiting = false;
    size_t len;

    b->n_sym = 0;
    for (size_t i = 0; i < n; i += len) {
        const char *text;
        size_t text_len;
        uint32_t cp;
        int32_t id;

        len = utf8_get(s + i, n - i, &cp);
        if (spell(b, s + i, len, i == 0, i + len == n, &text, &text_len, err))
            return -1;
        id = tok_map_get(&b->vocab, text, text_len);
        if (id < 0) {
            if (add_unknown(b, text, text_len, &waiting, err))
                return -1;
            continue;
        }
        if (waiting && add_symbol(b, b->unk, err))
            return -1;
        waiting = false;
        if (add_symbol(b, id, err))
            return -1;
    }
    return waiting ? add_symbol(b, b->unk, err) : 0;
}

/* ---- The cache ---- */

static struct tok_word *cache_place(const struct tok_bpe *b, const char *s, size_t n)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 16777619u;
    return &b->cache[(h ^ (h >> 15)) % CACHE_PLACES];
}

static void cache_put(struct tok_word *w, const char *s, size_t n, const int32_t *id, size_t n_id)
{
    if (n_id > CACHE_IDS)
        return;
    w->len = (unsigned char)n;
    w->n = (unsigned char)n_id;
    memcpy(w->s, s, n);
    if (n_id > 0)
        memcpy(w->id, id, n_id * sizeof(*id));
}

static int merge_word(struct tok_bpe *b, const char *s, size_t n, struct ids *out,
                      struct vac_err *err)
{
    if (spell_word(b, s, n, err) || merge_all(b, err))
        return -1;
    for (size_t i = 0; i < b->n_sym; i++) {
        if (!b->sym[i].gone && ids_push(out, b->sym[i].id, err))
            return -1;
    }
    return 0;
}

int tok_bpe_encode(struct tok_bpe *b, const char *s, size_t n, struct ids *out, struct vac_err *err)
{
    struct tok_word *w = n > 0 && n <= CACHE_BYTES ? cache_place(b, s, n) : NULL;
    size_t from = out->n;
    int32_t whole;

    if (n == 0)
        return 0;
    if (w && w->len == n && memcmp(w->s, s, n) == 0)
        return ids_append(out, w->id, w->n, err);
    whole = b->ignore_merges ? tok_map_get(&b->vocab, s, n) : -1;
    if (whole >= 0 ? ids_push(out, whole, err) : merge_word(b, s, n, out, err))
        return -1;
    if (w)
        cache_put(w, s, n, ids_from(out, from), out->n - from);
    return 0;
}
