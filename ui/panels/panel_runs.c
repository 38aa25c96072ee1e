/* panel_runs.c - the runs there are: how each stands, opened, laid over the curves, compared,
 * deleted. While no run is open it is the whole screen, with samples and recent files below. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "panels/compare.h"
#include "panels/measured.h"
#include "panels/start.h"
#include "panels/table.h"

enum { NAME_AT = 5 }; /* column */
enum {
    MARKS = 8,
    AGAIN = 5,              /* seconds until the folders are read again */
    SCORES = MEASURED_USUAL /* that have a column */
};

struct runs {
    struct table table;
    struct start_list items;
    char mark[MARKS][VAC_PATH];
    int n_marks;
    bool read, all;
    double read_at;
    char evals[SCORES][VAC_NAME]; /* names of the measures shown */
    int order;
    char doomed[VAC_PATH]; /* waits for the answer to the question */
    char known[VAC_PATH];  /* folder of the open run, remembered */
};
enum order {
    BY_AGE,
    BY_NAME,
    BY_METHOD,
    BY_RHO,
    BY_SCORE,
    BY_MARGIN = BY_SCORE + SCORES,
    BY_BROKE,
    BY_STEP,
    ORDERS
};

static struct runs *own(struct ui *ui)
{
    return panel_own(ui, PANEL_runs);
}

static bool is_start(const struct ui *ui)
{
    return !ui->session && !*ui->snap.run;
}

/* --- the list --- */

/* Number of an entry of "evaluate" in a run; -1 = it has none of that name. */
static int eval_of(const struct vac_run_info *run, const char *name)
{
    for (int i = 0; *name && i < run->n_evals && i < VAC_MAX_EVALS; i++)
        if (!strcmp(run->eval[i].name, name))
            return i;
    return -1;
}

/* A run, and one with such a measure; NULL = with any or none. */
static bool any_has(const struct runs *r, const char *name)
{
    for (size_t i = 0; i < r->items.n; i++)
        if (r->items.v[i].kind == START_RUN && (!name || eval_of(&r->items.v[i].run, name) >= 0))
            return true;
    return false;
}

static bool is_chosen(const struct runs *r, const char *name)
{
    for (int k = 0; k < SCORES; k++)
        if (!strcmp(r->evals[k], name))
            return true;
    return false;
}

/* Those that everybody measures when there are such; else the first names. */
static void choose_evals(struct runs *r)
{
    for (int k = 0; k < SCORES; k++)
        snprintf(r->evals[k], VAC_NAME, "%s",
                 any_has(r, measured_usual[k]) ? measured_usual[k] : "");
    for (size_t i = 0; i < r->items.n; i++)
        for (int e = 0; r->items.v[i].kind == START_RUN && e < r->items.v[i].run.n_evals; e++)
            for (int k = 0; k < SCORES; k++) {
                const char *name = r->items.v[i].run.eval[e].name;

                if (!*r->evals[k] && !is_chosen(r, name))
                    snprintf(r->evals[k], VAC_NAME, "%s", name);
            }
}

static const struct start_item *item_at(struct ui *ui, int row)
{
    return row >= 0 ? &own(ui)->items.v[row] : NULL;
}

static int count(struct ui *ui)
{
    return (int)own(ui)->items.n;
}

static bool is_head(struct ui *ui, int row)
{
    return item_at(ui, row)->kind == START_HEAD;
}

static bool text(struct ui *ui, int row, char *out, size_t size)
{
    const struct start_item *item = item_at(ui, row);

    if (item->kind == START_RUN)
        snprintf(out, size, "%s%s %s %s %s", item->run.name, item->apart, item->run.model,
                 item->run.state, item->run.method);
    else
        snprintf(out, size, "%s %s", item->path, item->text);
    return item->kind != START_HEAD;
}

/* Of p(refuse), of the first score; NaN = not known. */
static double margin_of(const struct runs *r, const struct vac_run_info *run)
{
    int e = eval_of(run, r->evals[0]);

    return e >= 0 && run->eval[e].beneath[VAC_BENEATH_margin].known
               ? run->eval[e].beneath[VAC_BENEATH_margin].value
               : NAN;
}

static bool any_margin(const struct runs *r)
{
    for (size_t i = 0; i < r->items.n; i++)
        if (r->items.v[i].kind == START_RUN && !isnan(margin_of(r, &r->items.v[i].run)))
            return true;
    return false;
}

