/* test_fuzz.c - the inputs that fuzzing found worth keeping, read once more by every compiler. */
#include <dirent.h>

#include "base/io.h"
#include "fuzz/fuzz.h"
#include "support.h"

static void replay(void **state)
{
    const struct fuzz_target *t = *state;
    char dir[1200], path[2400];
    struct dirent *e;
    size_t count = 0;
    DIR *d;

    fuzz_one(t, (const uint8_t *)"", 0);
    snprintf(dir, sizeof dir, "%s/%s", support_path("fuzz"), t->name);
    d = opendir(dir);
    assert_non_null(d);
    while ((e = readdir(d))) {
        struct vac_err err = {0};
        size_t n;
        char *data;

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        data = file_read(path, 1 << 22, &n, &err);
        assert_non_null(data);
        fuzz_one(t, (const uint8_t *)data, n);
        free(data);
        count++;
    }
    closedir(d);
    assert_true(count > 0);
}

int main(void)
{
    struct CMUnitTest tests[32];
    size_t n = 0;

    for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
        tests[n++] = (struct CMUnitTest){t->name, replay, NULL, NULL, (void *)t};
    return _cmocka_run_group_tests("fuzz", tests, n, NULL, NULL);
}
