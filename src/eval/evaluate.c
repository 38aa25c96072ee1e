/* evaluate.c - asking, rating and counting.
 *
 * Prompts go to the generator in groups, so that a judge that fails does so early and a wish to
 * stop does not wait for all of them. Groups have a fixed size: the result does not depend on when
 * anybody looked. */
#include "eval/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/agree.h"
#include "eval/apart.h"
#include "eval/asked.h"
#include "judge/opening.h"
#include "judge/text.h"

#define GROUP 32

/* An evaluation at work. */
struct run {
    struct evaluation *e;
    struct generator *g;
    struct eval_result *out;
    evaluate_progress *progress;
    void *ctx;
    size_t first, n; /* the group: these prompts */
    size_t finished; /* of the group, by length */
    bool stopped;
    struct ids ids[GROUP]; /* answers */
    struct rating rating[GROUP];
    double p[GROUP]; /* p(refuse) of each */
};

void eval_result_done(struct eval_result *r)
{
    arena_done(&r->arena);
    *r = (struct eval_result){0};
}

static int keep(struct eval_result *r, const char *s, size_t n, const char **out,
                struct vac_err *err)
{
    *out = s ? arena_strndup(&r->arena, s, n, err) : NULL;
    return s && !*out ? -1 : 0;
}

static int keep_text(struct eval_result *r, const char *s, const char **out, struct vac_err *err)
{
    return keep(r, s, s ? strlen(s) : 0, out, err);
}

/* The texts of a sample of another's memory. */
static int keep_texts(struct eval_result *r, struct eval_sample *s, struct vac_err *err)
{
    return keep_text(r, s->prompt, &s->prompt, err) || keep_text(r, s->answer, &s->answer, err) ||
                   keep_text(r, s->expected, &s->expected, err) ||
                   keep_text(r, s->category, &s->category, err) || keep_text(r, s->id, &s->id, err)
               ? -1
               : 0;
}

static void report(struct run *r, size_t done)
{
    if (r->progress && !r->stopped && r->progress(r->ctx, done, r->e->n))
        r->stopped = true;
}

static enum generate_next visit(void *ctx, size_t i, int32_t id)
{
    struct run *r = ctx;

    (void)id;
    /* the id is in the list already */
    if (r->ids[i].n == (size_t)r->e->spec->max_new_tokens)
        r->finished++;
    report(r, r->first + r->finished);
    return r->stopped ? GENERATE_END_ALL : GENERATE_ON;
}

/* White space around an answer is the template's, and no reader of C strings sees behind a 0. */
static int keep_answer(struct run *r, const struct ids *ids, struct eval_sample *s,
                       struct vac_err *err)
{
    struct strbuf text = {0};
    struct part p;
    int rc = -1;

    s->n_tokens = ids->n;
    if (tokenizer_decode(r->e->enc->tok, ids->v, ids->n, true, &text, err))
        goto out;
    for (size_t i = 0; i < text.len; i++)
        if (text.s[i] == '\0')
            text.s[i] = ' ';
    sb_puts(&text, "");
    if (sb_ok(&text, err))
        goto out;
    p = text_trim(text.s);
    rc = keep(r->out, p.s, p.n, &s->answer, err);
out:
    sb_done(&text);
    return rc;
}

/* --- verdicts --- */

static int rate_group(struct run *r, struct vac_err *err)
{
    const struct evaluation *e = r->e;
    struct eval_sample *s = r->out->sample + r->first;
    const char *prompt[GROUP], *answer[GROUP];
    struct vac_err why = {0};

    for (size_t i = 0; i < r->n; i++) {
        prompt[i] = s[i].prompt;
        answer[i] = s[i].answer;
        s[i].correct =
            e->metric && e->metric->correct(e->spec->options, s[i].expected, s[i].answer, &why);
        s[i].counted = s[i].correct;
    }
    if (why.code)
        return err_set(err, why.code, "%s", why.msg);
    if (!e->judge)
        return 0;
    if (e->judge->rate(e->judge_self, prompt, answer, r->n, r->rating, err))
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        s[i].rating = r->rating[i];
        s[i].counted = (int)r->rating[i].verdict == e->spec->count;
    }
    return 0;
}

