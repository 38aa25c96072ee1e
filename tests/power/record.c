/* record.c - writes down what a program does to the files below a folder.
 *
 * Preloaded. POWER_ROOT is the folder, POWER_LOG the file that replay.c reads; with POWER_KILL=N the program is killed
 * when it has synced N times. Each record is one
 * letter, one or two paths below the folder that end with 0, and for W and T numbers and bytes:
 *     C PATH         a file is made              M PATH    a folder is made
 *     W PATH at n    n bytes follow, written at  T PATH n  cut or grown to n bytes
 *     S PATH         synced                      U PATH    removed
 *     R FROM TO      renamed                     X A B     exchanged
 *     L FROM TO      a file has another name too */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
enum { ROOM = 2 * PATH_MAX };
static const char *root;
static int out = -1;
static long left; /* syncs until the kill; 0 = there is none */

__attribute__((constructor)) static void begin(void)
{
    const char *log = getenv("POWER_LOG");

    root = getenv("POWER_ROOT");
    if (root && log)
        out = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                           0600);
    if (getenv("POWER_KILL"))
        left = atol(getenv("POWER_KILL"));
    unsetenv("LD_PRELOAD");
}

static void put(const void *p, size_t n)
{
    if (syscall(SYS_write, out, p, n) != (long)n)
        _exit(99);
}

/* The path below the root, or NULL. */
static const char *below(const char *path)
{
    size_t n = strlen(root);

    if (out < 0 || strncmp(path, root, n) || (path[n] && path[n] != '/'))
        return NULL;
    return path[n] ? path + n + 1 : path + n;
}

static const char *of_fd(int fd, char *room)
{
    char link[64];
    ssize_t n;

    if (out < 0)
        return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, room, PATH_MAX - 1);
    if (n < 0)
        return NULL;
    room[n] = '\0';
    return below(room);
}

static const char *of_name(int dir, const char *name, char *room)
{
    char base[PATH_MAX];
    size_t n;

    if (out < 0)
        return NULL;
    if (name[0] == '/')
        snprintf(room, ROOM, "%s", name);
    else if (dir == AT_FDCWD) {
        if (!getcwd(base, sizeof base))
            return NULL;
        snprintf(room, ROOM, "%s/%s", base, name);
    } else {
        char link[64];
        ssize_t k;

        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        k = readlink(link, base, sizeof base - 1);
        if (k < 0)
            return NULL;
        base[k] = '\0';
        snprintf(room, ROOM, "%s/%s", base, name);
    }
    for (n = strlen(room); n > 1 && room[n - 1] == '/'; n--)
        room[n - 1] = '\0';
    return below(room);
}

static void note(char op, const char *a, const char *b)
{
    put(&op, 1);
    put(a, strlen(a) + 1);
    if (b)
        put(b, strlen(b) + 1);
    if (op == 'S' && left > 0 && --left == 0)
        raise(SIGKILL);
}

static int do_open(int dir, const char *name, int flags, mode_t mode)
{
    char room[ROOM];
    const char *path = flags & (O_CREAT | O_TRUNC) ? of_name(dir, name, room) : NULL;
    struct stat st;
    int fd;
    bool was;

    if (!path)
        return (int)syscall(SYS_openat, dir, name, flags, mode);
    pthread_mutex_lock(&guard);
    was = !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
    fd = (int)syscall(SYS_openat, dir, name, flags, mode);
    if (fd >= 0 && !was)
        note('C', path, NULL);
    else if (fd >= 0 && flags & O_TRUNC) {
        uint64_t n = 0;

        note('T', path, NULL);
        put(&n, sizeof n);
    }
    pthread_mutex_unlock(&guard);
    return fd;
}

#define MODE                                                                                       \
    mode_t mode = 0;                                                                               \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                           \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode = va_arg(ap, mode_t);                                                                 \
        va_end(ap);                                                                                \
    }
int open(const char *name, int flags, ...)
{
    MODE return do_open(AT_FDCWD, name, flags, mode);
}
int open64(const char *name, int flags, ...)
{
    MODE return do_open(AT_FDCWD, name, flags, mode);
}
int openat(int dir, const char *name, int flags, ...)
{
    MODE return do_open(dir, name, flags, mode);
}
int openat64(int dir, const char *name, int flags, ...)
{
    MODE return do_open(dir, name, flags, mode);
}

