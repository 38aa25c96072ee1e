/* fork.c - see fork.h */
#include "fork/fork.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/inside.h"
#include "base/json_out.h"
#include "proof/chain.h"
#include "record/columns.h"
#include "record/config.h"
#include "record/folder.h"
#include "record/hash.h"
#include "record/lines.h"
#include "record/moved.h"
#include "record/pins.h"
#include "spec/spec_keys.h"
#include "spec/spec_set.h"

const cJSON *fork_parent(const cJSON *config)
{
    const cJSON *parent = cJSON_GetObjectItemCaseSensitive(config, "parent");

    return cJSON_IsObject(parent) ? parent : NULL;
}

int64_t fork_step(const cJSON *config)
{
    int64_t step;

    return json_whole(cJSON_GetObjectItemCaseSensitive(fork_parent(config), "step"), &step) ? step
                                                                                            : -1;
}

char *fork_name(const char *dir, uint64_t step, struct vac_err *err)
{
    size_t n = strlen(dir), size = n + 64;
    char *name = mem_new(size, 1, err);

    while (n > 1 && dir[n - 1] == '/')
        n--;
    for (int k = 1; name && k < 1000000; k++) {
        snprintf(name, size, "%.*s-at-%llu", (int)n, dir, (unsigned long long)step);
        if (k > 1)
            snprintf(name + strlen(name), size - strlen(name), "-%d", k);
        if (path_missing(name))
            return name;
    }
    free(name);
    return NULL;
}

/* --- where it begins --- */

static cJSON *stages_of(const struct fork *f)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(f->doc, "spec"),
                                            "stages");
}

static const char *stage_name(const struct fork *f, size_t i)
{
    return json_text_at(cJSON_GetArrayItem(stages_of(f), (int)i), "name");
}

/* How far the stages up to one went: its lines are read until the next one begins. */
struct walk {
    struct fork *f;
    size_t last;  /* the stage */
    int64_t at;   /* behind the line that is visited */
    int64_t good; /* behind the last one of these stages */
    bool metrics, over;
};

static int walk_line(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct walk *w = ctx;
    const char *name = json_text_at(line->v, "stage");
    int64_t step, stage_step, tokens = 0;
    size_t i = 0;

    while (name && i <= w->last && strcmp(stage_name(w->f, i), name) != 0)
        i++;
    if (i > w->last) {
        w->over = true;
        return -1;
    }
    w->good = w->at;
    if (!w->metrics)
        return 0;
    if (json_int(line, "step", 0, RECORD_STEP_MAX, &step, err) ||
        json_int(line, "stage_step", 0, RECORD_STEP_MAX, &stage_step, err) ||
        json_opt_int(line, "tokens", 0, RECORD_STEP_MAX, &tokens, err))
        return -1;
    w->f->ends[i] = (uint64_t)stage_step;
    w->f->step = (uint64_t)step;
    w->f->tokens = (uint64_t)tokens;
    return 0;
}

static int count_line(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct walk *w = ctx;
    const char *op = json_text_at(line->v, "op"), *key = json_text_at(line->v, "key");
    const char *next = stage_name(w->f, w->last + 1);

    (void)err;
    if (op && key && next && !strcmp(op, "stage") && !strcmp(key, next)) {
        w->over = true;
        return -1;
    }
    w->f->size[LINES_JOURNAL]++;
    return 0;
}

/* f->ends, step, tokens and sizes as stage `last` ended. */
static int walk_to_end(struct fork *f, size_t last, struct vac_err *err)
{
    struct walk w = {.f = f, .last = last};
    int rc = 0;

    f->size[LINES_JOURNAL] = 0;
    for (int i = 0; rc == 0 && i < LINES_COUNT; i++) {
        char *path = path_join(f->dir, line_files[i], err);
        struct vac_err why = {0};
        size_t number = 0;

        w.at = w.good = 0;
        w.over = false;
        w.metrics = i == LINES_METRICS;
        rc = path ? lines_visit_file(path, INT64_MAX, &w.at, &number,
                                     i == LINES_JOURNAL ? count_line : walk_line, &w, &why)
                  : -1;
        if (rc && w.over)
            rc = 0;
        else if (rc && why.code)
            err_set(err, why.code, "%s", why.msg);
        if (i < LINES_JOURNAL)
            f->size[i] = w.good;
        free(path);
    }
    return rc;
}

