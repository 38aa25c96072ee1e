/* backend_fence.c - a backend for tests: the CPU's arithmetic on memory that nobody may touch between ops.
 *
 * Every buffer (also a private copy of wrapped memory) lies in pages that are unreadable except
 * while an op, an upload or a download runs, and ends right before a page that is always
 * unreadable. A caller that looks behind a buffer dies at once, and so does an op that runs over
 * its end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/mem.h"
#include "compute/backends.h"
#include "compute/cpu.h"

struct fence {
    struct compute base;
    struct compute *cpu;
    struct buf *live;
};

static struct fence *fence_of(struct compute *c)
{
    return (struct fence *)c;
}

static size_t page_size(void)
{
    long n = sysconf(_SC_PAGESIZE);

    return n > 0 ? (size_t)n : 4096;
}

/* The last page of every mapping stays closed. */
static void fence_set(struct compute *c, int access)
{
    for (struct buf *b = fence_of(c)->live; b; b = b->next)
        mprotect(b->map, b->map_len - page_size(), access);
}

static void fence_enter(struct compute *c)
{
    fence_set(c, PROT_READ | PROT_WRITE);
}

static void fence_leave(struct compute *c)
{
    fence_set(c, PROT_NONE);
}

/* Pages for b's n numbers, which end where the closed page begins. */
static int fence_map(struct buf *b, struct vac_err *err)
{
    size_t page = page_size(), bytes = 0, len = 0;
    char *p = MAP_FAILED;

    if (!size_mul(b->n / dtype_block(b->type), dtype_size(b->type), &bytes) &&
        !size_add(bytes, 2 * page, &len)) {
        len = len / page * page;
        len += len == page ? page : 0;
        p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    if (p == MAP_FAILED)
        return err_set(err, VAC_ERR_MEMORY, "no memory for an array of %zu numbers", b->n);
    b->map = p;
    b->map_len = len;
    b->data = p + len - page - bytes;
    return 0;
}

static struct buf *fence_new(struct compute *c, enum dtype t, size_t n, struct vac_err *err)
{
    struct buf *b = mem_new(1, sizeof(*b), err);

    if (!b)
        return NULL;
    b->type = t;
    b->n = n;
    if (fence_map(b, err)) {
        free(b);
        return NULL;
    }
    b->next = fence_of(c)->live;
    fence_of(c)->live = b;
    return b;
}

static struct buf *fence_alloc(struct compute *c, size_t n, struct vac_err *err)
{
    return fence_new(c, DTYPE_F32, n, err);
}

static struct buf *fence_wrap(struct compute *c, const void *data, enum dtype t, size_t n,
                              struct vac_err *err)
{
    struct buf *b = fence_new(c, t, n, err);

    if (!b)
        return NULL;
    fence_enter(c);
    if (n)
        memcpy(b->data, data, dtype_bytes(t, n));
    fence_leave(c);
    return b;
}

static void fence_release(struct compute *c, struct buf *b)
{
    struct buf **at = &fence_of(c)->live;

    while (*at && *at != b)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = b->next;
    munmap(b->map, b->map_len);
    free(b);
}

static void fence_upload(struct compute *c, struct ref to, const float *from, size_t n)
{
    fence_enter(c);
    backend_cpu.upload(fence_of(c)->cpu, to, from, n);
    fence_leave(c);
}

static void fence_download(struct compute *c, float *to, struct ref from, size_t n)
{
    fence_enter(c);
    backend_cpu.download(fence_of(c)->cpu, to, from, n);
    fence_leave(c);
}

static int fence_reserve(struct compute *c, const struct compute_limits *lim, struct vac_err *err)
{
    return backend_cpu.reserve(fence_of(c)->cpu, lim, err);
}

static struct compute *fence_open(const struct compute *as, struct vac_err *err);

static void fence_close(struct compute *c)
{
    if (c)
        backend_cpu.close(fence_of(c)->cpu);
    free(c);
}

#define FENCE_V(name, ...)                                                                         \
    static void fence_##name(struct compute *c, OP_PARAMS(__VA_ARGS__))                            \
    {                                                                                              \
        struct compute *outer = c;                                                                 \
        fence_enter(outer);                                                                        \
        c = fence_of(outer)->cpu;                                                                  \
        op_##name(c, OP_NAMES(__VA_ARGS__));                                                       \
        fence_leave(outer);                                                                        \
    }
#define FENCE_R(name, ...)                                                                         \
    static double fence_##name(struct compute *c, OP_PARAMS(__VA_ARGS__))                          \
    {                                                                                              \
        struct compute *outer = c;                                                                 \
        double result;                                                                             \
        fence_enter(outer);                                                                        \
        c = fence_of(outer)->cpu;                                                                  \
        result = op_##name(c, OP_NAMES(__VA_ARGS__));                                              \
        fence_leave(outer);                                                                        \
        return result;                                                                             \
    }
#define FENCE_OP(name, ...) .name = fence_##name,
#define FENCE_TABLE(table, LIST)                                                                   \
    LIST(FENCE_V, FENCE_R)                                                                         \
    static const struct ops_##table fence_ops_##table = {LIST(FENCE_OP, FENCE_OP)};
FENCE_TABLE(basic, OPS_BASIC)
FENCE_TABLE(rows, OPS_ROWS)
FENCE_TABLE(linear, OPS_LINEAR)
FENCE_TABLE(attention, OPS_ATTENTION)
FENCE_TABLE(head, OPS_HEAD)

const struct backend backend_fence = {
    .name = "fence",
    .help = "for tests: memory that only ops may touch",
    .open = fence_open,
    .close = fence_close,
    .scratch_bytes = cpu_scratch_bytes,
    .reserve = fence_reserve,
    .head_rows = head_chunk,
    .alloc = fence_alloc,
    .wrap = fence_wrap,
    .release = fence_release,
    .upload = fence_upload,
    .download = fence_download,
    .basic = &fence_ops_basic,
    .rows = &fence_ops_rows,
    .linear = &fence_ops_linear,
    .attention = &fence_ops_attention,
    .head = &fence_ops_head,
};

static struct compute *fence_open(const struct compute *as, struct vac_err *err)
{
    struct fence *c = mem_new(1, sizeof(*c), err);

    if (!c)
        return NULL;
    c->base = *as;
    c->base.be = &backend_fence;
    c->cpu = backend_cpu.open(as, err);
    if (!c->cpu) {
        free(c);
        return NULL;
    }
    return &c->base;
}
