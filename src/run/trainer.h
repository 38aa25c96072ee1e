/* trainer.h - a run while it goes on, in parts: a function takes those that it may touch.
 *
 * Only the trainer thread touches them (after trainer_open; but see vigil.h). What takes all of them is the loop
 * (trainer.c), the beginning (begin.c), the commands, and a checkpoint. */
#ifndef RUN_TRAINER_H
#define RUN_TRAINER_H

#include "record/script.h"
#include "record/state.h"
#include "guard/guard.h"
#include "run/book.h"
#include "rig/inputs.h"
#include "run/progress.h"
#include "rig/rig.h"
#include "run/stage.h"
#include "run/steer.h"
#include "run/change.h"
#include "run/vigil.h"

/* A probe that is answered while steps are made. */
struct inquiry {
    struct asking *asking; /* NULL = there is none */
    struct control_command by;
    uint64_t step, rewinds; /* when it was taken */
    double begun;
    double seconds; /* of the step at work that it took */
};
struct trainer {
    struct vac_open how;
    struct rig rig;         /* what it is made with */
    struct progress at;     /* how far it has come */
    struct stage st;        /* the stage at work */
    struct steer steer;     /* who drives it, and what was asked for */
    struct book book;       /* its folder */
    struct changes changes; /* that can be taken back */
    struct guards guards;   /* what it is watched for */
    struct vigil vigil;     /* ... also while a step is made */
    struct inquiry inquiry;
    struct origin origin; /* what it goes on from */
    struct saved saved;   /* the weights that are asked, where it is looked at */
    /* Makes the files for other tools, as far as the run has come; `done`: this was the last of it. */
    int (*export)(void *ctx, bool done, struct vac_err *err);
    void *export_ctx;
    /* Attacks what is saved of the present step: see siege.h; NULL = nothing here can. */
    int (*attack)(struct trainer *t, const char *words, const char *who, struct vac_err *err);
    struct script script; /* of a replay */
    struct vac_err end;   /* how it ended */
    int exit_code;
};
/* Of zeros; it stays where it is. */
void trainer_init(struct trainer *t, struct control *ctl);
/* Reads model, tokenizer and data (t->rig.spec has been read); nothing is written. */
int trainer_open(struct trainer *t, const struct vac_open *o, struct vac_err *err);
void trainer_close(struct trainer *t);
/* The loop, to the end of the run; fills t->end and t->exit_code. */
void trainer_run(struct trainer *t);
#endif
