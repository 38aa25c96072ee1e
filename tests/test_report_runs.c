/* test_report_runs.c - the list of runs and their states, and looking at a run that goes on. */
#include "report_support.h"
#include "record/scores.h"
#include "record/runs.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- The list of runs ---- */

static const char *run_below(const char *root, const char *name, const char *journal, bool final)
{
    const char *dir = support_join(root, name);

    mkdir(dir, 0777);
    support_write_text(support_join(dir, "run.json"), CONFIG(ONE_STAGE, ""));
    if (journal)
        append(dir, "journal.jsonl", journal);
    if (final)
        mkdir(support_join(dir, "final"), 0777);
    return dir;
}

#define OP(op) "{\"seq\":1,\"step\":3,\"op\":\"" op "\"}\n"

/* A process that takes the lock, says so, and holds it until it is told to go. */
struct holder {
    pid_t pid;
    int tell;
};

static struct holder hold(const char *dir)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int ready[2], go[2];
    char c = 0;
    pid_t pid;

    assert_int_equal(pipe(ready) | pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        int fd = open(support_join(dir, "lock"), O_RDWR | O_CREAT, 0600);

        close(go[1]);
        if (fd < 0 || fcntl(fd, F_SETLK, &l) || write(ready[1], "x", 1) != 1)
            _exit(1);
        _exit(read(go[0], &c, 1) < 0);
    }
    close(ready[1]);
    close(go[0]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return (struct holder){pid, go[1]};
}

#define REWIND(from, to)                                                                           \
    "{\"op\":\"rewind\",\"old\":\"" from "\",\"new\":\"checkpoint-" to                             \
    "\",\"status\":\"applied\",\"applied_step\":" to "}\n"

static void let_go(struct holder h)
{
    int status;

    close(h.tell);
    assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
    assert_int_equal(status, 0);
}

static void test_states(void **state)
{
    (void)state;
    const char *root = support_tmp(), *dir;
    struct holder h;
    struct vac_err err = {0};

    assert_string_equal(run_state(run_below(root, "a", OP("start") OP("stop"), false), NULL),
                        "stopped");
    assert_string_equal(run_state(run_below(root, "b", OP("start") OP("fail"), false), NULL),
                        "failed");
    assert_string_equal(run_state(run_below(root, "c", OP("start") OP("done"), true), NULL),
                        "done");
    assert_string_equal(run_state(run_below(root, "d", OP("start") OP("pause"), false), NULL),
                        "stopped"); /* it was killed */
    assert_string_equal(run_state(run_below(root, "e", "{\n", false), NULL), "broken");
    assert_null(run_state(root, &err));
    assert_error(&err, "holds no run");

    dir = strdup(run_below(root, "f", OP("start"), false));
    h = hold(dir);
    assert_string_equal(run_state(dir, NULL), "running");
    append(dir, "journal.jsonl", OP("pause"));
    assert_string_equal(run_state(dir, NULL), "paused");
    append(dir, "journal.jsonl", "{\"op\":\"step\",\"new\":\"5\",\"applied_step\":3}\n");
    append(dir, "metrics.jsonl", "{\"step\":7,\"stage\":\"align\"}\n");
    assert_string_equal(run_state(dir, NULL), "running");
    append(dir, "metrics.jsonl", "{\"step\":8,\"stage\":\"align\"}\n");
    assert_string_equal(run_state(dir, NULL), "paused");
    /* gone back after its steps it stands; within them, what is left of them is left */
    append(dir, "journal.jsonl", REWIND("8", "4"));
    append(dir, "metrics.jsonl", "{\"step\":5,\"stage\":\"align\"}\n");
    assert_string_equal(run_state(dir, NULL), "paused");
    append(dir, "journal.jsonl",
           "{\"op\":\"step\",\"new\":\"9\",\"applied_step\":5}\n" REWIND("10", "4"));
    assert_string_equal(run_state(dir, NULL), "running");
    append(dir, "metrics.jsonl", "{\"step\":8,\"stage\":\"align\"}\n");
    assert_string_equal(run_state(dir, NULL), "paused");
    let_go(h);
    assert_string_equal(run_state(dir, NULL), "stopped");
    free((char *)(uintptr_t)dir);
}

