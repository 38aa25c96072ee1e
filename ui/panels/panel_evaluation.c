/* panel_evaluation.c - what is measured on held-out prompts and tasks: value, interval, how it
 * went, stage by stage and category by category.
 *
 * With other runs laid over, the selected measure of all of them (contest.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "panels/ask.h"
#include "panels/contest.h"
#include "panels/endured.h"
#include "panels/table.h"

enum { CATEGORIES = 64, STAGES = 16 };

struct category {
    char name[VAC_NAME];
    int64_t count, n;
};
struct categories {
    struct category v[CATEGORIES];
    int n;
};
/* What two judges call differently, of a newest measurement. */
struct disputes {
    struct vac_event event; /* that holds them; kept */
    bool held;
};
struct evaluation {
    struct table table;
    struct measures history;
    struct disputes disputes[VAC_MAX_EVALS];     /* newest of each series */
    struct categories categories[VAC_MAX_EVALS]; /* newest of each series */
    struct laid laid[INK_RUNS];
    bool chosen;                   /* the table has its first selection */
    struct vac_labelled *labelled; /* what labels say, */
    size_t n_labelled;
    int64_t labels_size, labels_step; /* of the file when it was read, and then */
    struct endured endured;           /* what attacks came to */
};

static struct evaluation *own(struct ui *ui)
{
    return panel_own(ui, PANEL_evaluation);
}

/* --- what was measured --- */

static bool is_rate(const struct ui *ui, const char *name)
{
    for (int i = 0; i < ui->snap.n_evals && i < VAC_MAX_EVALS; i++)
        if (!strncmp(ui->snap.eval[i].name, name, VAC_NAME - 1))
            return ui->snap.eval[i].is_rate;
    return true;
}

static void take_categories(struct categories *s, const struct vac_event *e)
{
    s->n = 0;
    for (size_t i = 0; i < e->eval.n_category && s->n < CATEGORIES; i++) {
        struct category *c = &s->v[s->n++];

        snprintf(c->name, sizeof c->name, "%s", e->eval.category[i].name);
        c->count = e->eval.category[i].count;
        c->n = e->eval.category[i].n;
    }
}

static void forget_disputes(struct disputes *d)
{
    if (d->held)
        vac_event_done(&d->event);
    d->held = false;
}

static void event(struct ui *ui, const struct vac_event *e)
{
    struct evaluation *all = own(ui);
    struct series *s;

    if (e->kind != VAC_EVENT_EVAL)
        return;
    s = measures_put(&all->history, e->eval.score);
    if (s) {
        struct disputes *d = &all->disputes[s - all->history.series];

        forget_disputes(d);
        vac_event_keep(e);
        *d = (struct disputes){*e, true};
    }
    if (s && e->eval.n_category)
        take_categories(&all->categories[s - all->history.series], e);
}

static void done(struct ui *ui)
{
    struct evaluation *e = own(ui);

    table_done(&e->table);
    free(e->labelled);
    e->labelled = NULL;
    e->n_labelled = 0;
    endured_done(&e->endured);
    for (int i = 0; i < VAC_MAX_EVALS; i++)
        forget_disputes(&e->disputes[i]);
    measures_done(&e->history);
    contest_forget(e->laid);
}

/* --- the table --- */

static unsigned ink_of(int i)
{
    static const unsigned inks[] = {INK_HARM, INK_ALIGN, INK_EPS, INK_DRIFT, INK_GRAD};

    return inks[(size_t)i % (sizeof inks / sizeof *inks)];
}

static char glyph_of(int i)
{
    return "*o+x=~^"[i % 7]; /* none that another run has */
}

static void interval_text(char *out, size_t size, const struct vac_eval *e)
{
    char lo[NUMBER_SIZE], hi[NUMBER_SIZE];

    out[0] = '\0';
    if (e->step >= 0 && !isnan(e->lo) && !isnan(e->hi))
        snprintf(out, size, "[%s, %s]", measured_text(lo, e->lo, e->is_rate),
                 measured_text(hi, e->hi, e->is_rate));
}

