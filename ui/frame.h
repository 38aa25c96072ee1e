/* frame.h - the framework's own: what the loop, the layout and the chrome share. Panels do not see
 * it. */
#ifndef UI_FRAME_H
#define UI_FRAME_H

#include "panels/panel.h"
#include "term/color.h"

enum { MESSAGE_SIZE = 512, SLOTS = 8 };

struct place {
    int panel; /* enum panel_id */
    int x, y, w, h;
    bool framed;
};
struct layout {
    struct place place[PANEL_COUNT];
    int n;
    bool too_small, one_panel;
    int footer; /* rows below the panels: message, (status,) keys */
};

struct script;

/* Without anyone to answer: what was asked of the session last, to deal with a pause. */
struct alone {
    bool begun, ends; /* ends: a paused run is saved and ended, instead of going on */
    bool over;        /* a full disk has been waited for long enough */
    enum vac_op op;
    uint64_t id;  /* its command */
    double until; /* clock: how long a full disk is still waited for; 0 = it is not full */
};

struct ui_private {
    struct canvas canvas;
    struct layout layout;
    int slot_panel[SLOTS]; /* panel that each slot of the layout shows */
    char message[MESSAGE_SIZE];
    bool warning;
    double message_at; /* when it was set; 0 = not to be taken away */
    const char *hint;  /* lines that are up until the first key; NULL = none */
    double hint_until; /* clock; 0 = for as long as there is no key */
    enum theme theme;
    bool mouse, unfocused;
    int dragging; /* panel in which the button went down; < 0 = in none that cares */
    uint64_t next_point, next_layer;
    bool behind; /* there is more history than one round could take */
    bool quit, headless;
    bool hung_up;               /* the line has dropped: nothing is printed any more */
    int status;                 /* exit status, or -1 = by the session's result */
    char fault[256];            /* what ended a run that nobody answered for; "" = nothing */
    uint64_t leaving;           /* id of the command that saves before leaving; 0 = none */
    uint64_t answered, refused; /* newest commands that were answered, and that were refused */
    struct alone alone;
    double stop_asked;  /* when Ctrl-C was pressed last */
    uint64_t answering; /* id of the probe whose answer streams; 0 = none */
    bool held;          /* it is paused, also while something is measured in the pause */
    uint64_t steering;  /* id of the newest command that pauses it or lets it go on */
    struct script *script;
    char pending_path[VAC_PATH]; /* run to open when the present one has been left */
    char title[VAC_NAME];        /* of what is looked at without a session */
    char watched[VAC_PATH];      /* its folder */
    struct vac_follow *follow;   /* its files, while they may grow */
    double next_look;            /* clock: when they are looked at again */
};

/* --- layout.c --- */
/* Places for a screen of w x h; shows the focused panel in its slot. */
void layout_make(struct ui *ui, int w, int h);
/* The next panel that is on the screen (or any, when there is one at a time). */
int layout_next(const struct ui *ui, int from, int direction);

/* --- chrome.c: everything around the panels --- */
void chrome_draw(struct ui *ui, struct canvas *c, int *cursor_x, int *cursor_y);

/* --- dialog.c --- */
bool overlay_is_up(void);
void overlay_draw(struct ui *ui, struct canvas *c);
/* A key while it is up; always taken. */
void overlay_key(struct ui *ui, int key);
void overlay_close(void);

/* --- help.c --- */
void help_open(struct ui *ui);
/* The help as text; free it. Exactly the rows of the key table, the panels and the commands. */
char *help_text(void);

/* --- session.c --- */
/* Opens args->path (or another one) and starts it; -1 and err. */
int session_open(struct ui *ui, const char *path, struct vac_err *err);
/* Takes over what is new: snapshot, history, events. Returns true when something was. */
bool session_pump(struct ui *ui);
/* Seconds until session_pump wants to be called for a run without a session; < 0 = never. */
double session_due(const struct ui *ui);
/* Ends it (saves as its last command said) and forgets everything of the run. */
void session_close(struct ui *ui);
/* It trains or waits, so leaving has to be asked about. */
bool session_is_live(const struct ui *ui);
/* It is only looked at, and not driven by another program: RESUME and STEP open it. */
bool session_can_go_on(const struct ui *ui);
/* Goes on with it, or begins it again when there is no checkpoint to go on from. */
void session_begin_again(struct ui *ui);
/* It is paused, or will be by a command that was given: a question that is answered meanwhile shows
 * another state. */
bool session_is_held(const struct ui *ui);
/* Saves and ends it; then the program ends, or the pending run opens. When it cannot be saved the
 * screen stays and says why. */
void session_leave(struct ui *ui);
/* To be called after each pump once nobody is there to answer a pause: one that was asked for is
 * over, and faults are dealt with as in a run that began without a screen. */
void session_alone(struct ui *ui);

/* --- actions.c --- */
/* Whether the run is such that the action can do something: none is open, it is only looked at, or
 * it is over. */
bool action_works(const struct ui *ui, enum action a);
/* Panels first, then the general meaning. */
void action_do(struct ui *ui, enum action a);
/* A key of the keyboard or a script, whatever is on the screen. */
void action_key(struct ui *ui, int key, bool more);
void action_quit(struct ui *ui);
/* button as of screen_mouse_event. */
void action_mouse(struct ui *ui, int x, int y, int button);

/* --- commands.c --- */
extern const struct ui_command ui_commands[];
/* Command i of all, the framework's first, then the panels'; NULL past the last. */
const struct ui_command *command_at(size_t i);
char *commands_complete(struct ui *ui, const char *line, int start, const char *word, int i);

/* --- export.c --- */
/* what = "svg", "csv", "txt"; panel < 0 = the whole screen. file NULL = a name in ui_dir. Says
 * where it went. */
void export_panel(struct ui *ui, int panel, const char *what, const char *file);
/* The screen as it is, as text; 0 or -1. */
int export_screen(struct ui *ui, const char *file);
void export_copy(struct ui *ui);

/* --- loop.c --- */
/* Draws the screen into priv->canvas at w x h. */
void frame_draw(struct ui *ui, int w, int h, int *cursor_x, int *cursor_y);
/* Paints at once: before something that takes long. */
void frame_now(struct ui *ui);
double clock_seconds(void);
/* Lays what the command line names over the curves; 0, or -1 and err. */
int lay_overlays(struct ui *ui, struct vac_err *err);
/* The exit status, after the screen; waits for the session's end and says what went wrong. */
int end_status(struct ui *ui);

/* --- script.c --- */
int script_open(struct ui *ui, const char *path, struct vac_err *err);
void script_close(struct ui *ui);
/* Does what is due; returns seconds until it wants to be called again, < 0 = when something
 * happens. */
double script_run(struct ui *ui);
/* `:wait step N`, `:wait 0.5`, `:wait state paused` */
void script_wait(struct ui *ui, const char *args);

/* --- plain.c --- */
int plain_main(struct ui *ui);
/* "step 1204 loss 0.412 rho 2.0 HS 3.2" into out. */
void plain_line(const struct ui *ui, char *out, size_t size);
#endif