/* The checkpoint of that step, whole, of that stage. */
static int take_checkpoint(struct fork *f, uint64_t step, size_t stage, struct vac_err *err)
{
    char name[64], *path;
    int rc;

    snprintf(name, sizeof name, "checkpoint-%llu", (unsigned long long)step);
    path = path_join(f->dir, name, err);
    rc = path ? state_read(path, f->dir, true, &f->from, err) : -1;
    free(path);
    if (rc == 0 && f->from.stage != stage)
        rc = err_set(err, VAC_ERR_FORMAT, "%s/%s: is of another stage", f->dir, name);
    if (rc)
        return -1;
    f->stage = stage;
    f->step = step;
    f->tokens = f->from.tokens;
    memcpy(f->size, f->from.size, sizeof f->size);
    f->size[LINES_JOURNAL] = (int64_t)f->from.journal;
    return 0;
}

int fork_cut(struct fork *f, struct vac_err *err)
{
    const cJSON *stage = cJSON_GetArrayItem(stages_of(f), (int)f->stage);
    uint64_t step = f->step;
    char below[160], *end;

    snprintf(below, sizeof below, "stages/%.128s", stage_name(f, f->stage));
    end = path_join(f->dir, below, err);
    if (!end || walk_to_end(f, f->stage, err)) {
        free(end);
        return -1;
    }
    f->cut = f->step != step || !dir_exists(end); /* else it has ended there */
    free(end);
    f->ends[f->stage] = f->from.stage_step;
    f->step = step;
    cJSON_Delete(f->from.json);
    f->from.json = NULL;
    if (!f->cut || !cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(stage, "lora")))
        return 0;
    return err_set(err, VAC_ERR_UNSUPPORTED,
                   "%s: stage %s trains all weights, and a checkpoint of them is no model: name "
                   "the stage once it has ended",
                   f->dir, stage_name(f, f->stage));
}

/* The end of a stage: its checkpoint where that is still there, else the next stage begins. */
static int take_end(struct fork *f, size_t stage, struct vac_err *err)
{
    struct vac_err why = {0};

    if (walk_to_end(f, stage, err))
        return -1;
    if (take_checkpoint(f, f->step, stage, &why) == 0)
        return 0;
    cJSON_Delete(f->from.json);
    f->from.json = NULL;
    f->stage = stage + 1;
    if (stage_name(f, f->stage))
        return 0;
    return err_set(err, VAC_ERR_USAGE,
                   "%s: its last stage has no checkpoint of its end to go on from: %s", f->dir,
                   why.msg);
}

static int find(struct fork *f, const char *at, struct vac_err *err)
{
    size_t n = (size_t)cJSON_GetArraySize(stages_of(f));
    const char **name = mem_new(n, sizeof *name, err);
    struct saved saved;
    bool finished = false, number = at && *at && !at[strspn(at, "0123456789")];
    int rc = name ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        name[i] = stage_name(f, i);
        number = number && name[i] && strcmp(name[i], at) != 0;
        if (!name[i])
            rc = err_set(err, VAC_ERR_FORMAT, "%s/run.json: a stage has no name", f->dir);
        else if (!spec_name_is_valid(name[i])) /* it names folders, here and in the child */
            rc = err_set(err, VAC_ERR_FORMAT, "%s/run.json: \"%.80s\" is no name of a stage",
                         f->dir, name[i]);
    }
    f->ends = rc ? NULL : mem_new(n, sizeof *f->ends, err);
    if (rc == 0 && at && !strcmp(at, "final")) {
        rc = folder_finished(f->dir, &finished, err);
        if (rc == 0 && !finished)
            rc = err_set(err, VAC_ERR_USAGE, "%s: has no end yet: name the step of a checkpoint",
                         f->dir);
        at = NULL;
    }
    if (rc == 0 && number) {
        long long step = strtoll(at, NULL, 10);
        char dir[64];
        char *path;

        snprintf(dir, sizeof dir, "checkpoint-%lld", step);
        path = path_join(f->dir, dir, err);
        rc = !path ? -1 : dir_exists(path) ? 0 : state_none_at(f->dir, step, err);
        free(path);
    }
    if (rc == 0)
        rc = state_saved_find(f->dir, name, n, at, &saved, err);
    if (rc == 0 && f->ends)
        rc = saved.step < 0 ? take_end(f, saved.stage, err)
                            : take_checkpoint(f, (uint64_t)saved.step, saved.stage, err);
    free(name);
    return rc || !f->ends ? -1 : 0;
}

