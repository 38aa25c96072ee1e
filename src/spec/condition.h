/* condition.h - what a run is watched for, as people write it: "HS > 20 %", "loss > 3 x average",
 * "drift of layer 7 > 0.5", "plateau 200", "nan", "a refused probe is answered", "no step for 60 s".
 *
 * A rate is looked at with its confidence sequence (eval/stats.h): all of it lies beyond the bound. "HS
 * measured > 20 %" means the figure itself. */
#ifndef SPEC_CONDITION_H
#define SPEC_CONDITION_H

#include <stdint.h>
#include "spec/bound.h"

enum condition_kind {
    CONDITION_STEP,    /* what = 1: of the stage */
    CONDITION_COLUMN,  /* what = VAC_COLUMN_... */
    CONDITION_LAYER,   /* what = VAC_SERIES_..., of `layer` */
    CONDITION_SCORE,   /* what = entry of "evaluate" */
    CONDITION_PLATEAU, /* the average of a column has made no new low for n steps */
    CONDITION_NUMBER,  /* a step was dropped, or a measurement: it was not a number */
    CONDITION_PROBE,   /* a fixed probe that was refused is answered */
    CONDITION_IDLE,    /* no step for n seconds, pauses left out */
};
struct condition {
    enum condition_kind kind;
    size_t what, layer;
    int share, beneath; /* of a score: enum verdict, or VAC_BENEATH_...; -1 = neither */
    bool rate;          /* a score that is a share of answers, */
    bool measured;      /* of which the figure is meant */
    bool average;       /* the bound is in averages of the column so far */
    struct bound bound;
    int64_t n;
};
struct run_spec;
/* What stands before a bound, alone: "drift of layer 7". */
int condition_measure(struct condition *c, const struct run_spec *s, const char *text,
                      struct vac_err *err);
/* The one at *text, which moves behind it. A measure that the run has not is an error that names those it
 * has. */
int condition_take(struct condition *c, const struct run_spec *s, const char **text,
                   struct vac_err *err);
/* As condition_take reads it. */
void condition_text(struct strbuf *out, const struct run_spec *s, const struct condition *c);
/* What a score has beside itself: "answered" gives *share, "margin" gives *beneath; false = neither. */
bool condition_part(const char *word, int *share, int *beneath);
#endif
