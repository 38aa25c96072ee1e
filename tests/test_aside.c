/* test_aside.c - a run that goes on loses nothing: what was made after its checkpoint is set aside,
 * not before something new is written, and a checkpoint that cannot be read is not a damaged one.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "run_support.h"

#define TRAIN "'train':['rows.jsonl'],'batch_size':4,'lr':0.01"

static void whole(const struct rig_run *r, const char *out, bool resume)
{
    struct vac_err err;

    if (run_whole(r, out, resume, &err))
        fail_msg("%s", err.msg);
}

/* --- what was measured after the checkpoint --- */

/* Names, sizes, times and bytes of all that is in a folder but journal, chain and lock. */
static void take_picture(const char *dir, struct strbuf *out)
{
    struct dirent **names;
    int n = scandir(dir, &names, NULL, alphasort);

    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        char path[1400], *text;
        struct stat st;
        size_t len;

        snprintf(path, sizeof path, "%.1000s/%s", dir, name);
        if (strcmp(name, ".") && strcmp(name, "..") && strcmp(name, "journal.jsonl") &&
            strcmp(name, "proof.jsonl") && strcmp(name, "lock")) {
            assert_int_equal(lstat(path, &st), 0);
            sb_printf(out, "%s %o %lld\n", path, st.st_mode, (long long)st.st_mtim.tv_sec);
            if (S_ISDIR(st.st_mode)) {
                take_picture(path, out);
            } else {
                text = run_read(dir, name, &len);
                sb_printf(out, "%zu %08x\n", len, crc32c(0, text, len));
                free(text);
            }
        }
        free(names[i]);
    }
    free(names);
}

/* A run killed at step 14, whose last checkpoint is that of 10: it measured twice since. */
static void killed_at_14(struct rig_run *r, const char *out)
{
    run_rig(r, "golden/llama-gqa", false);
    run_file(r, "'checkpoint':{'steps':5,'minutes':0,'keep':3},'watch':{'every':5,'drift':"
                "'rows.jsonl'},'evaluate':[{'name':'L','data':'harm.jsonl','metric':'loss',"
                "'every':2}],'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN
                ",'lora':{'r':2,'dropout':0.2},'steps':20}]");
    run_killed_at(r, out, 14);
    assert_int_equal(run_lines(out, "metrics.jsonl"), 15);
}

/* Opened, and left again before a step: nothing but journal, chain and lock has changed. */
static void test_opened_without_a_step(void **state)
{
    static const enum vac_op ways[] = {VAC_OP_QUIT, VAC_OP_DISCARD};
    struct rig_run r;
    const char *b = run_folder();
    struct strbuf before = {0}, after = {0};

    (void)state;
    killed_at_14(&r, b);
    take_picture(b, &before);
    for (size_t i = 0; i < 2; i++) {
        struct vac_session *s =
            run_start(&r, b, &(struct vac_open){.paused = true, .resume = true});
        run_wait(s, VAC_PAUSED);
        assert_int_equal(vac_snapshot(s)->step, 10);
        assert_int_equal(vac_session_old_points(s), 11); /* not those that are to come again */
        assert_int_equal(vac_snapshot(s)->eval[0].step, 10);
        run_give(s, ways[i], 0, "", NULL);
        run_wait(s, VAC_STOPPED);
        vac_session_close(s);
    }
    take_picture(b, &after);
    assert_string_equal(before.s, after.s);
    sb_done(&before);
    sb_done(&after);
}

/* What lies after the checkpoint is kept beside, readable as a run; the run itself is that of one
 * that was never killed. */