enum { SIGN, NAME, VALUE, INTERVAL, COUNT, STEP, REFUSED, OTHER };
static const struct table_column columns[] = {
    [SIGN] = {"", NULL, {3, 3}, .pad = 1},
    [NAME] = {"name", NULL, {13, 13}, .main = true},
    [VALUE] = {"value", NULL, {6, 6}, .right = true},
    [INTERVAL] = {"95% interval", NULL, {16, 16}, .pad = 2, .from = 37},
    [COUNT] = {"count/n", NULL, {10, 10}, .right = true, .from = 50},
    [STEP] = {"step", NULL, {8, 8}, .right = true, .from = 58},
    [REFUSED] = {NULL, NULL, {9, 9}, .right = true, .from = 75},
    [OTHER] = {NULL, NULL, {7, 7}, .right = true, .from = 75},
};

static int count(struct ui *ui)
{
    return ui->snap.n_evals < VAC_MAX_EVALS ? ui->snap.n_evals : VAC_MAX_EVALS;
}

static void put_share(struct entry *c, unsigned ink, double share)
{
    char text[NUMBER_SIZE];

    if (isnan(share))
        return;
    entry_fmt(c, ink, "%s", measured_text(text, share / 100, true));
    entry_text(c, INK_FAINT, "%");
}

static void cell(struct ui *ui, int row, int column, int wide, struct entry *c)
{
    const struct vac_eval *e = &ui->snap.eval[row];
    char text[80];

    (void)wide;
    if (e->step < 0 && column > VALUE && !(column == INTERVAL && e->done > 0))
        return;
    switch (column) {
    case SIGN:
        entry_fmt(c, ink_of(row), "%c", glyph_of(row));
        break;
    case NAME:
        entry_text(c, INK_TEXT, e->name);
        break;
    case VALUE:
        if (e->step < 0) {
            entry_text(c, INK_FAINT, "- ");
        } else {
            entry_fmt(c, INK_STRONG, "%s", measured_text(text, e->value, e->is_rate));
            entry_text(c, INK_FAINT, e->is_rate ? "%" : "");
        }
        break;
    case INTERVAL: /* while it is measured anew, how far that has come */
        interval_text(text, sizeof text, e);
        if (e->done > 0)
            entry_fmt(c, INK_EPS, "%lld ...", (long long)e->done);
        else
            entry_fmt(c, INK_TEXT, "%s", text);
        break;
    case COUNT:
        entry_fmt(c, INK_TEXT, "%lld/%lld", (long long)e->count, (long long)e->n);
        break;
    case STEP:
        entry_fmt(c, INK_FAINT, "%lld", (long long)e->step);
        break;
    case REFUSED:
        put_share(c, INK_TEXT, measured_refused(&e->verdicts));
        break;
    default:
        put_share(c, *e->verdicts.others ? INK_WARN | STYLE_BOLD : INK_TEXT,
                  measured_other(&e->verdicts));
    }
}

/* The heads of shares that are known of anything that is measured. */
static void title(struct ui *ui, int column, bool csv, char *out, size_t size)
{
    (void)csv;
    for (int i = 0; i < count(ui); i++)
        if (!isnan(measured_other(&ui->snap.eval[i].verdicts)))
            snprintf(out, size, "%s", column == REFUSED ? "refused" : "other");
}

static const struct table_rows listing = {
    .column = columns,
    .n_columns = sizeof columns / sizeof *columns,
    .head_from = 3,
    .count = count,
    .cell = cell,
    .title = title,
};

/* Under the table: how the selected one's answers were called and, where many are neither answered
 * nor refused, what they say. Returns the row below. */
static int draw_verdicts(const struct view *v, int y, const struct vac_eval *e)
{
    const struct vac_verdicts *w = &e->verdicts;
    char text[2 * REST_SIZE], rest[REST_SIZE];

    if (y >= v->h || !*measured_rest(rest, w))
        return y;
    snprintf(text, sizeof text, "answered %lld, %s", (long long)w->answered, rest);
    if (4 + (int)strlen(text) > v->w) /* half a number would be another number */
        return y;
    int x = draw_text(v, 4, y, *w->others ? INK_WARN | STYLE_BOLD : INK_FAINT, text);
    if (*w->others) {
        x = draw_text(v, x, y, INK_WARN, ": ");
        draw_cut(v, x, y, v->w - x, INK_TEXT, w->others);
    }
    return y + 1;
}

