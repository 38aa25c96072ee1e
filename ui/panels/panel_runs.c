/* panel_runs.c - the runs there are: how each stands, opened, laid over the curves, compared,
 * deleted. While no run is open it is the whole screen, with samples and recent files below. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "panels/compare.h"
#include "panels/measured.h"
#include "panels/panel.h"
#include "panels/start.h"
#include "term/filter.h"

enum {
    MARKS = 8,
    AGAIN = 5 /* seconds until the folders are read again */,
    MOST = 110 /* columns */
};

struct runs {
    struct start_list items;
    int *row; /* numbers of the items that are shown */
    int n_rows;
    struct list list;
    char mark[MARKS][VAC_PATH];
    int n_marks;
    bool read, all;
    double read_at;
    char evals[2][VAC_NAME]; /* names of the two measures shown */
    int order;
    struct filter *filter;
    char filter_text[100];
    char doomed[VAC_PATH]; /* waits for the answer to the question */
    char known[VAC_PATH];  /* folder of the open run, remembered */
};
static const char *const orders[] = {"newest", "name", "step", "measure"};
enum { ORDERS = sizeof orders / sizeof *orders };

static struct runs *own(struct ui *ui)
{
    return panel_own(ui, PANEL_runs);
}

static bool is_start(const struct ui *ui)
{
    return !ui->session && !*ui->snap.run;
}

/* --- the list --- */

static const struct vac_eval *eval_of(const struct vac_run_info *run, const char *name)
{
    for (int i = 0; *name && i < run->n_evals && i < VAC_MAX_EVALS; i++)
        if (!strcmp(run->eval[i].name, name))
            return &run->eval[i];
    return NULL;
}

static bool any_has(const struct runs *r, const char *name)
{
    for (size_t i = 0; i < r->items.n; i++)
        if (r->items.v[i].kind == START_RUN && eval_of(&r->items.v[i].run, name))
            return true;
    return false;
}

/* HS and FA when there are such; else the first two names. */
static void choose_evals(struct runs *r)
{
    static const char *const usual[2] = {"HS", "FA"};

    for (int k = 0; k < 2; k++)
        snprintf(r->evals[k], VAC_NAME, "%s", any_has(r, usual[k]) ? usual[k] : "");
    for (size_t i = 0; i < r->items.n; i++)
        for (int e = 0; r->items.v[i].kind == START_RUN && e < r->items.v[i].run.n_evals; e++)
            for (int k = 0; k < 2; k++) {
                const char *name = r->items.v[i].run.eval[e].name;

                if (!*r->evals[k] && strcmp(r->evals[1 - k], name))
                    snprintf(r->evals[k], VAC_NAME, "%s", name);
            }
}

static bool passes(const struct runs *r, const struct filter *f, size_t i)
{
    const struct start_item *item = &r->items.v[i];
    char text[VAC_PATH + 512];

    if (!f)
        return true;
    if (item->kind == START_RUN)
        snprintf(text, sizeof text, "%s %s %s", item->run.name, item->run.model, item->run.state);
    else
        snprintf(text, sizeof text, "%s %s", item->path, item->text);
    return item->kind != START_HEAD && filter_match(f, text);
}

static double order_value(const struct runs *r, const struct start_item *item)
{
    const struct vac_eval *e = eval_of(&item->run, r->evals[0]);

    return r->order == 2 ? -(double)item->run.step : r->order == 3 ? (e ? e->value : INFINITY) : 0;
}

static bool comes_before(const struct runs *r, const struct start_item *a,
                         const struct start_item *b)
{
    if (a->kind != START_RUN || b->kind != START_RUN || r->order == 0)
        return false;
    return r->order == 1 ? strcmp(a->run.name, b->run.name) < 0
                         : order_value(r, a) < order_value(r, b);
}

static void show_rows(struct runs *r)
{
    int *grown = realloc(r->row, (r->items.n + 1) * sizeof *grown);

    r->n_rows = 0;
    if (!grown)
        return;
    r->row = grown;
    for (size_t i = 0; i < r->items.n; i++) {
        int at = r->n_rows;

        if (!passes(r, r->filter, i))
            continue;
        while (at > 0 && comes_before(r, &r->items.v[i], &r->items.v[r->row[at - 1]])) {
            r->row[at] = r->row[at - 1];
            at--;
        }
        r->row[at] = (int)i;
        r->n_rows++;
    }
}

