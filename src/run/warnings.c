/* warnings.c - what is legal and yet not what its user thinks: of a stage's data and steps, and of
 * what is evaluated.
 *
 * `validate` prints it, a run tells it before its first step and writes it into run.json. */
#include "run/warnings.h"

#include <string.h>

#include "rig/optimizer.h"
#include "eval/stats.h"
#include "spec/spec_until.h"

struct data_counts warnings_count(const struct stage *st)
{
    struct data_counts c = {0};

    for (size_t k = 0; k < st->n_streams; k++) {
        const struct dataset *d = &st->stream[k].data;

        c.rows += d->rows_seen;
        c.cut += d->rows_cut;
        c.skipped += d->rows_skipped;
        c.odd += d->rows_odd;
        c.empty += d->rows_empty;
        c.text += d->rows_text;
        c.samples += d->n;
    }
    c.steps = st->total;
    return c;
}

static void put_rows(const struct rig *rig, const struct data_counts *c, struct strbuf *out)
{
    long long longest = (long long)rig->spec.max_length;

    if (c->skipped)
        sb_printf(out, "%zu of %zu rows are left out: no label is within max_length %lld\n",
                  c->skipped, c->rows, longest);
    if (c->odd)
        sb_printf(out, "%zu conversations of other roles, or out of turn, are passed over\n",
                  c->odd);
    if (c->cut > c->skipped && 2 * c->cut > c->rows)
        sb_printf(out, "%zu of %zu rows are cut at max_length %lld: their answers have no end\n",
                  c->cut, c->rows, longest);
    if (c->empty)
        sb_printf(out, "%zu of %zu answers are empty: they teach to say nothing\n", c->empty,
                  c->samples);
}

int warnings_of_stage(const struct rig *rig, size_t index, const struct data_counts *c,
                      struct strbuf *out, struct vac_err *err)
{
    const struct stage_spec *s = &rig->spec.stage[index];
    struct vac_err idle = {0};
    uint64_t every;
    int32_t end = 0;

    put_rows(rig, c, out);
    if (c->text && encoder_end(&rig->enc, &end, err))
        return -1;
    if (end < 0)
        sb_puts(out, ENCODER_NO_END "\n");
    if (schedule_check(s, c->steps, &idle))
        sb_printf(out, "%s\n", idle.msg);
    every = spec_until_every(&rig->spec, s);
    if (every > 0 && (double)every * (double)s->until.times > (double)c->steps)
        sb_printf(
            out,
            "until: its bounds are looked at every %llu steps, so that %lld in a row are more "
            "than its %llu steps have\n",
            (unsigned long long)every, (long long)s->until.times, (unsigned long long)c->steps);
    for (size_t i = 0; s->until.sure && i < s->until.n; i++) {
        const struct until_bound *u = &s->until.v[i];
        const struct evaluate_spec *e = &rig->spec.evaluate[u->entry];
        size_t n = evaluation_size(rig->eval[u->entry]);
        struct interval ci = rate_sequence(u->bound.below ? 0 : n, n, 1);
        double last = u->bound.below ? ci.hi : ci.lo;

        if (evaluation_is_rate(rig->eval[u->entry]) && !bound_passed(&u->bound, last))
            sb_printf(
                out,
                "until: %zu prompts of %s are never sure to pass: %s of them still leave %.1f %%\n",
                n, e->name, u->bound.below ? "0" : "all", 100 * last);
    }
    return sb_ok(out, err);
}

void warnings_of_watch(const struct rig *rig, struct strbuf *out)
{
    const struct {
        const char *name;
        const struct dataset *d;
    } set[] = {{"drift", &rig->drift_set},
               {"align_loss", &rig->align_set},
               {"harmful_loss", &rig->harmful_set}};

    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        if (set[i].d->rows_skipped)
            sb_printf(out, "%s: %zu of %zu rows are left out: no label is within max_length %lld\n",
                      set[i].name, set[i].d->rows_skipped, set[i].d->rows_seen,
                      (long long)rig->spec.max_length);
}

int warnings_each(const struct strbuf *lines, warnings_visit *visit, void *ctx, struct vac_err *err)
{
    struct strbuf one = {0};
    int rc = 0;

    for (const char *s = lines->s; rc == 0 && s && *s; s += one.len + (s[one.len] == '\n')) {
        sb_clear(&one);
        sb_put(&one, s, strcspn(s, "\n"));
        rc = sb_ok(&one, err) ? -1 : visit(ctx, one.s, err);
    }
    sb_done(&one);
    return rc;
}
