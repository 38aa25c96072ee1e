/* table.c - see table.h */
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "panels/table.h"
#include "term/filter.h"

enum {
    COLUMNS_MOST = 24,
    REST_LEAST = 24 /* columns that stay to the one that takes the rest, whatever a head lacks */
};

void entry_text(struct entry *c, unsigned style, const char *text)
{
    if (!text || !*text || c->n == ENTRY_SPANS)
        return;
    c->span[c->n].text = text;
    c->span[c->n++].style = style;
}

void entry_fmt(struct entry *c, unsigned style, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(c->buf, sizeof c->buf, fmt, ap);
    va_end(ap);
    entry_text(c, style, c->buf);
}

void entry_sign(struct entry *c, unsigned style, enum sign sign)
{
    c->sign = sign;
    c->span[0].style = style;
}

static struct table *table_of(struct ui *ui, enum panel_id id)
{
    return ui->own[id];
}

void table_done(struct table *t)
{
    filter_free(t->filter);
    free(t->row);
    *t = (struct table){0};
}

void table_reset(struct table *t)
{
    t->looked = t->n = 0;
}

/* --- which rows, in which order --- */

static bool passes(struct ui *ui, const struct table_rows *r, const struct filter *f, int row)
{
    char text[VAC_PATH + 512];

    return !f || (r->text && r->text(ui, row, text, sizeof text) && filter_match(f, text));
}

static bool take_row(struct ui *ui, const struct table_rows *r, struct table *t, int row)
{
    int at = t->n;

    if (t->n == t->cap) {
        int want = t->cap ? 2 * t->cap : 256;
        int *grown = realloc(t->row, (size_t)want * sizeof *grown);

        if (!grown)
            return false;
        t->row = grown;
        t->cap = want;
    }
    for (; r->before && at > 0 && r->before(ui, row, t->row[at - 1]); at--)
        t->row[at] = t->row[at - 1];
    t->row[at] = row;
    t->n++;
    return true;
}

/* Rows that are all shown as they come need no list. */
static bool is_plain(const struct table_rows *r)
{
    return !r->text && !r->before;
}

void table_look(struct ui *ui, enum panel_id id)
{
    const struct table_rows *r = panels[id]->table;
    struct table *t = table_of(ui, id);
    int n = r->count(ui);

    if (is_plain(r)) {
        t->n = n;
        return;
    }
    if (n < t->looked)
        table_reset(t);
    for (; t->looked < n; t->looked++)
        if (passes(ui, r, t->filter, t->looked) && !take_row(ui, r, t, t->looked))
            break;
    if (r->follow && !t->away)
        t->list.selected = t->n - 1;
}

int table_row(struct ui *ui, enum panel_id id, int at)
{
    const struct table *t = table_of(ui, id);

    return at < 0 || at >= t->n ? -1 : is_plain(panels[id]->table) ? at : t->row[at];
}

int table_selected(struct ui *ui, enum panel_id id)
{
    table_look(ui, id);
    return table_row(ui, id, table_of(ui, id)->list.selected);
}

/* Heads cannot be selected. */
static void leave_head(struct ui *ui, enum panel_id id, int direction)
{
    const struct table_rows *r = panels[id]->table;
    struct list *l = &table_of(ui, id)->list;
    int row = table_row(ui, id, l->selected);

    if (r->is_head && row >= 0 && r->is_head(ui, row))
        l->selected += table_row(ui, id, l->selected + direction) < 0 ? -direction : direction;
}

static void select_row(struct ui *ui, enum panel_id id, int at, int direction)
{
    struct table *t = table_of(ui, id);

    t->list.selected = at;
    leave_head(ui, id, direction);
    t->away = t->list.selected + 1 < t->n;
    if (panels[id]->table->chosen && table_row(ui, id, t->list.selected) >= 0)
        panels[id]->table->chosen(ui, table_row(ui, id, t->list.selected));
}

bool table_next(struct ui *ui, enum panel_id id, bool (*is)(struct ui *ui, int row))
{
    struct table *t = table_of(ui, id);

    table_look(ui, id);
    for (int i = 1; i <= t->n; i++) {
        int at = ((t->list.selected > 0 ? t->list.selected : 0) + i) % t->n;

        if (is(ui, table_row(ui, id, at))) {
            select_row(ui, id, at, 1);
            return true;
        }
    }
    return false;
}

/* --- drawing --- */

/* Where the columns stand in a view: x[i] to x[i + 1]. */
struct places {
    int x[COLUMNS_MOST + 1], w[COLUMNS_MOST]; /* w: 0 = not shown */
    int wide;                                 /* 0, 1, 2: which widths are taken */
};

