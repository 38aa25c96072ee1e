/* press.c - see press.h */
#include "base/utf8.h"
#include "term/dialog.h"
#include "term/screen.h"
#include "ui/actions.h"
#include "ui/commands.h"
#include "ui/press.h"
#include "ui/tour.h"

static bool choose_panel(struct ui *ui, int key)
{
    for (int i = 0; i < PANEL_COUNT; i++)
        if (key == panel_key((enum panel_id)i)) {
            ui_focus(ui, i);
            return true;
        }
    return false;
}

static void take_key(struct ui *ui, int key, bool more)
{
    enum action a = key_action(key);

    ui->dirty = true;
    ui->priv->hint = NULL; /* any key ends it, and does what it does */
    tour_key(ui, key);
    if (overlay_is_up()) {
        overlay_key(ui, key);
        return;
    }
    /* Ctrl-C first ends an answer under way, and only then the line. */
    if (prompt_is_open(ui) &&
        ((key == UICTRL('c') && ui->answering) ? (action_do(ui, ACT_stop), true)
                                               : prompt_key(ui, key, more)))
        return;
    if (ui->priv->layout.too_small && a != ACT_quit && a != ACT_pause && a != ACT_suspend &&
        a != ACT_stop)
        return;
    if (a != ACT_NONE)
        command_action(ui, a);
    else if (!choose_panel(ui, key) && key > ' ' && key < UIKEY_UP) {
        char name[5] = "";

        utf8_put((uint32_t)key, name);
        ui_say(ui, "no key \"%s\"; ? lists all keys", name);
    }
}

/* A line that is still being typed has done nothing yet. */
void press_key(struct ui *ui, int key, bool more)
{
    ui->message.stood = true;
    take_key(ui, key, more);
    if (ui->message.stood && (!prompt_is_open(ui) || key == UIKEY_ENTER))
        ui_done_warning(ui);
}

static void click(struct ui *ui, const struct spot *p, int x, int y)
{
    panel_click(ui, (enum panel_id)p->panel,
                &(struct view){.x = p->x + p->framed,
                               .y = p->y + p->framed,
                               .w = p->w - 2 * p->framed,
                               .h = p->h - 2 * p->framed},
                x, y);
}

static int between(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* The cursor follows; outside of the panel it stays at the border. */
static void drag(struct ui *ui, int x, int y)
{
    const struct layout *l = &ui->priv->layout;

    for (int i = 0; i < l->n; i++) {
        const struct spot *p = &l->place[i];

        if (p->panel == ui->priv->dragging && panels[p->panel]->plot)
            click(ui, p, between(x, p->x + p->framed, p->x + p->w - 1 - p->framed),
                  between(y, p->y + p->framed, p->y + p->h - 1 - p->framed));
    }
}

void press_mouse(struct ui *ui, int x, int y, int button)
{
    const struct layout *l = &ui->priv->layout;

    if (button == 0) {
        drag(ui, x, y);
        return;
    }
    ui->priv->dragging = -1;
    ui_done_warning(ui);
    for (int i = 0; i < l->n; i++) {
        const struct spot *p = &l->place[i];

        if (x < p->x || y < p->y || x >= p->x + p->w || y >= p->y + p->h)
            continue;
        ui_focus(ui, p->panel);
        if (button == 1) {
            ui->priv->dragging = p->panel;
            click(ui, p, x, y);
        } else {
            action_do(ui, panels[p->panel]->plot ? (button == 4 ? ACT_zoom_in : ACT_zoom_out)
                                                 : (button == 4 ? ACT_up : ACT_down));
        }
        return;
    }
}

void press_paste(struct ui *ui, const char *text, size_t n)
{
    ui->dirty = true;
    if (prompt_is_open(ui) && !overlay_is_up())
        prompt_paste(ui, text, n);
    else
        ui_say(ui,
               "nothing is typed here: a paste goes into a line (p asks the model, : commands)");
}
