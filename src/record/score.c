/* score.c - see score.h */
#include "record/score.h"

#include <math.h>
#include <stdio.h>

#include "judge/text.h"
#include "record/columns.h"
#include "record/config.h"
#include "record/lines.h"

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

static int read_beneath(const struct jnode *line, struct vac_span out[VAC_BENEATH_COUNT],
                        struct vac_err *err)
{
    for (size_t i = 0; i < VAC_BENEATH_COUNT; i++) {
        char lo[VAC_NAME], hi[VAC_NAME];

        out[i] = (struct vac_span){.value = NAN, .lo = NAN, .hi = NAN};
        snprintf(lo, sizeof lo, "%s_lo", vac_beneath[i].name);
        snprintf(hi, sizeof hi, "%s_hi", vac_beneath[i].name);
        if (json_opt_num(line, vac_beneath[i].name, &out[i].value, err) ||
            json_opt_num(line, lo, &out[i].lo, err) || json_opt_num(line, hi, &out[i].hi, err))
            return -1;
        out[i].known = !isnan(out[i].value);
    }
    return 0;
}

int score_read(const struct jnode *line, const cJSON *config, struct vac_eval *out,
               struct vac_err *err)
{
    const char *name = NULL, *stage = "";

    *out = (struct vac_eval){.value = NAN, .lo = NAN, .hi = NAN};
    if (json_int(line, "step", 0, RECORD_STEP_MAX, &out->step, err) ||
        json_opt_int(line, "stage_step", 0, RECORD_STEP_MAX, &out->stage_step, err) ||
        json_opt_int(line, "count", 0, RECORD_STEP_MAX, &out->count, err) ||
        json_opt_int(line, "n", 0, RECORD_STEP_MAX, &out->n, err) ||
        json_str(line, "name", &name, err) || json_opt_str(line, "stage", &stage, err) ||
        json_opt_num(line, "value", &out->value, err) || json_opt_num(line, "lo", &out->lo, err) ||
        json_opt_num(line, "hi", &out->hi, err) || read_verdicts(line, &out->verdicts, err) ||
        read_beneath(line, out->beneath, err))
        return -1;
    lines_name(out->name, sizeof out->name, name);
    lines_name(out->stage, sizeof out->stage, stage);
    out->is_rate = run_config_is_rate(config, out->name);
    return 0;
}

double score_share(const struct vac_eval *e, enum verdict verdict)
{
    const int64_t count[VERDICT_COUNT] = {[VERDICT_ANSWERED] = e->verdicts.answered,
                                          [VERDICT_REFUSED] = e->verdicts.refused,
                                          [VERDICT_OTHER] = e->verdicts.other};
    double n = 0;

    for (int i = 0; i < VERDICT_COUNT; i++)
        n += (double)count[i];
    return n > 0 ? (double)count[verdict] / n : (double)NAN;
}

int64_t score_judged(const struct vac_eval *e)
{
    return e->verdicts.answered + e->verdicts.refused + e->verdicts.other;
}
