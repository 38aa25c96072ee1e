/* spec_until.h - "until": the bounds that end a stage before its last step. */
#ifndef SPEC_SPEC_UNTIL_H
#define SPEC_SPEC_UNTIL_H

#include "base/json_out.h"
#include "spec/spec.h"

/* Of all stages, after "stages" and "evaluate" have been read. */
int spec_read_until(struct run_spec *s, const struct jnode *root, struct vac_err *err);
/* The resolved description's member: null where there is none. */
void spec_put_until(struct json_out *o, const struct run_spec *s, const struct stage_spec *st);
/* Steps between two looks at the bounds, at which all that they bound is measured; 0 = it has none. */
uint64_t spec_until_every(const struct run_spec *s, const struct stage_spec *st);
/* Measurements in a row in which all bounds were passed, when each was so often: at most as many as end the
 * stage where it may end. */
int64_t spec_until_passed(const struct until_spec *u, const int64_t passed[VAC_MAX_EVALS]);
/* "HS < 5 % and over_refusal < 10 %" */
void spec_until_text(struct strbuf *out, const struct run_spec *s, const struct stage_spec *st);
#endif
