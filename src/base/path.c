/* path.c - see path.h */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/inside.h"
#include "base/kind.h"
#include "base/mem.h"

enum { REMOVE_DEPTH = 256 /* each level of a removal holds a descriptor */ };

/* What a user can do about the commonest failures. */
static const struct {
    int number;
    const char *advice;
} advices[] = {
    {ENOENT, "check the path"},
    {ENOTDIR, "a part of the path is a file, not a folder"},
    {EACCES, "check its permissions"},
    {EROFS, "choose a folder that can be written"},
    {ENOSPC, "free some space"},
    {EDQUOT, "free some space or raise the quota"},
    {EFBIG, "raise the limit on file sizes"},
    {EMFILE, "raise the limit on open files"},
    {ENAMETOOLONG, "choose a shorter path"},
    {ELOOP, "no link is followed inside a run folder: put the file itself there"},
    {ENXIO, "a regular file is needed here"},
};

/* "PATH: cannot WHAT: text of errno (advice)". */
int path_error(const char *path, const char *what, struct vac_err *err)
{
    struct vac_err plain = {0};
    int number = errno;

    if (number == ENOENT && kind_refuse_link(path, err))
        return -1;
    errno = number;
    err_errno(&plain, "%s: cannot %s", path, what);
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (advices[i].number == number)
            return err_set(err, plain.code, "%s (%s)", plain.msg, advices[i].advice);
    return err_set(err, plain.code, "%s", plain.msg);
}

static int fd_lift(int fd)
{
    int high, number;

    if (fd < 0 || fd > 2)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    number = errno;
    close(fd);
    errno = number;
    return high;
}

static int fd_open_at(int dir, const char *path, int flags, mode_t mode)
{
    int fd;

    do
        fd = openat(dir, path, flags | O_CLOEXEC | O_NOCTTY, mode);
    while (fd < 0 && errno == EINTR);
    return fd_lift(fd);
}

