/* list.h - lists that scroll, and what an action did. */
#ifndef PANELS_LIST_H
#define PANELS_LIST_H

#include "term/draw.h"
#include "term/keys.h"

/* What an action did. */
enum {
    UI_IGNORED = 0, /* not this panel's: the framework may do something general */
    UI_HANDLED = 1,
    UI_OPEN = 2 /* ui->open_path is to be opened in place of what is open */
};

struct list {
    int top, selected; /* rows */
    int n, rows;       /* rows there are, rows that fit: set by list_show */
};
/* Up, down, page, home and end; UI_IGNORED for others. */
unsigned list_act(struct list *l, enum action a);
/* Row `at` of those shown was clicked. */
void list_click(struct list *l, int at);
/* Before drawing: clips to n rows of which `rows` fit, the selected one among them. */
void list_show(struct list *l, int n, int rows);
/* Draws what says that there is more above or below, in the view's last column. */
void list_draw_scroll(const struct list *l, const struct view *v, int y);
#endif