/* Looking at a run that this process holds itself must not drop its lock. */
static void test_own_lock(void **state)
{
    (void)state;
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const char *root = support_tmp(), *dir = run_below(root, "own", OP("start"), false);
    int fd = open(support_join(dir, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600), status;
    pid_t pid;

    assert_true(fd >= 0 && fcntl(fd, F_SETLK, &l) == 0);
    assert_string_equal(run_state(dir, NULL), "running");
    pid = fork();
    if (pid == 0) {
        int other = open(support_join(dir, "lock"), O_RDWR);

        _exit(other >= 0 && fcntl(other, F_SETLK, &l) == 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0); /* the lock could not be taken */
    close(fd);
}

static void age(const char *dir, const char *name, long seconds)
{
    const struct timespec t[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    assert_int_equal(utimensat(AT_FDCWD, support_join(dir, name), t, 0), 0);
}

static void test_runs(void **state)
{
    (void)state;
    const char *root = support_tmp(), *dir;
    struct vac_err err = {0};
    struct vac_run_info *r;
    char big[1100];
    size_t n;

    assert_ok(vac_runs(root, &r, &n, &err), &err);
    assert_int_equal(n, 0);
    free(r);
    dir = run_below(root, "old", NULL, false);
    age(dir, "run.json", 1000);
    dir = support_join(root, "bad");
    mkdir(dir, 0777);
    support_write_text(support_join(dir, "run.json"), "{\"spec\":");
    age(dir, "run.json", 2000);
    mkdir(support_join(root, "not-a-run"), 0777);
    snprintf(big, sizeof big, "%s/new", root);
    mkdir(big, 0777);
    fill_big_run(big);
    append(big, "metrics.jsonl", "{\"step\":10");

    assert_ok(vac_runs(root, &r, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_string_equal(r[0].name, "new");
    assert_string_equal(r[0].state, "done");
    assert_string_equal(r[0].model, "tiny-base");
    assert_int_equal(r[0].step, 100);
    assert_int_equal(r[0].total_steps, 100);
    assert_int_equal(r[0].n_evals, 3);
    assert_string_equal(r[0].eval[0].name, "HS");
    assert_true(r[0].eval[0].value == 0.8 && r[0].eval[0].n == 100 && r[0].eval[0].is_rate);
    assert_int_equal(r[0].eval[0].step, 100);
    assert_string_equal(r[1].name, "bad");
    assert_string_equal(r[1].state, "broken");
    assert_true(r[1].modified == 2000);
    assert_string_equal(r[2].name, "old");
    assert_string_equal(r[2].state, "stopped");
    free(r);

    assert_ok(vac_runs(support_join(root, "new"), &r, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_string_equal(r[0].name, "new");
    free(r);
    assert_int_equal(vac_runs(support_join(root, "nowhere"), &r, &n, &err), -1);
    assert_error(&err, "nowhere");
}

/* The one stage of a run breaks what it began with when it learns from harmful rows, and else it swings. */
static void test_runs_that_only_attack(void **state)
{
    (void)state;
    for (int harmful = 0; harmful < 2; harmful++) {
        const char *root = support_tmp(), *dir = support_join(root, "attack");
        struct vac_err err = {0};
        struct vac_run_info *r;
        size_t n;

        mkdir(dir, 0777);
        mkdir(support_join(dir, "eval"), 0777);
        support_write_text(support_join(dir, "run.json"),
                           harmful ? CONFIG("{\"name\":\"attack\",\"method\":\"sft\",\"train\":[{"
                                            "\"file\":\"t\"},{\"file\":\"m\",\"harmful\":true}]}",
                                            EVALUATE)
                                   : CONFIG("{\"name\":\"attack\",\"method\":\"sft\",\"train\":[{"
                                            "\"file\":\"t\"}]}",
                                            EVALUATE));
        for (int i = 0; i < 3; i++) { /* 0, 8, 24 of 32 at 0, 10, 20 */
            char line[256];

            snprintf(
                line, sizeof line,
                "{\"step\":%d,\"stage\":\"attack\",\"stage_step\":%d,\"name\":\"HS\",\"value\":%g,"
                "\"count\":%d,\"n\":32,\"answered\":%d,\"refused\":%d,\"other\":0}\n",
                10 * i, 10 * i, i * (i + 1) / 8., 4 * i * (i + 1), 4 * i * (i + 1),
                32 - 4 * i * (i + 1));
            append(dir, "eval/history.jsonl", line);
        }
        assert_ok(vac_runs(root, &r, &n, &err), &err);
        assert_int_equal(n, 1);
        assert_true(harmful ? r[0].broke[0] == 15 : isnan(r[0].broke[0]));
        free(r);
    }
}

/* ---- Looking at a run that goes on ---- */

struct seen {
    int points, layers, events, suites, probes, journals, rejected, n_layers;
    struct vac_point point;
    struct vac_event event; /* the last one */
};

static void see_point(void *ctx, const struct vac_point *p)
{
    struct seen *s = ctx;

    s->points++;
    s->point = *p;
}

static void see_layers(void *ctx, const struct vac_layers *l, int n_layers)
{
    struct seen *s = ctx;

    (void)l;
    s->layers++;
    s->n_layers = n_layers;
}

static void see_event(void *ctx, const struct vac_event *e)
{
    struct seen *s = ctx;

    s->events++;
    s->suites += e->kind == VAC_EVENT_SUITE;
    s->probes += e->kind == VAC_EVENT_PROBE_END;
    s->journals += e->kind == VAC_EVENT_JOURNAL;
    s->rejected += e->kind == VAC_EVENT_REJECTED;
    vac_event_done(&s->event);
    s->event = *e;
    vac_event_keep(e);
}

static int look(struct vac_follow *f, struct seen *s, struct vac_err *err)
{
    static const struct vac_follow_take take = {see_point, see_layers, see_event};

    vac_event_done(&s->event);
    *s = (struct seen){0};
    return vac_follow_read(f, &take, s, err);
}

/* A run of 100,000 steps: lines as they are in files are short, unpacked they would be 500 MB. */
static int read_long_run(const char *dir)
{
    struct vac_err err = {0};
    struct vac_point *p = NULL;
    struct vac_follow *f = NULL;
    struct run_data r = {0};
    struct seen s = {0};
    size_t n = 0;

    if (vac_run_points(dir, &p, &n, &err) || n != 100000 || p[n - 1].drift_mean != 0.5)
        return 1;
    free(p);
    if (vac_follow_open(&f, dir, &err) || look(f, &s, &err) != VAC_FOLLOW_NEW ||
        s.points != 100000 || s.layers != 100000 || s.point.drift_mean != 0.5)
        return 2;
    vac_event_done(&s.event);
    vac_follow_close(f);
    if (run_data_read(&r, dir, &err) || r.n_layer_lines != 100000)
        return 3;
    run_data_done(&r);
    return 0;
}

static void test_long_runs_are_small(void **state)
{
    (void)state;
    const char *dir = small_run();
    FILE *metrics = fopen(support_join(dir, "metrics.jsonl"), "w");
    FILE *layers = fopen(support_join(dir, "layers.jsonl"), "w");
    struct rusage before, after;
    int status;
    pid_t pid;

    assert_true(metrics && layers);
    for (int i = 1; i <= 100000; i++) {
        fprintf(metrics, "{\"step\":%d,\"stage\":\"align\",\"loss\":1}\n", i);
        fprintf(layers, "{\"step\":%d,\"grad\":[1,2],\"drift_rel\":[0.25,0.75]}\n", i);
    }
    assert_true(!fclose(metrics) && !fclose(layers));
    getrusage(RUSAGE_CHILDREN, &before);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(read_long_run(dir));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    getrusage(RUSAGE_CHILDREN, &after);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)           /* which keep more */
    assert_true(before.ru_maxrss > 100 << 10 || after.ru_maxrss < 100 << 10); /* kB */
#endif
}

struct rows_of_plan {
    int n;
    struct vac_event v[8];
};

static void see_plan(void *ctx, const struct vac_event *e)
{
    struct rows_of_plan *p = ctx;

    if (e->kind == VAC_EVENT_PLAN && p->n < 8)
        p->v[p->n++] = *e;
}

/* Whoever comes late knows what the first stage was planned to take; rows that are none tell nothing. */
static void test_follow_tells_the_plan(void **state)
{
    static const struct vac_follow_take take = {.event = see_plan};
    static const char *const plans[] = {("\"plan\":[{\"what\":\"weights\",\"bytes\":3000000000},{"
                                         "\"what\":\"tokenizer\",\"bytes\":5}]"),
                                        "\"plan\":[{\"what\":3,\"bytes\":-1}]", "\"plan\":7"};
    static const char text[] = CONFIG(ONE_STAGE, "");
    const char *at = strstr(text, "\"plan\":[]");
    char config[2 * sizeof text];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const char *dir = small_run();
        struct rows_of_plan p = {0};
        struct vac_err err = {0};
        struct vac_follow *f;

        snprintf(config, sizeof config, "%.*s%s%s", (int)(at - text), text, plans[i],
                 at + strlen("\"plan\":[]"));
        support_write_text(support_join(dir, "run.json"), config);
        assert_ok(vac_follow_open(&f, dir, &err), &err);
        assert_int_equal(vac_follow_read(f, &take, &p, &err), VAC_FOLLOW_NEW);
        append(dir, "metrics.jsonl", "{\"step\":101,\"stage\":\"align\",\"loss\":7}\n");
        assert_int_equal(vac_follow_read(f, &take, &p, &err), VAC_FOLLOW_NEW); /* not again */
        vac_follow_close(f);
        assert_int_equal(p.n, i ? 0 : 3);
        if (i)
            continue;
        assert_true(p.v[0].plan.first && p.v[0].plan.past && !p.v[1].plan.first);
        assert_string_equal(p.v[0].plan.what, "weights");
        assert_true(p.v[0].plan.bytes == 3000000000 && p.v[1].plan.bytes == 5);
        assert_string_equal(p.v[2].plan.what, "total");
        assert_true(p.v[2].plan.bytes == 3000000005);
    }
}

/* Layers that are left out are those of the newest step, also where only the files are left to say so. */
static void test_follow_tells_which_layers_are_perturbed(void **state)
{
    static const struct {
        const char *line;
        bool mask[3];
    } rows[] = {
        {"{\"step\":200,\"grad\":[1,2],\"eps\":[0.5,null]}\n", {true, false, false}},
        {"{\"step\":200,\"drift_rel\":[0,0]}\n", {true, false, false}}, /* of no step */
        {"{\"step\":201,\"eps\":[null,0.5]}\n", {false, true, false}},
        {"{\"step\":202,\"grad\":[1,2]}\n", {true, true, true}}, /* of a method without */
    };
    const char *dir = small_run();
    struct vac_err err = {0};
    struct vac_follow *f;
    struct seen s = {0};

    (void)state;
    assert_ok(vac_follow_open(&f, dir, &err), &err);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        append(dir, "layers.jsonl", rows[i].line);
        assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
        assert_memory_equal(vac_follow_snapshot(f)->mask, rows[i].mask, sizeof rows[i].mask);
    }
    vac_event_done(&s.event);
    vac_follow_close(f);
}

static void test_follow_reads_all_then_what_is_new(void **state)
{
    (void)state;
    const char *dir = big_run();
    const struct vac_snapshot *snap;
    struct vac_err err = {0};
    struct vac_follow *f;
    struct seen s = {0};

    assert_ok(vac_follow_open(&f, dir, &err), &err);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.points, ALIGN + ATTACK + 2);
    assert_int_equal(s.layers, ALIGN + ATTACK + 2);
    assert_int_equal(s.n_layers, LAYERS);
    assert_int_equal(s.probes, 2);
    assert_int_equal(s.journals, 3);
    assert_int_equal(s.events, 3 * 7 + 2 + 3);
    assert_string_equal(s.event.text, "done");
    assert_true(fabs(s.event.time - 981173226.789) < 1e-3);
    assert_true(fabs(s.point.drift_mean - 0.004 * ATTACK * 3.5) < 1e-6);
    snap = vac_follow_snapshot(f);
    assert_int_equal(snap->state, VAC_DONE);
    assert_int_equal(snap->step, 100);
    assert_int_equal(snap->total_steps, 100);
    assert_int_equal(snap->stage_index, 1);
    assert_string_equal(snap->stage, "attack");
    assert_string_equal(snap->method, "sft");
    assert_int_equal(snap->n_layers, LAYERS);
    assert_int_equal(snap->drift_step, 100);
    assert_true(isnan(snap->last.eps_norm)); /* in another stage */
    assert_true(snap->eval[0].value == 0.8);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NOTHING);

    append(dir, "metrics.jsonl", "{\"step\":101,\"stage\":\"attack\",\"loss\":7");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW); /* a file grew, by no whole line */
    assert_int_equal(s.points, 0);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NOTHING);
    append(dir, "metrics.jsonl", "}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.points, 1);
    assert_true(s.point.loss == 7 && isnan(s.point.drift_mean));
    assert_int_equal(snap->step, 101);
    assert_true(snap->last.harmful_loss == 2); /* the newest that was measured */
    /* its layers line comes later, and brings the drift */
    append(dir, "layers.jsonl", "{\"step\":101,\"grad\":[1],\"drift_rel\":[0.25,0.75]}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.points, 1);
    assert_int_equal(s.layers, 1);
    assert_int_equal(s.point.step, 101);
    assert_true(s.point.drift_mean == 0.5);
    append(dir, "layers.jsonl", "{\"step\":102,\"grad\":[1]}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.points, 0);
    append(dir, "metrics.jsonl", "{\"step\":\"x\"}\n");
    assert_int_equal(look(f, &s, &err), -1);
    assert_error(&err, "metrics.jsonl:104"); /* lines are counted on */
    for (int i = 0; i < 2; i++) {            /* and the bad one is not passed over in silence */
        err_clear(&err);
        assert_int_equal(look(f, &s, &err), -1);
        assert_error(&err, "metrics.jsonl:104");
        assert_int_equal(s.points, 0);
        append(dir, "metrics.jsonl", "{\"step\":103,\"stage\":\"attack\"}\n");
    }
    assert_int_equal(snap->step, 101);
    vac_event_done(&s.event);
    vac_follow_close(f);
}

static void test_follow_tells_events(void **state)
{
    (void)state;
    const char *dir = big_run();
    struct vac_err err = {0};
    struct vac_follow *f;
    struct seen s = {0};

    assert_ok(vac_follow_open(&f, dir, &err), &err);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    support_write_text(support_join(dir, "eval/results_HS_attack-41.json"),
                       "{\"categories\": [{\"name\":\"fraud\",\"count\":3,\"n\":4}]}\n");
    put_eval(dir, 1, 41, "HS", 7, 10);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.events, 1);
    assert_int_equal(s.event.kind, VAC_EVENT_EVAL);
    assert_int_equal(s.event.eval.n_category, 1);
    assert_string_equal(s.event.eval.category->name, "fraud");
    assert_true(s.event.eval.category->count == 3 && s.event.eval.category->n == 4);
    assert_true(s.event.eval.score->is_rate);
    assert_true(vac_follow_snapshot(f)->eval[0].value == 0.7);
    put_eval(dir, 1, 42, "held_out", 7, 10); /* the file of its categories is missing */
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_false(s.event.eval.score->is_rate);
    assert_int_equal(s.event.eval.n_category, 0);
    assert_int_equal(mkdir(support_join(dir, "eval/results_x"), 0777),
                     0); /* names lead nowhere else */
    support_write_text(support_join(dir, "eval/secret_attack-43.json"), "{\"categories\": [1]}");
    put_eval(dir, 1, 43, "x/../secret", 7, 10);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.event.eval.n_category, 0);

    append(dir, "journal.jsonl",
           "{\"step\":50,\"op\":\"set\",\"key\":\"rho\",\"old\":\"2\",\"new\":\"3\",\"status\":"
           "\"applied\"}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_string_equal(s.event.text, "set rho 2 -> 3 (applied)");
    assert_int_equal(s.event.step, 50);
    append(dir, "journal.jsonl",
           "{\"step\":51,\"op\":\"set\",\"key\":\"rho\",\"new\":\"x\",\"status\":\"rejected\","
           "\"reason\":\"no\"}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.rejected, 1);
    assert_string_equal(s.event.text, "set rho x (rejected): no");

    append(dir, "probes.jsonl",
           "{\"step\":60,\"prompt\":\"a\",\"answer\":\"b\",\"who\":\"suite\"}\n"
           "{\"step\":60,\"prompt\":\"c\",\"answer\":\"d\",\"who\":\"suite\"}\n"
           "{\"step\":61,\"prompt\":\"c\",\"answer\":\"e\",\"who\":\"suite\"}\n"
           "{\"step\":61,\"prompt\":\"p\",\"answer\":\"q\",\"who\":\"ui\"}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.suites, 2);
    assert_int_equal(s.probes, 1);
    vac_event_done(&s.event);
    vac_follow_close(f);
}

/* Looked at in the middle of it, a suite is told as far as it was asked, and then whole. */
static void test_follow_tells_a_growing_suite(void **state)
{
    (void)state;
    const char *dir = small_run();
    struct vac_err err = {0};
    struct vac_follow *f;
    struct seen s = {0};

    append(dir, "probes.jsonl", "{\"step\":60,\"prompt\":\"a\",\"who\":\"suite\"}\n");
    assert_ok(vac_follow_open(&f, dir, &err), &err);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.suites, 1);
    append(dir, "metrics.jsonl", "{\"step\":60,\"stage\":\"align\"}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.suites, 0);
    append(dir, "probes.jsonl", "{\"step\":60,\"prompt\":\"b\",\"who\":\"suite\"}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.suites, 1);
    assert_int_equal(s.event.step, 60);
    assert_int_equal(s.event.probes.n, 2);
    assert_string_equal(s.event.probes.v[0].prompt, "a");
    assert_string_equal(s.event.probes.v[1].prompt, "b");
    append(dir, "probes.jsonl", "{\"step\":61,\"prompt\":\"a\",\"who\":\"suite\"}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.suites, 1);
    assert_int_equal(s.event.step, 61);
    assert_int_equal(s.event.probes.n, 1);
    assert_string_equal(s.event.probes.v[0].prompt, "a");
    vac_event_done(&s.event);
    vac_follow_close(f);
}

/* Back to a checkpoint, and on past where it had been, between two looks. */
static void test_follow_sees_a_cut_that_grew(void **state)
{
    (void)state;
    const char *dir = small_run();
    struct vac_err err = {0};
    struct vac_follow *f;
    struct seen s = {0};

    append(dir, "metrics.jsonl",
           "{\"step\":1,\"stage\":\"align\"}\n{\"step\":2,\"stage\":\"align\"}\n");
    assert_ok(vac_follow_open(&f, dir, &err), &err);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(truncate(support_join(dir, "metrics.jsonl"), 29), 0);
    append(dir, "metrics.jsonl",
           "{\"step\":2,\"stage\":\"align\",\"loss\":1.25}\n{\"step\":3,\"stage\":\"align\"}\n");
    for (int i = 0; i < 2; i++)
        assert_int_equal(look(f, &s, &err), VAC_FOLLOW_CUT);
    assert_int_equal(s.points, 0);
    vac_event_done(&s.event);
    vac_follow_close(f);
}

/* A point whose drift comes later is told twice, and was one step. */
static void test_follow_counts_a_step_once(void **state)
{
    (void)state;
    char *dir = strdup(run_below(support_tmp(), "f", OP("start"), false));
    struct holder h = hold(dir);
    struct vac_err err = {0};
    struct vac_follow *f;
    struct seen s = {0};

    append(dir, "metrics.jsonl", "{\"step\":1,\"stage\":\"align\",\"step_ms\":500}\n");
    assert_ok(vac_follow_open(&f, dir, &err), &err);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    append(dir, "metrics.jsonl", "{\"step\":2,\"stage\":\"align\",\"step_ms\":1500}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_true(fabs(vac_follow_snapshot(f)->steps_per_s - 1000.0 / 600) < 1e-9);
    append(dir, "layers.jsonl", "{\"step\":2,\"drift_rel\":[0.25,0.75]}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_true(s.points == 1 && s.point.drift_mean == 0.5);
    assert_true(fabs(vac_follow_snapshot(f)->steps_per_s - 1000.0 / 600) < 1e-9);
    vac_event_done(&s.event);
    vac_follow_close(f);
    let_go(h);
    free(dir);
}

static void test_follow_refuses_a_long_path(void **state)
{
    (void)state;
    const char *dir = small_run();
    char lengthy[VAC_PATH + 1];
    struct vac_err err = {0};
    struct vac_follow *f;
    size_t n = strlen(dir);

    memcpy(lengthy, dir, n);
    memset(lengthy + n, '/', VAC_PATH - n);
    lengthy[VAC_PATH] = '\0';
    assert_int_equal(vac_follow_open(&f, lengthy, &err), -1);
    assert_error(&err, "at most 1023 bytes");
    assert_null(f);
    lengthy[VAC_PATH - 1] = '\0';
    err_clear(&err);
    assert_ok(vac_follow_open(&f, lengthy, &err), &err);
    vac_follow_close(f);
}

static void test_follow_sees_the_end(void **state)
{
    (void)state;
    const char *root = support_tmp(), *made = run_below(root, "f", OP("start"), false);
    char *dir = strdup(made);
    struct holder h = hold(dir);
    struct vac_err err = {0};
    struct vac_follow *f;
    struct seen s = {0};

    append(dir, "metrics.jsonl",
           "{\"step\":1,\"stage\":\"align\",\"step_ms\":500}\n"
           "{\"step\":2,\"stage\":\"align\",\"step_ms\":500}\n");
    assert_ok(vac_follow_open(&f, dir, &err), &err);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(vac_follow_snapshot(f)->state, VAC_RUNNING);
    assert_true(vac_follow_snapshot(f)->steps_per_s == 2);
    assert_true(vac_follow_snapshot(f)->eta_s == 49);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NOTHING);
    let_go(h); /* it dies without a word */
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(vac_follow_snapshot(f)->state, VAC_STOPPED);
    assert_true(isnan(vac_follow_snapshot(f)->eta_s));
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NOTHING);
    assert_int_equal(truncate(support_join(dir, "metrics.jsonl"), 45), 0);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_CUT);
    vac_event_done(&s.event);
    vac_follow_close(f);
    assert_int_equal(vac_follow_open(&f, root, &err), -1);
    assert_error(&err, "run.json");
    assert_null(f);
    vac_follow_close(NULL);
    free(dir);
}

/* Margin .9, .6, .2 at steps 0, 10, 20: below one half between the last two. */
static void test_steps_to_confused(void **state)
{
    (void)state;
    const char *dir = collapsed_run();
    struct vac_err err = {0};
    struct run_data r;

    for (int i = 0; i < 3; i++) {
        char line[200];

        snprintf(line, sizeof line,
                 "{\"step\":%d,\"stage\":\"attack\",\"stage_step\":%d,\"name\":\"M\",\"value\":0,"
                 "\"margin\":%g,\"margin_lo\":0.1,\"margin_hi\":0.95}\n",
                 100 + 10 * i, 10 * i, (const double[]){0.9, 0.6, 0.2}[i]);
        append(dir, "eval/history.jsonl", line);
    }
    assert_ok(run_data_read(&r, dir, &err), &err);
    assert_true(fabs(run_steps_to_confused(&r, "attack", "M", 0.5) - 12.5) < 1e-9);
    assert_true(isnan(run_steps_to_confused(&r, "attack", "HS", 0.5))); /* not known */
    assert_true(r.eval[r.n_evals - 1].beneath[VAC_BENEATH_margin].lo == 0.1);
    assert_false(r.eval[r.n_evals - 1].beneath[VAC_BENEATH_auc].known);
    run_data_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_to_confused),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_own_lock),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_runs_that_only_attack),
        cmocka_unit_test(test_long_runs_are_small),
        cmocka_unit_test(test_follow_tells_the_plan),
        cmocka_unit_test(test_follow_tells_which_layers_are_perturbed),
        cmocka_unit_test(test_follow_reads_all_then_what_is_new),
        cmocka_unit_test(test_follow_tells_events),
        cmocka_unit_test(test_follow_tells_a_growing_suite),
        cmocka_unit_test(test_follow_sees_a_cut_that_grew),
        cmocka_unit_test(test_follow_counts_a_step_once),
        cmocka_unit_test(test_follow_refuses_a_long_path),
        cmocka_unit_test(test_follow_sees_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
