/* panel_data.c - the samples that the stage trains on, page by page: lengths, what carries the
 * loss, what is harmful, and the loss each had when it was last used. Sorted by loss it finds the
 * sample behind a spike. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/look.h"
#include "panels/table.h"

enum { PAGE = 50, PAGES = 4, OLD = 5 /* seconds until losses are asked for again */ };

struct page {
    struct vac_event e; /* kept; no samples = no page */
    int64_t first;
    uint64_t used;         /* the page unused for longest makes room */
    size_t before, behind; /* lines of the template, alike in all sources: bytes at both ends */
};
struct data {
    struct table table;
    struct page page[PAGES];
    uint64_t clock;
    bool known; /* total is */
    int64_t total;
    uint64_t asked;     /* id of the open question, or 0 */
    int64_t asked_page; /* first row of it */
    bool stale;         /* throw the other pages away when its answer comes */
    double asked_at;    /* ui->now */
    int64_t asked_step;
    int stage;
    unsigned looks;     /* of which saved weights the pages are */
    char key[VAC_NAME]; /* "", "loss", "harmful", "cut", "seen" */
    char why[256];
};
static const char *const keys[] = {"", "loss", "harmful", "cut", "seen"};
enum { KEYS = sizeof keys / sizeof *keys };

static struct data *own(struct ui *ui)
{
    return panel_own(ui, PANEL_data);
}

/* What a sample went through is known while its stage is in memory; weights alone do not tell it. */
static bool offered(const struct ui *ui, const char *key)
{
    return !ui->look || (strcmp(key, "loss") && strcmp(key, "seen"));
}

/* --- pages --- */

static void page_drop(struct page *p)
{
    vac_event_done(&p->e);
    *p = (struct page){0};
}

static void drop_all(struct data *d)
{
    for (int i = 0; i < PAGES; i++)
        page_drop(&d->page[i]);
}

static struct page *page_at(struct data *d, int64_t first)
{
    for (int i = 0; i < PAGES; i++)
        if (d->page[i].e.memory && d->page[i].first == first)
            return &d->page[i];
    return NULL;
}

static struct page *page_free(struct data *d)
{
    struct page *p = &d->page[0];

    for (int i = 1; i < PAGES; i++)
        if (d->page[i].used < p->used)
            p = &d->page[i];
    page_drop(p);
    return p;
}

/* Bytes that all sources begin with, up to a line's end. */
static size_t common_begin(const struct vac_event *e)
{
    const char *a = NULL;
    size_t n = 0;

    for (size_t i = 0; i < e->samples.n; i++) {
        const char *s = e->samples.v[i].source;
        size_t k = 0;

        while (a && k < n && s[k] == a[k])
            k++;
        n = a ? k : strlen(s);
        a = s;
    }
    while (n && a[n - 1] != '\n')
        n--;
    return n;
}

/* Bytes that all of them end in, from a line's end on. */
static size_t common_end(const struct vac_event *e, size_t begin)
{
    const char *a = NULL;
    size_t n = 0, len = 0;

    for (size_t i = 0; i < e->samples.n; i++) {
        const char *s = e->samples.v[i].source;
        size_t size = strlen(s) - begin, k = 0;

        while (a && k < n && k < size && s[begin + size - 1 - k] == a[len - 1 - k])
            k++;
        n = a ? k : size;
        a = s;
        len = begin + size;
    }
    while (n && a[len - n] != '\n')
        n--;
    return n;
}

static void find_template(struct page *p)
{
    if (p->e.samples.n < 2)
        return;
    p->before = common_begin(&p->e);
    p->behind = common_end(&p->e, p->before);
}

/* Row of the list; NULL while its page is not there. */
static const struct vac_sample *sample_at(struct data *d, int64_t row)
{
    struct page *p = page_at(d, row - row % PAGE);

    if (!p || (size_t)(row % PAGE) >= p->e.samples.n)
        return NULL;
    p->used = ++d->clock;
    return &p->e.samples.v[row % PAGE];
}

