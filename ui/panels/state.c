/* state.c - what the screen keeps of a run: grown from the session's history, looked up by step. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/state.h"

#define COLUMN_NAME(name, ...) #name,
const char *const column_names[COL_COUNT] = {"step", "stage", VAC_COLUMNS(COLUMN_NAME)};
const char *const x_unit_names[X_COUNT] = {"step", "tokens", "s"};
const enum column x_unit_columns[X_COUNT] = {COL_step, COL_tokens, COL_wall};

/* Room for one more of something; false when there is no memory (the history then just stops). */
static bool reserve(void **v, size_t *cap, size_t n, size_t size)
{
    size_t want = *cap ? *cap * 2 : 256;
    void *grown;

    if (n < *cap)
        return true;
    grown = realloc(*v, want * size);
    if (!grown)
        return false;
    *v = grown;
    *cap = want;
    return true;
}

const double *history_column(const struct history *h, enum column c)
{
    return h->v ? h->v + c : NULL;
}

long history_row(const struct history *h, double step)
{
    size_t lo = 0, hi = h->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (h->v[mid * COL_COUNT + COL_step] <= step)
            lo = mid + 1;
        else
            hi = mid;
    }
    return (long)lo - 1;
}

void history_push(struct history *h, const struct vac_point *p)
{
    double *v, was[COL_COUNT];
    bool begins = false; /* a stage, where the last one has ended: that one's values stay */

    while (h->n && h->v[(h->n - 1) * COL_COUNT + COL_step] >= (double)p->step) {
        h->n--; /* the run went back */
        memcpy(was, h->v + h->n * COL_COUNT, sizeof was);
        begins = was[COL_step] == (double)p->step && was[COL_stage] < p->stage;
    }
    if (!reserve((void **)&h->v, &h->cap, h->n, HISTORY_STRIDE))
        return;
    v = h->v + h->n++ * COL_COUNT;
    v[COL_step] = (double)p->step;
    v[COL_stage] = p->stage;
#define COLUMN_PUT(name, ...) v[COL_##name] = p->name;
    VAC_COLUMNS(COLUMN_PUT)
    for (int c = 0; begins && c < COL_COUNT; c++)
        if (isnan(v[c]))
            v[c] = was[c];
}

void history_done(struct history *h)
{
    free(h->v);
    *h = (struct history){0};
}

/* --- layers --- */

static size_t row_floats(const struct layer_history *h)
{
    return (size_t)METRIC_COUNT * (size_t)h->n_layers;
}

const float *layer_values(const struct layer_history *h, size_t row, enum metric m)
{
    return h->v + row * row_floats(h) + (size_t)m * (size_t)h->n_layers;
}

long layer_row(const struct layer_history *h, double step, enum metric m)
{
    size_t lo = 0, hi = h->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (h->step[mid] <= step)
            lo = mid + 1;
        else
            hi = mid;
    }
    while (lo-- > 0) {
        int measured;

        layer_sum(layer_values(h, lo, m), h->n_layers, &measured);
        if (measured)
            return (long)lo;
    }
    return -1;
}

static double stage_at(const struct ui *ui, double step)
{
    long row = history_row(&ui->points, step);

    return row < 0 ? NAN : ui->points.v[(size_t)row * COL_COUNT + COL_stage];
}

long ui_layer_row(const struct ui *ui, double step, enum metric m)
{
    long row = layer_row(&ui->layers, step, m);

    return row >= 0 && (m == METRIC_eps || m == METRIC_eps_rel) &&
                   stage_at(ui, ui->layers.step[row]) < stage_at(ui, step)
               ? -1
               : row;
}

double layer_sum(const float *v, int n_layers, int *measured)
{
    double sum = 0;

    *measured = 0;
    for (int i = 0; i < n_layers; i++)
        if (!isnan(v[i])) {
            sum += (double)v[i];
            ++*measured;
        }
    return sum;
}

/* Takes over what the newer row measured. */
static void merge_row(const struct layer_history *h, float *into, const float *newer)
{
    for (size_t i = 0; i < row_floats(h); i++)
        if (!isnan(newer[i]))
            into[i] = newer[i];
}

/* Halves the rows; what only the dropped one of a pair measured moves to the one that stays. */
static void thin(struct layer_history *h)
{
    size_t size = row_floats(h);

    for (size_t i = 0; i + 1 < h->n; i += 2) {
        float *to = h->v + i / 2 * size;

        memmove(to, h->v + i * size, size * sizeof *to);
        merge_row(h, to, h->v + (i + 1) * size);
        h->step[i / 2] = h->step[i + 1];
    }
    h->n /= 2;
    h->every *= 2;
}

static bool reserve_rows(struct layer_history *h)
{
    size_t want = h->cap ? h->cap * 2 : 256;
    double *step;
    float *v;

    if (h->n < h->cap)
        return true;
    step = realloc(h->step, want * sizeof *step);
    if (!step)
        return false;
    h->step = step;
    v = realloc(h->v, want * row_floats(h) * sizeof *v);
    if (!v)
        return false;
    h->v = v;
    h->cap = want;
    return true;
}

static void fill_row(const struct layer_history *h, float *row, const struct vac_layers *l)
{
    for (int m = 0; m < METRIC_COUNT; m++)
        memcpy(row + (size_t)m * (size_t)h->n_layers, (const char *)l + vac_series[m].offset,
               (size_t)h->n_layers * sizeof *row);
}

