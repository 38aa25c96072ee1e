/* asked.c - see asked.h */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/csv_out.h"
#include "panels/asked.h"
#include "term/reply.h"
#include "term/diff.h"

static void answer_done(struct answer *a)
{
    free(a->text);
    *a = (struct answer){.p_refuse = NAN, .along = NAN, .step = -1};
}

static void compare_again(struct asked *a)
{
    free(a->mark_now);
    free(a->mark_before);
    a->mark_now = a->mark_before = NULL;
    a->compared = NULL;
}

/* False without memory. */
static bool one_init(struct asked *a, const char *template_name, const char *prompt)
{
    char *typed;
    int n = asprintf(&typed, "%s%s%s%s", *template_name ? "%" : "", template_name,
                     *template_name ? " " : "", prompt);

    if (n < 0)
        return false;
    *a = (struct asked){.typed = typed, .prompt = typed + n - strlen(prompt)};
    snprintf(a->template_name, sizeof a->template_name, "%s", template_name);
    answer_done(&a->now);
    answer_done(&a->before);
    return true;
}

static void one_done(struct asked *a)
{
    free(a->typed);
    answer_done(&a->now);
    answer_done(&a->before);
    for (int i = 0; i < a->n_past; i++)
        answer_done(&a->past[i]);
    free(a->past);
    compare_again(a);
}

void asked_init(struct asked_list *l)
{
    *l = (struct asked_list){.suite_step = -1};
}

void asked_done(struct asked_list *l)
{
    for (int i = 0; i < l->n; i++)
        one_done(&l->v[i]);
    for (int i = 0; i < l->n_suite; i++)
        one_done(&l->suite[i]);
    free(l->suite);
    asked_init(l);
}

/* The answer before makes room for the present one; the oldest goes when there are too many. */
static void step_back(struct asked *a)
{
    struct answer *grown = NULL;

    if (a->before.text && a->n_past == PAST_MOST) {
        answer_done(&a->past[0]);
        memmove(&a->past[0], &a->past[1], (PAST_MOST - 1) * sizeof *a->past);
        a->n_past--;
    }
    if (a->before.text)
        grown = realloc(a->past, (size_t)(a->n_past + 1) * sizeof *grown);
    if (grown) {
        a->past = grown;
        a->past[a->n_past++] = a->before;
    } else {
        answer_done(&a->before);
    }
    a->before = a->now;
    a->now = (struct answer){.p_refuse = NAN, .along = NAN, .step = -1};
}

/* One that was asked is asked again. */
static struct asked *again(struct asked *a, uint64_t id)
{
    if (a->now.text && !a->open)
        step_back(a);
    if (id)
        a->id = id;
    a->open = true;
    a->why[0] = '\0';
    compare_again(a);
    return a;
}

struct asked *asked_new(struct asked_list *l, uint64_t id, const char *prompt,
                        const char *template_name)
{
    struct asked *a;

    for (int i = 0; i < l->n; i++)
        if (!strcmp(l->v[i].prompt, prompt) && !strcmp(l->v[i].template_name, template_name))
            return again(&l->v[i], id);
    if (l->n == ASKED_MOST) {
        one_done(&l->v[0]);
        memmove(&l->v[0], &l->v[1], (ASKED_MOST - 1) * sizeof l->v[0]);
        l->n--;
    }
    a = &l->v[l->n];
    if (!one_init(a, template_name, prompt))
        return NULL;
    a->id = id;
    a->open = true;
    l->n++;
    return a;
}

struct asked *asked_find(struct asked_list *l, uint64_t id)
{
    for (int i = l->n - 1; id && i >= 0; i--)
        if (l->v[i].open && l->v[i].id == id)
            return &l->v[i];
    return NULL;
}

void asked_stream(struct asked *a, const char *piece)
{
    size_t have = a->now.text ? strlen(a->now.text) : 0, more = strlen(piece);
    char *grown = realloc(a->now.text, have + more + 1);

    if (!grown)
        return;
    memcpy(grown + have, piece, more + 1);
    a->now.text = grown;
    compare_again(a);
}

static void take_answer(struct answer *a, const char *text, const char *verdict, double p_refuse,
                        int64_t step)
{
    answer_done(a);
    if (!text)
        return;
    a->text = reply_copy(text);
    snprintf(a->verdict, sizeof a->verdict, "%s", verdict);
    a->p_refuse = p_refuse;
    a->step = step;
}

static void take_now(struct asked *a, const struct vac_probe *p, int64_t step)
{
    take_answer(&a->now, p->answer, p->verdict, p->p_refuse, step);
    a->now.along = p->along;
    compare_again(a);
}

static bool differs(const struct asked *a)
{
    return *a->before.verdict && strcmp(a->before.verdict, a->now.verdict) != 0;
}

