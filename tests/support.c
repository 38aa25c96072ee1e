/* support.c - see support.h */
#include "support.h"
#include <ftw.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static char *slot(void)
{
    static char paths[16][1024];
    static unsigned next;

    return paths[next++ % 16];
}

const char *support_path(const char *rel)
{
    const char *src = getenv("srcdir");
    char *p = slot();

    snprintf(p, 1024, "%s/tests/%s", src ? src : ".", rel);
    return p;
}

const char *support_testdata(const char *rel)
{
    const char *root = getenv("VACCINE_TESTDATA");
    char *p = slot();

    if (!root || !*root) {
        print_message("skipped: VACCINE_TESTDATA is not set (%s)\n", rel);
        return NULL;
    }
    snprintf(p, 1024, "%s/%s", root, rel);
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
    for (size_t i = 0; i < n_made; i++) {
        nftw(made[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(made[i]);
    }
    free(made);
}

const char *support_tmp(void)
{
    const char *root = getenv("TMPDIR");
    char *p = slot();

    snprintf(p, 1024, "%s/vaccine-test-XXXXXX", root ? root : "/tmp");
    if (!mkdtemp(p))
        fail_msg("cannot make a temporary folder %s", p);
    if (n_made == 0)
        atexit(remove_made);
    made = realloc(made, (n_made + 1) * sizeof *made);
    assert_non_null(made);
    made[n_made++] = strdup(p);
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
