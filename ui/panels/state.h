/* state.h - all that the screen knows: the run, its history, and how it is looked at.
 *
 * Only the screen's thread touches it. Panels read it freely; they change only what is marked as a
 * matter of view. History grows with the run and stays sorted by step. */
#ifndef PANELS_STATE_H
#define PANELS_STATE_H

#include <vaccine/vaccine.h>
#include "panels/measured.h"
#include "term/draw.h"

/* Columns of the history, all as double; NaN = not measured at that step. */
#define COLUMN_ENUM(name, ...) COL_##name,
enum column { COL_step, COL_stage, VAC_COLUMNS(COLUMN_ENUM) COL_COUNT };
extern const char *const column_names[COL_COUNT];

struct history {
    double *v; /* n rows of COL_COUNT */
    size_t n, cap;
};
/* The first value of a column; the next is COL_COUNT doubles on (stride HISTORY_STRIDE bytes). */
const double *history_column(const struct history *h, enum column c);
#define HISTORY_STRIDE (COL_COUNT * sizeof(double))
/* The row at or before a step; -1 = none. */
long history_row(const struct history *h, double step);

/* The series of the layers; their names are those of vac_series. */
#define METRIC_ENUM(name, ...) METRIC_##name,
enum metric { VAC_SERIES(METRIC_ENUM) METRIC_COUNT };

/* Layer series, thinned evenly when they grow long (the newest row is always kept). */
struct layer_history {
    int n_layers;
    size_t n, cap, every, skipped; /* one row in `every` is kept */
    double *step;
    float *v; /* n rows of METRIC_COUNT x n_layers */
};
/* n_layers values of a row; NaN = not measured. */
const float *layer_values(const struct layer_history *h, size_t row, enum metric m);
/* Sum and number of those measured: a layer that is masked has no perturbation, and no 0 either. */
double layer_sum(const float *v, int n_layers, int *measured);
/* The last row at or before a step in which the metric was measured in some layer; -1 = none. */
long layer_row(const struct layer_history *h, double step, enum metric m);

/* What happened: journal lines, warnings, rejections. */
struct journal_line {
    int64_t step;
    double time; /* seconds since the epoch */
    enum vac_event_kind kind;
    char text[256];
};
struct journal {
    struct journal_line *v;
    size_t n, cap;
    uint64_t last; /* number of the newest line that has one: files and session tell some twice */
};

/* Another run laid over the curves. */
struct overlay {
    char name[VAC_NAME], dir[VAC_PATH];
    struct history points;
    long long size; /* of the file when they were read */
    double read_at; /* when that was, in the clock of ui->now */
};

/* What was made after a step that the run went back to: it stays, dim. */
enum { GHOSTS_MOST = 6 };
struct ghost {
    struct history points;
    struct measures evals;
};

enum x_unit { X_STEP, X_TOKENS, X_WALL, X_COUNT };
extern const char *const x_unit_names[X_COUNT]; /* "step", "tokens", "s" */
extern const enum column x_unit_columns[X_COUNT];

enum { MESSAGE_SIZE = 512, PANELS_MOST = 24, OPTIONS_MOST = 128 };

struct message {
    char text[MESSAGE_SIZE];
    bool warning;
    bool stood;     /* before the key that is dealt with */
    bool beside;    /* a fault that stood already: no news from before it */
    double at;      /* clock: when it was set; 0 = not to be taken away */
    uint64_t until; /* command that it announces: it ends when that was dealt with; 0 = none */
    char next[MESSAGE_SIZE]; /* news that waits until a warning was read; "" = none */
};

struct ui {
    struct vac_session *session; /* NULL on the start screen: look before use */
    char watched[VAC_PATH]; /* folder of a run that is looked at without a session; "" = none */
    /* The weights that the run has saved, where those are asked; NULL = not taken up. */
    struct vac_session *look;
    char at[VAC_NAME]; /* which: a stage, a step; "" = the last */
    struct {
        struct vac_session *session;
        char at[VAC_NAME];
        uint64_t last;
    } kept; /* those that were asked before, until those that are to be have loaded; NULL = there are none */
    bool look_wanted;      /* by a panel that shows what only weights tell */
    bool look_failed;      /* they could not be: a panel alone does not try again */
    uint64_t look_last;    /* the newest command that they were given */
    unsigned looks;        /* how often others were taken up: what was asked before is of others */
    char parked[VAC_PATH]; /* folder of the run that trains while another is looked at; "" = none */
    const struct vac_snapshot *aside; /* how that one stands; NULL = there is none */
    const char *who;                  /* asks: "ui", or "script" */
    struct vac_siege_now
        siege; /* an attack on it by this program, beside it; dir "" = there is none */
    struct vac_snapshot snap; /* a copy of the newest (of the frozen one with `freeze`) */
    struct history points;
    struct layer_history layers;
    struct journal journal;
    struct overlay overlay[INK_RUNS];
    int n_overlay;
    struct ghost ghost[GHOSTS_MOST];
    int n_ghost;

