/* child.c - see child.h
 *
 * Pipes, not sockets: a program may open /dev/stdin. Both directions are polled, so that neither
 * side waits for the other with its pipe full. SIGPIPE is held back around each write and taken
 * away if it came. */
#include "judge/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

#define LINE_LIMIT ((size_t)1 << 20)
#define SHOWN_COMMAND 60

extern char **environ;

struct child {
    pid_t pid;
    int in, out, err; /* our ends; -1 = closed */
    char command[SHOWN_COMMAND + 4];
    struct strbuf got; /* output that is not yet a whole line */
    size_t line;       /* lines taken since the start */
    char last[200];    /* the end of its standard error */
    size_t n_last;
};

/* --- starting --- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Above 2, where the child's own 0, 1 and 2 will be put. */
static int raise_fd(int *fd)
{
    int high = fcntl(*fd, F_DUPFD_CLOEXEC, 3);

    if (high < 0)
        return -1;
    close(*fd);
    *fd = high;
    return 0;
}

/* fd[0] reads, fd[1] writes; `ours` of them does not block. */
static int open_pipe(int fd[2], int ours)
{
    int flags;

    if (pipe2(fd, O_CLOEXEC)) {
        fd[0] = fd[1] = -1;
        return -1;
    }
    if (raise_fd(&fd[0]) || raise_fd(&fd[1]))
        return -1;
    flags = fcntl(fd[ours], F_GETFL);
    return flags < 0 || fcntl(fd[ours], F_SETFL, flags | O_NONBLOCK) ? -1 : 0;
}

/* The child is free of what this program did to its signals, and gets none of the terminal's. */
static int fill_attr(posix_spawnattr_t *attr)
{
    static const int reset[] = {SIGPIPE, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD, SIGXFSZ};
    sigset_t none, defaults;

    sigemptyset(&none);
    sigemptyset(&defaults);
    for (size_t i = 0; i < sizeof reset / sizeof *reset; i++)
        sigaddset(&defaults, reset[i]);
    return posix_spawnattr_setsigmask(attr, &none) ||
           posix_spawnattr_setsigdefault(attr, &defaults) || posix_spawnattr_setpgroup(attr, 0) ||
           posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
}

static int spawn(struct child *c, const char *command, const int fd[3], struct vac_err *err)
{
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, NULL, NULL};
    posix_spawn_file_actions_t act;
    posix_spawnattr_t attr;
    char *copy = mem_strdup(command, err);
    int rc = copy ? posix_spawn_file_actions_init(&act) : ENOMEM;

    if (rc)
        goto no_actions;
    rc = posix_spawnattr_init(&attr);
    if (rc)
        goto no_attr;
    argv[2] = copy;
    for (int i = 0; rc == 0 && i < 3; i++)
        rc = posix_spawn_file_actions_adddup2(&act, fd[i], i);
    if (rc == 0 && fill_attr(&attr))
        rc = EINVAL;
    if (rc == 0)
        rc = posix_spawn(&c->pid, "/bin/sh", &act, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
no_attr:
    posix_spawn_file_actions_destroy(&act);
no_actions:
    free(copy);
    if (rc == 0)
        return 0;
    c->pid = 0;
    errno = rc;
    return err_errno(err, "command \"%s\": starting /bin/sh", c->command);
}

static int open_and_spawn(struct child *c, const char *command, struct vac_err *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, errs[2] = {-1, -1}, rc;

    if (open_pipe(in, 1) || open_pipe(out, 0) || open_pipe(errs, 0))
        rc = err_errno(err, "command \"%s\": opening pipes", c->command);
    else
        rc = spawn(c, command, (int[]){in[0], out[1], errs[1]}, err);
    c->in = in[1];
    c->out = out[0];
    c->err = errs[0];
    close_fd(&in[0]);
    close_fd(&out[1]);
    close_fd(&errs[1]);
    return rc;
}

