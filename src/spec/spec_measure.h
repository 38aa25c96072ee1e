/* spec_measure.h - what a run file has measured: "watch" and "evaluate". */
#ifndef SPEC_SPEC_MEASURE_H
#define SPEC_SPEC_MEASURE_H

#include "spec/spec.h"

int spec_read_watch(struct run_spec *s, const struct jnode *root, const char *dir,
                    struct vac_err *err);
int spec_read_evaluates(struct run_spec *s, const struct jnode *root, const char *dir,
                        struct vac_err *err);
#endif
