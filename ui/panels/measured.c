/* measured.c - see measured.h */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/measured.h"
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

void measured_put(char *out, size_t size, int width, int64_t now, const struct vac_eval *e)
{
    size_t n = strlen(out);
    char rest[REST_SIZE];
    int at;

    if (e->step < 0)
        return;
    at = snprintf(out + n, size - n, e->is_rate ? "%s%s %.1f%%" : "%s%s %.3g", n ? "  " : "",
                  e->name, e->is_rate ? 100 * e->value : e->value);
    if (e->step != now && at > 0 && n + (size_t)at < size)
        at += snprintf(out + n + at, size - n - (size_t)at, " @%lld", (long long)e->step);
    if ((int)strlen(out) > width)
        out[n] = '\0';
    else if (*measured_rest(rest, &e->verdicts) &&
             (int)(n + strlen(out + n) + strlen(rest)) + 3 <= width)
        snprintf(out + strlen(out), size - strlen(out), " (%s)", rest);
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
