/* spec_attack.c - see spec_attack.h */
#include "spec/spec_attack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "spec/spec_keys.h"
#include "spec/spec_path.h"
#include "spec/spec_stage.h"
#include "spec/spec_tables.h"

bool spec_attack_has(const struct attack_spec *a, const struct option_row *row)
{
    const void *at = (const char *)a + row->offset;

    return row->type == OPTION_STRING ? *(char *const *)at != NULL
           : row->type == OPTION_INT  ? *(const int64_t *)at != 0
                                      : !isnan(*(const double *)at);
}

int spec_check_attack(const struct attack_spec *a, const struct jnode *obj, struct vac_err *err)
{
    const char *own[] = {"ratio", "samples", "steps", "lr"}, *wrong = NULL, *why;

    for (size_t i = 0; a->battery && !wrong && i < sizeof own / sizeof *own; i++)
        if (spec_attack_has(a, option_find(spec_rows_attack, own[i])))
            wrong = own[i];
    why = "a battery's file says what attacks: leave it out";
    if (!a->battery && a->budget) {
        wrong = "budget";
        why = "a budget is of a battery: add battery, an attack file";
    }
    if (wrong && obj->v) {
        struct jnode n = spec_key(obj, wrong);

        return json_error(&n, err, "%s", why);
    }
    return wrong ? err_set(err, VAC_ERR_USAGE, "%s: %s", wrong, why) : 0;
}

/* The stage that attacks, and one before it whose checkpoints can be attacked. */
static int find_stages(struct run_spec *s, const struct jnode *obj, struct vac_err *err)
{
    struct jnode every = spec_key(obj, "every");
    size_t k = 1, any = 0;

    while (k < s->n_stages && !spec_stage_has_harm(&s->stage[k]))
        k++;
    if (k >= s->n_stages)
        return json_error(&every, err,
                          "no stage after the first has harmful rows that could attack: mark them "
                          "with \"harmful\": true, or leave this key out");
    s->attack.stage = k;
    for (size_t i = 0; i < k; i++)
        any += !s->stage[i].full;
    return any ? 0
               : json_error(&every, err,
                            "no stage before \"%s\" trains an adapter, and a checkpoint of all "
                            "weights is no model that could be attacked: leave this key out",
                            s->stage[k].name);
}

int spec_read_attack(struct run_spec *s, const struct jnode *root, const char *dir,
                     struct vac_err *err)
{
    struct jnode n;
    int rc = json_opt(root, "attack", JSON_OBJECT, &n, err);

    if (rc < 0 || option_defaults(spec_rows_attack, &s->attack, err))
        return -1;
    if (rc > 0)
        return 0;
    return spec_read_object(&n, spec_rows_attack, NULL, &s->attack, err) ||
                   spec_check_attack(&s->attack, &n, err) ||
                   spec_paths(spec_rows_attack, &s->attack, &n, dir, err) || find_stages(s, &n, err)
               ? -1
               : 0;
}

void spec_put_attack(struct json_out *o, const struct run_spec *s)
{
    if (!s->attack.every)
        return;
    json_put_object(o, "attack", JSON_TIGHT);
    for (const struct option_row *row = spec_rows_attack; row->name; row++) {
        if (spec_attack_has(&s->attack, row))
            option_json(row, &s->attack, json_put_raw(o, row->name));
        else
            json_put_text(o, row->name, NULL);
    }
    json_put_end(o);
}

bool spec_attack_due(const struct run_spec *s, size_t stage, uint64_t done, uint64_t total)
{
    uint64_t every = (uint64_t)s->attack.every;

    return every && stage < s->attack.stage && !s->stage[stage].full && done > 0 &&
           (done % every == 0 || done == total);
}

void spec_attack_text(struct strbuf *out, const struct attack_spec *a)
{
    sb_printf(out, "every %lld steps", (long long)a->every);
    for (const struct option_row *row = spec_rows_attack + 1; row->name; row++) {
        if (!spec_attack_has(a, row))
            continue;
        sb_printf(out, ", %s ", row->name);
        if (row->path)
            sb_puts(out, path_base(a->battery));
        else
            option_text(row, a, out);
    }
}
