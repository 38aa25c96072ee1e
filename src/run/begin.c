/* begin.c - the first moments of a run: run.json for a new one, the last good checkpoint for an old
 * one, which is only looked at until something new is to be written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compute/kernels.h"
#include "compute/products.h"
#include "eval/own.h"
#include "record/reader.h"
#include "record/aside.h"
#include "run/trainer.h"
#include "record/lines.h"
#include "record/hash.h"
#include "record/folder.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

/* Another program may have begun a run there while this one was reading its data. */
static int check_empty(const struct folder *f, struct vac_err *err)
{
    int64_t size;

    for (int i = 0; i < LINES_COUNT; i++) {
        if (folder_size(f, (enum line_file)i, &size, err))
            return -1;
        if (size > 0)
            return err_set(err, VAC_ERR_USAGE,
                           "%s: holds %s and no run.json: name another folder with -o", f->dir,
                           line_files[i]);
    }
    return 0;
}

int trainer_folder(struct trainer *t, const char *dir, struct vac_err *err)
{
    if (folder_open(&t->folder, dir, err))
        return -1;
    if (t->how.resume)
        return 0;
    return folder_is_free(dir, err) || check_empty(&t->folder, err) ? -1 : 0;
}

/* --- run.json --- */

typedef int file_visit(const char *path, void *ctx, struct vac_err *err);

static int visit_one(const char *path, file_visit *visit, void *ctx, struct vac_err *err)
{
    return path ? visit(path, ctx, err) : 0;
}

/* What rows name on the disk. */
static int visit_rows(const struct option_row *rows, const void *base, file_visit *visit, void *ctx,
                      struct vac_err *err)
{
    for (; rows && rows->name; rows++) {
        if (rows->path &&
            visit_one(*(char *const *)((const char *)base + rows->offset), visit, ctx, err))
            return -1;
    }
    return 0;
}

/* What a stage reads when it begins. */
static int each_of_stage(const struct stage_spec *s, file_visit *visit, void *ctx,
                         struct vac_err *err)
{
    for (size_t k = 0; k < s->n_streams; k++) {
        for (size_t f = 0; f < s->stream[k].n; f++) {
            if (visit(s->stream[k].file[f].file, ctx, err))
                return -1;
        }
    }
    if (visit_rows(s->method->options, s->options, visit, ctx, err))
        return -1;
    return visit_one(s->lora.init, visit, ctx, err);
}

/* Every data file, and every folder besides the model, that the run reads. */
static int each_file(const struct trainer *t, file_visit *visit, void *ctx, struct vac_err *err)
{
    const struct watch_spec *w = &t->spec.watch;
    const char *watched[] = {
        w->has_drift ? w->drift.file : NULL, w->has_align ? w->align_loss.file : NULL,
        w->has_harmful ? w->harmful_loss.file : NULL, w->has_probes ? w->probes.file : NULL};
    struct own_keys own;

    if (visit_one(t->spec.tokenizer, visit, ctx, err))
        return -1;
    for (size_t i = 0; i < t->spec.n_stages; i++) {
        if (each_of_stage(&t->spec.stage[i], visit, ctx, err))
            return -1;
    }
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        if (visit_one(watched[i], visit, ctx, err))
            return -1;
    }
    if (own_of(w->probes_judge, NULL, &own, NULL) &&
        visit_rows(own.rows, w->probes_options, visit, ctx, err))
        return -1;
    for (size_t i = 0; i < t->spec.n_evaluate; i++) {
        const struct evaluate_spec *e = &t->spec.evaluate[i];
        if (visit_rows(evaluate_options, e, visit, ctx, err) ||
            (own_of(e->judge, e->metric, &own, NULL) &&
             visit_rows(own.rows, e->options, visit, ctx, err)))
            return -1;
    }
    return 0;
}

