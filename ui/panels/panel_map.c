/* panel_map.c - the picture of embedding drift: the watched prompts at one layer, on the two
 * directions in which the reference varies most; where they were and where they are now, joined. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/look.h"
#include "panels/panel.h"
#include "term/raster.h"

enum { POINTS = 4096 };

struct map {
    struct vac_spot *v;
    int n;
    int layer; /* of the points */
    int64_t step;
    double explained[2];
    uint64_t asked;     /* id; 0 = no question is open */
    int asked_layer;    /* of the last question */
    int64_t asked_step; /* when drift was last measured then */
    unsigned looks;     /* ... and of which saved weights */
    bool once;          /* something was asked */
    char why[256];      /* why there is none */
};

static struct map *own(struct ui *ui)
{
    return panel_own(ui, PANEL_map);
}

/* --- asking --- */

static void refresh(struct ui *ui)
{
    struct map *m = own(ui);

    if (m->looks != ui->looks) {
        m->looks = ui->looks;
        m->asked = 0;
        m->once = false;
        m->why[0] = '\0';
    }
    if (ui->focus == PANEL_map && !ui_answers(ui))
        look_want(ui);
    if (!ui_answers(ui) || m->asked || ui->freeze)
        return;
    if (m->once && m->asked_layer == ui->layer && m->asked_step == ui->snap.drift_step)
        return;
    if (ui->snap.drift_step < 0 && !ui->look) /* nothing is watched (yet) */
        return;
    m->once = true;
    m->asked_layer = ui->layer;
    m->asked_step = ui->snap.drift_step;
    m->asked = ui_send(ui, VAC_OP_MAP, ui->layer, NULL, NULL);
}

static bool waits(struct ui *ui)
{
    return ui->look_wanted || (own(ui)->asked && ui_answers(ui));
}

static double tame(double x)
{
    return fabs(x) < 1e30 ? x : 0;
}

static void take(struct map *m, const struct vac_event *e)
{
    size_t n = e->map.n < POINTS ? e->map.n : POINTS;

    free(m->v);
    m->v = n > 0 ? calloc(n, sizeof *m->v) : NULL;
    m->n = m->v ? (int)n : 0;
    m->layer = e->map.layer;
    m->step = e->step;
    memcpy(m->explained, e->map.explained, sizeof m->explained);
    for (int i = 0; i < m->n; i++) {
        const struct vac_spot *p = &e->map.v[i];

        m->v[i] = (struct vac_spot){tame(p->x), tame(p->y), tame(p->rx), tame(p->ry)};
    }
}

static void event(struct ui *ui, const struct vac_event *e)
{
    struct map *m = own(ui);

    if (!m->asked || e->id != m->asked)
        return;
    if (e->kind == VAC_EVENT_MAP) {
        take(m, e);
        m->why[0] = '\0';
    } else if (e->kind == VAC_EVENT_REJECTED) {
        snprintf(m->why, sizeof m->why, "%s", e->text);
    }
    if (e->kind != VAC_EVENT_JOURNAL)
        m->asked = 0;
}

static void done(struct ui *ui)
{
    free(own(ui)->v);
}

/* --- drawing --- */

struct frame {
    double x0, x1, y0, y1;
};

static void widen(double *lo, double *hi, double x)
{
    *lo = fmin(*lo, x);
    *hi = fmax(*hi, x);
}

/* A little room around; never of no size. */
static void pad(double *lo, double *hi)
{
    double room = (*hi - *lo) * 0.06;

    if (!(room > 0))
        room = fmax(fabs(*hi), 1) * 0.5;
    *lo -= room;
    *hi += room;
}

static struct frame frame_of(const struct map *m)
{
    struct frame f = {INFINITY, -INFINITY, INFINITY, -INFINITY};

    for (int i = 0; i < m->n; i++) {
        widen(&f.x0, &f.x1, m->v[i].x);
        widen(&f.x0, &f.x1, m->v[i].rx);
        widen(&f.y0, &f.y1, m->v[i].y);
        widen(&f.y0, &f.y1, m->v[i].ry);
    }
    pad(&f.x0, &f.x1);
    pad(&f.y0, &f.y1);
    return f;
}

