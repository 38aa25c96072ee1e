/* eval_again.c - see eval_again.h */
#include "cli/eval_again.h"

#include "cli/cli.h"
#include "eval/compare.h"
#include "eval/score_json.h"

enum { SHOWN = 10 }; /* answers that the two dispute */

static void put_json(const struct rejudging *r, const char *name, int count,
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

static void put_text(const struct rejudging *r, const char *name, int count,
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

        (json ? put_json : put_text)(&r, name, count, &all, ci, &out);
        rc = cli_write(&out, err);
    }
    sb_done(&out);
    rejudging_done(&r);
    return rc;
}