static int add_hash(const char *path, void *ctx, struct vac_err *err)
{
    char hash[65];
    cJSON *files = ctx;

    if (cJSON_GetObjectItemCaseSensitive(files, path))
        return 0;
    if (hash_file(path, hash, err))
        return -1;
    return json_add(files, path, cJSON_CreateString(hash), err);
}

static int model_identity(const struct trainer *t, char out[65], struct vac_err *err)
{
    if (t->spec.init_random) {
        snprintf(out, 65, "random");
        return 0;
    }
    return hash_model(t->spec.model, out, err);
}

static cJSON *plan_json(const struct plan *p, struct vac_err *err)
{
    struct strbuf s = {0};
    cJSON *list = NULL;

    for (size_t i = 0; i < p->n; i++) {
        sb_puts(&s, i ? ",{\"what\":\"" : "[{\"what\":\"");
        sb_json(&s, p->row[i].what, strlen(p->row[i].what));
        sb_printf(&s, "\",\"bytes\":%llu}", (unsigned long long)p->row[i].bytes);
    }
    sb_puts(&s, p->n ? "]" : "[]");
    if (sb_ok(&s, err) == 0)
        list = json_parse(s.s, s.len, "plan", err);
    sb_done(&s);
    return list;
}

static cJSON *model_json(const struct trainer *t, struct vac_err *err)
{
    cJSON *model = cJSON_CreateObject();
    const char *path = t->spec.model ? t->spec.model : "";
    char hash[65];

    if (!model_identity(t, hash, err) && !json_add(model, "path", cJSON_CreateString(path), err) &&
        !json_add(model, "hash", cJSON_CreateString(hash), err) &&
        !json_add(model, "parameters", cJSON_CreateNumber((double)model_count(t->m)), err))
        return model;
    cJSON_Delete(model);
    return NULL;
}

static cJSON *files_json(const struct trainer *t, struct vac_err *err)
{
    cJSON *files = cJSON_CreateObject();

    if (each_file(t, add_hash, files, err) == 0)
        return files;
    cJSON_Delete(files);
    return NULL;
}

/* What became of the rows of each stage. */
static cJSON *data_json(const struct trainer *t, struct vac_err *err)
{
    cJSON *list = cJSON_CreateArray();
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < t->spec.n_stages; i++) {
        const struct data_counts *c = &t->counts[i];
        const struct {
            const char *key;
            size_t n;
        } of[] = {{"rows", c->rows},
                  {"cut", c->cut},
                  {"left_out", c->skipped},
                  {"empty_answers", c->empty},
                  {"samples", c->samples}};
        cJSON *stage = cJSON_CreateObject();

        rc = json_add(stage, "stage", cJSON_CreateString(t->spec.stage[i].name), err);
        for (size_t k = 0; rc == 0 && k < sizeof of / sizeof *of; k++)
            rc = json_add(stage, of[k].key, cJSON_CreateNumber((double)of[k].n), err);
        rc = json_add(list, NULL, stage, err) || rc ? -1 : 0;
    }
    if (rc == 0)
        return list;
    cJSON_Delete(list);
    return NULL;
}

/* A list of "NAME: what of it is not as one thinks". */
struct told {
    cJSON *list;
    const char *name;
};

static int put_warning(void *ctx, const char *line, struct vac_err *err)
{
    const struct told *x = ctx;
    struct strbuf s = {0};
    int rc;

    sb_printf(&s, "%s: %s", x->name, line);
    rc = sb_ok(&s, err) ? -1 : json_add(x->list, NULL, cJSON_CreateString(s.s), err);
    sb_done(&s);
    return rc;
}

