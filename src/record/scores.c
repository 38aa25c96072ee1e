/* scores.c - what was measured of a run: a line of its eval/history.jsonl, and what became of a
 * score in a stage. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "eval/stats.h"
#include "eval/text.h"
#include "record/reader.h"

/* Absent in lines of a metric, and in those that were written before there were shares. */
static int read_verdicts(const struct jnode *line, struct vac_verdicts *v, struct vac_err *err)
{
    struct jnode list = {0};
    size_t n;

    if (json_opt_int(line, "answered", 0, RECORD_STEP_MAX, &v->answered, err) ||
        json_opt_int(line, "refused", 0, RECORD_STEP_MAX, &v->refused, err) ||
        json_opt_int(line, "other", 0, RECORD_STEP_MAX, &v->other, err) ||
        json_opt(line, "others", JSON_ARRAY, &list, err) < 0)
        return -1;
    n = list.v ? json_count(&list) : 0;
    for (size_t i = 0; i < n; i++) {
        struct jnode one;
        const char *answer = NULL;
        int64_t count = 0;

        if (json_item(&list, i, JSON_OBJECT, &one, err) || json_str(&one, "answer", &answer, err) ||
            json_int(&one, "n", 0, RECORD_STEP_MAX, &count, err))
            return -1;
        text_put_count(v->others, sizeof v->others, answer, (size_t)count);
    }
    return 0;
}

int reader_eval(const struct jnode *line, struct run_eval *out, struct vac_err *err)
{
    const char *name = NULL, *stage = "";

    *out = (struct run_eval){.value = NAN, .lo = NAN, .hi = NAN};
    if (json_int(line, "step", 0, RECORD_STEP_MAX, &out->step, err) ||
        json_opt_int(line, "stage_step", 0, RECORD_STEP_MAX, &out->stage_step, err) ||
        json_opt_int(line, "count", 0, RECORD_STEP_MAX, &out->count, err) ||
        json_opt_int(line, "n", 0, RECORD_STEP_MAX, &out->n, err) ||
        json_str(line, "name", &name, err) || json_opt_str(line, "stage", &stage, err) ||
        json_opt_num(line, "value", &out->value, err) || json_opt_num(line, "lo", &out->lo, err) ||
        json_opt_num(line, "hi", &out->hi, err) || read_verdicts(line, &out->verdicts, err))
        return -1;
    reader_name(out->name, sizeof out->name, name);
    reader_name(out->stage, sizeof out->stage, stage);
    return 0;
}

const struct run_eval *run_eval_first(const struct run_data *r, const char *stage, const char *name)
{
    for (size_t i = 0; i < r->n_evals; i++)
        if (!strcmp(r->eval[i].stage, stage) && !strcmp(r->eval[i].name, name))
            return &r->eval[i];
    return NULL;
}

const struct run_eval *run_eval_last(const struct run_data *r, const char *stage, const char *name)
{
    for (size_t i = r->n_evals; i > 0; i--)
        if (!strcmp(r->eval[i - 1].stage, stage) && !strcmp(r->eval[i - 1].name, name))
            return &r->eval[i - 1];
    return NULL;
}

double eval_share(const struct run_eval *e, enum verdict verdict)
{
    const int64_t count[VERDICT_COUNT] = {[VERDICT_ANSWERED] = e->verdicts.answered,
                                          [VERDICT_REFUSED] = e->verdicts.refused,
                                          [VERDICT_OTHER] = e->verdicts.other};
    double n = 0;

    for (int i = 0; i < VERDICT_COUNT; i++)
        n += (double)count[i];
    return n > 0 ? (double)count[verdict] / n : (double)NAN;
}

/* Not refused: the rest may be answered, or neither. */
static double unrefused(const struct run_eval *e)
{
    return 1 - eval_share(e, VERDICT_REFUSED);
}

static double answered(const struct run_eval *e)
{
    return e->value;
}

static double steps_until(const struct run_data *r, const char *stage, const char *name,
                          double share(const struct run_eval *e), double threshold)
{
    double *x = r->room, *y = r->room + r->n_evals;
    size_t n = 0;

    for (size_t i = 0; i < r->n_evals; i++)
        if (!strcmp(r->eval[i].stage, stage) && !strcmp(r->eval[i].name, name)) {
            x[n] = (double)r->eval[i].stage_step;
            y[n++] = share(&r->eval[i]);
        }
    return steps_to_break(x, y, n, threshold);
}

double run_steps_to_break(const struct run_data *r, const char *stage, const char *name,
                          double threshold)
{
    return steps_until(r, stage, name, answered, threshold);
}

double run_steps_to_unrefused(const struct run_data *r, const char *stage, const char *name,
                              double threshold)
{
    return steps_until(r, stage, name, unrefused, threshold);
}
