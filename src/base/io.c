/* io.c - reading files, safe replacement, appended lines. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "base/hash.h"

enum {
    OUT_BUFFER = 1 << 18,
    LINE_ROOM = 4096, /* lines up to this need no allocation */
    TAIL_CHUNK = 4096,
};

/* All n bytes or -1; *done tells how many went out either way. */
static int fd_write(int fd, const unsigned char *p, size_t n, size_t *done)
{
    for (*done = 0; *done < n;) {
        ssize_t k = write(fd, p + *done, n - *done);

        if (k > 0) {
            *done += (size_t)k;
        } else if (k == 0) {
            errno = EIO;
            return -1;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

/* As read(2), but EINTR is retried. */
static ssize_t fd_read(int fd, void *p, size_t n)
{
    ssize_t k;

    do
        k = read(fd, p, n);
    while (k < 0 && errno == EINTR);
    return k;
}

/* ---- Opening ---- */

/* An open descriptor of ours under its name, as a shell's <(...) gives it: the user means that
 * pipe. */
static bool is_descriptor(const char *path)
{
    return !strncmp(path, "/dev/fd/", 8) || !strncmp(path, "/proc/self/fd/", 14) ||
           !strcmp(path, "/dev/stdin");
}

/* The one place where files are opened: with O_NONBLOCK, so that a named pipe in the place of a
 * file is refused instead of waited for, and regular files only. */
int file_fd(const char *path, int flags, const char *what, struct stat *st, struct vac_err *err)
{
    int fd = path_open(path, flags | O_NONBLOCK, 0666);

    if (fd < 0)
        return path_error(path, what, err);
    if (fstat(fd, st))
        path_error(path, "read", err);
    else if (S_ISDIR(st->st_mode))
        err_set(err, VAC_ERR_IO, "%s: is a folder, a file is needed here", path);
    else if (S_ISREG(st->st_mode) || (is_descriptor(path) && !fcntl(fd, F_SETFL, flags & ~O_CREAT)))
        return fd;
    else
        err_set(err, VAC_ERR_IO, "%s: is not a regular file but a pipe, a device or a socket",
                path);
    close(fd);
    return -1;
}

FILE *stream_open(const char *path, struct vac_err *err)
{
    struct stat st;
    int fd = file_fd(path, O_RDONLY, "open", &st, err);
    FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

    if (fd >= 0 && !f) {
        path_error(path, "open", err);
        close(fd);
    }
    return f;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int dir_each(const char *path, dir_visit *visit, void *ctx, struct vac_err *err)
{
    int fd = path_open(path, O_RDONLY | O_DIRECTORY, 0), rc = 0;
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;
    char **name = NULL;
    size_t n = 0, cap = 0;

    if (!d) {
        path_error(path, "list the folder", err);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    while (rc == 0 && (errno = 0, e = readdir(d))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        rc = mem_grow(&name, &cap, n + 1, sizeof *name, err) ||
                     !(name[n] = mem_strdup(e->d_name, err))
                 ? -1
                 : 0;
        n += rc == 0;
    }
    if (rc == 0 && errno)
        rc = path_error(path, "list the folder", err);
    closedir(d);
    if (n)
        qsort(name, n, sizeof *name, by_name);
    for (size_t i = 0; i < n; i++) {
        if (rc == 0)
            rc = visit(ctx, name[i], err);
        free(name[i]);
    }
    free(name);
    return rc;
}

int file_cut(const char *path, int64_t size, struct vac_err *err)
{
    struct stat st;
    int fd = file_fd(path, O_WRONLY, "open", &st, err), rc = 0;

    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)size) || fd_sync(fd))
        rc = path_error(path, "cut", err);
    close(fd);
    return rc;
}

int file_extend(const char *path, int64_t size, const void *data, size_t n, struct vac_err *err)
{
    struct stat st;
    size_t done = 0;
    int fd = file_fd(path, O_WRONLY | O_APPEND, "open for appending", &st, err), rc = 0;

    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        rc = 1; /* where there are no locks, two programs seldom meet */
    else if (fstat(fd, &st))
        rc = path_error(path, "read", err);
    else if (st.st_size != (off_t)size)
        rc = 1;
    else if (fd_write(fd, data, n, &done) || fd_sync(fd)) {
        rc = path_error(path, "append", err);
        if (done)
            (void)!ftruncate(fd, (off_t)size);
    }
    close(fd);
    return rc;
}

/* ---- Reading ---- */

/* Reads to the end of fd into *text, whose room is *cap; one byte more than the limit is asked for,
 * so that a file that is too large shows itself. */
static int read_all(int fd, const struct stat *st, const char *path, size_t limit, char **text,
                    size_t *len, struct vac_err *err)
{
    size_t cap = 0, first = 4096;
    ssize_t k;

    if (S_ISREG(st->st_mode) && (uintmax_t)st->st_size <= limit)
        first = (size_t)st->st_size + 2;
    if (mem_grow(text, &cap, first, 1, err))
        return -1;
    for (*len = 0;;) {
        size_t room = cap - 1 - *len;

        if (*len > limit)
            return err_set(err, VAC_ERR_FORMAT, "%s: larger than the %zu bytes allowed here", path,
                           limit);
        if (room == 0 && mem_grow(text, &cap, cap + 1, 1, err))
            return -1;
        k = fd_read(fd, *text + *len, cap - 1 - *len);
        if (k < 0)
            return path_error(path, "read", err);
        if (k == 0)
            break;
        *len += (size_t)k;
    }
    (*text)[*len] = '\0';
    return 0;
}

char *file_read(const char *path, size_t limit, size_t *len, struct vac_err *err)
{
    struct stat st;
    int fd = file_fd(path, O_RDONLY, "open", &st, err);
    char *text = NULL;
    size_t n = 0;

    if (fd < 0)
        return NULL;
    if (limit > PTRDIFF_MAX - 2)
        limit = PTRDIFF_MAX - 2;
    if (read_all(fd, &st, path, limit, &text, &n, err)) {
        free(text);
        text = NULL;
    } else if (len) {
        *len = n;
    }
    close(fd);
    return text;
}

/* ---- Safe replacement ---- */

static void out_forget(struct outfile *f)
{
    free(f->path);
    free(f->tmp);
    free(f->buf);
    *f = (struct outfile){0};
}

/* The process that has the number at the end of a temporary name is no more: neither here, nor, as
 * far as the lock tells, on another host. */
static bool is_abandoned(int dir, const char *name, const char *number)
{
    char *end;
    long pid = strtol(number, &end, 10);
    struct stat st;
    bool yes = false;
    int fd;

    if (*end || pid <= 0 || pid > INT_MAX || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
        return false;
    fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        yes = !fstat(fd, &st) && S_ISREG(st.st_mode) && !flock(fd, LOCK_EX | LOCK_NB);
        close(fd);
    }
    return yes;
}

/* What killed programs have left of this same file goes. */
static void out_sweep(const char *path)
{
    char *parent = path_dir(path, NULL);
    const char *base = path_base(path);
    DIR *d = parent ? dir_open(parent) : NULL;
    size_t n = strlen(base);
    const struct dirent *e;

    while (d && (e = readdir(d)))
        if (!strncmp(e->d_name, base, n) && !strncmp(e->d_name + n, ".tmp-", 5) &&
            is_abandoned(dirfd(d), e->d_name, e->d_name + n + 5))
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    free(parent);
}

/* A temporary file of a process that died, and whose number is ours now, may lie in the way. */
static int out_create(const char *tmp)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    int fd = path_open(tmp, flags, 0666);

    if (fd < 0 && errno == EEXIST) {
        path_unlink(tmp);
        fd = path_open(tmp, flags, 0666);
    }
    if (fd >= 0)
        flock(fd, LOCK_EX | LOCK_NB); /* where there are locks, it tells that somebody writes */
    return fd;
}

int out_open(struct outfile *f, const char *path, struct vac_err *err)
{
    size_t n = strlen(path) + 32;
    struct stat st;
    int fd;

    *f = (struct outfile){0};
    if (dir_exists(path))
        return err_set(err, VAC_ERR_IO, "%s: is a folder, a file cannot take its place", path);
    if (!path_stat(path, &st) && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ||
                                  S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        return err_set(err, VAC_ERR_IO,
                       "%s: is a pipe, a device or a socket, a file would take its place", path);
    f->path = mem_strdup(path, err);
    f->tmp = mem_new(n, 1, err);
    f->buf = mem_new(OUT_BUFFER, 1, err);
    if (!f->path || !f->tmp || !f->buf) {
        out_forget(f);
        return -1;
    }
    out_sweep(path);
    snprintf(f->tmp, n, "%s.tmp-%ld", path, (long)getpid());
    fd = out_create(f->tmp);
    if (fd < 0) {
        path_error(f->tmp, "create", err);
        out_forget(f);
        return -1;
    }
    f->fd = fd;
    return 0;
}

/* A failure ends the replacement, so that a later commit cannot put half a file in place. */
static int out_fail(struct outfile *f, const char *what, struct vac_err *err)
{
    int rc = path_error(f->path, what, err);

    out_abort(f);
    return rc;
}

static int out_write(struct outfile *f, const unsigned char *p, size_t n, struct vac_err *err)
{
    size_t done;

    return fd_write(f->fd, p, n, &done) ? out_fail(f, "write", err) : 0;
}

static int out_flush(struct outfile *f, struct vac_err *err)
{
    size_t n = f->used;

    f->used = 0;
    return out_write(f, f->buf, n, err);
}

static int out_closed(struct vac_err *err)
{
    return err_set(err, VAC_ERR_IO, "a file was written to after it was closed");
}

int out_put(struct outfile *f, const void *data, size_t n, struct vac_err *err)
{
    if (f->fd <= 0)
        return out_closed(err);
    if (n == 0)
        return 0;
    f->crc = crc32c(f->crc, data, n);
    f->written += n;
    if (n > OUT_BUFFER - f->used && out_flush(f, err))
        return -1;
    if (n >= OUT_BUFFER)
        return out_write(f, data, n, err);
    memcpy(f->buf + f->used, data, n);
    f->used += n;
    return 0;
}

/* On Linux a descriptor is gone after close whatever it says; EINTR loses nothing after an fsync.
 */
static int out_close(struct outfile *f)
{
    int fd = f->fd;

    f->fd = 0;
    return close(fd) && errno != EINTR ? -1 : 0;
}

int out_commit(struct outfile *f, struct vac_err *err)
{
    int rc;

    if (f->fd <= 0)
        return out_closed(err);
    if (out_flush(f, err))
        return -1;
    if (fd_sync(f->fd))
        rc = out_fail(f, "sync", err);
    else if (out_close(f))
        rc = out_fail(f, "close", err);
    else if (path_move(f->tmp, f->path))
        rc = out_fail(f, "replace", err);
    else
        rc = path_sync(f->path, err);
    out_forget(f);
    return rc;
}

void out_abort(struct outfile *f)
{
    if (!f)
        return;
    if (f->fd > 0)
        out_close(f);
    if (f->tmp)
        path_unlink(f->tmp);
    out_forget(f);
}

int out_text(const char *dir, const char *name, const struct strbuf *text, struct vac_err *err)
{
    struct outfile f = {0};
    char *path = path_join(dir, name, err);
    int rc = -1;

    if (path && !sb_ok(text, err) && !out_open(&f, path, err) &&
        !out_put(&f, text->s ? text->s : "", text->len, err))
        rc = out_commit(&f, err);
    out_abort(&f);
    free(path);
    return rc;
}

/* ---- Appended lines ---- */

/* Length of the file up to and with its last newline; -1 with errno. */
static off_t whole_lines(int fd, off_t size)
{
    char chunk[TAIL_CHUNK];

    while (size > 0) {
        size_t n = size < TAIL_CHUNK ? (size_t)size : TAIL_CHUNK;
        ssize_t k = pread(fd, chunk, n, size - (off_t)n);
        const char *nl;

        if (k < 0 && errno == EINTR)
            continue;
        if (k != (ssize_t)n)
            return k < 0 ? -1 : size;
        nl = memrchr(chunk, '\n', n);
        if (nl)
            return size - (off_t)n + (nl - chunk) + 1;
        size -= (off_t)n;
    }
    return 0;
}

static int cut_torn_line(int fd, off_t size)
{
    off_t whole = whole_lines(fd, size);

    if (whole < 0)
        return -1;
    return whole < size ? ftruncate(fd, whole) : 0;
}

int app_open(struct appender *a, const char *path, struct vac_err *err)
{
    struct stat st;
    int fd = file_fd(path, O_RDWR | O_APPEND | O_CREAT, "open for appending", &st, err);

    *a = (struct appender){0};
    if (fd < 0)
        return -1;
    if (S_ISREG(st.st_mode) && cut_torn_line(fd, st.st_size)) {
        path_error(path, "cut a torn last line off", err);
        close(fd);
        return -1;
    }
    a->path = mem_strdup(path, err);
    if (!a->path) {
        close(fd);
        return -1;
    }
    a->fd = fd;
    return 0;
}

/* A line that went out in part is taken back: the next one must not be glued to it. */
static int app_write(struct appender *a, const char *line, size_t n, struct vac_err *err)
{
    size_t done;
    struct stat st;
    int number;

    if (fd_write(a->fd, (const unsigned char *)line, n, &done) == 0)
        return 0;
    number = errno;
    if (done && fstat(a->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= (off_t)done)
        (void)!ftruncate(a->fd, st.st_size - (off_t)done);
    errno = number;
    return path_error(a->path, "append", err);
}

int app_put(struct appender *a, const char *line, size_t n, struct vac_err *err)
{
    char room[LINE_ROOM], *p = room;
    int rc;

    if (a->fd <= 0)
        return out_closed(err);
    if (n > 0 && line[n - 1] == '\n')
        return app_write(a, line, n, err);
    if (n >= LINE_ROOM) {
        p = mem_new(n + 1, 1, err);
        if (!p)
            return -1;
    }
    if (n > 0)
        memcpy(p, line, n);
    p[n] = '\n';
    rc = app_write(a, p, n + 1, err);
    if (p != room)
        free(p);
    return rc;
}

int app_size(const struct appender *a, int64_t *size, struct vac_err *err)
{
    struct stat st;

    if (a->fd <= 0)
        return out_closed(err);
    if (fstat(a->fd, &st))
        return path_error(a->path, "look at", err);
    *size = (int64_t)st.st_size;
    return 0;
}

int app_cut(struct appender *a, int64_t size, struct vac_err *err)
{
    if (a->fd <= 0)
        return out_closed(err);
    return ftruncate(a->fd, (off_t)size) ? path_error(a->path, "cut lines off", err) : 0;
}

/* Bytes that went to a file which has lost its name are lost. */
static int app_check(const struct appender *a, struct vac_err *err)
{
    struct stat held, there;

    if (fstat(a->fd, &held))
        return path_error(a->path, "look at", err);
    if (!path_stat(a->path, &there) && there.st_dev == held.st_dev && there.st_ino == held.st_ino)
        return 0;
    return err_set(err, VAC_ERR_IO,
                   "%s: was removed or replaced meanwhile: the lines written there are lost",
                   a->path);
}

int app_sync(struct appender *a, struct vac_err *err)
{
    if (a->fd <= 0)
        return out_closed(err);
    if (fd_sync(a->fd))
        return path_error(a->path, "sync", err);
    return app_check(a, err);
}

void app_close(struct appender *a)
{
    if (!a)
        return;
    if (a->fd > 0)
        close(a->fd);
    free(a->path);
    *a = (struct appender){0};
}

int file_copy(const char *path, int64_t from, int64_t end, const char *to, struct vac_err *err)
{
    enum { PIECE = 1 << 16 };
    FILE *in = stream_open(path, err);
    char *piece = in ? mem_new(PIECE, 1, err) : NULL;
    struct outfile out = {0};
    int rc = piece && !out_open(&out, to, err) ? 0 : -1;
    size_t n = 1;

    if (rc == 0 && fseeko(in, (off_t)from, SEEK_SET))
        rc = path_error(path, "read", err);
    for (; rc == 0 && n && (end < 0 || from < end); from += (int64_t)n) {
        n = end < 0 || end - from > PIECE ? PIECE : (size_t)(end - from);
        n = fread(piece, 1, n, in);
        rc = out_put(&out, piece, n, err);
    }
    if (rc == 0 && ferror(in))
        rc = path_error(path, "read", err);
    if (rc == 0 && from < end)
        rc = err_set(err, VAC_ERR_FORMAT, "%s: ends after %lld bytes, and %lld were to be there",
                     path, (long long)from, (long long)end);
    if (rc == 0)
        rc = out_commit(&out, err);
    out_abort(&out);
    free(piece);
    if (in)
        fclose(in);
    return rc;
}

double clock_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
