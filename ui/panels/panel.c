/* panel.c - the table of panels, their frames, and lists that scroll. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/panel.h"

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

    snprintf(out, 4,
             key > UIKEY_F1 ? "F%d"
             : key          ? "%c"
                            : "",
             key > UIKEY_F1 ? key - UIKEY_F1 + 1 : key);
    return out;
}

enum { HINTS_SIZE = 256 };

/* Of "p ask  P suite" those whose key does something for this run. */
static const char *working_hints(const struct ui *ui, const char *hints, char out[HINTS_SIZE])
{
    size_t n = 0;

    while (hints && *hints) {
        const char *end = strstr(hints, "  ");
        int len = end ? (int)(end - hints) : (int)strlen(hints);
        char key[16];

        snprintf(key, sizeof key, "%.*s", (int)strcspn(hints, " "), hints);
        if (action_works(ui, key_action(key_by_name(key))) && n + (size_t)len + 3 < HINTS_SIZE)
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
    inside = draw_box(v, panel_key_name(id, key), p->title, notes,
                      working_hints(ui, p->hints, hints), ui->focus == (int)id);
    if (inside.w > 0 && inside.h > 0)
        p->draw(ui, &inside);
}

unsigned list_act(struct list *l, enum action a)
{
    int to = l->selected;

    switch (a) {
    case ACT_up:
        to--;
        break;
    case ACT_down:
        to++;
        break;
    case ACT_page_up:
        to -= l->rows > 1 ? l->rows - 1 : 1;
        break;
    case ACT_page_down:
        to += l->rows > 1 ? l->rows - 1 : 1;
        break;
    case ACT_home:
        to = 0;
        break;
    case ACT_end:
        to = l->n - 1;
        break;
    default:
        return UI_IGNORED;
    }
    if (to > l->n - 1)
        to = l->n - 1;
    l->selected = to > 0 ? to : 0;
    return UI_HANDLED | UI_REDRAW;
}

void list_click(struct list *l, int at)
{
    if (at >= 0 && at < l->rows && l->top + at < l->n)
        l->selected = l->top + at;
}

void list_show(struct list *l, int n, int rows)
{
    l->n = n;
    l->rows = rows > 0 ? rows : 0;
    if (l->selected > n - 1)
        l->selected = n - 1;
    if (l->selected < 0)
        l->selected = 0;
    if (l->top > n - l->rows)
        l->top = n - l->rows;
    if (l->top > l->selected)
        l->top = l->selected;
    if (l->rows && l->selected >= l->top + l->rows)
        l->top = l->selected - l->rows + 1;
    if (l->top < 0)
        l->top = 0;
}

void list_draw_scroll(const struct list *l, const struct view *v, int y)
{
    if (l->rows < 1)
        return;
    if (l->top > 0)
        draw_glyph(v, v->w - 1, y, INK_FAINT, sign(v->c, SIGN_UP));
    if (l->top + l->rows < l->n)
        draw_glyph(v, v->w - 1, y + l->rows - 1, INK_FAINT, sign(v->c, SIGN_DOWN));
}