int path_open(const char *path, int flags, mode_t mode)
{
    struct spot s;
    struct stat st;
    int fd;

    if (spot_find(&s, path))
        return -1;
    fd = fd_open_at(s.dir, s.name, s.inside ? flags | O_NOFOLLOW | O_NONBLOCK : flags, mode);
    spot_done(&s);
    if (fd >= 0 && s.inside && !fstat(fd, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        close(fd);
        errno = ENXIO;
        return -1;
    }
    return fd;
}

int path_stat(const char *path, struct stat *st)
{
    struct spot s;
    int rc;

    if (spot_find(&s, path))
        return -1;
    rc = fstatat(s.dir, s.name, st, s.inside ? AT_SYMLINK_NOFOLLOW : 0);
    spot_done(&s);
    return rc;
}

DIR *dir_open(const char *path)
{
    int fd = path_open(path, O_RDONLY | O_DIRECTORY, 0);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (fd >= 0 && !d)
        close(fd);
    return d;
}

int fd_sync(int fd)
{
    int rc;

    do
        rc = fsync(fd);
    while (rc && errno == EINTR);
    return rc;
}

/* ---- What is there ---- */

/* What cannot be looked at just now is not absent: opening it says what is wrong. */
static bool exists(const char *path, mode_t kind)
{
    struct stat st;

    if (path_stat(path, &st) == 0)
        return (st.st_mode & S_IFMT) == kind;
    return errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
}

bool file_exists(const char *path)
{
    return exists(path, S_IFREG);
}

bool dir_exists(const char *path)
{
    return exists(path, S_IFDIR);
}

int dir_measure(const char *path, bool *there, struct vac_err *err)
{
    struct stat st;
    int rc = path_stat(path, &st);

    *there = rc == 0 && S_ISDIR(st.st_mode);
    return rc && errno != ENOENT && errno != ENOTDIR ? path_error(path, "look at", err) : 0;
}

bool path_missing(const char *path)
{
    struct spot s;
    struct stat st;
    bool missing;

    if (spot_find(&s, path))
        return errno == ENOENT;
    missing = fstatat(s.dir, s.name, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT;
    spot_done(&s);
    return missing;
}

int file_measure(const char *path, int64_t *size, struct vac_err *err)
{
    struct stat st;

    *size = -1;
    if (path_stat(path, &st))
        return errno == ENOENT || errno == ENOTDIR ? 0 : path_error(path, "look at", err);
    if (!S_ISREG(st.st_mode))
        return err_set(err, VAC_ERR_IO, "%s: is not a regular file", path);
    *size = (int64_t)st.st_size;
    return 0;
}

int64_t file_size(const char *path)
{
    struct stat st;

    return path_stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
}

/* ---- Paths and folders ---- */

char *path_join(const char *dir, const char *name, struct vac_err *err)
{
    size_t n = strlen(dir), m = strlen(name);
    bool slash = n > 0 && dir[n - 1] != '/';
    char *p;

    if (n == 0 || name[0] == '/')
        return mem_strdup(name, err);
    p = mem_new(n + slash + m + 1, 1, err);
    if (!p)
        return NULL;
    memcpy(p, dir, n);
    if (slash)
        p[n] = '/';
    memcpy(p + n + slash, name, m);
    return p;
}

/* Where the last name of the path begins; slashes at the end belong to it. */
static size_t base_start(const char *path)
{
    size_t n = strlen(path);

    while (n > 0 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    return n;
}

char *path_dir(const char *path, struct vac_err *err)
{
    size_t n = base_start(path);

    if (n == 0)
        return mem_strdup(path[0] == '/' ? "/" : ".", err);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return mem_strndup(path, n, err);
}

const char *path_base(const char *path)
{
    return path + base_start(path);
}

/* File systems that cannot sync a folder say EINVAL; they have nothing to sync. A folder that may
 * be written but not read cannot be opened for it. */
int path_sync(const char *path, struct vac_err *err)
{
    char *dir = path_dir(path, err);
    int fd = dir ? path_open(dir, O_RDONLY | O_DIRECTORY, 0) : -1, rc = dir ? 0 : -1;

    if (dir && fd < 0 && errno != EACCES)
        rc = path_error(dir, "open the folder", err);
    if (fd >= 0 && fd_sync(fd) && errno != EINVAL)
        rc = path_error(dir, "sync the folder", err);
    if (fd >= 0)
        close(fd);
    free(dir);
    return rc;
}

static int spot_mkdir(const char *path)
{
    struct spot s;
    int rc;

    if (spot_find(&s, path))
        return -1;
    rc = mkdirat(s.dir, s.name, 0777);
    spot_done(&s);
    return rc;
}

int dir_make(const char *path, struct vac_err *err)
{
    if (spot_mkdir(path) == 0)
        return path_sync(path, err);
    if (errno == EEXIST)
        return 1;
    return path_error(path, "make the folder", err);
}

/* Some file systems refuse mkdir of what is there with another number than EEXIST, so that looking
 * is what decides. */
static int dir_have(const char *path, struct vac_err *err)
{
    int number;

    if (spot_mkdir(path) == 0)
        return path_sync(path, err);
    number = errno;
    if (dir_exists(path))
        return 0;
    if (number == EEXIST)
        return err_set(err, VAC_ERR_IO, "%s: is a file, a folder is needed here", path);
    errno = number;
    return path_error(path, "make the folder", err);
}

int dirs_make(const char *path, struct vac_err *err)
{
    char *p = mem_strdup(path, err);
    int rc = 0;

    if (!p)
        return -1;
    if (!p[0])
        rc = err_set(err, VAC_ERR_USAGE, "the name of a folder to make is empty");
    for (size_t i = 1; !rc && p[0] && p[i - 1]; i++) {
        char c = p[i];

        if ((c && c != '/') || p[i - 1] == '/')
            continue;
        p[i] = '\0';
        rc = dir_have(p, err);
        p[i] = c;
    }
    free(p);
    return rc;
}

int dir_sync(const char *path, struct vac_err *err)
{
    int fd = path_open(path, O_RDONLY | O_DIRECTORY, 0), rc = 0;

    if (fd < 0)
        return path_error(path, "open the folder", err);
    if (fd_sync(fd) && errno != EINVAL)
        rc = path_error(path, "sync the folder", err);
    close(fd);
    return rc;
}

/* 0, or -1 with errno. */
static int remove_at(int dir, const char *name, int depth);

static int remove_content(DIR *d, int depth)
{
    struct dirent *e;

    while ((errno = 0, e = readdir(d))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (remove_at(dirfd(d), e->d_name, depth + 1) && errno != ENOENT)
            return -1;
    }
    return errno ? -1 : 0;
}

/* unlink comes first: it removes a link rather than what it points at, and tells a folder from the
 * rest without a window between looking and doing. */
static int remove_at(int dir, const char *name, int depth)
{
    int fd, rc, number;
    DIR *d;

    if (unlinkat(dir, name, 0) == 0)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (depth >= REMOVE_DEPTH) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = fd_open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0)
        return -1;
    d = fdopendir(fd);
    rc = d ? remove_content(d, depth) : -1;
    number = errno;
    if (d)
        closedir(d);
    else
        close(fd);
    errno = number;
    return rc ? rc : unlinkat(dir, name, AT_REMOVEDIR);
}

/* "LINK/" would mean what the link points at, so slashes at the end go first. */
int path_remove(const char *path, struct vac_err *err)
{
    char *p = mem_strdup(path, err);
    const char *base;
    struct spot s;
    size_t n;
    int rc;

    if (!p)
        return -1;
    for (n = strlen(p); n > 0 && p[n - 1] == '/'; n--)
        p[n - 1] = '\0';
    base = path_base(p);
    if (!base[0] || !strcmp(base, ".") || !strcmp(base, ".."))
        rc = err_set(err, VAC_ERR_USAGE, "\"%s\": this path is never removed", path);
    else if (spot_find(&s, p))
        rc = path_error(path, "remove", err);
    else {
        rc = remove_at(s.dir, s.name, 0) ? path_error(path, "remove", err) : 0;
        spot_done(&s);
    }
    free(p);
    return rc;
}

/* 0, or -1 with errno. */
static int spot_rename(const char *from, const char *to, unsigned flags)
{
    struct spot a, b;
    int rc;

    if (spot_find(&a, from))
        return -1;
    if (spot_find(&b, to)) {
        spot_done(&a);
        return -1;
    }
    rc = flags ? renameat2(a.dir, a.name, b.dir, b.name, flags)
               : renameat(a.dir, a.name, b.dir, b.name);
    spot_done(&a);
    spot_done(&b);
    return rc;
}

/* Both parents, or the one. */
static int parents_sync(const char *a, const char *b, struct vac_err *err)
{
    size_t n = base_start(a);

    if (path_sync(a, err))
        return -1;
    return n == base_start(b) && !memcmp(a, b, n) ? 0 : path_sync(b, err);
}

int path_link(const char *from, const char *to)
{
    struct spot a, b;
    int rc;

    if (spot_find(&a, from))
        return -1;
    if (spot_find(&b, to)) {
        spot_done(&a);
        return -1;
    }
    rc = linkat(a.dir, a.name, b.dir, b.name, 0);
    spot_done(&a);
    spot_done(&b);
    return rc;
}

int path_move(const char *from, const char *to)
{
    return spot_rename(from, to, 0);
}

int path_rename(const char *from, const char *to, struct vac_err *err)
{
    if (spot_rename(from, to, 0))
        return path_error(to, "put in place", err);
    return parents_sync(from, to, err);
}

/* Where the system cannot exchange two names at once, the old one has none for a moment. */
int path_exchange(const char *a, const char *b, struct vac_err *err)
{
    char *old;
    int rc = -1;

    if (spot_rename(a, b, RENAME_EXCHANGE) == 0)
        return parents_sync(a, b, err);
    old = mem_new(strlen(a) + sizeof ".old", 1, err);
    if (old) {
        sprintf(old, "%s.old", a);
        rc =
            path_rename(b, old, err) || path_rename(a, b, err) || path_rename(old, a, err) ? -1 : 0;
    }
    free(old);
    return rc;
}

void path_unlink(const char *path)
{
    struct spot s;

    if (spot_find(&s, path))
        return;
    unlinkat(s.dir, s.name, 0);
    spot_done(&s);
}
