/* cmd_run.c - `vaccine run`: a run without a screen. Training goes on in the session's thread; this
 * one prints, and turns signals into commands. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vaccine/vaccine.h>
#include "attach/message.h"
#include "cli/cli.h"
#include "cli/run_lines.h"
#include "record/late.h"
#include "spec/spec.h"
#include "term/signals.h"

struct run_values {
    char *output;
    struct cli_list set;
    bool resume, from_start, json;
};

static const struct cli_option options[] = {
    {.row = {.name = "output",
             .help = "run folder; runs/FILE-NNN when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct run_values, output)},
     .letter = 'o',
     .arg = "DIR"},
    {.row = {.name = "set",
             .help = "change a key of the run file, like stages[1].rho=2",
             .type = OPTION_STRING,
             .offset = offsetof(struct run_values, set)},
     .arg = "PATH=VALUE",
     .list = true},
    {.row = {.name = "resume",
             .help = "go on with the run in the folder from its last good checkpoint",
             .type = OPTION_BOOL,
             .offset = offsetof(struct run_values, resume)}},
    {.row = {.name = "from-start",
             .help =
                 "with --resume: begin again at step 0 when there is no checkpoint to go on from",
             .type = OPTION_BOOL,
             .offset = offsetof(struct run_values, from_start)}},
    {.row = {.name = "json",
             .help = "print the lines of metrics.jsonl, and events, as JSON",
             .type = OPTION_BOOL,
             .offset = offsetof(struct run_values, json)}},
    {.row.name = NULL},
};

/* --- signals: a handler only writes the signal's number into a pipe --- */

/* Whoever has waited this long and interrupts again wants out at once. What ends programs sends
 * several signals in a row, which are one interrupt. */
#define IMPATIENT_SECONDS 2

static int signal_pipe[2] = {-1, -1};
static volatile sig_atomic_t watching; /* the loop looks at the pipe */

/* While model and data are read nothing has begun that could be saved, and nobody looks at the
 * pipe: but whose line drops then wants the run all the same. */
static void on_signal(int number)
{
    unsigned char n = (unsigned char)number;
    int saved = errno;

    if (!watching && number != SIGUSR1 && number != SIGXCPU && number != SIGHUP)
        cli_die_of(number);
    else if (write(signal_pipe[1], &n, 1) < 0)
        errno = saved; /* the pipe is full of signals */
    errno = saved;
}

static int catch_signals(struct vac_err *err)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGXCPU};
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK))
        return err_errno(err, "pipe");
    sigemptyset(&a.sa_mask);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        signals_catch(caught[i], &a, NULL);
    return 0;
}

/* --- what is printed --- */

struct show {
    struct vac_session *s;
    bool json;
    struct run_lines lines;
    FILE *metrics;                    /* json: the file whose new lines are printed */
    uint64_t old;                     /* json: lines that stood there before */
    uint64_t read;                    /* json: lines that were read */
    int interrupted;                  /* signal that ended it, 0 = none */
    double asked;                     /* clock at which it came */
    bool terminal[STDERR_FILENO + 1]; /* standard streams that were one when the run began */
    bool alone;                       /* its line has dropped: what nobody reads ends nothing */
};

/* What was a terminal leads nowhere from now on; what goes into a file or a pipe still does. */
static void hang_up(struct show *w)
{
    int none = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (w->terminal[fd] && none >= 0)
            dup2(none, fd);
    if (none > STDERR_FILENO)
        close(none);
    w->alone = true;
}

/* Also where no signal told of it. */
static bool line_dropped(const struct show *w)
{
    return w->alone || (w->terminal[STDOUT_FILENO] && !isatty(STDOUT_FILENO));
}

/* New lines of metrics.jsonl, as they stand there: those that the session has told of, for others
 * may lie behind the checkpoint that it goes on from. */
