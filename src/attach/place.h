/* place.h - where a run's control socket is: control.sock in its folder, or, where that path is too long or the
 * file system has no sockets, in the user's runtime folder; then the second line of the run's lock says where. */
#ifndef ATTACH_PLACE_H
#define ATTACH_PLACE_H

#include <sys/types.h>
#include "base/lock.h"

struct place {
    int fd;            /* listens; -1 = not open */
    char *path;        /* of the socket */
    struct lock *lock; /* that names it; NULL = it is where everybody looks */
};
/* Only for who holds the lock: a socket that a killed program left is removed. */
int place_listen(struct place *p, const char *dir, struct lock *lock, struct vac_err *err);
void place_close(struct place *p);

/* A connection to the run's program; -1 and a line that says what is so instead. */
int place_connect(const char *dir, struct vac_err *err);
/* Who is at the other end: 0 when it is this user, or root; else -1 and who. */
int place_peer(int fd, uid_t *uid, pid_t *pid, struct vac_err *err);
#endif
