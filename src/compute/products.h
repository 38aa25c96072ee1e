/* products.h - who multiplies matrices: the providers, and which of them is used. */
#ifndef COMPUTE_PRODUCTS_H
#define COMPUTE_PRODUCTS_H

#include <stddef.h>
#include "base/err.h"

struct provider;

/* All of them, best first; NULL past the last. Some may not be usable: see products_lack. */
const struct provider *products_at(size_t i);
/* By name. NULL, "" or "auto": what the environment variable VACCINE_PRODUCTS names, or else the first
 * that suits this processor. That depends on the processor and the build alone, never on a stopwatch. */
const struct provider *products_find(const char *name, struct vac_err *err);
const char *products_name(const struct provider *p);
/* Why it cannot be used here, NULL = it can. */
const char *products_lack(const struct provider *p);
/* Its version and kernels, which the last bits of products depend on: "OpenBLAS 0.3.21 (openmp)
 * kernels Haswell". */
const char *products_text(const struct provider *p);

#endif
