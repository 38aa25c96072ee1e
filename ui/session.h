/* session.h - the screen's side of a run: opening it, taking over what it tells, leaving it. */
#ifndef UI_SESSION_H
#define UI_SESSION_H

#include <poll.h>
#include "ui/frame.h"

/* Opens args->path (or another one) and starts it; -1 and err. */
int session_open(struct ui *ui, const char *path, struct vac_err *err);
/* Opens ui->open_path, a run file or a run folder, in place of what is open. One that trains is set
 * aside while another one is looked at; before another one begins it is asked about. */
void session_open_next(struct ui *ui);
/* Asks what to do about a run file that could not be opened; false: there is nothing to ask. */
bool session_mend(struct ui *ui, const char *path, const struct vac_err *why);
/* RESUME or STEP. A run that is only looked at is opened for it. The command's id, or 0. */
uint64_t session_drive(struct ui *ui, enum vac_op op, int64_t n);
/* Goes on with it, or begins it again when there is no checkpoint to go on from. */
void session_begin_again(struct ui *ui);
/* Takes over what is new: snapshot, history, events. Returns true when something was. */
bool session_pump(struct ui *ui);
/* Seconds until session_pump wants to be called for a run without a session; < 0 = never. */
double session_due(const struct ui *ui);
/* What news comes by, into `fds`; with `listen` false none of it. */
enum { SESSION_FDS = 4 };
int session_fds(const struct ui *ui, struct pollfd *fds, bool listen);
/* To the list of runs, where one that trains goes on meanwhile; from there, or from another run, back
 * to it. */
void session_list(struct ui *ui);
/* The run that was set aside is the one that is shown again, if there is one. */
void session_return(struct ui *ui);
/* Saves and ends it; then the program ends, or the pending run opens. When it cannot be saved the
 * screen stays and says why. */
void session_leave(struct ui *ui);
/* Ends it (saves as its last command said) and forgets everything of the run. */
void session_close(struct ui *ui);
/* Says that a run was forked into a folder, and how to go on with it. */
void session_say_forked(struct ui *ui, const char *dir);
#endif