void layer_history_push(struct layer_history *h, const struct vac_layers *l, int n_layers)
{
    enum { MOST_ROWS = 4096 };

    if (n_layers < 1 || n_layers > VAC_MAX_LAYERS)
        return;
    if (h->n_layers != n_layers) {
        layer_history_done(h);
        h->n_layers = n_layers;
        h->every = 1;
    }
    while (h->n && h->step[h->n - 1] >= (double)l->step)
        h->n--;
    if (h->n >= MOST_ROWS)
        thin(h);
    if (!reserve_rows(h))
        return;
    fill_row(h, h->v + h->n * row_floats(h), l);
    if (h->n && h->skipped + 1 < h->every) {
        merge_row(h, h->v + (h->n - 1) * row_floats(h), h->v + h->n * row_floats(h));
        h->skipped++;
        h->step[h->n - 1] = (double)l->step;
        return;
    }
    h->skipped = 0;
    h->step[h->n++] = (double)l->step;
}

void layer_history_done(struct layer_history *h)
{
    free(h->step);
    free(h->v);
    *h = (struct layer_history){0};
}

/* --- journal --- */

void journal_push(struct journal *j, const struct vac_event *e)
{
    struct journal_line *l;

    if ((e->line && e->line <= j->last) || !reserve((void **)&j->v, &j->cap, j->n, sizeof *j->v))
        return;
    if (e->line)
        j->last = e->line;
    l = &j->v[j->n++];
    l->step = e->step;
    l->time = e->time;
    l->kind = e->kind;
    memcpy(l->text, e->text, sizeof l->text);
    l->text[sizeof l->text - 1] = '\0';
}

void journal_done(struct journal *j)
{
    free(j->v);
    *j = (struct journal){0};
}

/* --- messages --- */

static void stamp(struct ui *ui, bool warning)
{
    ui->message.next[0] = '\0';
    ui->message.warning = warning;
    ui->message.stood = false;
    ui->message.beside = ui->snap.fault;
    ui->message.at = ui->now;
    ui->message.until = 0;
    ui->dirty = true;
}

static void set_message(struct ui *ui, bool warning, const char *fmt, va_list ap)
{
    struct message *m = &ui->message;
    bool waits = ui->news && !warning && m->warning && *m->text;
    char *to = waits ? m->next : m->text;
    size_t n = 0;

    if (ui->news && *ui->news)
        n = (size_t)snprintf(to, MESSAGE_SIZE, "%.100s: ", ui->news);
    vsnprintf(to + n, MESSAGE_SIZE - n, fmt, ap);
    if (!waits)
        stamp(ui, warning);
}

void ui_say(struct ui *ui, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_message(ui, false, fmt, ap);
    va_end(ap);
}

void ui_warn(struct ui *ui, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_message(ui, true, fmt, ap);
    va_end(ap);
}

void ui_announce(struct ui *ui, uint64_t command, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_message(ui, false, fmt, ap);
    va_end(ap);
    ui->message.until = command;
}

/* News goes when something else is drawn after a while: it is worth no frame of its own, and none
 * at all while nothing moves. What was done stays long enough to be read while training goes on.
 * What was said before a fault does not stand beside it, nor what is only going to be done; an
 * answer to a key does, for a while. Warnings stay until the user does something else, and before news
 * for as long as it takes to see them. */
void ui_drop_message(struct ui *ui)
{
    enum { SECONDS = 12, READ = 2 };
    const struct message *m = &ui->message;
    bool running =
        (ui->snap.state == VAC_RUNNING || ui->snap.state == VAC_MEASURING) && !ui->deterministic;
    bool fault = ui->snap.fault, passing = running || (fault && !ui->deterministic);
    const struct vac_snapshot *told = ui->look ? vac_snapshot(ui->look) : &ui->snap;
    bool done = m->until && told->commands_applied >= m->until;

    if (!m->warning && ((passing && ui->now > m->at + (done ? READ : SECONDS)) ||
                        (done && !running) || (fault && (m->until || !m->beside))))
        ui->message.text[0] = '\0';
    if (m->warning && *m->next && ui->now > m->at + SECONDS)
        ui_next_message(ui);
}

void ui_next_message(struct ui *ui)
{
    memcpy(ui->message.text, ui->message.next, sizeof ui->message.text);
    stamp(ui, false);
}

void ui_done_warning(struct ui *ui)
{
    if (ui->message.warning)
        ui_next_message(ui);
}

void ui_unsay(struct ui *ui)
{
    ui->message.next[0] = '\0';
    if (!ui->message.warning)
        ui->message.text[0] = '\0';
}

/* --- the focus --- */

void ui_focus(struct ui *ui, int panel)
{
    if (panel < 0 || panel >= PANELS_MOST)
        return;
    ui->focus = panel;
    if (ui->session || *ui->watched) /* the start screen is no choice */
        ui->focused[panel] = ++ui->n_focused;
    ui->dirty = true;
}

const char *ui_dir(const struct ui *ui)
{
    const char *dir = ui->session ? vac_session_dir(ui->session) : ui->watched;

    return *dir ? dir : ".";
}

const struct vac_siege_now *ui_siege(const struct ui *ui)
{
    return *ui->siege.dir ? &ui->siege : &ui->snap.attack;
}

/* --- the window of all plots --- */

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
    p->newest = in_unit(ui, (double)ui->snap.step);
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
