/* test_looking.c - opening a run changes nothing in it, however it was left; Space goes on with a
 * stopped one. */
#include <sys/wait.h>
#include "base/hash.h"
#include "ui_live.h"

/* Killed at step 14 it has a checkpoint of 10. */
#define SHORT                                                                                      \
    "'checkpoint':{'steps':5,'minutes':0,'keep':3},'evaluate':[{'name':'HS','prompts':'ask.jsonl'" \
    ",'judge':'refusal','max_new_tokens':4,'every':2}],'watch':{'every':5,'drift':'rows.jsonl'},"  \
    "'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN                                \
    ",'lora':{'r':2},'steps':20,'lr':0.01}]"

/* Names, sizes, times and bytes of all that is in a folder, but `but`; of a link where it leads. */
static void take_picture(const char *dir, const char *but, struct strbuf *out)
{
    struct dirent **names;
    int n = scandir(dir, &names, NULL, alphasort);

    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        char path[1400], link[1400];
        struct stat st;

        snprintf(path, sizeof path, "%.1000s/%s", dir, names[i]->d_name);
        if (strcmp(names[i]->d_name, ".") && strcmp(names[i]->d_name, "..") &&
            strcmp(names[i]->d_name, but)) {
            assert_int_equal(lstat(path, &st), 0);
            sb_printf(out, "%s %o %lld %lld.%09ld\n", path, st.st_mode, (long long)st.st_ino,
                      (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
            if (S_ISDIR(st.st_mode)) {
                take_picture(path, but, out);
            } else if (S_ISREG(st.st_mode)) {
                size_t len;
                char *text = run_read(dir, names[i]->d_name, &len);
                sb_printf(out, "%zu %08x\n", len, crc32c(0, text, len));
                free(text);
            } else if (S_ISLNK(st.st_mode)) {
                ssize_t k = readlink(path, link, sizeof link);
                sb_printf(out, "%.*s\n", (int)(k < 0 ? 0 : k), link);
            }
        }
        free(names[i]);
    }
    free(names);
}

/* --- kinds of folder: each changes one that was killed at step 14 --- */

static void finish_it(const char *dir)
{
    whole(dir, true);
}

static void stop_it(const char *dir)
{
    struct vac_session *s = run_up_to(&rig, dir, true, 12);

    vac_session_close(s);
}

static void leave_it(const char *dir)
{
    (void)dir;
}

static void add(const char *dir, const char *name, const char *text)
{
    FILE *f = fopen(run_path(dir, name), "ae");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void remove_checkpoints(const char *dir)
{
    static const char *const names[] = {"checkpoint-5", "checkpoint-10"};

    for (size_t i = 0; i < 2; i++)
        assert_int_equal(path_remove(run_path(dir, names[i]), NULL), 0);
}

static void damage_newest(const char *dir)
{
    add(dir, "checkpoint-10/state.json", "x");
}

static void damage_all(const char *dir)
{
    damage_newest(dir);
    assert_int_equal(truncate(run_path(dir, "checkpoint-5/state.json"), 7), 0);
}

static void pipe_as_state(const char *dir)
{
    assert_int_equal(unlink(run_path(dir, "checkpoint-10/state.json")), 0);
    assert_int_equal(mkfifo(run_path(dir, "checkpoint-10/state.json"), 0600), 0);
}

static void fail_it(const char *dir)
{
    add(dir, "journal.jsonl", "{\"seq\":99,\"step\":14,\"who\":\"core\",\"op\":\"fail\"}\n");
}

static void tear_lines(const char *dir)
{
    add(dir, "metrics.jsonl", "{\"step\":15,\"sta");
    add(dir, "layers.jsonl", "{\"st");
    add(dir, "journal.jsonl", "{\"seq\":100,");
    add(dir, "eval/history.jsonl", "{");
}

static void spoil_config(const char *dir)
{
    assert_int_equal(truncate(run_path(dir, "run.json"), 40), 0);
}

static void remove_config(const char *dir)
{
    assert_int_equal(unlink(run_path(dir, "run.json")), 0);
}

static void spoil_line(const char *dir)
{
    add(dir, "metrics.jsonl", "}{\n{\"step\":16}\n");
}

static void remove_metrics(const char *dir)
{
    assert_int_equal(unlink(run_path(dir, "metrics.jsonl")), 0);
}

static void empty_metrics(const char *dir)
{
    assert_int_equal(truncate(run_path(dir, "metrics.jsonl"), 0), 0);
}

static void remove_journal(const char *dir)
{
    assert_int_equal(unlink(run_path(dir, "journal.jsonl")), 0);
}

static void remove_eval(const char *dir)
{
    assert_int_equal(path_remove(run_path(dir, "eval"), NULL), 0);
}

static void leave_halves(const char *dir)
{
    assert_int_equal(mkdir(run_path(dir, "checkpoint-99.tmp"), 0777), 0);
    add(dir, "checkpoint-99.tmp/state.json", "{");
    assert_int_equal(mkdir(run_path(dir, "aside-10-1.tmp"), 0777), 0);
    add(dir, "metrics.csv.tmp-123", "half");
    add(dir, "drift-reference.tmp", "half");
}

static void plant(const char *dir)
{
    add(dir, "checkpoint-9999", "no folder");
    assert_int_equal(symlink("/etc", run_path(dir, "checkpoint-8888")), 0);
    assert_int_equal(symlink("/etc", run_path(dir, "stages")), 0);
    assert_int_equal(symlink("../nowhere", run_path(dir, "aside-10-1")), 0);
    assert_int_equal(unlink(run_path(dir, "lock")), 0);
    assert_int_equal(symlink(here("rows.jsonl"), run_path(dir, "lock")), 0);
}

static void link_metrics(const char *dir)
{
    remove_metrics(dir);
    assert_int_equal(symlink(here("rows.jsonl"), run_path(dir, "metrics.jsonl")), 0);
}

static void hide_checkpoint(const char *dir)
{
    assert_int_equal(chmod(run_path(dir, "checkpoint-10"), 0), 0);
}

static void write_protect(const char *dir)
{
    assert_int_equal(chmod(run_path(dir, "eval"), 0555), 0);
    assert_int_equal(chmod(run_path(dir, "metrics.jsonl"), 0444), 0);
    assert_int_equal(chmod(dir, 0555), 0);
}

static void other_checkpoint(const char *dir)
{
    remove_checkpoints(dir);
    assert_int_equal(mkdir(run_path(dir, "checkpoint-10"), 0777), 0);
}

/* --- looking --- */

static void look(const char *dir, const char *flag, const char *script)
{
    const char *args[] = {flag ? dir : "--script", flag ? flag : here("look"), "--script",
                          here("look"), NULL};
    struct term t;

    if (!flag)
        args[2] = NULL;
    support_write_text(here("look"), script);
    term_start(&t, 100, 30, "xterm-256color", "screen", args);
    term_end(&t, 60); /* one that cannot be read says so and ends */
    term_free(&t);
}

static void command(const char *what, const char *dir, const char *rest)
{
    char line[4000];

    snprintf(line, sizeof line, "%s %s '%s' %s </dev/null >%s 2>&1", getenv("VACCINE"), what, dir,
             rest, here("said"));
    if (system(line) == -1)
        fail_msg("%s", line);
}

/* In every way there is. */
static void look_at(const char *dir)
{
    const char *aside = run_folder();
    char line[1400], rest[1400];

    look(dir, "--paused", "0\n2\n5\n8\nq\n");
    snprintf(line, sizeof line, ":open %s\n:wait 0.1\nq\n", dir);
    look(dir, NULL, line);
    if (!getenv("VACCINE"))
        return;
    command("runs", dir, "");
    snprintf(rest, sizeof rest, "-o '%s.html'", aside);
    command("report", dir, rest);
    command("replay", dir, "");
}

static void test_looking_changes_nothing(void **state)
{
    static const struct {
        const char *name;
        void (*make)(const char *dir);
    } kinds[] = {
        {"finished", finish_it},
        {"stopped", stop_it},
        {"killed", leave_it},
        {"without checkpoints", remove_checkpoints},
        {"newest checkpoint damaged", damage_newest},
        {"all checkpoints damaged", damage_all},
        {"a pipe as a checkpoint's state", pipe_as_state},
        {"an empty checkpoint", other_checkpoint},
        {"an unreadable checkpoint", hide_checkpoint},
        {"failed", fail_it},
        {"torn lines", tear_lines},
        {"a damaged line", spoil_line},
        {"run.json cut", spoil_config},
        {"no run.json", remove_config},
        {"no metrics", remove_metrics},
        {"empty metrics", empty_metrics},
        {"no journal", remove_journal},
        {"no eval", remove_eval},
        {"half-made files", leave_halves},
        {"planted files", plant},
        {"metrics elsewhere", link_metrics},
        {"write-protected", write_protect},
    };

    (void)state;
    make_rig(SHORT);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *dir = run_folder();
        struct strbuf before = {0}, after = {0};

        run_killed_at(&rig, dir, 14);
        kinds[i].make(dir);
        take_picture(dir, "", &before);
        look_at(dir);
        take_picture(dir, "", &after);
        if (strcmp(before.s, after.s))
            fail_msg("%s: looking changed it:\n%s\n---\n%s", kinds[i].name, before.s, after.s);
        sb_done(&before);
        sb_done(&after);
        chmod(dir, 0755);
    }
}

/* Driven by another program, and paused there, so that nothing in it moves. */
static void test_looking_at_a_running_one(void **state)
{
    const char *dir = run_folder();
    struct strbuf before = {0}, after = {0};
    struct vac_session *s;

    (void)state;
    make_rig(SHORT);
    s = run_up_to(&rig, dir, false, 7);
    /* the run itself links its lines from time to time, while it waits too */
    take_picture(dir, "proof.jsonl", &before);
    look_at(dir);
    take_picture(dir, "proof.jsonl", &after);
    assert_string_equal(before.s, after.s);
    vac_session_close(s);
    sb_done(&before);
    sb_done(&after);
}

/* --- going on --- */

static void start_look(struct term *t, const char *dir)
{
    term_start(t, 100, 30, "xterm-256color", "screen", (const char *const[]){dir, NULL});
}

static void wait_for_lines(struct term *t, const char *dir, const char *name, size_t n)
{
    for (double until = term_clock() + 60;
         !file_exists(run_path(dir, name)) || run_lines(dir, name) < n; term_read(t, 0.05))
        if (term_clock() > until || t->status >= 0)
            fail_msg("%s/%s never had %zu lines", dir, name, n);
}

static void wait_for_end(struct term *t, const char *dir)
{
    for (double until = term_clock() + 60; !dir_exists(run_path(dir, "final")); term_read(t, 0.05))
        if (term_clock() > until || t->status >= 0)
            fail_msg("%s was never finished", dir);
    term_wait(t, "DONE"); /* before that q asks whether to leave */
}

/* Space and . go on, from where it was said. */
static void test_going_on(void **state)
{
    static const char *const keys[] = {" ", ".", "n4\r"};

    (void)state;
    make_rig(SHORT);
    for (size_t i = 0; i < 3; i++) {
        const char *dir = run_folder();
        struct term t;

        run_killed_at(&rig, dir, 14);
        start_look(&t, dir);
        term_wait(&t, "stopped at 14; Space goes on from checkpoint 10");
        assert_int_equal(run_lines(dir, "metrics.jsonl"), 15);
        assert_int_equal(run_journal_count(dir, "resume-run"), 0);
        term_keys(&t, keys[i]);
        wait_for_lines(&t, dir, "aside-10-1/metrics.jsonl", 4);
        while (run_journal_count(dir, "aside") == 0) /* until then the old lines are there */
            term_read(&t, 0.05);
        wait_for_lines(&t, dir, "metrics.jsonl", i == 0 ? 21 : i == 1 ? 12 : 15);
        if (i == 0)
            wait_for_end(&t, dir);
        else
            term_read(&t, 0.3);
        term_keys(&t, i == 0 ? "q" : "qD");
        assert_int_equal(term_end(&t, 60), 0);
        term_free(&t);
        assert_int_equal(run_journal_count(dir, "aside"), 1);
        assert_int_equal(run_lines(dir, "metrics.jsonl"), i == 0 ? 21 : i == 1 ? 12 : 15);
    }
}

/* Without a checkpoint it is asked before anything is begun again. */
static void test_asked_before_beginning_again(void **state)
{
    const char *dir = run_folder();
    struct term t;

    (void)state;
    make_rig(SHORT);
    run_killed_at(&rig, dir, 14);
    remove_checkpoints(dir);
    start_look(&t, dir);
    term_wait(&t, "stopped at 14, without a checkpoint to go on from");
    term_keys(&t, " ");
    term_wait(&t, "Begin again?");
    term_keys(&t, "\033");
    term_read(&t, 0.5);
    assert_int_equal(run_lines(dir, "metrics.jsonl"), 15);
    assert_false(dir_exists(run_path(dir, "aside-0-1")));
    term_keys(&t, " ");
    term_read(&t, 0.5);
    term_keys(&t, "b");
    wait_for_lines(&t, dir, "aside-0-1/metrics.jsonl", 15);
    wait_for_end(&t, dir);
    assert_int_equal(run_lines(dir, "metrics.jsonl"), 21);
    term_keys(&t, "q");
    assert_int_equal(term_end(&t, 60), 0);
    term_free(&t);
}

static int cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_looking_changes_nothing),
        cmocka_unit_test(test_looking_at_a_running_one),
        cmocka_unit_test(test_going_on),
        cmocka_unit_test(test_asked_before_beginning_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
