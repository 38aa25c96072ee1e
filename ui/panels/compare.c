/* compare.c - see compare.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cjson/cJSON.h>
#include "panels/ask.h"
#include "panels/compare.h"
#include "panels/state.h"

enum { AGAIN = 5 }; /* seconds until a curve that has grown is read again */

/* --- curves --- */

static bool is_open(const struct ui *ui, const char *dir)
{
    return *ui->snap.run && compare_is_same(dir, ui_dir(ui));
}

bool compare_is_shown(const struct ui *ui, int i)
{
    return !is_open(ui, ui->overlay[i].dir);
}

/* The open run's curves are there in any case. */
bool compare_is_laid(const struct ui *ui, const char *dir)
{
    if (is_open(ui, dir))
        return true;
    for (int i = 0; i < ui->n_overlay; i++)
        if (!strcmp(ui->overlay[i].dir, dir))
            return true;
    return false;
}

/* Begin of the part of a path that ends at `end`. */
static const char *part_before(const char *path, const char *end)
{
    while (end > path && end[-1] != '/')
        end--;
    return end;
}

static const char *last_part(const char *path)
{
    const char *part = part_before(path, path + strlen(path));

    return *part ? part : path;
}

bool compare_apart(char *out, size_t size, const char *dir, const char *other)
{
    const char *a = dir + strlen(dir), *b = other + strlen(other);
    bool same = !strcmp(last_part(dir), last_part(other)) && !compare_is_same(dir, other);

    out[0] = '\0';
    while (same) {
        const char *x = part_before(dir, a), *y = part_before(other, b);

        if (a - x != b - y || memcmp(x, y, (size_t)(a - x)) != 0) {
            snprintf(out, size, "%.*s", a > x ? (int)(a - x) : 1,
                     a > x ? x : "."); /* else dir begins here */
            break;
        }
        if (x == dir && y == other)
            return false;
        a = x > dir ? x - 1 : x;
        b = y > other ? y - 1 : y;
    }
    return same;
}

/* Of the file that its points are read from; -1 = there is none. */
static long long size_of(const char *dir)
{
    char path[VAC_PATH + 16];
    struct stat st;

    snprintf(path, sizeof path, "%s/metrics.jsonl", dir);
    return stat(path, &st) ? -1 : st.st_size;
}

/* False, and what it had stays, when it cannot be read. */
static bool read_points(struct overlay *o, double now, struct vac_err *err)
{
    struct vac_point *points = NULL;
    size_t n = 0;

    o->read_at = now;
    if (vac_run_points(o->dir, &points, &n, err))
        return false;
    history_done(&o->points);
    for (size_t i = 0; i < n; i++)
        history_push(&o->points, &points[i]);
    free(points);
    return true;
}

void compare_read_on(struct ui *ui)
{
    for (int i = 0; i < ui->n_overlay; i++) {
        struct overlay *o = &ui->overlay[i];
        struct vac_err ignored = {0};
        long long was = o->size;

        if (!ui->deterministic && ui->now - o->read_at < AGAIN)
            continue;
        o->size = size_of(o->dir);
        if (o->size >= 0 && o->size != was)
            read_points(o, ui->now, &ignored);
    }
}

bool compare_lay(struct ui *ui, const char *dir)
{
    struct vac_err err = {0};
    struct overlay *o = &ui->overlay[ui->n_overlay];

    if (compare_is_laid(ui, dir))
        return true;
    if (ui->n_overlay == INK_RUNS) {
        ui_warn(ui, "%d runs are laid over already: o takes them away", INK_RUNS);
        return false;
    }
    *o = (struct overlay){.size = size_of(dir)};
    snprintf(o->dir, sizeof o->dir, "%s", dir);
    if (!read_points(o, ui->now, &err)) {
        ui_warn(ui, "%s", err.msg);
        return false;
    }
    ui->n_overlay++;
    snprintf(o->name, sizeof o->name, "%s", last_part(dir));
    for (int i = -1; i < ui->n_overlay - 1; i++) {
        const char *other = i < 0 ? ui_dir(ui) : ui->overlay[i].dir;
        char part[24];

        if (*other && compare_apart(part, sizeof part, dir, other)) {
            snprintf(o->name, sizeof o->name, "%.36s (%s)", last_part(dir), part);
            break;
        }
    }
    ui->dirty = true;
    return true;
}

int compare_lay_all(struct ui *ui, const char *const *dir, size_t n, struct vac_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!compare_lay(ui, dir[i]))
            return err_set(err, VAC_ERR_USAGE, "--overlay: %s", ui->message.text);
    return 0;
}

