/* layout.c - which panels are where.
 *
 * A layout is a set of slots; a slot shows one of a few panels that are alike: the one that had the
 * focus last. Small terminals get four slots, large ones nine; below 80 x 22 there is
 * one panel at a time, below 60 x 16 none. */
#include <string.h>
#include "ui/layout.h"

struct slot {
    int panel[4]; /* it may show; the first one by default; ends with -1 */
    /* Place in thousandths of the area between header and footer. */
    short x0, y0, x1, y1;
    bool bare; /* without a frame */
};
struct plan {
    int min_w, min_h, footer;
    struct slot slot[SLOTS];
    int n;
};

#define P(name) PANEL_##name
static const struct plan plans[] = {
    {.min_w = 160,
     .min_h = 45,
     .footer = 3,
     .n = 8,
     .slot = {{{P(loss), -1}, 0, 0, 360, 275, false},
              {{P(heat), -1}, 0, 275, 360, 560, false},
              {{P(evaluation), -1}, 360, 0, 680, 275, false},
              {{P(map), -1}, 360, 275, 680, 560, false},
              {{P(layers), -1}, 680, 0, 1000, 560, false},
              {{P(probe), -1}, 0, 560, 520, 830, false},
              {{P(controls), P(runs), P(data), -1}, 520, 560, 1000, 830, false},
              {{P(journal), -1}, 0, 830, 1000, 1000, false}}},
    {.min_w = 110,
     .min_h = 34,
     .footer = 2,
     .n = 6,
     .slot = {{{P(loss), P(evaluation), -1}, 0, 0, 560, 440, false},
              {{P(layers), P(map), -1}, 560, 0, 1000, 440, false},
              {{P(heat), P(data), -1}, 0, 440, 360, 800, false},
              {{P(probe), -1}, 360, 440, 720, 800, false},
              {{P(controls), P(runs), -1}, 720, 440, 1000, 800, false},
              {{P(journal), -1}, 0, 800, 1000, 1000, false}}},
    {.min_w = 80,
     .min_h = 22,
     .footer = 2,
     .n = 5,
     .slot = {{{P(loss), P(evaluation), P(map), -1}, 0, 0, 560, 570, false},
              {{P(layers), P(heat), -1}, 560, 0, 1000, 570, false},
              {{P(probe), P(data), -1}, 0, 570, 560, 857, false},
              {{P(controls), P(runs), -1}, 560, 570, 1000, 857, false},
              {{P(journal), -1}, 0, 857, 1000, 1000, true}}},
};

static const struct plan *plan_for(int w, int h)
{
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        if (w >= plans[i].min_w && h >= plans[i].min_h)
            return &plans[i];
    return NULL;
}

static void one_panel(struct ui *ui, int w, int h)
{
    struct layout *l = &ui->priv->layout;

    l->n = 1;
    l->one_panel = true;
    l->place[0] =
        (struct place){.panel = ui->focus, .y = 1, .w = w, .h = h - 1 - l->footer, .framed = true};
}

static int scaled(int part, int size)
{
    return (part * size + 500) / 1000;
}

/* Of those that a slot may show the one that had the focus last: the same after every resize. */
static int panel_of(const struct ui *ui, const struct slot *s)
{
    int best = s->panel[0];

    for (int i = 1; s->panel[i] >= 0; i++)
        if (ui->focused[s->panel[i]] > ui->focused[best])
            best = s->panel[i];
    return best;
}

void layout_make(struct ui *ui, int w, int h)
{
    struct layout *l = &ui->priv->layout;
    const struct plan *plan = plan_for(w, h);
    int area = h - 1 - (plan ? plan->footer : 2);

    *l = (struct layout){.footer = plan ? plan->footer : 2, .too_small = w < 60 || h < 16};
    if (l->too_small)
        return;
    if (!plan || ui->zoom) {
        one_panel(ui, w, h);
        return;
    }
    for (int i = 0; i < plan->n; i++) {
        const struct slot *s = &plan->slot[i];
        int x0 = scaled(s->x0, w), x1 = scaled(s->x1, w), y0 = scaled(s->y0, area),
            y1 = scaled(s->y1, area);

        l->place[l->n++] = (struct place){.panel = panel_of(ui, s),
                                          .x = x0,
                                          .y = 1 + y0,
                                          .w = x1 - x0,
                                          .h = y1 - y0,
                                          .framed = !s->bare};
    }
}

int layout_next(const struct ui *ui, int from, int direction)
{
    const struct layout *l = &ui->priv->layout;

    if (!l->one_panel)
        for (int i = 0; i < l->n; i++)
            if (l->place[i].panel == from)
                return l->place[(i + direction + l->n) % l->n].panel;
    return (from + direction + PANEL_COUNT) % PANEL_COUNT;
}
