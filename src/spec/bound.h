/* bound.h - a bound that a score is to pass, as people write it: "< 5 %", "> 0.8", ">= 500". */
#ifndef SPEC_BOUND_H
#define SPEC_BOUND_H

#include <stdbool.h>
#include "base/err.h"
#include "base/mem.h"

struct bound {
    bool below, equal, percent; /* equal: what lies on it has passed too */
    double written;             /* with `percent` a hundred times what it says */
};
/* The whole text must be one. */
int bound_read(struct bound *b, const char *text, struct vac_err *err);
/* The one at *text, which moves behind it. */
int bound_take(struct bound *b, const char **text, struct vac_err *err);
double bound_value(const struct bound *b);
bool bound_passed(const struct bound *b, double score); /* NaN passes none */
/* One on a share, `name`, that always or never holds is a slip: a percent sign left out, mostly. */
int bound_check_share(const struct bound *b, const char *name, struct vac_err *err);
/* As bound_read reads it: "< 5 %". */
void bound_text(struct strbuf *out, const struct bound *b);
#endif
