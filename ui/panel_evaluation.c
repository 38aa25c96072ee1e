/* panel_evaluation.c - what is measured on held-out prompts and tasks: value, interval, how it
 * went, stage by stage and category by category.
 *
 * With other runs laid over, the selected measure of all of them over one stage, each from that
 * stage's beginning: runs that were aligned for longer or shorter can be compared under attack. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "ui/panel.h"
#include "ui/reply.h"

enum { CATEGORIES = 64, STAGES = 16 };

/* One measurement; its value and interval are in percent when it is a rate. */
struct measured {
    double step, at; /* of the run; of its stage */
    struct vac_run_eval e;
};
struct series {
    char name[VAC_NAME];
    bool rate;
    struct measured *v;
    size_t n, cap;
};
struct history_of {
    struct series series[VAC_MAX_EVALS];
    int n;
};
struct category {
    char name[VAC_NAME];
    int64_t count, n;
};
struct categories {
    struct category v[CATEGORIES];
    int n;
};
/* Another run that is laid over the curves. */
struct laid {
    char dir[VAC_PATH];
    size_t points; /* its length when it was read */
    struct history_of history;
};
struct evaluation {
    struct history_of history;
    struct categories categories[VAC_MAX_EVALS]; /* newest of each series */
    struct laid laid[INK_RUNS];
    struct list list;
    bool chosen; /* the list has its first selection */
};

static struct evaluation *own(struct ui *ui)
{
    return panel_own(ui, PANEL_evaluation);
}

/* --- what was measured --- */

static struct series *find_series(struct history_of *h, const char *name)
{
    for (int i = 0; i < h->n; i++)
        if (!strncmp(h->series[i].name, name, VAC_NAME - 1))
            return &h->series[i];
    return NULL;
}

static struct series *series_of(struct history_of *h, const char *name)
{
    struct series *s = find_series(h, name);

    if (s || h->n == VAC_MAX_EVALS || !*name)
        return s;
    s = &h->series[h->n++];
    snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

static void history_free(struct history_of *h)
{
    for (int i = 0; i < h->n; i++)
        free(h->series[i].v);
    *h = (struct history_of){.n = 0};
}

static bool is_rate(const struct ui *ui, const char *name)
{
    for (int i = 0; i < ui->snap.n_evals && i < VAC_MAX_EVALS; i++)
        if (!strncmp(ui->snap.eval[i].name, name, VAC_NAME - 1))
            return ui->snap.eval[i].is_rate;
    return true;
}

/* Where a measurement belongs: in order of steps; the one of the same step and stage is replaced.
 */
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

static void take_categories(struct categories *s, const cJSON *list)
{
    const cJSON *one;

    if (!cJSON_IsArray(list))
        return;
    s->n = 0;
    cJSON_ArrayForEach(one, list)
    {
        struct category *c = &s->v[s->n];

        if (s->n == CATEGORIES)
            break;
        snprintf(c->name, sizeof c->name, "%s", reply_text(one, "name"));
        c->count = reply_int(one, "count", 0);
        c->n = reply_int(one, "n", 0);
        s->n++;
    }
}

/* The series that it belongs to; NULL when there is no room for it. */
static struct series *put(struct history_of *h, const struct vac_run_eval *e)
{
    struct series *s = series_of(h, e->name);
    struct measured *m = s ? place(s, (double)e->step, e->stage) : NULL;
    double scale = e->is_rate ? 100 : 1;

