/* inside.h - folders whose content is not to be trusted: run folders, which are copied, sent around
 * and found.
 *
 * Once such a folder is entered, every function of path.h, io.h and lock.h that is given its path,
 * or one below it, starts at the folder's descriptor, follows no link on the way, and takes nothing
 * but folders and regular files: what was planted there leads nowhere else, and nothing goes to
 * what has taken the folder's name since. Paths with ".." are not below anything. */
#ifndef BASE_INSIDE_H
#define BASE_INSIDE_H

#include <stdbool.h>
#include "base/err.h"

/* Calls pair up; the folder must be there. Any thread. */
int dir_enter(const char *dir, struct vac_err *err);
void dir_leave(const char *dir);
/* Whether the name still leads to the folder that was entered; else the error tells where that one
 * is now. 0 for a folder that nobody entered. */
int dir_check(const char *dir, struct vac_err *err);

/* --- for io.c and lock.c: where a path is to be looked for --- */
struct spot {
    int dir;          /* AT_FDCWD, or a descriptor */
    const char *name; /* relative to it; lives as long as the path */
    bool inside;      /* below an entered folder: no link is followed */
    bool own;         /* the descriptor is closed by spot_done */
};
/* 0, or -1 with errno. */
int spot_find(struct spot *s, const char *path);
void spot_done(struct spot *s); /* keeps errno */
#endif
