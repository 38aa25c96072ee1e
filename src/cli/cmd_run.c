/* cmd_run.c - `vaccine run`: a run without a screen. Training goes on in the session's thread; this
 * one prints, and turns signals into commands. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vaccine/vaccine.h>
#include "cli/cli.h"
#include "eval/score_json.h"
#include "record/late.h"
#include "record/probe.h"
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
 * pipe. */
static void on_signal(int number)
{
    unsigned char n = (unsigned char)number;
    int saved = errno;

    if (!watching && number != SIGUSR1 && number != SIGXCPU)
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

/* What is not measured at every step. */
enum { MEASURED = 3 };
static const struct {
    const char *label;
    size_t offset; /* in struct vac_point */
} measured[MEASURED] = {{"drift", offsetof(struct vac_point, drift_mean)},
                        {"align", offsetof(struct vac_point, align_loss)},
                        {"harmful", offsetof(struct vac_point, harmful_loss)}};
struct measurement {
    double value; /* NaN = none since the last line */
    int64_t step;
};

struct show {
    struct vac_session *s;
    bool json, terminal;
    int64_t every;          /* steps between two lines */
    int64_t next;           /* step of the next line */
    uint64_t point;         /* number of the next point of the history */
    struct vac_eval *score; /* measured, and not printed yet, in the order of their steps */
    size_t n_scores, cap_scores;
    struct measurement measured[MEASURED];
    struct vac_point waiting; /* the next one, where `waits` */
    bool waits;
    struct vac_point last;
    bool untold;          /* nothing was printed of it yet */
    char stage[VAC_NAME]; /* that was seen last */
    FILE *metrics;        /* json: the file whose new lines are printed */
    uint64_t old;         /* json: lines that stood there before */
    uint64_t lines;       /* json: lines that were read */
    int interrupted;      /* signal that ended it, 0 = none */
    double asked;         /* clock at which it came */
};

static void put_time(struct strbuf *s, double seconds)
{
    int t = (int)seconds;

    if (!isfinite(seconds))
        sb_puts(s, "-");
    else if (t >= 3600)
        sb_printf(s, "%dh%02dm", t / 3600, t / 60 % 60);
    else
        sb_printf(s, "%d:%02d", t / 60, t % 60);
}

static void put_value(struct strbuf *s, const char *label, const char *fmt, double x)
{
    char text[32];

    if (isnan(x))
        return;
    snprintf(text, sizeof text, fmt, x);
    sb_printf(s, "  %s %s", label, text);
}

/* "HS 3.2%"; NaN is nothing. */
static void put_eval(struct strbuf *s, const struct vac_eval *e)
{
    put_value(s, e->name, e->is_rate ? "%.1f%%" : "%.4f", e->is_rate ? 100 * e->value : e->value);
}

/* Of a figure in the line of `now` that is of another step. */
static void put_step(struct strbuf *s, int64_t step, int64_t now)
{
    if (step != now)
        sb_printf(s, " @%lld", (long long)step);
}

static int print_point(struct show *w, const struct vac_snapshot *n, struct vac_err *err)
{
    const struct vac_point *p = &w->last;
    struct strbuf s = {0};
    size_t told = 0;
    int rc;

    sb_printf(&s, "%-10s step %lld/%lld", p->stage == n->stage_index ? n->stage : w->stage,
              (long long)p->step, (long long)n->total_steps);
    put_value(&s, "loss", "%.4f", p->loss);
    put_value(&s, "clean", "%.4f", p->loss_clean);
    put_value(&s, "rho", "%.4g", p->rho);
    put_value(&s, "grad", "%.3g", p->grad_norm);
    for (size_t i = 0; i < MEASURED; i++) {
        put_value(&s, measured[i].label, "%.4f", w->measured[i].value);
        if (!isnan(w->measured[i].value))
            put_step(&s, w->measured[i].step, p->step);
        w->measured[i].value = NAN;
    }
    /* a score stands in the line after it was measured, the newest of each, and nowhere else */
    for (size_t i = 0; i < w->n_scores && w->score[i].step <= p->step; i++) {
        const struct vac_eval *e = &w->score[i];
        size_t later = i + 1;

        while (later < w->n_scores && w->score[later].step <= p->step &&
               strcmp(w->score[later].name, e->name) != 0)
            later++;
        told++;
        if (later < w->n_scores && w->score[later].step <= p->step)
            continue;
        put_eval(&s, e);
        put_step(&s, e->step, p->step);
        cli_put_verdicts(&s, " (", &e->verdicts, ")");
    }
    w->n_scores -= told;
    if (told) /* before the first there is no array */
        memmove(w->score, w->score + told, w->n_scores * sizeof *w->score);
    if (n->state == VAC_RUNNING) {
        put_value(&s, "steps/s", "%.2f", n->steps_per_s);
        sb_puts(&s, "  ETA ");
        put_time(&s, n->eta_s);
    }
    sb_putc(&s, '\n');
    rc = cli_write(&s, err);
    sb_done(&s);
    w->next = p->step - p->step % w->every + w->every;
    w->untold = false;
    return rc;
}

/* What was measured since the last line stands in the next one, with its step. */
static void keep_measured(struct show *w, const struct vac_point *p)
{
    for (size_t i = 0; i < MEASURED; i++) {
        double x = *(const double *)((const char *)p + measured[i].offset);

        if (!isnan(x))
            w->measured[i] = (struct measurement){x, p->step};
    }
}

/* The next point whose step is over, so that the snapshot has all that is measured there. */
static bool next_point(struct show *w, const struct vac_snapshot *n, bool over, struct vac_point *p)
{
    if (!w->waits)
        w->waits = vac_history(w->s, &w->point, &w->waiting, 1) > 0;
    *p = w->waiting;
    if (!w->waits ||
        (!over && (p->step > n->step || (n->state == VAC_LOADING && p->stage_step == 0))))
        return false;
    w->waits = false;
    return true;
}

/* A line for every so many steps, for the last step of a stage, and for that of the run. */
static int print_progress(struct show *w, const struct vac_snapshot *n, bool over,
                          struct vac_err *err)
{
    struct vac_point p;
    int rc = 0;

    while (rc == 0 && next_point(w, n, over, &p)) {
        if (w->untold && p.stage != w->last.stage)
            rc = print_point(w, n, err);
        keep_measured(w, &p);
        w->last = p;
        w->untold = true;
        if (rc == 0 && p.step >= w->next)
            rc = print_point(w, n, err);
    }
    if (rc == 0 && over && w->untold)
        rc = print_point(w, n, err);
    memcpy(w->stage, n->stage, sizeof w->stage);
    return rc;
}

/* What the run has come to: its method, and of each evaluate entry the value as the first stage ended, the last
 * one with what it stands on, and when it broke; of each stage with bounds, where they were passed. */
static void put_results(struct strbuf *s, const struct vac_run_info *r)
{
    sb_printf(s, "%-10s", "");
    cli_put_name(s, r->method);
    put_value(s, "rho", "%.4g", r->rho);
    sb_putc(s, '\n');
    for (int i = 0; i < r->n_evals; i++) {
        const struct vac_eval *e = &r->eval[i];
        double unit = e->is_rate ? 100 : 1;
        int digits = e->is_rate ? 1 : 4;

        if (isnan(e->value))
            continue;
        sb_printf(s, "%-10s  %s ", "", e->name);
        if (!isnan(r->before[i]))
            sb_printf(s, "%.*f -> ", digits, unit * r->before[i]);
        sb_printf(s, "%.*f%s [%.*f, %.*f]", digits, unit * e->value, e->is_rate ? "%" : "", digits,
                  unit * e->lo, digits, unit * e->hi);
        if (e->is_rate)
            sb_printf(s, "  %lld of %lld", (long long)e->count, (long long)e->n);
        cli_put_verdicts(s, "  ", &e->verdicts, "");
        cli_put_beneath(s, "  ", e->beneath, "");
        sb_printf(s, "  at step %lld", (long long)e->step);
        if (!isnan(r->broke[i]))
            sb_printf(s, ", broke at %.0f of its stage", r->broke[i]);
        sb_putc(s, '\n');
    }
    for (int i = 0; i < r->n_untils; i++) {
        sb_printf(s, "%-10s  ", "");
        cli_put_until(s, &r->until[i]);
        sb_putc(s, '\n');
    }
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
    for (; w->lines < vac_session_points(w->s); w->lines++) {
        n = getline(&line, &cap, w->metrics);
        if (n <= 0 && (ferror(w->metrics) || !feof(w->metrics)))
            rc = err_errno(err, "%s/metrics.jsonl: cannot read", vac_session_dir(w->s));
        if (n <= 0)
            break;
        if (w->lines >= w->old)
            sb_put(&s, line, (size_t)n);
    }
    clearerr(w->metrics);
    free(line);
    if (rc == 0 && (s.len || s.bad))
        rc = cli_write(&s, err);
    sb_done(&s);
    return rc;
}

/* What an event carries, in the words of the run's own files. */
static void put_told(struct json_out *o, const char *key, const struct vac_event *e)
{
    switch (e->kind) {
    case VAC_EVENT_EVAL:
        json_put_object(o, key, JSON_TIGHT);
        score_history(o, e->eval.score, e->eval.other, e->eval.n_other);
        score_parts(o, "categories", e->eval.category, e->eval.n_category);
        json_put_end(o);
        break;
    case VAC_EVENT_PROBE_END:
        json_put_object(o, key, JSON_TIGHT);
        probe_json(o, e->probes.v);
        json_put_end(o);
        break;
    case VAC_EVENT_SUITE:
        json_put_object(o, key, JSON_TIGHT);
        json_put_int(o, "step", e->step);
        json_put_list(o, "probes", JSON_TIGHT);
        for (size_t i = 0; i < e->probes.n; i++) {
            json_put_object(o, NULL, JSON_TIGHT);
            probe_json(o, &e->probes.v[i]);
            json_put_end(o);
        }
        json_put_end(o);
        json_put_end(o);
        break;
    default:
        json_put_text(o, "text", e->text);
    }
}

static int print_event(struct show *w, const struct vac_event *e, struct vac_err *err)
{
    static const char *const names[] = {
        [VAC_EVENT_JOURNAL] = "journal", [VAC_EVENT_REJECTED] = "rejected",
        [VAC_EVENT_PROBE_END] = "probe", [VAC_EVENT_SUITE] = "suite",
        [VAC_EVENT_EVAL] = "evaluation", [VAC_EVENT_STATE] = "state",
        [VAC_EVENT_NOTE] = "note",       [VAC_EVENT_PLAN] = "journal"};
    struct strbuf s = {0};
    struct json_out o = json_out(&s);
    int rc = 0;

    if ((size_t)e->kind >= sizeof names / sizeof *names || !names[e->kind])
        return 0;
    if (w->json) {
        json_put_object(&o, NULL, JSON_TIGHT);
        json_put_text(&o, "event", names[e->kind]);
        json_put_int(&o, "step", e->step);
        put_told(&o, names[e->kind], e);
        json_put_end(&o);
        sb_putc(&s, '\n');
        rc = cli_write(&s, err);
    } else if (e->kind == VAC_EVENT_JOURNAL || e->kind == VAC_EVENT_REJECTED ||
               e->kind == VAC_EVENT_NOTE || e->kind == VAC_EVENT_PLAN) {
        sb_printf(&s, "%-10s ", "");
        cli_put_name(&s, e->text);
        sb_putc(&s, '\n');
        rc = cli_write(&s, err);
    }
    sb_done(&s);
    return rc;
}

static bool is_over(enum vac_state s)
{
    return s == VAC_DONE || s == VAC_STOPPED || s == VAC_FAILED;
}

static int keep_score(struct show *w, const struct vac_event *e, struct vac_err *err)
{
    if (w->json || e->kind != VAC_EVENT_EVAL || !e->eval.score || isnan(e->eval.score->value))
        return 0;
    if (mem_grow(&w->score, &w->cap_scores, w->n_scores + 1, sizeof *w->score, err))
        return -1;
    w->score[w->n_scores++] = *e->eval.score;
    return 0;
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
            rc = keep_score(w, &e, err);
        } else
            vac_event_done(&e);
    }
    if (rc == 0 && w->json)
        rc = print_metrics(w, err);
    else if (rc == 0 && n->state != VAC_MEASURING)
        rc = print_progress(w, n, over, err);
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
        if (n == SIGUSR1) {
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
            rc = -1; /* nobody reads any more: save and leave */
            give(w, VAC_OP_QUIT, NULL);
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

    if (w->metrics)
        fclose(w->metrics);
    free(w->score);
    code = vac_session_result(w->s, err);
    if (code)
        return code == 1 ? -1 : code;
    if (!w->json) {
        if (vac_runs(vac_session_dir(w->s), &r, &n, err))
            return -1;
        if (n == 1)
            put_results(&s, r);
        free(r);
        cli_put_name(&s, vac_session_dir(w->s));
        sb_puts(&s, w->interrupted ? ": saved; go on with --resume\n" : ": done\n");
        rc = cli_write(&s, err);
        sb_done(&s);
        if (rc)
            return -1;
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
    struct show w = {.json = v->json, .every = 10, .measured = {{NAN, -1}, {NAN, -1}, {NAN, -1}}};
    int rc = -1;

    if (late_check(o.file, o.resume ? o.out : NULL, o.set, o.n_set, err) || catch_signals(err) ||
        vac_session_open(&w.s, &o, err))
        return -1;
    w.every = vac_session_log_every(w.s);
    if (vac_session_start(w.s, err) == 0) {
        if (*vac_session_kernels(w.s))
            cli_note(vac_session_kernels(w.s));
        w.old = w.point = vac_session_old_points(w.s);
        rc = watch_run(&w, err);
        rc = rc ? rc : finish(&w, err);
    }
    vac_session_close(w.s);
    return rc;
}

const struct command command_run = {
    .name = "run",
    .args = "FILE.json|RUN_DIR",
    .help = "Train as a run file says, without a screen",
    .about =
        "Aligns, attacks and measures, stage by stage, and leaves a run folder. An interrupt "
        "saves a checkpoint and leaves, a second one after two seconds leaves at once; --resume "
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
