/* panel_controls.c - every option of the stage that runs: its value, what waits to be applied,
 * since which step it holds, its range; changed by typing a value, which is checked before anything
 * is queued. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/measured.h"
#include "panels/panel.h"

enum { NAME_W = 15, VALUE_W = 12, HOW_W = 44, WIDE = 130 };

struct controls {
    struct list list;
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

static unsigned edit_selected(struct ui *ui)
{
    struct controls *c = own(ui);
    const struct vac_option *o = &ui->option[c->list.selected];

    if (c->list.selected >= ui->n_options) {
        ui_warn(ui, "no stage is running: there is nothing to change");
        return UI_HANDLED;
    }
    ui_focus(ui, PANEL_controls);
    c->why[0] = '\0';
    if (!o->live) {
        ui_warn(ui, "%s cannot change while the run is going: it is set in the run file", o->name);
        return UI_HANDLED;
    }
    c->editing = c->list.selected;
    edit(ui, o->value);
    return UI_HANDLED;
}

/* --- drawing --- */

static const char *how(const struct vac_option *o)
{
    return o->live ? o->wants : "restart needed";
}

/* Name, value, what is pending, the step since which it holds, its range. */
static void draw_option(const struct ui *ui, const struct view *v, int y, int option, bool selected)
{
    enum { VALUE = NAME_W + 2, SINCE = VALUE + VALUE_W + 1, HOW = SINCE + 8 };
    const struct vac_option *o = &ui->option[option];
    struct line to = {.v = v, .y = y};
    unsigned ink = o->live ? INK_TEXT : INK_FAINT;
    char since[32] = "", now[VALUE_SIZE];
    bool waits = ui_option_waits(ui, option, now);

    if (selected)
        draw_glyph(v, 0, y, INK_FOCUS, sign(v->c, SIGN_SELECTED));
    line_left(&to, 1, 1 + NAME_W, selected ? ink | STYLE_BOLD : ink, o->name);
    line_left(&to, VALUE, VALUE + VALUE_W, o->live ? INK_STRONG : INK_FAINT, *now ? now : "-");
    if (waits) {
        line_left(&to, 0, v->w, INK_EPS, "->");
        line_left(&to, 0, to.end + 1 + VALUE_W, INK_EPS | STYLE_BOLD, ui_option_next(o));
        line_left(&to, 0, v->w, INK_EPS, "next step");
        return;
    }
    line_left(&to, 0, VALUE + VALUE_W, INK_FAINT, o->unit);
    if (o->applied_step > 0)
        snprintf(since, sizeof since, "@%lld", (long long)o->applied_step);
    if (to.end + 1 + (int)strlen(since) < v->w) /* half a number would be another number */
        line_left(&to, v->w > 50 ? SINCE : 0, v->w, INK_TEXT, since);
    if (v->w > 50)
        line_left(&to, HOW, v->w >= WIDE ? HOW + HOW_W : v->w - 1, INK_FAINT, how(o));
    if (v->w >= WIDE) /* else the selected option's stands below */
        line_left(&to, HOW + HOW_W + 2, v->w - 1, INK_FAINT, o->help);
}

/* Half a number would be another number: what does not fit in `width` is left out. */
static void put_eval(char *out, size_t size, int width, int64_t now, const struct vac_eval *e)
{
    size_t n = strlen(out);
    char rest[REST_SIZE];
    int at;

    if (e->step < 0)
        return;
    at = snprintf(out + n, size - n, e->is_rate ? "%s%s %.1f%%" : "%s%s %.3g", n ? "  " : "",
                  e->name, e->is_rate ? 100 * e->value : e->value);
    if (e->step != now && at > 0 && n + (size_t)at < size) /* the weights have changed since */
        at += snprintf(out + n + at, size - n - (size_t)at, " @%lld", (long long)e->step);
    if ((int)strlen(out) > width)
        out[n] = '\0';
    else if (*measured_rest(rest, &e->verdicts) &&
             (int)(n + strlen(out + n) + strlen(rest)) + 3 <= width)
        snprintf(out + strlen(out), size - strlen(out), " (%s)", rest);
}

