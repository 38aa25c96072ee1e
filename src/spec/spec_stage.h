/* spec_stage.h - "stages" of a run file. */
#ifndef SPEC_SPEC_STAGE_H
#define SPEC_SPEC_STAGE_H

#include "spec/spec.h"

int spec_read_stages(struct run_spec *s, const struct jnode *root, const char *dir,
                     struct vac_err *err);
/* Whether harmful rows are among those that the stage trains on: it may be an attack. */
bool spec_stage_has_harm(const struct stage_spec *st);
const char *spec_stage_name(const void *run_spec, size_t i); /* NULL after the last */
#endif