static void take(struct data *d, const struct vac_event *e)
{
    struct page *p;

    if (d->stale)
        drop_all(d);
    d->stale = false;
    d->known = true;
    d->total = (int64_t)e->samples.total;
    p = page_at(d, d->asked_page);
    if (!p)
        p = page_free(d);
    page_drop(p);
    vac_event_keep(e);
    *p = (struct page){.e = *e, .first = d->asked_page, .used = ++d->clock};
    find_template(p);
}

static void event(struct ui *ui, const struct vac_event *e)
{
    struct data *d = own(ui);

    if (!d->asked || e->id != d->asked)
        return;
    if (e->kind == VAC_EVENT_SAMPLES)
        take(d, e);
    else if (e->kind == VAC_EVENT_REJECTED)
        snprintf(d->why, sizeof d->why, "%s", e->text);
    if (e->kind != VAC_EVENT_JOURNAL)
        d->asked = 0;
}

static void ask(struct ui *ui, int64_t first)
{
    struct data *d = own(ui);

    d->asked_page = first;
    d->asked_at = ui->now;
    d->asked_step = ui->snap.step;
    d->asked = ui_send(ui, VAC_OP_SAMPLES, first, d->key, NULL);
}

/* The first page of those to be seen that is missing, or that is old. */
static void refresh(struct ui *ui)
{
    struct data *d = own(ui);
    int64_t first = d->table.list.top - d->table.list.top % PAGE,
            last = d->table.list.top + d->table.list.rows;

    if (d->stage != ui->snap.stage_index || d->looks != ui->looks) {
        d->looks = ui->looks;
        d->asked = 0;
        drop_all(d);
        d->stage = ui->snap.stage_index;
        d->known = false;
        d->total = 0;
        d->why[0] = '\0';
        d->table.list = (struct list){.rows = d->table.list.rows};
        if (!offered(ui, d->key))
            d->key[0] = '\0';
    }
    if (ui->focus == PANEL_data && !ui_answers(ui))
        look_want(ui);
    if (!ui_answers(ui) || d->asked || *d->why)
        return;
    for (int64_t row = first; row < last || row == first; row += PAGE)
        if (!page_at(d, row) && (row == 0 || row < d->total)) {
            ask(ui, row);
            return;
        }
    if (ui->now - d->asked_at >= OLD && ui->snap.step != d->asked_step && !ui->freeze) {
        d->stale = true;
        ask(ui, first);
    }
}

static bool waits(struct ui *ui)
{
    return ui->look_wanted || (own(ui)->asked && ui_answers(ui));
}

static void done(struct ui *ui)
{
    drop_all(own(ui));
    table_done(&own(ui)->table);
}

/* --- drawing --- */

/* A narrow table has no step and no lengths, which stand below too: questions and answers need the room. */
enum { NUMBER, LOSS, STEP, LEARNED, FLAGS, SAMPLE };
static const struct table_column columns[] = {
    [NUMBER] = {"#", NULL, {6, 6}, .right = true, .from = 50},
    [LOSS] = {"loss", NULL, {7, 7}, .right = true},
    [STEP] = {"@step", NULL, {0, 7}, .right = true},
    [LEARNED] = {"learned/all", NULL, {0, 12}, .right = true},
    [FLAGS] = {"flags", NULL, {7, 8}, .pad = 1},
    [SAMPLE] = {"question, answer", NULL, {-1, -1}, .pad = 0},
};

static int count(struct ui *ui)
{
    int64_t n = own(ui)->total;

    return n < INT32_MAX ? (int)n : INT32_MAX;
}

