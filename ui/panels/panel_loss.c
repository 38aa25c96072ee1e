/* panel_loss.c - the curves of training: what is optimised, and what it does to alignment and harm.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "panels/compare.h"
#include "panels/panel.h"

enum { GHOST_CURVES = 3, MOST_LINES = 4 + INK_RUNS + GHOST_CURVES * GHOSTS_MOST };

static const struct curve {
    enum column column;
    const char *name;
    unsigned style;
    char glyph;
    bool smooth; /* measured at every step */
} curves[] = {
    {COL_align_loss, "align", INK_ALIGN, '*', false},
    {COL_harmful_loss, "harmful", INK_HARM, 'o', false},
    {COL_loss, "loss", INK_EPS, '+', true},
    {COL_loss_clean, "clean", INK_DRIFT, 'x', true},
};

static struct plot_line line_of(const struct ui *ui, const struct history *h, enum column c)
{
    return (struct plot_line){
        .x = history_column(h, x_unit_columns[ui->x_unit]),
        .y = history_column(h, c),
        .n = h->n,
        .stride = HISTORY_STRIDE,
    };
}

static bool is_measured(const struct history *h, enum column c)
{
    for (size_t i = h->n; i > 0; i--)
        if (!isnan(h->v[(i - 1) * COL_COUNT + c]))
            return true;
    return false;
}

static int own_lines(const struct ui *ui, struct plot_line *lines)
{
    int n = 0;

    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (!is_measured(&ui->points, curves[i].column))
            continue;
        lines[n] = line_of(ui, &ui->points, curves[i].column);
        lines[n].name = curves[i].name;
        lines[n].style = curves[i].style;
        lines[n].glyph = curves[i].glyph;
        lines[n++].ema = curves[i].smooth ? ui->ema : 0;
    }
    return n;
}

/* Below all others, with one name: what the run went back from, which lies in folders aside-... It went on
 * from what the run has before that: so do its smoothed values. */
static int ghost_lines(const struct ui *ui, struct plot_line *lines)
{
    int n = 0;

    for (int i = 0; i < ui->n_ghost; i++)
        for (int c = 0; c < GHOST_CURVES; c++) {
            struct plot_line own = line_of(ui, &ui->points, curves[c].column);

            if (!is_measured(&ui->ghost[i].points, curves[c].column))
                continue;
            own.ema = curves[c].smooth ? ui->ema : 0;
            lines[n] = line_of(ui, &ui->ghost[i].points, curves[c].column);
            lines[n].style = INK_GHOST;
            lines[n].glyph = PLOT_GHOST;
            lines[n].name = i == 0 && curves[c].column == COL_loss ? "aside" : NULL;
            lines[n].ema = own.ema;
            plot_value(&own, nextafter(*lines[n].x, -INFINITY), &lines[n].before);
            n++;
        }
    return n;
}

/* Other runs show one curve each: what they optimised. */
static int overlay_lines(const struct ui *ui, struct plot_line *lines)
{
    int n = 0;

    for (int i = 0; i < ui->n_overlay && i < INK_RUNS; i++) {
        if (!compare_is_shown(ui, i))
            continue;
        lines[n] = line_of(ui, &ui->overlay[i].points, COL_loss);
        lines[n].name = ui->overlay[i].name;
        lines[n].style = INK_RUN0 + (unsigned)i;
        lines[n].glyph = overlay_glyph(i);
        lines[n++].ema = ui->ema;
    }
    return n;
}

static void notes(struct ui *ui, char *out, size_t size)
{
    char ema[NUMBER_SIZE] = "raw";

    if (ui->ema > 0)
        snprintf(ema, sizeof ema, "smooth %g", ui->ema);
    if (isnan(ui->cursor))
        snprintf(out, size, "%s  %s", ui->log_y ? "log" : "linear", ema);
    else
        snprintf(out, size, "%s  %s  at %.0f", ui->log_y ? "log" : "linear", ema, ui->cursor);
}

static struct plot plot_of(const struct ui *ui, struct plot_line lines[MOST_LINES])
{
    struct plot p = {.lines = lines,
                     .log = ui->log_y,
                     .y0 = NAN,
                     .y1 = NAN,
                     .level = NAN,
                     .legend = true,
                     .guides = ui->guides};

    p.n_lines = ghost_lines(ui, lines);
    p.n_lines += own_lines(ui, lines + p.n_lines);
    p.n_lines += overlay_lines(ui, lines + p.n_lines);
    ui_window(ui, &p);
    return p;
}