/* What the other judge said of the same answers: it was kept, or it is asked again. */
static int rate_first(struct run *r, struct vac_err *err)
{
    const struct evaluation *first = r->e->first;
    struct eval_sample *s = r->out->sample + r->first;
    const char *prompt[GROUP], *answer[GROUP];

    for (size_t i = 0; i < r->n; i++) {
        prompt[i] = s[i].prompt;
        answer[i] = s[i].answer;
    }
    if (!first->said && first->judge->rate(first->judge_self, prompt, answer, r->n, r->rating, err))
        return -1;
    for (size_t i = 0; i < r->n; i++)
        s[i].first =
            (int)(first->said ? first->said[r->first + i].rating.verdict : r->rating[i].verdict);
    return 0;
}

/* The answers as the first entry was given them. */
static int hear_group(struct run *r, struct vac_err *err)
{
    for (size_t i = r->first; i < r->first + r->n; i++) {
        r->out->sample[i] = r->e->first->said[i];
        if (keep_texts(r->out, &r->out->sample[i], err))
            return -1;
    }
    return rate_group(r, err) || rate_first(r, err) ? -1 : 0;
}

/* Another judge will rate these. */
static int keep_said(struct evaluation *e, const struct eval_result *r, struct vac_err *err)
{
    struct eval_result kept = {.arena = e->said_arena};
    struct eval_sample *said = arena_alloc(&kept.arena, r->n, sizeof *said, err);
    int rc = said ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < r->n; i++) {
        said[i] = r->sample[i];
        rc = keep_texts(&kept, &said[i], err);
    }
    e->said_arena = kept.arena;
    e->said = rc == 0 ? said : NULL;
    return rc;
}

static int ask_group(struct run *r, struct vac_err *err)
{
    const struct evaluation *e = r->e;
    struct generate_options o = {.max_new_tokens = (size_t)e->spec->max_new_tokens,
                                 .top_p = 1,
                                 .stop = e->stops.id,
                                 .n_stop = e->stops.n};

    for (size_t i = 0; i < r->n; i++)
        r->ids[i].n = 0;
    r->finished = 0;
    if (opening_ask(r->g, &e->openings, e->prompt + r->first, r->n, &o, r->ids, visit, r, r->p,
                    err))
        return -1;
    if (r->stopped)
        return err_set(err, VAC_ERR_STOPPED, "stopped after %zu of %zu answers", r->first, e->n);
    for (size_t i = 0; i < r->n; i++) {
        const struct question *q = &e->question[r->first + i];
        struct eval_sample *s = &r->out->sample[r->first + i];

        s->p_refuse = e->judge ? r->p[i] : (double)NAN;
        s->first = -1;
        if (keep_text(r->out, q->text, &s->prompt, err) ||
            keep_text(r->out, q->expected, &s->expected, err) ||
            keep_text(r->out, q->category, &s->category, err) ||
            keep_text(r->out, q->id, &s->id, err) || keep_answer(r, &r->ids[i], s, err))
            return -1;
    }
    return rate_group(r, err) || (e->first && rate_first(r, err)) ? -1 : 0;
}

static int ask_all(struct run *r, struct vac_err *err)
{
    size_t n = r->e->n;

    if (!r->g)
        return err_set(err, VAC_ERR_USAGE, "asking needs a generator");
    if (r->e->longest >= generator_context(r->g))
        return err_set(err, VAC_ERR_USAGE,
                       "the longest prompt has %zu tokens, but there is room for less than %zu",
                       r->e->longest, generator_context(r->g));
    for (r->first = 0; r->first < n; r->first += r->n) {
        r->n = n - r->first < GROUP ? n - r->first : GROUP;
        if (r->e->first && r->e->first->said ? hear_group(r, err) : ask_group(r, err))
            return -1;
        report(r, r->first + r->n);
        if (r->stopped)
            return err_set(err, VAC_ERR_STOPPED, "stopped after %zu of %zu answers",
                           r->first + r->n, n);
    }
    return 0;
}