/* --- what the child does otherwise --- */

/* Live options as they were there; what was set on the way becomes the description. */
static int put_options(struct fork *f, struct vac_err *err)
{
    cJSON *stage = cJSON_GetArrayItem(stages_of(f), (int)f->stage);
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(f->from.json, "options");

    for (const cJSON *o = options ? options->child : NULL; o; o = o->next)
        if (json_add(stage, o->string, json_copy(o, err), err))
            return -1;
    return 0;
}

/* ... and after the overrides back into the checkpoint. */
static int take_options(struct fork *f, struct vac_err *err)
{
    const cJSON *stage = cJSON_GetArrayItem(stages_of(f), (int)f->stage);
    cJSON *options = cJSON_GetObjectItemCaseSensitive(f->from.json, "options"), *next;

    for (cJSON *o = options ? options->child : NULL; o; o = next) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(stage, o->string);

        next = o->next;
        if (!v)
            cJSON_DeleteItemFromObjectCaseSensitive(options, o->string);
        else if (!cJSON_Compare(v, o, true) && json_add(options, o->string, json_copy(v, err), err))
            return -1;
    }
    return 0;
}

static bool differ(const cJSON *a, const cJSON *b, const char *key)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, key),
                *y = cJSON_GetObjectItemCaseSensitive(b, key);

    return (x || y) && (!x || !y || !cJSON_Compare(x, y, true));
}

/* What is past, or what the saved numbers belong to, cannot be otherwise. */
static int check_override(const struct fork *f, const cJSON *was, const char *set,
                          struct vac_err *err)
{
    static const char *const fixed[] = {"model", "init", "config"}, *const shape[] = {
                                                                        "name", "lora", "adapter"};
    const cJSON *now = cJSON_GetObjectItemCaseSensitive(f->doc, "spec");
    const cJSON *a = cJSON_GetObjectItemCaseSensitive(was, "stages"), *b = stages_of(f);

    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (differ(was, now, fixed[i]))
            return err_set(err, VAC_ERR_USAGE, "--set %.100s: a fork keeps its parent's model",
                           set);
    for (size_t i = 0; i < f->stage; i++)
        if (!cJSON_Compare(cJSON_GetArrayItem(a, (int)i), cJSON_GetArrayItem(b, (int)i), true))
            return err_set(err, VAC_ERR_USAGE,
                           "--set %.100s: stage %s is over at step %llu, where the fork begins",
                           set, stage_name(f, i), (unsigned long long)f->step);
    for (size_t i = 0; f->from.json && i < sizeof shape / sizeof *shape; i++)
        if (differ(cJSON_GetArrayItem(a, (int)f->stage), cJSON_GetArrayItem(b, (int)f->stage),
                   shape[i]))
            return err_set(err, VAC_ERR_USAGE,
                           "--set %.100s: the fork begins within stage %s, with its %s as it is",
                           set, stage_name(f, f->stage), shape[i]);
    return 0;
}

