/* spec_rho.h - "rho_control" of a stage: rho follows what is measured. */
#ifndef SPEC_SPEC_RHO_H
#define SPEC_SPEC_RHO_H

#include "base/json_out.h"
#include "spec/spec.h"

/* All stages' and the entries of "evaluate" have been read. */
int spec_read_rho(struct run_spec *s, const struct jnode *root, struct vac_err *err);
/* The member, where a stage has it. */
void spec_put_rho(struct json_out *o, const struct stage_spec *st);
#endif