static const struct start_item *item_at(const struct runs *r, int row)
{
    return row >= 0 && row < r->n_rows ? &r->items.v[r->row[row]] : NULL;
}

static const struct start_item *selected(struct ui *ui)
{
    const struct start_item *item = item_at(own(ui), own(ui)->list.selected);

    return item && item->kind != START_HEAD ? item : NULL;
}

/* Heads cannot be selected. */
static void leave_head(struct runs *r, int direction)
{
    const struct start_item *item = item_at(r, r->list.selected);

    if (item && item->kind == START_HEAD)
        r->list.selected +=
            r->list.selected + direction < 0 || r->list.selected + direction >= r->n_rows
                ? -direction
                : direction;
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
    show_rows(r);
    for (int i = 0; *path && i < r->n_rows; i++)
        if (!strcmp(item_at(r, i)->path, path))
            r->list.selected = i;
    leave_head(r, 1);
}

static void refresh(struct ui *ui)
{
    struct runs *r = own(ui);

    if (!r->read || r->all != is_start(ui) || ui->now - r->read_at >= AGAIN)
        read_again(ui);
}

static void event(struct ui *ui, const struct vac_event *e)
{
    struct runs *r = own(ui);

    if (e->kind != VAC_EVENT_JOURNAL || !ui->session || !strcmp(r->known, ui_dir(ui)))
        return;
    snprintf(r->known, sizeof r->known, "%s", ui_dir(ui));
    start_remember(r->known);
}