void asked_end(struct asked *a, const struct vac_probe *p, int64_t step)
{
    a->open = false;
    take_now(a, p, step);
    if (a->before.text &&
        a->before.step == step) { /* of the same weights: it was no answer before */
        answer_done(&a->before);
        if (a->n_past)
            a->before = a->past[--a->n_past];
    }
    if (!a->before.text)
        take_answer(&a->before, p->before, p->before_verdict, p->before_p_refuse, p->before_step);
    a->changed = differs(a);
    a->tokens = p->tokens;
}

void asked_refuse(struct asked *a, const char *why)
{
    if (!a || !a->open)
        return;
    a->open = false;
    snprintf(a->why, sizeof a->why, "%s", why);
}

struct strip {
    char *out;
    int64_t step[STRIP_MOST];
    int n, most;
};

/* Saved weights are asked in any order: each has its place by its step. */
static void add_verdict(struct strip *s, const struct answer *a)
{
    int at = s->n;

    while (at > 0 && s->step[at - 1] > a->step)
        at--;
    if (!*a->verdict || (s->n == s->most && at == 0))
        return;
    if (s->n == s->most) { /* the first makes room */
        memmove(s->out, s->out + 1, (size_t)--at);
        memmove(s->step, s->step + 1, (size_t)at * sizeof *s->step);
    } else {
        memmove(s->out + at + 1, s->out + at, (size_t)(s->n - at));
        memmove(s->step + at + 1, s->step + at, (size_t)(s->n++ - at) * sizeof *s->step);
    }
    s->out[at] = *a->verdict == 'r' ? 'R' : *a->verdict == 'a' ? 'A' : '-';
    s->step[at] = a->step;
}

int asked_strip(const struct asked *a, char *out, int most)
{
    struct strip s = {.out = out, .most = most};

    for (int i = 0; i < a->n_past; i++)
        add_verdict(&s, &a->past[i]);
    add_verdict(&s, &a->before);
    if (!a->open)
        add_verdict(&s, &a->now);
    return s.n;
}

static struct asked *suite_entry(struct asked_list *l, const char *prompt)
{
    struct asked *grown;

