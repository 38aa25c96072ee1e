/* park.c - see park.h */
#include "ui/park.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void exchange(void *a, void *b, size_t n)
{
    unsigned char *x = a, *y = b;

    for (size_t i = 0; i < n; i++) {
        unsigned char was = x[i];

        x[i] = y[i];
        y[i] = was;
    }
}

/* Of runs in general, not of this one. */
static bool is_shared(int panel)
{
    return panel == PANEL_runs;
}

bool park_make(struct ui *ui)
{
    struct parked *p = calloc(1, sizeof *p);

    if (!p)
        return false;
    p->ui.cursor = NAN;
    p->ui.snap.checkpoint_step = -1;
    ui->priv->parked = p;
    for (int i = 0; i < PANEL_COUNT; i++)
        if (!is_shared(i) && panels[i]->own && !(p->ui.own[i] = calloc(1, panels[i]->own))) {
            park_free(ui);
            return false;
        }
    snprintf(ui->parked, sizeof ui->parked, "%s", ui_dir(ui));
    ui->aside = &p->ui.snap;
    park_swap(ui);
    return true;
}

void park_swap(struct ui *ui)
{
    struct parked *p = ui->priv->parked;

#define EXCHANGE(member) exchange(&ui->member, &p->ui.member, sizeof ui->member);
    OF_RUN(EXCHANGE)
#undef EXCHANGE
#define EXCHANGE(member) exchange(&ui->priv->member, &p->priv.member, sizeof p->priv.member);
    OF_RUN_PRIVATE(EXCHANGE)
#undef EXCHANGE
    for (int i = 0; i < PANEL_COUNT; i++)
        if (!is_shared(i))
            exchange(&ui->own[i], &p->ui.own[i], sizeof ui->own[i]);
}

void park_free(struct ui *ui)
{
    struct parked *p = ui->priv->parked;

    for (int i = 0; p && i < PANEL_COUNT; i++)
        if (!is_shared(i))
            free(p->ui.own[i]);
    free(p);
    ui->priv->parked = NULL;
    ui->parked[0] = '\0';
    ui->aside = NULL;
}
