/* panel.c - the table of panels, their frames, and what a table does for them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/table.h"

#define PANEL_ROW(name) &panel_##name,
const struct panel *const panels[PANEL_COUNT] = {PANELS(PANEL_ROW)};

void *panel_own(struct ui *ui, enum panel_id id)
{
    return ui->own[id];
}

int panel_key(enum panel_id id)
{
    return id < 9 ? '1' + (int)id : id == 9 ? '0' : id < 18 ? UIKEY_F1 + (int)id - 9 : 0;
}

const char *panel_key_name(enum panel_id id, char out[4])
{
    int key = panel_key(id);
    size_t n = 0;

    if (key > UIKEY_F1) {
        out[n++] = 'F';
        key += '1' - UIKEY_F1;
    }
    out[n++] = (char)key; /* 0 = it has none */
    out[n] = '\0';
    return out;
}

unsigned panel_act(struct ui *ui, enum panel_id id, enum action a)
{
    unsigned did = panels[id]->act ? panels[id]->act(ui, a) : UI_IGNORED;

    return did || !panels[id]->table ? did : table_act(ui, id, a);
}

bool panel_filters(enum panel_id id)
{
    return panels[id]->filter || (panels[id]->table && panels[id]->table->text);
}

bool panel_filter(struct ui *ui, enum panel_id id, const char *text)
{
    return panels[id]->filter ? panels[id]->filter(ui, text) : table_filter(ui, id, text);
}

const char *panel_filter_text(struct ui *ui, enum panel_id id)
{
    const struct table *t = ui->own[id];

    return !panels[id]->filter && panel_filters(id) ? t->text : NULL;
}

void panel_click(struct ui *ui, enum panel_id id, const struct view *inside, int x, int y)
{
    if (panels[id]->click)
        panels[id]->click(ui, x - inside->x, y - inside->y, inside->w, inside->h);
    else if (panels[id]->table)
        table_click(ui, id, y);
}

bool panel_has_csv(enum panel_id id)
{
    return panels[id]->csv || panels[id]->table;
}

void panel_csv(struct ui *ui, enum panel_id id, FILE *out)
{
    if (panels[id]->csv)
        panels[id]->csv(ui, out);
    else
        table_csv(ui, id, out);
}

enum { HINTS_SIZE = 256 };

/* Of "p ask  P suite" those whose key does something for this run. */
static const char *working_hints(struct ui *ui, const struct panel *p, char out[HINTS_SIZE])
{
    const char *hints = p->hints;
    size_t n = 0;

    while (hints && *hints) {
        const char *end = strstr(hints, "  ");
        int len = end ? (int)(end - hints) : (int)strlen(hints);
        enum action a;
        char key[16];

        snprintf(key, sizeof key, "%.*s", (int)strcspn(hints, " "), hints);
        a = key_action(key_by_name(key));
        if (action_works(ui, a) && (!p->works || p->works(ui, a)) &&
            n + (size_t)len + 3 < HINTS_SIZE)
            n += (size_t)snprintf(out + n, HINTS_SIZE - n, "%s%.*s", n ? "  " : "", len, hints);
        hints += end ? len + 2 : len;
    }
    return n ? out : NULL;
}

void panel_draw(struct ui *ui, enum panel_id id, const struct view *v)
{
    const struct panel *p = panels[id];
    char notes[160] = "", hints[HINTS_SIZE], key[4];
    struct view inside;

    if (p->notes)
        p->notes(ui, notes, sizeof notes);
    inside = draw_box(v, panel_key_name(id, key), p->title, notes, working_hints(ui, p, hints),
                      ui->focus == (int)id);
    if (inside.w > 0 && inside.h > 0)
        p->draw(ui, &inside);
}

void panel_draw_bare(struct ui *ui, enum panel_id id, const struct view *v)
{
    bool focus = ui->focus == (int)id;
    char notes[160] = "", key[4];
    struct view end;
    int x;

    panels[id]->draw(ui, v);
    if (panels[id]->notes)
        panels[id]->notes(ui, notes, sizeof notes);
    panel_key_name(id, key);
    x = (int)(strlen(key) + strlen(panels[id]->title)) + 5 +
        (*notes ? 1 + text_width(notes, strlen(notes), v->c->utf8) : 0);
    if (x > v->w / 2)
        x = v->w / 2;
    end = view_part(v, v->w - 1 - x, 0, x, 1);
    for (int i = 0; i < end.w && end.h > 0; i++)
        if (v->c->cells[end.y * v->c->w + end.x + i].ch[0] != ' ') {
            draw_glyph(v, v->w - 2 - x, 0, INK_FAINT, sign(v->c, SIGN_ELLIPSIS)); /* it is cut */
            break;
        }
    draw_fill(&end, 0, 0, x, 1, INK_TEXT, ' ');
    if (focus)
        draw_glyph(&end, 1, 0, INK_FOCUS | STYLE_BOLD, sign(v->c, SIGN_SELECTED));
    x = draw_text(&end, 2, 0, INK_KEY | (focus ? STYLE_BOLD : 0), key) + 1;
    x = draw_text(&end, x, 0, focus ? INK_FOCUS | STYLE_BOLD : INK_TITLE, panels[id]->title) + 1;
    draw_cut(&end, x, 0, end.w - x - 1, INK_FAINT, notes);
}