void compare_clear(struct ui *ui)
{
    for (int i = 0; i < ui->n_overlay; i++)
        history_done(&ui->overlay[i].points);
    ui->n_overlay = 0;
    ui->dirty = true;
}

/* --- what the run went back from --- */

static int is_aside(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return !strncmp(e->d_name, "aside-", 6) && n > 6 &&
           strspn(e->d_name + 6, "0123456789-") == n - 6;
}

void compare_ghosts_done(struct ui *ui)
{
    for (int i = 0; i < ui->n_ghost; i++) {
        history_done(&ui->ghost[i].points);
        measures_done(&ui->ghost[i].evals);
    }
    ui->n_ghost = 0;
}

static void read_ghost(struct ghost *g, const char *dir)
{
    struct vac_point *points = NULL;
    struct vac_eval *evals = NULL;
    struct vac_err ignored = {0};
    size_t n = 0;

    *g = (struct ghost){.points = {.v = NULL}};
    if (vac_run_points(dir, &points, &n, &ignored) == 0)
        for (size_t i = 0; i < n; i++)
            history_push(&g->points, &points[i]);
    free(points);
    ignored = (struct vac_err){0};
    if (vac_run_evals(dir, &evals, &n, &ignored) == 0)
        for (size_t i = 0; i < n; i++)
            measures_put(&g->evals, &evals[i]);
    free(evals);
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
    return versionsort(b, a);
}

void compare_ghosts(struct ui *ui)
{
    struct dirent **names = NULL;
    const char *dir = ui_dir(ui);
    char path[VAC_PATH + 300];
    int n = *dir ? scandir(dir, &names, is_aside, newest_first) : 0;

    compare_ghosts_done(ui);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
        if (ui->n_ghost < GHOSTS_MOST)
            read_ghost(&ui->ghost[ui->n_ghost++], path);
        free(names[i]);
    }
    free(names);
    ui->dirty = true;
}

/* --- descriptions --- */

bool compare_is_same(const char *a, const char *b)
{
    struct stat x, y;

    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

struct flat {
    char *key, *value;
};
struct flats {
    struct flat *v;
    size_t n, cap;
};

static void flats_done(struct flats *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->v[i].key);
        free(f->v[i].value);
    }
    free(f->v);
}

static void flats_push(struct flats *f, const char *key, const cJSON *value)
{
    if (f->n == f->cap) {
        size_t want = f->cap ? 2 * f->cap : 64;
        struct flat *grown = realloc(f->v, want * sizeof *grown);

        if (!grown)
            return;
        f->v = grown;
        f->cap = want;
    }
    f->v[f->n] = (struct flat){strdup(key), cJSON_PrintUnformatted(value)};
    f->n += f->v[f->n].key && f->v[f->n].value;
}

/* "stages[1].rho" and its value, for every leaf. */
static void flatten(struct flats *f, const cJSON *v, const char *path, int depth)
{
    const cJSON *one;
    int i = 0;

    if ((!cJSON_IsObject(v) && !cJSON_IsArray(v)) || !v->child || depth > 32) {
        flats_push(f, path, v);
        return;
    }
    cJSON_ArrayForEach(one, v)
    {
        char *at = NULL;
        int n = cJSON_IsArray(v) ? asprintf(&at, "%s[%d]", path, i++)
                                 : asprintf(&at, "%s%s%s", path, *path ? "." : "",
                                            one->string ? one->string : "");

        if (n >= 0) {
            flatten(f, one, at, depth + 1);
            free(at);
        }
    }
}

static bool read_config(const char *dir, struct flats *out, char *why, size_t size)
{
    struct vac_err err = {0};
    char *text = vac_run_config(dir, &err);
    cJSON *doc = text ? cJSON_Parse(text) : NULL;

    if (!doc)
        snprintf(why, size, "%.*s", (int)size - 1, *err.msg ? err.msg : "run.json is no JSON");
    else
        flatten(out, doc, "", 0);
    cJSON_Delete(doc);
    free(text);
    return doc != NULL;
}

static const char *value_of(const struct flats *f, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->v[i].key, key))
            return f->v[i].value;
    return NULL;
}

struct pair {
    const char *name[2]; /* of the runs */
    const struct flats *of[2];
    int width; /* of the longer name */
    FILE *out;
};

