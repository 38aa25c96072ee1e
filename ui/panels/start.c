/* start.c - see start.h
 *
 * Recent files are lines of $XDG_STATE_HOME/vaccine/recent, newest first; one that is gone is not
 * shown. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "panels/ask.h"
#include "panels/compare.h"
#include "term/reply.h"
#include "panels/start.h"
#include "term/files.h"

enum { RECENT = 20, FOLDERS = 16, SAMPLE_SIZE = 1 << 20 };

struct paths {
    char v[RECENT][VAC_PATH];
    int n;
};

/* --- recent files --- */

static bool recent_path(char out[VAC_PATH + 16])
{
    char dir[VAC_PATH];

    if (!*files_state_dir(dir))
        return false;
    snprintf(out, VAC_PATH + 16, "%s/recent", dir);
    return true;
}

static void recent_read(struct paths *p)
{
    char name[VAC_PATH + 16], line[VAC_PATH + 2];
    FILE *f = recent_path(name) ? files_open(name) : NULL;

    p->n = 0;
    while (f && p->n < RECENT && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '/' && strlen(line) < VAC_PATH)
            strcpy(p->v[p->n++], line);
    }
    if (f)
        fclose(f);
}

void start_remember(const char *path)
{
    char *full = realpath(path, NULL), name[VAC_PATH + 16], temp[VAC_PATH + 32];
    struct paths old;
    FILE *f = NULL;
    int fd = -1, kept = 1;

    recent_read(&old);
    if (full && strlen(full) < VAC_PATH && !strchr(full, '\n') && recent_path(name)) {
        snprintf(temp, sizeof temp, "%s.%ld", name, (long)getpid());
        fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        f = fd >= 0 ? fdopen(fd, "w") : NULL;
    }
    if (f) {
        fprintf(f, "%s\n", full);
        for (int i = 0; i < old.n && kept < RECENT; i++)
            if (strcmp(old.v[i], full))
                kept += fprintf(f, "%s\n", old.v[i]) > 0;
        if (fclose(f) || rename(temp, name))
            unlink(temp);
    }
    free(full);
}

/* --- the list --- */

static struct start_item *add(struct start_list *l, enum start_kind kind, const char *path)
{
    struct start_item *item;

    if (l->n == l->cap) {
        size_t want = l->cap ? 2 * l->cap : 32;
        struct start_item *grown = realloc(l->v, want * sizeof *grown);

        if (!grown)
            return NULL;
        l->v = grown;
        l->cap = want;
    }
    item = &l->v[l->n];
    memset(item, 0, sizeof *item);
    item->kind = kind;
    if ((size_t)snprintf(item->path, sizeof item->path, "%s", path) >= sizeof item->path)
        return NULL;
    l->n++;
    return item;
}

static void head(struct start_list *l, const char *title)
{
    struct start_item *item = add(l, START_HEAD, "");

    if (item)
        snprintf(item->text, sizeof item->text, "%s", title);
}

/* A head under which nothing stands goes again. */
static void unless_empty(struct start_list *l)
{
    if (l->n && l->v[l->n - 1].kind == START_HEAD)
        l->n--;
}

void start_done(struct start_list *l)
{
    free(l->v);
    *l = (struct start_list){0};
}

/* --- runs --- */

struct folders {
    struct {
        dev_t dev;
        ino_t ino;
    } seen[FOLDERS];
    int n;
};

static bool first_time(struct folders *f, const char *dir)
{
    struct stat st;

    if (stat(dir, &st) || !S_ISDIR(st.st_mode) || f->n == FOLDERS)
        return false;
    for (int i = 0; i < f->n; i++)
        if (f->seen[i].dev == st.st_dev && f->seen[i].ino == st.st_ino)
            return false;
    f->seen[f->n].dev = st.st_dev;
    f->seen[f->n++].ino = st.st_ino;
    return true;
}

static void add_runs(struct start_list *l, struct folders *seen, const char *dir)
{
    struct vac_run_info *info = NULL;
    struct vac_err err = {0};
    size_t n = 0;

    if (!first_time(seen, dir) || vac_runs(dir, &info, &n, &err))
        return;
    for (size_t i = 0; i < n; i++) {
        struct start_item *item = add(l, START_RUN, info[i].dir);

        if (item)
            item->run = info[i];
    }
    free(info);
}

static void know(struct start_list *l, const struct vac_snapshot *s, const char *dir)
{
    static const char *const words[] = {
        [VAC_RUNNING] = "running", [VAC_MEASURING] = "running", [VAC_PAUSED] = "paused",
        [VAC_DONE] = "done",       [VAC_STOPPED] = "stopped",   [VAC_FAILED] = "failed",
    };

    for (size_t i = 0; words[s->state] && i < l->n; i++) {
        struct vac_run_info *run = &l->v[i].run;

        if (l->v[i].kind != START_RUN || !compare_is_same(l->v[i].path, dir))
            continue;
        snprintf(run->state, sizeof run->state, "%s", words[s->state]);
        run->step = s->step;
    }
}

void start_know(struct start_list *l, const struct ui *ui)
{
    if (*ui->snap.run)
        know(l, &ui->snap, ui_dir(ui));
    if (ui->aside)
        know(l, ui->aside, ui->parked);
}

static void add_runs_beside(struct start_list *l, struct folders *seen, const char *run)
{
    char copy[VAC_PATH];
    char *full = realpath(run, NULL);

    if (full && strlen(full) < sizeof copy)
        add_runs(l, seen, dirname(strcpy(copy, full)));
    free(full);
}

