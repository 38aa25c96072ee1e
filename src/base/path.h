/* path.h - names of files and folders: what they lead to, made, changed and removed.
 *
 * Paths are plain strings; every error names the path and what to do. What lies below an entered
 * folder is looked for as inside.h says. A name that was made or changed is synced: it is there
 * after a power cut. Every descriptor is closed on exec and above 2: if the program was started
 * with a closed standard stream, a file of ours must not take its place and receive what others
 * print. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "base/err.h"

/* A regular file or a folder, or a link to one; also where that cannot be told, because a failure to
 * look must not be taken for an absence: who opens it then hears why. */
bool file_exists(const char *path);
bool dir_exists(const char *path);
bool path_missing(
    const char *path); /* nothing has the name: not even a link, or what cannot be read */
/* Whether a folder is there, for who must know. */
int dir_measure(const char *path, bool *there, struct vac_err *err);
int64_t file_size(const char *path); /* -1 when there is none, or it cannot be seen */
/* The same for who must not take a failure for an absence: -1 into *size when there is none. */
int file_measure(const char *path, int64_t *size, struct vac_err *err);

/* "DIR/NAME" (NAME alone when it is absolute or dir is ""). Free with free(). */
char *path_join(const char *dir, const char *name, struct vac_err *err);
char *path_dir(const char *path, struct vac_err *err); /* "." when there is no slash */
/* The base name inside `path`: borrowed. */
const char *path_base(const char *path);
int dirs_make(const char *path, struct vac_err *err); /* mkdir -p */
/* One folder that must be new: 1 = the name is taken. */
int dir_make(const char *path, struct vac_err *err);
int dir_sync(const char *path, struct vac_err *err);
/* Removes a file, or a folder with all that is in it; never follows a symbolic link. */
int path_remove(const char *path, struct vac_err *err);
/* Gives `from` the name `to`, in whose place a file or an empty folder may be. */
int path_rename(const char *from, const char *to, struct vac_err *err);
/* Gives a file a second name, whose place must be free: -1 with errno where the system cannot, or may not. */
int path_link(const char *from, const char *to);
/* Each gets the other's name; where the system can, at once. */
int path_exchange(const char *a, const char *b, struct vac_err *err);

/* --- by these rules, as the system's calls of like names: -1 or NULL with errno --- */
int path_open(const char *path, int flags, mode_t mode);
DIR *dir_open(const char *path);
int path_stat(const char *path, struct stat *st); /* below an entered folder a link is a link */
int path_move(const char *from, const char *to);  /* rename(2), nothing synced */
void path_unlink(const char *path);
int fd_sync(int fd);
/* Syncs the folder that the path lies in. */
int path_sync(const char *path, struct vac_err *err);
/* "PATH: cannot WHAT: ..." of errno, with what to do about it. Returns -1. */
int path_error(const char *path, const char *what, struct vac_err *err);
#endif