static void done(struct ui *ui)
{
    struct runs *r = own(ui);

    start_done(&r->items);
    free(r->row);
    filter_free(r->filter);
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

static const char *age_text(const struct ui *ui, char out[NUMBER_SIZE], double modified)
{
    double s = (double)time(NULL) - modified;
    static const struct {
        double seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};

    if (ui->deterministic || modified <= 0 || !(s >= 0))
        return strcpy(out, "-");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (s >= units[i].seconds || units[i].seconds == 1) {
            snprintf(out, NUMBER_SIZE, "%.0f %s", floor(s / units[i].seconds), units[i].unit);
            break;
        }
    return out;
}

/* Ends of the columns, from the right; 0 = not shown at this width. */
struct columns {
    int name, state, step, eval[2], age;
};

static struct columns columns_for(int w)
{
    struct columns c;

    w = w < MOST ? w : MOST;
    c = (struct columns){.eval = {w - 8, w - 2}, .step = w - 15};

    if (w >= 60) {
        c.age = w - 2;
        c.eval[0] = w - 16;
        c.eval[1] = w - 9;
        c.step = w - 24;
        c.state = w - 47;
    }
    c.name = c.state ? c.state - 1 : c.step - 6;
    return c;
}

static void draw_head(const struct runs *r, const struct view *v, const struct columns *c)
{
    draw_text(v, 4, 0, INK_FAINT, "run");
    if (c->state)
        draw_text(v, c->state, 0, INK_FAINT, "state");
    draw_right(v, c->step, 0, INK_FAINT, "step");
    for (int k = 0; k < 2; k++) {
        char text[VAC_NAME + 2];

        if (*r->evals[k]) {
            snprintf(text, sizeof text, "%.5s%%", r->evals[k]);
            draw_right(v, c->eval[k], 0, INK_FAINT, text);
        }
    }
    if (c->age)
        draw_right(v, c->age, 0, INK_FAINT, "age");
}

static void draw_eval(const struct view *v, int end, int y, const struct vac_eval *e)
{
    char text[NUMBER_SIZE];
    int x;

    if (!e || isnan(e->value))
        strcpy(text, "-");
    else if (e->is_rate)
        snprintf(text, sizeof text, "%.1f", 100 * e->value);
    else
        number_text(text, e->value, 3);
    x = draw_right(v, end, y, e ? INK_STRONG : INK_FAINT, text);
    if (e && *e->verdicts.others) /* the score alone would mislead */
        draw_text(v, x, y, INK_WARN | STYLE_BOLD, "!");
}

static void draw_step(const struct view *v, int end, int y, const struct vac_run_info *run,
                      bool wide)
{
    char text[64];

    if (wide && run->total_steps > 0)
        snprintf(text, sizeof text, "%lld/%lld", (long long)run->step, (long long)run->total_steps);
    else
        snprintf(text, sizeof text, "%lld", (long long)run->step);
    draw_right(v, end, y, INK_TEXT, text);
}

static void draw_run(struct ui *ui, const struct view *v, int y, const struct start_item *item,
                     const struct columns *c, bool chosen)
{
    const struct runs *r = own(ui);
    const struct vac_run_info *run = &item->run;
    enum sign glyph;
    unsigned style = state_style(run->state, &glyph);
    int mark = mark_of(r, item->path);
    bool open = *ui->snap.run && !strcmp(run->name, ui->snap.run);
    char text[NUMBER_SIZE];

    if (mark >= 0)
        draw_glyph(v, 1, y, INK_RUN0 + (unsigned)mark % INK_RUNS, sign(v->c, SIGN_MARK));
    draw_glyph(v, 2, y, style, sign(v->c, glyph));
    draw_cut(v, 4, y, c->name - 4, (open ? INK_ALIGN : INK_TEXT) | (chosen ? STYLE_BOLD : 0),
             run->name);
    if (c->state)
        draw_cut(v, c->state, y, 8, style, run->state);
    draw_step(v, c->step, y, run, c->state > 0);
    for (int k = 0; k < 2; k++)
        if (*r->evals[k])
            draw_eval(v, c->eval[k], y, eval_of(run, r->evals[k]));
    if (c->age)
        draw_right(v, c->age, y, INK_FAINT, age_text(ui, text, run->modified));
}

static void draw_item(struct ui *ui, const struct view *v, int y, const struct start_item *item,
                      const struct columns *c, bool chosen)
{
    int x;

    if (item->kind == START_HEAD) {
        x = draw_text(v, 1, y, INK_TITLE | STYLE_BOLD, item->text);
        draw_hline(v, x + 1, y, v->w - x - 2, INK_FRAME);
        return;
    }
    if (chosen)
        draw_glyph(v, 0, y, INK_FOCUS, sign(v->c, SIGN_SELECTED));
    if (item->kind == START_RUN) {
        draw_run(ui, v, y, item, c, chosen);
        return;
    }
    x = draw_cut(v, 4, y, item->kind == START_SAMPLE ? v->w * 2 / 5 : v->w - 5,
                 chosen ? INK_TEXT | STYLE_BOLD : INK_TEXT, item->path);
    draw_cut(v, x + 2, y, v->w - x - 3, INK_FAINT, item->text);
}

/* Below the list: where it lies, its model, its measures with their intervals. */
static void draw_detail(const struct view *v, const struct start_item *item)
{
    int x;

    draw_hline(v, 0, 0, v->w, INK_FRAME);
    x = draw_cut(v, 1, 1, v->w - 2, INK_FAINT, item->path);
    if (item->kind != START_RUN) {
        draw_cut(v, 1, 2, v->w - 2, INK_TEXT, item->text);
        return;
    }
    if (*item->run.model && x + 3 < v->w)
        draw_cut(v, x + 2, 1, v->w - x - 3, INK_TEXT, item->run.model);
    x = 1;
    for (int i = 0; i < item->run.n_evals && i < VAC_MAX_EVALS && x < v->w; i++) {
        const struct vac_eval *e = &item->run.eval[i];
        double scale = e->is_rate ? 100 : 1;

        char value[160], rest[160], judged[REST_SIZE], more[VAC_OTHERS + REST_SIZE + 4] = "";

        snprintf(value, sizeof value, "%s %.3g%s ", e->name, scale * e->value,
                 e->is_rate ? "%" : "");
        snprintf(rest, sizeof rest, "[%.3g, %.3g] n=%lld", scale * e->lo, scale * e->hi,
                 (long long)e->n);
        if (*measured_rest(judged, &e->verdicts))
            snprintf(more, sizeof more, " %s%s%s", judged, *e->verdicts.others ? ": " : "",
                     e->verdicts.others);
        if (x + (int)(strlen(value) + strlen(rest)) >
            v->w) /* half a number would be another number */
            break;
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
    return 3;
}

static void draw_nothing(struct ui *ui, const struct view *v, int y)
{
    draw_flow(v, 1, y, v->w - 2, INK_FAINT,
              own(ui)->read ? "No runs in ./runs, no samples, no recent files."
                            : "Looking for runs ...",
              0);
}

static void draw(struct ui *ui, const struct view *v)
{
    struct runs *r = own(ui);
    struct columns c = columns_for(v->w);
    int y = is_start(ui) && v->h >= 8 ? draw_welcome(v) : 0, below = v->h >= 12 ? 3 : 0;
    struct view part;

    if (r->n_rows == 0) {
        draw_nothing(ui, v, y);
        return;
    }
    part = view_part(v, 0, y, v->w, 1);
    draw_head(r, &part, &c);
    y++;
    list_show(&r->list, r->n_rows, v->h - y - below);
    for (int i = 0; i < r->list.rows && r->list.top + i < r->n_rows; i++)
        draw_item(ui, v, y + i, item_at(r, r->list.top + i), &c,
                  ui->focus == PANEL_runs && r->list.top + i == r->list.selected);
    list_draw_scroll(&r->list, v, y);
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

static unsigned mark(struct ui *ui)
{
    struct runs *r = own(ui);
    const struct start_item *item = selected_run(ui);
    int at = item ? mark_of(r, item->path) : -1;

    if (at >= 0) {
        r->n_marks--;
        memmove(r->mark[at], r->mark[at + 1], (size_t)(r->n_marks - at) * sizeof r->mark[0]);
    } else if (item && r->n_marks < MARKS) {
        memcpy(r->mark[r->n_marks++], item->path, VAC_PATH);
    }
    if (item && r->list.selected + 1 < r->n_rows)
        r->list.selected++;
    leave_head(r, 1);
    return UI_HANDLED | UI_REDRAW;
}

/* The marked runs over the curves, and away again. Without marks: the selected one, in this panel.
 */
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
        return UI_HANDLED | UI_REDRAW;
    }
    for (int i = 0; i < r->n_marks; i++)
        if (!compare_lay(ui, r->mark[i]))
            return UI_HANDLED | UI_REDRAW;
    if (item)
        compare_lay(ui, item->path);
    ui_say(ui, "%d other run%s over the curves; o takes %s away", ui->n_overlay,
           ui->n_overlay == 1 ? "" : "s", ui->n_overlay == 1 ? "it" : "them");
    return UI_HANDLED | UI_REDRAW;
}

/* The two marked, or the marked (else the open) one and the selected. */
static unsigned differences(struct ui *ui)
{
    struct runs *r = own(ui);
    const struct start_item *item = r->n_marks < 2 ? selected_run(ui) : NULL;
    const char *a = r->n_marks ? r->mark[0] : *ui->snap.run ? ui_dir(ui) : NULL;
    const char *b = r->n_marks >= 2 ? r->mark[1] : item ? item->path : NULL;
    char why[512], *text;

    if (!a || !b) {
        ui_say(ui, "mark two runs with m, then D compares their descriptions");
        return UI_HANDLED | UI_REDRAW;
    }
    text = compare_configs(a, b, why, sizeof why);
    if (text)
        pager_open("Differences", text);
    else
        ui_warn(ui, "%s", why);
    free(text);
    return UI_HANDLED | UI_REDRAW;
}

static void delete_it(struct ui *ui, int key)
{
    struct runs *r = own(ui);
    char why[512];
    int at = mark_of(r, r->doomed);

    if (key != 'y')
        return;
    if (!compare_delete(ui, r->doomed, why, sizeof why)) {
        ui_warn(ui, "%s", why);
    } else {
        if (at >= 0) {
            r->n_marks--;
            memmove(r->mark[at], r->mark[at + 1], (size_t)(r->n_marks - at) * sizeof r->mark[0]);
        }
        ui_say(ui, "%s is deleted", r->doomed);
    }
    read_again(ui);
}

static unsigned ask_delete(struct ui *ui)
{
    const struct start_item *item = selected_run(ui);
    char text[VAC_PATH + 200];

    if (!item)
        return UI_HANDLED | UI_REDRAW;
    memcpy(own(ui)->doomed, item->path, VAC_PATH);
    snprintf(
        text, sizeof text,
        "%s\n%s, step %lld. All of it goes: checkpoints, curves, answers.\nThis cannot be undone.",
        item->path, item->run.state, (long long)item->run.step);
    dialog_open(&(struct dialog){.title = "Delete this run?",
                                 .text = text,
                                 .choice = {{'y', "delete it"}},
                                 .done = delete_it});
    return UI_HANDLED | UI_REDRAW;
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
    struct runs *r = own(ui);

    r->order = (r->order + 1) % ORDERS;
    show_rows(r);
    ui_say(ui, "sorted by %s", r->order == 3 && *r->evals[0] ? r->evals[0] : orders[r->order]);
    return UI_HANDLED | UI_REDRAW;
}

static unsigned act(struct ui *ui, enum action a)
{
    struct runs *r = own(ui);
    unsigned did;

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
        did = list_act(&r->list, a);
        if (did)
            leave_head(r, a == ACT_up || a == ACT_page_up ? -1 : 1);
        return did;
    }
}