static void tell_apart(struct start_list *l)
{
    char part[32];

    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < l->n && !*l->v[i].apart; k++)
            if (l->v[i].kind == START_RUN && l->v[k].kind == START_RUN && k != i &&
                compare_apart(part, sizeof part, l->v[i].path, l->v[k].path))
                snprintf(l->v[i].apart, sizeof l->v[i].apart, " (%s)", part);
}

static bool holds_run(const char *dir)
{
    char path[VAC_PATH + 16];

    snprintf(path, sizeof path, "%s/run.json", dir);
    return access(path, R_OK) == 0;
}

/* --- samples --- */

/* A run file tells by its "stages" that it is one; its "description" is shown. */
static void add_sample(struct start_list *l, const char *path)
{
    static char text[SAMPLE_SIZE];
    FILE *f = files_open(path);
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    cJSON *doc = n && n < sizeof text ? cJSON_ParseWithLength(text, n) : NULL;
    struct start_item *item = NULL;

    if (cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(doc, "stages")))
        item = add(l, START_SAMPLE, path);
    if (item)
        snprintf(item->text, sizeof item->text, "%s", reply_text(doc, "description"));
    cJSON_Delete(doc);
    if (f)
        fclose(f);
}

static bool ends_in_json(const char *name)
{
    size_t n = strlen(name);

    return n > 5 && !strcmp(name + n - 5, ".json");
}

/* Run files in the folder and in the folders in it; first the one to begin with, which is named like its folder. */
static void add_samples(struct start_list *l, const char *dir, int depth)
{
    const char *folder = strrchr(dir, '/') ? strrchr(dir, '/') + 1 : dir;
    struct dirent **names = NULL;
    int n = scandir(dir, &names, NULL, alphasort);

    for (int i = 1; i < n; i++) {
        struct dirent *one = names[i];

        if (!strncmp(one->d_name, folder, strlen(folder)) &&
            !strcmp(one->d_name + strlen(folder), ".json")) {
            memmove(names + 1, names, (size_t)i * sizeof *names);
            names[0] = one;
        }
    }
    for (int i = 0; i < n; i++) {
        char path[VAC_PATH];
        struct stat st;
        bool fits =
            (size_t)snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name) < sizeof path;

        if (fits && names[i]->d_name[0] != '.' && stat(path, &st) == 0) {
            if (S_ISREG(st.st_mode) && ends_in_json(path))
                add_sample(l, path);
            else if (S_ISDIR(st.st_mode) && depth > 0)
                add_samples(l, path, depth - 1);
        }
        free(names[i]);
    }
    free(names);
}

/* Those of the current folder come first: they may be of the user's own making. */
static void add_all_samples(struct start_list *l)
{
    char dir[VAC_PATH];
    size_t before = l->n;

    add_samples(l, "samples", 1);
    if (l->n == before && files_samples(dir, sizeof dir))
        add_samples(l, dir, 1);
}

/* --- all of it --- */

/* A sample stands in the list by its name already. */
static bool is_sample(const struct start_list *l, const char *path)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].kind == START_SAMPLE && compare_is_same(l->v[i].path, path))
            return true;
    return false;
}

static void add_recent(struct start_list *l, const struct paths *recent)
{
    for (int i = 0; i < recent->n; i++)
        if (access(recent->v[i], R_OK) == 0 && !holds_run(recent->v[i]) &&
            !is_sample(l, recent->v[i]))
            add(l, START_RECENT, recent->v[i]);
}

const char *start_sample_name(const char *path)
{
    const char *name = strrchr(path, '/');

    while (name && name > path && *--name != '/')
        ;
    return name && *name == '/' ? name + 1 : path;
}

void start_read(struct start_list *l, const struct ui *ui, bool all)
{
    static struct paths recent;
    struct folders seen = {.n = 0};

    l->n = 0;
    recent_read(&recent);
    if (all)
        head(l, "Runs");
    add_runs(l, &seen, "runs");
    if (*ui->snap.run)
        add_runs_beside(l, &seen, ui_dir(ui));
    for (int i = 0; i < recent.n; i++)
        if (holds_run(recent.v[i]))
            add_runs_beside(l, &seen, recent.v[i]);
    unless_empty(l);
    tell_apart(l);
    if (!all)
        return;
    head(l, "Samples");
    add_all_samples(l);
    unless_empty(l);
    head(l, "Recent files");
    add_recent(l, &recent);
    unless_empty(l);
}

/* "5" of a fork "PARENT-at-5" below the row of that parent; NULL = its name is another. */
static const char *said_above(const struct start_list *l, int row)
{
    const struct vac_run_info *run = &l->v[row].run, *up = run;
    size_t n;

    while (row > 0 && up->depth >= run->depth)
        up = &l->v[--row].run;
    n = strlen(up->name);
    return up->depth < run->depth && !strncmp(run->name, up->name, n) &&
                   !strncmp(run->name + n, "-at-", 4)
               ? run->name + n + 4
               : NULL;
}

void start_name(const struct start_list *l, int row, bool tree, bool filtered, char *out,
                size_t size)
{
    const struct vac_run_info *run = &l->v[row].run;
    const char *step = tree && !filtered ? said_above(l, row) : NULL;
    int indent = tree ? 2 * run->depth : 0;

    if (step)
        snprintf(out, size, "%*s@%s", indent, "", step);
    else if (*run->parent)
        snprintf(out, size, "%*s%s @%lld", indent, "", run->name, (long long)run->fork_step);
    else
        snprintf(out, size, "%s", run->name);
}
