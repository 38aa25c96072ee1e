/* spec_rho.c - see spec_rho.h */
#include "spec/spec_rho.h"

#include <string.h>

#include "spec/spec_keys.h"
#include "spec/spec_tables.h"

static int check(const struct run_spec *s, struct stage_spec *st, const struct jnode *obj,
                 struct vac_err *err)
{
    struct rho_spec *r = &st->rho_control;
    struct jnode measure = spec_key(obj, "measure"), target = spec_key(obj, "target"),
                 min = spec_key(obj, "min");
    const struct option_row *row =
        st->method->options ? option_find(st->method->options, "rho") : NULL;
    struct vac_err why = {0};

    if (!row)
        return json_error(obj, err, "goes with a method that has rho, and %s has none",
                          st->method->name);
    if (condition_measure(&r->what, s, r->measure, &why))
        return json_error(&measure, err, "%s", why.msg);
    if (r->what.kind == CONDITION_STEP)
        return json_error(&measure, err, "rho has no hold on it");
    if (r->target == 0)
        return json_error(&target, err,
                          "expected another number than 0: changes are in parts of it");
    if (r->min > r->max || r->min < row->min || r->max > row->max)
        return json_error(&min, err, "expected %g <= min <= max <= %g", row->min, row->max);
    return 0;
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
    }
    return 0;
}

void spec_put_rho(struct json_out *o, const struct stage_spec *st)
{
    if (!st->rho_control.measure)
        return;
    json_put_object(o, "rho_control", JSON_TIGHT);
    for (const struct option_row *row = spec_rows_rho; row->name; row++)
        option_json(row, &st->rho_control, json_put_raw(o, row->name));
    json_put_end(o);
}
