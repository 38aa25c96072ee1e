/* value.h - what a condition looks at, as a number. */
#ifndef GUARD_VALUE_H
#define GUARD_VALUE_H

#include <vaccine/vaccine.h>
#include "spec/condition.h"

/* NaN: it was not measured at this step, or is of another kind. */
double value_of_step(const struct condition *c, const struct vac_point *p,
                     const struct vac_layers *l);
/* Of its entry's score; *k of *n were counted where it is a rate. NaN = not known. */
double value_of_score(const struct condition *c, const struct vac_eval *e, int64_t *k, int64_t *n);
#endif
