/* gemm.h - the one general matrix product. */
#ifndef COMPUTE_GEMM_H
#define COMPUTE_GEMM_H

#include "compute/cpu.h"
#include "compute/provider.h"

/* In the calling thread, of any size; b must be F32 and there is no bias. */
void gemm_serial(const struct provider *p, const struct gemm *g);
/* Over the threads of c. */
void gemm_run(struct cpu *c, const struct gemm *g);
/* In the calling thread with the scratch of part t: any dtype, bias. */
void gemm_part(struct cpu *c, const struct gemm *g, int t);
/* Whether rows of c that go through the product in groups of at least so many come out the same, bit for bit, as
 * all at once. */
bool gemm_rows_apart(const struct cpu *c, const struct gemm *g, size_t rows);

#endif