struct child *child_start(const char *command, struct vac_err *err)
{
    struct child *c = mem_new(1, sizeof *c, err);

    if (!c)
        return NULL;
    snprintf(c->command, sizeof c->command, "%.*s%s", SHOWN_COMMAND, command,
             strlen(command) > SHOWN_COMMAND ? "..." : "");
    c->in = c->out = c->err = -1;
    if (!open_and_spawn(c, command, err))
        return c;
    child_stop(c);
    return NULL;
}

/* --- ending --- */

/* Whether it has ended within that time; it is then reaped and *status tells how. */
static bool ended(struct child *c, double seconds, int *status)
{
    double until = clock_now() + seconds;
    pid_t got;

    do {
        got = waitpid(c->pid, status, WNOHANG);
        if (got != 0 && !(got < 0 && errno == EINTR)) {
            c->pid = 0;
            return true;
        }
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    } while (clock_now() < until);
    return false;
}

void child_stop(struct child *c)
{
    static const struct {
        int signal;
        double wait;
    } stage[] = {{0, 1.0}, {SIGTERM, 0.5}, {SIGKILL, 60}};
    int status = 0;

    if (!c)
        return;
    close_fd(&c->in);
    close_fd(&c->out);
    close_fd(&c->err);
    for (size_t i = 0; c->pid > 0 && i < sizeof stage / sizeof *stage; i++) {
        if (stage[i].signal)
            kill(-c->pid, stage[i].signal);
        ended(c, stage[i].wait, &status);
    }
    sb_done(&c->got);
    free(c);
}

/* --- talking --- */

struct talk {
    struct child *c;
    const char *text;
    size_t n, sent, lines, taken;
    child_line *take;
    void *ctx;
    bool moved; /* bytes went one way or the other */
};

/* A write whose reader has gone fails and raises no signal, whatever this program does with
 * SIGPIPE. */
static ssize_t write_quiet(int fd, const char *s, size_t n)
{
    sigset_t pipe_signal, before, pending;
    ssize_t k;
    int saved;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    k = write(fd, s, n);
    saved = errno;
    if (k < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&pipe_signal, NULL, &(struct timespec){0}) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return k;
}