    /* how it is looked at; panels may change these */
    int layer;       /* selected in every panel */
    double cursor;   /* step of the cursor in every panel; NaN = the newest */
    double from, to; /* steps that plots show; to <= from = the whole run */
    enum x_unit x_unit;
    double ema; /* 0, .6, .9, .98 */
    bool log_y, guides, freeze;
    enum metric metric; /* of layers and heat map */

    /* of the stage that runs, as they are: rho, which the keys turn, stands first. An option is its
     * number here. */
    struct vac_option option[OPTIONS_MOST];
    int n_options;

    struct {
        int option;
        char value[128];
    } unsure;  /* a change that is asked about */
    bool sure; /* nobody is there to ask */

    /* what was asked of the session; ids are those of commands, 0 = none */
    uint64_t answering; /* the probe whose answer streams */
    uint64_t steering;  /* the newest that pauses it or lets it go on */
    bool held;          /* it is paused, also while something is measured in the pause */

    /* what the frame is asked for */
    struct message message;
    const char
        *news; /* what is said now answers nobody: the run that it is of, "" = the one that is
                         shown; NULL = it answers the user */
    char open_path[VAC_PATH]; /* to be opened, with UI_OPEN (panel.h) */

    /* the frame's */
    int focus; /* enum panel_id */
    unsigned focused[PANELS_MOST],
        n_focused; /* when each had the focus: it is shown in its place */
    bool zoom;
    enum charset charset;
    bool utf8;
    int colors;             /* 256, 16, 8; 0 = none: states must then show by glyph and word */
    bool dirty;             /* a frame is due */
    int w, h;               /* of the screen */
    double now;             /* CLOCK_MONOTONIC; 0 when deterministic */
    bool deterministic;     /* tests: no clocks on the screen */
    void *own[PANELS_MOST]; /* of the panels */
    void (*paint)(
        struct ui *ui); /* a frame at once, before what takes long; NULL = there is none */
    /* An answer that is complete (its to free; NULL without memory), for who sees no panel; NULL = panels are seen. */
    void (*answered)(struct ui *ui, char *text);
    struct ui_private *priv;
};

/* --- filling it: for the framework only --- */
/* Each is appended behind the last step; a step that is not greater drops what it goes back over.
 */
void history_push(struct history *h, const struct vac_point *p);
void history_done(struct history *h);
/* As layer_row, of the run: a stage without perturbation has none from the stage before it. */
long ui_layer_row(const struct ui *ui, double step, enum metric m);
void layer_history_push(struct layer_history *h, const struct vac_layers *l, int n_layers);
void layer_history_done(struct layer_history *h);
void journal_push(struct journal *j, const struct vac_event *e);
void journal_done(struct journal *j);

/* Folder for files that the user asks for by key (copies, screen dumps): the run's, else the
 * current. */
const char *ui_dir(const struct ui *ui);
/* The attack on the run that goes on, by whichever program; dir "" = none does. */
const struct vac_siege_now *ui_siege(const struct ui *ui);
/* Puts the focus on a panel. */
void ui_focus(struct ui *ui, int panel);
/* The message line: news, and warnings (in the warning colour, with a "!"). News that answers nobody
 * takes the place of a warning when that has stood for a while, or the user does something else. */
void ui_say(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ui_warn(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* News of what a command will do: no news any more once it was done. */
void ui_announce(struct ui *ui, uint64_t command, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Takes the message away when what it says is so no longer. */
void ui_drop_message(struct ui *ui);
/* It was read: what waits behind it takes its place. */
void ui_next_message(struct ui *ui);
/* The user does something: a warning of what was done before has been seen. */
void ui_done_warning(struct ui *ui);
/* What was being done is done: no news of it any more. A warning stays. */
void ui_unsay(struct ui *ui);
/* Puts the window of all plots (range, cursor and notes in the chosen unit of x) into a plot. */
void ui_window(const struct ui *ui, struct plot *p);
/* What stands for the points of overlay i (< INK_RUNS) in every panel, beside INK_RUN0 + i. */
char overlay_glyph(int i);
#endif
