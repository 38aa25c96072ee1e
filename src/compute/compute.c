/* compute.c - the table of backends and the calls that go through it; how many cores there are. */
#include "compute/compute.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/name.h"
#include "compute/backends.h"
#include "compute/products.h"
#include "kernels/kernels.h"

#define BACKEND_ROW(name) &backend_##name,
static const struct backend *const backends[] = {COMPUTE_BACKENDS(BACKEND_ROW) NULL};
#undef BACKEND_ROW

enum { THREADS_MAX = 1024 };

const char *const compute_precisions[] = {"f32", "bf16", NULL};

static const struct backend *backend_find(const char *name, struct vac_err *err)
{
    size_t i = name_find(name, name_of, backends);
    const char *near;

    if (i != SIZE_MAX)
        return backends[i];
    near = err_nearest(name, name_of, backends);
    err_set(err, VAC_ERR_USAGE, "there is no backend \"%s\"%s%s%s", name,
            near ? " (did you mean \"" : ": use \"cpu\"", near ? near : "", near ? "\"?)" : "");
    return NULL;
}

struct compute *compute_open_in(const char *backend, int threads, const char *products,
                                int precision, struct vac_err *err)
{
    const struct backend *be = backend_find(backend, err);
    struct compute as = {.products = be ? products_find(products, err) : NULL};

    if (!as.products)
        return NULL;
    as.bf16 = precision == 1;
    if (threads < 0 || threads > THREADS_MAX) {
        err_set(err, VAC_ERR_USAGE, "%d threads: use 1 to %d, or 0 for all cores", threads,
                THREADS_MAX);
        return NULL;
    }
    as.threads = threads ? threads : compute_cores();
    return be->open(&as, err);
}

struct compute *compute_open(const char *backend, int threads, const char *products,
                             struct vac_err *err)
{
    return compute_open_in(backend, threads, products, 0, err);
}

const char *compute_kernels(const struct compute *c)
{
    return c->bf16 ? kernels_bf16_at(0)->name : kernels_at(0)->name;
}

void compute_close(struct compute *c)
{
    if (c)
        c->be->close(c);
}

void compute_between_steps(struct compute *c)
{
    if (c->be->between_steps)
        c->be->between_steps(c);
}

size_t compute_scratch_bytes(const struct compute *c, const struct compute_limits *lim)
{
    return c->be->scratch_bytes(lim, c->threads);
}

int compute_reserve(struct compute *c, const struct compute_limits *lim, struct vac_err *err)
{
    return c->be->reserve(c, lim, err);
}

size_t compute_head_rows(const struct compute *c, size_t N, size_t V)
{
    return c->be->head_rows(N, V);
}

struct buf *compute_alloc(struct compute *c, size_t n, struct vac_err *err)
{
    return c->be->alloc(c, n, err);
}

struct buf *compute_wrap(struct compute *c, const void *data, enum dtype t, size_t n,
                         struct vac_err *err)
{
    return c->be->wrap(c, data, t, n, err);
}

void compute_release(struct compute *c, struct buf *b)
{
    if (b)
        c->be->release(c, b);
}

void compute_upload(struct compute *c, struct ref to, const float *from, size_t n)
{
    c->be->upload(c, to, from, n);
}

void compute_download(struct compute *c, float *to, struct ref from, size_t n)
{
    c->be->download(c, to, from, n);
}

/* --- cores --- */

#ifdef __linux__
/* The first processor that shares a core with `cpu`, or -1 when the system does not say. */
static int core_first(int cpu, const cpu_set_t *allowed)
{
    char path[96], text[256] = "", *p = text;
    FILE *f;
    int first = -1;

    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
             cpu);
    f = fopen(path, "r");
    if (!f)
        return -1;
    if (!fgets(text, sizeof(text), f))
        text[0] = 0;
    fclose(f);
    /* A list of numbers and ranges: "0,8" or "0-1". */
    while (first < 0 && *p >= '0' && *p <= '9') {
        long lo = strtol(p, &p, 10), hi = *p == '-' ? strtol(p + 1, &p, 10) : lo;
        for (long i = lo; first < 0 && i <= hi && i < CPU_SETSIZE; i++)
            if (CPU_ISSET((size_t)i, allowed))
                first = (int)i;
        p += *p == ',';
    }
    return first;
}

int compute_cores(void)
{
    cpu_set_t allowed;
    int cores = 0;

    if (!sched_getaffinity(0, sizeof(allowed), &allowed))
        for (int i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET((size_t)i, &allowed)) {
                int first = core_first(i, &allowed);
                cores += first == i || first < 0;
            }
    if (cores < 1)
        cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : cores;
}
#else
int compute_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (int)n;
}
#endif
