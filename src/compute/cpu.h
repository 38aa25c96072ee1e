/* cpu.h - what the files of the CPU backend share; nobody outside src/compute includes it.
 *
 * Work is split over threads in a way that depends on shapes and the thread count alone, never on
 * timing, so that the same call gives the same bits. A "part" is one thread's share and owns part
 * number t of the scratch, whichever thread of the system happens to run it. */
#ifndef COMPUTE_CPU_H
#define COMPUTE_CPU_H

#include "compute/compute.h"
#include "kernels/kernels.h"

struct buf {
    void *data; /* element 0 */
    enum dtype type;
    size_t n;
    void *map; /* pages of our own, or NULL when the memory is the caller's */
    size_t map_len;
    struct buf *next; /* for a backend that keeps a list */
};

/* Rows of narrow weights widened at a time, rows and columns of the tiles of attention and of the
 * head, and the largest rank that the LoRA ops serve without a general product. */
enum { WIDEN_ROWS = 256, ATT_ROWS = 64, HEAD_ROWS = 256, HEAD_COLS = 512, RANK_MAX = 64 };

/* Scratch in floats; each part has its own `widen` and `tile`, the rest is shared. */
struct scratch {
    size_t widen, tile;           /* per part */
    size_t vec, rank, head, stat; /* shared: 2 vectors, 2 transposed B, logits, block statistics */
};

struct cpu {
    struct compute base;
    const struct kernels *k;
    const struct bf16_kernels *half;
    struct compute_limits lim;
    struct scratch size;
    float *scratch;     /* parts first, then the shared arrays */
    size_t scratch_len; /* bytes */
};

static inline struct cpu *cpu_of(struct compute *c)
{
    return (struct cpu *)c;
}
static inline const struct kernels *kernels_of(struct compute *c)
{
    return cpu_of(c)->k;
}
static inline float *f32_at(struct ref r)
{
    return r.buf ? (float *)r.buf->data + r.at : NULL;
}
static inline const void *any_at(struct ref r)
{
    return (const char *)r.buf->data + dtype_bytes(r.buf->type, r.at);
}
float *scratch_widen(const struct cpu *c, int part);
float *scratch_tile(const struct cpu *c, int part);
float *scratch_vec(const struct cpu *c, int which);  /* 0, 1: width floats */
float *scratch_rank(const struct cpu *c, int which); /* 0, 1: RANK_MAX x width floats */
float *scratch_head(const struct cpu *c);
float *scratch_stat(const struct cpu *c);
/* Distance of the rows of a tile n numbers wide: an odd number of cache lines, because rows a power
 * of two apart would fall onto the same few sets of the cache. */
static inline size_t row_stride(size_t n)
{
    return ((n + 15) / 16 | 1) * 16;
}
/* Rows of one chunk of the head for N rows and V words: equal chunks, each at most what the scratch
 * holds. */
size_t head_chunk(size_t N, size_t V);
/* The vector as floats: in place when it is F32, else widened into scratch vector `which`. */
const float *vec_f32(struct compute *c, struct ref r, size_t n, int which);

size_t cpu_scratch_bytes(const struct compute_limits *lim, int threads);
/* The backend's `reserve`. A second call only ever makes room for more. */
int cpu_reserve(struct compute *c, const struct compute_limits *lim, struct vac_err *err);

/* A loop over parts in parallel. Without OpenMP it is a plain loop. */
#ifdef _OPENMP
#define PARALLEL_TEXT(x) _Pragma(#x)
#define PARALLEL(parts) PARALLEL_TEXT(omp parallel for num_threads(parts) schedule(static, 1))
#else
#define PARALLEL(parts)
#endif

struct range {
    size_t lo, hi;
};
/* Share t of 0 .. n-1 in `parts` shares, cut at multiples of `grain`. */
static inline struct range range_of(size_t n, int t, int parts, size_t grain)
{
    size_t units = (n + grain - 1) / grain;
    size_t lo = units * (size_t)t / (size_t)parts * grain;
    size_t hi = units * (size_t)(t + 1) / (size_t)parts * grain;

    return (struct range){lo < n ? lo : n, hi < n ? hi : n};
}
/* How many parts are worth it for `work` numbers touched. */
static inline int parts_for(const struct compute *c, size_t work)
{
    size_t most = work / 16384;

    return most < 2 ? 1 : most < (size_t)c->threads ? (int)most : c->threads;
}

#endif
