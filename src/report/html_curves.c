/* html_curves.c - which curves the page shows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eval/metric.h"
#include "record/journal.h"
#include "report/html_curves.h"
#include "report/html_heat.h"
#include "report/html_svg.h"
#include "report/html_text.h"
#include "record/lines.h"
#include "record/config.h"
#include "record/score.h"
#include "record/scores.h"
#include "report/turned.h"
#include "record/columns.h"

enum { MANY = 300 }; /* points from which on a curve gets a running mean */

/* ---- Entries of "evaluate" ---- */

static enum role role_of(const cJSON *entry)
{
    const char *judge = json_text_at(entry, "judge"), *count = json_text_at(entry, "count");
    const char *metric = json_text_at(entry, "metric");

    if (!metric_is_rate(metric))
        return ROLE_LOSS;
    if ((metric && *metric) || !judge || !*judge)
        return ROLE_TASK;
    return count && strcmp(count, "answered") ? ROLE_REFUSAL : ROLE_HARM;
}

static void add_entry(struct entry *out, size_t *n, const char *name, enum role role)
{
    struct entry e = {.role = role};

    lines_name(e.name, sizeof e.name, name);
    for (size_t i = 0; i < *n; i++) {
        if (!strcmp(out[i].name, e.name))
            return;
        e.dashed |= out[i].role == role;
    }
    if (*n < VAC_MAX_EVALS)
        out[(*n)++] = e;
}

size_t page_entries(const struct run_data *r, struct entry out[VAC_MAX_EVALS])
{
    const cJSON *entry,
        *list = cJSON_GetObjectItemCaseSensitive(run_config_spec(r->config), "evaluate");
    size_t n = 0;

    cJSON_ArrayForEach(entry, list)
    {
        const char *name = json_text_at(entry, "name");

        if (name)
            add_entry(out, &n, name, role_of(entry));
    }
    for (size_t i = 0; i < r->n_evals; i++)
        add_entry(out, &n, r->eval[i].name, ROLE_TASK);
    return n;
}

enum hue role_hue(enum role role)
{
    static const enum hue hues[] = {[ROLE_HARM] = HUE_HARM,
                                    [ROLE_REFUSAL] = HUE_REFUSAL,
                                    [ROLE_TASK] = HUE_TASK,
                                    [ROLE_LOSS] = HUE_OTHER};

    return hues[role];
}

/* ---- Collecting ---- */

static void plot_done(struct plot *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->curve[i].p);
}

/* Mean of the neighbours of each point, as many on both sides as are there in its segment; from
 * running sums, which stand in `lo` meanwhile. */
static void running_mean(struct xy *out, const struct xy *p, size_t n, size_t reach)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        out[i] = p[i];
        out[i].lo = sum += p[i].y;
    }
    for (size_t i = 0, begin = 0, end = 0; i < n; i++) {
        size_t k;

        if (i >= end)
            for (begin = i, end = i + 1; end < n && p[end].segment == p[i].segment; end++)
                ;
        k = i - begin < end - 1 - i ? i - begin : end - 1 - i;
        k = k < reach ? k : reach;
        out[i].y = (out[i + k].lo - (i > k ? out[i - k - 1].lo : 0)) / (double)(2 * k + 1);
    }
    for (size_t i = 0; i < n; i++)
        out[i].lo = NAN;
}

/* Many noisy values: a running mean over a fiftieth of them, and the values themselves behind it.
 */
static int add_smooth(struct plot *plot, struct curve *c, struct vac_err *err)
{
    struct curve behind = *c;

    if (c->n <= MANY)
        return 0;
    c->p = mem_new(c->n, sizeof *c->p, err);
    if (!c->p) {
        free(behind.p);
        return -1;
    }
    running_mean(c->p, behind.p, c->n, c->n / 100);
    behind.faint = true;
    behind.n = svg_envelope(behind.p, behind.n, CURVE_POINTS);
    plot->curve[plot->n++] = behind;
    return 0;
}

/* The points at which a column was measured. */
static int add_column(struct plot *plot, const struct run_data *r, struct curve c, size_t column,
                      struct vac_err *err)
{
    c.p = mem_new(r->n_points, sizeof *c.p, err);
    if (!c.p)
        return -1;
    for (size_t i = 0; i < r->n_points; i++) {
        const struct vac_point *at = &r->point[i];
        double y = point_get(at, column);

        if (isfinite(y))
            c.p[c.n++] = (struct xy){(double)at->step, y, NAN, NAN, at->stage};
    }
    if (add_smooth(plot, &c, err))
        return -1;
    c.n = svg_envelope(c.p, c.n, CURVE_POINTS);
    c.dots = c.n > 0 && c.n <= 40;
    plot->curve[plot->n++] = c;
    return 0;
}