/* --- p(refuse) --- */

static enum generate_next visit_first(void *ctx, size_t i, int32_t id)
{
    struct run *r = ctx;

    (void)i;
    (void)id;
    report(r, r->e->n);
    return r->stopped ? GENERATE_END_ALL : GENERATE_ON;
}

/* p[n] of the requests of `kind`: a forward pass each, and no answer. */
static int ask_kind(struct run *r, const struct evaluation *kind, double *p, struct vac_err *err)
{
    struct generate_options o = {.max_new_tokens = 1, .top_p = 1};

    for (size_t at = 0; at < kind->n; at += GROUP) {
        size_t n = kind->n - at < GROUP ? kind->n - at : GROUP;

        for (size_t i = 0; i < n; i++)
            r->ids[i].n = 0;
        if (opening_ask(r->g, &kind->openings, kind->prompt + at, n, &o, r->ids, visit_first, r,
                        p + at, err))
            return -1;
        if (r->stopped)
            return err_set(err, VAC_ERR_STOPPED, "stopped behind the answers");
    }
    return 0;
}

/* How the two judges agree. */
static void measure_kappa(struct eval_result *r)
{
    size_t count[VERDICT_COUNT][VERDICT_COUNT] = {{0}};

    for (size_t i = 0; i < r->n; i++) {
        count[r->sample[i].first][r->sample[i].rating.verdict]++;
        r->disputes += r->sample[i].first != (int)r->sample[i].rating.verdict;
    }
    r->beneath[VAC_BENEATH_kappa] = agree_kappa(count);
}

static int measure_beneath(struct run *r, struct vac_err *err)
{
    const struct evaluation *kind = r->e->kind;
    size_t m = r->out->n, n = kind ? kind->n : 0;
    double *p = mem_new(m + n, sizeof *p, err);
    int rc = p ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < m; i++)
        p[i] = r->out->sample[i].p_refuse;
    if (rc == 0 && kind)
        rc = ask_kind(r, kind, p + m, err);
    if (rc == 0)
        apart_measure(p, m, p + m, n, r->out->beneath);
    free(p);
    return rc;
}

/* --- counting --- */

static int count_categories(struct eval_result *r, struct vac_err *err)
{
    size_t most = 0;

    for (size_t i = 0; i < r->n; i++)
        most += r->sample[i].category != NULL;
    r->category = arena_alloc(&r->arena, most, sizeof *r->category, err);
    if (!r->category)
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        const char *name = r->sample[i].category;
        size_t k = 0;

        if (!name)
            continue;
        while (k < r->n_category && strcmp(r->category[k].name, name))
            k++;
        if (k == r->n_category)
            r->category[r->n_category++].name = name;
        r->category[k].n++;
        r->category[k].count += r->sample[i].counted;
    }
    return 0;
}

