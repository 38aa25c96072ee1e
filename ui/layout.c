/* layout.c - which panels are where.
 *
 * A layout is a set of slots; a slot shows one of a few panels that are alike: the one that had the
 * focus last. Small terminals get four slots, large ones nine; below 80 x 22 there is
 * one panel at a time, below 60 x 16 none. */
#include <string.h>
#include "ui/chrome.h"
#include "ui/layout.h"
#include "ui/tour.h"

struct slot {
    unsigned takes; /* places, as bits */
    /* Place in thousandths of the area between header and footer. */
    short x0, y0, x1, y1;
    bool bare; /* without a frame */
    unsigned
        whole; /* of its places those that take all of the row, when they had the focus last in it */
};
struct plan {
    int min_w, min_h, footer;
    struct slot slot[SLOTS];
    int n;
};

#define P(name) (1u << PLACE_##name)
static const struct plan plans[] = {
    {.min_w = 160,
     .min_h = 45,
     .footer = 3,
     .n = 8,
     .slot = {{P(CURVES), 0, 0, 360, 275, false, 0},
              {P(HEAT), 0, 275, 360, 560, false, 0},
              {P(RATES), 360, 0, 680, 350, false, 0},
              {P(MAP), 360, 350, 680, 560, false, 0},
              {P(LAYERS), 680, 0, 1000, 560, false, 0},
              {P(ANSWERS), 0, 560, 520, 830, false, 0},
              {P(OPTIONS) | P(RUNS) | P(ROWS), 520, 560, 1000, 830, false, 0},
              {P(NEWS), 0, 830, 1000, 1000, false, 0}}},
    {.min_w = 110,
     .min_h = 34,
     .footer = 2,
     .n = 6,
     .slot = {{P(CURVES) | P(RATES), 0, 0, 560, 440, false, 0},
              {P(LAYERS) | P(MAP), 560, 0, 1000, 440, false, 0},
              {P(HEAT) | P(ROWS), 0, 440, 360, 800, false, 0},
              {P(ANSWERS), 360, 440, 720, 800, false, 0},
              {P(OPTIONS) | P(RUNS), 720, 440, 1000, 800, false, 0},
              {P(NEWS), 0, 800, 1000, 1000, false, 0}}},
    /* Rates beside their table, and questions with their answers, want the width. */
    {.min_w = 80,
     .min_h = 22,
     .footer = 2,
     .n = 5,
     .slot = {{P(CURVES) | P(RATES) | P(MAP), 0, 0, 560, 570, false, P(RATES)},
              {P(LAYERS) | P(HEAT), 560, 0, 1000, 570, false, 0},
              {P(ANSWERS) | P(ROWS), 0, 570, 560, 857, false, P(ROWS)},
              {P(OPTIONS) | P(RUNS), 560, 570, 1000, 857, false, 0},
              {P(NEWS), 0, 857, 1000, 1000, true, 0}}},
};

static void one_panel(struct ui *ui, int w, int h)
{
    struct layout *l = &ui->priv->layout;

    l->n = 1;
    l->one_panel = true;
    l->place[0] = (struct spot){
        .panel = ui->focus, .y = 1, .w = w, .h = h - 1 - l->footer - l->tour, .framed = true};
}

static int scaled(int part, int size)
{
    return (part * size + 500) / 1000;
}

/* Of those that a slot may show the one that had the focus last, the same after every resize; by
 * default that whose place is named first. */
static int panel_of(const struct ui *ui, unsigned takes)
{
    int best = -1;

    for (int i = 0; i < PANEL_COUNT; i++)
        if (takes & 1u << panels[i]->place &&
            (best < 0 || ui->focused[i] > ui->focused[best] ||
             (!ui->focused[best] && panels[i]->place < panels[best]->place)))
            best = i;
    return best;
}

static const struct plan *plan_for(int w, int h)
{
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        if (w >= plans[i].min_w && h >= plans[i].min_h)
            return &plans[i];
    return NULL;
}

/* The slot of the same row that takes all of it; -1 = none does. */
static int row_taken(const struct ui *ui, const struct plan *plan, int row)
{
    int newest = -1, at = -1;

    for (int i = 0; i < plan->n; i++) {
        int panel = panel_of(ui, plan->slot[i].takes);

        if (plan->slot[i].y0 == plan->slot[row].y0 &&
            (newest < 0 || ui->focused[panel] > ui->focused[newest])) {
            newest = panel;
            at = i;
        }
    }
    return plan->slot[at].whole & 1u << panels[newest]->place ? at : -1;
}

void layout_make(struct ui *ui, int w, int h)
{
    struct layout *l = &ui->priv->layout;
    const struct plan *plan = plan_for(w, h);
    int area, room;

    *l = (struct layout){
        .footer = plan ? plan->footer : 2, .said = 1, .too_small = w < 60 || h < 16};
    if (l->too_small)
        return;
    l->tour = tour_rows(ui, w);
    area = h - 1 - l->footer - l->tour;
    l->said = chrome_rows(ui, w, h);
    l->footer += l->said - 1;
    room = area - (l->said - 1); /* a long message takes from below: what stands above stays */
    if (!plan || ui->zoom) {
        one_panel(ui, w, h);
        return;
    }
    for (int i = 0; i < plan->n; i++) {
        const struct slot *s = &plan->slot[i];
        int taken = row_taken(ui, plan, i), x0 = taken < 0 ? scaled(s->x0, w) : 0,
            x1 = taken < 0 ? scaled(s->x1, w) : w, y0 = scaled(s->y0, area),
            y1 = scaled(s->y1, area);

        y1 = y1 < room ? y1 : room;
        if ((taken >= 0 && taken != i) || y0 >= y1)
            continue;
        l->place[l->n++] = (struct spot){.panel = panel_of(ui, s->takes),
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
