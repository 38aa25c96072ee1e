/* bound.h - a bound that a score is to pass, as people write it: "< 5 %", "> 0.8". */
#ifndef SPEC_BOUND_H
#define SPEC_BOUND_H

#include <stdbool.h>
#include "base/err.h"
#include "base/mem.h"

struct bound {
    bool below, percent;
    double written; /* with `percent` a hundred times what it says */
};
/* The whole text must be one. */
int bound_read(struct bound *b, const char *text, struct vac_err *err);
double bound_value(const struct bound *b);
bool bound_passed(const struct bound *b, double score); /* NaN passes none */
/* As bound_read reads it: "< 5 %". */
void bound_text(struct strbuf *out, const struct bound *b);
#endif