/* What was counted for what is watched otherwise now is counted anew. */
static void forget_counts(struct fork *f, const cJSON *was)
{
    static const char *const guards[] = {"guards",     "healthy", "candidate",
                                         "slow_stage", "slow_by", NULL},
                             *const until[] = {"passed", "looks", NULL};
    const cJSON *now = cJSON_GetObjectItemCaseSensitive(f->doc, "spec");
    const cJSON *a = cJSON_GetObjectItemCaseSensitive(was, "stages");

    for (const char *const *k = guards;
         *k && (differ(was, now, "guards") || differ(was, now, "evaluate")); k++)
        cJSON_DeleteItemFromObjectCaseSensitive(f->from.json, *k);
    for (const char *const *k = until;
         *k && differ(cJSON_GetArrayItem(a, (int)f->stage),
                      cJSON_GetArrayItem(stages_of(f), (int)f->stage), "until");
         k++)
        cJSON_DeleteItemFromObjectCaseSensitive(f->from.json, *k);
}

static int override(struct fork *f, const struct moved *m, struct vac_err *err)
{
    cJSON *spec = cJSON_GetObjectItemCaseSensitive(f->doc, "spec");
    int rc = put_options(f, err);

    for (size_t i = 0; rc == 0 && i < m->n_left; i++) {
        cJSON *was = json_copy(spec, err);

        rc = !was || spec_set(spec, m->left[i], err) || check_override(f, was, m->left[i], err) ? -1
                                                                                                : 0;
        if (rc == 0)
            forget_counts(f, was);
        cJSON_Delete(was);
    }
    return rc ? -1 : take_options(f, err);
}

static int put_parent(struct fork *f, const struct moved *m, struct vac_err *err)
{
    cJSON *parent = cJSON_CreateObject(), *set = cJSON_CreateArray();
    char id[65], name[64], *path = path_join(f->dir, "run.json", err),
                           *real = realpath(f->dir, NULL);
    int rc = path && real && !hash_file(path, id, err) ? 0 : -1;

    if (!real)
        err_errno(err, "%s", f->dir);
    snprintf(name, sizeof name, "checkpoint-%llu", (unsigned long long)f->step);
    for (size_t i = 0; rc == 0 && i < m->n_left; i++)
        rc = json_add(set, NULL, cJSON_CreateString(m->left[i]), err);
    if (rc || json_add(parent, "set", set, err)) {
        cJSON_Delete(rc ? set : NULL);
        rc = -1;
    }
    if (rc == 0 && (json_add(parent, "run", cJSON_CreateString(real), err) ||
                    json_add(parent, "id", cJSON_CreateString(id), err) ||
                    json_add(parent, "step", cJSON_CreateNumber((double)f->step), err) ||
                    json_add(parent, "stage", cJSON_CreateString(stage_name(f, f->stage)), err) ||
                    json_add(parent, "checkpoint", cJSON_CreateString(name), err)))
        rc = -1;
    if (rc)
        cJSON_Delete(parent);
    else
        rc = json_add(f->doc, "parent", parent, err) ||
                     json_add(f->doc, "created", cJSON_CreateNumber((double)time(NULL)), err)
                 ? -1
                 : 0;
    free(path);
    free(real);
    return rc;
}

int fork_open(struct fork *f, const char *dir, const char *at, const char *const *set, size_t n_set,
              struct vac_err *err)
{
    struct moved m = {.set = set, .n_set = n_set, .strict = true, .others = true};
    int rc = -1;

    *f = (struct fork){.dir = NULL};
    if (folder_with_run(dir, err) || dir_enter(dir, err))
        return -1;
    f->dir = mem_strdup(dir, err);
    if (!f->dir)
        dir_leave(dir);
    f->doc = f->dir ? moved_read(dir, &m, err) : NULL;
    if (f->doc && !cJSON_IsArray(stages_of(f)))
        err_set(err, VAC_ERR_FORMAT, "%s/run.json: has no stages", dir);
    else if (f->doc && !find(f, at, err) && !override(f, &m, err))
        rc = put_parent(f, &m, err);
    moved_done(&m);
    return rc;
}

