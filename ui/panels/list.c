/* list.c - see list.h */
#include "panels/list.h"
#include "term/sign.h"

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
    return UI_HANDLED;
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
