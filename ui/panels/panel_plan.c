/* panel_plan.c - the memory that the stage was planned to take, row by row, beside what the process
 * holds now. */
#include <math.h>
#include "panels/table.h"

enum { ROWS_MOST = 32 };

struct plan {
    struct table table;
    struct {
        char what[64];
        double bytes;
    } row[ROWS_MOST]; /* the sum last */
    int n;
    bool past; /* of the run's first stage, as its run.json has it */
};

static struct plan *own(struct ui *ui)
{
    return panel_own(ui, PANEL_plan);
}

static void event(struct ui *ui, const struct vac_event *e)
{
    struct plan *p = own(ui);

    if (e->kind != VAC_EVENT_PLAN)
        return;
    if (e->plan.first) {
        p->n = 0;
        p->past = e->plan.past;
    }
    if (p->n == ROWS_MOST)
        return;
    snprintf(p->row[p->n].what, sizeof p->row->what, "%s", e->plan.what);
    p->row[p->n++].bytes = (double)e->plan.bytes;
}

static void done(struct ui *ui)
{
    table_done(&own(ui)->table);
}

enum { WHAT, BYTES, SHARE, BAR };
static const struct table_column columns[] = {
    [WHAT] = {"what", "what", {-1, 34, 34}, .main = true},
    [BYTES] = {"memory", "bytes", {9, 9, 9}, .right = true},
    [SHARE] = {"share", NULL, {6, 7, 7}, .right = true},
    [BAR] = {"", NULL, {0, -1, -1}, .pad = 2},
};

static int count(struct ui *ui)
{
    return own(ui)->n;
}

static double share(struct ui *ui, int row)
{
    const struct plan *p = own(ui);
    double total = p->row[p->n - 1].bytes;

    return total > 0 ? p->row[row].bytes / total : NAN;
}

static void cell(struct ui *ui, int row, int column, int wide, struct entry *c)
{
    const struct plan *p = own(ui);
    char text[NUMBER_SIZE];

    (void)wide;
    if (column == WHAT) {
        entry_text(c, INK_TEXT, p->row[row].what);
    } else if (column == BYTES) {
        entry_fmt(c, INK_STRONG, "%s", number_bytes(text, p->row[row].bytes));
        snprintf(c->csv, sizeof c->csv, "%.0f", p->row[row].bytes);
    } else if (column == SHARE && row + 1 < p->n) {
        entry_fmt(c, INK_TEXT, "%s", number_percent(text, share(ui, row)));
    }
}

static bool paint(struct ui *ui, const struct view *v, int row, int column, bool selected)
{
    (void)selected;
    if (column != BAR)
        return false;
    if (row + 1 < own(ui)->n)
        draw_bar(v, 2, 0, v->w - 3, share(ui, row), INK_EPS);
    return true;
}

static const struct table_rows listing = {
    .column = columns,
    .n_columns = sizeof columns / sizeof *columns,
    .wide = 64,
    .margin = 1,
    .head_from = 4,
    .count = count,
    .cell = cell,
    .paint = paint,
};

static void draw(struct ui *ui, const struct view *v)
{
    if (own(ui)->n)
        table_draw(ui, PANEL_plan, v);
    else
        draw_flow(v, 1, 0, v->w - 2, INK_FAINT,
                  *ui->snap.run ? "The stage has not begun." : "No run is open.", 0);
}

static void notes(struct ui *ui, char *out, size_t size)
{
    const char *old =
        own(ui)->n && own(ui)->past && ui->snap.stage_index > 0 ? "first stage's" : "";
    char text[NUMBER_SIZE];

    if (own(ui)->n && ui->snap.rss_bytes > 0)
        snprintf(out, size, "%s%snow %s", old, *old ? ", " : "",
                 number_bytes(text, ui->snap.rss_bytes));
    else
        snprintf(out, size, "%s", old);
}

static const struct word words[] = {
    {"memory", "what the stage takes at most; counted before it is allocated"},
    {"mapped", "read from the file as needed, and shared with other programs"},
    {"now", "in the title: what the process holds"},
    {NULL, NULL},
};

const struct panel panel_plan = {
    .name = "plan",
    .title = "Plan",
    .about = "the memory that the stage takes, row by row, as it was planned",
    .words = words,
    .place = PLACE_OPTIONS,
    .own = sizeof(struct plan),
    .notes = notes,
    .table = &listing,
    .draw = draw,
    .event = event,
    .done = done,
};