static struct curve curve_of(const struct entry *e)
{
    return (struct curve){.name = e->name, .hue = role_hue(e->role), .dashed = e->dashed};
}

static double value_of(const struct vac_eval *e)
{
    return e->value;
}

static double refused_of(const struct vac_eval *e)
{
    return score_share(e, VERDICT_REFUSED);
}

static double margin_of(const struct vac_eval *e)
{
    const struct vac_span *margin = &e->beneath[VAC_BENEATH_margin];

    return margin->known ? margin->value : (double)NAN;
}

/* The measurements of an entry; in one stage over its own steps, or (stage NULL) over the whole
 * run. */
static int add_entry_curve(struct plot *plot, const struct run_data *r, const struct entry *e,
                           const char *stage, struct curve c,
                           double share(const struct vac_eval *at), struct vac_err *err)
{
    c.dots = true;
    c.p = mem_new(r->n_evals, sizeof *c.p, err);
    if (!c.p)
        return -1;
    for (size_t i = 0; i < r->n_evals; i++) {
        const struct vac_eval *at = &r->eval[i];

        if (!strcmp(at->name, e->name) && (!stage || !strcmp(at->stage, stage)) &&
            isfinite(share(at)))
            c.p[c.n++] = (struct xy){.x = (double)(stage ? at->stage_step : at->step),
                                     .y = share(at),
                                     .lo = share == value_of ? at->lo : (double)NAN,
                                     .hi = share == value_of ? at->hi : (double)NAN};
    }
    c.n = svg_envelope(c.p, c.n, CURVE_POINTS);
    plot->curve[plot->n++] = c;
    return 0;
}

/* ---- Marks ---- */

static void mark_stages(struct plot *p, const struct run_data *r)
{
    for (size_t i = 0; i < r->n_points && p->n_marks < PLOT_MARKS / 2; i++) {
        const struct vac_point *at = &r->point[i];
        struct mark *m = &p->mark[p->n_marks];

        if (i && at->stage == r->point[i - 1].stage)
            continue;
        *m = (struct mark){.x = i ? (double)r->point[i - 1].step : (double)at->step};
        memcpy(m->text, r->stage[at->stage].name, sizeof m->text);
        p->n_marks++;
    }
}

/* Changes, faults and guards that tripped, of the journal. */
static void mark_events(struct plot *p, const struct run_data *r)
{
    const cJSON *line;

    cJSON_ArrayForEach(line, r->journal)
    {
        struct jnode node = json_root(line, "journal.jsonl");
        struct journal_entry e;
        struct mark m = {.event = true};
        char text[256];

        if (journal_read(&node, &e, NULL) || (e.verb != JOURNAL_SET && e.verb != JOURNAL_FAULT &&
                                              e.verb != JOURNAL_TRIP && !journal_note(&e)))
            continue;
        m.x = (double)(e.applied ? e.applied_step : e.step);
        if (journal_note(&e))
            snprintf(text, sizeof text, "%s", journal_note(&e));
        else
            snprintf(text, sizeof text, "%s %s%s%s", e.word, e.key ? e.key : "",
                     e.value ? " = " : "", e.value ? e.value : "");
        lines_name(m.text, sizeof m.text, text);
        if (p->n_marks < PLOT_MARKS)
            p->mark[p->n_marks++] = m;
    }
}

/* ---- Plots ---- */

static int put_losses(struct strbuf *out, const struct run_data *r, bool log, struct vac_err *err)
{
    struct plot p = {.title = log ? "Losses, logarithmic" : "Losses",
                     .note = r->n_points > MANY ? "lines are running means" : NULL,
                     .x_label = "optimizer step",
                     .y_label = "loss (nats per token)",
                     .log = log,
                     .threshold = NAN};
    int rc = -1;

    mark_stages(&p, r);
    mark_events(&p, r);
    if (!add_column(&p, r, (struct curve){.name = "trained on", .hue = HUE_TASK}, VAC_COLUMN_loss,
                    err) &&
        !add_column(&p, r,
                    (struct curve){.name = "without perturbation", .hue = HUE_TASK, .dashed = true},
                    VAC_COLUMN_loss_clean, err) &&
        !add_column(&p, r, (struct curve){.name = "alignment data", .hue = HUE_ALIGN},
                    VAC_COLUMN_align_loss, err) &&
        !add_column(&p, r, (struct curve){.name = "harmful data", .hue = HUE_HARM},
                    VAC_COLUMN_harmful_loss, err)) {
        svg_plot(out, &p);
        rc = 0;
    }
    plot_done(&p);
    return rc;
}

