/* server.h - a run's control socket, on a thread of its own: who connects is told how the run stands, may steer
 * it as its run file allows ("control"), and can do nothing else to it.
 *
 * One at a time has control: the first who says hello with it, until that one gives it up or is gone; commands of
 * those who never asked for control are taken while nobody has it. */
#ifndef ATTACH_SERVER_H
#define ATTACH_SERVER_H

#include "attach/place.h"
#include "run/control.h"

struct server;
/* `reads`: commands are refused. The session outlives the server, and so does its lock. On the driver's thread. */
int server_open(struct server **out, struct vac_session *s, struct control *ctl, struct lock *lock,
                bool reads, struct vac_err *err);
/* Whether somebody has control; on any thread. */
bool server_steered(const struct server *s);
/* Who is connected is told how the run stands, and hears no more. */
void server_close(struct server *s);
#endif