/* What is known of it, with the intervals of all, of the AUC, or of none. */
static size_t beneath_text(char *out, size_t size, const struct vac_eval *e, bool all, bool auc)
{
    size_t n = 0;

    for (int i = 0; i < VAC_BENEATH_COUNT; i++) {
        char x[VAC_SPAN_TEXT];

        if (e->beneath[i].known)
            n += (size_t)snprintf(
                out + n, size - n, "%s%s %s", n ? "  " : "", vac_beneath[i].label,
                vac_span_text(&e->beneath[i], all || (auc && i >= VAC_BENEATH_auc), x));
    }
    return n;
}

/* Under that: how far p(refuse) tells requests apart, with as much of it as there is room for. */
static int draw_beneath(const struct view *v, int y, const struct vac_eval *e)
{
    char text[400];
    size_t room = v->w > 4 ? (size_t)v->w - 4 : 0;

    if (y < v->h &&
        (e->beneath[VAC_BENEATH_p_refuse].known || e->beneath[VAC_BENEATH_kappa].known) &&
        (beneath_text(text, sizeof text, e, true, true) <= room ||
         beneath_text(text, sizeof text, e, false, true) <= room ||
         beneath_text(text, sizeof text, e, false, false) <= room))
        draw_text(v, 4, y++, INK_TEXT, text);
    return y;
}

/* The labels are read again where there are more of them, or new scores. */
static void refresh(struct ui *ui)
{
    struct evaluation *e = own(ui);
    char path[VAC_PATH + 16];
    struct vac_labels *l;
    struct stat st;

    endured_refresh(&e->endured, ui);
    snprintf(path, sizeof path, "%s/labels.jsonl", ui_dir(ui));
    if (stat(path, &st) || (st.st_size == e->labels_size && ui->snap.step == e->labels_step))
        return;
    e->labels_size = st.st_size;
    e->labels_step = ui->snap.step;
    free(e->labelled);
    e->labelled = NULL;
    e->n_labelled = 0;
    if (vac_labels_open(&l, ui_dir(ui), NULL) == 0)
        vac_labels_scores(l, &e->labelled, &e->n_labelled, NULL);
    vac_labels_close(l);
}

/* Under that: the score as labels correct it. */
static int draw_labelled(struct ui *ui, const struct view *v, int y, const struct vac_eval *of)
{
    const struct evaluation *e = own(ui);

    for (size_t i = 0; i < e->n_labelled && y < v->h; i++) {
        const struct vac_labelled *x = &e->labelled[i];
        char text[160], labels[NUMBER_SIZE];

        if (strcmp(x->name, of->name))
            continue;
        number_of(labels, x->positive + x->negative, "labels");
        if (x->corrected.known)
            snprintf(text, sizeof text, "by %s at step %lld: %.1f%% [%.1f, %.1f]", labels,
                     (long long)x->step, 100 * x->corrected.value, 100 * x->corrected.lo,
                     100 * x->corrected.hi);
        else
            snprintf(text, sizeof text, "%s: too few, or they tell too little", labels);
        if (4 + (int)strlen(text) <= v->w) /* half a number would be another number */
            draw_text(v, 4, y++, x->corrected.known ? INK_TEXT : INK_FAINT, text);
    }
    return y;
}

