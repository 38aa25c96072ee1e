/* aside.c - see aside.h */
#include "record/aside.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what lies after the step --- */

struct names {
    char **v; /* paths inside the run folder */
    size_t n, cap;
};

/* A measurement's file, NAME_STAGE-STEP with what stands before and behind. */
static bool is_later(const struct run_spec *spec, const struct aside_from *from, const char *entry)
{
    static const struct {
        const char *head, *tail;
    } kinds[] = {{"results_", ".json"}, {"samples_", ".jsonl"}};
    char head[400], *end;

    for (size_t k = 0; k < 2 * spec->n_evaluate * spec->n_stages; k++) {
        size_t stage = k / 2 % spec->n_stages;
        const char *name = spec->evaluate[k / 2 / spec->n_stages].name;
        int n = snprintf(head, sizeof head, "%s%s_%s-", kinds[k % 2].head, name,
                         spec->stage[stage].name);
        unsigned long long step;

        if (strncmp(entry, head, (size_t)n) || !isdigit((unsigned char)entry[n]))
            continue;
        step = strtoull(entry + n, &end, 10);
        if (!strcmp(end, kinds[k % 2].tail))
            return from->start || stage > from->stage ||
                   (stage == from->stage && step > from->stage_step);
    }
    return false;
}

/* Number of "checkpoint-N", or -1. */
static long long point_of(const char *entry)
{
    static const char point[] = "checkpoint-";
    size_t n = sizeof point - 1;

    return !strncmp(entry, point, n) && entry[n] && !entry[n + strspn(entry + n, "0123456789")]
               ? strtoll(entry + n, NULL, 10)
               : -1;
}

static bool is_of_a_past(const struct run_spec *spec, const struct aside_from *from,
                         const char *entry)
{
    (void)spec;
    return from->start ? !strcmp(entry, "stages") || point_of(entry) >= 0
                       : from->rewind && point_of(entry) > (long long)from->step;
}

static bool is_later_end(const struct run_spec *spec, const struct aside_from *from,
                         const char *entry)
{
    for (size_t i = from->stage; from->rewind && i < spec->n_stages; i++)
        if (!strcmp(entry, spec->stage[i].name))
            return true;
    return false;
}

/* The newest checkpoint goes first: whoever is killed meanwhile goes on from one that was saved, and what
 * it stands on is still there. */
static int order(const void *a, const void *b)
{
    long long x = point_of(*(char *const *)a), y = point_of(*(char *const *)b);

    return x != y ? (x < y) - (x > y) : strcmp(*(char *const *)a, *(char *const *)b);
}

typedef bool name_test(const struct run_spec *spec, const struct aside_from *from,
                       const char *entry);

/* Adds the entries of a folder below the run's ("" = of that itself). */
static int list(struct names *out, const struct folder *f, const char *below, name_test *wanted,
                const struct run_spec *spec, const struct aside_from *from, struct vac_err *err)
{
    char *dir = *below ? folder_path(f, below, err) : mem_strdup(f->dir, err);
    DIR *d = dir ? dir_open(dir) : NULL;
    const struct dirent *e;
    int rc = dir ? 0 : -1;

    if (dir && !d && !path_missing(dir))
        rc = path_error(dir, "open the folder", err);
    while (rc == 0 && d && (errno = 0, e = readdir(d))) {
        if (!wanted(spec, from, e->d_name))
            continue;
        rc = mem_grow(&out->v, &out->cap, out->n + 1, sizeof *out->v, err);
        if (rc == 0 && !(out->v[out->n] = path_join(below, e->d_name, err)))
            rc = -1;
        out->n += rc == 0;
    }
    if (rc == 0 && d && errno)
        rc = path_error(dir, "read the folder", err);
    if (d)
        closedir(d);
    free(dir);
    return rc;
}

/* --- setting it aside --- */

/* What a file of the run holds from `at` on, under the same name in another folder. */
static int copy_into(const struct folder *f, const char *name, int64_t at, const char *dir,
                     struct vac_err *err)
{
    char *path = folder_path(f, name, err), *to = path ? path_join(dir, name, err) : NULL;
    int rc = to ? file_copy(path, at, -1, to, err) : -1;

    free(path);
    free(to);
    return rc;
}

/* The folder `dir`, whole, with the ends of the line files. */
static int fill(const struct folder *f, const struct aside_from *from, const char *dir,
                struct vac_err *err)
{
    char *eval = path_join(dir, "eval", err);
    int rc =
        eval && (path_missing(dir) || !path_remove(dir, err)) && !dirs_make(eval, err) ? 0 : -1;

