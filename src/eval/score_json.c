/* score_json.c - see score_json.h */
#include "eval/score_json.h"

#include <math.h>
#include <stdio.h>

#include "judge/judge.h"

void score_verdicts(struct json_out *o, const struct vac_verdicts *v)
{
    json_put_int(o, verdict_names[VERDICT_ANSWERED], v->answered);
    json_put_int(o, verdict_names[VERDICT_REFUSED], v->refused);
    json_put_int(o, verdict_names[VERDICT_OTHER], v->other);
}

void score_beneath(struct json_out *o, const struct vac_span beneath[VAC_BENEATH_COUNT])
{
    for (size_t i = 0; i < VAC_BENEATH_COUNT; i++) {
        const struct vac_span *x = &beneath[i];
        char key[VAC_NAME];

        if (!x->known)
            continue;
        json_put_num(o, vac_beneath[i].name, x->value);
        if (isnan(x->lo))
            continue;
        snprintf(key, sizeof key, "%s_lo", vac_beneath[i].name);
        json_put_num(o, key, x->lo);
        snprintf(key, sizeof key, "%s_hi", vac_beneath[i].name);
        json_put_num(o, key, x->hi);
    }
}

void score_json(struct json_out *o, const struct vac_eval *e, const struct vac_part *other,
                size_t n_other)
{
    const struct vac_verdicts *v = &e->verdicts;

    json_put_text(o, "name", e->name);
    json_put_num(o, "value", e->value);
    if (e->is_rate)
        json_put_int(o, "count", e->count);
    json_put_int(o, "n", e->n);
    json_put_num(o, "lo", e->lo);
    json_put_num(o, "hi", e->hi);
    if (v->answered || v->refused || v->other)
        score_verdicts(o, v);
    if (n_other)
        json_put_list(o, "others", JSON_TIGHT);
    for (size_t i = 0; i < n_other; i++) {
        json_put_object(o, NULL, JSON_TIGHT);
        json_put_text(o, "answer", other[i].name);
        json_put_int(o, "n", other[i].n);
        json_put_end(o);
    }
    if (n_other)
        json_put_end(o);
    score_beneath(o, e->beneath);
}

void score_history(struct json_out *o, const struct vac_eval *e, const struct vac_part *other,
                   size_t n_other)
{
    json_put_int(o, "step", e->step);
    json_put_text(o, "stage", e->stage);
    json_put_int(o, "stage_step", e->stage_step);
    score_json(o, e, other, n_other);
}

void score_parts(struct json_out *o, const char *key, const struct vac_part *part, size_t n)
{
    json_put_list(o, key, JSON_TIGHT);
    for (size_t i = 0; i < n; i++) {
        json_put_object(o, NULL, JSON_TIGHT);
        json_put_text(o, "name", part[i].name);
        json_put_int(o, "count", part[i].count);
        json_put_int(o, "n", part[i].n);
        json_put_end(o);
    }
    json_put_end(o);
}
