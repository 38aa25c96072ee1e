/* ask.c - see ask.h */
#include "run/ask.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "judge/opening.h"
#include "eval/pca.h"
#include "record/event.h"
#include "record/probe.h"
#include "run/book.h"
#include "run/control.h"
#include "run/steer.h"
#include "token/tok_stream.h"

#define PAGE 50
#define DEFAULT_TOKENS 128

/* --- a question --- */

/* Whether both may be answered in one batch. */
static bool same_how(const struct generate_options *a, const struct generate_options *b)
{
    return a->max_new_tokens == b->max_new_tokens && a->n_stop == b->n_stop &&
           !memcmp(a->stop, b->stop, a->n_stop * sizeof *a->stop);
}

static void tell(struct ask *a, double p_refuse)
{
    a->told = (struct vac_probe){.prompt = a->said,
                                 .template_name = a->template_name ? a->template_name : "",
                                 .p_refuse = p_refuse,
                                 .along = NAN};
}

int ask_questions(const struct rig *rig, struct stage *st, struct ask *a, size_t n,
                  generate_visit *piece, void *ctx, struct vac_err *err)
{
    struct ids *prompt = mem_new(2 * n, sizeof *prompt, err), *answer = prompt ? prompt + n : NULL;
    double *p_refuse = mem_new(n, sizeof *p_refuse, err);
    int rc = prompt && p_refuse ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < n; i++)
        prompt[i] = *a[i].prompt;
    for (size_t i = 0, end; rc == 0 && i < n; i = end) {
        end = i + 1;
        while (end < n && same_how(&a[i].how, &a[end].how))
            end++;
        rc = opening_ask(st->gen, &rig->openings, prompt + i, end - i, &a[i].how, answer + i, piece,
                         ctx, p_refuse + i, err);
    }
    for (size_t i = 0; prompt && i < n; i++) {
        a[i].ids = answer[i];
        tell(&a[i], p_refuse ? p_refuse[i] : NAN);
    }
    free(prompt);
    free(p_refuse);
    return rc;
}

int ask_rate(const struct rig *rig, struct stage *st, struct ask *a, size_t n, struct vac_err *err)
{
    const char **said = mem_new(2 * n, sizeof *said, err), **answer = said ? said + n : NULL;
    struct rating *rating = mem_new(n, sizeof *rating, err);
    int rc = said && rating ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = tokenizer_decode(rig->tok, a[i].ids.v, a[i].ids.n, true, &a[i].text, err);
        said[i] = a[i].said;
        answer[i] = a[i].told.answer = a[i].text.s ? a[i].text.s : "";
        a[i].told.tokens = (int64_t)a[i].ids.n;
    }
    if (rc == 0)
        rc = rig->suite.kind->rate(rig->suite.judge, said, answer, n, rating, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        a[i].verdict = rating[i].verdict;
        a[i].told.verdict = verdict_names[rating[i].verdict];
        a[i].n_projection = rig_layers(rig);
        a[i].projection =
            st->direction ? mem_new(model_config(rig->m)->L, sizeof(double), err) : NULL;
        if (st->direction && !a[i].projection)
            rc = -1;
        else if (st->direction &&
                 !direction_project(st->direction, a[i].prompt, a[i].projection, &a[i].told.along))
            a[i].n_projection = 0;
    }
    free(said);
    free(rating);
    return rc;
}

void ask_again(const struct recalled *q, struct ask *a)
{
    *a = (struct ask){.said = q->said,
                      .template_name = q->template_name,
                      .prompt = &q->prompt,
                      .how = {.max_new_tokens = (size_t)q->tokens,
                              .top_p = 1,
                              .stop = q->stops.id,
                              .n_stop = q->stops.n}};
}

int ask_write(struct book *book, const struct stage *st, struct ask *a, const char *who,
              struct vac_event *e, struct vac_err *err)
{
    struct strbuf line = {0};
    int rc = probe_keep(e, &a->told, err);

    probe_line(&line, &a->told, a->projection, a->projection ? a->n_projection : 0, a->step,
               st->spec->name, a->stage_step, who);
    if (rc == 0)
        rc = book_line(book, LINES_PROBES, &line, err);
    sb_done(&line);
    return rc;
}

void ask_done(struct ask *a)
{
    ids_done(&a->ids);
    sb_done(&a->text);
    free(a->projection);
}

/* --- a probe that somebody asks --- */

struct asking {
    struct rig *rig;
    struct stage *st;
    struct book *book;
    const struct control_command *c;
    struct ask ask;
    struct generate_options how; /* ... and the probabilities of the openings */
    double *first;
    struct recalled question;
    bool aside;  /* the weights that are asked are in st->asked */
    bool before; /* it is answered: those that the stage began with are asked now */
    struct ids then;
    struct strbuf then_text, piece;
    struct tokenizer_stream stream;
};

