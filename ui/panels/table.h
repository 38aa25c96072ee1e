/* table.h - rows and columns: what every list of the screen has in common.
 *
 * A panel that is a table says how many rows there are and what stands in a cell. Head, places of the
 * columns, selection, scrolling, filter, order, clicks and CSV are done here, by the number of the
 * panel. Its own state begins with a struct table. */
#ifndef PANELS_TABLE_H
#define PANELS_TABLE_H

#include <stdio.h>
#include "panels/panel.h"

enum { ENTRY_SIZE = 160, ENTRY_SPANS = 3 };

/* What stands in a cell: up to three pieces of text; borrowed ones live until the next call. */
struct entry {
    struct {
        const char *text;
        unsigned style;
    } span[ENTRY_SPANS];
    int n;
    char buf[ENTRY_SIZE]; /* room for one that is made */
    const char *hang;     /* behind the right end of numbers: a mark */
    enum sign sign;       /* instead of texts, with the style of the first; -1 = none */
    char csv[40];         /* what the CSV file has instead, as it stands; "" = the texts */
};
/* Adds a piece; NULL and "" are none. */
void entry_text(struct entry *c, unsigned style, const char *text);
/* Adds one that is made, once per cell. */
void entry_fmt(struct entry *c, unsigned style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void entry_sign(struct entry *c, unsigned style, enum sign sign);

struct table_column {
    const char *head; /* NULL = `title` tells */
    const char *csv;  /* its name in the CSV file; NULL = it is not there */
    short w[3]; /* columns in a narrow, a wide and the widest table; 0 = not shown, -1 = takes the
                   rest */
    short pad;  /* blanks before it */
    short from; /* width of the table from which it is shown; 0 = always */
    bool right, main; /* numbers; what is bold when its row is selected */
};

/* What a table's panel says of its rows. NULL = it has none of that. */
struct table_rows {
    const struct table_column *column;
    int n_columns;
    int wide, most; /* width from which it is wide; that it does not exceed (0 = any) */
    int widest;     /* from which it has the third widths; 0 = it has none */
    int margin;     /* blanks at the right */
    int head_from;  /* height from which there is a head */
    bool follow;    /* the selection stays at the end until it is moved away */
    bool quiet;     /* the selection shows only with the focus */
    int (*count)(struct ui *ui);
    /* wide: 0, 1, 2, by the widths that are taken. */
    void (*cell)(struct ui *ui, int row, int column, int wide, struct entry *out);
    /* The head of a column that has none of its own; "" = its values are not known, and it is not shown.
     * One that is longer than its column gets the room where there is some. */
    void (*title)(struct ui *ui, int column, bool csv, char *out, size_t size);
    /* Draws a cell, or with column < 0 a whole row, by itself; false = it is an ordinary one. */
    bool (*paint)(struct ui *ui, const struct view *v, int row, int column, bool selected);
    /* What the filter looks at; false = never shown while there is one. */
    bool (*text)(struct ui *ui, int row, char *out, size_t size);
    /* In the order of the rows that are shown; or NULL: as they come. */
    bool (*before)(struct ui *ui, int a, int b);
    /* The column that they are ordered by, whose head is underlined; or NULL, and -1: by none. */
    int (*ordered)(struct ui *ui);
    /* The selection was moved to a row. Or NULL. */
    void (*chosen)(struct ui *ui, int row);
    bool (*is_head)(struct ui *ui, int row); /* cannot be selected, is no row of the CSV file */
};

struct table {
    struct list list;
    int *row; /* numbers of the rows that are shown */
    int n, cap;
    int looked; /* rows that were looked at */
    int y;      /* of the first row on the screen */
    bool away;  /* the selection left the end */
    struct filter *filter;
    char text[200]; /* of the filter */
};
void table_done(struct table *t);
/* Everything again: the rows are others. */
void table_reset(struct table *t);
/* Takes over rows that are new. */
void table_look(struct ui *ui, enum panel_id id);
/* The row shown at a place, or the selected one; -1 = none. */
int table_row(struct ui *ui, enum panel_id id, int at);
int table_selected(struct ui *ui, enum panel_id id);
/* Selects the next row below that is so, round to the first; false = there is none. */
bool table_next(struct ui *ui, enum panel_id id, bool (*is)(struct ui *ui, int row));
void table_draw(struct ui *ui, enum panel_id id, const struct view *v);
/* What the frame does for a panel with a table. */
unsigned table_act(struct ui *ui, enum panel_id id, enum action a);
bool table_filter(struct ui *ui, enum panel_id id, const char *text);
void table_click(struct ui *ui, enum panel_id id, int y);
void table_csv(struct ui *ui, enum panel_id id, FILE *out);
#endif