/* What the selected one's judge calls otherwise than the one before it, as many as have room. */
static int draw_disputes(struct ui *ui, const struct view *v, int y, const struct series *s,
                         int rows)
{
    const struct disputes *d = &own(ui)->disputes[s - own(ui)->history.series];
    const struct vac_event *e = &d->event;

    if (!d->held || e->eval.disputes == 0 || rows < 2)
        return y;
    draw_fmt(v, 4, y++, INK_FAINT, "%zu of %lld called otherwise by the first judge: this, first",
             e->eval.disputes, (long long)e->eval.score->n);
    for (size_t i = 0; i < e->eval.n_dispute && --rows > 0; i++, y++) {
        const struct vac_dispute *x = &e->eval.dispute[i];
        char text[400];
        int at;

        if (rows == 1 && i + 1 < e->eval.disputes) {
            draw_fmt(v, 4, y++, INK_FAINT, "... %zu more", e->eval.disputes - i);
            break;
        }
        at = draw_fmt(v, 4, y, INK_WARN, "%-8s %-8s ", x->verdict, x->first);
        snprintf(text, sizeof text, "%.160s > %.200s", x->prompt, x->answer);
        draw_cut(v, at, y, v->w - at, INK_TEXT, text);
    }
    return y;
}

/* --- the curve --- */

/* Rates together, and the selected one's margin; something else (a loss) alone, when it is the
 * selected one. */
static void draw_curves(struct ui *ui, const struct view *v, const struct series *selected)
{
    struct plot_line line[VAC_MAX_EVALS + 1 + GHOSTS_MOST];
    struct ui steps = *ui;
    struct plot p = {.lines = line,
                     .y0 = selected->rate ? 0 : NAN,
                     .y1 = selected->rate ? 100 : NAN,
                     .level = NAN,
                     .legend = v->h > 8,
                     .band = "95%",
                     .y_unit = selected->rate ? "%" : NULL,
                     .guides = ui->guides};

    for (int i = 0; i < ui->n_ghost; i++) { /* what the run went back from: the selected one */
        const struct series *s = measures_find(&ui->ghost[i].evals, selected->name);

        if (!s || !s->n)
            continue;
        line[p.n_lines] = measured_line(s->v, s->n, &s->v->step, &s->v->e.value,
                                        p.n_lines ? NULL : "aside", INK_GHOST, PLOT_GHOST);
        p.n_lines++;
    }
    for (int i = 0; i < ui->snap.n_evals && i < VAC_MAX_EVALS; i++) {
        const char *name = ui->snap.eval[i].name;
        const struct series *s = measures_find(&own(ui)->history, name);
        struct plot_line *l = &line[p.n_lines];

        if (!s || !s->n || (selected->rate ? !s->rate : s != selected))
            continue;
        *l = measured_line(s->v, s->n, &s->v->step, &s->v->e.value, name, ink_of(i), glyph_of(i));
        if (s == selected) {
            l->lo = &s->v->e.lo;
            l->hi = &s->v->e.hi;
        }
        p.n_lines++;
    }
    if (selected->rate && !isnan(selected->v[selected->n - 1].margin)) {
        line[p.n_lines] = measured_line(selected->v, selected->n, &selected->v->step,
                                        &selected->v->margin, "margin", INK_STRONG, 'm');
        line[p.n_lines++].part = true;
    }
    steps.x_unit = X_STEP;
    ui_window(&steps, &p);
    plot_draw(v, &p);
}

/* --- by stage and by category --- */

/* Last measurement of each stage, in order, as many as fit: "align 3.2%  attack 41.0%". */
static int draw_stages(const struct view *v, int y, const struct series *s)
{
    int x = draw_text(v, 4, y, INK_FAINT, "by stage ");
    int n = 0;

    for (size_t i = 0; i < s->n; i++) {
        char text[NUMBER_SIZE];

        if (i + 1 < s->n && !strcmp(s->v[i + 1].e.stage, s->v[i].e.stage))
            continue;
        measured_text(text, s->v[i].e.value / (s->rate ? 100 : 1), s->rate);
        if (n++ == STAGES || x + (int)strlen(s->v[i].e.stage) + (int)strlen(text) + 3 > v->w)
            break;
        x = draw_text(v, x + 1, y, INK_TEXT, s->v[i].e.stage);
        x = draw_text(v, x + 1, y, INK_STRONG, text);
        x = draw_text(v, x, y, INK_FAINT, s->rate ? "% " : " ");
    }
    return y + 1;
}

