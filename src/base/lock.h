/* lock.h - who has a folder: one program at a time.
 *
 * The file "lock" in the folder is locked by the system, so that a program that dies gives it up.
 * Where the file system has no locks, the file "lock.pid" with host and process stands for one; it
 * outlives a kill, and is taken over when its process is gone from this host. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdbool.h>
#include "base/err.h"

struct lock {
    int fd;     /* as in io.h: 0 = not held */
    char *file; /* the file that stands for a lock, NULL = the system locks */
};
/* VAC_ERR_BUSY names the holder. */
int lock_take(struct lock *l, const char *dir, struct vac_err *err);
void lock_drop(struct lock *l);
/* A line that others may read while it is held, in place of the last; "" = none. */
int lock_note(const struct lock *l, const char *line, struct vac_err *err);
bool lock_noted(const char *dir, char *line, size_t size);
/* Whether some program, this one included, has the folder. Nothing is written. */
bool lock_held(const char *dir);
#endif