static cJSON *warnings_json(const struct trainer *t, struct vac_err *err)
{
    struct told told = {.list = cJSON_CreateArray()};
    struct strbuf lines = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < t->spec.n_stages + t->spec.n_evaluate + 1; i++) {
        size_t k = i - t->spec.n_stages;

        sb_clear(&lines);
        if (i < t->spec.n_stages)
            rc = stage_warnings(t, i, &t->counts[i], &lines, err);
        else if (k < t->spec.n_evaluate)
            evaluation_warning(t->eval[k], &lines);
        else
            watch_warnings(t, &lines);
        told.name = i < t->spec.n_stages     ? t->spec.stage[i].name
                    : k < t->spec.n_evaluate ? t->spec.evaluate[k].name
                                             : "watch";
        rc = rc || warnings_each(&lines, put_warning, &told, err) ? -1 : 0;
    }
    sb_done(&lines);
    if (rc == 0)
        return told.list;
    cJSON_Delete(told.list);
    return NULL;
}

static cJSON *describe(struct trainer *t, struct vac_err *err)
{
    cJSON *root = cJSON_CreateObject();

    if (!json_add(root, "model", model_json(t, err), err) &&
        !json_add(root, "vaccine", cJSON_CreateString(PACKAGE_VERSION), err) &&
        !json_add(root, "created", cJSON_CreateNumber(t->created), err) &&
        !json_add(root, "spec", json_copy(t->spec.json, err), err) &&
        !json_add(root, "files", files_json(t, err), err) &&
        !json_add(root, "threads", cJSON_CreateNumber((double)t->spec.threads), err) &&
        !json_add(root, "products", cJSON_CreateString(products_name(t->c->products)), err) &&
        !json_add(root, "blas", cJSON_CreateString(products_text(t->c->products)), err) &&
        !json_add(root, "kernels", cJSON_CreateString(kernels_at(0)->name), err) &&
        !json_add(root, "plan", plan_json(&t->plan, err), err) &&
        !json_add(root, "data", data_json(t, err), err) &&
        !json_add(root, "warnings", warnings_json(t, err), err) &&
        !json_add(root, "total_steps", cJSON_CreateNumber((double)t->total_steps), err))
        return root;
    cJSON_Delete(root);
    return NULL;
}

static int write_run_json(struct trainer *t, struct vac_err *err)
{
    cJSON *root;
    struct strbuf s = {0};
    char *text;
    int rc = -1;

    t->created = t->how.deterministic_wall ? 0 : (double)time(NULL);
    root = describe(t, err);
    text = root ? json_text(root, true, err) : NULL;
    if (text) {
        sb_printf(&s, "%s\n", text);
        rc = folder_write(t->folder.dir, "run.json", &s, err) ||
                     pin_file(t->pins, t->folder.dir, "run.json", err)
                 ? -1
                 : 0;
    }
    cJSON_free(text);
    cJSON_Delete(t->began);
    t->began = root;
    sb_done(&s);
    return rc;
}

/* --- going on --- */

struct expect {
    const struct jnode *files;
};

static int check_hash(const char *path, void *ctx, struct vac_err *err)
{
    const struct expect *x = ctx;
    const char *want;
    char hash[65];

    if (json_str(x->files, path, &want, err) || hash_file(path, hash, err))
        return -1;
    if (strcmp(hash, want))
        return err_set(
            err, VAC_ERR_FORMAT,
            "%s: has changed since the run began: put the old file back, or start a new run", path);
    return 0;
}

/* One thing that numbers depend on: added where it is known and differs. */
static void compare_machine(struct trainer *t, const char *then, const char *now)
{
    size_t a = strlen(t->machine_was), b = strlen(t->machine);

    if (!then || !strcmp(then, now))
        return;
    snprintf(t->machine_was + a, sizeof t->machine_was - a, "%s%s", a ? ", " : "", then);
    snprintf(t->machine + b, sizeof t->machine - b, "%s%s", b ? ", " : "", now);
}

/* What computed the run, and what computes here: told, because with other kernels or another number
 * of threads the same sums are rounded in another order. Older runs do not know all of it. */
