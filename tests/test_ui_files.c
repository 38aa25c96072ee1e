/* test_ui_files.c - the screen's work on folders: what can be opened, what is remembered, what two
 * runs say differently, and the deleting of one. With the real reader of run folders. */
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "support.h"
#include "base/io.h"
#include "panels/compare.h"
#include "ui/frame.h"
#include "ui/paint.h"
#include "ui/session.h"
#include "panels/start.h"

static struct ui_args args = {.deterministic = true};
static struct ui_private priv;
static struct ui ui;
static char home[1024];

static char *path_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *path_of(const char *fmt, ...)
{
    static char paths[8][VAC_PATH];
    static unsigned next;
    char *out = paths[next++ % 8];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(out, VAC_PATH, fmt, ap);
    va_end(ap);
    return out;
}

static void make_run(const char *dir, double rho)
{
    char text[600];

    assert_int_equal(mkdir(dir, 0700), 0);
    snprintf(text, sizeof text,
             "{\"model\": {\"path\": \"/models/tiny\", \"hash\": \"0\", \"parameters\": 1}, "
             "\"total_steps\": 20, \"plan\": [{\"what\": \"weights\", \"bytes\": %d}], "
             "\"created\": %d, \"spec\": {\"seed\": 1, \"stages\": [{\"name\": \"align\", "
             "\"method\": \"vaccine\", "
             "\"rho\": %g}], \"evaluate\": []}}",
             (int)(rho * 10), (int)(rho * 100), rho);
    support_write_text(path_of("%s/run.json", dir), text);
    support_write_text(path_of("%s/metrics.jsonl", dir),
                       "{\"step\":1,\"stage\":\"align\",\"stage_step\":1,\"loss\":4.5}\n{\"step\":"
                       "2,\"stage\":\"align\",\"stage_step\":2,\"loss\":4.25}\n");
    support_write_text(path_of("%s/journal.jsonl", dir),
                       "{\"seq\":1,\"step\":0,\"who\":\"core\",\"op\":\"start\"}\n");
    assert_int_equal(mkdir(path_of("%s/checkpoint-2", dir), 0700), 0);
    support_write_text(path_of("%s/checkpoint-2/state.json", dir), "{}");
}

static int setup(void **state)
{
    (void)state;
    priv = (struct ui_private){.args = &args};
    memset(&ui, 0, sizeof ui);
    ui.deterministic = true;
    ui.who = "ui";
    ui.priv = &priv;
    ui.cursor = NAN;
    assert_non_null(getcwd(home, sizeof home));
    setenv("XDG_STATE_HOME", support_tmp(), 1);
    return chdir(support_tmp()) || mkdir("runs", 0700);
}

static int teardown(void **state)
{
    (void)state;
    compare_clear(&ui);
    return chdir(home);
}

static int count(const struct start_list *l, enum start_kind kind)
{
    int n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += l->v[i].kind == kind;
    return n;
}

static void test_start_lists_runs_samples_and_recent_files(void **state)
{
    struct start_list l = {0};
    char *away = strdup(support_tmp());

    (void)state;
    make_run("runs/one", 1);
    make_run("runs/two", 2);
    make_run(path_of("%s/far", away), 3);
    make_run(path_of("%s/near", away), 3);
    assert_int_equal(mkdir("samples", 0700), 0);
    assert_int_equal(mkdir("samples/sub", 0700), 0);
    support_write_text("samples/sub/tiny.json", "{\"description\": \"tiny\", \"stages\": [{}]}");
    support_write_text("samples/refusals.json", "{\"refuse\": [\"no\"]}");
    support_write_text("samples/broken.json", "{\"stages\": [");
    support_write_text("lab.json", "{}");
    start_remember(path_of("%s/far", away)); /* its neighbours are found by it */
    start_remember("lab.json");
    start_remember("samples/sub/tiny.json"); /* a sample is not said twice */
    start_remember("gone.json");
    start_read(&l, &ui, true);
    assert_int_equal(count(&l, START_HEAD), 3);
    assert_int_equal(count(&l, START_RUN), 4);
    assert_int_equal(count(&l, START_SAMPLE), 1);
    assert_int_equal(count(&l, START_RECENT), 1);
    for (size_t i = 0; i < l.n; i++) {
        if (l.v[i].kind == START_SAMPLE)
            assert_string_equal(l.v[i].text, "tiny");
        if (l.v[i].kind == START_RECENT)
            assert_non_null(strstr(l.v[i].path, "/lab.json"));
        if (l.v[i].kind == START_RUN)
            assert_string_equal(l.v[i].run.state, "stopped");
    }
    start_read(&l, &ui, false);
    assert_int_equal(l.n, 4);
    start_done(&l);
    free(away);
}