static bool print_difference(const struct pair *p, const char *key)
{
    const char *a = value_of(p->of[0], key), *b = value_of(p->of[1], key);

    if ((a && b && !strcmp(a, b)) || !strcmp(key, "created") || !strncmp(key, "plan", 4))
        return false;
    fprintf(p->out, "%s\n    %-*s  %s\n    %-*s  %s\n", key, p->width, p->name[0],
            a ? a : "(not there)", p->width, p->name[1], b ? b : "(not there)");
    return true;
}

/* What differs in meaning first: how it was trained, then on what; where files lie, and words, last. */
enum { RANKS = 6 };

static int rank_of(const struct pair *p, const char *key)
{
    const char *last = strrchr(key, '.'), *a = value_of(p->of[0], key),
               *b = value_of(p->of[1], key);

    if (a && b && strchr(a, '/') && strchr(b, '/') && !strcmp(last_part(a), last_part(b)))
        return RANKS - 2;
    if (!strncmp(key, "spec.stages[", 12))
        return last && (!strcmp(last, ".method") || !strcmp(last, ".rho")) ? 0 : 1;
    if (strncmp(key, "spec.", 5) != 0)
        return 3;
    return !strcmp(key, "spec.description") ? RANKS - 1 : 2;
}

static void print_differences(const struct pair *p)
{
    bool any = false;

    for (int rank = 0; rank < RANKS; rank++)
        for (int k = 0; k < 2; k++)
            for (size_t i = 0; i < p->of[k]->n; i++) {
                const char *key = p->of[k]->v[i].key;

                if (rank_of(p, key) == rank && (k == 0 || !value_of(p->of[0], key)))
                    any |= print_difference(p, key);
            }
    if (!any)
        fprintf(p->out, "%s and %s have the same description.\n", p->name[0], p->name[1]);
}

char *compare_configs(const char *a, const char *b, char *why, size_t size)
{
    struct flats x = {0}, y = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *out = NULL;

    if (read_config(a, &x, why, size) && read_config(b, &y, why, size)) {
        out = open_memstream(&text, &len);
        if (out) {
            struct pair p = {.name = {last_part(a), last_part(b)}, .of = {&x, &y}, .out = out};
            size_t n, m;

            if (!strcmp(p.name[0], p.name[1])) {
                p.name[0] = a;
                p.name[1] = b;
            }
            n = strlen(p.name[0]);
            m = strlen(p.name[1]);

            p.width = (int)(n > m ? n : m);
            print_differences(&p);
            fclose(out);
        } else {
            snprintf(why, size, "no memory");
        }
    }
    flats_done(&x);
    flats_done(&y);
    return text;
}

/* --- deleting --- */

/* Removes what is in the open folder `fd`, which is closed. */
static int empty_folder(int fd, int depth)
{
    DIR *d = fdopendir(fd);
    const struct dirent *e;
    int rc = 0;

    if (!d) {
        close(fd);
        return -1;
    }
    while (rc == 0 && (e = readdir(d))) {
        struct stat st;
        int sub;

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
            rc = -1;
        } else if (!S_ISDIR(st.st_mode)) {
            rc = unlinkat(dirfd(d), e->d_name, 0);
        } else if (depth > 0) {
            sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            rc = sub < 0 || empty_folder(sub, depth - 1)
                     ? -1
                     : unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
        }
    }
    closedir(d);
    return rc;
}

/* Looked at again just before: it may have been started since the list was made. */
static bool may_delete(struct ui *ui, const char *dir, char *why, size_t size)
{
    struct vac_run_info *info = NULL;
    struct vac_err err = {0};
    size_t n = 0;
    bool ok = false;

    if (vac_runs(dir, &info, &n, &err))
        snprintf(why, size, "%.*s", (int)size - 1, err.msg);
    else if (n != 1 || strcmp(info->dir, dir))
        snprintf(why, size, "%.300s: is no run", dir);
    else if (!strcmp(info->state, "running") || !strcmp(info->state, "paused"))
        snprintf(why, size, "%.64s is %.24s: a run that trains is not deleted", info->name,
                 info->state);
    else if ((*ui->snap.run && compare_is_same(dir, ui_dir(ui))) ||
             (*ui->parked && compare_is_same(dir, ui->parked)))
        snprintf(why, size, "%.64s is open: open another run first", info->name);
    else
        ok = true;
    free(info);
    return ok;
}

bool compare_delete(struct ui *ui, const char *dir, char *why, size_t size)
{
    int fd;

    if (!may_delete(ui, dir, why, size))
        return false;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || empty_folder(fd, 8) || rmdir(dir)) {
        snprintf(why, size, "%.300s: %s", dir, strerror(errno));
        return false;
    }
    return true;
}
