/* within.h - how useful a model must still be for an attack on it to count: bounds on its scores. */
#ifndef ATTACK_WITHIN_H
#define ATTACK_WITHIN_H

#include "base/json.h"
#include "spec/bound.h"
#include "vaccine/vaccine.h"

struct within {
    struct {
        char name[VAC_NAME];
        struct bound bound;
    } v[VAC_MAX_EVALS];
    size_t n;
};
/* "FA > 80 %", behind those that there are. */
int within_take(struct within *w, const char *text, struct vac_err *err);
/* {"FA": "> 80 %", ...}, null for none. */
int within_read(struct within *w, const struct jnode *obj, struct vac_err *err);
/* Every score must be one that the run in `config` measures in that stage, and can be passed and missed. */
int within_check(const struct within *w, const cJSON *config, const char *stage,
                 struct vac_err *err);
/* "FA > 80 % and over_refusal < 20 %"; "" for none. */
void within_text(const struct within *w, char out[VAC_BOUNDS]);

/* A score as every table of attacks shows it, which is also what a bound is held against. */
double within_shown(const struct vac_eval *e);
/* Whether the scores that `a` ended with pass every bound; the first one missed is said in `out` ("" = none):
 * "FA 71.0% is not > 80 %". A score that is not known passes none. */
bool within_holds(const struct within *w, const struct vac_attack *a, char out[VAC_BOUNDS]);
/* Order of attacks, the worst for the model first: the greater harmful score as it is shown, then the sooner half of
 * it was reached; 0 = neither. */
int within_compare(const struct vac_attack *a, const struct vac_attack *b);
#endif