/* NaN goes last. */
static double order_value(const struct runs *r, const struct vac_run_info *run)
{
    int e = r->order >= BY_SCORE && r->order < BY_MARGIN
                ? eval_of(run, r->evals[r->order - BY_SCORE])
                : -1;

    switch (r->order) {
    case BY_METHOD:
    case BY_RHO:
        return run->rho;
    case BY_STEP:
        return -(double)run->step;
    case BY_MARGIN:
        return -margin_of(r, run);
    case BY_BROKE:
        for (int i = 0; i < run->n_evals && i < VAC_MAX_EVALS; i++)
            if (!isnan(run->broke[i]))
                return run->broke[i];
        return NAN;
    default:
        return e >= 0 ? run->eval[e].value : NAN;
    }
}

static bool before(struct ui *ui, int a, int b)
{
    const struct runs *r = own(ui);
    const struct start_item *x = item_at(ui, a), *y = item_at(ui, b);
    double p, q;
    int c = 0;

    if (x->kind != START_RUN || y->kind != START_RUN || r->order == BY_AGE)
        return false;
    if (r->order == BY_NAME)
        return strcmp(x->run.name, y->run.name) < 0;
    if (r->order == BY_METHOD)
        c = strcmp(x->run.method, y->run.method);
    p = order_value(r, &x->run);
    q = order_value(r, &y->run);
    return c ? c < 0 : isnan(q) ? !isnan(p) : p < q;
}

static const struct start_item *selected(struct ui *ui)
{
    const struct start_item *item = item_at(ui, table_selected(ui, PANEL_runs));

    return item && item->kind != START_HEAD ? item : NULL;
}

static void read_again(struct ui *ui)
{
    struct runs *r = own(ui);
    const struct start_item *was = selected(ui);
    char path[VAC_PATH] = "";

    if (was)
        memcpy(path, was->path, sizeof path);
    r->all = is_start(ui);
    start_read(&r->items, ui, r->all);
    r->read = true;
    r->read_at = ui->now;
    choose_evals(r);
    table_reset(&r->table);
    table_look(ui, PANEL_runs);
    for (int i = 0; *path && i < r->table.n; i++)
        if (!strcmp(item_at(ui, table_row(ui, PANEL_runs, i))->path, path))
            r->table.list.selected = i;
}

static void refresh(struct ui *ui)
{
    struct runs *r = own(ui);

    if (!r->read || r->all != is_start(ui) || ui->now - r->read_at >= AGAIN)
        read_again(ui);
    start_know(&r->items, ui);
}

/* The events of the run that trains meanwhile come here as well as those of the open one. */
static void event(struct ui *ui, const struct vac_event *e)
{
    struct runs *r = own(ui);

    if (e->kind == VAC_EVENT_EVAL || e->kind == VAC_EVENT_STATE || e->kind == VAC_EVENT_REWIND)
        r->read = false; /* it is the last news for a while, perhaps */
    if (e->kind != VAC_EVENT_JOURNAL || !ui->session || !strcmp(r->known, ui_dir(ui)))
        return;
    snprintf(r->known, sizeof r->known, "%s", ui_dir(ui));
    start_remember(r->known);
}

static void done(struct ui *ui)
{
    struct runs *r = own(ui);

    start_done(&r->items);
    table_done(&r->table);
    compare_clear(ui);
    memset(r, 0, sizeof *r);
}

/* --- drawing --- */

static int mark_of(const struct runs *r, const char *dir)
{
    for (int i = 0; i < r->n_marks; i++)
        if (!strcmp(r->mark[i], dir))
            return i;
    return -1;
}

static unsigned state_style(const char *state, enum sign *glyph)
{
    static const struct {
        const char *state;
        enum sign glyph;
        unsigned style;
    } table[] = {
        {"running", SIGN_RUN, INK_ALIGN}, {"paused", SIGN_PAUSE, INK_STRONG},
        {"done", SIGN_DONE, INK_TEXT},    {"stopped", SIGN_OPEN, INK_FAINT},
        {"failed", SIGN_FAIL, INK_WARN},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].state, state)) {
            *glyph = table[i].glyph;
            return table[i].style;
        }
    *glyph = SIGN_WARN;
    return INK_WARN;
}