void fork_done(struct fork *f)
{
    if (f->dir)
        dir_leave(f->dir);
    free(f->dir);
    free(f->ends);
    cJSON_Delete(f->doc);
    cJSON_Delete(f->from.json);
    *f = (struct fork){.dir = NULL};
}

/* --- the folder --- */

static int any_name(void *ctx, const char *name, struct vac_err *err)
{
    (void)ctx;
    (void)name;
    (void)err;
    return 1;
}

int fork_free(const char *out, struct vac_err *err)
{
    struct vac_err ignored = {0};

    if (folder_is_free(out, err))
        return -1;
    if (path_missing(out) || (dir_exists(out) && !dir_each(out, any_name, NULL, &ignored)))
        return 0;
    return err_set(err, VAC_ERR_USAGE,
                   "%s: is there already, and is no empty folder: name another one", out);
}

/* The same file where that can be. */
static int share_file(const char *from, const char *to, struct vac_err *err)
{
    int64_t size;

    if (pin_there(from, &size, err))
        return -1;
    return path_link(from, to) ? file_copy(from, 0, -1, to, err) : 0;
}

/* NAME, of the parent, in another folder. */
static int share(const struct fork *f, const char *name, const char *to, struct vac_err *err)
{
    char *a = path_join(f->dir, name, err), *b = a ? path_join(to, name, err) : NULL;
    int rc = b ? share_file(a, b, err) : -1;

    free(a);
    free(b);
    return rc;
}

struct sharing {
    const struct fork *f;
    const char *name, *to;
};

static int share_one(void *ctx, const char *entry, struct vac_err *err)
{
    const struct sharing *x = ctx;
    char *name = path_join(x->name, entry, err);
    int rc = name ? share(x->f, name, x->to, err) : -1;

    free(name);
    return rc;
}

/* The adapter of the checkpoint as the end of the stage that was at work. */
static int share_end(const struct fork *f, const char *below, const char *to, struct vac_err *err)
{
    static const char *const files[] = {"adapter_model.safetensors", "adapter_config.json"};
    char from[64], *dir = path_join(to, below, err);
    int rc = dir ? dirs_make(dir, err) : -1;

    snprintf(from, sizeof from, "checkpoint-%llu", (unsigned long long)f->step);
    for (size_t i = 0; rc == 0 && i < sizeof files / sizeof *files; i++) {
        char *name = path_join(from, files[i], err);
        char *a = name ? path_join(f->dir, name, err) : NULL;
        char *b = a ? path_join(dir, files[i], err) : NULL;

        rc = b ? share_file(a, b, err) : -1;
        free(name);
        free(a);
        free(b);
    }
    rc = rc || dir_sync(dir, err) ? -1 : 0;
    free(dir);
    return rc;
}

/* All files of the parent's folder NAME, on the disk. */
static int share_folder(const struct fork *f, const char *name, const char *to, struct vac_err *err)
{
    struct sharing x = {f, name, to};
    char *a = path_join(f->dir, name, err), *b = a ? path_join(to, name, err) : NULL;
    int rc = b && !dirs_make(b, err) && !dir_each(a, share_one, &x, err) ? dir_sync(b, err) : -1;

    free(a);
    free(b);
    return rc;
}

static int first_lines(const char *path, int64_t lines, int64_t *bytes, struct vac_err *err)
{
    struct mapping m = {0};

    *bytes = 0;
    if (lines == 0)
        return 0;
    if (map_open(&m, path, err))
        return -1;
    for (const unsigned char *p = m.data; lines > 0 && *bytes < (int64_t)m.len; p++, ++*bytes)
        lines -= *p == '\n';
    map_close(&m);
    return lines == 0 ? 0 : err_set(err, VAC_ERR_FORMAT, "%s: lacks lines", path);
}

