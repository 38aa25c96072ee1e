/* spec_rho.h - "rho_control" of a stage: rho follows what is measured; "rho_schedule": it has a course. */
#ifndef SPEC_SPEC_RHO_H
#define SPEC_SPEC_RHO_H

#include "base/json_out.h"
#include "spec/spec.h"

/* All stages' and the entries of "evaluate" have been read. */
int spec_read_rho(struct run_spec *s, const struct jnode *root, struct vac_err *err);
/* The members, where a stage has them. */
void spec_put_rho(struct json_out *o, const struct stage_spec *st);
/* "cosine to 0.1 of it, after warm-up over 10 % of the steps"; nothing where rho has no schedule. */
void spec_rho_text(struct strbuf *out, const struct rho_schedule *r);
#endif
