/* frame.h - what the files of the frame share: places, and what the loop keeps. Panels do not see
 * it. */
#ifndef UI_FRAME_H
#define UI_FRAME_H

#include "panels/panel.h"
#include "term/color.h"
#include "ui/ui.h"

enum { SLOTS = 8 };

struct spot {
    int panel; /* enum panel_id */
    int x, y, w, h;
    bool framed;
};
struct layout {
    struct spot place[PANEL_COUNT];
    int n;
    bool too_small, one_panel;
    int footer; /* rows below the panels: message, (status,) keys */
    int said;   /* of those for the message, and for the line that is typed */
    int tour;   /* rows above those: what to press next */
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

/* How far the tour of the lab has come (tour.h). */
struct tour {
    bool on;
    int step;                  /* of its steps */
    int at;                    /* place in the keys that are waited for */
    int64_t from;              /* step of the run at the first of them */
    int answers, answers_from; /* to questions: all, and those before this step of the tour */
    struct ahead {             /* keys that were pressed while the step before was under way */
        int key, answers;
        int64_t from;
    } ahead[8];
    int n_ahead;
};

/* An attack on a fork of the run that is shown (attack.h). */
struct attacking {
    char run[VAC_PATH]; /* whose weights are attacked; "" = there is none */
    char words[VAC_ATTACK_WORDS];
    uint64_t asked;  /* the run's own program makes it: its command */
    uint64_t saving; /* its command that saves them; 0 = that is done */
    bool resume;     /* it was going on, and is to again */
    struct vac_siege *siege;
    char told[VAC_SIEGE_TEXT]; /* of it, last */
};

struct parked;
/* Members of struct ui, and of what follows, that are about the run that is shown: X(member). */
/* clang-format off */
#define OF_RUN(X)                                                                                  \
    X(session) X(look) X(at) X(kept) X(look_wanted) X(look_failed) X(look_last) X(looks)           \
    X(watched) X(snap) X(points) X(layers) X(journal) X(layer) X(cursor) X(from) X(to) X(freeze) X(option)    \
    X(n_options) X(answering) X(steering) X(held) X(ghost) X(n_ghost)
#define OF_RUN_PRIVATE(X)                                                                          \
    X(next_point) X(next_layer) X(behind) X(leaving) X(answered) X(refused) X(follow) X(next_look) \
    X(moved)
/* clang-format on */

struct ui_private {
    const struct ui_args *args;
    struct parked *parked; /* the run that trains while another one is shown; NULL = none */
    struct canvas canvas;
    struct layout layout;
    const char *hint;  /* lines that are up until the first key; NULL = none */
    double hint_until; /* clock; 0 = for as long as there is no key */
    enum theme theme;
    bool mouse, unfocused;
    int dragging; /* panel in which the button went down; < 0 = in none that cares */
    uint64_t next_point, next_layer;
    bool behind; /* there is more history than one round could take */
    bool made;   /* the command line's run: its -o and --resume are of no other */
    bool quit, headless;
    bool background;            /* the shell is to have the terminal back */
    bool served;                /* others can steer it by its socket */
    bool opened;                /* a run was, since the beginning */
    bool opening;               /* the first is: there is nothing else to look at */
    bool hung_up;               /* the line has dropped: nothing is printed any more */
    int status;                 /* exit status, or -1 = by the session's result */
    char fault[256];            /* what ended a run that nobody answered for; "" = nothing */
    bool guarded;               /* that was a guard */
    uint64_t leaving;           /* id of the command that saves before leaving; 0 = none */
    uint64_t answered, refused; /* newest commands that were answered, and that were refused */
    struct alone alone;
    double stop_asked; /* when Ctrl-C was pressed last */
    struct script *script;
    struct tour tour;
    struct attacking attack;
    struct vac_follow *follow; /* its files, while they may grow */
    double next_look;          /* clock: when they are looked at again */
    double moved;              /* clock: when the run was seen to come to this state and step */
};

/* Of both, what OF_RUN names, and the panels' own. */
struct parked {
    struct ui ui;
    struct ui_private priv;
};
#endif