static void draw(struct ui *ui, const struct view *v)
{
    struct plot_line lines[MOST_LINES];
    struct plot p = plot_of(ui, lines);

    plot_draw(v, &p);
    if (!ui->points.n)
        draw_text(v, v->w / 2 - 10, v->h / 2 - 1, INK_FAINT, "no step measured yet");
}

/* The next step whose loss stands out of its neighbours: more than 4 times their usual distance
 * above their mean. */
static void find_spike(struct ui *ui)
{
    const struct history *h = &ui->points;
    double mean = NAN, spread = 0, after = isnan(ui->cursor) ? -1 : ui->cursor;

    for (int round = 0; round < 2; round++, after = -1, mean = NAN, spread = 0)
        for (size_t i = 0; i < h->n; i++) {
            double y = h->v[i * COL_COUNT + COL_loss], step = h->v[i * COL_COUNT + COL_step];

            if (isnan(y))
                continue;
            if (isnan(mean))
                mean = y;
            if (i > 20 && y > mean + 4 * spread && spread > 0 && step > after) {
                ui->cursor = step;
                ui_say(ui, "step %.0f: loss %.3f, its neighbours %.3f; 9 shows the samples", step,
                       y, mean);
                return;
            }
            spread = 0.95 * spread + 0.05 * fabs(y - mean);
            mean = 0.9 * mean + 0.1 * y;
        }
    ui_say(ui, "no spike in the loss");
}

static unsigned act(struct ui *ui, enum action a)
{
    if (a != ACT_next_match)
        return UI_IGNORED;
    find_spike(ui);
    return UI_HANDLED;
}

/* The cursor goes to the step nearest to what was clicked. */
static void click(struct ui *ui, int x, int y, int w, int h)
{
    struct plot_line lines[MOST_LINES];
    struct plot p = plot_of(ui, lines);
    double at = plot_at(&p, ui->charset, w, h, x), best = INFINITY;

    (void)y;
    for (size_t i = 0; i < ui->points.n && !isnan(at); i++) {
        const double *row = &ui->points.v[i * COL_COUNT];
        double off = fabs(row[x_unit_columns[ui->x_unit]] - at);

        if (off < best) {
            best = off;
            ui->cursor = row[COL_step];
        }
    }
}

static void readout(struct ui *ui, FILE *out)
{
    struct plot_line lines[MOST_LINES];
    long row = history_row(&ui->points, isnan(ui->cursor) ? INFINITY : ui->cursor);

    if (row < 0)
        return;
    for (int c = 0; c < COL_COUNT; c++) {
        double v = ui->points.v[(size_t)row * COL_COUNT + (size_t)c];

        if (!isnan(v))
            fprintf(out, "%s %.9g\n", column_names[c], v);
    }
    for (int i = own_lines(ui, lines) - 1; i >= 0; i--) {
        double at = ui->points.v[(size_t)row * COL_COUNT + x_unit_columns[ui->x_unit]];
        struct plot_smooth smooth;

        plot_value(&lines[i], at, &smooth);
        if (lines[i].ema > 0 && smooth.weight > 0)
            fprintf(out, "%s_smoothed %.9g\n", lines[i].name, smooth.sum / smooth.weight);
    }
}

static void csv(struct ui *ui, FILE *out)
{
    for (int c = 0; c < COL_COUNT; c++)
        fprintf(out, "%s%s", c ? "," : "", column_names[c]);
    for (size_t i = 0; i < ui->points.n; i++)
        for (int c = 0; c < COL_COUNT; c++) {
            fputs(c ? "," : "\n", out);
            csv_print_number(out, ui->points.v[i * COL_COUNT + (size_t)c], 17);
        }
    fputc('\n', out);
}

static const struct word words[] = {
    {"align", "loss on watched refusals: low = it refuses as it was taught"},
    {"harmful", "loss on watched harmful answers: high = far from giving them"},
    {"loss", "of what the step learned from, perturbed if the method does"},
    {"clean", "of the same batch without perturbation"},
    {"* o + x", "signs on the lines and at their ends; # @ % & are other runs"},
    {"^ v", "a single value outside: the range is the smoothed curves'"},
    {NULL, NULL},
};

const struct panel panel_loss = {
    .name = "loss",
    .title = "Loss",
    .about = "losses over steps: optimised, clean, alignment, harmful; marked runs laid over",
    .words = words,
    .hints = "y log  r raw  t unit  + zoom  N spike",
    .place = PLACE_CURVES,
    .plot = true,
    .notes = notes,
    .draw = draw,
    .act = act,
    .click = click,
    .readout = readout,
    .csv = csv,
};