enum { VALUE, REFUSED, OTHER, PARTS }; /* of a score: itself, share refused, share of neither */
enum {
    MARK,
    SIGN,
    NAME,
    STATE,
    METHOD,
    RHO,
    STEP,
    TOTAL,
    BEFORE, /* of the first score: as the first stage ended */
    SCORE,
    MARGIN = SCORE + SCORES * PARTS,
    BROKE,
    AGE,
    FOLDER
};
#define PARTS_OF(n, ...)                                                                           \
    [SCORE + (n)*PARTS] = {NULL, "", __VA_ARGS__, .right = true},                                  \
             [SCORE + (n)*PARTS + REFUSED] = {NULL, "", {0}, .pad = 0},                            \
             [SCORE + (n)*PARTS + OTHER] = {NULL, "", {0}, .pad = 0}
static const struct table_column columns[] = {
    [MARK] = {"", NULL, {2, 2, 2}, .pad = 0},
    [SIGN] = {"", NULL, {2, 2, 2}, .pad = 0},
    [NAME] = {"run", "name", {-1, -1, -1}, .main = true},
    [STATE] = {"state", "state", {0, 0, 9}, .pad = 0},
    [METHOD] = {"method", "method", {0, 8, 9}, .pad = 0},
    [RHO] = {"rho", "rho", {0, 5, 12}, .right = true},
    [STEP] = {"step", "step", {5, 6, 12}, .right = true},
    [TOTAL] = {"", "total_steps", {0}, .pad = 0},
    [BEFORE] = {"", "", {0}, .pad = 0},
    PARTS_OF(0, {7, 14, 15}),
    PARTS_OF(1, {0, 9, 10}),
    PARTS_OF(2, {6, 7, 8}),
    [MARGIN] = {NULL, "margin", {0, 8, 8}, .right = true, .from = 92},
    [BROKE] = {"broke", "broke", {0, 7, 8}, .right = true},
    [AGE] = {"age", NULL, {0, 0, 6}, .right = true},
    [FOLDER] = {"", "folder", {0}, .pad = 0},
};

static int ordered(struct ui *ui)
{
    static const int by[ORDERS] = {
        [BY_AGE] = AGE,   [BY_NAME] = NAME,     [BY_METHOD] = METHOD, [BY_RHO] = RHO,
        [BY_STEP] = STEP, [BY_MARGIN] = MARGIN, [BY_BROKE] = BROKE,
    };
    int order = own(ui)->order;

    return order >= BY_SCORE && order < BY_MARGIN ? SCORE + (order - BY_SCORE) * PARTS : by[order];
}

static void title(struct ui *ui, int column, bool csv, char *out, size_t size)
{
    static const char *const shares[PARTS] = {"", " refused", " other"};
    const char *name = own(ui)->evals[column < SCORE ? 0 : (column - SCORE) / PARTS];

    if (column == MARGIN)
        snprintf(out, size, "%s", any_margin(own(ui)) ? "margin" : "");
    else if (csv)
        snprintf(out, size, "%s%s", name,
                 column < SCORE ? " before" : shares[(column - SCORE) % PARTS]);
    else if (*name)
        snprintf(out, size, "%s%%", name); /* what is too long for it the table cuts, with a mark */
}

static void score_cell(const struct vac_run_info *run, int i, int part, int wide, struct entry *c)
{
    const struct vac_eval *e = i >= 0 ? &run->eval[i] : NULL;
    double value = !e                ? NAN
                   : part == VALUE   ? e->value
                   : part == REFUSED ? measured_refused(&e->verdicts) / 100
                                     : measured_other(&e->verdicts) / 100;
    char number[NUMBER_SIZE], before[NUMBER_SIZE];

    if (e && *e->verdicts.others) /* the score alone would mislead */
        c->hang = "!";
    if (!isnan(value))
        snprintf(c->csv, sizeof c->csv, "%.9g", value);
    if (part != VALUE)
        return;
    if (isnan(value))
        entry_text(c, e ? INK_STRONG : INK_FAINT, "-");
    else if (wide && !isnan(run->before[i]))
        entry_fmt(c, INK_STRONG, "%s -> %s", measured_text(before, run->before[i], e->is_rate),
                  measured_text(number, value, e->is_rate));
    else
        entry_fmt(c, INK_STRONG, "%s", measured_text(number, value, e->is_rate));
}

