/* cpu_ops.h - the CPU's tables of ops: cpu_ops_NAME is in cpu_ops_NAME.c. */
#ifndef COMPUTE_CPU_OPS_H
#define COMPUTE_CPU_OPS_H

#include "compute/ops.h"

extern const struct ops_basic cpu_ops_basic;
extern const struct ops_rows cpu_ops_rows;
extern const struct ops_linear cpu_ops_linear;
extern const struct ops_attention cpu_ops_attention;
extern const struct ops_head cpu_ops_head;

/* What a row of the lists in ops.h is in such a table. */
#define CPU_OP(name, ...) .name = cpu_##name,

#endif