static void test_set_aside(void **state)
{
    struct rig_run r;
    const char *a = run_folder(), *b = run_folder();
    struct vac_err err = {0};
    struct vac_point *p;
    struct vac_eval *e;
    size_t n;

    (void)state;
    killed_at_14(&r, b);
    whole(&r, a, false);
    whole(&r, b, true);
    run_assert_same(a, b);
    assert_int_equal(run_journal_count(b, "aside"), 1);
    assert_ok(vac_run_points(run_path(b, "aside-10-1"), &p, &n, &err), &err);
    assert_int_equal(n, 4);
    assert_int_equal(p[0].step, 11);
    assert_int_equal(p[3].step, 14);
    free(p);
    assert_ok(vac_run_evals(run_path(b, "aside-10-1"), &e, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_int_equal(e[0].step, 12);
    free(e);
    assert_true(file_exists(run_path(b, "aside-10-1/eval/results_L_align-12.json")));
    assert_true(file_exists(run_path(b, "aside-10-1/eval/samples_L_align-14.jsonl")));
    assert_false(file_exists(run_path(b, "aside-10-1/eval/results_L_align-10.json")));
    assert_int_equal(run_lines(b, "aside-10-1/layers.jsonl"), 4);
    assert_false(dir_exists(run_path(b, "aside-10-2")));
}

static void two_steps(const struct rig_run *r, const char *b)
{
    struct vac_session *s = run_up_to(r, b, true, 12);

    run_give(s, VAC_OP_DISCARD, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
}

/* One that is steered otherwise each time leaves a folder each time. */
static void test_set_aside_again(void **state)
{
    struct rig_run r;
    const char *b = run_folder();

    (void)state;
    killed_at_14(&r, b);
    two_steps(&r, b);
    two_steps(&r, b);
    assert_int_equal(run_lines(b, "aside-10-1/metrics.jsonl"), 4);
    assert_int_equal(run_lines(b, "aside-10-2/metrics.jsonl"), 2);
    assert_int_equal(run_lines(b, "metrics.jsonl"), 13);
}

/* What was set aside is in its old place no longer. */
static void take_moved(const char *run, const char *aside)
{
    DIR *d = opendir(run_path(run, aside));
    const struct dirent *e;
    char name[512];

    assert_non_null(d);
    while ((e = readdir(d))) {
        snprintf(name, sizeof name, "eval/%s", e->d_name);
        if (e->d_name[0] != '.' && strcmp(e->d_name, "history.jsonl") != 0)
            unlink(run_path(run, name));
    }
    closedir(d);
}

/* A kill after all was set aside, and before it was cut off: it is not set aside twice. */
static void test_killed_while_setting_aside(void **state)
{
    static const char *const files[] = {"metrics.jsonl", "layers.jsonl", "eval/history.jsonl"};
    struct rig_run r;
    const char *a = run_folder(), *b = run_folder();
    char *text[3];

    (void)state;
    killed_at_14(&r, b);
    for (size_t i = 0; i < 3; i++)
        text[i] = run_read(b, files[i], NULL);
    two_steps(&r, b);
    for (size_t i = 0; i < 3; i++) {
        support_write_text(run_path(b, files[i]), text[i]);
        free(text[i]);
    }
    take_moved(b, "aside-10-1/eval");
    whole(&r, b, true);
    assert_int_equal(run_lines(b, "aside-10-1/metrics.jsonl"), 4);
    assert_false(dir_exists(run_path(b, "aside-10-2")));
    whole(&r, a, false);
    run_assert_same(a, b);
}

static void ignore_point(void *ctx, const struct vac_point *p)
{
    *(int64_t *)ctx = p->step;
}

/* Who follows the run is told that it went back, though its files have grown again, to the byte. */
static void test_followed(void **state)
{
    static const struct vac_follow_take take = {.point = ignore_point};
    struct rig_run r;
    const char *b = run_folder();
    struct vac_follow *f;
    struct vac_session *s;
    struct vac_err err = {0};
    int64_t last = -1;

    (void)state;
    killed_at_14(&r, b);
    assert_ok(vac_follow_open(&f, b, &err), &err);
    assert_int_equal(vac_follow_read(f, &take, &last, &err), VAC_FOLLOW_NEW);
    assert_int_equal(last, 14);
    s = run_start(&r, b, &(struct vac_open){.paused = true, .resume = true});
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_follow_read(f, &take, &last, &err), VAC_FOLLOW_NEW); /* the journal's */
    run_give(s, VAC_OP_STEP, 6, "", NULL);
    run_wait_step(s, 16);
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_follow_read(f, &take, &last, &err), VAC_FOLLOW_CUT);
    vac_follow_close(f);
    vac_session_close(s);
    assert_ok(vac_follow_open(&f, b, &err), &err);
    assert_int_equal(vac_follow_read(f, &take, &last, &err), VAC_FOLLOW_NEW);
    assert_int_equal(last, 16);
    vac_follow_close(f);
}

/* --- a checkpoint that cannot be read just now --- */

/* Linked with --wrap=openat, --wrap=fstatat and --wrap=readdir: calls for names
 * that end so fail with this number; that of readdir, at a folder's end, when the name is "". */
static struct {
    const char *name;
    int number;
} failing;

int __real_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode);
int __real_fstatat(int dir, const char *path, struct stat *st, int flags);
int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags);
struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);