    if (!m)
        return NULL;
    s->rate = e->is_rate;
    *m = (struct measured){.step = (double)e->step, .at = (double)e->stage_step, .e = *e};
    m->e.value *= scale;
    m->e.lo *= scale;
    m->e.hi *= scale;
    return s;
}

/* The body of an event; one that was read from a file tells whether it is a rate. */
static void take(struct ui *ui, const cJSON *line)
{
    struct evaluation *all = own(ui);
    const cJSON *rate = cJSON_GetObjectItemCaseSensitive(line, "rate");
    struct vac_run_eval e = {.step = reply_int(line, "step", -1),
                             .value = reply_number(line, "value"),
                             .lo = reply_number(line, "lo"),
                             .hi = reply_number(line, "hi"),
                             .count = reply_int(line, "count", 0),
                             .n = reply_int(line, "n", 0)};
    struct series *s;

    snprintf(e.name, sizeof e.name, "%s", reply_text(line, "name"));
    snprintf(e.stage, sizeof e.stage, "%s", reply_text(line, "stage"));
    e.stage_step = reply_int(line, "stage_step", e.step);
    e.is_rate = cJSON_IsBool(rate) ? cJSON_IsTrue(rate) : is_rate(ui, e.name);
    s = e.step >= 0 ? put(&all->history, &e) : NULL;
    if (s)
        take_categories(&all->categories[s - all->history.series],
                        cJSON_GetObjectItemCaseSensitive(line, "categories"));
}

static void event(struct ui *ui, const struct vac_event *e)
{
    cJSON *body = e->kind == VAC_EVENT_EVAL && e->body ? cJSON_Parse(e->body) : NULL;

    if (body)
        take(ui, body);
    cJSON_Delete(body);
}

static void done(struct ui *ui)
{
    struct evaluation *e = own(ui);

    history_free(&e->history);
    for (int i = 0; i < INK_RUNS; i++)
        history_free(&e->laid[i].history);
}

/* --- other runs --- */

/* What is laid over may have changed since; one that was laid again may have grown. */
static void look_at_others(struct ui *ui)
{
    for (int i = 0; i < ui->n_overlay; i++) {
        const struct overlay *o = &ui->overlay[i];
        struct laid *l = &own(ui)->laid[i];
        struct vac_run_eval *v = NULL;
        struct vac_err err = {0};
        size_t n = 0;

        if (!strcmp(l->dir, o->dir) && l->points == o->points.n)
            continue;
        history_free(&l->history);
        snprintf(l->dir, sizeof l->dir, "%s", o->dir);
        l->points = o->points.n;
        if (vac_run_evals(o->dir, &v, &n, &err))
            ui_warn(ui, "%s", err.msg);
        for (size_t k = 0; k < n; k++)
            put(&l->history, &v[k]);
        free(v);
    }
}

/* --- the table --- */

static unsigned ink_of(int i)
{
    static const unsigned inks[] = {INK_HARM, INK_ALIGN, INK_EPS, INK_DRIFT, INK_GRAD};

    return inks[(size_t)i % (sizeof inks / sizeof *inks)];
}

static char glyph_of(int i)
{
    return "*o+x=~^"[i % 7]; /* none that another run has */
}

static const char *value_text(char out[NUMBER_SIZE], double x, bool rate)
{
    if (rate && !isnan(x))
        snprintf(out, NUMBER_SIZE, "%.1f", 100 * x);
    else
        number_text(out, x, 3);
    return out;
}

static void interval_text(char *out, size_t size, const struct vac_eval *e)
{
    char lo[NUMBER_SIZE], hi[NUMBER_SIZE];

    out[0] = '\0';
    if (e->step >= 0 && !isnan(e->lo) && !isnan(e->hi))
        snprintf(out, size, "[%s, %s]", value_text(lo, e->lo, e->is_rate),
                 value_text(hi, e->hi, e->is_rate));
}

enum {
    NAME_W = 12,
    VALUE_END = 22,
    INTERVAL_X = 24,
    COUNT_END = 48,
    STEP_END = 56,
    INTERVAL_W = 36,
    COUNT_W = COUNT_END
};

static void draw_head(const struct view *v)
{
    draw_text(v, 4, 0, INK_FAINT, "name");
    draw_right(v, VALUE_END, 0, INK_FAINT, "value");
    if (v->w > COUNT_W)
        draw_text(v, INTERVAL_X, 0, INK_FAINT, "95% interval");
    else if (v->w > INTERVAL_W)
        draw_text(v, INTERVAL_X, 0, INK_FAINT, "95%");
    if (v->w > COUNT_W)
        draw_right(v, COUNT_END, 0, INK_FAINT, "count/n");
    if (v->w > STEP_END)
        draw_right(v, STEP_END, 0, INK_FAINT, "step");
}

static void draw_eval(struct ui *ui, const struct view *v, int i, int y, bool selected)
{
    const struct vac_eval *e = &ui->snap.eval[i];
    char text[80];

    if (selected)
        draw_glyph(v, 0, y, INK_FOCUS, sign(v->c, SIGN_SELECTED));
    draw_glyph(v, 2, y, ink_of(i), (unsigned char)glyph_of(i));
    draw_cut(v, 4, y, NAME_W, selected ? INK_TEXT | STYLE_BOLD : INK_TEXT, e->name);
    if (e->step < 0)
        draw_text(v, VALUE_END - 1, y, INK_FAINT, "-");
    else
        draw_text(v,
                  draw_right(v, VALUE_END - e->is_rate, y, INK_STRONG,
                             value_text(text, e->value, e->is_rate)),
                  y, INK_FAINT, e->is_rate ? "%" : "");
    interval_text(text, sizeof text, e);
    if (INTERVAL_X + (int)strlen(text) <= v->w) /* half a number would be another number */
        draw_text(v, INTERVAL_X, y, INK_TEXT, text);
    if (e->done > 0) {
        snprintf(text, sizeof text, "%lld ...", (long long)e->done);
        draw_right(v, v->w > COUNT_W ? COUNT_END : v->w - 1, y, INK_EPS, text);
        return;
    }
    if (e->step < 0)
        return;
    snprintf(text, sizeof text, "%lld/%lld", (long long)e->count, (long long)e->n);
    if (v->w > COUNT_W)
        draw_right(v, COUNT_END, y, INK_TEXT, text);
    snprintf(text, sizeof text, "%lld", (long long)e->step);
    if (v->w > STEP_END)
        draw_right(v, STEP_END, y, INK_FAINT, text);
}

/* --- the curve --- */

enum { LINES = VAC_MAX_EVALS + 2 };

/* Over the steps of the run, or of a stage. */
static struct plot_line line_of(const struct measured *v, size_t n, const double *x,
                                const double *y, const char *name, unsigned style, char glyph)
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

/* Rates together; something else (a loss) alone, when it is the selected one. */
static void draw_curves(struct ui *ui, const struct view *v, const struct series *selected)
{
    const struct measured *m = selected->v;
    struct plot_line line[LINES];
    struct plot p = {.lines = line,
                     .n_lines = 2,
                     .y0 = selected->rate ? 0 : NAN,
                     .y1 = selected->rate ? 100 : NAN,
                     .cursor = ui->cursor,
                     .level = NAN,
                     .x0 = ui->from,
                     .x1 = ui->to,
                     .x_unit = "step",
                     .guides = ui->guides};

    line[0] = line_of(m, selected->n, &m->step, &m->e.lo, "", INK_GHOST, '.');
    line[1] = line_of(m, selected->n, &m->step, &m->e.hi, "", INK_GHOST, '.');
    for (int i = 0; i < ui->snap.n_evals && p.n_lines < LINES; i++) {
        const char *name = ui->snap.eval[i].name;
        const struct series *s = find_series(&own(ui)->history, name);

        if (s && s->n && (selected->rate ? s->rate : s == selected))
            line[p.n_lines++] =
                line_of(s->v, s->n, &s->v->step, &s->v->e.value, name, ink_of(i), glyph_of(i));
    }
    plot_draw(v, &p);
}

/* --- by stage and by category --- */

/* Last measurement of each stage, in order, as many as fit: "align 3.2%  attack 41.0%". */
static int draw_stages(const struct view *v, int y, const struct series *s)
{
    int x = draw_text(v, 4, y, INK_FAINT, "by stage ");
    int n = 0;

    for (size_t i = 0; i < s->n; i++) {
        char text[NUMBER_SIZE];

        if (i + 1 < s->n && !strcmp(s->v[i + 1].e.stage, s->v[i].e.stage))
            continue;
        value_text(text, s->v[i].e.value / (s->rate ? 100 : 1), s->rate);
        if (n++ == STAGES || x + (int)strlen(s->v[i].e.stage) + (int)strlen(text) + 3 > v->w)
            break;
        x = draw_text(v, x + 1, y, INK_TEXT, s->v[i].e.stage);
        x = draw_text(v, x + 1, y, INK_STRONG, text);
        x = draw_text(v, x, y, INK_FAINT, s->rate ? "% " : " ");
    }
    return y + 1;
}

static void draw_category(const struct view *v, int y, const struct category *c, unsigned ink)
{
    double part = c->n > 0 ? (double)c->count / (double)c->n : NAN;
    char text[64];

    draw_cut(v, 4, y, 24, INK_TEXT, c->name);
    if (c->n <= 0)
        return;
    snprintf(text, sizeof text, "%.1f", 100 * part);
    draw_text(v, draw_right(v, 36, y, INK_STRONG, text), y, INK_FAINT, "%");
    snprintf(text, sizeof text, "%lld/%lld", (long long)c->count, (long long)c->n);
    draw_right(v, 48, y, INK_TEXT, text);
    draw_bar(v, 50, y, v->w - 51, part, ink);
}

static int draw_categories(struct ui *ui, const struct view *v, int y, const struct series *s,
                           unsigned ink, int rows)
{
    const struct categories *c = &own(ui)->categories[s - own(ui)->history.series];

    if (c->n == 0 || rows < 2)
        return y;
    draw_fmt(v, 4, y++, INK_FAINT, "%s by category", s->name);
    rows--;
    for (int i = 0; i < c->n && rows > 0; i++, rows--) {
        if (rows == 1 && i + 1 < c->n)
            draw_fmt(v, 4, y++, INK_FAINT, "... %d more", c->n - i);
        else
            draw_category(v, y++, &c->v[i], ink);
    }
    return y;
}

/* --- beside other runs --- */

enum { MOST_RUNS = 1 + INK_RUNS, RUN_NAME_W = 12, VALUE_W = 6, PASSED_W = 10 };

/* A run's measurements in one stage. */
struct contender {
    const char *name;
    const struct measured *v;
    size_t n;
    unsigned ink;
    char glyph;
};
struct contest {
    struct contender run[MOST_RUNS]; /* this run first */
    int n;
    bool rate;
    int name_w; /* of the longest name */
    const char *name, *stage;
    double start;  /* the step at which this run's stage begins */
    double x0, x1; /* steps of the stage that are shown */
};

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

/* False when no other run has measured it. */
static bool contest_of(struct ui *ui, int selected, struct contest *c)
{
    static const char glyphs[INK_RUNS] = {'#', '@', '%', '&'}; /* as in panel_loss.c */
    const char *name = ui->snap.eval[selected].name;
    struct evaluation *e = own(ui);
    const struct series *s = find_series(&e->history, name);

    look_at_others(ui);
    *c = (struct contest){.n = 1, .rate = is_rate(ui, name), .name = name};
    choose_stage(ui, s, c);
    c->run[0] = (struct contender){
        .name = ui->snap.run, .ink = ink_of(selected), .glyph = glyph_of(selected)};
    if (s)
        take_stage(&c->run[0], s, c->stage);
    for (int i = 0; i < ui->n_overlay && i < INK_RUNS; i++) {
        s = find_series(&e->laid[i].history, name);
        if (!s || s->rate != c->rate)
            continue;
        c->run[c->n] = (struct contender){
            .name = ui->overlay[i].name, .ink = INK_RUN0 + (unsigned)i, .glyph = glyphs[i]};
        take_stage(&c->run[c->n++], s, c->stage);
    }
    choose_steps(ui, c);
    for (int i = 0; i < c->n; i++) {
        int w = text_width(c->run[i].name, strlen(c->run[i].name), ui->utf8);

        c->name_w = w > RUN_NAME_W ? RUN_NAME_W : w > c->name_w ? w : c->name_w;
    }
    return c->n > 1;
}

static struct plot_line contender_line(const struct contender *r)
{
    static const struct measured none;
    const struct measured *v = r->n ? r->v : &none;

