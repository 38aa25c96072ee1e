/* panel_journal.c - what happened, in order: filtered, and a way to the step where it happened. */
#include <stdio.h>
#include "panels/table.h"

static const struct journal_line *line_at(struct ui *ui, int row)
{
    return row >= 0 ? &ui->journal.v[row] : NULL;
}

static bool is_warning(struct ui *ui, int row)
{
    return line_at(ui, row)->kind == VAC_EVENT_REJECTED;
}

enum { TIME, STEP, MARK, EVENT };
static const struct table_column columns[] = {
    [TIME] = {"time", "time", {0, 9}, .pad = 0},
    [STEP] = {"step", "step", {7, 7}, .right = true},
    [MARK] = {"", NULL, {2, 2}, .right = true},
    [EVENT] = {"event", "event", {-1, -1}, .pad = 1, .main = true},
};

static int count(struct ui *ui)
{
    return (int)ui->journal.n;
}

static void cell(struct ui *ui, int row, int column, int wide, struct entry *c)
{
    const struct journal_line *l = line_at(ui, row);
    char text[16];

    (void)wide;
    switch (column) {
    case TIME:
        entry_fmt(c, INK_FAINT, "%s", ui_clock(ui, l->time, text));
        snprintf(c->csv, sizeof c->csv, "%.3f", l->time);
        break;
    case STEP:
        entry_fmt(c, INK_TEXT, "%lld", (long long)l->step);
        break;
    case MARK:
        if (is_warning(ui, row))
            entry_text(c, INK_WARN | STYLE_BOLD, "!");
        else if (l->kind == VAC_EVENT_NOTE)
            entry_sign(c, INK_KEY | STYLE_BOLD, SIGN_NOTE);
        break;
    default:
        entry_text(c, is_warning(ui, row) ? INK_WARN : INK_TEXT, l->text);
    }
}

/* What the filter looks at: step, mark and text, as they are shown; the sign of a note is its word. */
static bool text(struct ui *ui, int row, char *out, size_t size)
{
    const struct journal_line *l = line_at(ui, row);

    snprintf(out, size, "%lld %s%s", (long long)l->step,
             is_warning(ui, row)         ? "! "
             : l->kind == VAC_EVENT_NOTE ? "note "
                                         : "",
             l->text);
    return true;
}

static const struct table_rows listing = {
    .column = columns,
    .n_columns = sizeof columns / sizeof *columns,
    .wide = 44,
    .head_from = 6,
    .follow = true,
    .quiet = true,
    .count = count,
    .cell = cell,
    .text = text,
};

static void draw(struct ui *ui, const struct view *v)
{
    if (ui->journal.n == 0)
        draw_text(v, 1, 0, INK_FAINT,
                  *ui->snap.run ? "Nothing has happened yet." : "No run is open.");
    else
        table_draw(ui, PANEL_journal, v);
}

static unsigned act(struct ui *ui, enum action a)
{
    const struct journal_line *line = line_at(ui, table_selected(ui, PANEL_journal));

    if (a == ACT_next_match) {
        if (!table_next(ui, PANEL_journal, is_warning))
            ui_say(ui, "no warnings");
        return UI_HANDLED;
    }
    if (a != ACT_enter)
        return UI_IGNORED;
    if (line) {
        ui->cursor = (double)line->step;
        ui_say(ui, "cursor at step %lld in all plots (Esc forgets it)", (long long)line->step);
    }
    return UI_HANDLED;
}

static void notes(struct ui *ui, char *out, size_t size)
{
    const struct table *t = panel_own(ui, PANEL_journal);

    if (*t->text)
        snprintf(out, size, "/%.100s  %d of %zu", t->text, t->n, ui->journal.n);
}

static void readout(struct ui *ui, FILE *out)
{
    const struct journal_line *line = line_at(ui, table_selected(ui, PANEL_journal));
    char clock[16];

    if (line)
        fprintf(out, "%s step %lld %s\n", ui_clock(ui, line->time, clock), (long long)line->step,
                line->text);
}

static void done(struct ui *ui)
{
    table_done(panel_own(ui, PANEL_journal));
}

static const struct word words[] = {
    {"step", "at which it took effect"},
    {"!", "a command that was not done, and why; N goes to the next"},
    {"event", "what was set, saved, asked or measured"},
    {NULL, NULL},
};

const struct panel panel_journal = {
    .name = "journal",
    .title = "Journal",
    .about = "what was done and what happened, with the step where it took effect",
    .words = words,
    .hints = "/ filter  Enter step  N warning",
    .place = PLACE_NEWS,
    .own = sizeof(struct table),
    .notes = notes,
    .table = &listing,
    .draw = draw,
    .act = act,
    .done = done,
    .readout = readout,
};