static void cell(struct ui *ui, int row, int column, int wide, struct entry *c)
{
    const struct vac_sample *s = sample_at(own(ui), row);
    double loss = s->loss;
    char text[NUMBER_SIZE];

    (void)wide;
    switch (column) {
    case NUMBER:
        entry_fmt(c, INK_FAINT, "%lld", (long long)s->index);
        break;
    case LOSS:
        entry_fmt(c, isnan(loss) ? INK_FAINT : INK_STRONG, "%s", number_text(text, loss, 3));
        break;
    case STEP:
        if (s->loss_step > 0)
            entry_fmt(c, INK_FAINT, "%lld", (long long)s->loss_step);
        break;
    case LEARNED:
        entry_fmt(c, INK_TEXT, "%lld/%lld", (long long)s->labels, (long long)s->tokens);
        break;
    default:
        entry_text(c, INK_HARM | STYLE_BOLD, s->harmful ? "harm" : "    ");
        entry_text(c, INK_WARN, s->cut ? "c" : "");
    }
}

/* What a source holds between the lines of its template. */
static int draw_source(const struct view *v, int x, int y, int w, const struct page *p,
                       const char *source)
{
    size_t n = strlen(source), fit;
    int used;

    if (n < p->before + p->behind)
        return draw_cut(v, x, y, w, INK_FAINT, source);
    source += p->before;
    n -= p->before + p->behind;
    fit = text_fit(source, n, w, v->c->utf8, &used);
    if (fit == n)
        return draw_bytes(v, x, y, INK_FAINT, source, n);
    fit = text_fit(source, n, w - 1, v->c->utf8, &used);
    x = draw_bytes(v, x, y, INK_FAINT, source, fit);
    draw_glyph(v, x, y, INK_FAINT, sign(v->c, SIGN_ELLIPSIS));
    return x + 1;
}

static bool paint(struct ui *ui, const struct view *v, int row, int column, bool selected)
{
    struct data *d = own(ui);
    const struct vac_sample *s = sample_at(d, row);
    int x = -1;

    if (column < 0 && !s)
        draw_fmt(v, 1, 0, INK_FAINT, "%6d ...", row);
    if (column != SAMPLE)
        return column < 0 && !s;
    if (v->w >= 20) { /* apart also where no colour parts them */
        x = draw_source(v, 0, 0, (v->w - 3) / 2, page_at(d, row - row % PAGE), s->source) + 2;
        draw_glyph(v, x - 1, 0, INK_FAINT, sign(v->c, SIGN_ARROW));
    }
    draw_cut(v, x + 1, 0, v->w - x - 2, selected ? INK_TEXT | STYLE_BOLD : INK_TEXT, s->answer);
    return true;
}

static const struct table_rows listing = {
    .column = columns,
    .n_columns = sizeof columns / sizeof *columns,
    .wide = 90,
    .count = count,
    .cell = cell,
    .paint = paint,
};

/* Where it comes from, and its two parts: read without loss, and learned. */
static void draw_sample(const struct view *v, const struct vac_sample *s)
{
    int64_t tokens = s->tokens, labels = s->labels;
    const char *source = s->source;
    bool harmful = s->harmful;
    size_t n = strlen(source);
    int x, y, half = (v->h - 1) / 2, answer = draw_flow_rows(v, v->w - 4, s->answer);
    int rows = v->h - 1 - (answer < half ? answer : half),
        all = draw_flow_rows(v, v->w - 4, source);
    char all_text[NUMBER_SIZE];
    int skip;

    draw_hline(v, 0, 0, v->w, INK_FRAME);
    x = draw_fmt(v, 2, 0, INK_TEXT, " %s:%lld ", s->file, (long long)s->line);
    x = draw_fmt(v, x, 0, INK_FAINT, "%s: %lld masked, %lld learned%s%s",
                 number_of(all_text, tokens, "tokens"), (long long)(tokens - labels),
                 (long long)labels, s->cut ? ", cut" : "", harmful ? ", " : "");
    if (harmful)
        x = draw_text(v, x, 0, INK_HARM | STYLE_BOLD, "harmful");
    if (s->category)
        x = draw_fmt(v, x, 0, INK_FAINT, ", %s", s->category);
    draw_glyph(v, x, 0, INK_FRAME, ' ');
    for (; n > 1 && source[n - 1] == '\n' && source[n - 2] == '\n'; n--)
        all--; /* of a template: nothing stands in that row */
    skip = all > rows ? all - rows : 0;
    draw_glyph(v, 1, 1, INK_FAINT, sign(v->c, SIGN_DOT));
    y = all - skip + 1;
    draw_flow(&(struct view){.c = v->c, .x = v->x, .y = v->y, .w = v->w, .h = y < v->h ? y : v->h},
              3, 1, v->w - 4, INK_FAINT, source, skip);
    draw_glyph(v, 1, y, harmful ? INK_HARM : INK_ALIGN, sign(v->c, SIGN_ARROW));
    draw_flow(v, 3, y, v->w - 4, harmful ? INK_HARM : INK_ALIGN, s->answer, 0);
}