static struct control *ctl_of(const struct asking *p)
{
    return p->book->steer->ctl;
}

static void tell_piece(struct asking *p)
{
    if (p->piece.len)
        control_event(ctl_of(p), VAC_EVENT_PROBE_TEXT, p->c->id, p->ask.step, p->piece.s, NULL);
}

static enum generate_next stream_piece(void *ctx, size_t i, int32_t id)
{
    struct asking *p = ctx;

    (void)i;
    sb_clear(&p->piece);
    if (!p->before && tokenizer_stream_put(&p->stream, id, &p->piece, NULL) == 0)
        tell_piece(p);
    return control_stopped(ctl_of(p), p->c->id) ? GENERATE_END_ALL : GENERATE_ON;
}

static int asking_begin(struct asking *p, struct vac_err *err)
{
    const struct control_command *c = p->c;
    const struct ids *openings = &p->rig->openings;

    if (!p->st->asker)
        return err_set(err, VAC_ERR_UNSUPPORTED, "this run has no tokenizer: nothing can be asked");
    if (!c->text || !*c->text)
        return err_set(err, VAC_ERR_USAGE, "a probe needs a prompt");
    if (recall_open(&p->question, c->text, c->key, c->n > 0 ? c->n : DEFAULT_TOKENS, &p->rig->enc,
                    p->rig->m, err))
        return -1;
    if (p->question.prompt.n + 1 >= generator_context(p->st->asker))
        return err_set(err, VAC_ERR_USAGE, "the prompt has %zu tokens and there is room for %zu",
                       p->question.prompt.n, generator_context(p->st->asker) - 2);
    ask_again(&p->question, &p->ask);
    p->first = mem_new(openings->n, sizeof *p->first, err);
    if (!p->first)
        return -1;
    for (size_t i = 0; i < openings->n; i++)
        p->first[i] = NAN;
    p->how = p->ask.how;
    p->how.first = openings->v;
    p->how.n_first = openings->n;
    p->how.first_p = p->first;
    p->ask.step = (int64_t)p->book->steer->at->step;
    p->ask.stage_step = (int64_t)p->st->done;
    return generate_begin(p->st->asker, &p->question.prompt, 1, &p->how, &p->ask.ids, stream_piece,
                          p, err);
}

struct asking *asking_new(struct rig *rig, struct stage *st, struct book *book,
                          const struct control_command *c, struct vac_err *err)
{
    struct asking *p = mem_new(1, sizeof *p, err);

    if (!p)
        return NULL;
    *p = (struct asking){.rig = rig, .st = st, .book = book, .c = c, .stream = {.t = rig->tok}};
    if (asking_begin(p, err) == 0)
        return p;
    asking_free(p);
    return NULL;
}

void asking_free(struct asking *p)
{
    if (!p)
        return;
    recall_done(&p->question);
    ids_done(&p->then);
    ask_done(&p->ask);
    sb_done(&p->then_text);
    sb_done(&p->piece);
    tokenizer_stream_done(&p->stream);
    free(p->first);
    free(p);
}

/* Where those weights lie that answer now, while others are the model's; NONE = they are the model's. */
static struct ref weights_elsewhere(const struct asking *p)
{
    if (p->before)
        return (struct ref){p->st->start, 0};
    return p->aside ? (struct ref){p->st->asked, 0} : p->st->step.kept;
}

bool asking_stay(struct asking *p)
{
    const struct params *w = model_params(p->rig->m);

    if (!p->aside && p->st->asked) {
        op_copy(p->rig->c, (struct ref){p->st->asked, 0}, w->w, w->n);
        p->aside = true;
    }
    return p->aside;
}

/* What the weights said that the stage began with is told where they have said it all. */
static int then_said(struct asking *p, struct vac_err *err)
{
    struct rating rating;
    const char *said = p->ask.said, *answer;

    if (control_stopped(ctl_of(p), p->c->id))
        return 0;
    if (tokenizer_decode(p->rig->tok, p->then.v, p->then.n, true, &p->then_text, err))
        return -1;
    answer = p->then_text.s ? p->then_text.s : "";
    if (p->rig->suite.kind->rate(p->rig->suite.judge, &said, &answer, 1, &rating, err))
        return -1;
    p->ask.told.before = answer;
    p->ask.told.before_step = p->st->start_step;
    p->ask.told.before_verdict = verdict_names[rating.verdict];
    p->ask.told.before_p_refuse = opening_chance(p->first, p->rig->openings.n);
    return 0;
}