static int print_metrics(struct show *w, struct vac_err *err)
{
    struct strbuf s = {0};
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int rc = 0;

    if (!w->metrics) {
        char *path = path_join(vac_session_dir(w->s), "metrics.jsonl", err);
        bool none = path && path_missing(path);
        w->metrics = path && !none ? stream_open(path, err) : NULL;
        free(path);
        if (!w->metrics)
            return none ? 0 : -1;
    }
    fflush(w->metrics); /* what was read ahead may have been set aside since */
    for (; w->read < vac_session_points(w->s); w->read++) {
        n = getline(&line, &cap, w->metrics);
        if (n <= 0 && (ferror(w->metrics) || !feof(w->metrics)))
            rc = err_errno(err, "%s/metrics.jsonl: cannot read", vac_session_dir(w->s));
        if (n <= 0)
            break;
        if (w->read >= w->old)
            sb_put(&s, line, (size_t)n);
    }
    clearerr(w->metrics);
    free(line);
    if (rc == 0 && (s.len || s.bad))
        rc = cli_write_data(&s, err);
    sb_done(&s);
    return rc;
}

static int print_event(struct show *w, const struct vac_event *e, struct vac_err *err)
{
    bool others = e->kind == VAC_EVENT_PROBE_TEXT || e->kind == VAC_EVENT_SAMPLES ||
                  e->kind == VAC_EVENT_MAP; /* are told whoever asked by the socket */
    struct strbuf s = {0};
    int rc = 0;

    if (w->json) {
        if (!others && message_put_event(&s, e, 0))
            rc = cli_write_data(&s, err);
    } else if (e->kind == VAC_EVENT_JOURNAL || e->kind == VAC_EVENT_REJECTED ||
               e->kind == VAC_EVENT_NOTE || e->kind == VAC_EVENT_PLAN) {
        sb_printf(&s, "%-10s ", "");
        cli_put_name(&s, e->text);
        sb_putc(&s, '\n');
        rc = cli_write(&s, err);
    } else if (e->kind == VAC_EVENT_GUARD && isatty(STDOUT_FILENO)) {
        sb_putc(&s, '\a');
        rc = cli_write(&s, err);
    }
    sb_done(&s);
    return rc;
}

static bool is_over(enum vac_state s)
{
    return s == VAC_DONE || s == VAC_STOPPED || s == VAC_FAILED;
}

/* The lines after that step are gone, and those before it were printed. */
static void go_back(struct show *w, int64_t step)
{
    w->old = vac_session_old_points(w->s);
    w->read = 0;
    if (w->metrics)
        rewind(w->metrics);
    run_lines_rewound(&w->lines, step, w->old);
}

/* Events first are taken and last are printed: the line of a step has what was measured at it, and what was
 * written down after it stands behind. */
static int show_news(struct show *w, struct vac_err *err)
{
    const struct vac_snapshot *n = vac_snapshot(w->s);
    bool over = is_over(n->state);
    struct vac_event *v = NULL, e;
    size_t count = 0, cap = 0;
    int rc = 0;

    while (rc == 0 && vac_event_next(w->s, &e)) {
        rc = mem_grow(&v, &cap, count + 1, sizeof *v, err);
        if (rc == 0) {
            v[count++] = e;
            if (e.kind == VAC_EVENT_REWIND)
                go_back(w, e.step);
            if (!w->json && e.kind == VAC_EVENT_EVAL && e.eval.score)
                rc = run_lines_score(&w->lines, e.eval.score, err);
        } else {
            vac_event_done(&e);
        }
    }
    if (rc == 0 && w->json)
        rc = print_metrics(w, err);
    else if (rc == 0 && n->state != VAC_MEASURING)
        rc = run_lines_print(&w->lines, n, over, err);
    for (size_t i = 0; i < count; i++) {
        if (rc == 0)
            rc = print_event(w, &v[i], err);
        vac_event_done(&v[i]);
    }
    free(v);
    return rc;
}

/* --- the loop --- */

static int give(struct show *w, enum vac_op op, struct vac_err *err)
{
    struct vac_command c = {.op = op, .who = "cli"};

    return vac_command(w->s, &c, NULL, err);
}

static void take_signals(struct show *w)
{
    unsigned char n;

    while (read(signal_pipe[0], &n, 1) == 1) {
        if (n == SIGHUP)
            hang_up(w);
        if (n == SIGUSR1 || n == SIGHUP) {
            give(w, VAC_OP_SAVE, NULL);
            continue;
        }
        if (w->interrupted && clock_now() - w->asked >= IMPATIENT_SECONDS)
            cli_die_of(n);
        if (w->interrupted)
            continue;
        give(w, VAC_OP_QUIT, NULL);
        w->interrupted = n;
        w->asked = clock_now();
    }
}

