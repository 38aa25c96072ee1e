/* kernels_bf16.h - the table of kernels_bf16.c. */
#ifndef KERNELS_KERNELS_BF16_H
#define KERNELS_KERNELS_BF16_H

#include "kernels/kernels_isa.h"

extern const struct bf16_kernels JOIN(bf16_, ISA);

#endif
