/* cpu_ops_head.c - the language-model head: logits, softmax, loss and gradient without an N x V array.
 *
 * Rows go in chunks; inside a chunk the vocabulary goes in blocks of HEAD_COLS words that stay in
 * the cache: a block's logits are turned at once into exponentials relative to the block's own
 * largest, whose sums give the row's log-sum-exp. For a gradient the exponentials are kept (chunk x
 * V) and scaled in place to probabilities. Blocks are the same for any number of threads, and so is
 * the loss. */
#include <math.h>
#include <string.h>
#include "compute/cpu.h"
#include "compute/cpu_ops.h"
#include "compute/gemm.h"

/* Rows that are worth a part of their own. */
enum { CUT_ROWS = 64 };

struct head {
    const float *h;
    struct gemm w; /* the product for one block, its b being the whole of w */
    size_t D, V, ld, blocks;
    const int32_t *id; /* label of each row, or NULL */
    float cap;         /* of the logits; 0 = none */
    bool keep;         /* all blocks stay in scratch_head: exponentials, with a cap the logits */
    bool want_top;
    float *top, *sum; /* [rows,blocks] */
    int32_t *arg;     /* [rows,blocks] */
};

/* One chunk's rows. */
struct rows {
    size_t n;
    float hit[HEAD_ROWS]; /* logit of the row's id */
    double lse[HEAD_ROWS];
};

static int32_t first_equal(const float *x, size_t n, float top)
{
    size_t i = 0;

    while (i + 1 < n && !(x[i] == top))
        i++;
    return (int32_t)i;
}

static bool all_finite(const float *x, size_t n)
{
    size_t bad = 0;

    for (size_t i = 0; i < n; i++)
        bad += !isfinite(x[i]);
    return bad == 0;
}

/* Logits of one row and block become exp(logit - top), with top and their sum aside. The gradient
 * through a cap needs the logits themselves: then their exponentials are made in `spare`. */
static void row_block(struct cpu *c, const struct head *hd, struct rows *rows, size_t n,
                      struct range cols, float *x, float *spare)
{
    size_t at = n * hd->blocks + cols.lo / HEAD_COLS, width = cols.hi - cols.lo;
    float top;

    if (hd->cap > 0)
        c->k->softcap(x, hd->cap, width);
    top = c->k->row_max(x, width);

    if (hd->id && (size_t)hd->id[n] >= cols.lo && (size_t)hd->id[n] < cols.hi)
        rows->hit[n] = x[(size_t)hd->id[n] - cols.lo];
    if (hd->want_top)
        hd->arg[at] = (int32_t)cols.lo + first_equal(x, width, top);
    if (hd->want_top && !all_finite(x, width))
        top = NAN; /* also where only the logit of another id is infinite: no figure comes of it */
    hd->top[at] = top;
    if (spare)
        x = memcpy(spare, x, width * sizeof *x);
    /* A block of -inf alone is worth nothing, whatever it is measured from. */
    hd->sum[at] = c->k->exp_sum(x, isinf(top) && top < 0 ? 0.0f : top, width);
}

static void one_block(struct cpu *c, const struct head *hd, struct rows *rows, struct range r,
                      size_t block, int t)
{
    struct range cols = {block * HEAD_COLS, (block + 1) * HEAD_COLS};
    struct gemm g = hd->w;

    cols.hi = cols.hi < hd->V ? cols.hi : hd->V;
    g.m = r.hi - r.lo;
    g.n = cols.hi - cols.lo;
    g.a = hd->h + r.lo * hd->D;
    g.b = (const char *)hd->w.b + dtype_bytes(g.bt, cols.lo * hd->D);
    g.c = hd->keep ? scratch_head(c) + r.lo * hd->ld + cols.lo : scratch_tile(c, t);
    g.ldc = hd->keep ? hd->ld : HEAD_COLS;
    gemm_part(c, &g, t);
    for (size_t n = r.lo; n < r.hi; n++)
        row_block(c, hd, rows, n, cols, g.c + (n - r.lo) * g.ldc,
                  hd->keep && hd->cap > 0 ? scratch_tile(c, t) : NULL);
}

static void row_finish(const struct head *hd, struct rows *rows, size_t n)
{
    const float *top = hd->top + n * hd->blocks, *sum = hd->sum + n * hd->blocks;
    double most = -INFINITY, total = 0;

    for (size_t b = 0; b < hd->blocks; b++)
        most = (double)top[b] > most ? (double)top[b] : most;
    for (size_t b = 0; b < hd->blocks; b++)
        if (!(isinf(top[b]) && top[b] < 0))
            total += (double)sum[b] * exp((double)top[b] - most);
    rows->lse[n] = most + log(total);
}

/* The forward of one chunk: block statistics, hits and log-sum-exps. Where the blocks are few and do not go up
 * among the parts, rows are cut too. */
static void head_forward(struct cpu *c, const struct head *hd, struct rows *rows)
{
    int parts = parts_for(&c->base, rows->n * hd->V * (hd->D / 64 + 1));
    size_t p = (size_t)parts, most = rows->n / CUT_ROWS, cuts = most < p ? most : p;

    if (hd->blocks % p == 0 || hd->blocks >= 4 * p || most < 2 ||
        !gemm_rows_apart(c, &hd->w, CUT_ROWS))
        cuts = 1;
    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(hd->blocks * cuts, t, parts, 1);
        for (size_t i = r.lo; i < r.hi; i++)
            one_block(c, hd, rows, range_of(rows->n, (int)(i % cuts), (int)cuts, 1), i / cuts, t);
    }
    for (size_t n = 0; n < rows->n; n++)
        row_finish(hd, rows, n);
}

