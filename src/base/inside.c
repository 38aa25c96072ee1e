/* inside.c - see inside.h. The list is short: the runs that are open. */
#include "base/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"

struct entered {
    char *name[2]; /* as it was given, without slashes at the end; and without any link in it */
    int fd;
    size_t uses;
    struct entered *next;
};
static struct entered *list;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static size_t trimmed(const char *dir)
{
    size_t n = strlen(dir);

    while (n > 1 && dir[n - 1] == '/')
        n--;
    return n;
}

static void entered_free(struct entered *e)
{
    if (!e)
        return;
    if (e->fd >= 0)
        close(e->fd);
    free(e->name[0]);
    free(e->name[1]);
    free(e);
}

/* The link to the folder called `dir`; *link is NULL where there is none. */
static struct entered **named(const char *dir)
{
    size_t n = trimmed(dir);
    struct entered **link = &list;

    for (; *link; link = &(*link)->next)
        for (int i = 0; i < 2; i++)
            if (strlen((*link)->name[i]) == n && !memcmp((*link)->name[i], dir, n))
                return link;
    return link;
}

static struct entered *entered_new(const char *dir, struct vac_err *err)
{
    struct entered *e = mem_new(1, sizeof *e, err);
    char *real;

    if (!e)
        return NULL;
    e->uses = 1;
    e->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (e->fd >= 0 && e->fd <= 2) {
        int high = fcntl(e->fd, F_DUPFD_CLOEXEC, 3);

        close(e->fd);
        e->fd = high;
    }
    real = realpath(dir, NULL);
    if (e->fd < 0 || !real) {
        err_errno(err, "%s: cannot open the folder", dir);
        goto fail;
    }
    e->name[0] = mem_strndup(dir, trimmed(dir), err);
    e->name[1] = mem_strdup(real, err);
    if (!e->name[0] || !e->name[1])
        goto fail;
    free(real);
    return e;
fail:
    free(real);
    entered_free(e);
    return NULL;
}

int dir_enter(const char *dir, struct vac_err *err)
{
    struct entered **link;
    int rc = 0;

    pthread_mutex_lock(&guard);
    link = named(dir);
    if (*link)
        (*link)->uses++;
    else
        rc = (*link = entered_new(dir, err)) ? 0 : -1;
    pthread_mutex_unlock(&guard);
    return rc;
}

void dir_leave(const char *dir)
{
    struct entered **link, *e;

    pthread_mutex_lock(&guard);
    link = named(dir);
    e = *link;
    if (e && --e->uses == 0) {
        *link = e->next;
        entered_free(e);
    }
    pthread_mutex_unlock(&guard);
}

int dir_check(const char *dir, struct vac_err *err)
{
    char link[64], now[PATH_MAX];
    struct stat held, there;
    struct entered *e;
    ssize_t n = -1;
    bool same = true;

    pthread_mutex_lock(&guard);
    e = *named(dir);
    if (e && !fstat(e->fd, &held)) {
        same = !stat(dir, &there) && there.st_dev == held.st_dev && there.st_ino == held.st_ino;
        snprintf(link, sizeof link, "/proc/self/fd/%d", e->fd);
        n = held.st_nlink ? readlink(link, now, sizeof now - 1) : -1;
    }
    pthread_mutex_unlock(&guard);
    if (same)
        return 0;
    if (n > 0) {
        now[n] = '\0';
        return err_set(err, VAC_ERR_IO, "%s: was moved meanwhile: what is written goes to %s", dir,
                       now);
    }
    return err_set(err, VAC_ERR_IO,
                   "%s: was removed or replaced meanwhile: what was written there is lost", dir);
}

/* Is there a name ".." among those of the path? */
static bool climbs(const char *path)
{
    for (const char *p = strstr(path, ".."); p; p = strstr(p + 2, ".."))
        if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
            return true;
    return false;
}

/* The descriptor of the innermost entered folder that the path leads to or below, duplicated, and
 * what follows in the path; NULL there = none. -1 with errno. */
static int below(const char *path, const char **rest)
{
    size_t longest = 0;
    int fd = -1;

    *rest = NULL;
    if (climbs(path))
        return -1;
    pthread_mutex_lock(&guard);
    for (const struct entered *e = list; e; e = e->next) {
        for (int i = 0; i < 2; i++) {
            size_t n = strlen(e->name[i]);
            const char *r = path + n;

            if (n <= longest || strncmp(path, e->name[i], n) ||
                (*r && *r != '/' && e->name[i][n - 1] != '/'))
                continue;
            r += strspn(r, "/");
            longest = n;
            fd = e->fd;
            *rest = r;
        }
    }
    if (fd >= 0)
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    pthread_mutex_unlock(&guard);
    return fd;
}

/* One folder down; a link says ELOOP, whatever the system says of it. */
static int down(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), number = errno;
    struct stat st;

    if (fd < 0 && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode))
        number = ELOOP;
    close(dir);
    errno = number;
    return fd;
}

int spot_find(struct spot *s, const char *path)
{
    const char *rest, *slash;
    int fd = below(path, &rest);

    *s = (struct spot){.dir = AT_FDCWD, .name = path};
    if (!rest)
        return 0;
    if (fd < 0)
        return -1;
    while ((slash = strchr(rest, '/'))) {
        char name[NAME_MAX + 1];
        size_t n = (size_t)(slash - rest);

        if (n > NAME_MAX) {
            close(fd);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, rest, n);
        name[n] = '\0';
        fd = down(fd, name);
        if (fd < 0)
            return -1;
        rest = slash + strspn(slash, "/");
    }
    if (!*rest) /* the folder itself, or a slash at the end, which would have a link followed */
        rest = ".";
    *s = (struct spot){.dir = fd, .name = rest, .inside = true, .own = true};
    return 0;
}

void spot_done(struct spot *s)
{
    int number = errno;

    if (s->own)
        close(s->dir);
    s->own = false;
    errno = number;
}
