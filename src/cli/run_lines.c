/* run_lines.c - see run_lines.h */
#include "cli/run_lines.h"
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"

static const struct {
    const char *label;
    size_t offset; /* in struct vac_point */
} measured[RUN_LINES_MEASURED] = {{"drift", offsetof(struct vac_point, drift_mean)},
                                  {"align", offsetof(struct vac_point, align_loss)},
                                  {"harmful", offsetof(struct vac_point, harmful_loss)}};

void run_lines_init(struct run_lines *w, struct vac_session *s)
{
    *w = (struct run_lines){.s = s, .every = vac_session_log_every(s)};
    for (size_t i = 0; i < RUN_LINES_MEASURED; i++)
        w->measured[i].value = NAN;
}

void run_lines_done(struct run_lines *w)
{
    free(w->score);
}

void run_lines_rewound(struct run_lines *w, int64_t step, uint64_t point)
{
    w->point = point;
    w->next = step - step % w->every + w->every;
    w->waits = w->untold = false;
    w->n_scores = 0;
}

int run_lines_score(struct run_lines *w, const struct vac_eval *score, struct vac_err *err)
{
    if (isnan(score->value))
        return 0;
    if (mem_grow(&w->score, &w->cap_scores, w->n_scores + 1, sizeof *w->score, err))
        return -1;
    w->score[w->n_scores++] = *score;
    return 0;
}

static void put_time(struct strbuf *s, double seconds)
{
    int t = seconds >= 0 && seconds < INT_MAX ? (int)seconds : -1;

    if (t < 0)
        sb_puts(s, "-");
    else if (t >= 3600)
        sb_printf(s, "%dh%02dm", t / 3600, t / 60 % 60);
    else
        sb_printf(s, "%d:%02d", t / 60, t % 60);
}

static void put_value(struct strbuf *s, const char *label, const char *fmt, double x)
{
    char text[32];

    if (isnan(x))
        return;
    snprintf(text, sizeof text, fmt, x);
    sb_printf(s, "  %s %s", label, text);
}

/* What was measured since the last line. */
static void put_measured(struct strbuf *s, struct run_lines *w, int64_t step)
{
    size_t told = 0;

    for (size_t i = 0; i < RUN_LINES_MEASURED; i++) {
        put_value(s, measured[i].label, "%.4f", w->measured[i].value);
        if (!isnan(w->measured[i].value))
            cli_put_step(s, w->measured[i].step, step);
        w->measured[i].value = NAN;
    }
    /* a score stands in the line after it was measured, the newest of each, and nowhere else */
    for (size_t i = 0; i < w->n_scores && w->score[i].step <= step; i++) {
        const struct vac_eval *e = &w->score[i];
        size_t later = i + 1;

        while (later < w->n_scores && w->score[later].step <= step &&
               strcmp(w->score[later].name, e->name) != 0)
            later++;
        told++;
        if (later < w->n_scores && w->score[later].step <= step)
            continue;
        put_value(s, e->name, e->is_rate ? "%.1f%%" : "%.4f", (e->is_rate ? 100 : 1) * e->value);
        cli_put_step(s, e->step, step);
        cli_put_verdicts(s, " (", &e->verdicts, ")");
    }
    w->n_scores -= told;
    if (told) /* before the first there is no array */
        memmove(w->score, w->score + told, w->n_scores * sizeof *w->score);
}

