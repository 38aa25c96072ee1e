/* cpu.c - the CPU backend: its memory, its scratch and its table. The arithmetic is in cpu_*.c
 * beside. */
#include "compute/cpu.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "base/mem.h"
#include "compute/cpu_wait.h"

#define HUGE_PAGE ((size_t)2 << 20)

/* --- kernels --- */

#ifdef __x86_64__
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

const struct kernels *kernels_at(size_t i)
{
    const struct kernels *list[4] = {0};
    size_t n = 0;

#ifdef __x86_64__
    if (has_avx512())
        list[n++] = &kernels_avx512;
    if (has_avx2())
        list[n++] = &kernels_avx2;
#endif
    list[n++] = &kernels_base;
    return i < n ? list[i] : NULL;
}

const char *compute_kernels(void)
{
    return kernels_at(0)->name;
}

/* --- memory --- */

void *pages_new(size_t bytes, size_t *map_len)
{
    bool huge = bytes >= HUGE_PAGE;
    size_t step = huge ? HUGE_PAGE : 4096, len, skip;
    char *p;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    len = (bytes + step - 1) / step * step;
    len = len ? len : step;
    p = mmap(NULL, huge ? len + step : len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
             0);
    if (p == MAP_FAILED)
        return NULL;
    *map_len = len;
    if (!huge)
        return p;
    /* Cut the mapping down to whole huge pages. */
    skip = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (skip)
        munmap(p, skip);
    if (step - skip)
        munmap(p + skip + len, step - skip);
#ifdef MADV_HUGEPAGE
    madvise(p + skip, len, MADV_HUGEPAGE);
#endif
    return p + skip;
}

void pages_free(void *p, size_t map_len)
{
    if (p)
        munmap(p, map_len);
}

static struct buf *buf_new(size_t n, enum dtype t, struct vac_err *err)
{
    struct buf *b = mem_new(1, sizeof(*b), err);

    if (b) {
        b->n = n;
        b->type = t;
    }
    return b;
}

/* Gives b pages of its own for its n numbers. */
static int buf_map(struct buf *b, struct vac_err *err)
{
    size_t bytes = 0;

    if (!size_mul(b->n, dtype_size(b->type), &bytes))
        b->map = pages_new(bytes, &b->map_len);
    if (!b->map)
        return err_set(
            err, VAC_ERR_MEMORY,
            "no memory for an array of %zu numbers (%zu MiB): use a smaller batch or model", b->n,
            bytes >> 20);
    b->data = b->map;
    return 0;
}

static void cpu_release(struct compute *c, struct buf *b)
{
    (void)c;
    if (b)
        pages_free(b->map, b->map_len);
    free(b);
}

static struct buf *cpu_alloc(struct compute *c, size_t n, struct vac_err *err)
{
    struct buf *b = buf_new(n, DTYPE_F32, err);

    if (b && buf_map(b, err)) {
        cpu_release(c, b);
        return NULL;
    }
    return b;
}

/* Numbers at an address that is no multiple of their size (a file may have them anywhere) are
 * copied. */
static struct buf *cpu_wrap(struct compute *c, const void *data, enum dtype t, size_t n,
                            struct vac_err *err)
{
    struct buf *b = buf_new(n, t, err);

    if (!b)
        return NULL;
    if ((uintptr_t)data % dtype_size(t) == 0) {
        b->data = (void *)(uintptr_t)data;
    } else if (buf_map(b, err)) {
        cpu_release(c, b);
        return NULL;
    } else {
        memcpy(b->data, data, n * dtype_size(t));
    }
    return b;
}

static void cpu_upload(struct compute *c, struct ref to, const float *from, size_t n)
{
    (void)c;
    if (n)
        memcpy(f32_at(to), from, n * sizeof(float));
}

static void cpu_download(struct compute *c, float *to, struct ref from, size_t n)
{
    kernels_of(c)->widen(to, any_at(from), from.buf->type, n);
}

/* --- scratch --- */

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

size_t compute_scratch_bytes(const struct compute_limits *lim, int threads)
{
    struct scratch s = scratch_size(lim);

    return scratch_floats(&s, threads > 0 ? threads : compute_cores()) * sizeof(float);
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
static int cpu_reserve(struct compute *c, const struct compute_limits *lim, struct vac_err *err)
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

static void cpu_between_steps(struct compute *c)
{
    shorten_spins(c->threads);
}

static struct compute *cpu_open(int threads, struct vac_err *err)
{
    struct cpu *c = mem_new(1, sizeof(*c), err);

    if (!c)
        return NULL;
    c->base.be = &backend_cpu;
    c->base.threads = threads;
    c->k = kernels_at(0);
    gemm_open();
    return &c->base;
}

static void cpu_close(struct compute *c)
{
    if (c)
        pages_free(cpu_of(c)->scratch, cpu_of(c)->scratch_len);
    free(c);
}

#define CPU_OP(name, params, args) .name = cpu_##name,
const struct backend backend_cpu = {
    .name = "cpu",
    .help = "the processor: BLAS and OpenMP",
    .open = cpu_open,
    .close = cpu_close,
    .reserve = cpu_reserve,
    .between_steps = cpu_between_steps,
    .alloc = cpu_alloc,
    .wrap = cpu_wrap,
    .release = cpu_release,
    .upload = cpu_upload,
    .download = cpu_download,
    .ops = {COMPUTE_OPS(CPU_OP, CPU_OP)},
};
#undef CPU_OP
