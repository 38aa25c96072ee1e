/* panel_journal.c - what happened, in order: filtered, and a way to the step where it happened. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/panel.h"
#include "term/filter.h"

struct log {
    struct list list;
    size_t *shown; /* numbers of the lines that pass the filter */
    size_t n, cap;
    size_t looked; /* lines of the journal that were looked at */
    bool away;     /* the selection left the end: it stays, else it follows */
    struct filter *filter;
    char text[200]; /* of the filter */
};

static struct log *own(struct ui *ui)
{
    return panel_own(ui, PANEL_journal);
}

static bool is_warning(const struct journal_line *l)
{
    return l->kind == VAC_EVENT_REJECTED;
}

/* --- the lines that pass --- */

static bool show_line(struct log *l, size_t i)
{
    if (l->n == l->cap) {
        size_t want = l->cap ? 2 * l->cap : 256;
        size_t *grown = realloc(l->shown, want * sizeof *grown);

        if (!grown)
            return false;
        l->shown = grown;
        l->cap = want;
    }
    l->shown[l->n++] = i;
    return true;
}

/* What the filter looks at: step and text, as they are shown. */
static bool passes(const struct filter *f, const struct journal_line *line)
{
    char text[300];

    snprintf(text, sizeof text, "%lld %s", (long long)line->step, line->text);
    return !f || filter_match(f, text);
}

static void look(struct ui *ui)
{
    struct log *l = own(ui);

    if (ui->journal.n < l->looked)
        l->looked = l->n = 0;
    for (; l->looked < ui->journal.n; l->looked++)
        if (passes(l->filter, &ui->journal.v[l->looked]) && !show_line(l, l->looked))
            return;
    if (!l->away)
        l->list.selected = (int)l->n - 1;
}

static bool filter(struct ui *ui, const char *text)
{
    struct log *l = own(ui);
    char why[200] = "";
    struct filter *f = filter_new(text, why, sizeof why);
    bool any = ui->journal.n == 0;

    if (!f) {
        ui_warn(ui, "%s", why);
        return true; /* said already: it is not that nothing matches */
    }
    for (size_t i = 0; i < ui->journal.n && !any; i++)
        any = passes(f, &ui->journal.v[i]);
    if (!any) {
        filter_free(f);
        return false;
    }
    filter_free(l->filter);
    l->filter = f;
    snprintf(l->text, sizeof l->text, "%s", text);
    l->looked = l->n = 0;
    l->away = false;
    return true;
}

static void done(struct ui *ui)
{
    filter_free(own(ui)->filter);
    free(own(ui)->shown);
}

/* --- drawing --- */

static void draw_line(struct ui *ui, const struct view *v, int y, const struct journal_line *l,
                      bool selected)
{
    char text[16], step[24];
    int x = 1;

    if (selected)
        draw_glyph(v, 0, y, INK_FOCUS, sign(v->c, SIGN_SELECTED));
    if (v->w >= 44)
        x = draw_text(v, x, y, INK_FAINT, ui_clock(ui, l->time, text)) + 1;
    snprintf(step, sizeof step, "%lld", (long long)l->step);
    draw_right(v, x + 7, y, INK_TEXT, step);
    x += 8;
    if (is_warning(l))
        draw_glyph(v, x, y, INK_WARN | STYLE_BOLD, '!');
    draw_cut(v, x + 2, y, v->w - x - 3,
             (is_warning(l) ? INK_WARN : INK_TEXT) | (selected ? STYLE_BOLD : 0), l->text);
}

