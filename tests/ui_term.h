/* ui_term.h - a program in a pseudo-terminal: started, typed at, read, waited for. The program is
 * the test itself, called with "screen" (see term_start). */
#ifndef TESTS_UI_TERM_H
#define TESTS_UI_TERM_H

#include "support.h"
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "ui/ui.h"

struct term {
    pid_t pid;
    int fd;
    char *out; /* all that it wrote */
    size_t n, cap;
    int status; /* of wait; -1 = still there */
};

static char *work; /* folder that the children run in */

/* What a shell with job control does: a stopped program comes to the foreground again. */
static inline int term_shell(char **argv)
{
    pid_t pid = fork();
    int status = 0;

    argv[1] = (char *)"screen";
    signal(SIGTTOU, SIG_IGN);
    if (pid == 0) {
        setpgid(0, 0);
        tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
        execv("/proc/self/exe", argv);
        _exit(126);
    }
    signal(SIGINT, SIG_IGN);
    while (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status)) {
        tcsetpgrp(STDIN_FILENO, getpgrp());
        if (write(STDOUT_FILENO, "[stopped]", 9) != 9)
            return 1;
        usleep(300000);
        tcsetpgrp(STDIN_FILENO, pid);
        kill(pid, SIGCONT);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* What the program says when the screen has ended, and its exit status. */
static inline int term_status(const struct ui_args *args)
{
    struct vac_err err = {0};
    int status = ui_main(args, &err);

    if (err.code)
        fprintf(stderr, "vaccine: %s\n", err.msg);
    return status >= 0 ? status : err.code == VAC_ERR_USAGE ? 2 : 1;
}

static inline double term_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Runs this program with "screen" (or "shell") and the arguments, in a terminal called `name`. */
static inline void term_start(struct term *t, int w, int h, const char *name, const char *how,
                              const char *const *args)
{
    struct winsize size = {.ws_col = (unsigned short)w, .ws_row = (unsigned short)h};
    char *argv[16] = {(char *)"test_ui", (char *)how};
    int n = 2;

    *t = (struct term){.status = -1};
    while (*args && n < 15)
        argv[n++] = (char *)*args++;
    t->pid = forkpty(&t->fd, NULL, NULL, &size);
    assert_true(t->pid >= 0);
    if (t->pid == 0) {
        setenv("TERM", name, 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        setenv("TZ", "UTC", 1);
        setenv("XDG_STATE_HOME", work, 1);
        setenv("HOME", work, 1);
        unsetenv("NO_COLOR");
        unsetenv("COLORFGBG");
        if (chdir(work) == 0)
            execv("/proc/self/exe", argv);
        _exit(126);
    }
    fcntl(t->fd, F_SETFL, O_NONBLOCK);
}

/* Reads for at most `seconds`, or until the program ends. */
static inline void term_read(struct term *t, double seconds)
{
    double end = term_clock() + seconds;

    while (term_clock() < end && t->status < 0) {
        struct pollfd p = {.fd = t->fd, .events = POLLIN};
        ssize_t k;
        int status;

        poll(&p, 1, 20);
        if (t->n + 65536 > t->cap) {
            t->cap = t->cap * 2 + 131072;
            t->out = realloc(t->out, t->cap);
            assert_non_null(t->out);
        }
        while ((k = read(t->fd, t->out + t->n, 65000)) > 0) {
            t->n += (size_t)k;
            t->out[t->n] = '\0';
            if (t->n + 65536 > t->cap)
                break;
        }
        if (waitpid(t->pid, &status, WNOHANG) == t->pid) {
            while ((k = read(t->fd, t->out + t->n, 4096)) > 0 && t->n + 65536 < t->cap)
                t->n += (size_t)k;
            t->out[t->n] = '\0';
            t->status = status;
        }
    }
}

static inline void term_type(struct term *t, const char *keys, size_t n)
{
    while (n && t->status < 0) {
        ssize_t k = write(t->fd, keys, n);

        if (k > 0) {
            keys += k;
            n -= (size_t)k;
        } else {
            term_read(t, 0.02);
        }
    }
}

static inline void term_keys(struct term *t, const char *keys)
{
    term_type(t, keys, strlen(keys));
}

/* Waits for the end; fails when it does not come, or when it was a crash. */
static inline int term_end(struct term *t, double seconds)
{
    int code;

    term_read(t, seconds);
    if (t->status < 0) {
        kill(t->pid, SIGKILL);
        waitpid(t->pid, NULL, 0);
        fail_msg("the screen did not end:\n%s", t->out + (t->n > 3000 ? t->n - 3000 : 0));
    }
    if (!WIFEXITED(t->status))
        fail_msg("the screen died of signal %d:\n%s", WTERMSIG(t->status),
                 t->out + (t->n > 3000 ? t->n - 3000 : 0));
    code = WEXITSTATUS(t->status);
    close(t->fd);
    return code;
}

static inline void term_free(struct term *t)
{
    free(t->out);
    *t = (struct term){0};
}

static inline bool term_has(const struct term *t, const char *bytes)
{
    return t->out && memmem(t->out, t->n, bytes, strlen(bytes)) != NULL;
}

static inline void term_wait(struct term *t, const char *bytes)
{
    for (double until = term_clock() + 60; !term_has(t, bytes); term_read(t, 0.05))
        if (term_clock() > until || t->status >= 0)
            fail_msg("waited for \"%s\":\n%s", bytes,
                     t->out ? t->out + (t->n > 3000 ? t->n - 3000 : 0) : "");
}
#endif