static int compare_machines(struct trainer *t, const struct jnode *root, struct vac_err *err)
{
    const char *blas = NULL, *kernels = NULL;
    int64_t threads = t->spec.threads;
    char then[32], now[32];

    if (json_opt_str(root, "blas", &blas, err) || json_opt_str(root, "kernels", &kernels, err) ||
        json_opt_int(root, "threads", 1, 4096, &threads, err))
        return -1;
    snprintf(then, sizeof then, "%lld threads", (long long)threads);
    snprintf(now, sizeof now, "%lld threads", (long long)t->spec.threads);
    compare_machine(t, blas, products_text(t->c->products));
    compare_machine(t, kernels, kernels_at(0)->name);
    compare_machine(t, then, now);
    if (*t->machine)
        snprintf(t->machine_told, sizeof t->machine_told,
                 "the run was computed by %s, and here it is by %s: %s", t->machine_was, t->machine,
                 MACHINE_MEANS);
    return 0;
}

int trainer_inputs(struct trainer *t, struct vac_err *err)
{
    struct jnode root = json_root(t->began, "run.json"), model, files;
    struct expect x = {&files};
    const char *want;
    char hash[65];

    if (json_get(&root, "model", JSON_OBJECT, &model, err) ||
        json_get(&root, "files", JSON_OBJECT, &files, err) ||
        json_str(&model, "hash", &want, err) || json_num(&root, "created", &t->created, err) ||
        model_identity(t, hash, err) || compare_machines(t, &root, err))
        return -1;
    if (strcmp(hash, want))
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: the model has changed since the run began: put the old one back, or "
                       "start a new run",
                       t->spec.model);
    return each_file(t, check_hash, &x, err);
}

int trainer_stage_inputs(struct trainer *t, size_t index, struct vac_err *err)
{
    struct jnode root = json_root(t->began, "run.json"), files;
    struct expect x = {&files};

    return json_get(&root, "files", JSON_OBJECT, &files, err)
               ? -1
               : each_of_stage(&t->spec.stage[index], check_hash, &x, err);
}

/* Where what the run began with was found. */
static int note_moved(struct trainer *t, struct vac_err *err)
{
    for (const cJSON *p = t->moved ? t->moved->child : NULL; p; p = p->next) {
        struct journal_entry e = {.verb = JOURNAL_MOVED, .old = p->string, .value = p->valuestring};

        if (journal(t, &e, err))
            return -1;
    }
    return 0;
}

static int first_note(struct trainer *t, enum journal_verb verb, const char *key,
                      struct vac_err *err)
{
    struct journal_entry e = {.verb = verb, .key = key};

    return journal(t, &e, err);
}

/* Of what stands for a lock that the file system does not have. */
static int note_lock(struct trainer *t, struct vac_err *err)
{
    struct journal_entry e = {.verb = JOURNAL_LOCK,
                              .key = t->folder.lock.file ? path_base(t->folder.lock.file) : "",
                              .reason = "this file system has no locks: the file stands for one"};

    return t->folder.lock.file ? journal(t, &e, err) : 0;
}

/* Damaged checkpoints; the first says why. */
struct rejected {
    struct trainer *t;
    size_t n;
    struct vac_err why;
};

static void note_bad(void *ctx, const char *name, const struct vac_err *why)
{
    struct rejected *bad = ctx;
    struct journal_entry e = {
        .verb = JOURNAL_CHECKPOINT, .key = name, .status = "rejected", .reason = why->msg};

    if (bad->n++ == 0)
        bad->why = *why;
    journal(bad->t, &e, NULL);
}

/* What a journal tells of the checkpoints that there were. */
struct saves {
    bool began, any;
};

static int count_save(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct saves *s = ctx;
    struct journal_entry e;

    (void)err;
    journal_read(line, &e, NULL);
    s->began |= e.verb == JOURNAL_START;
    s->any |= e.verb == JOURNAL_CHECKPOINT && e.status && !strcmp(e.status, "saved");
    return 0;
}