static void draw(struct ui *ui, const struct view *v)
{
    struct log *l = own(ui);
    bool head = v->h > 5;

    look(ui);
    if (l->n == 0) {
        draw_text(v, 1, 0, INK_FAINT,
                  *ui->snap.run ? "Nothing has happened yet." : "No run is open.");
        return;
    }
    if (head) {
        draw_text(v, 1, 0, INK_FAINT, v->w >= 44 ? "time" : "");
        draw_right(v, v->w >= 44 ? 17 : 8, 0, INK_FAINT, "step");
        draw_text(v, v->w >= 44 ? 20 : 11, 0, INK_FAINT, "event");
    }
    list_show(&l->list, (int)l->n, v->h - head);
    for (int i = 0; i < l->list.rows && l->list.top + i < (int)l->n; i++)
        draw_line(ui, v, i + head, &ui->journal.v[l->shown[l->list.top + i]],
                  ui->focus == PANEL_journal && l->list.top + i == l->list.selected);
    list_draw_scroll(&l->list, v, head);
}

/* --- the rest --- */

static const struct journal_line *selected(struct ui *ui)
{
    struct log *l = own(ui);

    look(ui);
    return l->n && l->list.selected >= 0 && l->list.selected < (int)l->n
               ? &ui->journal.v[l->shown[l->list.selected]]
               : NULL;
}

static unsigned jump(struct ui *ui)
{
    const struct journal_line *line = selected(ui);

    if (line) {
        ui->cursor = (double)line->step;
        ui_say(ui, "cursor at step %lld in all plots (Esc forgets it)", (long long)line->step);
    }
    return UI_HANDLED | UI_REDRAW;
}

/* The next warning below, round to the first. */
static unsigned next_warning(struct ui *ui)
{
    struct log *l = own(ui);

    look(ui);
    for (size_t i = 1; i <= l->n; i++) {
        size_t at = ((size_t)(l->list.selected > 0 ? l->list.selected : 0) + i) % l->n;

        if (is_warning(&ui->journal.v[l->shown[at]])) {
            l->list.selected = (int)at;
            l->away = true;
            return UI_HANDLED | UI_REDRAW;
        }
    }
    ui_say(ui, "no warnings");
    return UI_HANDLED | UI_REDRAW;
}

static unsigned act(struct ui *ui, enum action a)
{
    struct log *l = own(ui);
    unsigned did;

    if (a == ACT_enter)
        return jump(ui);
    if (a == ACT_next_match)
        return next_warning(ui);
    did = list_act(&l->list, a);
    if (did)
        l->away = l->list.selected + 1 < (int)l->n;
    return did;
}

static void click(struct ui *ui, int x, int y, int w, int h)
{
    struct log *l = own(ui);
    int row = y - (h > 5) + l->list.top;

    (void)x;
    (void)w;
    if (y >= (h > 5) && row < (int)l->n) {
        l->list.selected = row;
        l->away = row + 1 < (int)l->n;
    }
}

static void notes(struct ui *ui, char *out, size_t size)
{
    struct log *l = own(ui);

    if (*l->text)
        snprintf(out, size, "/%.100s  %zu of %zu", l->text, l->n, ui->journal.n);
}

static void readout(struct ui *ui, FILE *out)
{
    const struct journal_line *line = selected(ui);
    char text[16];

    if (line)
        fprintf(out, "%s step %lld %s\n", ui_clock(ui, line->time, text), (long long)line->step,
                line->text);
}

static void csv(struct ui *ui, FILE *out)
{
    struct log *l = own(ui);

    look(ui);
    fprintf(out, "time,step,event\n");
    for (size_t i = 0; i < l->n; i++) {
        const struct journal_line *line = &ui->journal.v[l->shown[i]];

        fprintf(out, "%.3f,%lld,\"", line->time, (long long)line->step);
        for (const char *c = line->text; *c; c++)
            fprintf(out, *c == '"' ? "\"\"" : "%c", *c);
        fputs("\"\n", out);
    }
}

const struct panel panel_journal = {
    .name = "journal",
    .title = "Journal",
    .about = "what was done and what happened, with the step where it took effect",
    .hints = "/ filter  Enter step  N warning",
    .place = PLACE_NEWS,
    .own = sizeof(struct log),
    .notes = notes,
    .draw = draw,
    .act = act,
    .done = done,
    .filter = filter,
    .click = click,
    .readout = readout,
    .csv = csv,
};
