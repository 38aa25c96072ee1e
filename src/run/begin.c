/* begin.c - the first moments of a run: run.json for a new one, the last good checkpoint for an old
 * one, which is only looked at until something new is to be written; and going back to one. */
#include "run/begin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/stopwatch.h"
#include "base/trace.h"
#include "compute/products.h"
#include "record/aside.h"
#include "record/columns.h"
#include "record/folder.h"
#include "record/journal.h"
#include "record/lines.h"
#include "record/pins.h"
#include "record/state.h"
#include "run/book.h"
#include "run/checkpoint.h"
#include "run/control.h"
#include "rig/inputs.h"
#include "run/options.h"
#include "run/patience.h"
#include "run/stage.h"
#include "run/steer.h"
#include "run/trainer.h"
#include "run/warnings.h"
#include "spec/spec_tables.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

int begin_folder(struct trainer *t, const char *dir, struct vac_err *err)
{
    int64_t size;

    if (folder_open(&t->book.folder, dir, err))
        return -1;
    if (t->how.resume)
        return 0;
    if (folder_is_free(dir, err))
        return -1;
    /* another program may have begun a run there while this one was reading its data */
    for (int i = 0; i < LINES_COUNT; i++) {
        if (folder_size(&t->book.folder, (enum line_file)i, &size, err))
            return -1;
        if (size > 0)
            return err_set(err, VAC_ERR_USAGE,
                           "%s: holds %s and no run.json: name another folder with -o",
                           t->book.folder.dir, line_files[i]);
    }
    return 0;
}

/* --- run.json --- */

/* What became of the rows of each stage. */
static cJSON *data_json(const struct trainer *t, struct vac_err *err)
{
    cJSON *list = cJSON_CreateArray();
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < t->rig.spec.n_stages; i++) {
        const struct data_counts *c = &t->rig.counts[i];
        const struct {
            const char *key;
            size_t n;
        } of[] = {{"rows", c->rows},           {"cut", c->cut},
                  {"left_out", c->skipped},    {"odd", c->odd},
                  {"empty_answers", c->empty}, {"samples", c->samples}};
        cJSON *stage = cJSON_CreateObject();

        rc = json_add(stage, "stage", cJSON_CreateString(t->rig.spec.stage[i].name), err);
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

    for (size_t i = 0; rc == 0 && i < t->rig.spec.n_stages + t->rig.spec.n_evaluate + 1; i++) {
        size_t k = i - t->rig.spec.n_stages;

        sb_clear(&lines);
        if (i < t->rig.spec.n_stages)
            rc = warnings_of_stage(&t->rig, i, &t->rig.counts[i], &lines, err);
        else if (k < t->rig.spec.n_evaluate)
            evaluation_warning(t->rig.eval[k], &lines);
        else
            warnings_of_watch(&t->rig, &lines);
        told.name = i < t->rig.spec.n_stages     ? t->rig.spec.stage[i].name
                    : k < t->rig.spec.n_evaluate ? t->rig.spec.evaluate[k].name
                                                 : "watch";
        rc = rc || warnings_each(&lines, put_warning, &told, err) ? -1 : 0;
    }
    sb_done(&lines);
    if (rc == 0)
        return told.list;
    cJSON_Delete(told.list);
    return NULL;
}

cJSON *begin_describe(const struct trainer *t, struct vac_err *err)
{
    const struct rig *rig = &t->rig;
    const struct provider *products = rig->c->products;
    cJSON *root = cJSON_CreateObject(), *model = cJSON_CreateObject();
    struct strbuf plan = {0};
    struct json_out o = json_out(&plan);
    char hash[65];

    plan_put(&o, NULL, &t->st.plan);
    if (inputs_model(rig, hash, err) || sb_ok(&plan, err) ||
        json_add(model, "path", cJSON_CreateString(rig->spec.model ? rig->spec.model : ""), err) ||
        json_add(model, "hash", cJSON_CreateString(hash), err) ||
        json_add(model, "parameters", cJSON_CreateNumber((double)model_count(rig->m)), err)) {
        cJSON_Delete(model);
    } else if (!json_add(root, "model", model, err) &&
               !json_add(root, "vaccine", cJSON_CreateString(PACKAGE_VERSION), err) &&
               !json_add(root, "created", cJSON_CreateNumber(t->origin.created), err) &&
               !json_add(root, "spec", json_copy(rig->spec.json, err), err) &&
               !json_add(root, "files", inputs_json(rig, err), err) &&
               !json_add(root, "threads", cJSON_CreateNumber((double)rig->spec.threads), err) &&
               !json_add(root, "products", cJSON_CreateString(products_name(products)), err) &&
               !json_add(root, "blas", cJSON_CreateString(products_text(products)), err) &&
               !json_add(root, "kernels", cJSON_CreateString(compute_kernels(rig->c)), err) &&
               !json_add(root, "plan", json_parse(plan.s, plan.len, "plan", err), err) &&
               !json_add(root, "data", data_json(t, err), err) &&
               !json_add(root, "warnings", warnings_json(t, err), err) &&
               !json_add(root, "total_steps", cJSON_CreateNumber((double)t->at.total_steps), err)) {
        sb_done(&plan);
        return root;
    }
    sb_done(&plan);
    cJSON_Delete(root);
    return NULL;
}

