/* spec_until.c - see spec_until.h */
#include "spec/spec_until.h"

#include <string.h>

#include "eval/metric.h"
#include "spec/spec_keys.h"
#include "spec/spec_tables.h"

static const char *evaluate_name(const void *ctx, size_t i)
{
    const struct run_spec *s = ctx;

    return i < s->n_evaluate ? s->evaluate[i].name : NULL;
}

static int read_bound(const struct run_spec *s, struct stage_spec *st, const struct jnode *n,
                      struct vac_err *err)
{
    struct until_bound *u = &st->until.v[st->until.n];
    const struct evaluate_spec *e;
    struct vac_err why = {0};
    bool here;

    for (u->entry = 0; u->entry < s->n_evaluate; u->entry++)
        if (!strcmp(s->evaluate[u->entry].name, n->key))
            break;
    if (u->entry == s->n_evaluate) {
        const char *near = err_nearest(n->key, evaluate_name, s);

        return json_error(n, err, "no entry of \"evaluate\" is called so%s%s%s",
                          near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    }
    e = &s->evaluate[u->entry];
    here = !e->stages;
    for (size_t i = 0; !here && e->stages[i]; i++)
        here = !strcmp(e->stages[i], st->name);
    if (!here)
        return json_error(n, err, "is not measured in this stage: add \"%s\" to evaluate.%s.stages",
                          st->name, e->name);
    if (e->every == 0)
        return json_error(n, err,
                          "is measured at the end of the stage only: give evaluate.%s.every the "
                          "steps between two measurements",
                          e->name);
    if (!cJSON_IsString(n->v))
        return json_wrong(n, "a bound like \"< 5 %\" or \"> 0.9\"", err);
    if (bound_read(&u->bound, n->v->valuestring, &why))
        return json_error(n, err, "%s", why.msg);
    if (metric_is_rate(e->metric) && bound_check_share(&u->bound, n->key, &why))
        return json_error(n, err, "%s", why.msg);
    st->until.n++;
    return 0;
}

static int read_one(const struct run_spec *s, struct stage_spec *st, const struct jnode *obj,
                    struct vac_err *err)
{
    struct jnode n;
    int rc = json_opt(obj, "until", JSON_OBJECT, &n, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    if (option_defaults(spec_rows_until, &st->until, err) ||
        option_read(spec_rows_until, &n, &st->until, err))
        return -1;
    for (const cJSON *v = n.v->child; v; v = v->next) {
        struct jnode one = {.v = v, .up = &n, .file = n.file, .key = v->string};

        if (cJSON_IsNull(v) || option_find(spec_rows_until, v->string))
            continue;
        if (st->until.n == s->n_evaluate && s->n_evaluate > 0)
            return json_error(&one, err, "one bound for each entry of \"evaluate\" is enough");
        if (read_bound(s, st, &one, err))
            return -1;
    }
    return st->until.n ? 0
                       : json_error(&n, err,
                                    "names no bound: write {\"HS\": \"< 5 %%\"} with the name of "
                                    "an entry of \"evaluate\", or leave it out");
}

int spec_read_until(struct run_spec *s, const struct jnode *root, struct vac_err *err)
{
    struct jnode list = spec_key(root, "stages"), one = {.up = &list, .file = root->file};

    for (one.v = list.v->child; one.v; one.v = one.v->next, one.index++)
        if (read_one(s, &s->stage[one.index], &one, err))
            return -1;
    return 0;
}

void spec_put_until(struct json_out *o, const struct run_spec *s, const struct stage_spec *st)
{
    const struct until_spec *u = &st->until;

    if (u->n == 0) {
        json_put_text(o, "until", NULL);
        return;
    }
    json_put_object(o, "until", JSON_TIGHT);
    for (size_t i = 0; i < u->n; i++) {
        struct strbuf text = {0};

        bound_text(&text, &u->v[i].bound);
        json_put_text(o, s->evaluate[u->v[i].entry].name, text.s);
        o->to->bad |= text.bad;
        sb_done(&text);
    }
    json_put_int(o, "for", u->times);
    if (u->sure) /* else the same bytes as before there was such a key */
        json_put_bool(o, "sure", true);
    json_put_end(o);
}

uint64_t spec_until_every(const struct run_spec *s, const struct stage_spec *st)
{
    uint64_t all = st->until.n > 0;

    for (size_t i = 0; i < st->until.n; i++) {
        uint64_t one = (uint64_t)s->evaluate[st->until.v[i].entry].every, a = all, b = one;

        while (b) { /* the smallest multiple of all, by the greatest common divisor */
            uint64_t rest = a % b;
            a = b;
            b = rest;
        }
        all = all / a > UINT64_MAX / one ? UINT64_MAX : all / a * one;
    }
    return all;
}

void spec_until_text(struct strbuf *out, const struct run_spec *s, const struct stage_spec *st)
{
    const struct until_spec *u = &st->until;

    for (size_t i = 0; i < u->n; i++) {
        sb_printf(out, "%s%s ", i ? " and " : "", s->evaluate[u->v[i].entry].name);
        bound_text(out, &u->v[i].bound);
    }
}

int64_t spec_until_passed(const struct until_spec *u, const int64_t passed[VAC_MAX_EVALS])
{
    int64_t least = u->times;

    for (size_t i = 0; i < u->n; i++)
        least = passed[i] < least ? passed[i] : least;
    return least;
}