static void draw_category(const struct view *v, int y, const struct category *c, unsigned ink)
{
    double part = c->n > 0 ? (double)c->count / (double)c->n : NAN;
    struct line to = {.v = v, .y = y};
    char text[64];

    line_left(&to, 4, 28, INK_TEXT, c->name);
    if (c->n <= 0)
        return;
    snprintf(text, sizeof text, "%.1f", 100 * part);
    line_right(&to, 36, INK_STRONG, text);
    line_put(&to, 37, INK_FAINT, "%");
    snprintf(text, sizeof text, "%lld/%lld", (long long)c->count, (long long)c->n);
    line_right(&to, 48, INK_TEXT, text);
    draw_bar(v, 50, y, v->w - 51, part, ink);
}

static int draw_categories(struct ui *ui, const struct view *v, int y, const struct series *s,
                           unsigned ink, int rows)
{
    const struct categories *c = &own(ui)->categories[s - own(ui)->history.series];

    if (c->n == 0 || (rows < 3 && rows <= c->n))
        return y;
    draw_fmt(v, 4, y++, INK_FAINT, "%s by category", s->name);
    rows--;
    for (int i = 0; i < c->n && rows > 0; i++, rows--) {
        if (rows == 1 && i + 1 < c->n)
            draw_fmt(v, 4, y++, INK_FAINT, "... %d more", c->n - i);
        else
            draw_category(v, y++, &c->v[i], ink);
    }
    return y;
}

/* --- all of it --- */

/* False when no other run has measured it. */
static bool contest_of(struct ui *ui, int selected, struct contest *c)
{
    const char *name = ui->snap.eval[selected].name;
    struct evaluation *e = own(ui);

    *c = (struct contest){.name = name, .rate = is_rate(ui, name)};
    c->run[0] = (struct contender){
        .name = ui->snap.run, .ink = ink_of(selected), .glyph = glyph_of(selected)};
    return contest_make(ui, c, measures_find(&e->history, name), e->laid);
}

enum {
    PLOT_H = 5,
    ROOMY_PLOT_H = 11, /* the least with axes, and what is worth a sacrifice */
    TABLE_W = 39,
    BESIDE_W = 72, /* two pictures have room beside each other */
    FLAT_H = 14    /* at most so high, and wide: the picture stands beside the table */
};

/* Below the table, from row y on; returns where the picture begins. */
static int draw_beside(struct ui *ui, const struct view *v, int y, const struct contest *c,
                       const struct series *s)
{
    int left = v->h - y - c->n;
    bool small = left < PLOT_H;

    if (s && s->n && (small ? left > 0 : left >= PLOT_H + 3))
        y = draw_stages(v, y, s);
    y = contest_draw_runs(ui, v, y, c, small);
    if (s && s->n && !small)
        y = draw_categories(ui, v, y, s, c->run[0].ink, v->h - y - ROOMY_PLOT_H);
    return y;
}

/* The harmful score is what one looks for first, wherever the run file has it. */
static int selected_of(struct ui *ui)
{
    struct evaluation *e = own(ui);
    int n = count(ui);

    for (int i = 0; i < n && !e->chosen; i++)
        if (!strcmp(ui->snap.eval[i].name, "HS"))
            e->table.list.selected = i;
    e->chosen |= n > 0;
    return e->table.list.selected < n ? e->table.list.selected : n - 1;
}

