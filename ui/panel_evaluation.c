/* panel_evaluation.c - what is measured on held-out prompts and tasks: value, interval, how it
 * went, stage by stage and category by category. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "ui/panel.h"
#include "ui/reply.h"

enum { CATEGORIES = 64, STAGES = 16, STAGE_NAME = 24 };

/* One measurement. */
struct measured {
    double step, value, lo, hi; /* percent, when it is a rate */
    int64_t count, n;
    char stage[STAGE_NAME];
};
struct category {
    char name[VAC_NAME];
    int64_t count, n;
};
struct series {
    char name[VAC_NAME];
    struct measured *v;
    size_t n, cap;
    struct category category[CATEGORIES];
    int n_categories;
};
struct evaluation {
    struct series series[VAC_MAX_EVALS];
    int n;
    bool loaded;
    struct list list;
};

static struct evaluation *own(struct ui *ui)
{
    return panel_own(ui, PANEL_evaluation);
}

/* --- what was measured --- */

static struct series *series_of(struct evaluation *e, const char *name)
{
    for (int i = 0; i < e->n; i++)
        if (!strncmp(e->series[i].name, name, VAC_NAME - 1))
            return &e->series[i];
    if (e->n == VAC_MAX_EVALS || !*name)
        return NULL;
    snprintf(e->series[e->n].name, VAC_NAME, "%s", name);
    return &e->series[e->n++];
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
        if (s->v[i].step == step && !strcmp(s->v[i].stage, stage))
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

static void take_categories(struct series *s, const cJSON *list)
{
    const cJSON *one;

    if (!cJSON_IsArray(list))
        return;
    s->n_categories = 0;
    cJSON_ArrayForEach(one, list)
    {
        struct category *c = &s->category[s->n_categories];

        if (s->n_categories == CATEGORIES)
            break;
        snprintf(c->name, sizeof c->name, "%s", reply_text(one, "name"));
        c->count = reply_int(one, "count", 0);
        c->n = reply_int(one, "n", 0);
        s->n_categories++;
    }
}

/* A line of eval/history.jsonl, or the body of an event. */
static void take(void *ctx, const cJSON *line)
{
    struct ui *ui = ctx;
    struct series *s = series_of(own(ui), reply_text(line, "name"));
    double scale = s && is_rate(ui, s->name) ? 100 : 1, step = reply_number(line, "step");
    char stage[STAGE_NAME];
    struct measured *m;

    if (!s || isnan(step))
        return;
    snprintf(stage, sizeof stage, "%s", reply_text(line, "stage"));
    m = place(s, step, stage);
    if (!m)
        return;
    *m = (struct measured){.step = step,
                           .value = scale * reply_number(line, "value"),
                           .lo = scale * reply_number(line, "lo"),
                           .hi = scale * reply_number(line, "hi"),
                           .count = reply_int(line, "count", 0),
                           .n = reply_int(line, "n", 0)};
    memcpy(m->stage, stage, sizeof stage);
    take_categories(s, cJSON_GetObjectItemCaseSensitive(line, "categories"));
}

static void event(struct ui *ui, const struct vac_event *e)
{
    cJSON *body = e->kind == VAC_EVENT_EVAL && e->body ? cJSON_Parse(e->body) : NULL;

    if (body)
        take(ui, body);
    cJSON_Delete(body);
}

static void refresh(struct ui *ui)
{
    if (own(ui)->loaded || !*ui->snap.run || ui->snap.n_evals == 0)
        return;
    own(ui)->loaded = true;
    reply_lines(ui_dir(ui), "eval/history.jsonl", take, ui);
}

static void done(struct ui *ui)
{
    for (int i = 0; i < own(ui)->n; i++)
        free(own(ui)->series[i].v);
}

/* --- the table --- */

static unsigned ink_of(int i)
{
    static const unsigned inks[] = {INK_HARM, INK_ALIGN, INK_EPS, INK_DRIFT, INK_GRAD};

    return inks[(size_t)i % (sizeof inks / sizeof *inks)];
}

static char glyph_of(int i)
{
    return "*o+x#%@"[i % 7];
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

static struct plot_line line_of(const struct series *s, const double *y, const char *name,
                                unsigned style, char glyph)
{
    return (struct plot_line){.name = name,
                              .x = &s->v[0].step,
                              .y = y,
                              .n = s->n,
                              .stride = sizeof *s->v,
                              .style = style,
                              .glyph = glyph,
                              .steps = true};
}

/* Rates together; something else (a loss) alone, when it is the selected one. */
static void draw_curves(struct ui *ui, const struct view *v, const char *selected)
{
    struct evaluation *e = own(ui);
    struct plot_line line[LINES];
    struct plot p = {.lines = line,
                     .y0 = NAN,
                     .y1 = NAN,
                     .cursor = ui->cursor,
                     .level = NAN,
                     .x0 = ui->from,
                     .x1 = ui->to,
                     .x_unit = "step",
                     .guides = ui->guides};
    bool rate = is_rate(ui, selected);

    for (int i = 0; i < e->n; i++) {
        const struct series *s = &e->series[i];

        if (s->n && !strcmp(s->name, selected)) {
            line[p.n_lines++] = line_of(s, &s->v[0].lo, "", INK_GHOST, '.');
            line[p.n_lines++] = line_of(s, &s->v[0].hi, "", INK_GHOST, '.');
        }
    }
    for (int i = 0; i < ui->snap.n_evals && p.n_lines < LINES; i++) {
        const char *name = ui->snap.eval[i].name;
        const struct series *s = series_of(e, name);

        if (s && s->n && (rate ? ui->snap.eval[i].is_rate : !strcmp(name, selected)))
            line[p.n_lines++] = line_of(s, &s->v[0].value, name, ink_of(i), glyph_of(i));
    }
    if (rate)
        p.y0 = 0, p.y1 = 100;
    if (p.n_lines)
        plot_draw(v, &p);
}

/* --- by stage and by category --- */

/* Last measurement of each stage, in order, as many as fit: "align 3.2%  attack 41.0%". */
static int draw_stages(struct ui *ui, const struct view *v, int y, const struct series *s)
{
    bool rate = is_rate(ui, s->name);
    int x = draw_text(v, 4, y, INK_FAINT, "by stage ");
    int n = 0;

    for (size_t i = 0; i < s->n; i++) {
        char text[NUMBER_SIZE];

        if (i + 1 < s->n && !strcmp(s->v[i + 1].stage, s->v[i].stage))
            continue;
        value_text(text, s->v[i].value / (rate ? 100 : 1), rate);
        if (n++ == STAGES || x + (int)strlen(s->v[i].stage) + (int)strlen(text) + 3 > v->w)
            break;
        x = draw_text(v, x + 1, y, INK_TEXT, s->v[i].stage);
        x = draw_text(v, x + 1, y, INK_STRONG, text);
        x = draw_text(v, x, y, INK_FAINT, rate ? "% " : " ");
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

static int draw_categories(const struct view *v, int y, const struct series *s, unsigned ink,
                           int rows)
{
    if (s->n_categories == 0 || rows < 2)
        return y;
    draw_fmt(v, 4, y++, INK_FAINT, "%s by category", s->name);
    rows--;
    for (int i = 0; i < s->n_categories && rows > 0; i++, rows--) {
        if (rows == 1 && i + 1 < s->n_categories)
            draw_fmt(v, 4, y++, INK_FAINT, "... %d more", s->n_categories - i);
        else
            draw_category(v, y++, &s->category[i], ink);
    }
    return y;
}

static void draw_nothing(const struct ui *ui, const struct view *v)
{
    draw_flow(v, 1, 0, v->w - 2, INK_FAINT,
              *ui->snap.run ? "This run measures nothing: its file has no \"evaluate\" list."
                            : "No run is open.",
              0);
}

static void draw(struct ui *ui, const struct view *v)
{
    struct evaluation *e = own(ui);
    int n = ui->snap.n_evals < VAC_MAX_EVALS ? ui->snap.n_evals : VAC_MAX_EVALS, rows, y;
    const struct series *s;
    struct view below;

    if (n == 0) {
        draw_nothing(ui, v);
        return;
    }
    rows = v->h - 1 < n ? v->h - 1 : n;
    if (v->h > 6 && rows > v->h / 2)
        rows = v->h / 2;
    list_show(&e->list, n, rows);
    draw_head(v);
    for (int i = 0; i < rows; i++)
        draw_eval(ui, v, e->list.top + i, 1 + i, e->list.top + i == e->list.selected);
    list_draw_scroll(&e->list, v, 1);
    s = series_of(e, ui->snap.eval[e->list.selected].name);
    y = 1 + rows;
    if (!s || s->n == 0 || y >= v->h)
        return;
    y = draw_stages(ui, v, y, s);
    y = draw_categories(v, y, s, ink_of(e->list.selected), (v->h - y) / 2);
    below = view_part(v, 0, y, v->w, v->h - y);
    if (below.h >= 5)
        draw_curves(ui, &below, s->name);
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
    struct evaluation *e = own(ui);

    fprintf(out, "name,stage,step,value,lo,hi,count,n\n");
    for (int i = 0; i < e->n; i++) {
        const struct series *s = &e->series[i];
        double scale = is_rate(ui, s->name) ? 100 : 1;

        for (size_t k = 0; k < s->n; k++) {
            fprintf(out, "%s,%s,%.0f", s->name, s->v[k].stage, s->v[k].step);
            csv_number(out, s->v[k].value / scale);
            csv_number(out, s->v[k].lo / scale);
            csv_number(out, s->v[k].hi / scale);
            fprintf(out, ",%lld,%lld\n", (long long)s->v[k].count, (long long)s->v[k].n);
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
    .refresh = refresh,
    .done = done,
    .click = click,
    .readout = readout,
    .csv = csv,
};
