/* signals.c - see signals.h. A handler sets a flag and writes a byte; a crash restores the terminal with
 * bytes and settings prepared beforehand, on a stack of its own, and lets the signal do its work.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "term/signals.h"

static int pipe_fd[2] = {-1, -1};
static volatile sig_atomic_t arrived[6], armed, deaf;
static struct termios before;
static bool have_before;
static volatile sig_atomic_t real_stderr = -1;
static char *alt_stack;
static struct sigaction old_action[32];

/* Cursor, colours, characters, mouse, focus, paste and synchronised output as usual; the cursor below what is
 * drawn, or, where there is an alternate screen to be left, where it was. */
static const char restore[] = "\033[?2026l\033[?1000l\033[?1002l\033[?1006l\033[?1004l\033[?2004l"
                              "\033[0m\033(B\017\033[999H\033[?1049l\033[?25h\033[?1l\033>\r\n";

static const struct {
    int signal, slot;
} watched[] = {{SIGWINCH, 0}, {SIGHUP, 1}, {SIGTERM, 2}, {SIGTSTP, 3}, {SIGCONT, 4}, {SIGINT, 5}};
static const int fatal[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT};

/* The file of what libraries said has no name: it would be lost with the process. */
static void spill(void)
{
    char buf[512];
    ssize_t n;

    for (off_t at = 0; (n = pread(STDERR_FILENO, buf, sizeof buf, at)) > 0; at += n)
        if (write(real_stderr, buf, (size_t)n) != n)
            return;
}

/* Gives the terminal back and lets the signal do its work. */
static void end_by(int sig)
{
    if (armed) {
        armed = 0;
        if (write(STDOUT_FILENO, restore, sizeof restore - 1) < 0) {
            /* nothing left to try */
        }
        if (have_before)
            tcsetattr(STDIN_FILENO, TCSANOW, &before);
        if (real_stderr >= 0)
            spill();
    }
    if (old_action[sig].sa_handler == SIG_IGN)
        old_action[sig].sa_handler = SIG_DFL; /* an interrupt that was sent all the same */
    sigaction(sig, &old_action[sig], NULL);
    raise(sig); /* comes when this handler returns */
}

/* Makes a page that cannot be read readable. */
static bool (*mend)(const void *);

static void crash(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (sig == SIGBUS && info->si_code > 0 && mend && mend(info->si_addr))
        return;
    end_by(sig);
}

static void note(int sig)
{
    int saved = errno;

    if (deaf && (sig == SIGTERM || sig == SIGINT || sig == SIGHUP)) {
        end_by(sig);
        return;
    }
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        if (watched[i].signal == sig)
            arrived[watched[i].slot] = 1;
    if (write(pipe_fd[1], "", 1) < 0) {
        /* the pipe is full: the loop is awake anyway */
    }
    errno = saved;
}

/* What an interrupt is to do that came ignored. */
static void (*on_interrupt)(int);

/* The terminal's comes from the kernel, to all jobs before it; another comes from a process, to us. */
static void sort_interrupt(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code <= 0)
        on_interrupt(sig);
}

bool signals_catch(int sig, const struct sigaction *action, struct sigaction *old)
{
    struct sigaction now, sorted = *action;

    if (sigaction(sig, NULL, &now))
        return false;
    if (old)
        *old = now;
    sorted.sa_flags |= SA_ONSTACK; /* it may come within a product: compute/provider.h */
    if (now.sa_handler != SIG_IGN)
        return !sigaction(sig, &sorted, NULL);
    if (sig != SIGINT || action->sa_flags & SA_SIGINFO || action->sa_handler == SIG_DFL)
        return false;
    on_interrupt = action->sa_handler;
    sorted.sa_sigaction = sort_interrupt;
    sorted.sa_flags |= SA_SIGINFO;
    return !sigaction(sig, &sorted, NULL);
}

int signals_open(bool (*mend_page)(const void *))
{
    struct sigaction a = {.sa_handler = note, .sa_flags = SA_RESTART},
                     c = {.sa_sigaction = crash, .sa_flags = SA_SIGINFO};
    stack_t stack = {.ss_size = 65536};

    if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK))
        return -1;
    mend = mend_page;
    alt_stack = malloc(stack.ss_size);
    stack.ss_sp = alt_stack;
    if (alt_stack)
        sigaltstack(&stack, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of write */
    sigfillset(&a.sa_mask);
    sigfillset(&c.sa_mask);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        signals_catch(watched[i].signal, &a, &old_action[watched[i].signal]);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signals_catch(fatal[i], &c, &old_action[fatal[i]]);
    return 0;
}

void signals_close(void)
{
    const stack_t off = {.ss_flags = SS_DISABLE};

    if (pipe_fd[0] < 0)
        return;
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        sigaction(watched[i].signal, &old_action[watched[i].signal], NULL);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaction(fatal[i], &old_action[fatal[i]], NULL);
    sigaltstack(&off, NULL);
    free(alt_stack);
    alt_stack = NULL;
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    pipe_fd[0] = pipe_fd[1] = -1;
}

void signals_deaf(bool on)
{
    deaf = on;
}

void signals_shield(sigset_t *was)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM, SIGINT, SIGHUP};
    sigset_t all;

    sigfillset(&all);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigdelset(&all, deadly[i]);
    pthread_sigmask(SIG_SETMASK, &all, was);
}

void signals_unshield(const sigset_t *was)
{
    pthread_sigmask(SIG_SETMASK, was, NULL);
}

int signals_fd(void)
{
    return pipe_fd[0];
}

unsigned signals_take(void)
{
    unsigned bits = 0;
    char buf[64];

    while (read(pipe_fd[0], buf, sizeof buf) > 0)
        ;
    for (int i = 0; i < 6; i++)
        if (arrived[i]) {
            arrived[i] = 0;
            bits |= 1u << i;
        }
    return bits;
}

void signals_stop(void)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL}, keep;
    sigset_t stop, old;

    if (!signals_catch(SIGTSTP, &dfl, &keep))
        return; /* nobody would let it go on */
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &stop, &old);
    kill(getpid(), SIGTSTP);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    sigaction(SIGTSTP, &keep, NULL);
}

/* The shell waits for its job to end or to stop: it stops, for a moment, and goes on without it. A process that
 * leads its group can begin no session, so it joins the group of a child first, which also wakes it. */
bool signals_background(void)
{
    struct timespec moment = {.tv_nsec = 100000000};
    pid_t self = getpid(), child;
    sigset_t all, old;

    if (getsid(0) == self)
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        for (int i = 0; i < 20 && getppid() == self; i++) {
            nanosleep(&moment, NULL);
            kill(self, SIGCONT);
        }
        _exit(0);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (child < 0)
        return false;
    setpgid(child, child);
    if (getpgrp() == self && setpgid(0, child) == 0 && setsid() < 0)
        setpgid(0, self);
    kill(self, SIGSTOP);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int none = isatty(fd) ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;

        if (none >= 0) {
            dup2(none, fd);
            close(none);
        }
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return true;
}

void crash_tell(int real)
{
    real_stderr = real;
}

void crash_arm(void)
{
    have_before = !tcgetattr(STDIN_FILENO, &before);
    armed = 1;
}

void crash_disarm(void)
{
    armed = 0;
}