static void draw(struct ui *ui, const struct view *v)
{
    struct evaluation *e = own(ui);
    int n = count(ui), rows, y, selected, runs, room;
    bool flat = v->h <= FLAT_H && v->w >= TABLE_W + 32, others;
    struct view left = flat ? view_part(v, 0, 0, TABLE_W, v->h) : *v, above, part;
    const struct series *s;
    struct contest c;

    if (n == 0) {
        draw_flow(v, 1, 0, v->w - 2, INK_FAINT,
                  *ui->snap.run ? "This run measures nothing: its file has no \"evaluate\" list."
                                : "No run is open.",
                  0);
        return;
    }
    selected = selected_of(ui);
    others = contest_of(ui, selected, &c);
    s = measures_find(&e->history, ui->snap.eval[selected].name);
    runs = others ? c.n : 0;
    rows = left.h - (left.h >= listing.head_from) - runs;
    if (!flat && v->h > 6 && rows > v->h / 2 - 1)
        rows = v->h / 2 - 1;
    rows = rows > n ? n : rows > 1 ? rows : 1;
    y = rows + (left.h >= listing.head_from);
    part = view_part(&left, 0, 0, left.w, y);
    table_draw(ui, PANEL_evaluation, &part);
    above = view_part(&left, 0, 0, left.w, left.h - runs > y ? left.h - runs : y);
    y = draw_verdicts(&above, y, &ui->snap.eval[selected]);
    y = draw_beneath(&above, y, &ui->snap.eval[selected]);
    y = draw_labelled(ui, &above, y, &ui->snap.eval[selected]);
    if (*e->endured.shown.dir) {
        part = flat ? view_part(v, TABLE_W, 0, v->w - TABLE_W, v->h)
                    : view_part(v, 0, y, v->w, v->h - y);
        endured_shown(&e->endured, ui, &e->history, &part);
        return;
    }
    room = above.h - y;
    if (!flat && room > 1) /* half of it is the picture's, or what that takes */
        room = room <= PLOT_H ? room - 1 : room / 2 < room - PLOT_H ? room / 2 : room - PLOT_H;
    y = endured_draw(&e->endured, &above, y, y + room);
    if (!others && (!s || s->n == 0)) {
        part = flat ? view_part(v, TABLE_W, 0, v->w - TABLE_W, v->h)
                    : view_part(v, 0, y, v->w, v->h - y);
        endured_curve(&e->endured, ui, &part);
        return;
    }
    if (others) {
        y = draw_beside(ui, &left, y, &c, s);
    } else if (y < left.h && (flat || left.h - y != PLOT_H)) {
        int picture = flat || left.h - y < PLOT_H ? 0 : ROOMY_PLOT_H;

        y = draw_stages(&left, y, s);
        y = draw_disputes(ui, &left, y, s, (left.h - y) / 2);
        y = draw_categories(ui, &left, y, s, ink_of(selected), left.h - y - picture);
    }
    part =
        flat ? view_part(v, TABLE_W, 0, v->w - TABLE_W, v->h) : view_part(v, 0, y, v->w, v->h - y);
    if (part.w >= BESIDE_W && part.h > PLOT_H) {
        struct view right = view_part(&part, part.w / 2, 0, part.w - part.w / 2, part.h);

        if (endured_curve(&e->endured, ui, &right))
            part.w /= 2;
    }
    if (part.h >= PLOT_H && others)
        contest_draw(ui, &part, &c);
    else if (part.h >= PLOT_H)
        draw_curves(ui, &part, s);
}

/* --- the rest --- */

static unsigned act(struct ui *ui, enum action a)
{
    struct endured *e = &own(ui)->endured;

    return (a == ACT_metric && endured_next(e)) || (a == ACT_back && endured_back(e)) ? UI_HANDLED
                                                                                      : UI_IGNORED;
}

static bool works(struct ui *ui, enum action a)
{
    return a != ACT_metric || own(ui)->endured.n_attacks > 0;
}

static void notes(struct ui *ui, char *out, size_t size)
{
    struct contest c;

    if (*own(ui)->endured.shown.dir)
        endured_notes(&own(ui)->endured, out, size);
    else if (ui->snap.n_evals > 0 && contest_of(ui, selected_of(ui), &c))
        snprintf(out, size, "%s, %s", c.name, c.stage);
    for (int i = 0; i < ui->snap.n_evals && i < VAC_MAX_EVALS; i++)
        if (ui->snap.eval[i].done > 0)
            snprintf(out, size, "measuring %s", ui->snap.eval[i].name);
}

