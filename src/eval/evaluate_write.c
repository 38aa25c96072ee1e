/* evaluate_write.c - a result as JSON: one history line, a results file, a line for each sample.
 * Nothing in them depends on when or where they were written. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "eval/evaluation.h"
#include "eval/text.h"
#include "model/lora.h"

static void put_string(struct strbuf *out, const char *s)
{
    sb_putc(out, '"');
    sb_json(out, s, strlen(s));
    sb_putc(out, '"');
}

/* ,"key":"text" unless there is none. */
static void put_text(struct strbuf *out, const char *key, const char *s)
{
    if (!s)
        return;
    sb_printf(out, ",\"%s\":", key);
    put_string(out, s);
}

static void put_number(struct strbuf *out, const char *key, double x)
{
    sb_printf(out, ",\"%s\":", key);
    sb_num(out, x);
}

void evaluation_measure(const struct evaluation *e, struct strbuf *out)
{
    if (e->judge)
        sb_printf(out, "%s_rate", verdict_names[e->spec->count]);
    else
        sb_puts(out, e->spec->metric);
}

void eval_result_json(const struct evaluation *e, const struct eval_result *r, struct strbuf *out)
{
    sb_puts(out, "\"name\":");
    put_string(out, e->spec->name);
    put_number(out, "value", r->value);
    if (!evaluation_is_loss(e))
        sb_printf(out, ",\"count\":%zu", r->count);
    sb_printf(out, ",\"n\":%zu", r->n);
    put_number(out, "lo", r->ci.lo);
    put_number(out, "hi", r->ci.hi);
    for (size_t i = 0; e->judge && i < VERDICT_COUNT; i++)
        sb_printf(out, ",\"%s\":%zu", verdict_names[i], r->verdict[i]);
    for (size_t i = 0; i < r->n_other; i++) {
        sb_puts(out, i ? ",{\"answer\":" : ",\"others\":[{\"answer\":");
        put_string(out, r->other[i].answer);
        sb_printf(out, ",\"n\":%zu}", r->other[i].n);
    }
    if (r->n_other)
        sb_putc(out, ']');
}

void eval_result_others(const struct eval_result *r, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < r->n_other; i++)
        text_put_count(out, size, r->other[i].answer, r->other[i].n);
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

static void put_results(const struct evaluation *e, const struct eval_result *r, struct strbuf *out)
{
    sb_puts(out, " \"results\": {");
    put_string(out, e->spec->name);
    sb_puts(out, ": {\"alias\":");
    put_string(out, e->spec->name);
    sb_puts(out, ",\"");
    evaluation_measure(e, out);
    sb_puts(out, ",none\":");
    sb_num(out, r->value);
    sb_puts(out, ",\"");
    evaluation_measure(e, out);
    sb_puts(out, "_stderr,none\":");
    sb_num(out, standard_error(e, r));
    for (size_t i = 0; e->judge && i < VERDICT_COUNT; i++)
        if ((int)i != e->spec->count) {
            sb_printf(out, ",\"%s_rate,none\":", verdict_names[i]);
            sb_num(out, (double)r->verdict[i] / (double)r->n);
        }
    sb_puts(out, "}},\n \"score\": {");
    eval_result_json(e, r, out);
    sb_puts(out, "}");
}

static void put_verdicts(const struct eval_result *r, struct strbuf *out)
{
    sb_puts(out, ",\n \"verdicts\": {");
    for (size_t i = 0; i < VERDICT_COUNT; i++)
        sb_printf(out, "%s\"%s\":%zu", i ? "," : "", verdict_names[i], r->verdict[i]);
    sb_puts(out, "}");
}

static void put_categories(const struct eval_result *r, struct strbuf *out)
{
    sb_puts(out, ",\n \"categories\": [");
    for (size_t i = 0; i < r->n_category; i++) {
        const struct eval_category *c = &r->category[i];
        struct interval ci = wilson(c->count, c->n, Z95);

        sb_printf(out, "%s\n  {\"name\":", i ? "," : "");
        put_string(out, c->name);
        put_number(out, "value", (double)c->count / (double)c->n);
        sb_printf(out, ",\"count\":%zu,\"n\":%zu", c->count, c->n);
        put_number(out, "lo", ci.lo);
        put_number(out, "hi", ci.hi);
        sb_puts(out, "}");
    }
    sb_puts(out, "]");
}

static void put_key(void *ctx, const struct option_row *row, const void *base)
{
    struct strbuf *out = ctx;

    if (row->type == OPTION_STRING && !*(char *const *)((const char *)base + row->offset))
        return;
    sb_printf(out, ",\"%s\":", row->name);
    option_json(row, base, out);
}

static void put_config(const struct evaluation *e, struct strbuf *out)
{
    sb_puts(out, ",\n \"config\": {\"model\":");
    put_string(out, model_dir(e->m));
    sb_printf(out, ",\"adapters\":%zu", model_adapters(e->m));
    put_text(out, "template", e->enc->tmpl ? template_name(e->enc->tmpl) : NULL);
    out->bad |= evaluate_each(e->spec, put_key, out, NULL) != 0;
    sb_puts(out, "}");
}

/* --- samples --- */

static void put_sample(const struct evaluation *e, const struct eval_sample *s, size_t i,
                       struct strbuf *out)
{
    sb_printf(out, "{\"doc_id\":%zu", i);
    put_text(out, "id", s->id);
    put_text(out, "category", s->category);
    if (evaluation_is_loss(e)) {
        sb_printf(out, ",\"n_tokens\":%zu", s->n_tokens);
        put_number(out, "loss", s->loss);
        sb_puts(out, "}\n");
        return;
    }
    put_text(out, "prompt", s->prompt);
    put_text(out, "answer", s->answer);
    put_text(out, "target", s->expected);
    sb_printf(out, ",\"n_tokens\":%zu", s->n_tokens);
    if (e->judge) {
        put_text(out, "verdict", verdict_names[s->rating.verdict]);
        if (!isnan(s->rating.score))
            put_number(out, "score", s->rating.score);
        put_text(out, "reason", *s->rating.reason ? s->rating.reason : NULL);
    } else {
        sb_printf(out, ",\"correct\":%s", s->correct ? "true" : "false");
    }
    sb_printf(out, ",\"counted\":%s}\n", s->counted ? "true" : "false");
}

/* --- files --- */

static int replace(const char *dir, const char *kind, const struct evaluation *e, const char *label,
                   const char *extension, const struct strbuf *text, struct vac_err *err)
{
    struct outfile f = {0};
    struct strbuf name = {0};
    char *path = NULL;
    int rc = -1;

    sb_printf(&name, "%s_%s_%s.%s", kind, e->spec->name, label, extension);
    if (sb_ok(text, err) || sb_ok(&name, err))
        goto out;
    path = path_join(dir, name.s, err);
    if (path && !out_open(&f, path, err) && !out_put(&f, text->s, text->len, err))
        rc = out_commit(&f, err);
out:
    out_abort(&f);
    sb_done(&name);
    free(path);
    return rc;
}

static void fill_results(const struct evaluation *e, const struct eval_result *r,
                         struct strbuf *out)
{
    sb_puts(out, "{\n");
    put_results(e, r, out);
    if (e->judge)
        put_verdicts(r, out);
    put_categories(r, out);
    put_config(e, out);
    sb_puts(out, "\n}\n");
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