static int put_drift(struct strbuf *out, const struct run_data *r, struct vac_err *err)
{
    struct plot p = {.title = "Embedding drift, mean over layers",
                     .note = "relative to the reference",
                     .x_label = "optimizer step",
                     .y_label = "relative drift",
                     .threshold = NAN};
    struct curve c = {.name = "drift", .hue = HUE_TASK};
    int rc;

    mark_stages(&p, r);
    rc = add_column(&p, r, c, VAC_COLUMN_drift_mean, err);
    if (rc == 0)
        svg_plot(out, &p);
    plot_done(&p);
    return rc;
}

/* A curve that begins above one half was not broken in this stage. */
static int mark_break(struct plot *p, const struct run_data *r, const char *stage,
                      const struct entry *e, struct vac_err *err)
{
    const struct vac_eval *first = run_eval_first(r, stage, e->name);
    double at = run_steps_to_break(r, stage, e->name, 0.5);
    struct strbuf text = {0};
    int rc;

    p->threshold = 0.5;
    if (!isfinite(at) || at <= (double)first->stage_step || p->n_marks == PLOT_MARKS)
        return 0;
    sb_puts(&text, e->name);
    sb_puts(&text, " at 50 % after ");
    page_number(&text, at, 3);
    sb_puts(&text, " steps");
    p->mark[p->n_marks].x = at;
    rc = sb_ok(&text, err);
    if (rc == 0)
        lines_name(p->mark[p->n_marks++].text, VAC_NAME, text.s);
    sb_done(&text);
    return rc;
}

/* Said beside the title: it lies near the break, where a second mark would have no room. */
static void note_end(struct strbuf *note, const struct run_data *r, const char *stage,
                     const struct entry *e, double at, const char *what)
{
    const struct vac_eval *first = run_eval_first(r, stage, e->name);

    if (!isfinite(at) || at <= (double)first->stage_step)
        return;
    sb_printf(note, "; %s: %s after ", e->name, what);
    page_number(note, at, 3);
    sb_puts(note, " steps");
}

/* Beside the share that is answered: what is refused, and the margin of p(refuse) where it is known. */
static int put_beside(struct plot *p, const struct run_data *r, const char *stage,
                      const struct entry *e, char name[2][VAC_NAME + 16], struct vac_err *err)
{
    const struct curve refused = {.name = name[0], .hue = HUE_ALIGN, .dashed = true};
    const struct curve margin = {.name = name[1], .hue = HUE_OTHER, .dashed = true};

    snprintf(name[0], VAC_NAME + 16, "%.*s: refused", VAC_NAME, e->name);
    snprintf(name[1], VAC_NAME + 16, "%.*s: margin", VAC_NAME, e->name);
    return add_entry_curve(p, r, e, stage, refused, refused_of, err) ||
                   add_entry_curve(p, r, e, stage, margin, margin_of, err)
               ? -1
               : 0;
}

static int put_rates(struct strbuf *out, const struct run_data *r, const char *stage,
                     struct vac_err *err)
{
    struct entry entry[VAC_MAX_EVALS];
    size_t n = page_entries(r, entry);
    char title[VAC_NAME + 16], beside[VAC_MAX_EVALS][2][VAC_NAME + 16];
    struct plot p = {.title = title,
                     .x_label = "optimizer step of the stage",
                     .y_label = "rate",
                     .percent = true,
                     .threshold = NAN};
    struct strbuf note = {0};
    int rc = 0;

    snprintf(title, sizeof title, "Stage %s", stage);
    sb_puts(&note, "with 95 % intervals");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (entry[i].role == ROLE_LOSS)
            continue;
        rc = add_entry_curve(&p, r, &entry[i], stage, curve_of(&entry[i]), value_of, err);
        if (rc || entry[i].role != ROLE_HARM || !p.curve[p.n - 1].n)
            continue;
        rc = mark_break(&p, r, stage, &entry[i], err) ||
                     put_beside(&p, r, stage, &entry[i], beside[i], err)
                 ? -1
                 : 0;
        note_end(&note, r, stage, &entry[i], run_steps_to_unrefused(r, stage, entry[i].name, 0.5),
                 "half is no longer refused");
        note_end(&note, r, stage, &entry[i], run_steps_to_confused(r, stage, entry[i].name, 0.5),
                 "the margin is below .5");
    }
    rc = rc ? rc : sb_ok(&note, err);
    p.note = note.s;
    if (rc == 0)
        svg_plot(out, &p);
    plot_done(&p);
    sb_done(&note);
    return rc;
}