static bool try_again(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* A child that reads no more may still answer: its end is noticed where it answers. */
static void send_some(struct talk *t)
{
    ssize_t k = write_quiet(t->c->in, t->text + t->sent, t->n - t->sent);

    if (k > 0) {
        t->sent += (size_t)k;
        t->moved = true;
    } else if (k < 0 && !try_again()) {
        close_fd(&t->c->in);
    }
}

/* Keeps the last of it. */
static void hear_complaint(struct child *c)
{
    char part[512];
    ssize_t k = read(c->err, part, sizeof part);

    if (k == 0 || (k < 0 && !try_again()))
        close_fd(&c->err);
    for (ssize_t i = 0; i < k; i++) {
        if (c->n_last == sizeof c->last - 1)
            memmove(c->last, c->last + 1, --c->n_last);
        c->last[c->n_last++] = part[i];
    }
}

/* Its last line on standard error, or "". */
static const char *last_words(struct child *c)
{
    char *line;

    for (int i = 0; c->err >= 0 && i < 64; i++) {
        struct pollfd p = {.fd = c->err, .events = POLLIN};

        if (poll(&p, 1, 50) <= 0)
            break;
        hear_complaint(c);
    }
    while (c->n_last > 0 && strchr(" \r\n", c->last[c->n_last - 1]))
        c->n_last--;
    c->last[c->n_last] = '\0';
    line = strrchr(c->last, '\n');
    return line ? line + 1 : c->last;
}

/* Always -1: what, how far it had come, and its last words. */
static int complain(struct talk *t, struct vac_err *err, const char *what)
{
    const char *words = last_words(t->c);

    return err_set(err, VAC_ERR_IO, "command \"%s\": line %zu: %s after %zu of %zu answers%s%s%s",
                   t->c->command, t->c->line + 1, what, t->taken, t->lines,
                   *words ? "; it said: \"" : "", words, *words ? "\"" : "");
}

static int complain_end(struct talk *t, struct vac_err *err)
{
    char what[64] = "its output ended";
    int status = 0;

    if (t->c->pid > 0 && ended(t->c, 1.0, &status)) {
        if (WIFSIGNALED(status))
            snprintf(what, sizeof what, "killed by signal %d", WTERMSIG(status));
        else
            snprintf(what, sizeof what, "ended with exit status %d", WEXITSTATUS(status));
    }
    return complain(t, err, what);
}

/* Hands out the whole lines that have come. */
static int take_lines(struct talk *t, struct vac_err *err)
{
    struct strbuf *got = &t->c->got;
    size_t at = 0;

    while (t->taken < t->lines && at < got->len) {
        char *nl = memchr(got->s + at, '\n', got->len - at);
        size_t n;

        if (!nl)
            break;
        n = (size_t)(nl - (got->s + at));
        if (t->take(t->ctx, t->taken, got->s + at, n, t->c->line + 1, err))
            return err_prefix(err, "command \"%s\"", t->c->command);
        t->taken++;
        t->c->line++;
        at += n + 1;
    }
    if (at > 0)
        memmove(got->s, got->s + at, got->len - at + 1);
    got->len -= at;
    if (t->taken == t->lines && got->len > 0)
        return complain(t, err, "a line more than one for each question");
    if (got->len > LINE_LIMIT)
        return complain(t, err, "an answer of more than 1 MiB without a line's end");
    return 0;
}

static int hear_some(struct talk *t, struct vac_err *err)
{
    char part[16384];
    ssize_t k = read(t->c->out, part, sizeof part);

    if (k < 0 && try_again())
        return 0;
    if (k <= 0)
        return complain_end(t, err);
    t->moved = true;
    sb_put(&t->c->got, part, (size_t)k);
    return sb_ok(&t->c->got, err) ? -1 : take_lines(t, err);
}

/* One wait of at most that many seconds. */
static int turn(struct talk *t, double seconds, struct vac_err *err)
{
    struct child *c = t->c;
    struct pollfd p[3] = {
        {.fd = t->sent < t->n ? c->in : -1, .events = POLLOUT},
        {.fd = c->out, .events = POLLIN},
        {.fd = c->err, .events = POLLIN},
    };

    if (poll(p, 3, (int)(seconds * 1000) + 1) < 0)
        return errno == EINTR ? 0 : err_errno(err, "command \"%s\": poll", c->command);
    if (p[0].revents)
        send_some(t);
    if (p[2].revents)
        hear_complaint(c);
    return p[1].revents ? hear_some(t, err) : 0;
}

/* Output that nobody asked for would be taken for the answer to the next question. */
static int check_quiet(struct talk *t, struct vac_err *err)
{
    struct pollfd p = {.fd = t->c->out, .events = POLLIN};
    char part[64];

    if (t->c->got.len == 0 && poll(&p, 1, 0) <= 0)
        return 0;
    if (t->c->got.len == 0 && read(t->c->out, part, sizeof part) == 0)
        return complain_end(t, err);
    return complain(t, err, "output without a question");
}

int child_talk(struct child *c, const char *text, size_t n, size_t lines, double idle,
               child_line *take, void *ctx, struct vac_err *err)
{
    struct talk t = {.c = c, .text = text, .n = n, .lines = lines, .take = take, .ctx = ctx};
    double last = clock_now();
    char what[80];

    if (check_quiet(&t, err))
        return -1;
    while (t.taken < lines || (t.sent < n && c->in >= 0)) {
        double left = last + idle - clock_now();

        if (left <= 0) {
            snprintf(what, sizeof what, "silent for %g s (does it flush each line?)", idle);
            return complain(&t, err, what);
        }
        t.moved = false;
        if (turn(&t, left, err))
            return -1;
        if (t.moved)
            last = clock_now();
    }
    return 0;
}