static int write_run_json(struct trainer *t, struct vac_err *err)
{
    struct strbuf s = {0};
    char *text;
    int rc = -1;

    t->origin.created = t->how.deterministic_wall ? 0 : (double)time(NULL);
    cJSON_Delete(t->origin.began);
    t->origin.began = begin_describe(t, err);
    text = t->origin.began ? json_text(t->origin.began, true, err) : NULL;
    if (text) {
        sb_printf(&s, "%s\n", text);
        rc = out_text(t->book.folder.dir, "run.json", &s, err) ||
                     pin_file(t->book.pins, t->book.folder.dir, "run.json", err)
                 ? -1
                 : 0;
    }
    cJSON_free(text);
    sb_done(&s);
    return rc;
}

/* --- going on --- */

static int first_note(struct trainer *t, enum journal_verb verb, const char *key,
                      struct vac_err *err)
{
    struct journal_entry e = {.verb = verb, .key = key};

    return book_journal(&t->book, &e, err);
}

/* Of what stands for a lock that the file system does not have. */
static int note_lock(struct trainer *t, struct vac_err *err)
{
    struct journal_entry e = {.verb = JOURNAL_LOCK,
                              .key = t->book.folder.lock.file ? path_base(t->book.folder.lock.file)
                                                              : "",
                              .reason = "this file system has no locks: the file stands for one"};

    return t->book.folder.lock.file ? book_journal(&t->book, &e, err) : 0;
}