static const char *nothing(struct ui *ui)
{
    struct data *d = own(ui);

    if (*d->why)
        return d->why;
    if (!ui_answers(ui))
        return !*ui->snap.run ? "No run is open."
               : look_can(ui)
                   ? "9 shows what the stage of the saved weights learnt from; @ chooses which."
                   : "Needs the stage in memory: this run is only looked at.";
    if (d->known)
        return *d->key ? "No sample is like that: s goes on, / and Enter show all."
                       : "The stage has no samples.";
    return ui->look ? "Asked: comes in a moment." : "Asked: comes between two steps.";
}

static void draw(struct ui *ui, const struct view *v)
{
    struct data *d = own(ui);
    int below = v->h >= 10 ? v->h / 3 : 0;
    struct view part = view_part(v, 0, 0, v->w, v->h - below);
    const struct vac_sample *s;

    if (d->total <= 0) {
        d->table.list.rows = part.h > 1 ? part.h - 1 : 0; /* so many are asked for */
        draw_flow(v, 1, 0, v->w - 2, INK_FAINT, nothing(ui), 0);
        return;
    }
    table_draw(ui, PANEL_data, &part);
    s = below ? sample_at(d, d->table.list.selected) : NULL;
    part = view_part(v, 0, v->h - below, v->w, below);
    if (s)
        draw_sample(&part, s);
}

/* --- actions --- */

static void show_key(struct ui *ui, const char *key)
{
    struct data *d = own(ui);

    snprintf(d->key, sizeof d->key, "%s", key);
    drop_all(d);
    d->asked = 0; /* an answer under way is of the old order */
    d->known = false;
    d->total = 0;
    d->why[0] = '\0';
    d->table.list = (struct list){.rows = d->table.list.rows};
    refresh(ui);
}

static bool choose(struct ui *ui, const char *key)
{
    if (offered(ui, key))
        show_key(ui, key);
    else
        ui_warn(ui, "saved weights tell no losses, and not what was seen: a run at work does");
    return offered(ui, key);
}

static unsigned next_key(struct ui *ui)
{
    int i = 0;

    while (i < KEYS && strcmp(keys[i], own(ui)->key))
        i++;
    do
        i = (i + 1) % KEYS;
    while (!offered(ui, keys[i]));
    show_key(ui, keys[i]);
    return UI_HANDLED;
}

static bool filter(struct ui *ui, const char *text)
{
    for (int i = 0; i < KEYS; i++)
        if (!*text == !*keys[i] && !strncmp(keys[i], text, strlen(text))) {
            choose(ui, keys[i]);
            return true;
        }
    ui_warn(ui, "samples: type loss (highest first), harmful, cut, seen, or nothing for all");
    return true;
}

