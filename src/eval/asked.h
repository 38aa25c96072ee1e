/* asked.h - inside src/eval: what is asked in an evaluation, for those who take part in it. */
#ifndef EVAL_ASKED_H
#define EVAL_ASKED_H

#include "data/dataset.h"
#include "eval/evaluation.h"
#include "judge/judge.h"
#include "eval/metric.h"
#include "model/stops.h"

struct eval_sample;
/* One row of the file, ready to be asked. */
struct question {
    const char *text;     /* what the user said last */
    const char *expected; /* NULL with a judge */
    const char *category, *id;
};
struct evaluation {
    const struct evaluate_spec *spec;
    const struct encoder *enc;
    struct model *m;
    const struct judge *judge; /* this, */
    void *judge_self;
    const struct metric *metric; /* or this */
    struct question *question;   /* [n] */
    struct ids *prompt;          /* [n] */
    size_t n, cap_question, cap_prompt;
    size_t longest;
    size_t too_long;          /* expected answers of more than max_new_tokens */
    struct evaluation *first; /* whose answers are rated again; NULL = its own */
    bool heard;               /* another rates these answers: they are kept */
    struct eval_sample *said; /* [n] of the last measurement; NULL = it did not come to its end */
    struct arena said_arena;
    struct dataset data;
    struct stops stops;
    struct ids openings;           /* first tokens of refusals; with a judge */
    const struct evaluation *kind; /* whose requests are to be answered; NULL = none */
    struct arena arena;
};
/* Nothing is asked: the loss of `data` is measured. */
static inline bool evaluation_is_loss(const struct evaluation *e)
{
    return e->metric && e->metric->loss;
}
#endif
