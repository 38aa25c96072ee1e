/* spec_rho.c - see spec_rho.h */
#include "spec/spec_rho.h"

#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "spec/spec_keys.h"
#include "spec/spec_stage.h"
#include "spec/spec_tables.h"

static const struct option_row *row_of(const struct stage_spec *st, const struct jnode *obj,
                                       struct vac_err *err)
{
    const struct option_row *row =
        st->method->options ? option_find(st->method->options, "rho") : NULL;

    if (!row)
        json_error(obj, err, "goes with a method that has rho, and %s has none", st->method->name);
    return row;
}

/* Whether a later stage attacks, and is rated. */
static bool may_break(const struct run_spec *s, size_t stage)
{
    while (++stage < s->n_stages) {
        bool rated = false;

        for (size_t i = 0; i < s->n_evaluate; i++)
            rated |=
                !s->evaluate[i].metric &&
                (!s->evaluate[i].stages ||
                 name_listed((const char *const *)s->evaluate[i].stages, s->stage[stage].name));
        if (rated && spec_stage_has_harm(&s->stage[stage]))
            return true;
    }
    return false;
}

static int check(const struct run_spec *s, struct stage_spec *st, const struct jnode *obj,
                 struct vac_err *err)
{
    struct rho_spec *r = &st->rho_control;
    struct jnode measure = spec_key(obj, "measure"), target = spec_key(obj, "target"),
                 min = spec_key(obj, "min");
    const struct option_row *row = row_of(st, obj, err);
    struct vac_err why = {0};

    if (!row)
        return -1;
    r->broke = !strcmp(r->measure, "steps to break");
    if (r->broke && !may_break(s, (size_t)(st - s->stage)))
        return json_error(&measure, err,
                          "no later stage has harmful rows and an entry of \"evaluate\" that a "
                          "judge rates: no attack would tell it");
    if (!r->broke && condition_measure(&r->what, s, r->measure, &why))
        return json_error(&measure, err, "%s", why.msg);
    if (!r->broke && r->what.kind == CONDITION_STEP)
        return json_error(&measure, err, "rho has no hold on it");
    if (r->target == 0)
        return json_error(&target, err,
                          "expected another number than 0: changes are in parts of it");
    if (r->min > r->max || r->min < row->min || r->max > row->max)
        return json_error(&min, err, "expected %g <= min <= max <= %g", row->min, row->max);
    return 0;
}

/* "0: 0.25, 200: 1" */
static int read_turns(struct rho_schedule *r, const struct jnode *at, struct vac_err *err)
{
    static const char *const expected =
        "expected steps of the stage that rise, each with a part of rho from 0 to 100, like "
        "\"0: 0.25, 200: 1\"";
    const char *text = r->steps;
    char *end;

    for (r->n_turns = 0;; text = end + 1) {
        struct rho_turn *one = &r->turn[r->n_turns];

        if (r->n_turns == RHO_TURNS)
            return json_error(at, err, "expected at most %d steps", RHO_TURNS);
        one->from = strtoll(text, &end, 10);
        if (end == text || end[strspn(end, " ")] != ':' || one->from < 0 ||
            (r->n_turns && one->from <= one[-1].from))
            return json_error(at, err, "%s", expected);
        text = end + strspn(end, " ") + 1;
        one->part = strtod(text, &end);
        if (end == text || !(one->part >= 0 && one->part <= 100))
            return json_error(at, err, "%s", expected);
        r->n_turns++;
        end += strspn(end, " ");
        if (*end == '\0')
            return 0;
        if (*end != ',')
            return json_error(at, err, "%s", expected);
    }
}

static int check_schedule(struct stage_spec *st, const struct jnode *obj, struct vac_err *err)
{
    struct rho_schedule *r = &st->rho_schedule;
    struct jnode steps = spec_key(obj, "steps"), end = spec_key(obj, "end");

    r->given = true;
    if (!row_of(st, obj, err))
        return -1;
    if (st->rho_control.measure)
        return json_error(
            obj, err, "rho follows a measure by \"rho_control\" already: give only one of them");
    if (r->steps &&
        (spec_has(obj, "schedule") || spec_has(obj, "warmup_ratio") || spec_has(obj, "end")))
        return json_error(&steps, err,
                          "stands in place of \"schedule\", \"warmup_ratio\" and \"end\": give "
                          "only it, or only them");
    if (r->schedule == SCHEDULE_CONSTANT && spec_has(obj, "end"))
        return json_error(&end, err, "goes with \"schedule\": \"linear\" or \"cosine\"");
    return r->steps ? read_turns(r, &steps, err) : 0;
}

int spec_read_rho(struct run_spec *s, const struct jnode *root, struct vac_err *err)
{
    struct jnode list = spec_key(root, "stages"), one = {.up = &list, .file = root->file}, n;

    for (one.v = list.v->child; one.v; one.v = one.v->next, one.index++) {
        struct stage_spec *st = &s->stage[one.index];
        int rc = json_opt(&one, "rho_control", JSON_OBJECT, &n, err);

        if (rc < 0 ||
            (rc == 0 && (spec_read_object(&n, spec_rows_rho, NULL, &st->rho_control, err) ||
                         check(s, st, &n, err))))
            return -1;
        rc = json_opt(&one, "rho_schedule", JSON_OBJECT, &n, err);
        if (rc < 0 || (rc == 0 && (spec_read_object(&n, spec_rows_rho_schedule, NULL,
                                                    &st->rho_schedule, err) ||
                                   check_schedule(st, &n, err))))
            return -1;
    }
    return 0;
}

/* Only what was given, or may be: that it is read again. */
static void put_schedule(struct json_out *o, const struct rho_schedule *r)
{
    json_put_object(o, "rho_schedule", JSON_TIGHT);
    for (const struct option_row *row = spec_rows_rho_schedule; row->name; row++) {
        bool steps = !strcmp(row->name, "steps"), end = !strcmp(row->name, "end");

        if (steps == (r->steps != NULL) && !(end && r->schedule == SCHEDULE_CONSTANT))
            option_json(row, r, json_put_raw(o, row->name));
    }
    json_put_end(o);
}

void spec_put_rho(struct json_out *o, const struct stage_spec *st)
{
    if (st->rho_schedule.given)
        put_schedule(o, &st->rho_schedule);
    if (!st->rho_control.measure)
        return;
    json_put_object(o, "rho_control", JSON_TIGHT);
    for (const struct option_row *row = spec_rows_rho; row->name; row++)
        option_json(row, &st->rho_control, json_put_raw(o, row->name));
    json_put_end(o);
}

void spec_rho_text(struct strbuf *out, const struct rho_schedule *r)
{
    if (!r->given)
        return;
    for (size_t i = 0; i < r->n_turns; i++)
        sb_printf(out, "%s%g of it from step %lld on", i ? ", " : "", r->turn[i].part,
                  (long long)r->turn[i].from);
    if (r->steps)
        return;
    sb_puts(out, spec_rows_rho_schedule[0].choices[r->schedule]);
    if (r->schedule != SCHEDULE_CONSTANT)
        sb_printf(out, " to %g of it", r->end);
    if (r->warmup_ratio > 0)
        sb_printf(out, ", after warm-up over %g %% of the steps", 100 * r->warmup_ratio);
}