/* 1 = a token more, of which there are others to come; it is judged by the weights that have answered. */
static int next_token(struct asking *p, struct vac_err *err)
{
    int rc = generate_go_on(p->st->asker, err);

    if (rc)
        return rc;
    if (p->before)
        return then_said(p, err);
    tell(&p->ask, opening_chance(p->first, p->rig->openings.n));
    if (ask_rate(p->rig, p->st, &p->ask, 1, err))
        return -1;
    sb_clear(&p->piece);
    if (tokenizer_stream_end(&p->stream, &p->piece, NULL) == 0)
        tell_piece(p);
    if (!p->st->start || control_stopped(ctl_of(p), p->c->id))
        return 0;
    p->before = true;
    return generate_begin(p->st->asker, &p->question.prompt, 1, &p->how, &p->then, stream_piece, p,
                          err)
               ? -1
               : 1;
}

/* Again with the suite from now on, unless it is one of the suite or was not wanted to its end. */
static int join_suite(struct asking *p, struct vac_err *err)
{
    for (size_t i = 0; i < p->rig->suite.rows.n; i++)
        if (!*p->c->key && !strcmp(p->rig->suite.said[i], p->c->text))
            return 0;
    return control_stopped(ctl_of(p), p->c->id) ? 0 : recall_keep(&p->rig->own, &p->question, err);
}

static int asking_end(struct asking *p, struct vac_err *err)
{
    struct vac_event e = {0};
    struct vac_probe *told = event_alloc(&e, 1, sizeof *told, err);
    int rc;

    rc = told ? ask_write(p->book, p->st, &p->ask, p->c->who, &e, err) : -1;
    if (rc == 0) {
        *told = p->ask.told;
        e.probes.v = told;
        e.probes.n = 1;
        control_event(ctl_of(p), VAC_EVENT_PROBE_END, p->c->id, p->ask.step, "", &e);
        rc = join_suite(p, err);
    }
    vac_event_done(&e);
    return rc;
}

int asking_go_on(struct asking *p, struct vac_err *err)
{
    const struct params *w = model_params(p->rig->m);
    struct ref from = weights_elsewhere(p);
    bool first = p->ask.ids.n == 0;
    double begun = clock_now();
    int rc;

    if (ref_is(from))
        op_swap(p->rig->c, w->w, from, w->n);
    rc = next_token(p, err);
    if (ref_is(from))
        op_swap(p->rig->c, w->w, from, w->n);
    if (first)
        TRACE("first token of probe %llu: %zu of its prompt, %.1f ms", (unsigned long long)p->c->id,
              p->question.prompt.n, 1e3 * (clock_now() - begun));
    return rc ? rc : asking_end(p, err);
}

int ask_probe(struct rig *rig, struct stage *st, struct book *book, const struct control_command *c,
              struct vac_err *err)
{
    struct asking *p = asking_new(rig, st, book, c, err);
    int rc = p ? 1 : -1;

    if (p)
        steer_show(book->steer, VAC_MEASURING, "probe");
    while (rc > 0)
        rc = asking_go_on(p, err);
    asking_free(p);
    return rc;
}

/* --- pages of samples --- */

/* Text of the part of a sample that carries labels, or of the part before it; NULL without memory. */
static const char *part_text(const struct rig *rig, const struct sample *x, bool labelled,
                             struct vac_event *e, struct vac_err *err)
{
    struct ids part = {0};
    struct strbuf text = {0};
    struct vac_err why = {0};
    const char *out = NULL;

    for (size_t i = 0; i < x->n; i++) {
        if ((x->labels[i] >= 0) == labelled)
            text.bad |= ids_push(&part, x->ids[i], NULL) != 0;
    }
    if (rig->tok)
        tokenizer_decode(rig->tok, part.v, part.n, true, &text, &why);
    for (size_t i = 0; !rig->tok && i < part.n; i++)
        sb_printf(&text, "%s%d", i ? " " : "", part.v[i]);
    text.bad |= why.code == VAC_ERR_MEMORY;
    if (!sb_ok(&text, err))
        out = event_text(e, text.s, text.len, err);
    ids_done(&part);
    sb_done(&text);
    return out;
}

static int tell_sample(const struct rig *rig, const struct stream *st, size_t i,
                       struct vac_event *e, struct vac_sample *out, struct vac_err *err)
{
    const struct sample *x = &st->data.sample[i];
    const char *file = path_base(st->data.file[x->source]);