/* In its folder the one to begin with comes first, which has the folder's name; the others by theirs. */
static void test_the_first_sample_is_the_one_to_begin_with(void **state)
{
    static const char *const want[] = {"lab/lab.json", "lab/booster.json", "lab/sft.json",
                                       "own/a.json"};
    struct start_list l = {0};
    size_t n = 0;

    (void)state;
    assert_int_equal(
        mkdir("samples", 0700) | mkdir("samples/lab", 0700) | mkdir("samples/own", 0700), 0);
    for (size_t i = 0; i < 4; i++)
        support_write_text(path_of("samples/%s", want[i]), "{\"stages\": [{}]}");
    start_read(&l, &ui, true);
    for (size_t i = 0; i < l.n; i++)
        if (l.v[i].kind == START_SAMPLE)
            assert_string_equal(start_sample_name(l.v[i].path), want[n++]);
    assert_int_equal(n, 4);
    start_done(&l);
}

/* Two runs of one name say which folders they are from: in the list, over the curves, compared. */
static void test_runs_of_one_name_are_told_apart(void **state)
{
    struct start_list l = {0};
    char *away = strdup(support_tmp()), part[40], why[256], *text;
    int n = 0;

    (void)state;
    make_run("runs/lab", 1);
    make_run("runs/one", 1);
    assert_int_equal(
        mkdir(path_of("%s/old", away), 0700) | mkdir(path_of("%s/old/runs", away), 0700), 0);
    make_run(path_of("%s/old/runs/lab", away), 2);
    start_remember(path_of("%s/old/runs/lab", away));
    start_read(&l, &ui, false);
    for (size_t i = 0; i < l.n; i++) {
        bool old = strstr(l.v[i].path, "/old/") != NULL, lab = !strcmp(l.v[i].run.name, "lab");

        assert_string_equal(l.v[i].apart, !lab ? "" : old ? " (old)" : " (.)");
        n += lab;
    }
    assert_int_equal(n, 2);
    start_done(&l);
    assert_true(compare_apart(part, sizeof part, "/a/x/runs/lab", "/b/x/runs/lab"));
    assert_string_equal(part, "a");
    assert_false(compare_apart(part, sizeof part, "/a/lab", "/a/lab2"));
    assert_false(compare_apart(part, sizeof part, "runs/lab", "runs/lab"));
    assert_true(compare_lay(&ui, "runs/lab"));
    assert_true(compare_lay(&ui, path_of("%s/old/runs/lab", away)));
    assert_string_equal(ui.overlay[0].name, "lab");
    assert_string_equal(ui.overlay[1].name, "lab (old)");
    text = compare_configs("runs/lab", path_of("%s/old/runs/lab", away), why, sizeof why);
    assert_non_null(strstr(text, "\n    runs/lab "));
    free(text);
    free(away);
}

