/* state.c - see state.h */
#include "record/state.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vaccine/vaccine.h>

#include "base/hash.h"
#include "base/io.h"
#include "record/pins.h"

#define SEAL_LENGTH (sizeof ",\n  \"crc32c\": \"01234567\"\n}\n" - 1)

/* state.json, whose seal must be right. */
static cJSON *open_state(const char *path, struct vac_err *err)
{
    int64_t size;
    size_t len;
    char *text = pin_there(path, &size, err) ? NULL : file_read(path, 64 << 20, &len, err);
    char seal[SEAL_LENGTH + 1];
    size_t inside = text && len > SEAL_LENGTH ? len - SEAL_LENGTH : 0;
    cJSON *doc = NULL;

    if (inside)
        snprintf(seal, sizeof seal, STATE_SEAL, crc32c(0, text, inside));
    if (inside && !strcmp(text + inside, seal))
        doc = json_parse(text, len, path, err);
    else if (text)
        err_set(err, VAC_ERR_FORMAT, "%s: damaged: its checksum is wrong or missing", path);
    free(text);
    return doc;
}

static int read_u64(const struct jnode *root, const char *key, uint64_t *out, struct vac_err *err)
{
    int64_t x;

    if (json_int(root, key, 0, (int64_t)1 << 53, &x, err))
        return -1;
    *out = (uint64_t)x;
    return 0;
}

int state_read(const char *dir, const char *run, bool whole, struct checkpoint_state *s,
               struct vac_err *err)
{
    char *path = path_join(dir, "state.json", err);
    struct jnode root, lines, files, pinned;
    int rc = -1;

    *s = (struct checkpoint_state){.json = path ? open_state(path, err) : NULL};
    if (!s->json)
        goto out;
    root = json_root(s->json, path);
    if (read_u64(&root, "step", &s->step, err) || read_u64(&root, "stage", &s->stage, err) ||
        read_u64(&root, "stage_step", &s->stage_step, err) ||
        read_u64(&root, "epoch", &s->epoch, err) || read_u64(&root, "next", &s->next, err) ||
        read_u64(&root, "updates", &s->updates, err) ||
        read_u64(&root, "tokens", &s->tokens, err) || read_u64(&root, "duty", &s->duty, err) ||
        read_u64(&root, "drift_from", &s->drift_from, err) ||
        read_u64(&root, "journal", &s->journal, err) || json_num(&root, "wall", &s->wall, err) ||
        json_get(&root, "lines", JSON_OBJECT, &lines, err) ||
        json_get(&root, "files", JSON_OBJECT, &files, err))
        goto out;
    for (int i = 0; i < LINES_JOURNAL; i++)
        if (json_int(&lines, line_files[i], 0, (int64_t)1 << 53, &s->size[i], err))
            goto out;
    if (pins_check(&files, dir, whole, err))
        goto out;
    rc = json_opt(&root, "pinned", JSON_OBJECT, &pinned, err);
    rc = rc < 0 ? -1 : rc > 0 || !run ? 0 : pins_check(&pinned, run, whole, err);
out:
    if (rc) {
        cJSON_Delete(s->json);
        s->json = NULL;
    }
    free(path);
    return rc;
}

/* Number of "checkpoint-N", or -1. */
static long long number_of(const char *name)
{
    const char *digits = name + sizeof "checkpoint-" - 1;
    char *end;
    long long n;

    if (strncmp(name, "checkpoint-", sizeof "checkpoint-" - 1) || !isdigit((unsigned char)*digits))
        return -1;
    n = strtoll(digits, &end, 10);
    return *end ? -1 : n;
}

static int newest_first(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;

    return (x < y) - (x > y);
}

int state_list(const char *dir, long long **out, size_t *n, struct vac_err *err)
{
    DIR *d = dir_open(dir);
    size_t cap = 0;
    struct dirent *e;
    int rc = 0;

    *out = NULL;
    *n = 0;
    if (!d)
        return path_error(dir, "open the folder", err);
    while (rc == 0 && (errno = 0, e = readdir(d))) {
        if (number_of(e->d_name) < 0)
            continue;
        rc = mem_grow(out, &cap, *n + 1, sizeof **out, err);
        if (rc == 0)
            (*out)[(*n)++] = number_of(e->d_name);
    }
    if (rc == 0 && errno) /* not its end: what was not told may be the newest */
        rc = path_error(dir, "read the folder", err);
    closedir(d);
    if (*n)
        qsort(*out, *n, sizeof **out, newest_first);
    return rc;
}

