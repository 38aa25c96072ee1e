/* place.c - see place.h */
#include "attach/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "record/folder.h"
#include "record/runs.h"

#define SOCKET_NAME "control.sock"
enum { WAITING = 8 /* connections that nobody has taken yet */ };

static int address(struct sockaddr_un *a, const char *path, struct vac_err *err)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a->sun_path)
        return err_set(err, VAC_ERR_USAGE,
                       "%s: longer than the %zu bytes that a socket's path may have", path,
                       sizeof a->sun_path - 1);
    memcpy(a->sun_path, path, strlen(path));
    return 0;
}

/* Its mode is set before it has a name, so that nobody gets in meanwhile. */
static int listen_at(const char *path, struct vac_err *err)
{
    struct sockaddr_un a;
    struct stat st;
    int fd;

    if (address(&a, path, err))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, "socket");
    if (!lstat(path, &st) && S_ISSOCK(st.st_mode)) /* the lock is ours: nobody listens there */
        unlink(path);
    if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&a, sizeof a) || chmod(path, 0600) ||
        listen(fd, WAITING)) {
        if (errno == EADDRINUSE)
            err_set(err, VAC_ERR_IO, "%s: what is in its place is no socket: remove it", path);
        else
            err_errno(err, "%s", path);
        close(fd);
        return -1;
    }
    return fd;
}

int place_listen(struct place *p, const char *dir, struct lock *lock, struct vac_err *err)
{
    const char *home = getenv("XDG_RUNTIME_DIR");
    struct vac_err why = {0};
    struct strbuf path = {0};

    *p = (struct place){.fd = -1};
    p->path = path_join(dir, SOCKET_NAME, err);
    if (!p->path)
        return -1;
    p->fd = listen_at(p->path, &why);
    if (p->fd >= 0)
        return 0;
    free(p->path);
    p->path = NULL;
    if (!home || *home != '/')
        return err_set(err, why.code, "%s; and XDG_RUNTIME_DIR names no other place for it",
                       why.msg);
    sb_printf(&path, "%s/vaccine-%ld.sock", home, (long)getpid());
    if (sb_ok(&path, err))
        return -1;
    p->path = path.s;
    p->fd = listen_at(p->path, err);
    if (p->fd >= 0 && lock_note(lock, p->path, err)) {
        place_close(p);
        return -1;
    }
    p->lock = p->fd >= 0 ? lock : NULL;
    return p->fd < 0 ? err_prefix(err, "%s; nor", why.msg) : 0;
}

void place_close(struct place *p)
{
    if (p->fd >= 0) {
        unlink(p->path);
        close(p->fd);
    }
    if (p->lock)
        lock_note(p->lock, "", NULL);
    free(p->path);
    *p = (struct place){.fd = -1};
}

int place_connect(const char *dir, struct vac_err *err)
{
    char noted[sizeof((struct sockaddr_un *)0)->sun_path];
    struct sockaddr_un a;
    char *path = lock_noted(dir, noted, sizeof noted) ? mem_strdup(noted, err)
                                                      : path_join(dir, SOCKET_NAME, err);
    struct vac_err why = {0};
    struct strbuf word = {0};
    const char *state;
    struct stat st;
    int fd = -1, number = ENOENT;

    if (!path)
        return -1;
    if (address(&a, path, &why) || lstat(path, &st)) {
        fd = -1;
    } else if (!S_ISSOCK(st.st_mode)) {
        err_set(&why, VAC_ERR_USAGE, "%s: is no socket: remove it, and let the run go on anew",
                path);
    } else {
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        number = fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) ? errno : 0;
    }
    free(path);
    if (fd >= 0 && number == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    if (number == EACCES || number == EPERM)
        return err_set(err, VAC_ERR_IO, "%s: its control socket is another user's", dir);
    if (!lock_held(dir)) {
        if (folder_with_run(dir, err))
            return -1;
        state = run_state(dir, &why);
        sb_word(&word, dir);
        err_set(err, VAC_ERR_USAGE,
                state && !strcmp(state, "done")
                    ? "%s: this run is over: vaccine %s looks at it"
                    : "%s: no program is running this run: vaccine run %s goes on with it",
                dir, word.s ? word.s : dir);
        sb_done(&word);
        return -1;
    }
    if (why.code)
        return err_set(err, why.code, "%s", why.msg);
    return err_set(
        err, VAC_ERR_USAGE,
        "%s: the program that runs this run takes no commands: it has its own screen, or "
        "\"control\" is \"none\" in its run file",
        dir);
}

int place_peer(int fd, uid_t *uid, pid_t *pid, struct vac_err *err)
{
    struct ucred who;
    socklen_t n = sizeof who;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n))
        return err_errno(err, "socket");
    *uid = who.uid;
    *pid = who.pid;
    if (who.uid == geteuid() || who.uid == 0)
        return 0;
    return err_set(err, VAC_ERR_USAGE, "user %ld may not: the run is user %ld's", (long)who.uid,
                   (long)geteuid());
}
