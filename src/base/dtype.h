/* dtype.h - the three number formats of weights and the exact way between them. */
#ifndef BASE_DTYPE_H
#define BASE_DTYPE_H

#include <stddef.h>
#include <stdint.h>

enum dtype { DTYPE_F32, DTYPE_BF16, DTYPE_F16 };

const char *dtype_name(enum dtype t); /* "F32", "BF16", "F16": safetensors' names */
size_t dtype_size(enum dtype t);      /* 4, 2, 2 */
/* n numbers at once, from and to any of the three. Narrowing rounds to nearest, ties to even; what is
 * too large becomes Inf; NaN stays a (quiet) NaN. */
void dtype_widen(float *out, const void *in, enum dtype t, size_t n);
void dtype_narrow(void *out, const float *in, enum dtype t, size_t n);
#endif