static bool fails(const char *path)
{
    size_t n = strlen(path), m = failing.name ? strlen(failing.name) : 0;

    if (!failing.name || !m || n < m || strcmp(path + n - m, failing.name))
        return false;
    errno = failing.number;
    return true;
}

int __wrap_openat(int dir, const char *path, int flags, mode_t mode)
{
    return fails(path) ? -1 : __real_openat(dir, path, flags, mode);
}

int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags)
{
    return fails(path) ? -1 : __real_fstatat(dir, path, st, flags);
}

struct dirent *__wrap_readdir(DIR *d)
{
    struct dirent *e = __real_readdir(d);

    if (!e && failing.name && !*failing.name)
        errno = failing.number;
    return e;
}

/* Only damage is damage: the run stays as it is, and goes on later. */
static void test_unreadable(void **state)
{
    static const char *const names[] = {"checkpoint-10", "state.json", "vaccine_state.safetensors",
                                        "adapter_model.safetensors", ""};
    static const int numbers[] = {EACCES, EMFILE, ENFILE, EIO, ENOMEM, ESTALE};
    struct rig_run r;
    const char *b = run_folder();
    struct strbuf before = {0}, after = {0};

    (void)state;
    killed_at_14(&r, b);
    take_picture(b, &before);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
            struct vac_open how = {
                .file = b, .resume = true, .from_start = k % 2 == 1, .deterministic_wall = true};
            struct vac_session *s;
            struct vac_err err = {0};

            assert_ok(vac_session_open(&s, &how, &err), &err);
            failing.name = names[i];
            failing.number = numbers[k];
            assert_int_equal(vac_session_start(s, &err), -1);
            failing.name = NULL;
            assert_int_not_equal(err.code, VAC_ERR_FORMAT);
            assert_int_not_equal(err.code, VAC_ERR_NO_CHECKPOINT);
            assert_error(&err, names[i]);
            assert_error(&err, strerror(numbers[k]));
            vac_session_close(s);
        }
    }
    take_picture(b, &after);
    assert_string_equal(before.s, after.s);
    sb_done(&before);
    sb_done(&after);
    whole(&r, b, true);
    assert_true(run_resumed_from(b, "checkpoint-10"));
}

/* A part that is gone, or something else in its place, is damage. */
static void test_missing_part(void **state)
{
    struct rig_run r;
    const char *b = run_folder(), *x;
    int64_t step;
    struct vac_err err = {0};

    (void)state;
    killed_at_14(&r, b);
    x = run_path(b, "checkpoint-10/vaccine_state.safetensors");
    assert_int_equal(unlink(x), 0);
    assert_int_equal(mkfifo(x, 0600), 0);
    assert_ok(vac_run_checkpoint(b, &step, &err), &err);
    assert_int_equal(step, 5);
    whole(&r, b, true);
    assert_true(run_resumed_from(b, "checkpoint-5"));
    assert_int_equal(run_lines(b, "aside-5-1/metrics.jsonl"), 9);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opened_without_a_step),
        cmocka_unit_test(test_set_aside),
        cmocka_unit_test(test_set_aside_again),
        cmocka_unit_test(test_killed_while_setting_aside),
        cmocka_unit_test(test_followed),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_missing_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