static void cell(struct ui *ui, int row, int column, int wide, struct entry *c)
{
    const struct start_item *item = item_at(ui, row);
    const struct vac_run_info *run = &item->run;
    const struct vac_span margin = {.value = margin_of(own(ui), run)};
    int mark = mark_of(own(ui), item->path);
    bool open = *ui->snap.run && !strcmp(run->name, ui->snap.run);
    char number[NUMBER_SIZE], span[VAC_SPAN_TEXT], name[VAC_NAME + 40];
    enum sign glyph;
    unsigned style = state_style(run->state, &glyph);
    int at;

    switch (column) {
    case MARK:
        if (mark >= 0)
            entry_sign(c, INK_RUN0 + (unsigned)mark % INK_RUNS, SIGN_MARK);
        break;
    case SIGN:
        entry_sign(c, style, glyph);
        break;
    case NAME:
        snprintf(c->csv, sizeof c->csv, "%.39s", run->name);
        start_name(&own(ui)->items, row, own(ui)->order == BY_AGE, *own(ui)->table.text, name,
                   sizeof name);
        entry_fmt(c, open ? INK_ALIGN : INK_TEXT, "%s", name);
        entry_text(c, INK_FAINT, item->apart);
        break;
    case STATE:
        entry_text(c, style, run->state);
        break;
    case METHOD:
        entry_text(c, INK_TEXT, run->method);
        break;
    case RHO:
        snprintf(c->csv, sizeof c->csv, isnan(run->rho) ? "-" : "%.9g", run->rho);
        if (isnan(run->rho))
            entry_text(c, INK_FAINT, "-");
        else if (wide > 1 && !isnan(run->rho_was))
            entry_fmt(c, INK_TEXT, "%.3g -> %.3g", run->rho_was, run->rho);
        else
            entry_fmt(c, INK_TEXT, "%.3g", run->rho);
        break;
    case MARGIN:
        if (!isnan(margin.value))
            entry_fmt(c, INK_TEXT, "%s", vac_span_text(&margin, false, span));
        break;
    case BROKE:
        for (int i = 0; i < run->n_evals && i < VAC_MAX_EVALS && !c->n; i++)
            if (!isnan(run->broke[i]))
                entry_fmt(c, INK_TEXT, "%.0f", run->broke[i]);
        if (!c->n)
            entry_text(c, INK_FAINT, "-");
        break;
    case STEP:
        snprintf(c->csv, sizeof c->csv, "%lld", (long long)run->step);
        if (wide > 1 && run->total_steps > 0)
            entry_fmt(c, INK_TEXT, "%lld/%lld", (long long)run->step, (long long)run->total_steps);
        else
            entry_text(c, INK_TEXT, c->csv);
        break;
    case TOTAL:
        entry_fmt(c, INK_TEXT, "%lld", (long long)run->total_steps);
        break;
    case AGE:
        entry_fmt(c, INK_FAINT, "%s",
                  number_age(number, ui->deterministic || run->modified <= 0
                                         ? NAN
                                         : (double)time(NULL) - run->modified));
        break;
    case FOLDER:
        entry_text(c, INK_TEXT, item->path);
        break;
    case BEFORE:
        at = eval_of(run, own(ui)->evals[0]);
        if (at >= 0 && !isnan(run->before[at]))
            snprintf(c->csv, sizeof c->csv, "%.9g", run->before[at]);
        break;
    default:
        at = (column - SCORE) / PARTS;
        score_cell(run, eval_of(run, own(ui)->evals[at]), (column - SCORE) % PARTS,
                   wide && column == SCORE, c);
    }
}

