/* measured.h - what was measured of a run on held-out prompts and tasks.
 *
 * A series is one measure, sorted by step: the measurements of a stage lie together. Values and
 * intervals are in percent when they are rates. */
#ifndef PANELS_MEASURED_H
#define PANELS_MEASURED_H

#include <vaccine/vaccine.h>
#include "term/number.h"
#include "term/plot.h"

struct strbuf;
struct measured {
    double step, at; /* of the run; of its stage */
    struct vac_eval e;
    double margin; /* of p(refuse), in percent; NaN = not known */
};
struct series {
    char name[VAC_NAME];
    bool rate;
    struct measured *v;
    size_t n, cap;
};
/* All of a run; zeroed = none. */
struct measures {
    struct series series[VAC_MAX_EVALS];
    int n;
};

void measures_done(struct measures *m);
/* NULL = it was never measured. */
struct series *measures_find(struct measures *m, const char *name);
/* Takes one over, in place of that of the same step and stage. The series that it belongs to; NULL
 * when there is no room for it. */
struct series *measures_put(struct measures *m, const struct vac_eval *e);

/* As it is shown, a rate in percent without its sign; x is a part of 1 when it is a rate. */
const char *measured_text(char out[NUMBER_SIZE], double x, bool rate);
/* What else there was: "refused 30, other 0", or "refused 0, ! other 32" where many are; "" where
 * no verdicts are known. */
enum { REST_SIZE = 80 };
const char *measured_rest(char out[REST_SIZE], const struct vac_verdicts *v);
/* Those that everybody measures, the most important first. */
enum { MEASURED_USUAL = 3 };
extern const char *const measured_usual[MEASURED_USUAL];
/* Appends "HS 3.2% @1200 (refused 20, other 480)", with the step where that is not `now`; what else was
 * answered where it is `whole`. */
void measured_one(struct strbuf *out, const struct vac_eval *e, int64_t now, bool whole);
/* "HS 3.2% @1200 (refused 20, other 480)  FA 91.2%" in place of what is in `out`: all that was measured, the
 * usual ones first, with the step where that is not the run's. Half a number would be another number: where
 * `width` is too little what else was answered is left out, then their step is said once, "@1200: HS 3.2%  FA
 * 91.2%", then scores are left out, which a last "+2" counts. A warning goes after other scores. */
void measured_put(struct strbuf *out, int width, const struct vac_snapshot *s);
/* The share of the answers that was refused, in percent; NaN = not known. */
double measured_refused(const struct vac_verdicts *v);
double measured_other(const struct vac_verdicts *v);
/* Over the steps of the run, or of a stage: x and y are fields of the first of n measurements. */
struct plot_line measured_line(const struct measured *v, size_t n, const double *x, const double *y,
                               const char *name, unsigned style, char glyph);
#endif
