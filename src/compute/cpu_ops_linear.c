/* cpu_ops_linear.c - products with weights and with low-rank adapters.
 *
 * A low rank makes one side of the product so small that a general product spends its time copying;
 * those go through kernels that keep a tile of the result in registers and stream the large side
 * once. */
#include <string.h>
#include "compute/cpu.h"
#include "compute/cpu_ops.h"
#include "compute/gemm.h"

enum { COLS = 32 };

static void cpu_linear(struct compute *c, struct ref y, struct ref x, struct ref w, struct ref b,
                       size_t N, size_t D, size_t M, bool add)
{
    struct gemm g = {.tb = true,
                     .m = N,
                     .n = M,
                     .k = D,
                     .alpha = 1,
                     .beta = add,
                     .ldc = M,
                     .a = f32_at(x),
                     .lda = D,
                     .b = any_at(w),
                     .bt = w.buf->type,
                     .ldb = D,
                     .c = f32_at(y),
                     .bias = ref_is(b) ? vec_f32(c, b, M, 0) : NULL};

    gemm_run(cpu_of(c), &g);
}

static void cpu_linear_dx(struct compute *c, struct ref dx, struct ref dy, struct ref w, size_t N,
                          size_t D, size_t M, bool add)
{
    struct gemm g = {.m = N,
                     .n = D,
                     .k = M,
                     .alpha = 1,
                     .beta = add,
                     .a = f32_at(dy),
                     .lda = M,
                     .b = any_at(w),
                     .bt = w.buf->type,
                     .ldb = D,
                     .c = f32_at(dx),
                     .ldc = D};

    gemm_run(cpu_of(c), &g);
}

/* db += sum of the rows of dy, in row order. */
static void rows_sum(struct compute *c, float *db, const float *dy, size_t N, size_t M)
{
    int parts = parts_for(c, N * M);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(M, t, parts, COLS);
        for (size_t n = 0; n < N; n++)
            kernels_of(c)->add(db + r.lo, db + r.lo, dy + n * M + r.lo, r.hi - r.lo);
    }
}

static void cpu_linear_dw(struct compute *c, struct ref dw, struct ref db, struct ref dy,
                          struct ref x, size_t N, size_t D, size_t M)
{
    const float *dY = f32_at(dy);

    if (ref_is(dw)) {
        struct gemm g = {.ta = true,
                         .m = M,
                         .n = D,
                         .k = N,
                         .alpha = 1,
                         .beta = 1,
                         .a = dY,
                         .lda = M,
                         .b = f32_at(x),
                         .ldb = D,
                         .c = f32_at(dw),
                         .ldc = D};
        gemm_run(cpu_of(c), &g);
    }
    if (ref_is(db))
        rows_sum(c, f32_at(db), dY, N, M);
}

/* --- small rank --- */

/* out[cols,rows] = in[rows,cols]^T */
static void transpose(float *out, const float *in, size_t rows, size_t cols)
{
    for (size_t j = 0; j < cols; j++)
        for (size_t i = 0; i < rows; i++)
            out[j * rows + i] = in[i * cols + j];
}

static int parts_of_product(const struct compute *c, size_t N, size_t D, size_t R)
{
    return parts_for(c, N * D * (R / 8 + 1) / 4);
}

/* h = s x a^T over row ranges: a is [R,D]. */
static void dots_run(struct compute *c, float *h, size_t ldh, const float *x, const float *a,
                     float s, size_t N, size_t D, size_t R)
{
    int parts = parts_of_product(c, N, D, R);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 4);
        kernels_of(c)->dots(h + r.lo * ldh, ldh, x + r.lo * D, D, a, D, s, r.hi - r.lo, D, R,
                            false);
    }
}

/* y (+)= s h a over row ranges: a is [R,D]. */
static void outer_run(struct compute *c, float *y, const float *h, size_t ldh, const float *a,
                      float s, size_t N, size_t D, size_t R, bool add)
{
    int parts = parts_of_product(c, N, D, R);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 4);
        kernels_of(c)->outer(y + r.lo * D, D, h + r.lo * ldh, ldh, a, D, s, r.hi - r.lo, D, R, add);
    }
}

/* y += s h^T x over column ranges: y is [R,D]. */
static void gather_run(struct compute *c, float *y, const float *h, size_t ldh, const float *x,
                       float s, size_t N, size_t D, size_t R)
{
    int parts = parts_of_product(c, N, D, R);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(D, t, parts, COLS);
        kernels_of(c)->gather(y + r.lo, D, h, ldh, x + r.lo, D, s, N, r.hi - r.lo, R);
    }
}

/* --- LoRA --- */

static void cpu_lora_down(struct compute *c, struct ref h, size_t ldh, struct ref x, struct ref a,
                          size_t N, size_t D, size_t R)
{
    struct gemm g = {.tb = true,
                     .m = N,
                     .n = R,
                     .k = D,
                     .alpha = 1,
                     .a = f32_at(x),
                     .lda = D,
                     .b = f32_at(a),
                     .ldb = D,
                     .c = f32_at(h),
                     .ldc = ldh};

    if (R <= RANK_MAX)
        dots_run(c, g.c, ldh, g.a, g.b, 1, N, D, R);
    else
        gemm_run(cpu_of(c), &g);
}