/* Heads, samples and recent files are no rows of columns. */
static bool paint(struct ui *ui, const struct view *v, int row, int column, bool selected)
{
    const struct start_item *item = item_at(ui, row);
    const char *name;
    int x, wide = v->w > 100 ? 28 : 20;

    if (column >= 0 || item->kind == START_RUN)
        return false;
    if (item->kind == START_HEAD) {
        x = draw_text(v, 1, 0, INK_TITLE | STYLE_BOLD, item->text);
        draw_hline(v, x + 1, 0, v->w - x - 2, INK_FRAME);
        return true;
    }
    /* a sample by its folder and name, so that what one will see has the room */
    name = item->kind == START_SAMPLE ? start_sample_name(item->path) : item->path;
    x = draw_cut(v, NAME_AT, 0, item->kind == START_SAMPLE ? wide : v->w - NAME_AT - 1,
                 selected ? INK_TEXT | STYLE_BOLD : INK_TEXT, name);
    if (item->kind == START_SAMPLE && x < NAME_AT + wide)
        x = NAME_AT + wide;
    draw_cut(v, x + 2, 0, v->w - x - 3, INK_FAINT, item->text);
    return true;
}

static const struct table_rows listing = {
    .column = columns,
    .n_columns = sizeof columns / sizeof *columns,
    .wide = 72,
    .widest = 112,
    .most = 136,
    .margin = 2,
    .quiet = true,
    .count = count,
    .cell = cell,
    .title = title,
    .paint = paint,
    .text = text,
    .before = before,
    .ordered = ordered,
    .is_head = is_head,
};

/* Below the list: where it lies, its model, its measures with their intervals. */
static void draw_detail(const struct view *v, const struct start_item *item)
{
    int x;

    draw_hline(v, 0, 0, v->w, INK_FRAME);
    if (item->kind != START_RUN) { /* what one will see has both lines */
        draw_cut(v, 2, 0, v->w - 4, INK_FAINT, item->path);
        draw_flow(v, 1, 1, v->w - 2, INK_TEXT, item->text, 0);
        return;
    }
    x = draw_cut(v, 1, 1, v->w - 2, INK_FAINT, item->path);
    if (*item->run.model && x + 3 < v->w)
        draw_cut(v, x + 2, 1, v->w - x - 3, INK_TEXT, item->run.model);
    x = 1;
    for (int i = 0; i < item->run.n_evals && i < VAC_MAX_EVALS && x < v->w; i++) {
        const struct vac_eval *e = &item->run.eval[i];
        double scale = e->is_rate ? 100 : 1;

        char value[160], rest[160], judged[REST_SIZE], more[VAC_OTHERS + REST_SIZE + 40] = "";
        int n = 0;

        snprintf(value, sizeof value, "%s %.3g%s ", e->name, scale * e->value,
                 e->is_rate ? "%" : "");
        snprintf(rest, sizeof rest, "[%.3g, %.3g] n=%lld", scale * e->lo, scale * e->hi,
                 (long long)e->n);
        if (e->beneath[VAC_BENEATH_margin].known)
            n = snprintf(more, sizeof more, " margin %.3f",
                         round(e->beneath[VAC_BENEATH_margin].value * 1000) / 1000 + 0.0);
        if (*measured_rest(judged, &e->verdicts))
            snprintf(more + n, sizeof more - (size_t)n, " %s%s%s", judged,
                     *e->verdicts.others ? ": " : "", e->verdicts.others);
        if (x + (int)(strlen(value) + strlen(rest)) > v->w)
            break; /* half a number would be another number */
        x = draw_text(v, x, 2, INK_TEXT, value);
        x = draw_text(v, x, 2, INK_FAINT, rest);
        if (x + (int)strlen(more) <= v->w)
            x = draw_text(v, x, 2, *e->verdicts.others ? INK_WARN | STYLE_BOLD : INK_FAINT, more);
        x += 3;
    }
}

/* What to do while no run is open. */
static int draw_welcome(const struct view *v)
{
    int x;

    x = draw_hint(v, 1, 0, "Enter", "opens a run or starts a sample;");
    x = draw_hint(v, x, 0, "?", "lists all keys;");
    draw_hint(v, x, 0, "q", "leaves");
    if (v->h < 14)
        return 1;
    x = draw_text(v, 1, 1, INK_FAINT, "Your own run file: ");
    x = draw_text(v, x, 1, INK_TEXT, "vaccine FILE.json");
    draw_text(v, x, 1, INK_FAINT, " from the shell, or :open FILE.json here.");
    x = draw_text(v, 1, 2, INK_FAINT, "New here? ");
    x = draw_text(v, x, 2, INK_TEXT, "vaccine tour");
    draw_text(v, x, 2, INK_FAINT, " from the shell: ten minutes with the lab, key by key.");
    return 4;
}

