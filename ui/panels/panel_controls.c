/* panel_controls.c - every option of the stage that runs: its value, what waits to be applied,
 * since which step it holds, its range; changed by typing a value, which is checked before anything
 * is queued. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/measured.h"
#include "panels/table.h"

struct controls {
    struct table table;
    int editing;   /* the option whose value is typed */
    char why[512]; /* why the last value was not taken; "" = fine */
};

static struct controls *own(struct ui *ui)
{
    return panel_own(ui, PANEL_controls);
}

/* --- typing a value --- */

static void edit(struct ui *ui, const char *initial);

/* What cannot be is typed again: the core's own words, with the range in them, stand below. */
static void take_value(struct ui *ui, const char *line)
{
    struct controls *c = own(ui);

    c->why[0] = '\0';
    if (c->editing >= ui->n_options || !*line || ui_set(ui, c->editing, line))
        return;
    snprintf(c->why, sizeof c->why, "%s", ui->message.text);
    edit(ui, line);
}

static void edit(struct ui *ui, const char *initial)
{
    char label[VAC_NAME + 8];

    snprintf(label, sizeof label, "%s = ", ui->option[own(ui)->editing].name);
    prompt_open(ui, &(struct prompt){.label = label,
                                     .initial = initial,
                                     .replaced = true,
                                     .history = "value",
                                     .hint = "type another  Enter set  Esc leave",
                                     .done = take_value});
}

static bool is_over(const struct ui *ui)
{
    return *ui->snap.run && ui->snap.state == VAC_DONE;
}

static unsigned edit_selected(struct ui *ui)
{
    struct controls *c = own(ui);
    const struct vac_option *o = &ui->option[c->table.list.selected];

    if (is_over(ui) || c->table.list.selected >= ui->n_options) {
        ui_warn(ui, is_over(ui) ? "this run is over: there is nothing to change"
                                : "no stage is running: there is nothing to change");
        return UI_HANDLED;
    }
    ui_focus(ui, PANEL_controls);
    c->why[0] = '\0';
    if (!o->live) {
        ui_warn(ui, "%s cannot change while the run is going: it is set in the run file", o->name);
        return UI_HANDLED;
    }
    c->editing = c->table.list.selected;
    edit(ui, o->value);
    return UI_HANDLED;
}

/* --- drawing --- */

enum { NAME, VALUE, PENDING, SINCE, LIVE, HOW, HELP };
static const struct table_column columns[] = {
    [NAME] = {"option", "name", {16, 16, 16}, .main = true},
    [VALUE] = {"value", "value", .w = {-1, 13, 13}},
    [PENDING] = {"", "pending", .w = {0}},
    [SINCE] = {"since", "applied_step", .w = {7, 8, 8}},
    [LIVE] = {"", "live", .w = {0}},
    [HOW] = {"range", NULL, .w = {0, -1, 46}},
    [HELP] = {"", NULL, .w = {0, 0, -1}},
};

static int count(struct ui *ui)
{
    return ui->n_options;
}

static void cell(struct ui *ui, int row, int column, int wide, struct entry *c)
{
    const struct vac_option *o = &ui->option[row];
    const char *const text[] = {
        [NAME] = o->name,
        [VALUE] = *o->value ? o->value : "-",
        [PENDING] = o->pending,
        [LIVE] = o->live ? "1" : "0",
        [HOW] = !o->live     ? "restart needed"
                : *o->course ? o->course
                             : o->wants,
        [HELP] = o->help, /* of a narrower one that of the selected option stands below */
    };

    (void)wide;
    if (column == SINCE) {
        snprintf(c->csv, sizeof c->csv, "%lld", (long long)o->applied_step);
        if (o->applied_step > 0)
            entry_fmt(c, INK_TEXT, "@%lld", (long long)o->applied_step);
        return;
    }
    entry_text(c,
               !o->live || column > LIVE ? INK_FAINT
               : column == VALUE         ? INK_STRONG
                                         : INK_TEXT,
               text[column]);
    if (column == VALUE && *o->unit)
        entry_fmt(c, INK_FAINT, " %.*s", number_word(strcmp(o->value, "1") ? 0 : 1, o->unit),
                  o->unit);
}

/* A value that waits has the room of what else is told of an option. */
static bool paint(struct ui *ui, const struct view *v, int row, int column, bool selected)
{
    const struct vac_option *o = &ui->option[row];
    struct line to = {.v = v};
    char now[VALUE_SIZE];

    if (column >= 0 || !ui_option_waits(ui, row, now))
        return false;
    line_left(&to, 1, 16, selected ? INK_TEXT | STYLE_BOLD : INK_TEXT, o->name);
    line_left(&to, 17, 29, INK_STRONG, *now ? now : "-");
    line_left(&to, 0, v->w, INK_EPS, "->");
    line_left(&to, 0, to.end + 13, INK_EPS | STYLE_BOLD, ui_option_next(o));
    line_left(&to, 0, v->w, INK_EPS, to.end + 10 <= v->w ? "next step" : "next");
    return true;
}