/* What stands over a column; returns its width. */
static int head_of(struct ui *ui, const struct table_rows *r, int column, const struct view *v,
                   char *out, size_t size)
{
    snprintf(out, size, "%s", r->column[column].head ? r->column[column].head : "");
    if (!r->column[column].head && r->title)
        r->title(ui, column, false, out, size);
    return text_width(out, strlen(out), v->c->utf8);
}

static void places_for(struct ui *ui, const struct table_rows *r, const struct view *v,
                       struct places *p)
{
    int w = v->w, rest = r->most && w > r->most ? r->most : w, spare = w - rest;
    int lacks[COLUMNS_MOST];
    char text[64];

    p->wide = r->widest && w >= r->widest ? 2 : w >= r->wide;
    rest -= 1 + r->margin;
    for (int i = 0; i < r->n_columns; i++) {
        const struct table_column *c = &r->column[i];
        int head = c->head || c->w[p->wide] <= 0 ? -1 : head_of(ui, r, i, v, text, sizeof text);

        p->w[i] = w >= c->from && head ? c->w[p->wide] : 0;
        lacks[i] = head > 0 && p->w[i] ? head + c->pad + 1 - p->w[i] : 0;
        rest -= p->w[i] > 0 ? p->w[i] : 0;
    }
    for (int i = 0; i < r->n_columns; i++) { /* heads of the panel's get what is free */
        int taken = lacks[i] > spare ? lacks[i] - spare : 0;

        if (lacks[i] <= 0 || (taken && rest - taken < REST_LEAST))
            continue;
        p->w[i] += lacks[i];
        rest -= taken;
        spare -= lacks[i] - taken;
    }
    for (int i = r->n_columns - 1; i > 0 && rest < 0; i--) /* the last ones have no room at all */
        if (p->w[i] > 0) {
            rest += p->w[i];
            p->w[i] = 0;
        }
    p->x[0] = 1;
    for (int i = 0; i < r->n_columns; i++)
        p->x[i + 1] = p->x[i] + (p->w[i] >= 0 ? p->w[i] : rest > 0 ? rest : 0);
}

static void draw_heads(struct ui *ui, const struct table_rows *r, const struct view *v,
                       const struct places *p)
{
    struct line to = {.v = v};
    int by = r->ordered ? r->ordered(ui) : -1, used;

    for (int i = 0; i < r->n_columns; i++) {
        const struct table_column *c = &r->column[i];
        unsigned style = INK_FAINT | (i == by ? STYLE_UNDERLINE : 0);
        char text[64];

        int width = head_of(ui, r, i, v, text, sizeof text), end = p->x[i + 1] - !c->right;

        if (!p->w[i])
            continue;
        /* what is too long is shortened, and not marked: the help has the whole word */
        line_begin(&to, c->right ? end - width : p->x[i] + c->pad);
        text[text_fit(text, strlen(text), end > to.x ? end - to.x : 0, v->c->utf8, &used)] = '\0';
        line_put(&to, end, style, text);
    }
}

/* What it holds, from x to `end`. */
static void put_cell(struct line *to, const struct table_column *column, const struct entry *c,
                     int x, int end, bool selected)
{
    unsigned bold = column->main && selected ? STYLE_BOLD : 0;
    char glyph[5] = "";
    int width = 0;

    if ((int)c->sign >= 0) {
        utf8_put(sign(to->v->c, c->sign), glyph);
        line_left(to, column->right ? end - 1 : x + column->pad, end, c->span[0].style, glyph);
        return;
    }
    for (int i = 0; i < c->n; i++)
        width += text_width(c->span[i].text, strlen(c->span[i].text), to->v->c->utf8);
    line_begin(to, column->right ? end - width : x + column->pad);
    for (int i = 0; i < c->n; i++)
        line_put(to, column->right ? end : end - 1, c->span[i].style | bold, c->span[i].text);
    if (c->hang)
        line_put(to, end + 1, INK_WARN | STYLE_BOLD, c->hang);
}