    for (int i = 0; rc == 0 && i < LINES_JOURNAL; i++) {
        int64_t size;
        rc = folder_size(f, (enum line_file)i, &size, err);
        if (rc == 0 && size > from->size[i])
            rc = copy_into(f, line_files[i], from->size[i], dir, err);
    }
    free(eval);
    return rc ? -1 : copy_into(f, "run.json", 0, dir, err);
}

/* Whether the folder `name` holds just these ends, and nothing that is still to go there: a kill came before they
 * were cut off. Steps that are made again can be the same lines, and are another past all the same. */
static bool holds(const struct folder *f, const struct aside_from *from, const struct names *later,
                  const char *name)
{
    bool same = true;

    for (size_t i = 0; same && i < later->n; i++) {
        char *dir = folder_path(f, name, NULL),
             *to = dir ? path_join(dir, later->v[i], NULL) : NULL;

        same = to && path_missing(to);
        free(dir);
        free(to);
    }

    for (int i = 0; same && i < LINES_JOURNAL; i++) {
        struct mapping now = {0}, then = {0};
        char *path = folder_path(f, line_files[i], NULL), *dir = folder_path(f, name, NULL);
        char *copy = dir ? path_join(dir, line_files[i], NULL) : NULL;
        size_t at = (size_t)from->size[i];

        same = path && copy && (path_missing(path) || !map_open(&now, path, NULL)) &&
               (path_missing(copy) || !map_open(&then, copy, NULL)) &&
               (now.len > at ? now.len - at : 0) == then.len &&
               (then.len == 0 || !memcmp(now.data + at, then.data, then.len));
        map_close(&now);
        map_close(&then);
        free(path);
        free(dir);
        free(copy);
    }
    return same;
}

/* A name that nothing has, first as one that a kill may leave half-made. */
static int begin(const struct folder *f, const struct aside_from *from, const struct names *later,
                 char name[ASIDE_NAME], struct vac_err *err)
{
    char *dir = NULL, *tmp = NULL;
    bool is_free = false;
    int rc = -1;

    for (int k = 1; !is_free && k < 1000000; k++) {
        if (k > 1 && holds(f, from, later, name)) {
            free(dir);
            return 0;
        }
        free(dir);
        snprintf(name, ASIDE_NAME, "aside-%llu-%d", (unsigned long long)from->step, k);
        dir = folder_path(f, name, err);
        if (!dir)
            return -1;
        is_free = path_missing(dir);
    }
    tmp = mem_new(strlen(dir) + sizeof ".tmp", 1, err);
    if (tmp) {
        sprintf(tmp, "%s.tmp", dir);
        rc = fill(f, from, tmp, err) || path_rename(tmp, dir, err) ? -1 : 0;
        if (rc)
            path_remove(tmp, NULL); /* give the space back */
    }
    if (rc)
        name[0] = '\0';
    free(dir);
    free(tmp);
    return rc;
}

int aside_make(struct folder *f, const struct run_spec *spec, const struct aside_from *from,
               char name[ASIDE_NAME], struct vac_err *err)
{
    struct names later = {0};
    bool any = *name != '\0';
    char *dir;
    int rc = list(&later, f, "eval", is_later, spec, from, err) ||
                     list(&later, f, "", is_of_a_past, spec, from, err) ||
                     (from->rewind && list(&later, f, "stages", is_later_end, spec, from, err))
                 ? -1
                 : 0;

    any |= later.n > 0;
    for (int i = 0; rc == 0 && i < LINES_JOURNAL; i++) {
        int64_t size;
        rc = folder_size(f, (enum line_file)i, &size, err);
        any |= rc == 0 && size > from->size[i];
    }
    if (rc == 0 && any && !*name)
        rc = begin(f, from, &later, name, err);
    /* later measurements, checkpoints and stages keep their names in the new folder */
    dir = rc == 0 && later.n ? folder_path(f, name, err) : NULL;
    if (later.n)
        qsort(later.v, later.n, sizeof *later.v, order);
    if (dir && from->rewind) {
        char *stages = path_join(dir, "stages", err);

        rc = stages ? dirs_make(stages, err) : -1;
        free(stages);
    }
    for (size_t i = 0; i < later.n; i++) {
        char *old = dir && rc == 0 ? folder_path(f, later.v[i], err) : NULL;
        char *new = old ? path_join(dir, later.v[i], err) : NULL;

        rc = new && !path_rename(old, new, err) ? 0 : -1;
        free(old);
        free(new);
        free(later.v[i]);
    }
    free(dir);
    free(later.v);
    return rc ? -1 : folder_cut(f, from->size, err);
}