static const struct table_rows listing = {
    .column = columns,
    .n_columns = sizeof columns / sizeof *columns,
    .wide = 51,
    .widest = 130,
    .head_from = 1000,
    .count = count,
    .cell = cell,
    .paint = paint,
};

/* What the controls are for: the measures, and what is saved. */
static int draw_state(struct ui *ui, const struct view *v, int y)
{
    char age[NUMBER_SIZE];
    const struct vac_snapshot *s = &ui->snap;
    struct strbuf text = {0};

    measured_put(&text, v->w - 2, s);
    if (text.len)
        draw_cut(v, 1, y++, v->w - 2, INK_TEXT, text.s);
    sb_done(&text);
    if (s->checkpoint_step >= 0)
        draw_fmt(v, 1, y++, INK_FAINT, "checkpoint %lld, %s ago", (long long)s->checkpoint_step,
                 ui->deterministic ? "-" : number_time(age, s->checkpoint_age));
    return y;
}

/* Under the table: why a value was refused, else what the selected option is. */
static int draw_help(struct ui *ui, const struct view *v, int y, const struct vac_option *o)
{
    const char *why = own(ui)->why;
    char text[480];

    if (*why)
        return draw_flow(v, 1, y, v->w - 2, INK_WARN | STYLE_BOLD, why, 0);
    snprintf(text, sizeof text, "%s: %s%s%s%s%s%s", o->name, o->help, *o->wants ? " (" : "",
             o->wants, *o->wants ? ")" : "", *o->course ? "; " : "", o->course);
    return draw_flow(v, 1, y, v->w - 2, INK_FAINT, text, 0);
}

static void draw(struct ui *ui, const struct view *v)
{
    struct controls *c = own(ui);
    struct view part, below;
    int n = ui->n_options, rows, spare;

    if (n == 0 || is_over(ui)) { /* the options of the stage that was the last are left over */
        rows = draw_flow(v, 1, 0, v->w - 2, INK_FAINT,
                         is_over(ui)     ? "Nothing can be changed: this run is over."
                         : ui->session   ? "The stage has not begun."
                         : *ui->snap.run ? "Nothing can be changed: this run is only looked at."
                                         : "No run is open.",
                         0);
        if (is_over(ui))
            draw_state(ui, v, rows);
        return;
    }
    spare = v->h >= 12 ? 5 : v->h >= 6 ? 2 : v->h >= 3 ? 1 : 0;
    if (*c->why && spare < draw_flow_rows(v, v->w - 2, c->why))
        spare = draw_flow_rows(v, v->w - 2, c->why);
    if (spare > v->h - 1)
        spare = v->h - 1;
    rows = v->h - spare < n ? v->h - spare : n;
    part = view_part(v, 0, 0, v->w, rows);
    table_draw(ui, PANEL_controls, &part);
    below = view_part(v, 0, v->h - spare, v->w, spare);
    if (v->h >= 12 && rows < v->h - spare)
        below = view_part(v, 0, rows + 1, v->w, v->h - rows - 1);
    if (v->h >= 12 || *c->why)
        draw_state(ui, &below,
                   draw_help(ui, &below, 0, &ui->option[c->table.list.selected]) + (v->h >= 14));
    else
        draw_state(ui, &below, 0);
}

/* --- the rest --- */

static unsigned act(struct ui *ui, enum action a)
{
    own(ui)->why[0] = '\0';
    return a == ACT_enter ? edit_selected(ui) : UI_IGNORED;
}

static unsigned act_anywhere(struct ui *ui, enum action a)
{
    return a == ACT_edit ? edit_selected(ui) : UI_IGNORED;
}

static void event(struct ui *ui, const struct vac_event *e)
{
    if (e->kind == VAC_EVENT_JOURNAL)
        own(ui)->why[0] = '\0';
}

static void notes(struct ui *ui, char *out, size_t size)
{
    char now[VALUE_SIZE];
    int pending = 0;

    for (int i = 0; i < ui->n_options; i++)
        pending += ui_option_waits(ui, i, now);
    if (pending)
        snprintf(out, size, "%d pending", pending);
}

static void readout(struct ui *ui, FILE *out)
{
    for (int i = 0; i < ui->n_options; i++)
        fprintf(out, "%s = %s\n", ui->option[i].name, ui->option[i].value);
}

static const struct word words[] = {
    {"1 -> 2", "a value that waits: it holds from the next step on"},
    {"@1190", "the step since which the value holds"},
    {"+2", "so many more scores than there is room for: panel 7 has them"},
    {"restart", "set in the run file, and fixed while the run goes"},
    {"rho", "length of the perturbation that alignment has to withstand"},
    {"lr", "learning rate that the schedule scales"},
    {NULL, NULL},
};

const struct panel panel_controls = {
    .name = "controls",
    .title = "Controls",
    .about = "every option of the stage, its range, what is pending and since when it holds",
    .words = words,
    .hints = "e edit  = rho  [ ] x0.9 x1.1",
    .place = PLACE_OPTIONS,
    .own = sizeof(struct controls),
    .notes = notes,
    .table = &listing,
    .draw = draw,
    .act = act,
    .act_anywhere = act_anywhere,
    .event = event,
    .readout = readout,
};
