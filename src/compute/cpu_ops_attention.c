/* cpu_ops_attention.c - causal attention over packed sequences with grouped heads.
 *
 * Queries go in blocks of ATT_ROWS rows against the keys that the block's last row sees, so that
 * nothing beyond the diagonal block is computed. A head is so narrow that all products but the
 * scores are faster in the kernels for small sides than in a general product. The forward keeps the
 * log of the sum of exponentials only; the backward makes the probabilities again from it. Blocks
 * (forward) and key heads (backward) are handed to the parts as they become free: every number is
 * written by one of them, so the order does not matter. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include "compute/cpu.h"
#include "compute/cpu_ops.h"
#include "compute/gemm.h"

enum { FEW_ROWS = 4 };

struct attention {
    const struct kernels *k;
    const struct provider *products;
    const struct seq *seqs;
    size_t S, H, K, E, window;
    float s, cap;
    float *y, *lse, *dq, *dk, *dv;
    const float *q, *keys, *v, *dy, *fy, *flse; /* fy, flse: the forward's, for the backward */
};

/* One block of query rows of one head. */
struct block {
    const struct seq *seq;
    size_t h, lo, rows; /* head, first query of the sequence, how many */
    size_t skip;        /* keys at the front that no row sees any more */
    size_t seen;        /* keys from there to the last that the last row sees */
    size_t ld;          /* distance of rows in the tiles */
};

static struct block block_at(const struct attention *a, const struct seq *seq, size_t h, size_t lo)
{
    size_t rows = seq->nq - lo < ATT_ROWS ? seq->nq - lo : ATT_ROWS;
    size_t first = seq->nk - seq->nq + lo; /* key of the first row's own */
    size_t skip = a->window && first + 1 > a->window ? first + 1 - a->window : 0;

    return (struct block){
        seq, h, lo, rows, skip, first + rows - skip, row_stride(first + rows - skip)};
}

/* Row i of the block sees the keys from..to - 1 of those that the block sees. */
static struct range row_sees(const struct attention *a, const struct block *b, size_t i)
{
    size_t to = b->seen - b->rows + i + 1;

    return (struct range){a->window && to > a->window ? to - a->window : 0, to};
}

/* Places of a block in [.,H,E] and of its keys in [.,K,E]. */
static size_t query_at(const struct attention *a, const struct block *b)
{
    return ((b->seq->q0 + b->lo) * a->H + b->h) * a->E;
}

static size_t key_at(const struct attention *a, const struct block *b)
{
    return ((b->seq->k0 + b->skip) * a->K + b->h / (a->H / a->K)) * a->E;
}

/* tile[rows,seen] = alpha x kv^T with x in [.,H,E] and kv in [.,K,E] */
static void scores(const struct attention *a, const struct block *b, float *tile, const float *x,
                   const float *kv, float alpha)
{
    struct gemm g = {.tb = true,
                     .m = b->rows,
                     .n = b->seen,
                     .k = a->E,
                     .alpha = alpha,
                     .a = x + query_at(a, b),
                     .lda = a->H * a->E,
                     .b = kv + key_at(a, b),
                     .ldb = a->K * a->E,
                     .c = tile,
                     .ldc = b->ld};

    if (b->rows <= FEW_ROWS)
        a->k->dots(g.c, g.ldc, g.a, g.lda, g.b, g.ldb, alpha, g.m, g.k, g.n, false);
    else
        gemm_serial(a->products, &g);
}

/* y = tile kv: y in [.,H,E] */
static void mix(const struct attention *a, const struct block *b, float *y, const float *tile,
                const float *kv)
{
    a->k->outer(y + query_at(a, b), a->H * a->E, tile, b->ld, kv + key_at(a, b), a->K * a->E, 1,
                b->rows, a->E, b->seen, false);
}

