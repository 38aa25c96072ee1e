/* curves.c - see curves.h */
#include <math.h>
#include "panels/curves.h"

/* A step in the chosen unit. */
static double in_unit(const struct ui *ui, double step)
{
    long row;

    if (ui->x_unit == X_STEP)
        return step;
    row = history_row(&ui->points, step);
    return row < 0 ? 0 : ui->points.v[(size_t)row * COL_COUNT + x_unit_columns[ui->x_unit]];
}

/* The newest when they are many. */
static void put_notes(const struct ui *ui, struct plot *p)
{
    p->n_notes = 0;
    for (size_t i = ui->journal.n; i > 0 && p->n_notes < PLOT_NOTES; i--) {
        const struct journal_line *l = &ui->journal.v[i - 1];

        if (l->kind == VAC_EVENT_NOTE)
            p->note[p->n_notes++] = (struct plot_note){in_unit(ui, (double)l->step), l->text};
    }
}

void ui_window(const struct ui *ui, struct plot *p)
{
    double first = 0, last = ui->snap.step > 0 ? (double)ui->snap.step : 1;

    if (ui->points.n) {
        first = ui->points.v[COL_step];
        last = ui->points.v[(ui->points.n - 1) * COL_COUNT + COL_step];
    }
    for (int i = 0; i < ui->n_ghost; i++) {
        const struct history *h = &ui->ghost[i].points;

        if (h->n)
            last = fmax(last, h->v[(h->n - 1) * COL_COUNT + COL_step]);
    }
    put_notes(ui, p);
    p->mono = ui->colors == 0;
    p->x_unit = x_unit_names[ui->x_unit];
    p->cursor = isnan(ui->cursor) ? NAN : in_unit(ui, ui->cursor);
    if (ui->to > ui->from) {
        p->x0 = in_unit(ui, ui->from);
        p->x1 = in_unit(ui, ui->to);
        return;
    }
    p->x0 = first > last / 2 ? in_unit(ui, first) : 0;
    p->x1 =
        p->x0 + plot_round_up(fmax(in_unit(ui, last) - p->x0, ui->x_unit == X_STEP ? 10 : 1e-3));
    if (ui->x_unit == X_STEP && ui->snap.total_steps >= last &&
        p->x1 > (double)ui->snap.total_steps)
        p->x1 = (double)ui->snap.total_steps;
}

char overlay_glyph(int i)
{
    static const char glyphs[INK_RUNS] = {'#', '@', '%', '&'};

    return glyphs[i];
}