static unsigned act_anywhere(struct ui *ui, enum action a)
{
    return a == ACT_overlay ? overlay(ui) : UI_IGNORED;
}

static bool filter(struct ui *ui, const char *text)
{
    struct runs *r = own(ui);
    char why[200] = "";
    struct filter *f = filter_new(text, why, sizeof why);
    bool any = *text == '\0' || r->items.n == 0;

    if (!f) {
        ui_warn(ui, "%s", why);
        return true;
    }
    for (size_t i = 0; i < r->items.n && !any; i++)
        any = passes(r, f, i);
    if (any) {
        filter_free(r->filter);
        r->filter = *text ? f : NULL;
        snprintf(r->filter_text, sizeof r->filter_text, "%s", text);
        show_rows(r);
    }
    if (!any || !*text)
        filter_free(f);
    return any;
}

/* --- the rest --- */

static void click(struct ui *ui, int x, int y, int w, int h)
{
    struct runs *r = own(ui);
    int head = (is_start(ui) && h >= 8 ? h < 14 ? 1 : 3 : 0) + 1, row = r->list.top + y - head;

    (void)x;
    (void)w;
    if (y >= head && y < head + r->list.rows && row < r->n_rows)
        r->list.selected = row;
    leave_head(r, 1);
}

static void notes(struct ui *ui, char *out, size_t size)
{
    const struct runs *r = own(ui);
    size_t n = 0;

    out[0] = '\0';
    if (r->n_marks)
        n = (size_t)snprintf(out, size, "%d marked", r->n_marks);
    if (*r->filter_text && n < size)
        snprintf(out + n, size - n, "%s/%s", n ? "  " : "", r->filter_text);
}

