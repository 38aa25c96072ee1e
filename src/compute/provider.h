/* provider.h - one library that multiplies matrices, behind gemm.h; nobody outside src/compute looks
 * into it.
 *
 * A provider is a file with a descriptor and a word in PROVIDERS. Each of its calls computes in the
 * calling thread alone: the threads are ours, one pool, whichever way the library was built. */
#ifndef COMPUTE_PROVIDER_H
#define COMPUTE_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include "base/dtype.h"

/* c[m,n] = alpha a b + beta c (+ bias in every row). a is [m,k], or [k,m] with ta; b is [k,n], or
 * [n,k] with tb, of any dtype; ld* are the distances between stored rows. beta = 0 never reads c.
 */
struct gemm {
    bool ta, tb;
    size_t m, n, k;
    float alpha;
    const float *a;
    size_t lda;
    const void *b;
    enum dtype bt;
    size_t ldb;
    float beta;
    float *c;
    size_t ldc;
    const float *bias; /* n numbers, or NULL */
};

struct provider {
    const char *name, *help;
    const char *lacks;   /* why it cannot be used in this build; NULL = it can */
    bool (*suits)(void); /* whether it is taken by itself on this processor */
    /* "OpenBLAS 0.3.21 (openmp) kernels Haswell": what the last bits of products depend on. */
    const char *(*text)(void);
    /* What to do where its products are wrong: "set X=Y in the environment, or ...". */
    const char *(*cure)(void);
    void (*open)(void); /* once before all else; NULL = nothing to do */
    /* In every thread, before each product, whose kernels may use the stack pointer as they like: handlers of
     * signals that ask for a stack of their own (SA_ONSTACK) have one from here on. */
    void (*alone)(void);
    /* m, n, k > 0, b is F32, no bias. */
    void (*multiply)(const struct gemm *g);
};

/* Best first: the first that suits the processor is taken. */
#define PROVIDERS(X)                                                                               \
    X(onednn)                                                                                      \
    X(openblas)

#define PROVIDER_DECLARE(name) extern const struct provider provider_##name;
PROVIDERS(PROVIDER_DECLARE)
#undef PROVIDER_DECLARE

#endif
