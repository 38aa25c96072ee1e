/* panel.h - what a panel is.
 *
 * A panel is one file panel_NAME.c with one `const struct panel panel_NAME`, one word in PANELS,
 * and its Makefile.am line. It draws what struct ui knows into the view it is given (inside of its
 * frame; any size), and answers actions with a bit set instead of acting on the screen. Its own
 * state is a struct that the framework allocates, zeroed, and gives back by panel_own. */
#ifndef PANELS_PANEL_H
#define PANELS_PANEL_H

#include <stdio.h>
#include "base/csv_out.h"
#include "panels/ask.h"
#include "panels/list.h"
#include "panels/state.h"
#include "term/dialog.h"
#include "term/draw.h"
#include "term/keys.h"
#include "term/number.h"
#include "term/plot.h"
#include "term/prompt.h"
#include "term/shapes.h"
#include "term/sign.h"
#include "term/text.h"

/* X-macro: panel_<name>.c each. Order = keys 1, 2, ... 9, 0, F2, ... F9. */
#define PANELS(X)                                                                                  \
    X(loss)                                                                                        \
    X(layers) X(heat) X(map) X(probe) X(controls) X(evaluation) X(journal) X(data) X(runs) X(plan)
#define PANEL_ENUM(name) PANEL_##name,
enum panel_id { PANELS(PANEL_ENUM) PANEL_COUNT };

struct table_rows;

/* A word that stands in a panel, and what it means: for the help. */
struct word {
    const char *word, *help;
};

/* A typed command: `:name args`. */
struct ui_command {
    const char *name, *args, *help;
    /* `args` has no blanks around it, "" for none. Says by itself what went wrong (ui_warn). */
    void (*run)(struct ui *ui, const char *args);
};

/* Places on the screen, by what is best seen there; panels that want the same place share it. */
enum place {
    PLACE_CURVES,  /* curves over steps: as wide as can be */
    PLACE_LAYERS,  /* a row for each layer */
    PLACE_HEAT,    /* layers over steps */
    PLACE_MAP,     /* a picture of points */
    PLACE_ANSWERS, /* texts to read */
    PLACE_OPTIONS, /* a narrow table */
    PLACE_RATES,   /* what is measured, over steps */
    PLACE_NEWS,    /* lines, the newest at the end */
    PLACE_ROWS,    /* a wide table */
    PLACE_RUNS,
    PLACE_COUNT
};

struct panel {
    const char *name;         /* "loss": `:panel loss`, `:export csv loss` */
    const char *title;        /* "Loss" */
    const char *about;        /* one line for the help: what is to be seen here */
    const struct word *words; /* its columns, lines and signs; ends with a row without a word */
    const char *hints;        /* keys for the lower border, "y log  r raw"; or NULL */
    enum place place;         /* where it wants to stand */
    bool plot;                /* over steps: the cursor follows the mouse, the wheel zooms */
    size_t own;               /* bytes of its own state */
    const struct ui_command *commands; /* ends with a row without a name; or NULL */
    /* Whether a key of its hints does something there; NULL = as it does anywhere. */
    bool (*works)(struct ui *ui, enum action a);
    /* Words behind the title, "log  ema .6"; or NULL. */
    void (*notes)(struct ui *ui, char *out, size_t size);
    /* Draws. Must not change what is shown elsewhere. */
    /* It is a table (table.h): its keys, filter, clicks and CSV are, unless it has its own. */
    const struct table_rows *table;
    void (*draw)(struct ui *ui, const struct view *v);
    /* An action while the panel has the focus; NULL = none. */
    unsigned (*act)(struct ui *ui, enum action a);
    /* An action that belongs to it wherever the focus is (p opens the probe line); or NULL. Asked
     * after the focused panel and before the general ones. */
    unsigned (*act_anywhere)(struct ui *ui, enum action a);
    /* Every event of the session, shown or not; the body is parsed or copied, not kept. Or NULL. */
    void (*event)(struct ui *ui, const struct vac_event *e);
    /* It got the focus, or the run, stage, layer or step that it shows may have changed: the place
     * to ask for pages and maps. Called at most once a frame, only while it is visible. Or NULL. */
    void (*refresh)(struct ui *ui);
    /* What it asked for comes in a moment; or NULL: it has all that it shows. */
    bool (*waits)(struct ui *ui);
    /* Another run was opened: forget the old one. Or NULL (its own state is just zeroed, after
     * done). */
    void (*done)(struct ui *ui);
    /* A line typed as a command for it (`:probe TEXT`), as if at its own prompt. Or NULL. */
    void (*line)(struct ui *ui, const char *line);
    /* `/`: returns false when nothing matches (the old view stays). Or NULL: it has no filter. */
    bool (*filter)(struct ui *ui, const char *text);
    /* A row was clicked (inside coordinates). Or NULL. */
    void (*click)(struct ui *ui, int x, int y, int w, int h);
    /* What Y copies: the read-out in a line or more. Or NULL: the panel as text. */
    void (*readout)(struct ui *ui, FILE *out);
    /* Its numbers as CSV with a header row. Or NULL: `:export csv` says that there are none. */
    void (*csv)(struct ui *ui, FILE *out);
};

#define PANEL_EXTERN(name) extern const struct panel panel_##name;
PANELS(PANEL_EXTERN)
extern const struct panel *const panels[PANEL_COUNT];

void *panel_own(struct ui *ui, enum panel_id id);
/* Key of a panel: 1 ... 9, 0, then F2 ... F9 (keys.h); 0 = it has none, and Tab reaches it. */
int panel_key(enum panel_id id);
/* ... as it is shown: "1", "F2", "". */
const char *panel_key_name(enum panel_id id, char out[4]);
/* What the panel, or its table, does with an action, a filter, a click at (x, y) of the screen. */
unsigned panel_act(struct ui *ui, enum panel_id id, enum action a);
bool panel_filter(struct ui *ui, enum panel_id id, const char *text);
/* The filter of its table, "" = none; NULL where a filter is no matter of rows at hand. */
const char *panel_filter_text(struct ui *ui, enum panel_id id);
void panel_click(struct ui *ui, enum panel_id id, const struct view *inside, int x, int y);
void panel_csv(struct ui *ui, enum panel_id id, FILE *out);
/* It has a list that can be filtered, numbers for a CSV file. */
bool panel_filters(enum panel_id id);
bool panel_has_csv(enum panel_id id);
/* The frame, title, notes and hints of a panel, then its inside. */
void panel_draw(struct ui *ui, enum panel_id id, const struct view *v);
/* The same without a frame: its title stands at the end of the first line. */
void panel_draw_bare(struct ui *ui, enum panel_id id, const struct view *v);

#endif
