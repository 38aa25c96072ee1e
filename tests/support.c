/* support.c - see support.h */
#include "support.h"
#include <ftw.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* DIR/NAME, to the end of the program. */
static char *kept(const char *dir, const char *name)
{
    static char **all;
    static size_t n;
    size_t room = strlen(dir) + strlen(name) + 2;

    all = realloc(all, (n + 1) * sizeof *all);
    assert_non_null(all);
    all[n] = malloc(room);
    assert_non_null(all[n]);
    snprintf(all[n], room, "%s/%s", dir, name);
    return all[n++];
}

const char *support_path(const char *rel)
{
    const char *src = getenv("srcdir");

    return kept(kept(src ? src : ".", "tests"), rel);
}

const char *support_testdata(const char *rel)
{
    const char *root = getenv("VACCINE_TESTDATA"), *p;

    if (!root || !*root) {
        print_message("skipped: VACCINE_TESTDATA is not set (%s)\n", rel);
        return NULL;
    }
    p = kept(root, rel);
    if (access(p, R_OK)) {
        print_message("skipped: %s is not there\n", p);
        return NULL;
    }
    return p;
}

static char **made;
static size_t n_made;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st;
    (void)flag;
    (void)f;
    return remove(path);
}

static void remove_made(void)
{
    for (size_t i = 0; i < n_made; i++)
        nftw(made[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(made);
}

const char *support_tmp(void)
{
    const char *root = getenv("TMPDIR");
    char *p = kept(root ? root : "/tmp", "vaccine-test-XXXXXX");

    if (!mkdtemp(p))
        fail_msg("cannot make a temporary folder %s", p);
    if (n_made == 0)
        atexit(remove_made);
    made = realloc(made, (n_made + 1) * sizeof *made);
    assert_non_null(made);
    made[n_made++] = p;
    return p;
}

const char *support_join(const char *dir, const char *name)
{
    return kept(dir, name);
}

const char *support_own(void)
{
    static const char *dir;

    return dir ? dir : (dir = support_tmp());
}

const char *support_file(const char *name)
{
    return support_join(support_own(), name);
}

const char *support_text(const char *name, const char *text)
{
    const char *p = support_file(name);

    support_write_text(p, text);
    return p;
}

const char *support_folder(const char *name)
{
    const char *p = support_file(name);

    assert_int_equal(mkdir(p, 0700), 0);
    return p;
}

void support_write(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(data, 1, n, f) != n || fclose(f))
        fail_msg("cannot write %s", path);
}

void support_write_text(const char *path, const char *text)
{
    support_write(path, text, strlen(text));
}

double support_diff(const float *a, const float *b, size_t n)
{
    double diff = 0, top = 0;

    for (size_t i = 0; i < n; i++) {
        if (isnan(a[i]) || isnan(b[i]))
            return INFINITY;
        diff = fmax(diff, fabs((double)a[i] - b[i]));
        top = fmax(top, fabs((double)b[i]));
    }
    return top > 0 ? diff / top : diff;
}

double support_diff_d(const float *a, const double *b, size_t n)
{
    double diff = 0, top = 0;

    for (size_t i = 0; i < n; i++) {
        if (isnan(a[i]) || isnan(b[i]))
            return INFINITY;
        diff = fmax(diff, fabs((double)a[i] - b[i]));
        top = fmax(top, fabs(b[i]));
    }
    return top > 0 ? diff / top : diff;
}