/* What was written up to there; then the journal tells where the child begins. */
static int put_lines(struct fork *f, const char *to, const char *who, struct vac_err *err)
{
    struct journal_entry e = {.step = (int64_t)f->step,
                              .verb = JOURNAL_FORKED,
                              .who = who,
                              .key = stage_name(f, f->stage),
                              .old = f->dir,
                              .from = (uint64_t)f->size[LINES_JOURNAL],
                              .has_from = true};
    char *eval = path_join(to, "eval", err), name[64];
    struct appender a = {0};
    struct strbuf line = {0};
    int rc = eval ? dirs_make(eval, err) : -1;

    snprintf(name, sizeof name, "checkpoint-%llu", (unsigned long long)f->step);
    e.value = name;
    for (int i = 0; rc == 0 && i < LINES_COUNT; i++) {
        char *path = path_join(f->dir, line_files[i], err);
        char *copy = path ? path_join(to, line_files[i], err) : NULL;
        int64_t size = f->size[i];

        rc = !copy ? -1 : i == LINES_JOURNAL ? first_lines(path, f->size[i], &size, err) : 0;
        if (rc == 0 && size > 0)
            rc = file_copy(path, 0, size, copy, err);
        if (rc == 0 && i == LINES_JOURNAL) {
            journal_line(&line, &e, (uint64_t)f->size[i] + 1);
            rc = app_open(&a, copy, err) || sb_ok(&line, err) ||
                         app_put(&a, line.s, line.len, err) || app_sync(&a, err)
                     ? -1
                     : 0;
            app_close(&a);
        }
        free(path);
        free(copy);
    }
    sb_done(&line);
    free(eval);
    return rc;
}

/* state.json of the beginning of a stage: its weights are those that it begins with. */
static cJSON *beginning(const struct fork *f, struct vac_err *err)
{
    struct strbuf s = {0};
    struct json_out o = json_out(&s);
    cJSON *doc = NULL;

    json_put_object(&o, NULL, JSON_LINED);
    json_put_int(&o, "version", 1);
    json_put_bool(&o, "begins", true);
    json_put_natural(&o, "step", f->step);
    json_put_natural(&o, "stage", f->stage);
    for (size_t i = 0; i < 4; i++)
        json_put_int(&o, ((const char *const[]){"stage_step", "epoch", "next", "updates"})[i], 0);
    json_put_natural(&o, "tokens", f->tokens);
    json_put_int(&o, "duty", 0);
    json_put_natural(&o, "drift_from", f->step);
    json_put_list(&o, "ends", JSON_SPACED);
    for (size_t i = 0; i < f->stage; i++)
        json_put_natural(&o, NULL, f->ends[i]);
    json_put_end(&o);
    json_put_int(&o, "journal", f->size[LINES_JOURNAL]);
    json_put_num(&o, "wall", 0);
    json_put_object(&o, "lines", JSON_SPACED);
    for (int i = 0; i < LINES_JOURNAL; i++)
        json_put_int(&o, line_files[i], f->size[i]);
    json_put_end(&o);
    json_put_object(&o, "options", JSON_SPACED);
    json_put_end(&o);
    json_put_object(&o, "files", JSON_SPACED);
    json_put_end(&o);
    json_put_object(&o, "pinned", JSON_SPACED);
    json_put_end(&o);
    json_put_end(&o);
    if (sb_ok(&s, err) == 0)
        doc = json_parse(s.s, s.len, "state.json", err);
    sb_done(&s);
    return doc;
}