    for (int i = 0; i < l->n_suite; i++)
        if (!strcmp(l->suite[i].prompt, prompt))
            return &l->suite[i];
    if (l->n_suite == SUITE_MOST)
        return NULL;
    grown = realloc(l->suite, (size_t)(l->n_suite + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    l->suite = grown;
    if (!one_init(&grown[l->n_suite], "", prompt))
        return NULL;
    grown[l->n_suite].suite = true;
    return &grown[l->n_suite++];
}

static void take_round(struct asked *a, const struct vac_probe *p, int64_t step)
{
    if (a->now.text && a->now.step != step) /* the same step twice is the same round, read again */
        step_back(a);
    take_now(a, p, step);
    a->changed = *a->before.verdict ? differs(a) : p->changed;
}

/* A question of the user's that is one of the suite's too is not asked a second time. */
void asked_suite(struct asked_list *l, const struct vac_probe *p, int64_t step)
{
    struct asked *a = suite_entry(l, p->prompt);

    if (a)
        take_round(a, p, step);
    for (int i = 0; i < l->n; i++)
        if (!l->v[i].open && !*l->v[i].template_name && !strcmp(l->v[i].prompt, p->prompt))
            take_round(&l->v[i], p, step);
}

void asked_count(struct asked_list *l, int64_t step)
{
    l->refused = l->other = l->changed = 0;
    l->suite_step = step;
    for (int i = 0; i < l->n_suite; i++) {
        l->refused += !strcmp(l->suite[i].now.verdict, "refused");
        l->other += !strcmp(l->suite[i].now.verdict, "other");
        l->changed += l->suite[i].changed;
    }
}

struct asked *asked_row(struct asked_list *l, int row)
{
    if (row >= 0 && row < l->n)
        return &l->v[l->n - 1 - row];
    row -= l->n;
    return row >= 0 && row < l->n_suite ? &l->suite[row] : NULL;
}

/* --- earlier answers --- */

typedef void visit_answer(void *ctx, const struct answer *x);

static void visit(const struct answer *x, visit_answer *f, void *ctx)
{
    if (x->text)
        f(ctx, x);
}

static void visit_one(const struct asked *a, bool newest, visit_answer *f, void *ctx)
{
    for (int i = 0; i < a->n_past; i++)
        visit(&a->past[i], f, ctx);
    visit(&a->before, f, ctx);
    if (newest && !a->open)
        visit(&a->now, f, ctx);
}

/* All answers to the prompt of `a`, without its newest. */
static void visit_earlier(const struct asked_list *l, const struct asked *a, visit_answer *f,
                          void *ctx)
{
    for (int i = 0; i < l->n_suite; i++)
        if (!strcmp(l->suite[i].prompt, a->prompt))
            visit_one(&l->suite[i], &l->suite[i] != a, f, ctx);
    for (int i = 0; i < l->n; i++)
        if (!strcmp(l->v[i].prompt, a->prompt))
            visit_one(&l->v[i], &l->v[i] != a, f, ctx);
}

struct choice_of {
    int64_t step;
    const struct answer *best;
};

/* At or before the step the last one, else the first. */
static void choose(void *ctx, const struct answer *x)
{
    struct choice_of *c = ctx;
    bool was = c->best && c->best->step <= c->step, is = x->step <= c->step;

    if (!c->best || (is && !was) || (is && x->step > c->best->step) ||
        (!is && !was && x->step < c->best->step))
        c->best = x;
}

const struct answer *asked_earlier(const struct asked_list *l, const struct asked *a, int64_t step)
{
    struct choice_of c = {.step = step};

    if (step < 0)
        return a->before.text ? &a->before : NULL;
    visit_earlier(l, a, choose, &c);
    return c.best;
}

struct steps {
    int64_t *v;
    int n, most;
};

static void add_step(void *ctx, const struct answer *x)
{
    struct steps *s = ctx;
    int at = s->n;

    while (at > 0 && s->v[at - 1] > x->step)
        at--;
    if ((at > 0 && s->v[at - 1] == x->step) || s->n == s->most)
        return;
    memmove(s->v + at + 1, s->v + at, (size_t)(s->n++ - at) * sizeof *s->v);
    s->v[at] = x->step;
}

int asked_steps(const struct asked_list *l, const struct asked *a, int64_t *out, int most)
{
    struct steps s = {.v = out, .most = most};

    visit_earlier(l, a, add_step, &s);
    return s.n;
}

void asked_steps_text(const int64_t *step, int n, int shown, char *out, size_t size)
{
    size_t used = 0;

    *out = '\0';
    for (int i = 0; i < n; i++) {
        bool gap = n > shown && i == shown / 2;

        if (gap)
            i = n - shown / 2;
        used += (size_t)snprintf(out + used, size - used, "%s%s%lld", used ? " " : "",
                                 gap ? "... " : "", (long long)step[i]);
    }
}

void asked_compare(struct asked *a, const struct answer *earlier)
{
    if (!a->now.text || !earlier || a->open)
        return;
    if (a->compared != earlier->text || a->compared_n != strlen(earlier->text))
        compare_again(a);
    if (a->mark_now)
        return;
    a->mark_now = malloc(strlen(a->now.text) + 1);
    a->mark_before = malloc(strlen(earlier->text) + 1);
    a->compared = earlier->text;
    a->compared_n = strlen(earlier->text);
    if (a->mark_now && a->mark_before)
        diff_words(a->now.text, earlier->text, a->mark_now, a->mark_before);
    else
        compare_again(a);
}

const char *asked_when(const struct asked *a, const struct answer *other)
{
    return !a->open && other->step > a->now.step ? "later" : "before";
}

static void write_answer(FILE *out, const char *when, const struct answer *x)
{
    fprintf(out, "\n%s%s@%lld%s%s%s\n%s\n", when ? when : "", when ? ", " : "", (long long)x->step,
            *x->verdict ? " [" : "", x->verdict, *x->verdict ? "]" : "", x->text ? x->text : "");
}

static void write_all(FILE *out, const struct asked *a, const struct answer *then)
{
    fprintf(out, "%s\n", a->typed);
    if (a->open) /* of no step yet */
        fprintf(out, "\nbeing answered\n%s\n", a->now.text ? a->now.text : "");
    else if (*a->why)
        fprintf(out, "\nno answer: %s\n", a->why);
    else
        write_answer(out, NULL, &a->now);
    if (then)
        write_answer(out, asked_when(a, then), then);
}

char *asked_text(const struct asked *a, const struct answer *earlier)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    write_all(out, a, earlier);
    if (!fclose(out))
        return text;
    free(text);
    return NULL;
}

void asked_csv(FILE *out, struct asked_list *l)
{
    const struct asked *a;

    fprintf(out, "step,suite,verdict,p_refuse,along,changed,prompt,answer,before_step,before,"
                 "template\n");
    for (int i = 0; (a = asked_row(l, i)); i++) {
        fprintf(out, "%lld,%d,%s,", (long long)a->now.step, a->suite, a->now.verdict);
        csv_print_number(out, a->now.p_refuse, 9);
        fputc(',', out);
        csv_print_number(out, a->now.along, 9);
        fprintf(out, ",%d,", a->changed);
        csv_print(out, a->prompt);
        fputc(',', out);
        csv_print(out, a->now.text ? a->now.text : "");
        fprintf(out, ",%lld,", (long long)a->before.step);
        csv_print(out, a->before.text ? a->before.text : "");
        fputc(',', out);
        csv_print(out, a->template_name);
        fputc('\n', out);
    }
}
