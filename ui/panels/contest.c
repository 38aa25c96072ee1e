/* contest.c - see contest.h */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "panels/compare.h"
#include "panels/contest.h"
#include "panels/panel.h"

enum { RUN_NAME_W = 12, VALUE_W = 6, PASSED_W = 10 };

/* --- who takes part --- */

/* What is laid over may have changed since; one that was laid again may have grown. */
static void look_at_others(struct ui *ui, struct laid laid[INK_RUNS])
{
    for (int i = 0; i < ui->n_overlay; i++) {
        const struct overlay *o = &ui->overlay[i];
        struct laid *l = &laid[i];
        struct vac_eval *v = NULL;
        struct vac_err err = {0};
        size_t n = 0;

        if (!strcmp(l->dir, o->dir) && l->points == o->points.n)
            continue;
        measures_done(&l->measures);
        snprintf(l->dir, sizeof l->dir, "%s", o->dir);
        l->points = o->points.n;
        if (vac_run_evals(o->dir, &v, &n, &err))
            ui_warn(ui, "%s", err.msg);
        for (size_t k = 0; k < n; k++)
            measures_put(&l->measures, &v[k]);
        free(v);
    }
}

/* Measurements of a stage lie together: they are sorted by step. */
static void take_stage(struct contender *c, const struct series *s, const char *stage)
{
    size_t i = 0;

    while (i < s->n && strcmp(s->v[i].e.stage, stage) != 0)
        i++;
    c->v = s->v + i;
    while (i + c->n < s->n && !strcmp(c->v[c->n].e.stage, stage))
        c->n++;
}

/* The stage that was measured last, or at the cursor. */
static void choose_stage(const struct ui *ui, const struct series *s, struct contest *c)
{
    size_t i = s ? s->n : 0;

    c->stage = ui->snap.stage;
    c->start = (double)(ui->snap.step - ui->snap.stage_step);
    while (i > 1 && s->v[i - 1].step > ui->cursor)
        i--;
    if (i > 0) {
        c->stage = s->v[i - 1].e.stage;
        c->start = s->v[i - 1].step - s->v[i - 1].at;
    }
}

/* From the stage's beginning to the end of the longest; zoomed with all other plots. */
static void choose_steps(const struct ui *ui, struct contest *c)
{
    double end = !strcmp(c->stage, ui->snap.stage) ? (double)ui->snap.stage_steps : 0;

    for (int i = 0; i < c->n; i++)
        if (c->run[i].n)
            end = fmax(end, c->run[i].v[c->run[i].n - 1].at);
    c->x0 = 0;
    c->x1 = end > 0 ? end : 1;
    if (ui->to > ui->from && ui->to > c->start && ui->from < c->start + end) {
        c->x0 = fmax(ui->from - c->start, 0);
        c->x1 = ui->to - c->start;
    }
}

bool contest_make(struct ui *ui, struct contest *c, const struct series *s,
                  struct laid laid[INK_RUNS])
{
    look_at_others(ui, laid);
    c->n = 1;
    choose_stage(ui, s, c);
    if (s)
        take_stage(&c->run[0], s, c->stage);
    for (int i = 0; i < ui->n_overlay && i < INK_RUNS; i++) {
        s = measures_find(&laid[i].measures, c->name);
        if (!s || s->rate != c->rate || !compare_is_shown(ui, i))
            continue;
        c->run[c->n] = (struct contender){
            .name = ui->overlay[i].name, .ink = INK_RUN0 + (unsigned)i, .glyph = overlay_glyph(i)};
        take_stage(&c->run[c->n++], s, c->stage);
    }
    choose_steps(ui, c);
    for (int i = 0; i < c->n; i++) {
        int w = text_width(c->run[i].name, strlen(c->run[i].name), ui->utf8);

        c->name_w = w > RUN_NAME_W ? RUN_NAME_W : w > c->name_w ? w : c->name_w;
    }
    return c->n > 1;
}

void contest_forget(struct laid laid[INK_RUNS])
{
    for (int i = 0; i < INK_RUNS; i++) {
        measures_done(&laid[i].measures);
        laid[i].dir[0] = '\0';
    }
}

/* --- drawing --- */

static struct plot_line contender_line(const struct contender *r)
{
    static const struct measured none;
    const struct measured *v = r->n ? r->v : &none;

    return measured_line(v, r->n, &v->at, &v->e.value, r->name, r->ink, r->glyph);
}

static double score(const struct measured *m)
{
    return m->e.value;
}

static double refused(const struct measured *m)
{
    return measured_refused(&m->e.verdicts);
}

