/* cpu.c - the CPU backend's scratch: sizes, places, and making room. */
#include "compute/cpu.h"
#include <stdint.h>
#include "compute/pages.h"

/* Logits of one chunk take at most 64 MB, but never fewer than 128 rows: each chunk copies all of
 * w. */
static size_t head_rows(size_t V)
{
    const size_t most = ((size_t)64 << 20) / sizeof(float), fit = V ? most / V : HEAD_ROWS;

    return fit > HEAD_ROWS ? HEAD_ROWS : fit < HEAD_ROWS / 2 ? HEAD_ROWS / 2 : fit;
}

size_t head_chunk(size_t N, size_t V)
{
    size_t rows = head_rows(V), chunks = (N + rows - 1) / rows;

    return chunks ? (N + chunks - 1) / chunks : 1;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Whole cache lines, so that no two parts write into the same one. */
static size_t line_up(size_t floats)
{
    return (floats + 31) / 16 * 16;
}

static struct scratch scratch_size(const struct compute_limits *l)
{
    size_t blocks = (l->vocab + HEAD_COLS - 1) / HEAD_COLS, rows = head_rows(l->vocab);
    struct scratch s = {0};

    rows = l->rows < rows ? l->rows : rows;
    s.widen = line_up(WIDEN_ROWS * l->width);
    s.tile = line_up(max_size(2 * ATT_ROWS * row_stride(l->seq), HEAD_ROWS * HEAD_COLS));
    s.vec = line_up(l->width);
    s.rank = line_up(RANK_MAX * l->width);
    s.stat = line_up(rows * 3 * blocks);
    s.head = l->train ? line_up(rows * row_stride(l->vocab)) : 0;
    return s;
}

static size_t scratch_floats(const struct scratch *s, int threads)
{
    return (size_t)threads * (s->widen + s->tile) + 2 * s->vec + 2 * s->rank + s->stat + s->head;
}

size_t cpu_scratch_bytes(const struct compute_limits *lim, int threads)
{
    struct scratch s = scratch_size(lim);

    return scratch_floats(&s, threads) * sizeof(float);
}

float *scratch_widen(const struct cpu *c, int part)
{
    return c->scratch + (size_t)part * (c->size.widen + c->size.tile);
}

float *scratch_tile(const struct cpu *c, int part)
{
    return scratch_widen(c, part) + c->size.widen;
}

float *scratch_vec(const struct cpu *c, int which)
{
    return scratch_widen(c, c->base.threads) + (size_t)which * c->size.vec;
}

float *scratch_rank(const struct cpu *c, int which)
{
    return scratch_vec(c, 2) + (size_t)which * c->size.rank;
}

float *scratch_stat(const struct cpu *c)
{
    return scratch_rank(c, 2);
}

float *scratch_head(const struct cpu *c)
{
    return scratch_stat(c) + c->size.stat;
}

const float *vec_f32(struct compute *c, struct ref r, size_t n, int which)
{
    if (r.buf->type == DTYPE_F32)
        return f32_at(r);
    kernels_of(c)->widen(scratch_vec(cpu_of(c), which), any_at(r), r.buf->type, n);
    return scratch_vec(cpu_of(c), which);
}

static struct compute_limits limits_max(const struct compute_limits *a,
                                        const struct compute_limits *b)
{
    return (struct compute_limits){.rows = max_size(a->rows, b->rows),
                                   .seq = max_size(a->seq, b->seq),
                                   .width = max_size(a->width, b->width),
                                   .vocab = max_size(a->vocab, b->vocab),
                                   .head = max_size(a->head, b->head),
                                   .train = a->train || b->train};
}

static int limits_check(const struct compute_limits *l, struct vac_err *err)
{
    const size_t most[] = {l->rows, l->seq, l->width, l->vocab, l->head};

    for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++)
        if (most[i] > INT32_MAX / 4)
            return err_set(err, VAC_ERR_UNSUPPORTED,
                           "a model or batch with a side of %zu is too large: at most %d", most[i],
                           INT32_MAX / 4);
    return 0;
}

/* A second call only ever makes room for more. */
int cpu_reserve(struct compute *c, const struct compute_limits *lim, struct vac_err *err)
{
    struct cpu *cpu = cpu_of(c);
    struct compute_limits all = limits_max(&cpu->lim, lim);
    struct scratch size = scratch_size(&all);
    size_t bytes = scratch_floats(&size, c->threads) * sizeof(float), len;
    float *p;

    if (limits_check(lim, err))
        return -1;
    p = pages_new(bytes, &len);
    if (!p)
        return err_set(err, VAC_ERR_MEMORY,
                       "no memory for %zu MiB of scratch: use fewer threads or a smaller batch",
                       bytes >> 20);
    pages_free(cpu->scratch, cpu->scratch_len);
    cpu->scratch = p;
    cpu->scratch_len = len;
    cpu->size = size;
    cpu->lim = all;
    return 0;
}