static ssize_t written(int fd, const void *p, size_t n, off_t at)
{
    char room[ROOM];
    const char *path = of_fd(fd, room);
    uint64_t from, k;
    struct stat st;
    ssize_t done;

    if (!path)
        return at < 0 ? syscall(SYS_write, fd, p, n) : syscall(SYS_pwrite64, fd, p, n, at);
    pthread_mutex_lock(&guard);
    from = at >= 0 ? (uint64_t)at : (uint64_t)lseek(fd, 0, SEEK_CUR);
    if (fcntl(fd, F_GETFL) & O_APPEND && !fstat(fd, &st))
        from = (uint64_t)st.st_size;
    done = at < 0 ? syscall(SYS_write, fd, p, n) : syscall(SYS_pwrite64, fd, p, n, at);
    if (done > 0) {
        k = (uint64_t)done;
        note('W', path, NULL);
        put(&from, sizeof from);
        put(&k, sizeof k);
        put(p, k);
    }
    pthread_mutex_unlock(&guard);
    return done;
}
ssize_t write(int fd, const void *p, size_t n)
{
    return written(fd, p, n, -1);
}
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    return written(fd, p, n, at);
}
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    return written(fd, p, n, at);
}

int ftruncate(int fd, off_t n)
{
    char room[ROOM];
    const char *path = of_fd(fd, room);
    uint64_t k = (uint64_t)n;
    int rc;

    pthread_mutex_lock(&guard);
    rc = (int)syscall(SYS_ftruncate, fd, n);
    if (rc == 0 && path) {
        note('T', path, NULL);
        put(&k, sizeof k);
    }
    pthread_mutex_unlock(&guard);
    return rc;
}
int ftruncate64(int fd, off_t n)
{
    return ftruncate(fd, n);
}

static int synced(int fd, long call)
{
    char room[ROOM];
    const char *path = of_fd(fd, room);
    int rc;

    pthread_mutex_lock(&guard);
    rc = (int)syscall(call, fd);
    if (rc == 0 && path)
        note('S', path, NULL);
    pthread_mutex_unlock(&guard);
    return rc;
}
int fsync(int fd)
{
    return synced(fd, SYS_fsync);
}
int fdatasync(int fd)
{
    return synced(fd, SYS_fdatasync);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
    char room[ROOM];
    const char *path = of_name(dir, name, room);
    int rc;

    pthread_mutex_lock(&guard);
    rc = (int)syscall(SYS_mkdirat, dir, name, mode);
    if (rc == 0 && path)
        note('M', path, NULL);
    pthread_mutex_unlock(&guard);
    return rc;
}
int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

int unlinkat(int dir, const char *name, int flags)
{
    char room[ROOM];
    const char *path = of_name(dir, name, room);
    int rc;

    pthread_mutex_lock(&guard);
    rc = (int)syscall(SYS_unlinkat, dir, name, flags);
    if (rc == 0 && path)
        note('U', path, NULL);
    pthread_mutex_unlock(&guard);
    return rc;
}
int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}
int rmdir(const char *name)
{
    return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    char ra[ROOM], rb[ROOM];
    const char *x = of_name(a, from, ra), *y = of_name(b, to, rb);
    int rc;

    pthread_mutex_lock(&guard);
    rc = (int)syscall(SYS_renameat2, a, from, b, to, flags);
    if (rc == 0 && x && y)
        note(flags & RENAME_EXCHANGE ? 'X' : 'R', x, y);
    pthread_mutex_unlock(&guard);
    return rc;
}
int linkat(int a, const char *from, int b, const char *to, int flags)
{
    char room[2][ROOM];
    const char *x = of_name(a, from, room[0]), *y = of_name(b, to, room[1]);
    int rc;

    pthread_mutex_lock(&guard);
    rc = (int)syscall(SYS_linkat, a, from, b, to, flags);
    if (rc == 0 && x && y)
        note('L', x, y);
    pthread_mutex_unlock(&guard);
    return rc;
}
int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int a, const char *from, int b, const char *to)
{
    return renameat2(a, from, b, to, 0);
}
int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}