static int across(double x, double lo, double hi, int n)
{
    int at = (int)((x - lo) / (hi - lo) * n);

    return at < 0 ? 0 : at >= n ? n - 1 : at;
}

/* Ways from then to now. */
static void draw_ways(const struct map *m, const struct view *v, struct frame f)
{
    struct raster r;

    if (raster_init(&r, v, v->w, v->h))
        return;
    for (int i = 0; i < m->n; i++) {
        const struct vac_spot *p = &m->v[i];

        raster_line(&r, across(p->rx, f.x0, f.x1, r.w), across(p->ry, f.y0, f.y1, r.h),
                    across(p->x, f.x0, f.x1, r.w), across(p->y, f.y0, f.y1, r.h), INK_GHOST, '.');
    }
    raster_draw(&r, v, 0, 0);
    raster_done(&r);
}

static void draw_ends(const struct map *m, const struct view *v, struct frame f, bool now)
{
    uint32_t glyph = sign(v->c, now ? SIGN_MARK : SIGN_OPEN);

    for (int i = 0; i < m->n; i++) {
        double x = now ? m->v[i].x : m->v[i].rx, y = now ? m->v[i].y : m->v[i].ry;

        draw_glyph(v, across(x, f.x0, f.x1, v->w), v->h - 1 - across(y, f.y0, f.y1, v->h),
                   now ? INK_DRIFT | STYLE_BOLD : INK_GHOST, glyph);
    }
}

/* Mean distance moved, in the units of the axes. */
static double moved(const struct map *m)
{
    double sum = 0;

    for (int i = 0; i < m->n; i++)
        sum += hypot(m->v[i].x - m->v[i].rx, m->v[i].y - m->v[i].ry);
    return m->n ? sum / m->n : NAN;
}

static void draw_legend(const struct map *m, const struct view *v, int y)
{
    char text[NUMBER_SIZE];
    int x = 1;

    draw_glyph(v, x, y, INK_GHOST, sign(v->c, SIGN_OPEN));
    x = draw_text(v, x + 2, y, INK_FAINT, "reference") + 2;
    draw_glyph(v, x, y, INK_DRIFT | STYLE_BOLD, sign(v->c, SIGN_MARK));
    x = draw_fmt(v, x + 2, y, INK_TEXT, "step %lld", (long long)m->step) + 2;
    if (x + 20 < v->w)
        x = draw_fmt(v, x, y, INK_FAINT, "moved %s on average", number_text(text, moved(m), 3)) + 2;
    if (x + 11 < v->w)
        draw_text(v, x, y, INK_FAINT, number_of(text, m->n, "prompts"));
}

/* The axis: a line below, with the ends' numbers and how much of the variance each explains. */
static struct view draw_axes(const struct map *m, const struct view *v, struct frame f)
{
    char a[NUMBER_SIZE], b[NUMBER_SIZE], part[2][NUMBER_SIZE];
    int bottom = v->h - 2, x;

    for (int i = 0; i < 2; i++)
        number_percent(part[i], m->explained[i]);
    draw_hline(v, 0, bottom, v->w, INK_FRAME);
    x = draw_fmt(v, 1, 0, INK_FAINT, "PC2 %s", part[1]);
    draw_fmt(v, x + 2, 0, INK_FAINT, "%s .. %s", number_text(a, f.y0, 3), number_text(b, f.y1, 3));
    draw_fmt(v, 1, bottom, INK_FAINT, " %s ", number_text(a, f.x0, 3));
    snprintf(a, sizeof a, " %s ", number_text(b, f.x1, 3));
    draw_right(v, v->w - 1, bottom, INK_FAINT, a);
    snprintf(a, sizeof a, " PC1 %.20s ", part[0]);
    draw_text(v, (v->w - (int)strlen(a)) / 2, bottom, INK_FAINT, a);
    return view_part(v, 1, 1, v->w - 2, bottom - 1);
}

