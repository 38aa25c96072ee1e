/* folder.c - see folder.h */
#include "record/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const line_files[LINES_COUNT] = {"metrics.jsonl", "layers.jsonl", "probes.jsonl",
                                             "eval/history.jsonl", "journal.jsonl"};

/* --- where --- */

static void stem_of(const char *run_file, char *out, size_t size)
{
    const char *base = path_base(run_file), *dot = strrchr(base, '.');

    snprintf(out, size, "%.*s", dot && dot > base ? (int)(dot - base) : (int)strlen(base), base);
}

char *folder_make(const char *run_file, struct vac_err *err)
{
    char stem[256], path[300];
    int rc = dirs_make("runs", err) ? -1 : 1;

    stem_of(run_file, stem, sizeof stem);
    for (int i = 1; rc == 1 && i < 1000000; i++) {
        snprintf(path, sizeof path, "runs/%s-%03d", stem, i);
        rc = dir_make(path, err);
    }
    if (rc == 1)
        err_set(err, VAC_ERR_USAGE, "runs/%s-NNN: no number is free: name a folder with -o", stem);
    return rc ? NULL : mem_strdup(path, err);
}

/* 1 = it stands there, 0 = it does not; -1 = that cannot be told just now. */
int folder_holds_run(const char *dir, struct vac_err *err)
{
    char *path = path_join(dir, "run.json", err);
    struct stat st;
    int rc = path ? 1 : -1;

    if (path && path_stat(path, &st))
        rc = errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                 ? 0
                 : path_error(path, "look at it", err);
    else if (path)
        rc = S_ISREG(st.st_mode);
    free(path);
    return rc;
}

int folder_with_run(const char *dir, struct vac_err *err)
{
    int holds = folder_holds_run(dir, err);
    struct stat st;

    if (holds == 0 && path_stat(dir, &st) && errno == ENOENT)
        return err_set(err, VAC_ERR_USAGE, "%s: there is no such folder: name a run folder", dir);
    if (holds == 0)
        return err_set(err, VAC_ERR_USAGE, "%s: holds no run (no run.json): name a run folder",
                       dir);
    return holds < 0 ? -1 : 0;
}

int folder_finished(const char *dir, bool *yes, struct vac_err *err)
{
    char *path = path_join(dir, "final", err);
    int rc = path ? dir_measure(path, yes, err) : -1;

    free(path);
    return rc;
}

int folder_is_free(const char *dir, struct vac_err *err)
{
    int holds = folder_holds_run(dir, err);

    if (holds > 0)
        return err_set(
            err, VAC_ERR_USAGE,
            "%s: already holds a run: go on with it by --resume, or name another folder with -o",
            dir);
    return holds;
}

char *folder_path(const struct folder *f, const char *name, struct vac_err *err)
{
    return path_join(f->dir, name, err);
}

int folder_open(struct folder *f, const char *dir, struct vac_err *err)
{
    *f = (struct folder){0};
    f->dir = mem_strdup(dir, err);
    if (f->dir && !dirs_make(dir, err) && !dir_enter(dir, err)) {
        f->entered = true;
        if (!lock_take(&f->lock, dir, err))
            return 0;
    }
    folder_close(f);
    return -1;
}

void folder_close(struct folder *f)
{
    for (int i = 0; i < LINES_COUNT; i++)
        app_close(&f->lines[i]);
    lock_drop(&f->lock);
    if (f->entered)
        dir_leave(f->dir);
    f->entered = false;
    free(f->dir);
    f->dir = NULL;
}

/* --- line files --- */

/* The number of the last journal line, so that numbers go on after a resume. */
static int last_seq(const char *path, uint64_t *n, struct vac_err *err)
{
    struct mapping m = {0};

    if (map_open(&m, path, err))
        return -1;
    *n = 0;
    for (size_t i = 0; i < m.len; i++)
        *n += m.data[i] == '\n';
    map_close(&m);
    return 0;
}

static int open_lines(struct folder *f, enum line_file which, struct vac_err *err)
{
    char *path = folder_path(f, line_files[which], err);
    int rc = path ? app_open(&f->lines[which], path, err) : -1;

    if (rc == 0 && which == LINES_JOURNAL)
        rc = last_seq(path, &f->journal_seq, err);
    free(path);
    return rc;
}

int folder_lines(struct folder *f, struct vac_err *err)
{
    char *eval = folder_path(f, "eval", err);
    int rc = eval && !dirs_make(eval, err) ? 0 : -1;

    for (int i = 0; rc == 0 && i < LINES_COUNT; i++) {
        if (!f->lines[i].path)
            rc = open_lines(f, (enum line_file)i, err);
    }
    free(eval);
    return rc;
}

int folder_journal_open(struct folder *f, struct vac_err *err)
{
    return open_lines(f, LINES_JOURNAL, err);
}

/* What a kill leaves of a folder NAME, or of a file NAME, has one of these names. */
static bool is_half(const char *entry, const char *name, size_t n)
{
    const char *tail = entry + n;

    return !strncmp(entry, name, n) &&
           (!strcmp(tail, ".tmp") || !strcmp(tail, ".tmp.old") ||
            (!strncmp(tail, ".tmp-", 5) && tail[5] && !tail[5 + strspn(tail + 5, "0123456789")]));
}

/* "PREFIX...", as long as what follows is made of the characters `set`. */
static bool is_half_like(const char *entry, const char *prefix, const char *set)
{
    size_t n = strlen(prefix);
    const char *tmp = strstr(entry, ".tmp");

    return tmp && !strncmp(entry, prefix, n) && tmp > entry + n &&
           entry + n + strspn(entry + n, set) >= tmp &&
           is_half(entry, entry, (size_t)(tmp - entry));
}