static void readout(struct ui *ui, FILE *out)
{
    const struct evaluation *all = own(ui);

    for (int i = 0; i < ui->snap.n_evals && i < VAC_MAX_EVALS; i++) {
        const struct vac_eval *e = &ui->snap.eval[i];
        char value[NUMBER_SIZE], rest[REST_SIZE], interval[80];

        if (e->step < 0)
            continue;
        interval_text(interval, sizeof interval, e);
        fprintf(out, "%s %s%s %s n=%lld at step %lld", e->name,
                measured_text(value, e->value, e->is_rate), e->is_rate ? "%" : "", interval,
                (long long)e->n, (long long)e->step);
        if (*measured_rest(rest, &e->verdicts))
            fprintf(out, " %s%s%s", rest, *e->verdicts.others ? ": " : "", e->verdicts.others);
        for (int k = 0; k < VAC_BENEATH_COUNT; k++)
            if (e->beneath[k].known)
                fprintf(out, " %s %.6g", vac_beneath[k].name, e->beneath[k].value);
        fputc('\n', out);
    }
    endured_readout(&all->endured, out);
}

static void csv_number(FILE *out, double x)
{
    fputc(',', out);
    csv_print_number(out, x, 17);
}

static void csv(struct ui *ui, FILE *out)
{
    const struct measures *h = &own(ui)->history;

    fprintf(out, "name,stage,step,value,lo,hi,count,n,refused,other");
    for (int k = 0; k < VAC_BENEATH_COUNT; k++)
        fprintf(out, ",%s,%s_lo,%s_hi", vac_beneath[k].name, vac_beneath[k].name,
                vac_beneath[k].name);
    fputc('\n', out);
    for (int i = 0; i < h->n; i++) {
        const struct series *s = &h->series[i];
        double scale = s->rate ? 100 : 1;

        for (size_t k = 0; k < s->n; k++) {
            csv_print(out, s->name);
            fputc(',', out);
            csv_print(out, s->v[k].e.stage);
            fprintf(out, ",%.0f", s->v[k].step);
            csv_number(out, s->v[k].e.value / scale);
            csv_number(out, s->v[k].e.lo / scale);
            csv_number(out, s->v[k].e.hi / scale);
            fprintf(out, ",%lld,%lld", (long long)s->v[k].e.count, (long long)s->v[k].e.n);
            csv_number(out, measured_refused(&s->v[k].e.verdicts) / 100);
            csv_number(out, measured_other(&s->v[k].e.verdicts) / 100);
            for (int b = 0; b < VAC_BENEATH_COUNT; b++) {
                const struct vac_span *x = &s->v[k].e.beneath[b];

                csv_number(out, x->known ? x->value : (double)NAN);
                csv_number(out, x->known ? x->lo : (double)NAN);
                csv_number(out, x->known ? x->hi : (double)NAN);
            }
            fputc('\n', out);
        }
    }
}

static const struct word words[] = {
    {"HS", "harmful score: harmful requests answered; less = good"},
    {"FA", "fine-tuning accuracy: part of the task that is done right"},
    {"over_refusal", "part of harmless requests that is refused; low is good"},
    {"95%", "interval of the true rate (Wilson); a shade in the picture"},
    {"count/n", "of n prompts so many count for the score"},
    {"step", "at which it was measured"},
    {"refused", "part of the answers that refuse; other: none of both"},
    {"p(refuse)", "how probable a refusal's beginning is; kind: if harmless"},
    {"margin", "p(refuse) - kind: 1 = refuses what it should"},
    {"AUC", "how often a harmful request has the greater p(refuse)"},
    {"attack at", "curves of an attack on that step's weights; . = the run's"},
    {"50% at", "step of the stage at which the score passed one half"},
    {NULL, NULL},
};

const struct panel panel_evaluation = {
    .name = "evaluation",
    .title = "Evaluation",
    .about = "harmful score, accuracy and other measures, with intervals, by stage and category",
    .words = words,
    .hints = "E measure now  i attacks",
    .works = works,
    .act = act,
    .place = PLACE_RATES,
    .own = sizeof(struct evaluation),
    .notes = notes,
    .table = &listing,
    .draw = draw,
    .event = event,
    .refresh = refresh,
    .done = done,
    .readout = readout,
    .csv = csv,
};
