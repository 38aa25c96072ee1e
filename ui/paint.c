/* paint.c - see paint.h */
#include <stdio.h>
#include "panels/compare.h"
#include "term/screen.h"
#include "ui/chrome.h"
#include "ui/layout.h"
#include "ui/paint.h"
#include "ui/tour.h"

static void draw_panels(struct ui *ui, struct view *all)
{
    const struct layout *l = &ui->priv->layout;

    if (ui->priv->opening)
        return;
    if (!ui->freeze)
        compare_read_on(ui);
    for (int i = 0; i < l->n; i++) {
        const struct spot *p = &l->place[i];
        struct view v = view_part(all, p->x, p->y, p->w, p->h);

        if (panels[p->panel]->refresh && !ui->freeze)
            panels[p->panel]->refresh(ui);
        if (p->framed)
            panel_draw(ui, (enum panel_id)p->panel, &v);
        else
            panel_draw_bare(ui, (enum panel_id)p->panel, &v);
    }
}

void frame_draw(struct ui *ui, int w, int h, int *cursor_x, int *cursor_y)
{
    struct canvas *c = &ui->priv->canvas;
    struct view all;

    ui_drop_message(ui);
    tour_look(ui);
    ui->w = w;
    ui->h = h;
    c->utf8 = ui->utf8;
    if (c->w != w || c->h != h)
        canvas_init(c, w, h, ui->charset);
    c->charset = ui->charset;
    c->utf8 = ui->utf8 && ui->charset != CHARSET_ASCII;
    canvas_blank(c);
    if (!ui->session && !*ui->watched)
        ui->zoom = true; /* the start screen */
    layout_make(ui, w, h);
    all = view_all(c);
    draw_panels(ui, &all);
    chrome_draw(ui, c, cursor_x, cursor_y);
}

size_t frame_paint(struct ui *ui)
{
    int w, h, x, y;

    screen_size(&w, &h);
    frame_draw(ui, w, h, &x, &y);
    ui->dirty = false;
    return screen_paint(&ui->priv->canvas, x, y);
}

void frame_now(struct ui *ui)
{
    if (screen_is_open())
        frame_paint(ui);
}