static int put_eval_losses(struct strbuf *out, const struct run_data *r, struct vac_err *err)
{
    struct entry entry[VAC_MAX_EVALS];
    size_t n = page_entries(r, entry);
    struct plot p = {.title = "Evaluated losses",
                     .x_label = "optimizer step",
                     .y_label = "loss (nats per token)",
                     .threshold = NAN};
    int rc = 0;

    mark_stages(&p, r);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (entry[i].role == ROLE_LOSS)
            rc = add_entry_curve(&p, r, &entry[i], NULL, curve_of(&entry[i]), value_of, err);
    if (rc == 0)
        svg_plot(out, &p);
    plot_done(&p);
    return rc;
}

static int put_evaluations(struct strbuf *out, const struct run_data *r, struct vac_err *err)
{
    if (!r->n_evals)
        return 0;
    sb_puts(out, "<section><h2>Evaluations</h2>\n<div class=\"grid\">\n");
    for (size_t i = 0; i < r->n_stages; i++)
        if (put_rates(out, r, r->stage[i].name, err))
            return -1;
    if (put_eval_losses(out, r, err))
        return -1;
    sb_puts(out, "</div></section>\n");
    return 0;
}

/* When the refusal direction turned away, and how far ahead of the score that is to be feared. */
static int put_turned(struct strbuf *out, const struct run_data *r, size_t stage,
                      struct vac_err *err)
{
    struct entry entry[VAC_MAX_EVALS];
    size_t n = page_entries(r, entry);
    const char *name = r->stage[stage].name;
    double at = NAN;
    bool known;

    if (turned_steps(r, stage, 0.5, &at, &known, err))
        return -1;
    if (!known)
        return 0;
    sb_puts(out, "<p>Refusal direction, stage ");
    page_text(out, name, SIZE_MAX);
    sb_puts(out, ": the mean cosine ");
    if (isnan(at)) {
        sb_puts(out, "stays above .5.</p>\n");
        return 0;
    }
    sb_puts(out, "is below .5 after ");
    page_number(out, at, 3);
    sb_puts(out, " steps");
    for (size_t i = 0; i < n; i++) {
        const struct vac_eval *first = run_eval_first(r, name, entry[i].name);
        double broke = entry[i].role == ROLE_HARM && first
                           ? run_steps_to_break(r, name, entry[i].name, 0.5)
                           : (double)NAN;

        if (isnan(broke) || broke <= (double)first->stage_step)
            continue;
        sb_puts(out, broke >= at ? "; it leads " : "; it follows ");
        page_text(out, entry[i].name, SIZE_MAX);
        sb_puts(out, " at 50\xc2\xa0% by ");
        page_number(out, fabs(broke - at), 3);
        sb_puts(out, " steps");
    }
    sb_puts(out, ".</p>\n");
    return 0;
}

int page_curves(struct strbuf *out, const struct run_data *r, struct vac_err *err)
{
    static const struct heat heats[] = {
        {.title = "Drift by layer",
         .note = "embeddings against the reference, relative",
         .unit = "drift",
         .series = VAC_SERIES_drift_rel},
        {.title = "Perturbation by layer",
         .note = "length of what is added at each layer",
         .unit = "\xe2\x80\x96\xce\xb5\xe2\x80\x96",
         .series = VAC_SERIES_eps},
        {.title = "Refusal direction by layer",
         .note = "cosine with that of the reference",
         .unit = "cosine",
         .series = VAC_SERIES_refusal},
    };

    if (put_evaluations(out, r, err))
        return -1;
    if (!r->n_points)
        return 0;
    sb_puts(out, "<section><h2>Training</h2>\n<div class=\"grid\">\n");
    if (put_losses(out, r, false, err) || put_losses(out, r, true, err) || put_drift(out, r, err))
        return -1;
    for (size_t i = 0; i < sizeof heats / sizeof *heats; i++)
        if (svg_heat(out, &heats[i], r, err))
            return -1;
    sb_puts(out, "</div>\n");
    for (size_t i = 0; i < r->n_stages; i++)
        if (put_turned(out, r, i, err))
            return -1;
    sb_puts(out, "</section>\n");
    return 0;
}
