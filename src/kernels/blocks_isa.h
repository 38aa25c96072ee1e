/* blocks_isa.h - GGUF's blocks become floats: compiled once for each instruction set, as kernels.h. */
#ifndef KERNELS_BLOCKS_ISA_H
#define KERNELS_BLOCKS_ISA_H

#include "base/dtype.h"

/* n numbers of a type that has blocks, which are whole ones. Exact: every product fits 24 bits, and one
 * rounding follows where there is a sum, so that all instruction sets give the same bits. */
void blocks_widen_base(float *y, const unsigned char *x, enum dtype t, size_t n);
void blocks_widen_avx2(float *y, const unsigned char *x, enum dtype t, size_t n);
void blocks_widen_avx512(float *y, const unsigned char *x, enum dtype t, size_t n);
#endif
