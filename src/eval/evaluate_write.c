/* evaluate_write.c - a result as JSON: one history line, a results file, a line for each sample.
 * Nothing in them depends on when or where they were written. */
#include "eval/evaluate_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "eval/asked.h"
#include "eval/score_json.h"
#include "judge/text.h"
#include "model/lora.h"

/* Unless there is none. */
static void put_text(struct json_out *o, const char *key, const char *s)
{
    if (s)
        json_put_text(o, key, s);
}

void eval_result_score(const struct evaluation *e, const struct eval_result *r,
                       struct vac_eval *out)
{
    *out = (struct vac_eval){.value = r->value,
                             .lo = r->ci.lo,
                             .hi = r->ci.hi,
                             .count = (int64_t)r->count,
                             .n = (int64_t)r->n,
                             .is_rate = !evaluation_is_loss(e),
                             .verdicts = {.answered = (int64_t)r->verdict[VERDICT_ANSWERED],
                                          .refused = (int64_t)r->verdict[VERDICT_REFUSED],
                                          .other = (int64_t)r->verdict[VERDICT_OTHER]}};
    memcpy(out->beneath, r->beneath, sizeof out->beneath);
    text_copy(out->name, sizeof out->name, e->spec->name);
    for (size_t i = 0; i < r->n_other; i++)
        text_put_count(out->verdicts.others, sizeof out->verdicts.others, r->other[i].name,
                       (size_t)r->other[i].n);
}

/* --- results --- */

/* Standard error of the value: of a rate by the samples' variance, of a loss from its interval. */
static double standard_error(const struct evaluation *e, const struct eval_result *r)
{
    double n = (double)r->n;

    if (r->n < 2)
        return NAN;
    return evaluation_is_loss(e) ? (r->ci.hi - r->ci.lo) / (2 * Z95)
                                 : sqrt(r->value * (1 - r->value) / (n - 1));
}

/* lm-evaluation-harness has "MEASURE,FILTER": value. */
static void put_measure(struct json_out *o, const struct evaluation *e, const char *tail, double x)
{
    struct strbuf key = {0};

    evaluation_measure(e, &key);
    sb_puts(&key, tail);
    o->to->bad |= key.bad;
    json_put_num(o, key.s ? key.s : "", x);
    sb_done(&key);
}

static void put_results(const struct evaluation *e, const struct eval_result *r, struct json_out *o)
{
    json_put_object(o, "results", JSON_SPACED);
    json_put_object(o, e->spec->name, JSON_TIGHT);
    json_put_text(o, "alias", e->spec->name);
    put_measure(o, e, ",none", r->value);
    put_measure(o, e, "_stderr,none", standard_error(e, r));
    for (size_t i = 0; e->judge && i < VERDICT_COUNT; i++)
        if ((int)i != e->spec->count) {
            char key[32];

            snprintf(key, sizeof key, "%s_rate,none", verdict_names[i]);
            json_put_num(o, key, (double)r->verdict[i] / (double)r->n);
        }
    json_put_end(o);
    json_put_end(o);
}

static void put_categories(const struct eval_result *r, struct json_out *o)
{
    json_put_list(o, "categories", JSON_TIGHT);
    for (size_t i = 0; i < r->n_category; i++) {
        const struct vac_part *c = &r->category[i];
        struct interval ci = wilson((size_t)c->count, (size_t)c->n, Z95);

        sb_puts(json_put_raw(o, NULL), "\n  ");
        o->level[o->depth].any = false;
        json_put_object(o, NULL, JSON_TIGHT);
        json_put_text(o, "name", c->name);
        json_put_num(o, "value", (double)c->count / (double)c->n);
        json_put_int(o, "count", c->count);
        json_put_int(o, "n", c->n);
        json_put_num(o, "lo", ci.lo);
        json_put_num(o, "hi", ci.hi);
        json_put_end(o);
    }
    json_put_end(o);
}

/* What two judges call differently: how often, and the first of them. */
static void put_disputes(const struct eval_result *r, struct json_out *o)
{
    size_t n = 0;

    json_put_natural(o, "disputes", r->disputes);
    json_put_list(o, "disputed", JSON_LINED);
    for (size_t i = 0; i < r->n && n < EVAL_DISPUTES; i++) {
        const struct eval_sample *s = &r->sample[i];

        if (s->first == (int)s->rating.verdict)
            continue;
        json_put_object(o, NULL, JSON_TIGHT);
        json_put_text(o, "prompt", s->prompt);
        json_put_text(o, "answer", s->answer);
        json_put_text(o, "verdict", verdict_names[s->rating.verdict]);
        json_put_text(o, "first", verdict_names[s->first]);
        json_put_end(o);
        n++;
    }
    json_put_end(o);
}