/* The step at which a share first came to the other side of one half, between two measurements; NaN
 * = it did not. */
static double passed_half(const struct contender *r, double share(const struct measured *m))
{
    const struct measured *a = NULL;

    for (const struct measured *b = r->v; b < r->v + r->n; b++) {
        if (isnan(share(b)))
            continue;
        if (a && (share(a) > 50) != (share(b) > 50))
            return a->at + (b->at - a->at) * (50 - share(a)) / (share(b) - share(a));
        a = b;
    }
    return NAN;
}

static void passed_text(char *out, size_t size, const struct contender *r, double value, bool brief)
{
    double at = passed_half(r, score), refuses = passed_half(r, refused);
    int n;

    if (isnan(at))
        n = snprintf(out, size, "%s 50%%", value > 50 ? "over" : "under");
    else
        n = snprintf(out, size, brief ? "50%% at %.0f" : "passed 50%% at step %.0f", at);
    if (!brief && !isnan(refuses) && refused(r->v) > 50)
        snprintf(out + n, size - (size_t)n, ", half not refused at %.0f", refuses);
}

/* A row of eight heights over the steps that are shown. */
static void draw_sparkline(const struct view *v, int x, int y, int w, const struct contest *c,
                           const struct contender *r)
{
    struct plot_line line = contender_line(r);

    for (int i = 0; i < w && r->n && c->rate; i++) {
        double at = c->x0 + (c->x1 - c->x0) * i / (w > 1 ? w - 1 : 1);
        double value = plot_value(&line, at, NULL);
        int level = isnan(value) ? -1 : (int)fmin(value * 8 / 100, 7);

        if (level >= 0 && at <= r->v[r->n - 1].at + (c->x1 - c->x0) / w)
            draw_glyph(v, x + i, y, r->ink,
                       v->c->charset == CHARSET_ASCII ? (uint32_t) "_.:-=+*#"[level]
                                                      : 0x2581 + (uint32_t)level);
    }
}

int contest_draw_runs(struct ui *ui, const struct view *v, int y, const struct contest *c,
                      bool small)
{
    int left = 4 + c->name_w + 1;
    int right = small ? v->w - (c->rate ? PASSED_W + 1 : 0) - VALUE_W - 1 : left;
    char text[NUMBER_SIZE], passed[3 * NUMBER_SIZE];

    for (int i = 0; i < c->n && y < v->h; i++, y++) {
        const struct contender *r = &c->run[i];
        struct plot_line line = contender_line(r);
        double value =
            plot_value(&line, isnan(ui->cursor) ? INFINITY : ui->cursor - c->start, NULL);

        struct line to = {.v = v, .y = y};

        if (y + 1 == v->h && i + 1 < c->n) {
            draw_fmt(v, 4, y, INK_FAINT, "... %d more", c->n - i);
            return y + 1;
        }
        draw_glyph(v, 2, y, r->ink | STYLE_BOLD, (unsigned char)r->glyph);
        line_left(&to, 4, left - 1, INK_TEXT, r->name);
        if (small && right - left >= 4)
            draw_sparkline(v, left, y, right - left - 1, c, r);
        measured_text(text, value / (c->rate ? 100 : 1), c->rate);
        if (small)
            to.end = right - 1;
        line_right(&to, right + VALUE_W - 1, r->ink | STYLE_BOLD, text);
        if (c->rate && !isnan(value)) {
            line_put(&to, right + VALUE_W, INK_FAINT, "%");
            passed_text(passed, sizeof passed, r, value, small);
            line_left(&to, right + VALUE_W + 1, v->w, INK_TEXT, passed);
        }
    }
    return y;
}

void contest_draw(struct ui *ui, const struct view *v, const struct contest *c)
{
    struct plot_line line[CONTENDERS];
    char unit[VAC_NAME + 8];
    struct plot p = {.lines = line,
                     .n_lines = c->n,
                     .cursor = ui->cursor - c->start,
                     .y1 = c->rate ? 100 : 0,
                     .level = c->rate ? 50 : NAN,
                     .x0 = c->x0,
                     .x1 = c->x1,
                     .x_unit = unit,
                     .guides = ui->guides};

    snprintf(unit, sizeof unit, "%s step", c->stage);
    for (int i = 0; i < c->n; i++) {
        line[i] = contender_line(&c->run[i]);
        for (size_t k = 0; k < c->run[i].n && !c->rate; k++)
            p.y1 = fmax(p.y1, plot_round_up(c->run[i].v[k].e.value));
    }
    plot_draw(v, &p);
}
