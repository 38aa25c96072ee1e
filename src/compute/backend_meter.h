/* backend_meter.h - what the backend "meter" has measured: the CPU's ops, with a stopwatch on each. */
#ifndef COMPUTE_BACKEND_METER_H
#define COMPUTE_BACKEND_METER_H

#include <stddef.h>
#include "compute/compute.h"

/* Kinds of work. Those with a count of operations have a limit: what the cores could do. */
#define METER_KINDS(X)                                                                             \
    X(PRODUCTS, "products")                                                                        \
    X(HEAD, "head")                                                                                \
    X(ATTENTION, "attention")                                                                      \
    X(LORA, "LoRA")                                                                                \
    X(ROWS, "element-wise")
#define METER_ENUM(kind, name) METER_##kind,
enum meter_kind { METER_KINDS(METER_ENUM) METER_COUNT };
#undef METER_ENUM

struct meter_reading {
    double seconds; /* of processor for each thread: others on the machine add nothing */
    double flops;
};
/* Of processor, so far, for all threads of the program together. */
double meter_now(void);
extern const char *const meter_names[METER_COUNT];
/* Of an open "meter", since the last meter_reset. */
const struct meter_reading *meter_readings(const struct compute *c);
void meter_reset(struct compute *c);

#endif