/* The parent's, but for what is the child's own: run.json, and the options that it begins with. */
static int put_state(struct fork *f, const char *to, const char *name, struct vac_err *err)
{
    cJSON *doc = f->from.json ? json_copy(f->from.json, err) : beginning(f, err), *pinned;
    char *dir = path_join(to, name, err), *text = NULL, below[160];
    struct strbuf s = {0};
    int rc = doc && dir ? 0 : -1;

    cJSON_DeleteItemFromObjectCaseSensitive(doc, "crc32c");
    /* what was changed was in the parent */
    cJSON_DeleteItemFromObjectCaseSensitive(doc, "changes");
    cJSON_DeleteItemFromObjectCaseSensitive(doc, "taken_back");
    if (rc == 0 && !cJSON_GetObjectItemCaseSensitive(doc, "pinned"))
        rc = json_add(doc, "pinned", cJSON_CreateObject(), err);
    pinned = cJSON_GetObjectItemCaseSensitive(doc, "pinned");
    if (rc == 0)
        rc = pin_file(pinned, to, "run.json", err);
    for (size_t i = 0; rc == 0 && i < f->stage; i++) {
        snprintf(below, sizeof below, "stages/%.128s", stage_name(f, i));
        rc = pin_folder(pinned, to, below, err);
    }
    text = rc ? NULL : json_text(doc, true, err);
    if (text) {
        /* the seal is the last member */
        sb_put(&s, text, strlen(text) - (sizeof "\n}" - 1));
        sb_printf(&s, STATE_SEAL, crc32c(0, s.s ? s.s : "", s.len));
        rc = out_text(dir, "state.json", &s, err);
    }
    cJSON_free(text);
    cJSON_Delete(doc);
    sb_done(&s);
    free(dir);
    return rc || !text ? -1 : 0;
}

static int put_checkpoint(struct fork *f, const char *to, struct vac_err *err)
{
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(f->from.json, "files");
    char name[64], *dir;
    int rc;

    snprintf(name, sizeof name, "checkpoint-%llu", (unsigned long long)f->step);
    dir = path_join(to, name, err);
    rc = dir ? dirs_make(dir, err) : -1;
    for (const cJSON *x = files ? files->child : NULL; rc == 0 && x; x = x->next) {
        char *path = path_join(name, x->string, err);

        rc = path ? share(f, path, to, err) : -1;
        free(path);
    }
    rc = rc || put_state(f, to, name, err) || dir_sync(dir, err) ? -1 : 0;
    free(dir);
    return rc;
}

static int put_config(const struct fork *f, const char *to, struct vac_err *err)
{
    char *text = json_text(f->doc, true, err);
    struct strbuf s = {0};
    int rc = -1;

    if (text) {
        sb_printf(&s, "%s\n", text);
        rc = out_text(to, "run.json", &s, err);
    }
    cJSON_free(text);
    sb_done(&s);
    return rc;
}

static int begin_chain(const struct fork *f, const char *to, struct vac_err *err)
{
    struct chain chain;
    int rc = chain_open(&chain, to, line_files, LINES_COUNT, err);

    if (rc == 0)
        rc = chain_link(&chain, "fork", f->step, err);
    chain_close(&chain);
    return rc;
}

int fork_write(struct fork *f, const char *out, const char *who, struct vac_err *err)
{
    size_t n = strlen(out), size = n + 32;
    char *tmp = mem_new(size, 1, err), below[160];
    int rc = -1;

    if (!tmp || fork_free(out, err))
        goto out;
    while (n > 1 && out[n - 1] == '/')
        n--;
    snprintf(tmp, size, "%.*s.tmp-%ld", (int)n, out, (long)getpid());
    rc = dirs_make(tmp, err) || put_lines(f, tmp, who, err) || put_config(f, tmp, err) ? -1 : 0;
    for (size_t i = 0; rc == 0 && i < f->stage; i++) {
        snprintf(below, sizeof below, "stages/%.128s", stage_name(f, i));
        rc = f->cut && i + 1 == f->stage ? share_end(f, below, tmp, err)
                                         : share_folder(f, below, tmp, err);
    }
    rc = rc || put_checkpoint(f, tmp, err) || begin_chain(f, tmp, err) || dir_sync(tmp, err) ||
                 path_rename(tmp, out, err)
             ? -1
             : 0;
    if (rc)
        path_remove(tmp, NULL); /* gives the space back */
out:
    free(tmp);
    return rc;
}