static void readout(struct ui *ui, FILE *out)
{
    const struct start_item *item = selected(ui);

    if (item)
        fprintf(out, "%s\n", item->path);
}

static void csv(struct ui *ui, FILE *out)
{
    const struct runs *r = own(ui);

    fputs("name,state,step,total_steps", out);
    for (int k = 0; k < 2; k++)
        fprintf(out, ",%s,%s refused,%s other", r->evals[k], r->evals[k], r->evals[k]);
    fputs(",folder\n", out);
    for (int i = 0; i < r->n_rows; i++) {
        const struct start_item *item = item_at(r, i);

        if (item->kind != START_RUN)
            continue;
        fprintf(out, "%s,%s,%lld,%lld", item->run.name, item->run.state, (long long)item->run.step,
                (long long)item->run.total_steps);
        for (int k = 0; k < 2; k++) {
            const struct vac_eval *e = eval_of(&item->run, r->evals[k]);

            const double cell[] = {e ? e->value : NAN,
                                   e ? measured_refused(&e->verdicts) / 100 : NAN,
                                   e ? measured_other(&e->verdicts) / 100 : NAN};

            for (int c = 0; c < 3; c++)
                fprintf(out, isnan(cell[c]) ? "," : ",%.9g", cell[c]);
        }
        fprintf(out, ",\"%s\"\n", item->path);
    }
}

const struct panel panel_runs = {
    .name = "runs",
    .title = "Runs",
    .about = "runs on disk and how they stand; open, lay over, compare, delete",
    .hints = "Enter open  m mark  o overlay  D compare  Del delete",
    .place = PLACE_RUNS,
    .own = sizeof(struct runs),
    .notes = notes,
    .draw = draw,
    .act = act,
    .act_anywhere = act_anywhere,
    .event = event,
    .refresh = refresh,
    .done = done,
    .filter = filter,
    .click = click,
    .readout = readout,
    .csv = csv,
};