    return line_of(v, r->n, &v->at, &v->e.value, r->name, r->ink, r->glyph);
}

/* The step at which it first came to the other side of one half, between two measurements; NaN =
 * it did not. */
static double passed_half(const struct contender *r)
{
    const struct measured *a = NULL;

    for (const struct measured *b = r->v; b < r->v + r->n; b++) {
        if (isnan(b->e.value))
            continue;
        if (a && (a->e.value > 50) != (b->e.value > 50))
            return a->at + (b->at - a->at) * (50 - a->e.value) / (b->e.value - a->e.value);
        a = b;
    }
    return NAN;
}

static void passed_text(char out[NUMBER_SIZE], const struct contender *r, double value, bool brief)
{
    double at = passed_half(r);

    if (isnan(at))
        snprintf(out, NUMBER_SIZE, "%s 50%%", value > 50 ? "over" : "under");
    else
        snprintf(out, NUMBER_SIZE, brief ? "50%% at %.0f" : "passed 50%% at step %.0f", at);
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

/* A row for each run: its sign in the picture, its value, where it passed one half. */
static int draw_runs(struct ui *ui, const struct view *v, int y, const struct contest *c,
                     bool small)
{
    bool glyphs = ui->colors == 0 || v->c->charset == CHARSET_ASCII || small;
    int left = 4 + c->name_w + 1;
    int right = small ? v->w - (c->rate ? PASSED_W + 1 : 0) - VALUE_W - 1 : left;
    char text[NUMBER_SIZE];

    for (int i = 0; i < c->n && y < v->h; i++, y++) {
        const struct contender *r = &c->run[i];
        struct plot_line line = contender_line(r);
        double value =
            plot_value(&line, isnan(ui->cursor) ? INFINITY : ui->cursor - c->start, NULL);

        draw_glyph(v, 2, y, r->ink | STYLE_BOLD, glyphs ? (unsigned char)r->glyph : 0x2501);
        draw_cut(v, 4, y, left - 5, INK_TEXT, r->name);
        if (small && right - left >= 4)
            draw_sparkline(v, left, y, right - left - 1, c, r);
        value_text(text, value / (c->rate ? 100 : 1), c->rate);
        draw_text(v, draw_right(v, right + VALUE_W - 1, y, r->ink | STYLE_BOLD, text), y, INK_FAINT,
                  c->rate && !isnan(value) ? "%" : "");
        if (c->rate && !isnan(value)) {
            passed_text(text, r, value, small);
            draw_text(v, right + VALUE_W + 1, y, INK_TEXT, text);
        }
    }
    return y;
}

/* Without colours the curves are told apart by their signs. The picture is that of plot_draw: its
 * axis has two rows, its range of y is as given. */
static void draw_signs(const struct view *v, const struct plot *p, const struct contest *c)
{
    int rows = v->h - 2, left = 0;

    while (left < v->w && isnan(plot_at(p, v->w, v->h, left)))
        left++;
    for (int i = c->n - 1; i >= 0; i--)
        for (size_t k = 0; k < c->run[i].n; k++) {
            const struct measured *m = &c->run[i].v[k];
            double x = (m->at - p->x0) / (p->x1 - p->x0);
            double y = (m->e.value - p->y0) / (p->y1 - p->y0);

            if (x >= 0 && x <= 1 && y >= 0 && y <= 1)
                draw_glyph(v, left + (int)lround(x * (v->w - left - 1)),
                           (int)lround((1 - y) * (rows - 1)), c->run[i].ink,
                           (unsigned char)c->run[i].glyph);
        }
}

static void draw_contest(struct ui *ui, const struct view *v, const struct contest *c)
{
    struct plot_line line[MOST_RUNS];
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
    if (ui->colors == 0 && v->c->charset != CHARSET_ASCII)
        draw_signs(v, &p, c);
}

static void draw_nothing(const struct ui *ui, const struct view *v)
{
    draw_flow(v, 1, 0, v->w - 2, INK_FAINT,
              *ui->snap.run ? "This run measures nothing: its file has no \"evaluate\" list."
                            : "No run is open.",
              0);
}

enum { PLOT_H = 5, ROOMY_PLOT_H = 12 }; /* the least with axes, and what is worth a sacrifice */

/* Below the table, from row y on; returns where the picture begins. */
static int draw_beside(struct ui *ui, const struct view *v, int y, const struct contest *c,
                       const struct series *s)
{
    int left = v->h - y - c->n;
    bool small = left < PLOT_H;

    if (s && s->n && (small ? left > 0 : left >= PLOT_H + 3))
        y = draw_stages(v, y, s);
    y = draw_runs(ui, v, y, c, small);
    if (s && s->n && !small)
        y = draw_categories(ui, v, y, s, c->run[0].ink, v->h - y - ROOMY_PLOT_H);
    return y;
}

/* The harmful score is what one looks for first, wherever the run file has it. */
static int selected_of(struct ui *ui)
{
    struct evaluation *e = own(ui);
    int n = ui->snap.n_evals < VAC_MAX_EVALS ? ui->snap.n_evals : VAC_MAX_EVALS;

    for (int i = 0; i < n && !e->chosen; i++)
        if (!strcmp(ui->snap.eval[i].name, "HS"))
            e->list.selected = i;
    e->chosen |= n > 0;
    return e->list.selected < n ? e->list.selected : n - 1;
}

static void draw(struct ui *ui, const struct view *v)
{
    struct evaluation *e = own(ui);
    int n = ui->snap.n_evals < VAC_MAX_EVALS ? ui->snap.n_evals : VAC_MAX_EVALS, rows, y;
    const struct series *s;
    struct view below;
    struct contest c;
    bool beside;

    if (n == 0) {
        draw_nothing(ui, v);
        return;
    }
    beside = contest_of(ui, selected_of(ui), &c);
    rows = v->h - 1 - (beside ? c.n : 0);
    rows = rows > n ? n : rows > 1 ? rows : 1;
    if (v->h > 6 && rows > v->h / 2)
        rows = v->h / 2;
    list_show(&e->list, n, rows);
    draw_head(v);
    for (int i = 0; i < rows; i++)
        draw_eval(ui, v, e->list.top + i, 1 + i, e->list.top + i == e->list.selected);
    list_draw_scroll(&e->list, v, 1);
    s = find_series(&e->history, ui->snap.eval[e->list.selected].name);
    y = 1 + rows;
    if (y >= v->h || (!beside && (!s || s->n == 0)))
        return;
    if (beside) {
        y = draw_beside(ui, v, y, &c, s);
    } else {
        y = draw_stages(v, y, s);
        y = draw_categories(ui, v, y, s, ink_of(e->list.selected), (v->h - y) / 2);
    }
    below = view_part(v, 0, y, v->w, v->h - y);
    if (below.h >= PLOT_H && beside)
        draw_contest(ui, &below, &c);
    else if (below.h >= PLOT_H)
        draw_curves(ui, &below, s);
}

/* --- the rest --- */

static unsigned act(struct ui *ui, enum action a)
{
    return list_act(&own(ui)->list, a);
}

static void click(struct ui *ui, int x, int y, int w, int h)
{
    (void)x;
    (void)w;
    (void)h;
    list_click(&own(ui)->list, y - 1);
}

static void notes(struct ui *ui, char *out, size_t size)
{
    struct contest c;

    if (ui->snap.n_evals > 0 && contest_of(ui, selected_of(ui), &c))
        snprintf(out, size, "%s, %s", c.name, c.stage);
    for (int i = 0; i < ui->snap.n_evals && i < VAC_MAX_EVALS; i++)
        if (ui->snap.eval[i].done > 0)
            snprintf(out, size, "measuring %s", ui->snap.eval[i].name);
}

static void readout(struct ui *ui, FILE *out)
{
    for (int i = 0; i < ui->snap.n_evals && i < VAC_MAX_EVALS; i++) {
        const struct vac_eval *e = &ui->snap.eval[i];
        char value[NUMBER_SIZE], interval[80];

        if (e->step < 0)
            continue;
        interval_text(interval, sizeof interval, e);
        fprintf(out, "%s %s%s %s n=%lld at step %lld\n", e->name,
                value_text(value, e->value, e->is_rate), e->is_rate ? "%" : "", interval,
                (long long)e->n, (long long)e->step);
    }
}

static void csv_number(FILE *out, double x)
{
    if (isnan(x))
        fputc(',', out);
    else
        fprintf(out, ",%.17g", x);
}

static void csv(struct ui *ui, FILE *out)
{
    const struct history_of *h = &own(ui)->history;

    fprintf(out, "name,stage,step,value,lo,hi,count,n\n");
    for (int i = 0; i < h->n; i++) {
        const struct series *s = &h->series[i];
        double scale = s->rate ? 100 : 1;

        for (size_t k = 0; k < s->n; k++) {
            fprintf(out, "%s,%s,%.0f", s->name, s->v[k].e.stage, s->v[k].step);
            csv_number(out, s->v[k].e.value / scale);
            csv_number(out, s->v[k].e.lo / scale);
            csv_number(out, s->v[k].e.hi / scale);
            fprintf(out, ",%lld,%lld\n", (long long)s->v[k].e.count, (long long)s->v[k].e.n);
        }
    }
}

const struct panel panel_evaluation = {
    .name = "evaluation",
    .title = "Evaluation",
    .about = "harmful score, accuracy and other measures, with intervals, by stage and category",
    .hints = "E measure now",
    .min_w = 30,
    .min_h = 3,
    .own = sizeof(struct evaluation),
    .notes = notes,
    .draw = draw,
    .act = act,
    .event = event,
    .done = done,
    .click = click,
    .readout = readout,
    .csv = csv,
};