/* A chain that ended says that it goes on, before the first line that it does not know. */
static void reopen(struct trainer *t)
{
    struct vac_err ignored = {0};

    chain_link(&t->book.chain, "resume", 0, &ignored); /* else by the next one */
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

    if (bad->n++ == 0) {
        bad->why = *why;
        reopen(bad->t);
    }
    book_journal(&bad->t->book, &e, NULL);
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

/* What was trained would be lost: only who asks for that may begin again. */
static int may_begin_again(const struct rejected *bad, struct vac_err *err)
{
    struct trainer *t = bad->t;
    struct journal_entry e = {.verb = JOURNAL_NOTE};
    char why[160];
    struct saves saves = {0};
    struct vac_run_info *info = NULL;
    int64_t made = 0;
    size_t n;

    if (vac_runs(t->book.folder.dir, &info, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        made = info[i].step > made ? info[i].step : made;
    free(info);
    if (t->how.from_start || (made == 0 && bad->n == 0))
        return 0;
    if (bad->n == 0) {
        /* a run that ended before its first checkpoint has nothing else to go on from, and a queue that starts
         * it again means that; on a screen it is asked all the same */
        if (!t->how.interactive &&
            lines_visit(t->book.folder.dir, "journal.jsonl", count_save, &saves, err))
            return -1;
        snprintf(why, sizeof why,
                 "no checkpoint was saved yet: begins again at step 0; the %lld steps that were "
                 "made are set aside",
                 (long long)made);
        e.reason = why;
        if (saves.began && !saves.any) {
            reopen(t);
            return book_journal(&t->book, &e, err);
        }
    }
    return err_set(err, VAC_ERR_NO_CHECKPOINT,
                   "%s: there is no checkpoint to go on from, and %lld steps were made%s%s",
                   t->book.folder.dir, (long long)made, bad->n ? "; " : "", bad->why.msg);
}

int begin_pins(struct trainer *t, struct vac_err *err)
{
    const cJSON *had = cJSON_GetObjectItemCaseSensitive(t->origin.resume.json, "pinned");
    char name[160];

    if (had) {
        cJSON_Delete(t->book.pins);
        t->book.pins = json_copy(had, err);
        if (!t->book.pins)
            return -1;
    }
    if (!pins_know(t->book.pins, "run.json") &&
        pin_file(t->book.pins, t->book.folder.dir, "run.json", err))
        return -1;
    for (size_t i = 0; t->origin.resume.json && i < t->origin.resume.stage; i++) {
        snprintf(name, sizeof name, "stages/%s", t->rig.spec.stage[i].name);
        if (pins_know(t->book.pins, name))
            continue;
        t->origin.unpinned = true;
        if (pin_folder(t->book.pins, t->book.folder.dir, name, err))
            return -1;
    }
    return 0;
}

int begin_resume(struct trainer *t, struct vac_err *err)
{
    struct rejected bad = {.t = t};
    struct vac_err ignored = {0};
    struct checkpoint_state *s = &t->origin.resume;
    size_t at;
    bool shut;
    int found;

    if (inputs_check(&t->rig, &t->origin, err) || folder_journal_open(&t->book.folder, err) ||
        chain_open(&t->book.chain, t->book.folder.dir, line_files, LINES_COUNT, err))
        return -1;
    shut = t->book.chain.ledger.end == LEDGER_SHUT;
    found = state_find(t->book.folder.dir, t->rig.spec.n_stages, s, t->origin.resume_name,
                       sizeof t->origin.resume_name, note_bad, &bad, err);
    at = found == 0 ? (size_t)s->stage : 0;
    if (found < 0 || (found == 1 && may_begin_again(&bad, err)) ||
        options_check_all(&t->rig.spec.stage[at], at, t->book.folder.dir, &t->how, err) ||
        begin_pins(t, err)) {
        /* what the journal says of it is covered; where nothing is new no link is put */
        chain_link(&t->book.chain, shut ? "stop" : "resume", 0, &ignored);
        return -1;
    }
    chain_link(&t->book.chain, "resume", found ? 0 : s->step, &ignored); /* else by the next one */
    t->origin.unsettled = true;
    if (found == 1)
        return 0;
    t->at.step = s->step;
    t->at.saved_step = (int64_t)s->step;
    t->at.saved_at = clock_now(); /* until it is read */
    return folder_fits(&t->book.folder, s->size, err);
}

int begin_settle(struct trainer *t, struct vac_err *err)
{
    const struct checkpoint_state *s = &t->origin.resume;
    struct aside_from from = {.step = s->json ? s->step : 0,
                              .stage = s->json ? s->stage : 0,
                              .stage_step = s->json ? s->stage_step : 0,
                              .start = !s->json,
                              .rewind = t->origin.rewind};
    const char **stages =
        t->origin.unsettled ? mem_new(t->rig.spec.n_stages, sizeof *stages, NULL) : NULL;
    char name[ASIDE_NAME] = "";
    struct journal_entry e = {.verb = JOURNAL_ASIDE, .key = name};
    struct patience p = {.steer = &t->steer,
                         .what = "setting aside what lies after the checkpoint"};

    if (!t->origin.unsettled)
        return 0;
    for (size_t i = 0; stages && i < t->rig.spec.n_stages; i++)
        stages[i] = t->rig.spec.stage[i].name;
    if (stages)
        folder_sweep(&t->book.folder, stages, t->rig.spec.n_stages);
    free(stages);
    if (s->json)
        memcpy(from.size, s->size, sizeof from.size);
    if (book_link(&t->book, "back", err))
        return -1;
    while (patience_left(&p, err))
        p.rc = aside_make(&t->book.folder, &t->rig.spec, &from, name, &p.why) ||
                       folder_lines(&t->book.folder, &p.why)
                   ? -1
                   : 0;
    if (p.rc)
        return -1;
    t->origin.unsettled = false;
    memcpy(t->origin.aside, name, sizeof name);
    return (*name && book_journal(&t->book, &e, err)) || book_link(&t->book, "aside", err) ? -1 : 0;
}

int begin_stage(struct trainer *t, size_t index, struct vac_err *err)
{
    char what[VAC_NAME + 32];

    snprintf(what, sizeof what, "stage %s: its rows and memory", t->rig.spec.stage[index].name);
    steer_show(&t->steer, VAC_LOADING, what);
    t->at.duty = 0;
    point_clear(&t->at.point);
    layers_clear(&t->at.layers);
    /* another stage's last values would pass for this one's */
    point_clear(&control_writing(t->steer.ctl)->last);
    layers_clear(&control_writing(t->steer.ctl)->layers);
    if (stage_open(&t->st, &t->rig, &t->book, index, t->at.step, err) == 0)
        return 0;
    spec_blame_file(err);
    return -1;
}

/* From the checkpoint, or from the start when there is none yet. */
static int go_on(struct trainer *t, size_t *first, struct vac_err *err)
{
    struct checkpoint_state *s = &t->origin.resume;
    struct journal_entry e = {.verb = JOURNAL_RESUME_RUN,
                              .value = s->json ? t->origin.resume_name : "start",
                              .from = s->journal,
                              .has_from = true};
    struct journal_entry machine = {.verb = JOURNAL_KERNELS,
                                    .old = t->origin.machine_was,
                                    .value = t->origin.machine,
                                    .reason = INPUTS_MACHINE_MEANS};

    *first = s->json ? (size_t)s->stage : 0;
    t->rig.stack_dirty = *first > 0;
    e.key = t->rig.spec.stage[*first].name;
    if (t->origin.unpinned)
        e.reason = "it has no checksums of the stages before: they are taken as they are";
    if (begin_stage(t, *first, err) ||
        (s->json && checkpoint_load(t, s, t->origin.resume_name, err))) {
        spec_blame_file(err);
        return -1;
    }
    options_mirror(&t->steer, &t->st);
    if (book_journal(&t->book, &e, err))
        return -1;
    for (const cJSON *p = t->origin.moved ? t->origin.moved->child : NULL; p; p = p->next) {
        struct journal_entry where = {
            .verb = JOURNAL_MOVED, .old = p->string, .value = p->valuestring};

        if (book_journal(&t->book, &where, err))
            return -1;
    }
    return note_lock(t, err) || (*t->origin.machine && book_journal(&t->book, &machine, err)) ? -1
                                                                                              : 0;
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

    for (size_t i = 0; i < t->rig.spec.n_evaluate; i++) {
        struct strbuf one = {0};

        evaluation_warning(t->rig.eval[i], &one);
        if (one.len)
            sb_printf(&lines, "%s: %s\n", t->rig.spec.evaluate[i].name, one.s);
        lines.bad |= one.bad;
        sb_done(&one);
    }
    warnings_of_watch(&t->rig, &lines);
    rc = sb_ok(&lines, err) ? -1 : warnings_each(&lines, note_warning, t, err);
    sb_done(&lines);
    return rc;
}

int begin_run(struct trainer *t, size_t *first, struct vac_err *err)
{
    *first = 0;
    if (t->how.resume)
        return go_on(t, first, err);
    /* whatever a kill leaves of a run, its chain has begun before */
    if (begin_stage(t, 0, err) ||
        chain_open(&t->book.chain, t->book.folder.dir, line_files, LINES_COUNT, err) ||
        book_link(&t->book, "begin", err) || write_run_json(t, err) ||
        folder_lines(&t->book.folder, err) || first_note(t, JOURNAL_START, NULL, err) ||
        note_lock(t, err) ||
        (model_note(t->rig.m) && first_note(t, JOURNAL_NOTE, model_note(t->rig.m), err)) ||
        (model_config(t->rig.m)->post_norms &&
         first_note(t, JOURNAL_NOTE,
                    "attention outputs are measured and shifted where the module leaves "
                    "them, before the norm that follows",
                    err)) ||
        measure_warnings(t, err) || first_note(t, JOURNAL_STAGE, t->rig.spec.stage[0].name, err) ||
        book_link(&t->book, "start", err))
        return -1;
    return 0;
}

/* --- back --- */

/* The checkpoint of that step, whole, of this run's past. */
static int find_past(const struct trainer *t, int64_t step, char name[64],
                     struct checkpoint_state *s, struct vac_err *err)
{
    const char *run = t->book.folder.dir;
    char *dir;
    int rc;

    snprintf(name, 64, "checkpoint-%lld", (long long)step);
    dir = folder_path(&t->book.folder, name, err);
    if (!dir)
        return -1;
    rc = dir_exists(dir) ? state_read(dir, run, true, s, err) : state_none_at(run, step, err);
    free(dir);
    if (rc == 0 && (s->step > t->at.step || s->stage > t->st.index)) {
        cJSON_Delete(s->json);
        rc = err_set(err, VAC_ERR_USAGE, "%s/%s: lies after step %llu, where the run is", run, name,
                     (unsigned long long)t->at.step);
    }
    return rc;
}

/* A stage that will begin again has the options of the run file. */
static int reset_options(struct stage_spec *s, const cJSON *stage, struct vac_err *err)
{
    struct jnode root = json_root(stage, "run.json");
    struct live_option o;

    for (size_t i = 0; spec_live(s, i, &o); i++) {
        struct option_row one[2] = {*o.row, {.name = NULL}};

        if (cJSON_GetObjectItemCaseSensitive(stage, o.row->name) &&
            option_read(one, &root, o.base, err))
            return -1;
    }
    return 0;
}

/* The model and the stages from this one on are as when the run was opened. */
static int unmake(struct trainer *t, size_t stage, struct vac_err *err)
{
    struct rig *rig = &t->rig;
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(rig->spec.json, "stages");

    for (size_t i = stage; i < rig->spec.n_stages; i++) {
        rig->stage_total[i] = rig->planned[i];
        if (reset_options(&rig->spec.stage[i], cJSON_GetArrayItem(stages, (int)i), err))
            return -1;
    }
    t->at.total_steps = rig_steps(rig);
    recall_forget(&rig->own, NULL, "");
    changes_done(&t->changes); /* what was changed since is not there to be taken back */
    for (size_t i = 0; i < rig->suite.rows.n; i++)
        rig->suite.verdict[i] = -1;
    rig->stack_dirty = stage > 0;
    return rig_model_again(rig, err);
}

/* The scores as they stood there. */
static int show_scores(struct trainer *t, struct vac_err *err)
{
    struct vac_snapshot *shown = control_writing(t->steer.ctl);
    struct vac_eval *eval;
    size_t n;

    if (vac_run_evals(t->book.folder.dir, &eval, &n, err))
        return -1;
    for (int k = 0; k < shown->n_evals; k++) {
        struct vac_eval none = {.step = -1, .value = NAN, .lo = NAN, .hi = NAN};

        memcpy(none.name, shown->eval[k].name, sizeof none.name);
        none.is_rate = shown->eval[k].is_rate;
        shown->eval[k] = none;
        for (size_t i = 0; i < n; i++)
            if (!strcmp(eval[i].name, none.name))
                shown->eval[k] = eval[i];
    }
    free(eval);
    return 0;
}

static int go_back(struct trainer *t, struct checkpoint_state *s, const char *name,
                   struct vac_err *err)
{
    struct origin *from = &t->origin;

    stopwatch_hold(&t->steer.watch);
    stage_close(&t->st, &t->rig);
    cJSON_Delete(from->resume.json);
    from->resume = *s;
    snprintf(from->resume_name, sizeof from->resume_name, "%s", name);
    from->unsettled = from->rewind = true;
    if (begin_settle(t, err) || begin_pins(t, err) || unmake(t, (size_t)s->stage, err))
        return -1;
    from->rewind = false;
    t->at.step = s->step;
    if (inputs_check_stage(&t->rig, from, (size_t)s->stage, err) ||
        begin_stage(t, (size_t)s->stage, err) || checkpoint_load(t, &from->resume, name, err) ||
        show_scores(t, err))
        return -1;
    options_mirror(&t->steer, &t->st);
    return 0;
}

int begin_rewind(struct trainer *t, int64_t step, const char *who, struct vac_err *err)
{
    struct checkpoint_state s;
    char name[64], was[24];
    size_t keep = t->at.keep_more;
    struct journal_entry e = {.applied = true,
                              .applied_step = step,
                              .who = who,
                              .verb = JOURNAL_REWIND,
                              .old = was,
                              .value = name,
                              .status = "applied",
                              .has_from = true};
    double begun = clock_now();

    if (find_past(t, step, name, &s, err))
        return -1;
    snprintf(was, sizeof was, "%llu", (unsigned long long)t->at.step);
    t->at.keep_more = keep + 1; /* the one that is gone back to stays */
    if (t->st.done && t->at.saved_step != (int64_t)t->at.step && checkpoint_save(t, err)) {
        t->at.keep_more = keep;
        cJSON_Delete(s.json);
        return -1;
    }
    t->at.keep_more = keep;
    if (go_back(t, &s, name, err)) {
        err_prefix(err, "back to step %lld", (long long)step);
        steer_break(&t->steer, err);
        return -1;
    }
    if (t->steer.paused)
        snprintf(t->steer.pause_reason, sizeof t->steer.pause_reason,
                 *t->origin.aside ? "back at step %lld; what lay after it is in %s"
                                  : "back at step %lld%s",
                 (long long)step, t->origin.aside);
    e.key = t->st.spec->name;
    e.from = t->origin.resume.journal;
    book_tell(&t->book, &e);
    control_rewound(t->steer.ctl, t->origin.resume.size[LINES_METRICS],
                    t->origin.resume.size[LINES_LAYERS]);
    control_event(t->steer.ctl, VAC_EVENT_REWIND, 0, step, t->origin.aside, NULL);
    t->at.rewinds++;
    TRACE("rewind from step %s to %s: %.1f ms", was, name, 1e3 * (clock_now() - begun));
    return 0;
}
