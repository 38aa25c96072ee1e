/* look.h - the weights that a run has saved, taken up to be asked. */
#ifndef PANELS_LOOK_H
#define PANELS_LOOK_H

#include "panels/state.h"

/* Opens a session and starts it. Signals are for the screen's thread. Esc leaves it; what is typed meanwhile into a
 * line that is open is kept. */
int look_begin(struct ui *ui, struct vac_session **out, const struct vac_open *o,
               struct vac_err *err);
/* The run that is open is over, or only looked at and driven by nobody: what it saved can be asked. */
bool look_can(const struct ui *ui);
/* Takes up the weights of `at` (a stage, a step, "" = the last), in place of those that are: of these nothing is let go
 * before the others have loaded. False, and said why. They are there a moment later: what is asked before waits. */
bool look_take(struct ui *ui, const char *at);
void look_drop(struct ui *ui);
/* Ends a session, NULL is fine; what is measured there ends first, and that is said. */
void look_close(struct ui *ui, struct vac_session *s);
/* The step of the weights that are asked: the saved ones when they are there, else the run's. */
int64_t look_step(const struct ui *ui);
/* Takes over what they have answered; true when something was. */
bool look_pump(struct ui *ui);
/* A panel shows what only weights tell: they are taken up before the next frame, unless that failed. */
void look_want(struct ui *ui);
/* Says what weights came to that somebody had measured: the scores on the screen are the run's, and may not change. */
void look_score(struct ui *ui, const struct vac_eval *score);
/* Candidate number i of what it has saved that begins with a word, malloc'ed: stages, checkpoints and "end", the
 * last; the steps of its checkpoints. NULL past the last one. */
char *look_saved(const struct ui *ui, const char *word, int i);
char *look_checkpoint(const struct ui *ui, const char *word, int i);
/* Asks which. */
void look_choose(struct ui *ui);
#endif
