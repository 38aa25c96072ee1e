/* test_io.c - opening files: what is no regular file is refused, and nothing waits for it. */
#include "support.h"
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"

/* The size is not known beforehand, and the limit holds all the same. */
static void test_file_read_pipe(void **state)
{
    struct vac_err err = {0};
    char path[64], *text;
    size_t len = 0;
    int fd[2];

    (void)state;
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(write(fd[1], "0123456789", 10), 10);
    close(fd[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", fd[0]);
    text = file_read(path, 10, &len, &err);
    assert_string_equal(text ? text : err.msg, "0123456789");
    free(text);
    close(fd[0]);
    assert_null(file_read("/dev/zero", 100000, &len, &err));
    assert_error(&err, "/dev/zero: is not a regular file");
}

/* A pipe that nobody writes to in the place of a file: nothing waits for it. */
static void test_pipe_for_a_file(void **state)
{
    const char *dir = support_tmp(), *path = support_join(dir, "pipe");
    struct vac_err err = {0};
    struct appender a;
    struct outfile f;
    struct stat st;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(file_read(path, 100, NULL, &err));
    assert_error(&err, "pipe: is not a regular file");
    err_clear(&err);
    assert_null(stream_open(path, &err));
    assert_error(&err, "pipe: is not a regular file");
    err_clear(&err);
    assert_int_equal(app_open(&a, path, &err), -1);
    assert_error(&err, "pipe: is not a regular file");
    app_close(&a);
    err_clear(&err);
    assert_int_equal(out_open(&f, path, &err), -1); /* nor does a file take its place */
    assert_error(&err, "pipe: is a pipe, a device or a socket");
    err_clear(&err);
    assert_int_equal(out_open(&f, "/dev/null", &err), -1);
    assert_error(&err, "/dev/null: is a pipe, a device or a socket");
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
}

static int count_name(void *ctx, const char *name, struct vac_err *err)
{
    (void)err;
    *(int *)ctx += !strcmp(name, "a") || !strcmp(name, "b") ? 1 : 100;
    return *(int *)ctx == 2;
}

static void test_dir_each(void **state)
{
    const char *dir = support_tmp();
    struct vac_err err = {0};
    int n = 0;

    (void)state;
    assert_ok(dir_each(dir, count_name, &n, &err), &err);
    assert_int_equal(n, 0);
    support_write(support_join(dir, "a"), "", 0);
    support_write(support_join(dir, "b"), "", 0);
    assert_int_equal(dir_each(dir, count_name, &n, &err), 1);
    assert_int_equal(n, 2);
    assert_int_equal(dir_each(support_join(dir, "none"), count_name, &n, &err), -1);
    assert_error(&err, "none: cannot list the folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_read_pipe),
        cmocka_unit_test(test_pipe_for_a_file),
        cmocka_unit_test(test_dir_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