/* What the controls are for: the measures, and what is saved. */
static int draw_state(struct ui *ui, const struct view *v, int y)
{
    char text[256] = "", age[NUMBER_SIZE];
    const struct vac_snapshot *s = &ui->snap;

    for (int i = 0; i < s->n_evals && i < VAC_MAX_EVALS; i++)
        put_eval(text, sizeof text, v->w - 2, s->step, &s->eval[i]);
    if (*text)
        draw_cut(v, 1, y++, v->w - 2, INK_TEXT, text);
    if (s->checkpoint_step >= 0)
        draw_fmt(v, 1, y++, INK_FAINT, "checkpoint %lld saved %s ago",
                 (long long)s->checkpoint_step,
                 ui->deterministic ? "-" : number_time(age, s->checkpoint_age));
    return y;
}

/* Under the table: why a value was refused, else what the selected option is. */
static int draw_help(struct ui *ui, const struct view *v, int y, const struct vac_option *o)
{
    const char *why = own(ui)->why;
    char text[400];

    if (*why)
        return draw_flow(v, 1, y, v->w - 2, INK_WARN | STYLE_BOLD, why, 0);
    snprintf(text, sizeof text, "%s: %s%s%s%s", o->name, o->help, *o->wants ? " (" : "", o->wants,
             *o->wants ? ")" : "");
    return draw_flow(v, 1, y, v->w - 2, INK_FAINT, text, 0);
}

static void draw_options(struct ui *ui, const struct view *v, int rows)
{
    const struct controls *c = own(ui);

    for (int i = 0; i < rows && c->list.top + i < ui->n_options; i++)
        draw_option(ui, v, i, c->list.top + i, c->list.top + i == c->list.selected);
    list_draw_scroll(&c->list, v, 0);
}

static void draw(struct ui *ui, const struct view *v)
{
    struct controls *c = own(ui);
    struct view below;
    int n = ui->n_options, rows, spare;

    if (n == 0) {
        draw_flow(v, 1, 0, v->w - 2, INK_FAINT,
                  ui->session     ? "The stage has not begun."
                  : *ui->snap.run ? "Nothing can be changed: this run is only looked at."
                                  : "No run is open.",
                  0);
        return;
    }
    spare = v->h >= 12 ? 5 : v->h >= 6 ? 2 : v->h >= 3 ? 1 : 0;
    if (*c->why && spare < draw_flow_rows(v, v->w - 2, c->why))
        spare = draw_flow_rows(v, v->w - 2, c->why);
    if (spare > v->h - 1)
        spare = v->h - 1;
    rows = v->h - spare < n ? v->h - spare : n;
    list_show(&c->list, n, rows);
    draw_options(ui, v, rows);
    below = view_part(v, 0, v->h - spare, v->w, spare);
    if (v->h >= 12 && rows < v->h - spare)
        below = view_part(v, 0, rows + 1, v->w, v->h - rows - 1);
    if (v->h >= 12 || *c->why)
        draw_state(ui, &below,
                   draw_help(ui, &below, 0, &ui->option[c->list.selected]) + (v->h >= 14));
    else
        draw_state(ui, &below, 0);
}

/* --- the rest --- */

static unsigned act(struct ui *ui, enum action a)
{
    own(ui)->why[0] = '\0';
    return a == ACT_enter ? edit_selected(ui) : list_act(&own(ui)->list, a);
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

static void click(struct ui *ui, int x, int y, int w, int h)
{
    (void)x;
    (void)w;
    (void)h;
    list_click(&own(ui)->list, y);
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

static void csv(struct ui *ui, FILE *out)
{
    fprintf(out, "name,value,pending,applied_step,live\n");
    for (const struct vac_option *o = ui->option; o < ui->option + ui->n_options; o++) {
        fprintf(out, "%s,", o->name);
        csv_print(out, o->value);
        fputc(',', out);
        csv_print(out, o->pending);
        fprintf(out, ",%lld,%d\n", (long long)o->applied_step, o->live);
    }
}

static const struct word words[] = {
    {"1 -> 2", "a value that waits: it holds from the next step on"},
    {"@1190", "the step since which the value holds"},
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
    .draw = draw,
    .act = act,
    .act_anywhere = act_anywhere,
    .event = event,
    .click = click,
    .readout = readout,
    .csv = csv,
};