static const char *nothing(struct ui *ui)
{
    const struct map *m = own(ui);

    if (*m->why)
        return m->why;
    if (m->asked)
        return ui->look ? "Asked: comes in a moment." : "Asked: comes between two steps.";
    if (ui->session && ui->snap.state == VAC_LOADING)
        return "The stage has not begun.";
    if (!ui_answers(ui))
        return !*ui->snap.run ? "No run is open."
               : look_can(ui)
                   ? "4 draws it from the weights that the run has saved; @ chooses which."
               : ui->session ? "The stage has not begun."
                             : "Needs the live weights: this run is only looked at.";
    if (ui->snap.drift_step >= 0)
        return "Nothing yet.";
    return ui_layer_row(ui, INFINITY, METRIC_drift_rel) >= 0
               ? "Comes with the next measurement: the last was made before the run was resumed."
               : "Drift has not been measured yet. It needs \"watch\": "
                 "{\"drift\": {\"file\": ...}} in the run file.";
}

static void draw(struct ui *ui, const struct view *v)
{
    const struct map *m = own(ui);
    struct frame f;
    struct view inside;

    if (m->n == 0 || *m->why) {
        draw_flow(v, 1, 0, v->w - 2, INK_FAINT, nothing(ui), 0);
        return;
    }
    f = frame_of(m);
    inside = draw_axes(m, v, f);
    draw_ways(m, &inside, f);
    draw_ends(m, &inside, f, false);
    draw_ends(m, &inside, f, true);
    draw_legend(m, v, v->h - 1);
}

/* --- the rest --- */

static unsigned act(struct ui *ui, enum action a)
{
    int to = ui->layer + (a == ACT_down) - (a == ACT_up);

    if (a != ACT_up && a != ACT_down)
        return UI_IGNORED;
    if (to >= 0 && to < ui->snap.n_layers)
        ui->layer = to;
    return UI_HANDLED;
}

static void notes(struct ui *ui, char *out, size_t size)
{
    const struct map *m = own(ui);

    if (m->n)
        snprintf(out, size, m->layer == ui->layer ? "layer %d" : "layer %d (asked: %d)", m->layer,
                 ui->layer);
    else if (ui->session)
        snprintf(out, size, "layer %d", ui->layer);
}

static void readout(struct ui *ui, FILE *out)
{
    const struct map *m = own(ui);
    char prompts[NUMBER_SIZE];

    if (m->n)
        fprintf(out,
                "layer %d step %lld: %s moved %.4g on average; PC1 %.3g PC2 %.3g of the "
                "variance\n",
                m->layer, (long long)m->step, number_of(prompts, m->n, "prompts"), moved(m),
                m->explained[0], m->explained[1]);
}

static void csv(struct ui *ui, FILE *out)
{
    const struct map *m = own(ui);

    fprintf(out, "layer,step,row,x,y,reference_x,reference_y\n");
    for (int i = 0; i < m->n; i++)
        fprintf(out, "%d,%lld,%d,%.9g,%.9g,%.9g,%.9g\n", m->layer, (long long)m->step, i, m->v[i].x,
                m->v[i].y, m->v[i].rx, m->v[i].ry);
}

static const struct word words[] = {
    {"PC1 PC2", "directions in which the reference varies most; their part"},
    {"reference", "a watched prompt in the reference, which R sets"},
    {"step", "the same prompt now; the line between is its drift"},
    {"moved", "mean length of these lines, in the units of the axes"},
    {NULL, NULL},
};

const struct panel panel_map = {
    .name = "map",
    .title = "Map",
    .about = "prompts at the selected layer on two principal components: reference and now, joined",
    .words = words,
    .hints = "Up Down layer  R new reference",
    .place = PLACE_MAP,
    .own = sizeof(struct map),
    .notes = notes,
    .draw = draw,
    .act = act,
    .event = event,
    .refresh = refresh,
    .waits = waits,
    .done = done,
    .readout = readout,
    .csv = csv,
};
