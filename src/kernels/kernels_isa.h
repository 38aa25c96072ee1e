/* kernels_isa.h - what the files share that are compiled once for each instruction set, with -DISA=name
 * and that set's flags. */
#ifndef KERNELS_KERNELS_ISA_H
#define KERNELS_KERNELS_ISA_H

#include <stddef.h>
#include "kernels/kernels.h"

#ifndef ISA
#define ISA base
#endif
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define TEXT2(a) #a
#define TEXT(a) TEXT2(a)
#define SIMD _Pragma("omp simd")
#define SIMD_SUM(v) _Pragma(TEXT(omp simd reduction(+ : v)))
#define INLINE static inline __attribute__((always_inline))

#if defined __AVX512F__
#define LANES 16
#elif defined __AVX__
#define LANES 8
#else
#define LANES 4
#endif
typedef float vec __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

INLINE vec load(const float *p)
{
    return *(const vec *)p;
}

INLINE void store(float *p, vec v)
{
    *(vec *)p = v;
}

/* a - 0 is a whatever a is, but 0 + a is not: the compiler would really add. */
INLINE vec splat(float a)
{
    return a - (vec){0};
}

#endif