static void cpu_lora_up(struct compute *c, struct ref y, struct ref h, size_t ldh, struct ref b,
                        float s, size_t N, size_t M, size_t R)
{
    struct gemm g = {.tb = true,
                     .m = N,
                     .n = M,
                     .k = R,
                     .alpha = s,
                     .a = f32_at(h),
                     .lda = ldh,
                     .b = f32_at(b),
                     .ldb = R,
                     .beta = 1,
                     .c = f32_at(y),
                     .ldc = M};

    if (R <= RANK_MAX) {
        float *bt = scratch_rank(cpu_of(c), 0);
        transpose(bt, g.b, M, R);
        outer_run(c, g.c, g.a, ldh, bt, s, N, M, R, true);
    } else {
        gemm_run(cpu_of(c), &g);
    }
}

/* db[M,R] += s dy^T h, through its transpose. */
static void lora_db(struct compute *c, float *db, const float *dy, const float *h, size_t ldh,
                    float s, size_t N, size_t M, size_t R)
{
    float *t = scratch_rank(cpu_of(c), 1);

    memset(t, 0, R * M * sizeof(*t));
    gather_run(c, t, h, ldh, dy, s, N, M, R);
    for (size_t r = 0; r < R; r++)
        for (size_t m = 0; m < M; m++)
            db[m * R + r] += t[r * M + m];
}

static void cpu_lora_up_bwd(struct compute *c, struct ref dh, size_t ldh, struct ref db,
                            struct ref dy, struct ref h, struct ref b, float s, size_t N, size_t M,
                            size_t R)
{
    struct gemm down = {.m = N,
                        .n = R,
                        .k = M,
                        .alpha = s,
                        .a = f32_at(dy),
                        .lda = M,
                        .b = f32_at(b),
                        .ldb = R,
                        .c = f32_at(dh),
                        .ldc = ldh};
    struct gemm grad = {.ta = true,
                        .m = M,
                        .n = R,
                        .k = N,
                        .alpha = s,
                        .a = f32_at(dy),
                        .lda = M,
                        .b = f32_at(h),
                        .ldb = ldh,
                        .beta = 1,
                        .c = f32_at(db),
                        .ldc = R};

    if (R <= RANK_MAX) {
        float *bt = scratch_rank(cpu_of(c), 0);
        transpose(bt, down.b, M, R);
        dots_run(c, down.c, ldh, down.a, bt, s, N, M, R);
        if (grad.c)
            lora_db(c, grad.c, grad.a, grad.b, ldh, s, N, M, R);
    } else {
        gemm_run(cpu_of(c), &down);
        if (grad.c)
            gemm_run(cpu_of(c), &grad);
    }
}

static void cpu_lora_down_dx(struct compute *c, struct ref dx, struct ref dh, size_t ldh,
                             struct ref a, size_t N, size_t D, size_t R, bool add)
{
    struct gemm g = {.m = N,
                     .n = D,
                     .k = R,
                     .alpha = 1,
                     .a = f32_at(dh),
                     .lda = ldh,
                     .b = f32_at(a),
                     .ldb = D,
                     .beta = add,
                     .c = f32_at(dx),
                     .ldc = D};

    if (R <= RANK_MAX)
        outer_run(c, g.c, g.a, ldh, g.b, 1, N, D, R, add);
    else
        gemm_run(cpu_of(c), &g);
}

static void cpu_lora_down_dw(struct compute *c, struct ref da, struct ref dh, size_t ldh,
                             struct ref x, size_t N, size_t D, size_t R)
{
    struct gemm g = {.ta = true,
                     .m = R,
                     .n = D,
                     .k = N,
                     .alpha = 1,
                     .a = f32_at(dh),
                     .lda = ldh,
                     .b = f32_at(x),
                     .ldb = D,
                     .beta = 1,
                     .c = f32_at(da),
                     .ldc = D};

    if (R <= RANK_MAX)
        gather_run(c, g.c, g.a, ldh, g.b, 1, N, D, R);
    else
        gemm_run(cpu_of(c), &g);
}

static void cpu_lora_merge(struct compute *c, struct ref w, struct ref a, struct ref b, float s,
                           size_t M, size_t D, size_t R)
{
    struct gemm g = {.m = M,
                     .n = D,
                     .k = R,
                     .alpha = s,
                     .a = f32_at(b),
                     .lda = R,
                     .b = f32_at(a),
                     .ldb = D,
                     .beta = 1,
                     .c = f32_at(w),
                     .ldc = D};

    if (R <= RANK_MAX)
        outer_run(c, g.c, g.a, R, g.b, s, M, D, R, true);
    else
        gemm_run(cpu_of(c), &g);
}

const struct ops_linear cpu_ops_linear = {OPS_LINEAR(CPU_OP, CPU_OP)};