static int watch_run(struct show *w, struct vac_err *err)
{
    struct pollfd fds[2] = {{.fd = vac_wakeup_fd(w->s), .events = POLLIN},
                            {.fd = signal_pipe[0], .events = POLLIN}};
    char away[256];
    int rc = 0;
    bool over;

    watching = 1;
    do {
        over = is_over(vac_snapshot(w->s)->state);
        take_signals(w);
        /* a stage that is being built is not looked into, and all before it is saved */
        if (w->interrupted && vac_snapshot(w->s)->state == VAC_LOADING)
            cli_die_of(w->interrupted);
        if (rc == 0 && show_news(w, err)) {
            if (line_dropped(w)) {
                hang_up(w);
                err_clear(err);
            } else {
                rc = -1; /* nobody reads any more: save and leave */
                give(w, VAC_OP_QUIT, NULL);
            }
        }
        if (!over && poll(fds, 2, 1000) > 0) {
            while (read(fds[0].fd, away, sizeof away) > 0)
                continue;
        }
    } while (!over);
    return rc;
}

static int finish(struct show *w, struct vac_err *err)
{
    struct vac_run_info *r = NULL;
    struct strbuf s = {0};
    size_t n = 0;
    int code, rc;

    code = vac_session_result(w->s, err);
    if (code)
        return code == 1 ? -1 : code;
    if (!w->json) {
        if (vac_runs(vac_session_dir(w->s), &r, &n, err))
            return -1;
        if (n == 1)
            run_lines_results(&s, r);
        free(r);
        cli_put_name(&s, vac_session_dir(w->s));
        sb_puts(&s, w->interrupted ? ": saved; go on with --resume\n" : ": done\n");
        rc = cli_write(&s, err);
        sb_done(&s);
        if (rc && !line_dropped(w))
            return -1;
        err_clear(err);
    }
    return w->interrupted ? 128 + w->interrupted : 0;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct run_values *v = values;
    struct vac_open o = {.file = operand[0],
                         .out = v->output,
                         .set = v->set.v,
                         .n_set = v->set.n,
                         .resume = v->resume,
                         .from_start = v->from_start};
    struct show w = {.json = v->json};
    struct vac_err deaf = {0};
    int rc = -1;

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        w.terminal[fd] = isatty(fd);
    if (late_check(o.file, o.resume ? o.out : NULL, o.set, o.n_set, err) || catch_signals(err) ||
        vac_session_open(&w.s, &o, err))
        return -1;
    run_lines_init(&w.lines, w.s);
    if (vac_session_start(w.s, err) == 0) {
        if (*vac_session_kernels(w.s))
            cli_note(vac_session_kernels(w.s));
        if (vac_session_serve(w.s, &deaf)) /* no reason not to train */
            cli_note(deaf.msg);
        w.old = w.lines.point = vac_session_old_points(w.s);
        rc = watch_run(&w, err);
        rc = rc ? rc : finish(&w, err);
    }
    if (w.metrics)
        fclose(w.metrics);
    run_lines_done(&w.lines);
    vac_session_close(w.s);
    return rc;
}

const struct command command_run = {
    .name = "run",
    .args = "FILE.json|RUN_DIR",
    .help = "Train as a run file says, without a screen",
    .about =
        "Aligns, attacks and measures, stage by stage, and leaves a run folder. An interrupt "
        "saves a checkpoint and leaves, a second one after two seconds leaves at once; one whose "
        "line drops saves and goes on, and vaccine attach comes back to it; --resume "
        "goes on, with --set for live options of the stage. Steps after that checkpoint are made "
        "again; what they were is set aside in the run folder, in aside-STEP-K. A run whose "
        "checkpoints are gone or damaged is refused, but for --from-start; one that ended before "
        "its "
        "first begins again. A checkpoint that cannot be read just now is no reason to. "
        "Exit status 1: the run failed, or its file or data are wrong; 2: wrong usage, as --set "
        "of no such key or of a wrong value.",
    .options = options,
    .values = sizeof(struct run_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
