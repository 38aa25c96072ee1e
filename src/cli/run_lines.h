/* run_lines.h - a run told in lines to somebody who only reads: its steps, and what it has come to. */
#ifndef CLI_RUN_LINES_H
#define CLI_RUN_LINES_H

#include <vaccine/vaccine.h>
#include "base/mem.h"

/* What is not measured at every step: drift, and the losses on fixed rows. */
enum { RUN_LINES_MEASURED = 3 };
struct run_lines {
    struct vac_session *s;
    int64_t every;          /* steps between two lines */
    int64_t next;           /* step of the next line */
    uint64_t point;         /* number of the next point of the history */
    struct vac_eval *score; /* measured, and not printed yet, in the order of their steps */
    size_t n_scores, cap_scores;
    struct {
        double value; /* NaN = none since the last line */
        int64_t step;
    } measured[RUN_LINES_MEASURED];
    struct vac_point waiting; /* the next one, where `waits` */
    bool waits;
    struct vac_point last;
    bool untold;          /* nothing was printed of it yet */
    char stage[VAC_NAME]; /* of the last point that is not told yet, else that was seen last */
};
/* Of a session that was opened. */
void run_lines_init(struct run_lines *w, struct vac_session *s);
void run_lines_done(struct run_lines *w);
/* The run went back to that step; its history begins anew, behind `point` points that are known. */
void run_lines_rewound(struct run_lines *w, int64_t step, uint64_t point);
/* Stands in the line after it was measured. */
int run_lines_score(struct run_lines *w, const struct vac_eval *score, struct vac_err *err);
/* A line for every so many steps, for the last step of a stage, and for that of the run. */
int run_lines_print(struct run_lines *w, const struct vac_snapshot *n, bool over,
                    struct vac_err *err);
/* What a run has come to: its method, and of each evaluate entry the value as the first stage ended, the last
 * one with what it stands on, and when it broke; of each stage with bounds, where they were passed. */
void run_lines_results(struct strbuf *s, const struct vac_run_info *r);
#endif