/* A run that ended before its first checkpoint has nothing else to go on from, and a queue that
 * starts it again means that; on a screen it is asked all the same. */
static int never_saved(const struct trainer *t, bool *yes, struct vac_err *err)
{
    struct saves s = {0};

    *yes = false;
    if (t->how.interactive)
        return 0;
    if (lines_visit(t->folder.dir, "journal.jsonl", count_save, &s, err))
        return -1;
    *yes = s.began && !s.any;
    return 0;
}

/* What was trained would be lost: only who asks for that may begin again. */
static int may_begin_again(const struct rejected *bad, struct vac_err *err)
{
    struct trainer *t = bad->t;
    struct journal_entry e = {.verb = JOURNAL_NOTE};
    char why[160];
    bool first;
    struct vac_run_info *info = NULL;
    int64_t made = 0;
    size_t n;

    if (vac_runs(t->folder.dir, &info, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        made = info[i].step > made ? info[i].step : made;
    free(info);
    if (t->how.from_start || (made == 0 && bad->n == 0))
        return 0;
    if (bad->n == 0) {
        if (never_saved(t, &first, err))
            return -1;
        snprintf(why, sizeof why,
                 "no checkpoint was saved yet: begins again at step 0; the %lld steps that were "
                 "made are set aside",
                 (long long)made);
        e.reason = why;
        if (first)
            return journal(t, &e, err);
    }
    return err_set(err, VAC_ERR_NO_CHECKPOINT,
                   "%s: there is no checkpoint to go on from, and %lld steps were made%s%s: begin "
                   "again at step 0 with --from-start, which sets them aside",
                   t->folder.dir, (long long)made, bad->n ? "; " : "", bad->why.msg);
}

/* What the checkpoint has no checksums of, as older ones do not, is taken as it is now. */
static int take_pins(struct trainer *t, struct vac_err *err)
{
    const cJSON *had = cJSON_GetObjectItemCaseSensitive(t->resume.json, "pinned");
    char name[160];

    if (had) {
        cJSON_Delete(t->pins);
        t->pins = json_copy(had, err);
        if (!t->pins)
            return -1;
    }
    if (!pins_know(t->pins, "run.json") && pin_file(t->pins, t->folder.dir, "run.json", err))
        return -1;
    for (size_t i = 0; t->resume.json && i < t->resume.stage; i++) {
        snprintf(name, sizeof name, "stages/%s", t->spec.stage[i].name);
        if (pins_know(t->pins, name))
            continue;
        t->unpinned = true;
        if (pin_folder(t->pins, t->folder.dir, name, err))
            return -1;
    }
    return 0;
}

int trainer_resume(struct trainer *t, struct vac_err *err)
{
    struct rejected bad = {.t = t};
    struct checkpoint_state *s = &t->resume;
    int found;

    if (trainer_inputs(t, err) || folder_journal_open(&t->folder, err))
        return -1;
    found = checkpoint_find(t->folder.dir, t->spec.n_stages, s, t->resume_name,
                            sizeof t->resume_name, note_bad, &bad, err);
    if (found < 0 || (found == 1 && may_begin_again(&bad, err)) ||
        commands_check_all(t, found == 0 ? s->stage : 0, err) || take_pins(t, err))
        return -1;
    t->unsettled = true;
    if (found == 1)
        return 0;
    t->step = s->step;
    t->saved_step = (int64_t)s->step;
    return folder_fits(&t->folder, s->size, err);
}

static void sweep(const struct trainer *t)
{
    const char **names = mem_new(t->spec.n_stages, sizeof *names, NULL);

    for (size_t i = 0; names && i < t->spec.n_stages; i++)
        names[i] = t->spec.stage[i].name;
    if (names)
        folder_sweep(&t->folder, names, t->spec.n_stages);
    free(names);
}

static int settle_try(struct trainer *t, void *name, struct vac_err *err)
{
    const struct checkpoint_state *s = &t->resume;
    struct aside_from from = {.step = s->json ? s->step : 0,
                              .stage = s->json ? s->stage : 0,
                              .stage_step = s->json ? s->stage_step : 0,
                              .start = !s->json};

    if (s->json)
        memcpy(from.size, s->size, sizeof from.size);
    return aside_make(&t->folder, &t->spec, &from, name, err) || folder_lines(&t->folder, err) ? -1
                                                                                               : 0;
}

int trainer_settle(struct trainer *t, struct vac_err *err)
{
    char name[ASIDE_NAME] = "";
    struct journal_entry e = {.verb = JOURNAL_ASIDE, .key = name};

    if (!t->unsettled)
        return 0;
    sweep(t);
    if (until_written(t, settle_try, name, "setting aside what lies after the checkpoint", err))
        return -1;
    t->unsettled = false;
    return *name ? journal(t, &e, err) : 0;
}

static int note_machine(struct trainer *t, struct vac_err *err)
{
    struct journal_entry e = {.verb = JOURNAL_KERNELS,
                              .old = t->machine_was,
                              .value = t->machine,
                              .reason = MACHINE_MEANS};

    return *t->machine ? journal(t, &e, err) : 0;
}

/* From the checkpoint, or from the start when there is none yet. */
static int go_on(struct trainer *t, size_t *first, struct vac_err *err)
{
    struct checkpoint_state *s = &t->resume;
    struct journal_entry e = {.verb = JOURNAL_RESUME_RUN,
                              .value = s->json ? t->resume_name : "start",
                              .from = s->journal,
                              .has_from = true};

    *first = s->json ? (size_t)s->stage : 0;
    t->stack_dirty = *first > 0;
    e.key = t->spec.stage[*first].name;
    if (t->unpinned)
        e.reason = "it has no checksums of the stages before: they are taken as they are";
    if (stage_begin(t, *first, err) || (s->json && checkpoint_load(t, s, t->resume_name, err))) {
        spec_blame_file(err);
        return -1;
    }
    options_mirror(t);
    if (journal(t, &e, err) || note_moved(t, err) || note_lock(t, err) || note_machine(t, err))
        return -1;
    return commands_set_all(t, err);
}

static int note_warning(void *ctx, const char *line, struct vac_err *err)
{
    return first_note(ctx, JOURNAL_WARNING, line, err);
}

/* Of what is measured beside training; a stage tells its own when it begins. */
static int measure_warnings(struct trainer *t, struct vac_err *err)
{
    struct strbuf lines = {0};
    int rc;

    for (size_t i = 0; i < t->spec.n_evaluate; i++) {
        struct strbuf one = {0};

        evaluation_warning(t->eval[i], &one);
        if (one.len)
            sb_printf(&lines, "%s: %s\n", t->spec.evaluate[i].name, one.s);
        lines.bad |= one.bad;
        sb_done(&one);
    }
    watch_warnings(t, &lines);
    rc = sb_ok(&lines, err) ? -1 : warnings_each(&lines, note_warning, t, err);
    sb_done(&lines);
    return rc;
}

int trainer_begin(struct trainer *t, size_t *first, struct vac_err *err)
{
    *first = 0;
    if (t->how.resume)
        return go_on(t, first, err);
    if (stage_begin(t, 0, err) || write_run_json(t, err) || folder_lines(&t->folder, err) ||
        first_note(t, JOURNAL_START, NULL, err) || note_lock(t, err) ||
        (model_note(t->m) && first_note(t, JOURNAL_NOTE, model_note(t->m), err)) ||
        (model_config(t->m)->post_norms &&
         first_note(t, JOURNAL_NOTE,
                    "attention outputs are measured and shifted where the module leaves "
                    "them, before the norm that follows",
                    err)) ||
        measure_warnings(t, err) || first_note(t, JOURNAL_STAGE, t->spec.stage[0].name, err))
        return -1;
    return 0;
}