static void block_forward(const struct attention *a, const struct block *b, float *p)
{
    float inverse[ATT_ROWS];

    scores(a, b, p, a->q, a->keys, a->s);
    for (size_t i = 0; i < b->rows; i++) {
        struct range r = row_sees(a, b, i);
        size_t n = r.hi - r.lo;
        float *row = p + i * b->ld, top, sum;
        if (a->cap > 0)
            a->k->softcap(row + r.lo, a->cap, n);
        top = a->k->row_max(row + r.lo, n);
        sum = a->k->exp_sum(row + r.lo, top, n);
        inverse[i] = 1.0f / sum;
        memset(row, 0, r.lo * sizeof(*row));
        memset(row + r.hi, 0, (b->seen - r.hi) * sizeof(*row));
        if (a->lse)
            a->lse[(b->seq->q0 + b->lo + i) * a->H + b->h] = top + logf(sum);
    }
    mix(a, b, a->y, p, a->v);
    for (size_t i = 0; i < b->rows; i++) {
        float *row = a->y + query_at(a, b) + i * a->H * a->E;
        a->k->scale(row, inverse[i], row, a->E);
    }
}

static size_t most_blocks(const struct attention *a)
{
    size_t most = 0;

    for (size_t i = 0; i < a->S; i++) {
        size_t blocks = (a->seqs[i].nq + ATT_ROWS - 1) / ATT_ROWS;
        most = blocks > most ? blocks : most;
    }
    return most;
}

static double attention_work(const struct attention *a)
{
    double work = 0;

    for (size_t i = 0; i < a->S; i++)
        work += (double)a->seqs[i].nq * (double)a->seqs[i].nk;
    return work * (double)(a->H * a->E);
}

static int attention_parts(struct compute *c, const struct attention *a, size_t tasks)
{
    double most = attention_work(a) / 131072;
    int parts = most < 1 ? 1 : most < c->threads ? (int)most : c->threads;

    return tasks < (size_t)parts ? (int)(tasks ? tasks : 1) : parts;
}

/* Task numbers run from the last block of each sequence to the first: the long ones go first. */
static void forward_task(const struct attention *a, size_t task, size_t blocks, float *tile)
{
    size_t rank = task / (a->S * a->H), rest = task % (a->S * a->H);
    const struct seq *seq = &a->seqs[rest / a->H];
    size_t lo = (blocks - 1 - rank) * ATT_ROWS;

    if (lo < seq->nq) {
        struct block b = block_at(a, seq, rest % a->H, lo);
        block_forward(a, &b, tile);
    }
}

static void cpu_attention(struct compute *c, struct ref y, struct ref lse, struct ref q,
                          struct ref k, struct ref v, const struct seq *seqs, size_t S,
                          const struct attn_form *f)
{
    const size_t H = f->H;
    struct attention a = {.k = kernels_of(c),
                          .products = c->products,
                          .seqs = seqs,
                          .S = S,
                          .H = H,
                          .K = f->K,
                          .E = f->E,
                          .window = f->window,
                          .s = f->scale,
                          .cap = f->cap,
                          .y = f32_at(y),
                          .lse = f32_at(lse),
                          .q = f32_at(q),
                          .keys = f32_at(k),
                          .v = f32_at(v)};
    size_t blocks = most_blocks(&a), tasks = blocks * S * H;
    int parts = attention_parts(c, &a, tasks);
    atomic_size_t next = 0;

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        float *tile = scratch_tile(cpu_of(c), t);
        size_t task;
        while ((task = atomic_fetch_add(&next, 1)) < tasks)
            forward_task(&a, task, blocks, tile);
    }
}

/* --- backward --- */

/* d[keys] += tile^T x: a block's share of one key head's gradient. */
static void collect(const struct attention *a, const struct block *b, float *d, const float *tile,
                    const float *x)
{
    a->k->gather(d + key_at(a, b), a->K * a->E, tile, b->ld, x + query_at(a, b), a->H * a->E, 1,
                 b->rows, a->E, b->seen);
}