static void put_key(void *out, const struct option_row *row, const void *base)
{
    if (row->type != OPTION_STRING || *(char *const *)((const char *)base + row->offset))
        option_json(row, base, json_put_raw(out, row->name));
}

static void put_config(const struct evaluation *e, struct json_out *o)
{
    json_put_object(o, "config", JSON_TIGHT);
    json_put_text(o, "model", model_dir(e->m));
    json_put_natural(o, "adapters", model_adapters(e->m));
    put_text(o, "template", e->enc->tmpl ? template_name(e->enc->tmpl) : NULL);
    o->to->bad |= evaluate_each(e->spec, put_key, o, NULL) != 0;
    json_put_end(o);
}

/* --- samples --- */

static void put_sample(const struct evaluation *e, const struct eval_sample *s, size_t i,
                       struct strbuf *out)
{
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_natural(&o, "doc_id", i);
    put_text(&o, "id", s->id);
    put_text(&o, "category", s->category);
    if (!evaluation_is_loss(e)) {
        put_text(&o, "prompt", s->prompt);
        put_text(&o, "answer", s->answer);
        put_text(&o, "target", s->expected);
    }
    json_put_natural(&o, "n_tokens", s->n_tokens);
    if (evaluation_is_loss(e)) {
        json_put_num(&o, "loss", s->loss);
    } else if (e->judge) {
        json_put_text(&o, "verdict", verdict_names[s->rating.verdict]);
        if (!isnan(s->rating.score))
            json_put_num(&o, "score", s->rating.score);
        json_put_num(&o, "p_refuse", s->p_refuse);
        if (s->first >= 0)
            json_put_text(&o, "first_verdict", verdict_names[s->first]);
        put_text(&o, "reason", *s->rating.reason ? s->rating.reason : NULL);
    } else {
        json_put_bool(&o, "correct", s->correct);
    }
    if (!evaluation_is_loss(e))
        json_put_bool(&o, "counted", s->counted);
    json_put_end(&o);
    sb_putc(out, '\n');
}

/* --- files --- */

static int replace(const char *dir, const char *kind, const struct evaluation *e, const char *label,
                   const char *extension, const struct strbuf *text, struct vac_err *err)
{
    struct strbuf name = {0};
    int rc;

    sb_printf(&name, "%s_%s_%s.%s", kind, e->spec->name, label, extension);
    rc = sb_ok(&name, err) ? -1 : out_text(dir, name.s, text, err);
    sb_done(&name);
    return rc;
}

static void fill_results(const struct evaluation *e, const struct eval_result *r,
                         struct strbuf *out)
{
    struct json_out o = json_out(out);
    struct vac_eval score;

    o.indent = 1;
    eval_result_score(e, r, &score);
    json_put_object(&o, NULL, JSON_LINED);
    put_results(e, r, &o);
    json_put_object(&o, "score", JSON_TIGHT);
    score_json(&o, &score, r->other, r->n_other);
    json_put_end(&o);
    if (e->judge) {
        json_put_object(&o, "verdicts", JSON_TIGHT);
        score_verdicts(&o, &score.verdicts);
        json_put_end(&o);
    }
    if (e->first)
        put_disputes(r, &o);
    put_categories(r, &o);
    put_config(e, &o);
    json_put_end(&o);
    sb_putc(out, '\n');
}

/* The samples go first: whoever finds results finds their samples too. */
int eval_result_write(const struct evaluation *e, const struct eval_result *r, const char *dir,
                      const char *label, struct vac_err *err)
{
    struct strbuf results = {0}, samples = {0};
    int rc = -1;

    if (!evaluation_name_ok(label))
        return err_set(err, VAC_ERR_USAGE,
                       "label: expected 1 to 64 of a-z A-Z 0-9 _ . - and no . in front, "
                       "found \"%s\"",
                       label);
    sb_puts(&samples, "");
    for (size_t i = 0; i < r->n; i++)
        put_sample(e, &r->sample[i], i, &samples);
    fill_results(e, r, &results);
    if (!dirs_make(dir, err) && !replace(dir, "samples", e, label, "jsonl", &samples, err))
        rc = replace(dir, "results", e, label, "json", &results, err);
    sb_done(&samples);
    sb_done(&results);
    return rc;
}
