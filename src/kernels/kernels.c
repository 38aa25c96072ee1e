/* kernels.c - which of the tables of kernels this processor can run. */
#include "kernels/kernels.h"

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

const struct bf16_kernels *kernels_bf16_at(size_t i)
{
    const struct bf16_kernels *list[5] = {0};
    size_t n = 0;

#ifdef __x86_64__
    if (has_avx512() && __builtin_cpu_supports("avx512bf16"))
        list[n++] = &bf16_avx512bf16;
    if (has_avx512())
        list[n++] = &bf16_avx512;
    if (has_avx2())
        list[n++] = &bf16_avx2;
#endif
    list[n++] = &bf16_base;
    return i < n ? list[i] : NULL;
}