/* From a spike in the curves to the sample: by loss, the one last used at the cursor's step. */
static unsigned find_spike(struct ui *ui)
{
    struct data *d = own(ui);

    if (!offered(ui, "loss") || strcmp(d->key, "loss")) {
        if (choose(ui, "loss"))
            ui_say(ui, "highest loss first; N again finds the one used at the cursor's step");
        return UI_HANDLED;
    }
    for (int64_t row = 0; row < d->total && !isnan(ui->cursor); row++) {
        const struct vac_sample *s = page_at(d, row - row % PAGE) ? sample_at(d, row) : NULL;

        if (s && (double)s->loss_step == ui->cursor) {
            d->table.list.selected = (int)row;
            return UI_HANDLED;
        }
    }
    ui_say(ui, isnan(ui->cursor) ? "put the cursor on a spike first (Left, Right in a plot)"
                                 : "none of the samples shown was last used at the cursor's step");
    d->table.list.selected = 0;
    return UI_HANDLED;
}

static void show_full(struct ui *ui)
{
    const struct vac_sample *s = sample_at(own(ui), own(ui)->table.list.selected);
    char title[VAC_PATH], masked[NUMBER_SIZE], learned[NUMBER_SIZE], *text = NULL;

    if (!s)
        return;
    snprintf(title, sizeof title, "%s:%lld", s->file, (long long)s->line);
    if (asprintf(&text, "masked (%s, no loss):\n%s\n\nlearned (%s):\n%s\n",
                 number_of(masked, s->tokens - s->labels, "tokens"), s->source,
                 number_of(learned, s->labels, "tokens"), s->answer) < 0)
        return;
    pager_open(title, text);
    free(text);
}

static unsigned act(struct ui *ui, enum action a)
{
    switch (a) {
    case ACT_sort:
        return next_key(ui);
    case ACT_next_match:
        return find_spike(ui);
    case ACT_full:
    case ACT_enter:
        show_full(ui);
        return UI_HANDLED;
    default:
        return UI_IGNORED;
    }
}

static void notes(struct ui *ui, char *out, size_t size)
{
    const struct data *d = own(ui);
    const char *shown = !strcmp(d->key, "loss") ? "by loss" : *d->key ? d->key : "in order";

    if (d->known)
        snprintf(out, size, "%lld %s", (long long)d->total, shown);
}

static void readout(struct ui *ui, FILE *out)
{
    const struct vac_sample *s = sample_at(own(ui), own(ui)->table.list.selected);

    if (s)
        fprintf(out, "%s:%lld loss %.4g at step %lld\n%s%s\n", s->file, (long long)s->line, s->loss,
                (long long)s->loss_step, s->source, s->answer);
}

static void csv(struct ui *ui, FILE *out)
{
    struct data *d = own(ui);

    fprintf(out, "index,file,line,tokens,labels,cut,harmful,loss,loss_step\n");
    for (int64_t row = 0; row < d->total; row++) {
        const struct vac_sample *s = page_at(d, row - row % PAGE) ? sample_at(d, row) : NULL;

        if (!s)
            continue;
        fprintf(out, "%lld,", (long long)s->index);
        csv_print(out, s->file);
        fprintf(out, ",%lld,%lld,%lld,%d,%d,", (long long)s->line, (long long)s->tokens,
                (long long)s->labels, s->cut, s->harmful);
        csv_print_number(out, s->loss, 9);
        fprintf(out, ",%lld\n", (long long)s->loss_step);
    }
}

static const struct word words[] = {
    {"#", "number of the sample in the stage's data"},
    {"loss", "of the sample when it was learned from last"},
    {"@step", "the step of that"},
    {"learned", "tokens that are learned (the answer's) of all tokens"},
    {"flags", "harmful; cut: longer than max_length; seen: learned already"},
    {NULL, NULL},
};

const struct panel panel_data = {
    .name = "data",
    .title = "Data",
    .about = "the samples of the stage: lengths, what is learned, harmful or cut, last loss",
    .words = words,
    .hints = "s order  v text  N spike",
    .place = PLACE_ROWS,
    .own = sizeof(struct data),
    .notes = notes,
    .table = &listing,
    .draw = draw,
    .act = act,
    .event = event,
    .refresh = refresh,
    .waits = waits,
    .done = done,
    .filter = filter,
    .readout = readout,
    .csv = csv,
};
