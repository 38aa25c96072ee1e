/* backends.h - every backend, one word each: backend_NAME is its descriptor. */
#ifndef COMPUTE_BACKENDS_H
#define COMPUTE_BACKENDS_H

#include "compute/compute.h"

#define COMPUTE_BACKENDS(X)                                                                        \
    X(cpu)                                                                                         \
    X(meter)                                                                                       \
    X(fence)

#define BACKEND_DECLARE(name) extern const struct backend backend_##name;
COMPUTE_BACKENDS(BACKEND_DECLARE)
#undef BACKEND_DECLARE

#endif
