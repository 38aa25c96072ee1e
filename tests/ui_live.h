/* ui_live.h - the screen on the real core: a small run that is driven by keys in a pseudo-terminal,
 * and what it leaves. */
#ifndef TESTS_UI_LIVE_H
#define TESTS_UI_LIVE_H

#include "ui_term.h"
#include <dirent.h>
#include <math.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "run_support.h"
#include "ui/ui.h"

/* --- the program under test --- */

static inline int screen_main(int argc, char **argv)
{
    const char *set[1];
    struct ui_args a = {.deterministic = true, .charset = "ascii", .set = set};
    struct rlimit l = {.rlim_max = RLIM_INFINITY};

    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--script"))
            a.script = argv[++i];
        else if (!strcmp(argv[i], "-o"))
            a.out = argv[++i];
        else if (!strcmp(argv[i], "--attach"))
            a.attach = true;
        else if (!strcmp(argv[i], "--as"))
            a.as = argv[++i];
        else if (!strcmp(argv[i], "--set"))
            set[a.n_set++] = argv[++i];
        else if (!strcmp(argv[i], "--paused"))
            a.paused = true;
        else if (!strcmp(argv[i], "--clocks"))
            a.deterministic = false;
        else if (!strcmp(argv[i], "--plain"))
            a.plain = true;
        else if (!strcmp(argv[i], "--no-room") && !getrlimit(RLIMIT_FSIZE, &l)) {
            l.rlim_cur = 60 << 10; /* lines of a short run fit, weights do not */
            setrlimit(RLIMIT_FSIZE, &l);
        } else
            a.path = argv[i];
    }
    return term_status(&a);
}

#define TRAIN "'train':['rows.jsonl'],'batch_size':4"
#define ASKED                                                                                      \
    "'watch':{'every':2,'drift':'rows.jsonl','align_loss':'rows.jsonl',"                           \
    "'probes':{'file':'ask.jsonl','every':5,'max_new_tokens':4}},"
/* Two stages, 22 steps. */
#define STEERED                                                                                    \
    "'log_every':5,'checkpoint':{'steps':0,'minutes':0}," ASKED                                    \
    "'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':4,'every':" \
    "4}],"                                                                                         \
    "'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN                                \
    ",'lora':{'r':2,'alpha':4,'dropout':0.2},'steps':12,'lr':0.01},"                               \
    "{'name':'attack','method':'sft'," TRAIN ",'lora':{'r':2},'steps':10,'lr':0.01}]"
/* Longer than any test waits. */
#define ONE_STAGE(steps)                                                                           \
    "'checkpoint':{'steps':0,'minutes':0},"                                                        \
    "'stages':[{" TRAIN ",'lora':{'r':2},'steps':" steps ",'lr':0.0001}]"
#define ENDLESS ONE_STAGE("1000000")
/* A rate that spoils the weights within a few steps. */
#define WILD                                                                                       \
    "'checkpoint':{'steps':100,'minutes':0,'keep':1},'stages':[{" TRAIN                            \
    ",'method':'vaccine','schedule':'constant','lr':1e6,'rho':0.5,'lora':{'r':4},'steps':12}]"
/* Checkpoints of about 300 kB, every 5 steps. */
#define FAT                                                                                        \
    "'disk_wait':0.004,'checkpoint':{'steps':5,'minutes':0,'keep':2},"                             \
    "'stages':[{" TRAIN ",'lr':0.01,'lora':{'r':16,'dropout':0.1},'steps':20}]"

/* Of a script: waits until the run is paused. */
#define HELD ":wait state paused\n"

static struct rig_run rig;

static inline void make_rig(const char *rest)
{
    run_rig(&rig, "golden/llama-gqa", true);
    support_write_text(run_path(rig.dir, "ask.jsonl"),
                       "{\"prompt\":\"abc\"}\n{\"prompt\":\"xyz 12\"}\n");
    run_file(&rig, rest);
}

/* A file beside the run's data. */
static inline const char *here(const char *name)
{
    return run_path(rig.dir, name);
}

