/* backend_cpu.c - the CPU backend: its memory and its tables. The arithmetic is in cpu_ops_*.c. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "compute/backends.h"
#include "compute/cpu.h"
#include "compute/cpu_ops.h"
#include "compute/pages.h"
#include "compute/wait.h"

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

    if (!size_mul(b->n / dtype_block(b->type), dtype_size(b->type), &bytes))
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
    if (dtype_block(t) > 1 || (uintptr_t)data % dtype_size(t) == 0) {
        b->data = (void *)(uintptr_t)data;
    } else if (buf_map(b, err)) {
        cpu_release(c, b);
        return NULL;
    } else {
        memcpy(b->data, data, dtype_bytes(t, n));
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

static void cpu_between_steps(struct compute *c)
{
    shorten_spins(c->threads);
}

static struct compute *cpu_open(const struct compute *as, struct vac_err *err)
{
    struct cpu *c = mem_new(1, sizeof(*c), err);

    if (!c)
        return NULL;
    c->base = *as;
    c->base.be = &backend_cpu;
    c->k = kernels_at(0);
    c->half = kernels_bf16_at(0);
    return &c->base;
}

static void cpu_close(struct compute *c)
{
    if (c)
        pages_free(cpu_of(c)->scratch, cpu_of(c)->scratch_len);
    free(c);
}

const struct backend backend_cpu = {
    .name = "cpu",
    .help = "the processor, with OpenMP",
    .open = cpu_open,
    .close = cpu_close,
    .scratch_bytes = cpu_scratch_bytes,
    .reserve = cpu_reserve,
    .head_rows = head_chunk,
    .between_steps = cpu_between_steps,
    .alloc = cpu_alloc,
    .wrap = cpu_wrap,
    .release = cpu_release,
    .upload = cpu_upload,
    .download = cpu_download,
    .basic = &cpu_ops_basic,
    .rows = &cpu_ops_rows,
    .linear = &cpu_ops_linear,
    .attention = &cpu_ops_attention,
    .head = &cpu_ops_head,
};
