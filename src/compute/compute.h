/* compute.h - the door to the arithmetic: opening a backend, its memory, its ops.
 *
 * The CPU's tables are the reference: complete, and every other backend is tested against them.
 * Memory belongs to the backend: a `struct buf` is opaque, a `struct ref` is a place in one, and
 * nobody outside src/compute looks behind it. compute_upload and compute_download are the only ways
 * in and out. What the ops do is in ops.h. */
#ifndef COMPUTE_COMPUTE_H
#define COMPUTE_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/dtype.h"
#include "base/err.h"
#include "compute/ops.h"

struct provider;

/* The largest shapes a caller will ask for; scratch is reserved for them once. */
struct compute_limits {
    size_t rows;  /* N of any op */
    size_t seq;   /* keys of one sequence */
    size_t width; /* the largest of D, M, F, H E (not V) */
    size_t vocab;
    size_t head; /* E */
    bool train;  /* backward ops too */
};

struct backend {
    const char *name;
    const char *help;
    struct compute *(*open)(const struct compute *as,
                            struct vac_err *err); /* all but `be` is given */
    void (*close)(struct compute *c);
    size_t (*scratch_bytes)(const struct compute_limits *lim, int threads);
    int (*reserve)(struct compute *c, const struct compute_limits *lim, struct vac_err *err);
    struct buf *(*alloc)(struct compute *c, size_t n, struct vac_err *err);
    struct buf *(*wrap)(struct compute *c, const void *data, enum dtype t, size_t n,
                        struct vac_err *err);
    void (*release)(struct compute *c, struct buf *b);
    void (*upload)(struct compute *c, struct ref to, const float *from, size_t n);
    void (*download)(struct compute *c, float *to, struct ref from, size_t n);
    void (*between_steps)(struct compute *c); /* NULL = nothing to do */
    size_t (*head_rows)(size_t N, size_t V);
    const struct ops_basic *basic;
    const struct ops_rows *rows;
    const struct ops_linear *linear;
    const struct ops_attention *attention;
    const struct ops_head *head;
};

/* What every backend's struct compute begins with. */
struct compute {
    const struct backend *be;
    int threads;                     /* resolved: never 0 */
    const struct provider *products; /* who computes matrix products: see products.h */
    bool bf16; /* what is multiplied with weights is rounded to bf16 first, the weights too */
};

/* Backend by name ("cpu", "fence"); threads 0 = physical cores (compute_cores); products by name,
 * NULL = as products_find says. */
struct compute *compute_open(const char *backend, int threads, const char *products,
                             struct vac_err *err);
/* The same with what products multiply rounded to a precision, an index into compute_precisions; sums are
 * F32 in all of them. */
struct compute *compute_open_in(const char *backend, int threads, const char *products,
                                int precision, struct vac_err *err);
extern const char *const compute_precisions[]; /* "f32", "bf16", NULL */
void compute_close(
    struct compute *c); /* frees no buffers that the caller still holds: release them first */
int compute_cores(void);
/* Which kernels make its sums, "avx2": what their last bits depend on besides the products' provider. */
const char *compute_kernels(const struct compute *c);
/* Bytes that compute_reserve will take, for the memory plan. */
size_t compute_scratch_bytes(const struct compute *c, const struct compute_limits *lim);
int compute_reserve(struct compute *c, const struct compute_limits *lim, struct vac_err *err);
/* Said before every training step: time to see how the computing goes. Changes no result. */
void compute_between_steps(struct compute *c);
/* Rows that the ops of the head work on at a time, of N and a vocabulary V: calls with so many each, one behind the
 * other, give the bits of one call. At least 1. */
size_t compute_head_rows(const struct compute *c, size_t N, size_t V);
/* n zeroed floats. */
struct buf *compute_alloc(struct compute *c, size_t n, struct vac_err *err);
/* Read-only view of n numbers in the caller's memory (a mapped file), which must outlive the buffer. */
struct buf *compute_wrap(struct compute *c, const void *data, enum dtype t, size_t n,
                         struct vac_err *err);
void compute_release(struct compute *c, struct buf *b); /* NULL is fine */
void compute_upload(struct compute *c, struct ref to, const float *from, size_t n);
void compute_download(struct compute *c, float *to, struct ref from,
                      size_t n); /* any dtype, widened */

#define OP_CALL_V(name, ...)                                                                       \
    static inline void op_##name(struct compute *c, OP_PARAMS(__VA_ARGS__))                        \
    {                                                                                              \
        c->be->OP_TABLE->name(c, OP_NAMES(__VA_ARGS__));                                           \
    }
#define OP_CALL_R(name, ...)                                                                       \
    static inline double op_##name(struct compute *c, OP_PARAMS(__VA_ARGS__))                      \
    {                                                                                              \
        return c->be->OP_TABLE->name(c, OP_NAMES(__VA_ARGS__));                                    \
    }
#define OP_TABLE basic
OPS_BASIC(OP_CALL_V, OP_CALL_R)
#undef OP_TABLE
#define OP_TABLE rows
OPS_ROWS(OP_CALL_V, OP_CALL_R)
#undef OP_TABLE
#define OP_TABLE linear
OPS_LINEAR(OP_CALL_V, OP_CALL_R)
#undef OP_TABLE
#define OP_TABLE attention
OPS_ATTENTION(OP_CALL_V, OP_CALL_R)
#undef OP_TABLE
#define OP_TABLE head
OPS_HEAD(OP_CALL_V, OP_CALL_R)
#undef OP_TABLE
#undef OP_CALL_V
#undef OP_CALL_R

#endif
