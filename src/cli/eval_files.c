/* eval_files.c - see eval_files.h */
#include "cli/eval_files.h"

#include "cli/cli.h"
#include "eval/compare.h"
#include "eval/score_json.h"

/* --- by another judge --- */

enum { SHOWN = 10 }; /* answers that the two dispute */

static void put_again_json(const struct rejudging *r, const char *name, int count,
                           const struct vac_verdicts *all, struct interval ci, struct strbuf *out)
{
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_text(&o, "name", name);
    json_put_num(&o, "value", (double)r->verdict[count] / (double)r->n);
    json_put_natural(&o, "count", r->verdict[count]);
    json_put_natural(&o, "n", r->n);
    json_put_num(&o, "lo", ci.lo);
    json_put_num(&o, "hi", ci.hi);
    json_put_object(&o, "verdicts", JSON_TIGHT);
    score_verdicts(&o, all);
    json_put_end(&o);
    json_put_natural(&o, "both", r->both);
    json_put_natural(&o, "disputes", r->disputes);
    if (r->kappa.known) {
        json_put_num(&o, "kappa", r->kappa.value);
        json_put_num(&o, "kappa_lo", r->kappa.lo);
        json_put_num(&o, "kappa_hi", r->kappa.hi);
    }
    json_put_list(&o, "samples", JSON_TIGHT);
    for (size_t i = 0; i < r->n; i++) {
        const struct rejudged *s = &r->sample[i];

        json_put_object(&o, NULL, JSON_TIGHT);
        json_put_natural(&o, "doc_id", i);
        json_put_text(&o, "verdict", verdict_names[s->rating.verdict]);
        if (s->first >= 0)
            json_put_text(&o, "first", verdict_names[s->first]);
        if (*s->rating.reason)
            json_put_text(&o, "reason", s->rating.reason);
        json_put_end(&o);
    }
    json_put_end(&o);
    json_put_end(&o);
    sb_putc(out, '\n');
}

static void put_again_text(const struct rejudging *r, const char *name, int count,
                           const struct vac_verdicts *all, struct interval ci, struct strbuf *out)
{
    size_t shown = 0;

    sb_printf(out, "%s: %s %.2f %%  (%zu of %zu; 95 %% interval %.2f to %.2f)\n", name,
              verdict_names[count], 100.0 * (double)r->verdict[count] / (double)r->n,
              r->verdict[count], r->n, 100 * ci.lo, 100 * ci.hi);
    cli_put_verdicts(out, "  ", all, "\n");
    if (r->both)
        sb_printf(out, "  of %zu with a verdict in the file it calls %zu otherwise", r->both,
                  r->disputes);
    if (r->kappa.known)
        sb_printf(out, "; kappa %.2f [%.2f, %.2f]", r->kappa.value, r->kappa.lo, r->kappa.hi);
    if (r->both)
        sb_putc(out, '\n');
    for (size_t i = 0; i < r->n && shown < SHOWN; i++) {
        const struct rejudged *s = &r->sample[i];

        if (s->first < 0 || s->first == (int)s->rating.verdict)
            continue;
        sb_printf(out, "  %s, there %s: ", verdict_names[s->rating.verdict],
                  verdict_names[s->first]);
        cli_put_name(out, s->answer);
        sb_putc(out, '\n');
        shown++;
    }
    if (r->disputes > shown)
        sb_printf(out, "  ... and %zu more: --json lists them all\n", r->disputes - shown);
}

int eval_again(const char *path, const char *name, const struct judge *judge, void *self, int count,
               bool json, struct vac_err *err)
{
    struct rejudging r = {0};
    struct strbuf out = {0};
    int rc = rejudge_samples(&r, path, judge, self, err);

    if (rc == 0) {
        struct vac_verdicts all = {.answered = (int64_t)r.verdict[VERDICT_ANSWERED],
                                   .refused = (int64_t)r.verdict[VERDICT_REFUSED],
                                   .other = (int64_t)r.verdict[VERDICT_OTHER]};
        struct interval ci = wilson(r.verdict[count], r.n, Z95);

        (json ? put_again_json : put_again_text)(&r, name, count, &all, ci, &out);
        rc = (json ? cli_write_data : cli_write)(&out, err);
    }
    sb_done(&out);
    rejudging_done(&r);
    return rc;
}

/* --- by pairs --- */

enum { RESAMPLES = 10000 };

/* How the answers of one side were called: a difference of scores may be one of "other". */
static struct vac_verdicts side_of(const size_t v[VERDICT_COUNT])
{
    return (struct vac_verdicts){.answered = (int64_t)v[VERDICT_ANSWERED],
                                 .refused = (int64_t)v[VERDICT_REFUSED],
                                 .other = (int64_t)v[VERDICT_OTHER]};
}

static void put_compared(const struct comparison *c, struct strbuf *out)
{
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_natural(&o, "n", c->n);
    json_put_num(&o, "a", c->a);
    json_put_num(&o, "b", c->b);
    json_put_num(&o, "difference", c->diff.mean);
    json_put_num(&o, "lo", c->diff.ci.lo);
    json_put_num(&o, "hi", c->diff.ci.hi);
    json_put_num(&o, "p", c->diff.p);
    for (int side = 0; side < 2; side++) {
        struct vac_verdicts all = side_of(side ? c->verdict_b : c->verdict_a);

        if (all.answered + all.refused + all.other == 0)
            continue;
        json_put_object(&o, side ? "verdicts_b" : "verdicts_a", JSON_TIGHT);
        score_verdicts(&o, &all);
        json_put_end(&o);
    }
    json_put_end(&o);
    sb_putc(out, '\n');
}

int eval_compare(char *const *samples, uint64_t seed, bool json, struct vac_err *err)
{
    struct comparison c;
    struct strbuf out = {0};
    double scale;
    const char *unit;
    int rc;

    if (!samples[1])
        return err_set(err, VAC_ERR_USAGE, "eval: --compare needs two samples files");
    if (compare_samples(&c, samples[0], samples[1], RESAMPLES, seed, err))
        return -1;
    scale = c.loss ? 1 : 100;
    unit = c.loss ? "" : " %";
    if (json) {
        put_compared(&c, &out);
    } else {
        sb_printf(&out, "A %.4g%s, B %.4g%s over %zu pairs\n", scale * c.a, unit, scale * c.b, unit,
                  c.n);
        for (int side = 0; side < 2; side++) {
            struct vac_verdicts all = side_of(side ? c.verdict_b : c.verdict_a);

            cli_put_verdicts(&out, side ? "  B " : "  A ", &all,
                             5 * (size_t)all.other >= c.n ? " (!)\n" : "\n");
        }
        sb_printf(&out, "A - B %.4g  (95 %% interval %.4g to %.4g; p = %.3g)\n",
                  scale * c.diff.mean, scale * c.diff.ci.lo, scale * c.diff.ci.hi, c.diff.p);
    }
    rc = (json ? cli_write_data : cli_write)(&out, err);
    sb_done(&out);
    return rc;
}
