/* lock.c - see lock.h */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"

enum { FD_GUESS = 4096 /* descriptors looked at where there is no /dev/fd */ };

/* --- a file that stands for a lock --- */

/* Those errors of locking that speak of the file system rather than of this lock. */
static bool no_locks(int number)
{
    return number == ENOLCK || number == EOPNOTSUPP || number == ENOTSUP || number == ENOSYS ||
           number == EINVAL;
}

struct holder {
    long pid;
    char host[65];
};

static void host_name(char out[65])
{
    out[0] = '\0';
    gethostname(out, 64);
    out[64] = '\0';
}

/* What lock.pid says; false = it is not there, or nobody's. */
static bool holder_read(const char *path, struct holder *h)
{
    char *text = file_exists(path) ? file_read(path, 256, NULL, NULL) : NULL;
    bool yes = text && sscanf(text, "%ld %64s", &h->pid, h->host) == 2 && h->pid > 0;

    free(text);
    return yes;
}

/* Of a process on another host nothing can be known. */
static bool holder_lives(const struct holder *h)
{
    char host[65];

    host_name(host);
    return strcmp(host, h->host) != 0 || kill((pid_t)h->pid, 0) == 0 || errno == EPERM;
}

static int file_take(struct lock *l, const char *dir, struct vac_err *err)
{
    char *path = path_join(dir, "lock.pid", err), text[128], host[65];
    struct holder h;
    int fd, n, rc = -1;

    if (!path)
        return -1;
    host_name(host);
    if (holder_read(path, &h) && !holder_lives(&h) && path_remove(path, err))
        goto out;
    fd = path_open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 && errno == EEXIST && holder_read(path, &h)) {
        err_set(err, VAC_ERR_BUSY,
                "%s: process %ld on %s is running this run: wait for it, name another folder with "
                "-o, or remove %s when it runs no more (this file system has no locks)",
                dir, h.pid, h.host, path);
    } else if (fd < 0) {
        err_errno(err, "%s: cannot stand for a lock, which this file system does not have", path);
    } else {
        n = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), host[0] ? host : "-");
        rc = write(fd, text, (size_t)n) == n && !fsync(fd) ? 0 : err_errno(err, "%s", path);
        close(fd);
        if (rc)
            path_remove(path, NULL);
    }
    if (rc == 0) {
        l->file = path;
        path = NULL;
    }
out:
    free(path);
    return rc;
}

/* --- the system's --- */

static int refuse(int fd, const char *dir, struct vac_err *err)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char who[40] = "";

    if (!fcntl(fd, F_GETLK, &l) && l.l_type != F_UNLCK && l.l_pid > 0)
        snprintf(who, sizeof who, " (pid %ld)", (long)l.l_pid);
    return err_set(err, VAC_ERR_BUSY,
                   "%s: another program%s is running this run: wait for it, or name another folder "
                   "with -o",
                   dir, who);
}

int lock_take(struct lock *l, const char *dir, struct vac_err *err)
{
    struct flock want = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[64], *path = path_join(dir, "lock", err), *file = path_join(dir, "lock.pid", err);
    struct holder h;
    int fd = path && file ? path_open(path, O_RDWR | O_CREAT, 0600) : -1, n, rc = -1;

    *l = (struct lock){0};
    if (fd < 0) {
        if (path && file)
            err_errno(err, "%s", path);
    } else if (fcntl(fd, F_SETLK, &want) == 0) {
        /* one that came through a mount without locks */
        if (holder_read(file, &h) && holder_lives(&h))
            rc = err_set(err, VAC_ERR_BUSY,
                         "%s: process %ld on %s is running this run: wait for it, or remove %s "
                         "when it runs no more",
                         dir, h.pid, h.host, file);
        else
            rc = 0;
        n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
        if (rc == 0 && (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n))
            rc = err_errno(err, "%s", path);
    } else if (errno == EAGAIN || errno == EACCES) {
        refuse(fd, dir, err);
    } else if (no_locks(errno)) {
        rc = file_take(l, dir, err);
    } else {
        err_errno(err, "%s: cannot be locked", path);
    }
    if (rc == 0)
        l->fd = fd;
    else if (fd >= 0)
        close(fd);
    free(path);
    free(file);
    return rc;
}

void lock_drop(struct lock *l)
{
    if (l->file)
        path_remove(l->file, NULL);
    if (l->fd > 0)
        close(l->fd);
    free(l->file);
    *l = (struct lock){0};
}

/* --- what stands beside it --- */

int lock_note(const struct lock *l, const char *line, struct vac_err *err)
{
    char text[1200];
    int n = snprintf(text, sizeof text, "%ld\n%s%s", (long)getpid(), line, *line ? "\n" : "");

    if (n >= (int)sizeof text)
        return err_set(err, VAC_ERR_USAGE, "too long for a lock: %s", line);
    if (ftruncate(l->fd, 0) || pwrite(l->fd, text, (size_t)n, 0) != n)
        return err_errno(err, "lock");
    return 0;
}

/* --- looking --- */

static bool is_same(int fd, const struct stat *file)
{
    struct stat st;

    return !fstat(fd, &st) && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

/* Does this process itself have the file open? Opening and closing it a second time would drop the
 * process's own fcntl lock on it, so that has to be known before. */
static bool open_here(const struct stat *lock)
{
    DIR *d = opendir("/dev/fd");
    const struct dirent *e;
    bool found = false;

    for (int fd = 0; !d && !found && fd < FD_GUESS; fd++)
        found = is_same(fd, lock);
    while (d && !found && (e = readdir(d))) {
        char *end;
        long fd = strtol(e->d_name, &end, 10);

        found = end != e->d_name && !*end && fd >= 0 && fd <= INT_MAX && is_same((int)fd, lock);
    }
    if (d)
        closedir(d);
    return found;
}

bool lock_held(const char *dir)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char *path = path_join(dir, "lock", NULL), *file = path_join(dir, "lock.pid", NULL);
    struct holder h;
    struct stat st;
    bool held = file && holder_read(file, &h) && holder_lives(&h);
    int fd;

    if (!held && path && !lstat(path, &st) && S_ISREG(st.st_mode)) {
        held = open_here(&st);
        fd = held ? -1 : path_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
        if (fd >= 0) {
            held = !fcntl(fd, F_GETLK, &l) && l.l_type != F_UNLCK;
            close(fd);
        }
    }
    free(path);
    free(file);
    return held;
}

bool lock_noted(const char *dir, char *line, size_t size)
{
    char *path = path_join(dir, "lock", NULL), *text = NULL, *at, *end;
    struct stat st;
    bool yes;

    if (path && !lstat(path, &st) && S_ISREG(st.st_mode) && !open_here(&st))
        text = file_read(path, 4096, NULL, NULL);
    at = text ? strchr(text, '\n') : NULL;
    end = at ? strchr(at + 1, '\n') : NULL;
    yes = end && (size_t)(end - at) <= size;
    if (yes)
        snprintf(line, size, "%.*s", (int)(end - at - 1), at + 1);
    free(text);
    free(path);
    return yes;
}
