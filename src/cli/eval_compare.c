/* eval_compare.c - see eval_compare.h */
#include "cli/cli.h"
#include "cli/eval_compare.h"
#include "cli/words.h"
#include "eval/compare.h"
#include "eval/score_json.h"

enum { RESAMPLES = 10000 };

/* How the answers of one side were called: a difference of scores may be one of "other". */
static struct vac_verdicts side_of(const size_t v[VERDICT_COUNT])
{
    return (struct vac_verdicts){.answered = (int64_t)v[VERDICT_ANSWERED],
                                 .refused = (int64_t)v[VERDICT_REFUSED],
                                 .other = (int64_t)v[VERDICT_OTHER]};
}

static void put_json(const struct comparison *c, struct strbuf *out)
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
        put_json(&c, &out);
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
    rc = cli_write(&out, err);
    sb_done(&out);
    return rc;
}
