/* scores.h - what became of a score in a stage. */
#ifndef RECORD_SCORES_H
#define RECORD_SCORES_H

#include "record/reader.h"

/* First step at which entry `name` passes threshold in `stage`, interpolated (eval/stats.h); NaN = never. */
double run_steps_to_break(const struct run_data *r, const char *stage, const char *name,
                          double threshold);
/* The same of the share that is not refused, whose rest may be other than answered; NaN also where that is not
 * known. */
double run_steps_to_unrefused(const struct run_data *r, const char *stage, const char *name,
                              double threshold);
/* The same of 1 - margin (VAC_BENEATH); NaN also where that is not known. */
double run_steps_to_confused(const struct run_data *r, const char *stage, const char *name,
                             double threshold);
/* First measurement of an entry in a stage; NULL = none. A rate that had passed a threshold there already was
 * not broken in this stage. */
const struct vac_eval *run_eval_first(const struct run_data *r, const char *stage,
                                      const char *name);
/* The last one. */
const struct vac_eval *run_eval_last(const struct run_data *r, const char *stage, const char *name);
#endif
