/* agree.h - how far two judges of the same answers agree. */
#ifndef EVAL_AGREE_H
#define EVAL_AGREE_H

#include <vaccine/vaccine.h>
#include "judge/judge.h"

/* Cohen's kappa (1960) of count[one's verdict][the other's] with the 95 % interval of its large-sample variance
 * (Fleiss, Cohen and Everitt 1969). Not known where both gave one and the same verdict throughout. */
struct vac_span agree_kappa(size_t count[VERDICT_COUNT][VERDICT_COUNT]);
#endif