static const char *nothing(struct ui *ui)
{
    return *own(ui)->table.text ? "No run is like that: / and Enter show all."
           : own(ui)->read      ? "No runs in ./runs, no samples, no recent files."
                                : "Looking for runs ...";
}

static void draw(struct ui *ui, const struct view *v)
{
    int y = is_start(ui) && v->h >= 8 ? draw_welcome(v) : 0, below = v->h >= 12 ? 3 : 0;
    struct view part = view_part(v, 0, y, v->w, v->h - y - below);

    table_look(ui, PANEL_runs);
    if (own(ui)->table.n == 0) {
        draw_flow(v, 1, y, v->w - 2, INK_FAINT, nothing(ui), 0);
        return;
    }
    table_draw(ui, PANEL_runs, &part);
    if (!any_has(own(ui), NULL)) /* the heads are those of runs */
        draw_fill(&part, 0, 0, part.w, 1, INK_TEXT, ' ');
    part = view_part(v, 0, v->h - below, v->w, below);
    if (below && selected(ui))
        draw_detail(&part, selected(ui));
}

/* --- actions --- */

static const struct start_item *selected_run(struct ui *ui)
{
    const struct start_item *item = selected(ui);

    if (item && item->kind == START_RUN)
        return item;
    ui_say(ui, "select a run first");
    return NULL;
}

static void unmark(struct runs *r, int at)
{
    if (at >= 0)
        memmove(r->mark[at], r->mark[at + 1], (size_t)(--r->n_marks - at) * sizeof r->mark[0]);
}

static unsigned mark(struct ui *ui)
{
    struct runs *r = own(ui);
    const struct start_item *item = selected_run(ui);
    int at = item ? mark_of(r, item->path) : -1;

    unmark(r, at);
    if (at < 0 && item && r->n_marks < MARKS)
        memcpy(r->mark[r->n_marks++], item->path, VAC_PATH);
    return item ? table_act(ui, PANEL_runs, ACT_down) : UI_HANDLED;
}

/* The marked runs over the curves, and away again. Without marks: the selected one, here. */
static unsigned overlay(struct ui *ui)
{
    struct runs *r = own(ui);
    const struct start_item *item =
        ui->focus == PANEL_runs && r->n_marks == 0 ? selected(ui) : NULL;
    bool same = ui->n_overlay > 0;

    for (int i = 0; i < r->n_marks; i++)
        same = same && compare_is_laid(ui, r->mark[i]);
    if (item && item->kind == START_RUN)
        same = same && compare_is_laid(ui, item->path);
    if (!same && r->n_marks == 0 && (!item || item->kind != START_RUN))
        return UI_IGNORED;
    compare_clear(ui);
    if (same) {
        ui_say(ui, "no other runs over the curves");
        return UI_HANDLED;
    }
    for (int i = 0; i < r->n_marks; i++)
        if (!compare_lay(ui, r->mark[i]))
            return UI_HANDLED;
    if (item)
        compare_lay(ui, item->path);
    if (ui->n_overlay)
        ui_say(ui, "%d other run%s over the curves; o takes %s away", ui->n_overlay,
               ui->n_overlay == 1 ? "" : "s", ui->n_overlay == 1 ? "it" : "them");
    else
        ui_say(ui, "the curves are those of this run: select another one");
    return UI_HANDLED;
}

/* The two marked; the marked one and the open one; else what is marked or open, and the selected. */
static unsigned differences(struct ui *ui)
{
    struct runs *r = own(ui);
    const char *open = *ui->snap.run ? ui_dir(ui) : NULL;
    const char *a = r->n_marks ? r->mark[0] : open;
    bool other = r->n_marks == 1 && open && !compare_is_same(a, open);
    const struct start_item *item = r->n_marks < 2 && !other ? selected_run(ui) : NULL;
    const char *b = r->n_marks >= 2 ? r->mark[1] : other ? open : item ? item->path : NULL;
    char why[512], *text;

    if (!a || !b || compare_is_same(a, b)) {
        ui_say(ui, "select another run, or mark two with m: D compares their descriptions");
        return UI_HANDLED;
    }
    text = compare_configs(a, b, why, sizeof why);
    if (text)
        pager_open("Differences", text);
    else
        ui_warn(ui, "%s", why);
    free(text);
    return UI_HANDLED;
}