    *out = (struct vac_sample){.index = (int64_t)i,
                               .file = event_text(e, file, strlen(file), err),
                               .line = (int64_t)x->line,
                               .tokens = (int64_t)x->n,
                               .labels = (int64_t)x->n_labels,
                               .cut = x->cut,
                               .harmful = x->harmful,
                               .loss = st->sample_loss[i],
                               .loss_step = st->sample_step[i],
                               .source = part_text(rig, x, false, e, err),
                               .answer = part_text(rig, x, true, e, err)};
    if (x->category)
        out->category = event_text(e, x->category, strlen(x->category), err);
    return out->file && out->source && out->answer && !x->category == !out->category ? 0 : -1;
}

static bool sample_passes(const struct stream *x, size_t i, const char *filter)
{
    if (!strcmp(filter, "harmful"))
        return x->data.sample[i].harmful;
    if (!strcmp(filter, "cut"))
        return x->data.sample[i].cut;
    return true;
}

struct ranked {
    double loss;
    size_t index;
};

static int by_loss(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    double p = isnan(x->loss) ? -1 : x->loss, q = isnan(y->loss) ? -1 : y->loss;

    if (p != q)
        return p < q ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Those that pass, in the order in which they are told; how many. Seen is what the cursor has passed, which
 * a checkpoint holds: losses are known of this process's own steps only. */
static size_t samples_pick(const struct stream *x, const char *filter, struct ranked *out)
{
    bool seen = !strcmp(filter, "seen"), loss = !strcmp(filter, "loss");
    size_t n = 0, all = seen && x->cursor.epoch == 0 ? x->cursor.next : x->data.n;

    for (size_t k = 0; k < all; k++) {
        size_t i = seen ? x->order[k] : k;

        if (sample_passes(x, i, filter))
            out[n++] = (struct ranked){loss ? x->sample_loss[i] : NAN, i};
    }
    qsort(out, n, sizeof *out, by_loss);
    return n;
}

/* key: "", "harmful", "cut", "seen", or "loss" (all, the highest last loss first). */
int ask_samples(const struct rig *rig, const struct stage *st, struct steer *steer,
                const struct control_command *c, struct vac_err *err)
{
    struct ranked *order = mem_new(st->stream[0].data.n, sizeof *order, err);
    struct vac_event e = {0};
    struct vac_sample *page = event_alloc(&e, PAGE, sizeof *page, err);
    size_t n = 0, first = c->n > 0 ? (size_t)c->n : 0, shown = 0;
    int rc = order && page ? 0 : -1;

    if (rc == 0)
        n = samples_pick(&st->stream[0], c->key, order);
    for (size_t i = first; rc == 0 && i < n && shown < PAGE; i++)
        rc = tell_sample(rig, &st->stream[0], order[i].index, &e, &page[shown++], err);
    e.samples.v = page;
    e.samples.n = shown;
    e.samples.first = first;
    e.samples.total = n;
    if (rc == 0)
        control_event(steer->ctl, VAC_EVENT_SAMPLES, c->id, (int64_t)steer->at->step, "", &e);
    vac_event_done(&e);
    free(order);
    return rc;
}

/* --- the map: alignment prompts on the first two principal components of the reference --- */

int ask_map(const struct rig *rig, const struct stage *st, struct steer *steer,
            const struct control_command *c, struct vac_err *err)
{
    size_t L = model_config(rig->m)->L, D = model_config(rig->m)->D,
           n = st->drift ? drift_rows(st->drift) : 0;
    float *now = NULL;
    double *at = NULL;
    struct vac_event e = {0};
    struct vac_spot *spot;
    int rc = -1;

    if (n == 0)
        return err_set(err, VAC_ERR_USAGE, "watch.drift is not set: there is nothing to map");
    if (c->n < 0 || (size_t)c->n >= L)
        return err_set(err, VAC_ERR_USAGE, "layer: expected 0 to %zu, found %lld", L - 1,
                       (long long)c->n);
    now = mem_new(2 * n * D, sizeof *now, err);
    at = mem_new(4 * n, sizeof *at, err);
    spot = event_alloc(&e, n, sizeof *spot, err);
    if (!now || !at || !spot)
        goto out;
    drift_points(st->drift, (size_t)c->n, now, now + n * D);
    if (pca2(now + n * D, now, n, D, at, at + 2 * n, e.map.explained, err))
        goto out;
    for (size_t i = 0; i < n; i++) {
        const double *ref = at + 2 * i, *is = at + 2 * (n + i);

        spot[i] = (struct vac_spot){.x = is[0], .y = is[1], .rx = ref[0], .ry = ref[1]};
    }
    e.map.v = spot;
    e.map.n = n;
    e.map.layer = (int)c->n;
    control_event(steer->ctl, VAC_EVENT_MAP, c->id, (int64_t)steer->at->step, "", &e);
    rc = 0;
out:
    vac_event_done(&e);
    free(now);
    free(at);
    return rc;
}