/* On one line of a terminal, where that is to be had by leaving out what matters least. */
static int print_point(struct run_lines *w, const struct vac_snapshot *n, struct vac_err *err)
{
    enum { ALL, NO_SPEED, NO_GRADIENT, LEVELS };
    const struct vac_point *p = &w->last;
    struct strbuf s = {0}, seen = {0};
    size_t most = cli_columns(STDOUT_FILENO) ? cli_columns(STDOUT_FILENO) : SIZE_MAX;
    int rc;

    put_measured(&seen, w, p->step);
    for (int level = ALL; level < LEVELS; level++) {
        sb_clear(&s);
        sb_printf(&s, "%-10s step %lld/%lld", p->stage == n->stage_index ? n->stage : w->stage,
                  (long long)p->step, (long long)n->total_steps);
        put_value(&s, "loss", "%.4f", p->loss);
        put_value(&s, "clean", "%.4f", p->loss_clean);
        put_value(&s, "rho", "%.4g", p->rho);
        if (level < NO_GRADIENT)
            put_value(&s, "grad", "%.3g", p->grad_norm);
        sb_put(&s, seen.s, seen.len);
        if (n->state == VAC_RUNNING) {
            if (level < NO_SPEED)
                put_value(&s, "steps/s", "%.2f", n->steps_per_s);
            sb_puts(&s, "  ETA ");
            put_time(&s, n->eta_s);
        }
        if (s.len <= most || s.len > most + 24) /* else two lines have room for all of it */
            break;
    }
    sb_putc(&s, '\n');
    rc = cli_write(&s, err);
    sb_done(&s);
    sb_done(&seen);
    w->next = p->step - p->step % w->every + w->every;
    w->untold = false;
    return rc;
}

/* The next point whose step is over, so that the snapshot has all that is measured there. */
static bool next_point(struct run_lines *w, const struct vac_snapshot *n, bool over,
                       struct vac_point *p)
{
    if (!w->waits)
        w->waits = vac_history(w->s, &w->point, &w->waiting, 1) > 0;
    *p = w->waiting;
    if (!w->waits ||
        (!over && (p->step > n->step || (n->state == VAC_LOADING && p->stage_step == 0))))
        return false;
    w->waits = false;
    return true;
}

int run_lines_print(struct run_lines *w, const struct vac_snapshot *n, bool over,
                    struct vac_err *err)
{
    struct vac_point p;
    int rc = 0;

    while (rc == 0 && next_point(w, n, over, &p)) {
        if (w->untold && p.stage != w->last.stage)
            rc = print_point(w, n, err);
        for (size_t i = 0; i < RUN_LINES_MEASURED; i++) {
            double x = *(const double *)((const char *)&p + measured[i].offset);

            if (!isnan(x)) {
                w->measured[i].value = x;
                w->measured[i].step = p.step;
            }
        }
        w->last = p;
        w->untold = true;
        if (rc == 0 && p.step >= w->next)
            rc = print_point(w, n, err);
    }
    if (rc == 0 && over && w->untold)
        rc = print_point(w, n, err);
    if (!w->untold ||
        w->last.stage == n->stage_index) /* else the last point is told by its own stage's name */
        memcpy(w->stage, n->stage, sizeof w->stage);
    return rc;
}

void run_lines_results(struct strbuf *s, const struct vac_run_info *r)
{
    sb_printf(s, "%-10s", "");
    cli_put_method(s, r, "  rho ");
    sb_putc(s, '\n');
    for (int i = 0; i < r->n_evals; i++) {
        const struct vac_eval *e = &r->eval[i];
        double unit = e->is_rate ? 100 : 1;
        int digits = e->is_rate ? 1 : 4;

        if (isnan(e->value))
            continue;
        sb_printf(s, "%-10s  %s ", "", e->name);
        if (!isnan(r->before[i]))
            sb_printf(s, "%.*f -> ", digits, unit * r->before[i]);
        sb_printf(s, "%.*f%s [%.*f, %.*f]", digits, unit * e->value, e->is_rate ? "%" : "", digits,
                  unit * e->lo, digits, unit * e->hi);
        if (e->is_rate)
            sb_printf(s, "  %lld of %lld", (long long)e->count, (long long)e->n);
        cli_put_verdicts(s, "  ", &e->verdicts, "");
        cli_put_beneath(s, "  ", e->beneath, "");
        sb_printf(s, "  at step %lld", (long long)e->step);
        if (!isnan(r->broke[i]))
            sb_printf(s, ", broke at %.0f of its stage against this attack", r->broke[i]);
        sb_putc(s, '\n');
    }
    for (int i = 0; i < r->n_untils; i++) {
        sb_printf(s, "%-10s  ", "");
        cli_put_until(s, &r->until[i]);
        sb_putc(s, '\n');
    }
}