/* With P the probabilities and D = rowsum(dy y): dS = s P (dy v^T - D), dq = dS k, dk += dS^T q,
 * dv += P^T dy. */
static void block_backward(const struct attention *a, const struct block *b, float *p, float *ds)
{
    scores(a, b, p, a->q, a->keys, a->s);
    scores(a, b, ds, a->dy, a->v, 1);
    for (size_t i = 0; i < b->rows; i++) {
        struct range r = row_sees(a, b, i);
        size_t n = r.hi - r.lo, at = query_at(a, b) + i * a->H * a->E;
        float *prow = p + i * b->ld, *drow = ds + i * b->ld;
        float delta = (float)a->k->dot(a->dy + at, a->fy + at, a->E);
        if (a->cap > 0) { /* what the cap lets through goes in before scores become probabilities */
            a->k->softcap(prow + r.lo, a->cap, n);
            a->k->softcap_bwd(drow + r.lo, prow + r.lo, delta, a->cap, n);
            delta = 0;
        }
        a->k->exp_sum(prow + r.lo, a->flse[(b->seq->q0 + b->lo + i) * a->H + b->h], n);
        a->k->softmax_bwd(drow + r.lo, prow + r.lo, delta, a->s, n);
        memset(prow, 0, r.lo * sizeof(*prow));
        memset(drow, 0, r.lo * sizeof(*drow));
        memset(prow + r.hi, 0, (b->seen - r.hi) * sizeof(*prow));
        memset(drow + r.hi, 0, (b->seen - r.hi) * sizeof(*drow));
    }
    mix(a, b, a->dq, ds, a->keys);
    collect(a, b, a->dk, ds, a->q);
    collect(a, b, a->dv, p, a->dy);
}

/* All blocks of all query heads that read one key head. */
static void backward_task(const struct attention *a, size_t task, float *tile)
{
    const struct seq *seq = &a->seqs[task / a->K];
    size_t kh = task % a->K, group = a->H / a->K;
    float *ds = tile + ATT_ROWS * row_stride(seq->nk);

    for (size_t j = seq->k0; j < seq->k0 + seq->nk; j++) {
        a->k->fill(a->dk + (j * a->K + kh) * a->E, 0, a->E);
        a->k->fill(a->dv + (j * a->K + kh) * a->E, 0, a->E);
    }
    for (size_t h = kh * group; h < (kh + 1) * group; h++)
        for (size_t lo = 0; lo < seq->nq; lo += ATT_ROWS) {
            struct block b = block_at(a, seq, h, lo);
            block_backward(a, &b, tile, ds);
        }
}

static void cpu_attention_bwd(struct compute *c, struct ref dq, struct ref dk, struct ref dv,
                              struct ref dy, struct ref y, struct ref lse, struct ref q,
                              struct ref k, struct ref v, const struct seq *seqs, size_t S,
                              const struct attn_form *f)
{
    struct attention a = {.k = kernels_of(c),
                          .products = c->products,
                          .seqs = seqs,
                          .S = S,
                          .H = f->H,
                          .K = f->K,
                          .E = f->E,
                          .window = f->window,
                          .s = f->scale,
                          .cap = f->cap,
                          .q = f32_at(q),
                          .keys = f32_at(k),
                          .v = f32_at(v),
                          .dy = f32_at(dy),
                          .fy = f32_at(y),
                          .flse = f32_at(lse),
                          .dq = f32_at(dq),
                          .dk = f32_at(dk),
                          .dv = f32_at(dv)};
    size_t tasks = S * f->K;
    int parts = attention_parts(c, &a, tasks);
    atomic_size_t next = 0;

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        float *tile = scratch_tile(cpu_of(c), t);
        size_t task;
        while ((task = atomic_fetch_add(&next, 1)) < tasks)
            backward_task(&a, task, tile);
    }
}

const struct ops_attention cpu_ops_attention = {OPS_ATTENTION(CPU_OP, CPU_OP)};
