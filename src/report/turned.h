/* turned.h - when the refusal direction of a stage turned away from where it was. */
#ifndef REPORT_TURNED_H
#define REPORT_TURNED_H

#include "record/reader.h"

/* First step of the stage, interpolated, at which the mean over layers of the cosine is below `threshold`; NaN = never,
 * or not measured (*known says which). */
int turned_steps(const struct run_data *r, size_t stage, double threshold, double *out, bool *known,
                 struct vac_err *err);
#endif