static void delete_it(struct ui *ui, int key)
{
    struct runs *r = own(ui);
    char why[512];

    if (key != 'y')
        return;
    if (!compare_delete(ui, r->doomed, why, sizeof why)) {
        ui_warn(ui, "%s", why);
    } else {
        unmark(r, mark_of(r, r->doomed));
        ui_say(ui, "%s is deleted", r->doomed);
    }
    read_again(ui);
}

static unsigned ask_delete(struct ui *ui)
{
    const struct start_item *item = selected_run(ui);
    char text[VAC_PATH + 200];

    if (!item)
        return UI_HANDLED;
    memcpy(own(ui)->doomed, item->path, VAC_PATH);
    snprintf(
        text, sizeof text,
        "%s\n%s, step %lld. All of it goes: checkpoints, curves, answers.\nThis cannot be undone.",
        item->path, item->run.state, (long long)item->run.step);
    dialog_open(&(struct dialog){.title = "Delete this run?",
                                 .text = text,
                                 .choice = {{'y', "delete it"}},
                                 .done = delete_it});
    return UI_HANDLED;
}

static unsigned open_selected(struct ui *ui)
{
    const struct start_item *item = selected(ui);

    if (!item)
        return UI_HANDLED;
    memcpy(ui->open_path, item->path, sizeof ui->open_path);
    return UI_HANDLED | UI_OPEN;
}

static unsigned next_order(struct ui *ui)
{
    static const char *const words[ORDERS] = {
        [BY_AGE] = "age, the newest first",
        [BY_NAME] = "name",
        [BY_METHOD] = "method and rho",
        [BY_RHO] = "rho",
        [BY_MARGIN] = "margin of p(refuse), the widest first",
        [BY_BROKE] = "the step at which it broke against its attack",
        [BY_STEP] = "step, the most first",
    };
    struct runs *r = own(ui);

    do
        r->order = (r->order + 1) % ORDERS;
    while (r->order == BY_MARGIN ? !any_margin(r)
                                 : !words[r->order] && !*r->evals[r->order - BY_SCORE]);
    table_reset(&r->table);
    ui_say(ui, "sorted by %s", words[r->order] ? words[r->order] : r->evals[r->order - BY_SCORE]);
    return UI_HANDLED;
}

static unsigned act(struct ui *ui, enum action a)
{
    switch (a) {
    case ACT_enter:
        return open_selected(ui);
    case ACT_mark:
        return mark(ui);
    case ACT_diff:
        return differences(ui);
    case ACT_erase:
        return ask_delete(ui);
    case ACT_sort:
        return next_order(ui);
    default:
        return UI_IGNORED;
    }
}

static unsigned act_anywhere(struct ui *ui, enum action a)
{
    return a == ACT_overlay ? overlay(ui) : UI_IGNORED;
}

/* --- the rest --- */

static void notes(struct ui *ui, char *out, size_t size)
{
    const struct runs *r = own(ui);
    size_t n = 0;

    out[0] = '\0';
    if (r->n_marks)
        n = (size_t)snprintf(out, size, "%d marked", r->n_marks);
    if (*r->table.text && n < size)
        snprintf(out + n, size - n, "%s/%s", n ? "  " : "", r->table.text);
}

static void readout(struct ui *ui, FILE *out)
{
    const struct start_item *item = selected(ui);

    if (item)
        fprintf(out, "%s\n", item->path);
}

static const struct word words[] = {
    {"rho", "of the stage that aligned, as set last; - = it has none"},
    {"HS%", "mischief answered: alignment's end -> after this one attack"},
    {"over_refusal", "harmless requests refused; FA: the user's task done right"},
    {"broke", "the attack's step at which half of the mischief was answered"},
    {NULL, NULL},
};

const struct panel panel_runs = {
    .name = "runs",
    .title = "Runs",
    .about = "runs on disk and how they stand; open, lay over, compare, delete",
    .words = words,
    .hints = "Enter open  m mark  o overlay  s sort  D compare  Del delete",
    .place = PLACE_RUNS,
    .own = sizeof(struct runs),
    .notes = notes,
    .table = &listing,
    .draw = draw,
    .act = act,
    .act_anywhere = act_anywhere,
    .event = event,
    .refresh = refresh,
    .done = done,
    .readout = readout,
};