/* What was kept becomes scale (softmax - one at the label), with a cap times its slope. */
static void head_gradient(struct cpu *c, const struct head *hd, const struct rows *rows,
                          float scale)
{
    int parts = parts_for(&c->base, rows->n * hd->V);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(rows->n, t, parts, 1);
        for (size_t n = r.lo; n < r.hi; n++) {
            float *p = scratch_head(c) + n * hd->ld;
            if (hd->cap > 0) {
                float u = rows->hit[n] / hd->cap;
                c->k->softcap_prob(p, (float)rows->lse[n], scale, hd->cap, hd->V);
                p[hd->id[n]] -= scale * (1.0f - u * u);
                continue;
            }
            for (size_t b = 0; b < hd->blocks; b++) {
                float top = hd->top[n * hd->blocks + b], *x = p + b * HEAD_COLS;
                double part = isinf(top) && top < 0 ? 0 : exp((double)top - rows->lse[n]);
                size_t left = hd->V - b * HEAD_COLS;
                c->k->scale(x, (float)(part * (double)scale), x,
                            left < HEAD_COLS ? left : HEAD_COLS);
            }
            p[hd->id[n]] -= scale;
        }
    }
}

static struct head head_of(struct compute *c, struct ref h, struct ref w, size_t D, size_t V,
                           size_t rows)
{
    struct head hd = {.h = f32_at(h), .D = D, .V = V, .ld = row_stride(V)};

    hd.w = (struct gemm){
        .tb = true, .k = D, .alpha = 1, .lda = D, .b = any_at(w), .bt = w.buf->type, .ldb = D};
    hd.blocks = (V + HEAD_COLS - 1) / HEAD_COLS;
    hd.top = scratch_stat(cpu_of(c));
    hd.sum = hd.top + rows * hd.blocks;
    hd.arg = (int32_t *)(void *)(hd.sum + rows * hd.blocks);
    return hd;
}

/* dh = P w and dw += P^T h for one chunk. */
static void head_products(struct cpu *c, const struct head *hd, size_t n, float *dh, float *dw)
{
    struct gemm down = {.m = n,
                        .n = hd->D,
                        .k = hd->V,
                        .alpha = 1,
                        .a = scratch_head(c),
                        .lda = hd->ld,
                        .b = hd->w.b,
                        .bt = hd->w.bt,
                        .ldb = hd->D,
                        .c = dh,
                        .ldc = hd->D};
    struct gemm grad = {.ta = true,
                        .m = hd->V,
                        .n = hd->D,
                        .k = n,
                        .alpha = 1,
                        .a = scratch_head(c),
                        .lda = hd->ld,
                        .b = hd->h,
                        .ldb = hd->D,
                        .beta = 1,
                        .c = dw,
                        .ldc = hd->D};

    if (dh)
        gemm_run(c, &down);
    if (dw)
        gemm_run(c, &grad);
}

static double cpu_xent(struct compute *c, struct ref h, struct ref w, const int32_t *label,
                       struct ref dh, struct ref dw, size_t N, size_t D, size_t V, float cap,
                       float scale, double *row_loss)
{
    const size_t chunk = head_chunk(N, V);
    struct head hd = head_of(c, h, w, D, V, chunk);
    float *dH = f32_at(dh), *dW = f32_at(dw);
    double total = 0;

    hd.cap = cap;
    hd.keep = dH || dW;
    for (size_t at = 0; at < N; at += chunk) {
        struct rows rows = {.n = N - at < chunk ? N - at : chunk};
        hd.h = f32_at(h) + at * D;
        hd.id = label + at;
        head_forward(cpu_of(c), &hd, &rows);
        for (size_t n = 0; n < rows.n; n++) {
            double loss = rows.lse[n] - (double)rows.hit[n];
            total += loss;
            if (row_loss)
                row_loss[at + n] = loss;
        }
        if (hd.keep) {
            head_gradient(cpu_of(c), &hd, &rows, scale);
            head_products(cpu_of(c), &hd, rows.n, dH ? dH + at * D : NULL, dW);
        }
    }
    return total;
}

/* The largest of the block's largest; the first block wins among equals. */
static int32_t row_top(const struct head *hd, size_t n)
{
    const float *top = hd->top + n * hd->blocks;
    size_t best = 0;

    for (size_t b = 1; b < hd->blocks; b++)
        if (top[b] > top[best])
            best = b;
    return hd->arg[n * hd->blocks + best];
}

static void cpu_logprobs(struct compute *c, struct ref h, struct ref w, const int32_t *id, size_t N,
                         size_t D, size_t V, float cap, double *logp, int32_t *top)
{
    const size_t chunk = head_chunk(N, V);
    struct head hd = head_of(c, h, w, D, V, chunk);

    hd.cap = cap;
    hd.want_top = top != NULL;
    for (size_t at = 0; at < N; at += chunk) {
        struct rows rows = {.n = N - at < chunk ? N - at : chunk};
        hd.h = f32_at(h) + at * D;
        hd.id = id ? id + at : NULL;
        head_forward(cpu_of(c), &hd, &rows);
        for (size_t n = 0; n < rows.n; n++) {
            if (logp && id)
                logp[at + n] = (double)rows.hit[n] - rows.lse[n];
            if (top)
                top[at + n] = row_top(&hd, n);
        }
    }
}

const struct ops_head cpu_ops_head = {OPS_HEAD(CPU_OP, CPU_OP)};
