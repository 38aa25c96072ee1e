/* ops.c - the commands of a run by their words. */
#include <vaccine/vaccine.h>

#define OP_ROW(op, word, takes, help) [VAC_OP_##op] = {word, takes, help},
const struct vac_op_row vac_ops[VAC_OP_COUNT] = {VAC_OPS(OP_ROW)};