typedef bool half_made(const char *entry, const char *const *stages, size_t n);

static bool half_in_run(const char *entry, const char *const *stages, size_t n)
{
    static const char *const own[] = {
        "run.json",           "final",      "drift-reference.tmp", "metrics.csv",
        "trainer_state.json", "report.html"};

    (void)stages;
    (void)n;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (is_half(entry, own[i], strlen(own[i])))
            return true;
    return !strcmp(entry, "drift-reference.tmp") ||
           is_half_like(entry, "checkpoint-", "0123456789") ||
           is_half_like(entry, "aside-", "0123456789-") ||
           is_half_like(entry, "events.out.tfevents.", "0123456789.vaccine");
}

static bool half_in_stages(const char *entry, const char *const *stages, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_half(entry, stages[i], strlen(stages[i])))
            return true;
    return false;
}

static bool half_in_eval(const char *entry, const char *const *stages, size_t n)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    (void)stages;
    (void)n;
    return is_half_like(entry, "samples_", set) || is_half_like(entry, "results_", set);
}

void folder_sweep(const struct folder *f, const char *const *stages, size_t n)
{
    static const struct {
        const char *name;
        half_made *half;
    } below[] = {{"", half_in_run}, {"stages", half_in_stages}, {"eval", half_in_eval}};

    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        char *dir = *below[i].name ? folder_path(f, below[i].name, NULL) : mem_strdup(f->dir, NULL);
        DIR *d = dir ? dir_open(dir) : NULL;
        struct dirent *e;

        while (d && (e = readdir(d))) {
            char *path =
                below[i].half(e->d_name, stages, n) ? path_join(dir, e->d_name, NULL) : NULL;
            if (path)
                path_remove(path, NULL);
            free(path);
        }
        if (d)
            closedir(d);
        free(dir);
    }
}

int folder_sizes(const struct folder *f, int64_t size[LINES_COUNT], struct vac_err *err)
{
    for (int i = 0; i < LINES_COUNT; i++) {
        if (app_size(&f->lines[i], &size[i], err))
            return -1;
    }
    return 0;
}

int folder_take_back(struct folder *f, const int64_t size[LINES_COUNT], struct vac_err *err)
{
    for (int i = 0; i < LINES_JOURNAL; i++) {
        int64_t now;
        if (app_size(&f->lines[i], &now, err) ||
            (now > size[i] && app_cut(&f->lines[i], size[i], err)))
            return -1;
    }
    return 0;
}

int folder_size(const struct folder *f, enum line_file which, int64_t *size, struct vac_err *err)
{
    char *path = folder_path(f, line_files[which], err);
    int rc = path ? file_measure(path, size, err) : -1;

    if (rc == 0 && *size < 0)
        *size = 0;
    free(path);
    return rc;
}

int folder_fits(const struct folder *f, const int64_t size[LINES_COUNT], struct vac_err *err)
{
    for (int i = 0; i < LINES_JOURNAL; i++) {
        int64_t have;
        if (folder_size(f, (enum line_file)i, &have, err))
            return -1;
        if (have < size[i])
            return err_set(
                err, VAC_ERR_FORMAT,
                "%s/%s: is shorter (%lld bytes) than at the checkpoint (%lld): it was changed",
                f->dir, line_files[i], (long long)have, (long long)size[i]);
    }
    return 0;
}

int folder_cut(struct folder *f, const int64_t size[LINES_COUNT], struct vac_err *err)
{
    int rc = folder_fits(f, size, err);

    for (int i = 0; rc == 0 && i < LINES_JOURNAL; i++) {
        char *path = folder_path(f, line_files[i], err);
        int64_t have;

        rc = path ? folder_size(f, (enum line_file)i, &have, err) : -1;
        if (rc == 0 && have > size[i])
            rc = file_cut(path, size[i], err);
        free(path);
    }
    return rc;
}

int folder_line(struct folder *f, enum line_file which, const struct strbuf *line,
                struct vac_err *err)
{
    if (sb_ok(line, err))
        return -1;
    return app_put(&f->lines[which], line->s, line->len, err);
}

int folder_sync(struct folder *f, struct vac_err *err)
{
    for (int i = 0; i < LINES_COUNT; i++) {
        if (app_sync(&f->lines[i], err))
            return -1;
    }
    return 0;
}

/* --- journal --- */

int folder_journal(struct folder *f, const struct journal_entry *e, struct vac_err *err)
{
    struct appender *a = &f->lines[LINES_JOURNAL];
    struct strbuf s = {0};
    int64_t before;
    int rc;

    journal_line(&s, e, f->journal_seq + 1);
    rc = app_size(a, &before, err) || folder_line(f, LINES_JOURNAL, &s, err) ? -1 : 0;
    if (rc == 0 && app_sync(a, err)) {
        rc = -1;
        app_cut(a, before, NULL); /* whoever tries again must not find it there */
    }
    if (rc == 0)
        f->journal_seq++;
    sb_done(&s);
    return rc;
}

/* --- whole files and folders --- */

/* At every moment one of the two stands there whole. */
int folder_swap(const char *dir, const char *from, const char *to, struct vac_err *err)
{
    char *a = path_join(dir, from, err), *b = path_join(dir, to, err);
    int rc = -1;

    if (a && b && !dir_sync(a, err))
        rc = path_missing(b)                                   ? path_rename(a, b, err)
             : path_exchange(a, b, err) || path_remove(a, err) ? -1
                                                               : 0;
    free(a);
    free(b);
    return rc;
}