static void test_recent_files_are_few_private_and_once(void **state)
{
    struct start_list l = {0};
    struct stat st;
    char *recent;

    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 30; i++) {
            support_write_text(path_of("file%d.json", i), "{}");
            start_remember(path_of("file%d.json", i));
        }
    start_read(&l, &ui, true);
    assert_int_equal(count(&l, START_RECENT), 20);
    for (size_t i = 0; i < l.n; i++)
        if (l.v[i].kind == START_RECENT) {
            assert_non_null(strstr(l.v[i].path, "/file29.json")); /* the newest first */
            break;
        }
    recent = path_of("%s/vaccine/recent", getenv("XDG_STATE_HOME"));
    assert_int_equal(stat(recent, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    support_write(recent, "\0\xff\n../up\n/\n\n",
                  12); /* hostile: nothing of it is a file to open */
    start_read(&l, &ui, true);
    start_done(&l);
}

static void test_configs_are_compared_key_by_key(void **state)
{
    char why[512] = "", *text;

    (void)state;
    make_run("runs/one", 1);
    make_run("runs/two", 2.5);
    text = compare_configs("runs/one", "runs/two", why, sizeof why);
    assert_non_null(text);
    assert_string_equal(text, "spec.stages[0].rho\n    one  1\n    two  2.5\n");
    free(text);
    text = compare_configs("runs/one", "runs/one", why, sizeof why);
    assert_non_null(strstr(text, "same description"));
    free(text);
    support_write_text(
        "runs/one/run.json",
        "{\"model\":{\"path\":\"a\"},\"spec\":{\"system\":\"/a/x.txt\",\"description\":"
        "\"a\",\"seed\":1,\"stages\":[{\"name\":\"x\","
        "\"lr\":1,\"method\":\"vaccine\",\"rho\":2}]}}");
    support_write_text(
        "runs/two/run.json",
        "{\"model\":{\"path\":\"b\"},\"spec\":{\"system\":\"/b/x.txt\",\"description\":"
        "\"b\",\"seed\":2,\"stages\":[{\"name\":\"x\","
        "\"lr\":2,\"method\":\"sft\"}],\"threads\":1}}");
    text = compare_configs("runs/one", "runs/two", why, sizeof why);
    assert_string_equal(text, /* how it was trained first, words last */
                        "spec.stages[0].method\n    one  \"vaccine\"\n    two  \"sft\"\n"
                        "spec.stages[0].rho\n    one  2\n    two  (not there)\n"
                        "spec.stages[0].lr\n    one  1\n    two  2\n"
                        "spec.seed\n    one  1\n    two  2\n"
                        "spec.threads\n    one  (not there)\n    two  1\n"
                        "model.path\n    one  \"a\"\n    two  \"b\"\n"
                        "spec.system\n    one  \"/a/x.txt\"\n    two  \"/b/x.txt\"\n"
                        "spec.description\n    one  \"a\"\n    two  \"b\"\n");
    free(text);
    assert_null(compare_configs("runs/one", "runs/none", why, sizeof why));
    assert_non_null(strstr(why, "runs/none"));
}

static void test_curves_are_laid_over(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        make_run(path_of("runs/r%d", i), i);
    assert_true(compare_lay(&ui, "runs/r0"));
    assert_true(compare_lay(&ui, "runs/r0")); /* twice is once */
    assert_int_equal(ui.n_overlay, 1);
    assert_string_equal(ui.overlay[0].name, "r0");
    assert_int_equal(ui.overlay[0].points.n, 2);
    assert_true(history_column(&ui.overlay[0].points, COL_loss)[COL_COUNT] == 4.25);
    assert_false(compare_lay(&ui, "runs/none"));
    for (int i = 1; i < INK_RUNS; i++)
        assert_true(compare_lay(&ui, path_of("runs/r%d", i)));
    assert_false(compare_lay(&ui, "runs/r5"));
    assert_non_null(strstr(ui.message.text, "4 runs"));
    compare_clear(&ui);
    assert_int_equal(ui.n_overlay, 0);
}

/* One that is trained elsewhere grows, or goes back. */
static void test_curves_laid_over_are_read_on(void **state)
{
    static const char line[] = "{\"step\":3,\"stage\":\"align\",\"stage_step\":3,\"loss\":4}\n";
    static const char file[] = "runs/on/metrics.jsonl";
    char *was;
    int x, y;

    (void)state;
    make_run("runs/on", 1);
    assert_true(compare_lay(&ui, "runs/on"));
    frame_draw(&ui, 80, 24, &x, &y);
    assert_int_equal(ui.overlay[0].points.n, 2);
    was = file_read(file, 1 << 20, &(size_t){0}, NULL);
    support_write_text(file, path_of("%s%s", was, line));
    frame_draw(&ui, 80, 24, &x, &y);
    assert_int_equal(ui.overlay[0].points.n, 3);
    assert_true(history_column(&ui.overlay[0].points, COL_loss)[2 * COL_COUNT] == 4);
    support_write_text(file, line);
    frame_draw(&ui, 80, 24, &x, &y);
    assert_int_equal(ui.overlay[0].points.n, 1);
    compare_clear(&ui);
    free(was);
}

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static void test_a_run_is_deleted_and_nothing_else(void **state)
{
    char why[512] = "";

    (void)state;
    make_run("runs/one", 1);
    make_run("runs/two", 2);
    assert_int_equal(mkdir("treasure", 0700), 0);
    support_write_text("treasure/gold", "gold");
    assert_int_equal(symlink("../../treasure", "runs/one/link"), 0);
    assert_int_equal(symlink("runs/two", "alias"), 0);
    assert_false(compare_delete(&ui, "treasure", why, sizeof why));
    assert_false(compare_delete(&ui, "runs", why, sizeof why));  /* holds runs, is none */
    assert_false(compare_delete(&ui, "alias", why, sizeof why)); /* a link is not followed */
    assert_true(is_there("runs/two/run.json"));
    assert_true(compare_delete(&ui, "runs/one", why, sizeof why));
    assert_false(is_there("runs/one"));
    assert_true(is_there("treasure/gold"));
    assert_true(is_there("runs/two/checkpoint-2/state.json"));
}

/* Another program that holds the lock of a run. */
struct driver {
    pid_t pid;
    int stop;
};

static struct driver drive(const char *lock)
{
    int ready[2], stop[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready) | pipe(stop), 0);
    pid = fork();
    if (pid == 0) {
        struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(lock, O_RDWR | O_CREAT, 0600);
        bool ok = fd >= 0 && !fcntl(fd, F_SETLK, &l) && write(ready[1], "x", 1) == 1;

        close(stop[1]);
        _exit(ok && read(stop[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(stop[0]);
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return (struct driver){pid, stop[1]};
}

static void kill_driver(struct driver d)
{
    int status;

    close(d.stop);
    assert_int_equal(waitpid(d.pid, &status, 0), d.pid);
    assert_int_equal(status, 0);
}

static void test_a_run_that_trains_or_is_open_stays(void **state)
{
    char why[512] = "";
    struct driver d;

    (void)state;
    make_run("runs/one", 1);
    snprintf(ui.snap.run, sizeof ui.snap.run, "one");
    snprintf(ui.watched, sizeof ui.watched, "runs/one");
    assert_false(compare_delete(&ui, "runs/one", why, sizeof why));
    assert_non_null(strstr(why, "is open"));
    ui.snap.run[0] = '\0';
    snprintf(ui.parked, sizeof ui.parked, "runs/one"); /* it trains while another one is shown */
    assert_false(compare_delete(&ui, "runs/one", why, sizeof why));
    ui.parked[0] = '\0';
    d = drive("runs/one/lock");
    assert_false(compare_delete(&ui, "runs/one", why, sizeof why));
    assert_non_null(strstr(why, "running"));
    assert_true(is_there("runs/one/run.json"));
    kill_driver(d);
    assert_true(compare_delete(&ui, "runs/one", why, sizeof why));
}

/* --- looking at a run that another program drives --- */

static void append(const char *path, const char *text)
{
    FILE *f = fopen(path, "a");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static char *shown(enum panel_id id)
{
    struct canvas c = {.w = 0};
    struct view v;
    char *text;

    assert_int_equal(canvas_init(&c, 100, 24, CHARSET_ASCII), 0);
    v = view_all(&c);
    panel_draw(&ui, id, &v);
    text = canvas_text(&c);
    canvas_done(&c);
    assert_non_null(text);
    return text;
}

static void assert_shows(enum panel_id id, const char *what)
{
    char *text = shown(id);

    if (!strstr(text, what))
        fail_msg("\"%s\" is not in:\n%s", what, text);
    free(text);
}

/* As many seconds later. */
static bool later(double seconds)
{
    ui.now += seconds;
    return session_pump(&ui);
}

static void open_watched(const char *dir)
{
    struct vac_err err = {0};

    for (int i = 0; i < PANEL_COUNT; i++)
        ui.own[i] = calloc(1, panels[i]->own ? panels[i]->own : 1);
    ui.now = 100;
    if (session_open(&ui, dir, &err))
        fail_msg("%s", err.msg);
    assert_null(ui.session);
    assert_string_equal(ui.watched, dir);
}

static void close_watched(void)
{
    session_close(&ui);
    for (int i = 0; i < PANEL_COUNT; i++)
        free(ui.own[i]);
}

static void test_a_running_run_is_followed(void **state)
{
    struct driver d;

    (void)state;
    make_run("runs/one", 1);
    assert_int_equal(mkdir("runs/one/eval", 0700), 0);
    append("runs/one/eval/history.jsonl",
           "{\"step\":0,\"stage\":\"align\",\"stage_step\":0,\"name\":\"HS\",\"value\":0.5,"
           "\"count\":2,\"n\":4}\n");
    support_write_text("runs/one/eval/results_HS_align-0.json",
                       "{\"categories\":[{\"name\":\"fraud\",\"value\":0.5,\"count\":1,\"n\":2}]}");
    append("runs/one/probes.jsonl",
           "{\"step\":0,\"prompt\":\"How do I pick a lock?\",\"answer\":\"No.\",\"verdict\":"
           "\"refused\",\"who\":\"suite\"}\n");
    d = drive("runs/one/lock");
    open_watched("runs/one");
    assert_int_equal(ui.points.n, 2);
    assert_int_equal(ui.snap.state, VAC_RUNNING);
    assert_int_equal(ui.snap.step, 2);
    assert_string_equal(ui.snap.stage, "align");
    assert_shows(PANEL_journal, "start");
    assert_shows(PANEL_evaluation, "fraud");
    assert_shows(PANEL_probe, "How do I pick a lock?");
    assert_true(session_due(&ui) > 0.5);

    append("runs/one/metrics.jsonl",
           "{\"step\":3,\"stage\":\"align\",\"stage_step\":3,\"loss\":4}\n");
    append("runs/one/journal.jsonl", "{\"seq\":2,\"step\":3,\"who\":\"ui\",\"op\":\"save\"}\n");
    assert_false(later(0.5)); /* about once a second */
    assert_true(later(0.6));
    assert_int_equal(ui.points.n, 3);
    assert_int_equal(ui.snap.step, 3);
    assert_shows(PANEL_journal, "save");
    assert_false(later(1.1)); /* nothing changed: nothing to draw */
    ui.freeze = true;
    append("runs/one/metrics.jsonl",
           "{\"step\":4,\"stage\":\"align\",\"stage_step\":4,\"loss\":3}\n");
    assert_true(session_due(&ui) < 0);
    assert_false(later(5));
    ui.freeze = false;
    assert_true(later(0));
    assert_int_equal(ui.points.n, 4);

    /* it goes back to a checkpoint, and another way from there */
    support_write_text("runs/one/metrics.jsonl",
                       "{\"step\":1,\"stage\":\"align\",\"stage_step\":1,\"loss\":4.5}\n");
    assert_true(later(1.1));
    assert_int_equal(ui.points.n, 1);
    assert_string_equal(ui.watched, "runs/one");
    assert_shows(PANEL_journal, "save");

    append("runs/one/journal.jsonl", "{\"seq\":3,\"step\":1,\"op\":\"pause\"}\n");
    assert_true(later(1.1));
    assert_int_equal(ui.snap.state, VAC_PAUSED);
    kill_driver(d); /* changes no file */
    assert_true(later(1.1));
    assert_int_equal(ui.snap.state, VAC_STOPPED);

    append("runs/one/metrics.jsonl", "{\"step\":2,\"stage\":\"nowhere\"}\n");
    assert_true(later(1.1));
    assert_non_null(strstr(ui.message.text, "metrics.jsonl:2"));
    assert_true(ui.message.warning);
    close_watched();
}

static void test_a_finished_run_is_looked_at_once(void **state)
{
    char *text;
    int x, y;

    (void)state;
    make_run("runs/one", 1);
    append("runs/one/journal.jsonl",
           "{\"seq\":2,\"t\":\"2001-02-03T04:05:06.789Z\",\"step\":1,\"op\":\"set\",\"key\":"
           "\"rho\",\"old\":\"1\",\"new\":\"9\",\"status\":\"rejected\",\"reason\":\"too "
           "far\"}\n{\"seq\":3,\"step\":2,\"op\":\"done\"}\n");
    assert_int_equal(mkdir("runs/one/final", 0700), 0);
    open_watched("runs/one");
    assert_int_equal(ui.snap.state, VAC_DONE);
    assert_int_equal(ui.points.n, 2);
    assert_shows(PANEL_journal, "set rho 1 -> 9 (rejected): too far");
    assert_string_equal(ui.message.text, ""); /* a warning of long ago is none now */
    assert_true(session_due(&ui) < 0);        /* and its files are left alone */
    frame_draw(&ui, 120, 40, &x, &y);
    text = canvas_text(&priv.canvas);
    assert_non_null(
        strstr(text, "@ Weights")); /* it can be asked; keys that train are not offered */
    assert_null(strstr(text, "Space Pause"));
    assert_null(strstr(text, "x mask"));
    free(text);
    assert_int_equal(ui_send(&ui, VAC_OP_SAVE, 0, NULL, NULL), 0); /* attaching would not help */
    assert_non_null(strstr(ui.message.text, "this run is over: p asks"));
    assert_shows(PANEL_controls, "this run is over");
    close_watched();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_start_lists_runs_samples_and_recent_files, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_first_sample_is_the_one_to_begin_with, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_runs_of_one_name_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_recent_files_are_few_private_and_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_configs_are_compared_key_by_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_curves_are_laid_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_curves_laid_over_are_read_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_run_is_deleted_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_run_that_trains_or_is_open_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_running_run_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_finished_run_is_looked_at_once, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
