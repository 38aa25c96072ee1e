/* measured.c - see measured.h */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/measured.h"
#include "panels/panel.h"
#include "term/number.h"

void measures_done(struct measures *m)
{
    for (int i = 0; i < m->n; i++)
        free(m->series[i].v);
    *m = (struct measures){.n = 0};
}

struct series *measures_find(struct measures *m, const char *name)
{
    for (int i = 0; i < m->n; i++)
        if (!strncmp(m->series[i].name, name, VAC_NAME - 1))
            return &m->series[i];
    return NULL;
}

static struct series *series_of(struct measures *m, const char *name)
{
    struct series *s = measures_find(m, name);

    if (s || m->n == VAC_MAX_EVALS || !*name)
        return s;
    s = &m->series[m->n++];
    snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

/* Where a measurement belongs. */
static struct measured *place(struct series *s, double step, const char *stage)
{
    size_t at = s->n;

    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].step == step && !strcmp(s->v[i].e.stage, stage))
            return &s->v[i];
    if (s->n == s->cap) {
        size_t want = s->cap ? 2 * s->cap : 32;
        struct measured *grown = realloc(s->v, want * sizeof *grown);

        if (!grown)
            return NULL;
        s->v = grown;
        s->cap = want;
    }
    while (at > 0 && s->v[at - 1].step > step)
        at--;
    memmove(s->v + at + 1, s->v + at, (s->n++ - at) * sizeof *s->v);
    return &s->v[at];
}

struct series *measures_put(struct measures *m, const struct vac_eval *e)
{
    struct series *s = series_of(m, e->name);
    struct measured *at = s ? place(s, (double)e->step, e->stage) : NULL;
    double scale = e->is_rate ? 100 : 1;

    if (!at)
        return NULL;
    s->rate = e->is_rate;
    *at = (struct measured){.step = (double)e->step,
                            .at = (double)e->stage_step,
                            .e = *e,
                            .margin = e->beneath[VAC_BENEATH_margin].known
                                          ? 100 * e->beneath[VAC_BENEATH_margin].value
                                          : NAN};
    at->e.value *= scale;
    at->e.lo *= scale;
    at->e.hi *= scale;
    return s;
}

const char *measured_text(char out[NUMBER_SIZE], double x, bool rate)
{
    if (rate && !isnan(x))
        snprintf(out, NUMBER_SIZE, "%.1f", 100 * x);
    else
        number_text(out, x, 3);
    return out;
}

const char *measured_rest(char out[REST_SIZE], const struct vac_verdicts *v)
{
    out[0] = '\0';
    if (v->answered + v->refused + v->other > 0)
        snprintf(out, REST_SIZE, "refused %lld, %sother %lld", (long long)v->refused,
                 *v->others ? "! " : "", (long long)v->other);
    return out;
}

const char *const measured_usual[MEASURED_USUAL] = {"HS", "over_refusal", "FA"};

/* The scores of a run that were measured, by number: the usual ones first, else as they come. */
static int in_order(const struct vac_snapshot *s, int order[VAC_MAX_EVALS])
{
    int n = 0;

    for (int k = 0; k <= MEASURED_USUAL; k++)
        for (int i = 0; i < s->n_evals && i < VAC_MAX_EVALS; i++) {
            int usual = 0;

            while (usual < MEASURED_USUAL && strcmp(s->eval[i].name, measured_usual[usual]) != 0)
                usual++;
            if (usual == k && s->eval[i].step >= 0)
                order[n++] = i;
        }
    return n;
}

void measured_one(struct strbuf *out, const struct vac_eval *e, int64_t now, bool whole)
{
    char rest[REST_SIZE];

    sb_printf(out, e->is_rate ? "%s %.1f%%" : "%s %.3g", e->name,
              e->is_rate ? 100 * e->value : e->value);
    if (e->step != now)
        sb_printf(out, " @%lld", (long long)e->step);
    if (whole && *measured_rest(rest, &e->verdicts))
        sb_printf(out, " (%s)", rest);
}

/* How a line of scores is put. */
struct wording {
    const struct vac_snapshot *s;
    int whole;  /* so many with what else was answered; what warns stands always, */
    bool terse; /* but not then */
    bool once;  /* their step is said once, before all of them */
    int hidden; /* that have no room */
};

static void put_scores(struct strbuf *out, const struct wording *w, const int *shown, int n)
{
    sb_clear(out);
    if (w->once && n)
        sb_printf(out, "@%lld: ", (long long)w->s->eval[shown[0]].step);
    for (int i = 0; i < n; i++) {
        const struct vac_eval *e = &w->s->eval[shown[i]];

        sb_puts(out, i ? "  " : "");
        measured_one(out, e, w->once ? e->step : w->s->step,
                     i < w->whole || (!w->terse && *e->verdicts.others));
    }
    if (w->hidden)
        sb_printf(out, "%s+%d", n ? "  " : "", w->hidden);
}

static bool same_step(const struct vac_snapshot *s, const int *order, int n)
{
    for (int i = 0; i < n; i++)
        if (s->eval[order[i]].step != s->eval[order[0]].step)
            return false;
    return n > 1 && s->eval[order[0]].step != s->step;
}

void measured_put(struct strbuf *out, int width, const struct vac_snapshot *s)
{
    int order[VAC_MAX_EVALS], shown[VAC_MAX_EVALS], n = in_order(s, order), k = 0;
    struct wording w = {.s = s, .whole = n};

    for (; w.whole >= 0; w.whole--) {
        put_scores(out, &w, order, n);
        if ((int)out->len <= width)
            return;
    }
    w.whole = 0;
    w.once = same_step(s, order, n);
    put_scores(out, &w, order, n > 0);
    w.terse = (int)out->len > width; /* the first score itself goes before its warning */
    for (int i = 0; i < n; i++) {
        shown[k] = order[i];
        w.hidden = n - k - 1;
        put_scores(out, &w, shown, k + 1);
        k += (int)out->len <= width;
    }
    w.hidden = n - k;
    put_scores(out, &w, shown, k);
}

static double percent(int64_t count, const struct vac_verdicts *v)
{
    int64_t n = v->answered + v->refused + v->other;

    return n > 0 ? 100 * (double)count / (double)n : NAN;
}

double measured_refused(const struct vac_verdicts *v)
{
    return percent(v->refused, v);
}

double measured_other(const struct vac_verdicts *v)
{
    return percent(v->other, v);
}

struct plot_line measured_line(const struct measured *v, size_t n, const double *x, const double *y,
                               const char *name, unsigned style, char glyph)
{
    return (struct plot_line){.name = name,
                              .x = x,
                              .y = y,
                              .n = n,
                              .stride = sizeof *v,
                              .style = style,
                              .glyph = glyph,
                              .steps = true};
}
