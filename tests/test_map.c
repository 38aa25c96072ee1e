/* test_map.c - files that another program cuts, writes to or replaces while they are mapped. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "data/csv.h"
#include "data/rows.h"
#include "support.h"

static void on_bus(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (!map_mend(info->si_addr))
        signal(number, SIG_DFL);
}

/* After cmocka, which catches it too. */
static void catch_bus(void)
{
    struct sigaction a = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    assert_int_equal(sigaction(SIGBUS, &a, NULL), 0);
}

static char *file_of(const char *dir, const char *name, const char *line, size_t times)
{
    char path[1200];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < times; i++)
        fputs(line, f);
    assert_int_equal(fclose(f), 0);
    return strdup(path);
}

static void test_cut(void **state)
{
    char *path = file_of(support_tmp(), "cut", "0123456789abcdef", 4096), why[64];
    struct mapping m;
    struct vac_err err = {0};
    unsigned sum = 0;

    (void)state;
    catch_bus();
    assert_ok(map_open(&m, path, &err), &err);
    assert_ok(map_check(&m, &err), &err);
    assert_int_equal(truncate(path, 5000), 0);
    for (size_t i = 0; i < m.len; i++)
        sum += m.data[i];
    assert_true(sum > 0); /* and nobody died */
    assert_true(map_torn(&m));
    assert_int_equal(map_check(&m, &err), -1);
    assert_error(&err, path);
    assert_error(&err, "was cut");
    map_close(&m);
    /* the same place in the list serves another file */
    err = (struct vac_err){0};
    assert_ok(map_open(&m, path, &err), &err);
    assert_false(map_torn(&m));
    assert_ok(map_check(&m, &err), &err);
    map_close(&m);
    assert_false(map_mend(why)); /* no mapping's address */
    free(path);
}

static void changes(const char *name, void (*change)(const char *path), const char *says)
{
    char *path = file_of(support_tmp(), name, "0123456789abcdef", 512);
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct mapping m;
    struct vac_err err = {0};

    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_ok(map_open(&m, path, &err), &err);
    change(path);
    if (says) {
        assert_int_equal(map_check(&m, &err), -1);
        assert_error(&err, says);
    } else {
        assert_ok(map_check(&m, &err), &err);
    }
    map_close(&m);
    free(path);
}

static void overwrite(const char *path)
{
    int fd = open(path, O_WRONLY);

    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static void replace(const char *path)
{
    char other[1300];
    FILE *f;

    snprintf(other, sizeof other, "%s.new", path);
    f = fopen(other, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(rename(other, path), 0);
}

static void take_away(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static void test_changes(void **state)
{
    (void)state;
    changes("a", overwrite, "was written to");
    changes("b", replace, "was replaced by another file");
    changes("c", take_away, NULL);
}

/* What reads from a mapping never believes a page that is gone. */
static void test_readers(void **state)
{
    const char *dir = support_tmp();
    char *rows = file_of(dir, "rows.jsonl", "{\"prompt\":\"a\",\"completion\":\"b\"}\n", 1000);
    char *table = file_of(dir, "table.csv", "prompt,completion\n", 1000);
    struct arena a = {0};
    struct row_reader r;
    struct csv_reader c;
    struct row row;
    struct vac_err err = {0};
    int rc;

    (void)state;
    catch_bus();
    assert_ok(row_reader_open(&r, rows, &err), &err);
    assert_int_equal(truncate(rows, 4096), 0);
    while ((rc = row_reader_next(&r, &row, &a, &err)) > 0)
        continue;
    assert_int_equal(rc, -1);
    assert_error(&err, "rows.jsonl: was cut");
    row_reader_close(&r);
    arena_done(&a);
    err = (struct vac_err){0};
    assert_ok(csv_open(&c, table, &err), &err);
    assert_int_equal(truncate(table, 4096), 0);
    while ((rc = csv_next(&c, &err)) > 0)
        continue;
    assert_int_equal(rc, -1);
    assert_error(&err, "table.csv: was cut");
    csv_close(&c);
    free(rows);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_readers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