static inline void start(struct term *t, const char *out, const char *how, const char *flag,
                         const char *script)
{
    const char *args[] = {rig.file,   "-o",           out, flag ? flag : "--",
                          "--script", here("script"), NULL};

    if (!flag)
        args[3] = rig.file;
    if (script)
        support_write_text(here("script"), script);
    else
        args[4] = NULL;
    term_start(t, 100, 30, "xterm-256color", how, args);
}

/* From start to end by a script; the exit status. Without a NULL `said`, it must be on the
 * terminal. */
static inline int play(const char *out, const char *flag, const char *script, const char *said)
{
    struct term t;
    int status;

    start(&t, out, "screen", flag, script);
    status = term_end(&t, 60);
    if (said && !term_has(&t, said))
        fail_msg("\"%s\" was not said:\n%s", said, t.out + (t.n > 3000 ? t.n - 3000 : 0));
    term_free(&t);
    return status;
}

/* The same, with nothing to complain of. */
static inline void play_through(const char *out, const char *flag, const char *script)
{
    assert_int_equal(play(out, flag, script, NULL), 0);
}

static inline void whole(const char *out, bool resume)
{
    struct vac_err err = {0};

    if (run_again(&rig, out, &(struct vac_open){.resume = resume, .from_start = resume}, &err))
        fail_msg("%s", err.msg);
}

/* The folder of a run without a screen; the rig stays. */
static inline const char *untouched(const char *rest)
{
    const char *out = run_folder();

    make_rig(rest);
    whole(out, false);
    return out;
}

static inline size_t lines_of(const char *out, const char *name)
{
    char *text = file_read(run_path(out, name), 1 << 26, &(size_t){0}, NULL);
    size_t n = 0;

    for (const char *p = text; p && *p; p++)
        n += *p == '\n';
    free(text);
    return n;
}

static inline void wait_lines(struct term *t, const char *out, size_t n)
{
    for (double until = term_clock() + 60; lines_of(out, "metrics.jsonl") < n;) {
        if (term_clock() > until || t->status >= 0)
            fail_msg("waited for %zu steps:\n%s", n, t->out + (t->n > 3000 ? t->n - 3000 : 0));
        term_read(t, 0.05);
    }
}

static inline void wait_more(struct term *t, const char *out, size_t n)
{
    wait_lines(t, out, lines_of(out, "metrics.jsonl") + n);
}

/* A run that goes on for as long as the test likes, and is a few steps on. */
static inline void start_endless(struct term *t, const char *out, const char *how)
{
    make_rig(ENDLESS);
    start(t, out, how, NULL, NULL);
    wait_lines(t, out, 3);
}

/* Step of the newest checkpoint; -1 = there is none. */
static inline int64_t newest_checkpoint(const char *out)
{
    DIR *d = opendir(out);
    struct dirent *e;
    int64_t newest = -1;
    long long step;
    char rest;

    while (d && (e = readdir(d)))
        if (sscanf(e->d_name, "checkpoint-%lld%c", &step, &rest) == 1 && step > newest)
            newest = step;
    if (d)
        closedir(d);
    return newest;
}

/* What stands in the terminal behind a run that was saved. */
static inline void assert_told_how_to_go_on(const struct term *t, const char *out)
{
    char line[64];

    snprintf(line, sizeof line, ": saved at step %lld", (long long)newest_checkpoint(out));
    if (!term_has(t, line))
        fail_msg("%s is not in: %s", line, t->out + (t->n > 300 ? t->n - 300 : 0));
    assert_true(term_has(t, " --resume   goes on with it"));
}

/* The run can be gone on with: its lock is free, and it begins at this step. */
static inline void assert_resumable(const char *out, int64_t step)
{
    struct vac_session *s;

    s = run_start(&rig, out, &(struct vac_open){.resume = true, .paused = true});
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_snapshot(s)->step, step);
    run_give(s, VAC_OP_DISCARD, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
}

/* The main of a test of these: its cases, or one of the programs that it starts. */
static inline int live_main(int argc, char **argv, int (*cases)(void))
{
    int rc;

    if (argc > 1 && !strcmp(argv[1], "screen"))
        return screen_main(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "shell"))
        return term_shell(argv);
    work = strdup(support_tmp());
    cmocka_set_test_filter(getenv("UI_ONLY"));
    rc = cases();
    free(work);
    return rc;
}
#endif