static int by_answer(const void *a, const void *b)
{
    const struct vac_part *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int by_count(const void *a, const void *b)
{
    const struct vac_part *x = a, *y = b;

    return x->n != y->n ? (x->n < y->n ? 1 : -1) : by_answer(a, b);
}

/* What the other answers say: a model that says one word to everything is neither safe nor of use,
 * and its score alone does not show it. */
static int count_others(struct eval_result *r, struct vac_err *err)
{
    struct vac_part *all;
    size_t n = 0, kinds = 0;

    if (5 * r->verdict[VERDICT_OTHER] < r->n)
        return 0;
    all = mem_new(r->verdict[VERDICT_OTHER], sizeof *all, err);
    if (!all)
        return -1;
    for (size_t i = 0; i < r->n; i++)
        if (r->sample[i].rating.verdict == VERDICT_OTHER)
            all[n++] = (struct vac_part){.name = r->sample[i].answer, .n = 1};
    qsort(all, n, sizeof *all, by_answer);
    for (size_t i = 0; i < n; i++)
        if (kinds && !strcmp(all[kinds - 1].name, all[i].name))
            all[kinds - 1].n++;
        else
            all[kinds++] = all[i];
    qsort(all, kinds, sizeof *all, by_count);
    r->n_other = kinds < EVAL_OTHERS ? kinds : EVAL_OTHERS;
    memcpy(r->other, all, r->n_other * sizeof *all);
    free(all);
    return 0;
}

static int count_all(const struct evaluation *e, struct eval_result *r, struct vac_err *err)
{
    for (size_t i = 0; i < r->n; i++) {
        r->count += r->sample[i].counted;
        if (e->judge)
            r->verdict[r->sample[i].rating.verdict]++;
    }
    r->value = (double)r->count / (double)r->n;
    r->ci = wilson(r->count, r->n, Z95);
    if (e->judge && count_others(r, err))
        return -1;
    return count_categories(r, err);
}

/* --- loss --- */

static int measure_loss(struct evaluation *e, struct acts *a, size_t acts_rows,
                        struct eval_result *r, struct vac_err *err)
{
    const struct dataset *d = &e->data;
    double *per;
    int rc;

    if (!a)
        return err_set(err, VAC_ERR_USAGE, "the metric %s needs activations", e->metric->name);
    per = mem_new(e->n, sizeof *per, err);
    if (!per)
        return -1;
    r->value = e->metric->loss(e->spec->options, e->m, a, acts_rows, d, per, &r->ci, err);
    rc = isfinite(r->value) ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < d->n; i++) {
        struct eval_sample *s = &r->sample[i];

        s->n_tokens = d->sample[i].n_labels;
        s->loss = per[i];
        rc = keep_text(r, "", &s->prompt, err) || keep_text(r, "", &s->answer, err) ||
                     keep_text(r, d->sample[i].category, &s->category, err)
                 ? -1
                 : 0;
    }
    free(per);
    return rc;
}

/* --- all of it --- */

static int run_all(struct run *r, struct acts *a, size_t acts_rows, struct vac_err *err)
{
    struct evaluation *e = r->e;

    r->out->n = e->n;
    r->out->sample = arena_alloc(&r->out->arena, e->n, sizeof *r->out->sample, err);
    if (!r->out->sample)
        return -1;
    if (!evaluation_is_loss(e)) {
        if (ask_all(r, err) || (e->judge && !e->first && measure_beneath(r, err)) ||
            count_all(e, r->out, err))
            return -1;
        if (e->first)
            measure_kappa(r->out);
        return e->heard ? keep_said(e, r->out, err) : 0;
    }
    if (measure_loss(e, a, acts_rows, r->out, err))
        return -1;
    report(r, e->n);
    return 0;
}

int evaluation_run(struct evaluation *e, struct generator *g, struct acts *a, size_t acts_rows,
                   struct eval_result *out, evaluate_progress *progress, void *ctx,
                   struct vac_err *err)
{
    struct run *r = mem_new(1, sizeof *r, err);
    int rc = -1;

    *out = (struct eval_result){0};
    if (!r)
        return -1;
    arena_done(&e->said_arena); /* of other weights */
    e->said = NULL;
    *r = (struct run){.e = e, .g = g, .out = out, .progress = progress, .ctx = ctx};
    report(r, 0);
    rc = r->stopped ? err_set(err, VAC_ERR_STOPPED, "stopped before the first answer")
                    : run_all(r, a, acts_rows, err);
    for (size_t i = 0; i < GROUP; i++)
        ids_done(&r->ids[i]);
    free(r);
    if (rc)
        eval_result_done(out);
    return rc;
}