/* One that is no row of columns has `whole` of them. */
static void draw_row(struct ui *ui, const struct table_rows *r, const struct view *v, int y,
                     int whole, const struct places *p, int row, bool selected)
{
    struct view line = view_part(v, 0, y, v->w, 1), all = view_part(v, 0, y, whole, 1);
    struct line to = {.v = &line};

    if (selected)
        draw_glyph(v, 0, y, INK_FOCUS, sign(v->c, SIGN_SELECTED));
    if (r->paint && r->paint(ui, &all, row, -1, selected))
        return;
    for (int i = 0; i < r->n_columns; i++) {
        struct view part = view_part(&line, p->x[i], 0, p->x[i + 1] - p->x[i], 1);
        struct entry c = {.sign = (enum sign) - 1};

        if (!p->w[i])
            continue;
        if (r->paint && r->paint(ui, &part, row, i, selected)) {
            to.end = p->x[i + 1] - !r->column[i].right; /* which leaves a blank behind it */
            continue;
        }
        r->cell(ui, row, i, p->wide, &c);
        put_cell(&to, &r->column[i], &c, p->x[i], p->x[i + 1], selected);
    }
}

void table_draw(struct ui *ui, enum panel_id id, const struct view *v)
{
    const struct table_rows *r = panels[id]->table;
    struct table *t = table_of(ui, id);
    bool head = v->h >= r->head_from, shown = !r->quiet || ui->focus == (int)id;
    struct places p;
    int whole = v->w;

    table_look(ui, id);
    places_for(ui, r, v, &p);
    if (head)
        draw_heads(ui, r, v, &p);
    list_show(&t->list, t->n, v->h - head);
    if (t->list.rows < t->n && !r->margin)
        whole--; /* the marks of scrolling stand there */
    leave_head(ui, id, 1);
    t->y = v->y + head;
    for (int i = 0; i < t->list.rows && t->list.top + i < t->n; i++)
        draw_row(ui, r, v, head + i, whole, &p, table_row(ui, id, t->list.top + i),
                 shown && t->list.top + i == t->list.selected);
    list_draw_scroll(&t->list, v, head);
}

/* --- what the frame does --- */

unsigned table_act(struct ui *ui, enum panel_id id, enum action a)
{
    struct table *t = table_of(ui, id);
    unsigned did;

    did = list_act(&t->list, a);
    if (did)
        select_row(ui, id, t->list.selected, a == ACT_up || a == ACT_page_up ? -1 : 1);
    return did;
}

bool table_filter(struct ui *ui, enum panel_id id, const char *text)
{
    const struct table_rows *r = panels[id]->table;
    struct table *t = table_of(ui, id);
    char why[200] = "";
    struct filter *f = filter_new(text, why, sizeof why);
    int n = r->count(ui), selected = table_selected(ui, id), at;
    bool any = *text == '\0' || n == 0;

    if (!f) {
        ui_warn(ui, "%s", why);
        return true; /* said already: it is not that nothing matches */
    }
    for (int i = 0; i < n && !any; i++)
        any = passes(ui, r, f, i);
    if (any) {
        filter_free(t->filter);
        t->filter = *text ? f : NULL;
        snprintf(t->text, sizeof t->text, "%s", text);
        table_reset(t);
        t->away = false;
        table_look(ui, id);
        for (at = t->n - 1; at > 0 && table_row(ui, id, at) != selected; at--)
            ;
        if (!r->follow)
            t->list.selected = at;
        leave_head(ui, id, 1);
    }
    if (!any || !*text)
        filter_free(f);
    return any;
}

void table_click(struct ui *ui, enum panel_id id, int y)
{
    struct table *t = table_of(ui, id);

    list_click(&t->list, y - t->y);
    select_row(ui, id, t->list.selected, 1);
}

void table_csv(struct ui *ui, enum panel_id id, FILE *out)
{
    const struct table_rows *r = panels[id]->table;
    const char *comma = "";

    table_look(ui, id);
    for (int i = 0; i < r->n_columns; i++)
        if (r->column[i].csv) {
            char text[64];

            snprintf(text, sizeof text, "%s", r->column[i].csv);
            if (!*text && r->title)
                r->title(ui, i, true, text, sizeof text);
            fprintf(out, "%s%s", comma, text);
            comma = ",";
        }
    fputc('\n', out);
    for (int at = 0; at < table_of(ui, id)->n; at++) {
        int row = table_row(ui, id, at);

        if (r->is_head && r->is_head(ui, row))
            continue;
        comma = "";
        for (int i = 0; i < r->n_columns; i++) {
            struct entry c = {.sign = (enum sign) - 1};
            struct strbuf text = {0};

            if (!r->column[i].csv)
                continue;
            r->cell(ui, row, i, 2, &c);
            sb_puts(&text, c.csv);
            for (int k = 0; !*c.csv && k < c.n; k++)
                sb_puts(&text, c.span[k].text);
            fputs(comma, out);
            csv_print(out, text.s ? text.s : "");
            sb_done(&text);
            comma = ",";
        }
        fputc('\n', out);
    }
}
