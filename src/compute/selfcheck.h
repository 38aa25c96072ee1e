/* selfcheck.h - whether products are right on this processor. */
#ifndef COMPUTE_SELFCHECK_H
#define COMPUTE_SELFCHECK_H

#include "base/err.h"

struct provider;

/* Compares products on odd shapes and all transpositions with a plain loop; well under 50 ms.
 * -1 and advice when this provider computes wrong numbers on this processor. */
int selfcheck_products(const struct provider *p, struct vac_err *err);

#endif
