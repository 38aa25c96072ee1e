/* frame.h - the framework's own: what the loop, the layout and the chrome share. Panels do not see
 * it. */
#ifndef UI_FRAME_H
#define UI_FRAME_H

#include "ui/color.h"
#include "ui/panel.h"

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

struct ui_private {
    struct canvas canvas;
    struct layout layout;
    int slot_panel[SLOTS]; /* panel that each slot of the layout shows */
    char message[MESSAGE_SIZE];
    bool warning;
    double message_at; /* when it was set; 0 = not to be taken away */
    bool hint;         /* the first-time hint is up */
    enum theme theme;
    bool mouse, unfocused;
    uint64_t next_point, next_layer;
    bool quit, headless;
    int status;         /* exit status, or -1 = by the session's result */
    double stop_asked;  /* when Ctrl-C was pressed last */
    uint64_t answering; /* id of the probe whose answer streams; 0 = none */
    struct script *script;
    char pending_path[VAC_PATH]; /* run to open when the present one has been left */
    char title[VAC_NAME];        /* of what is looked at without a session */
    char watched[VAC_PATH];      /* its folder */
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
/* Ends it (saves as its last command said) and forgets everything of the run. */
void session_close(struct ui *ui);
/* It trains or waits, so leaving has to be asked about. */
bool session_is_live(const struct ui *ui);

/* --- actions.c --- */
/* Panels first, then the general meaning. */
void action_do(struct ui *ui, enum action a);
/* A key of the keyboard or a script, whatever is on the screen. */
void action_key(struct ui *ui, int key, bool more);
void action_quit(struct ui *ui);
void action_mouse(struct ui *ui, int x, int y, int button);

/* --- commands.c --- */
extern const struct ui_command ui_commands[];
/* Command i of all, the framework's first, then the panels'; NULL past the last. */
const struct ui_command *command_at(size_t i);
char *command_complete(struct ui *ui, const char *line, int start, const char *word, int i);

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
