/* remote.h - a run of another program, as the session's thread would have it: its files tell what was and is, its
 * socket how it stands and what is answered, and commands go there. */
#ifndef ATTACH_REMOTE_H
#define ATTACH_REMOTE_H

#include "run/control.h"
#include "run/steer.h"

struct remote;
/* Connects, as a reader where another has control, and shows how it stands. `as` NULL = by user and process. */
int remote_open(struct remote **out, const char *dir, const char *as, struct control *ctl,
                struct steer *steer, struct vac_err *err);
/* The thread: until the core's own quit, which leaves the run as it is. */
void remote_run(struct remote *m);
void remote_close(struct remote *m);
#endif