int state_none_at(const char *dir, long long step, struct vac_err *err)
{
    long long below = -1, above = -1, *list = NULL;
    char near[96] = "there is none yet";
    size_t n;

    if (state_list(dir, &list, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        below = list[i] <= step && list[i] > below ? list[i] : below;
        above = list[i] > step && (above < 0 || list[i] < above) ? list[i] : above;
    }
    if (below >= 0 && above >= 0)
        snprintf(near, sizeof near, "the nearest are %lld and %lld", below, above);
    else if (below >= 0 || above >= 0)
        snprintf(near, sizeof near, "the nearest is %lld", below >= 0 ? below : above);
    free(list);
    return err_set(err, VAC_ERR_USAGE, "%s: has no checkpoint of step %lld; %s", dir, step, near);
}

/* Reads checkpoint-N; 1 = it is damaged, and why. */
static int try_one(const char *dir, const char *name, bool whole, size_t n_stages,
                   struct checkpoint_state *out, struct vac_err *why)
{
    char *path = path_join(dir, name, why);
    int rc = path ? state_read(path, dir, whole, out, why) : -1;

    free(path);
    if (rc == 0 && out->stage < n_stages)
        return 0;
    if (rc == 0) {
        cJSON_Delete(out->json);
        err_set(why, VAC_ERR_FORMAT, "%s: is of another run: it has no such stage", name);
        return 1;
    }
    return why->code == VAC_ERR_FORMAT ? 1 : -1;
}

static int find(const char *dir, bool whole, size_t n_stages, struct checkpoint_state *out,
                char *name, size_t size, state_bad *bad, void *ctx, struct vac_err *err)
{
    long long *list;
    size_t n;
    int rc = state_list(dir, &list, &n, err) ? -1 : 1;

    for (size_t i = 0; rc == 1 && i < n; i++) {
        struct vac_err why = {0};
        snprintf(name, size, "checkpoint-%lld", list[i]);
        rc = try_one(dir, name, whole, n_stages, out, &why);
        if (rc == 1 && bad)
            bad(ctx, name, &why);
        if (rc < 0)
            err_set(err, why.code,
                    "%s; it may be whole: mend that, or move %s away to go on "
                    "without it",
                    why.msg, name);
    }
    free(list);
    if (rc)
        *out = (struct checkpoint_state){0};
    return rc;
}

int state_find(const char *dir, size_t n_stages, struct checkpoint_state *out, char *name,
               size_t size, state_bad *bad, void *ctx, struct vac_err *err)
{
    int rc;

    if (dir_enter(dir, err))
        return -1;
    rc = find(dir, true, n_stages, out, name, size, bad, ctx, err);
    dir_leave(dir);
    return rc;
}

int vac_run_checkpoint(const char *dir, int64_t *step, struct vac_err *err)
{
    struct checkpoint_state s;
    char name[64];
    int rc;

    *step = -1;
    if (dir_enter(dir, err))
        return -1;
    rc = find(dir, false, SIZE_MAX, &s, name, sizeof name, NULL, NULL, err);
    dir_leave(dir);
    if (rc == 0) {
        *step = (int64_t)s.step;
        cJSON_Delete(s.json);
    }
    return rc < 0 ? -1 : 0;
}

/* --- what is meant by RUN@NAME --- */

static bool has_folder(const char *dir, const char *below, const char *name)
{
    char rest[160], *path;
    bool there;

    snprintf(rest, sizeof rest, "%s%.128s", below, name);
    path = path_join(dir, rest, NULL);
    there = path && dir_exists(path);
    free(path);
    return there;
}

static int of_checkpoint(const char *dir, size_t n, long long step, struct saved *out,
                         struct vac_err *err)
{
    struct checkpoint_state s;
    char name[64], *path;
    int rc;

    snprintf(name, sizeof name, "checkpoint-%lld", step);
    path = path_join(dir, name, err);
    rc = path ? state_read(path, dir, true, &s, err) : -1;
    free(path);
    if (rc)
        return -1;
    cJSON_Delete(s.json);
    if (s.stage >= n)
        return err_set(err, VAC_ERR_FORMAT, "%s/%s: is of stage %llu, and run.json has %zu", dir,
                       name, (unsigned long long)s.stage + 1, n);
    *out = (struct saved){.stage = (size_t)s.stage, .step = step};
    return 0;
}

/* The end, or how far the run came. */
static int last_saved(const char *dir, size_t n, struct saved *out, struct vac_err *err)
{
    struct checkpoint_state s = {0};
    char name[64];
    bool finished = false;
    int rc;

    *out = (struct saved){.stage = n - 1, .step = -1};
    if (folder_finished(dir, &finished, err) || finished)
        return finished ? 0 : -1;
    rc = state_find(dir, n, &s, name, sizeof name, NULL, NULL, err);
    if (rc == 0) {
        *out =
            (struct saved){.stage = (size_t)s.stage, .step = (long long)s.step, .unfinished = true};
        cJSON_Delete(s.json);
    } else if (rc > 0) {
        rc = err_set(err, VAC_ERR_USAGE,
                     "%s: the run has not ended and has no usable checkpoint yet: there is nothing "
                     "to ask",
                     dir);
    }
    return rc;
}

void state_saved_list(const char *dir, const char *const *stage, size_t n, const char *before,
                      struct strbuf *out)
{
    long long *list;
    size_t steps;

    for (size_t i = 0; i < n; i++)
        if (has_folder(dir, "stages/", stage[i]))
            sb_printf(out, "%s%s%s", out->len ? ", " : "", before, stage[i]);
    if (state_list(dir, &list, &steps, NULL))
        return;
    while (steps-- > 0)
        sb_printf(out, "%s%s%lld", out->len ? ", " : "", before, list[steps]);
    free(list);
}

int state_saved_find(const char *dir, const char *const *stage, size_t n, const char *at,
                     struct saved *out, struct vac_err *err)
{
    struct strbuf have = {0};
    char *end;
    long long step;

    if (!at)
        return last_saved(dir, n, out, err);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(stage[i], at))
            continue;
        *out = (struct saved){.stage = i, .step = -1};
        if (has_folder(dir, "stages/", at))
            return 0;
        return err_set(err, VAC_ERR_USAGE, "%s: stage \"%s\" has not ended", dir, at);
    }
    step = isdigit((unsigned char)*at) ? strtoll(at, &end, 10) : -1;
    if (step >= 0 && !*end && has_folder(dir, "checkpoint-", at))
        return of_checkpoint(dir, n, step, out, err);
    state_saved_list(dir, stage, n, "@", &have);
    err_set(err, VAC_ERR_USAGE, "%s: has no stage and no checkpoint \"%.80s\"; there are %s", dir,
            at, have.len && !have.bad ? have.s : "none");
    sb_done(&have);
    return -1;
}
