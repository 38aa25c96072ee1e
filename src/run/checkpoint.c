/* checkpoint.c - the whole state of a run in a folder that is complete or not there.
 *
 * checkpoint-N.tmp is filled, read back and checked, synced, and only then renamed to checkpoint-N;
 * older ones go after that. state.json holds every counter, the cursor, the live options, the sizes
 * of the line files, size and CRC-32C of the other files, and last its own CRC-32C; the adapters
 * beneath are named, not copied. */
#include "run/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/hash.h"
#include "base/json_out.h"
#include "base/stopwatch.h"
#include "base/trace.h"
#include "fork/fork.h"
#include "record/columns.h"
#include "record/folder.h"
#include "record/pins.h"
#include "record/state.h"
#include "run/arrays.h"
#include "run/book.h"
#include "run/patience.h"
#include "rig/rig.h"
#include "run/stage.h"
#include "run/trainer.h"
#include "defense/step.h"
#include "spec/spec_tables.h"
#include "spec/spec_until.h"

/* --- state.json --- */

static int load_reading(struct trainer *t, const struct jnode *root, struct vac_err *err)
{
    struct jnode point, layers;
    int n = 0, rc;

    rc = json_opt(root, "point", JSON_OBJECT, &point, err);
    if (rc || json_get(root, "layers", JSON_OBJECT, &layers, err))
        return rc > 0 ? 0 : -1;
    for (size_t i = 0; i < VAC_COLUMN_COUNT; i++) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(point.v, vac_columns[i].name);

        *point_at(&t->at.point, i) = cJSON_IsNumber(v) ? v->valuedouble : v ? INFINITY : NAN;
    }
    return layers_read(&layers, &t->at.layers, &n, err);
}

/* Where the stages up to this one end, and how near it is to that. */
static void put_until(const struct trainer *t, struct json_out *o)
{
    const struct stage *st = &t->st;
    bool any = false;

    /* a fork cuts the stage that it begins after, which has no bounds */
    for (size_t i = 0; i <= st->index; i++)
        any |= t->rig.spec.stage[i].until.n > 0 || t->rig.stage_total[i] != t->rig.planned[i];
    if (!any)
        return;
    json_put_list(o, "ends", JSON_SPACED);
    for (size_t i = 0; i <= st->index; i++)
        json_put_natural(o, NULL, t->rig.stage_total[i]);
    json_put_end(o);
    json_put_list(o, "passed", JSON_SPACED);
    for (size_t i = 0; i < st->spec->until.n; i++)
        json_put_int(o, NULL, st->passed[i]);
    json_put_end(o);
    if (!st->spec->until.sure)
        return;
    json_put_list(o, "looks", JSON_SPACED);
    for (size_t i = 0; i < st->spec->until.n; i++)
        json_put_int(o, NULL, st->looks[i]);
    json_put_end(o);
}

static int write_state(struct trainer *t, const char *dir, struct vac_err *err)
{
    const struct stage *st = &t->st;
    struct live_option live;
    struct strbuf s = {0};
    struct json_out o = json_out(&s);
    int64_t size[LINES_COUNT];
    cJSON *files;
    char name[VAC_NAME + 16];
    int rc = -1;

    if (t->book.marked)
        memcpy(size, t->book.mark, sizeof size);
    else if (folder_sizes(&t->book.folder, size, err))
        return -1;
    files = cJSON_CreateObject();
    if (pin_file(files, dir, arrays_trained(&t->rig), err) ||
        pin_file(files, dir, ARRAYS_STATE, err) ||
        (!model_is_full(t->rig.m) && pin_file(files, dir, "adapter_config.json", err)))
        goto out;
    json_put_object(&o, NULL, JSON_LINED);
    json_put_int(&o, "version", 1);
    json_put_natural(&o, "step", t->at.step);
    json_put_natural(&o, "stage", st->index);
    json_put_natural(&o, "stage_step", st->done);
    json_put_natural(&o, "epoch", st->stream[0].cursor.epoch);
    json_put_natural(&o, "next", st->stream[0].cursor.next);
    json_put_natural(&o, "updates", st->opt.updates);
    json_put_natural(&o, "tokens", t->at.tokens);
    json_put_natural(&o, "duty", t->at.duty);
    json_put_int(&o, "drift_from", st->drift_from);
    put_until(t, &o);
    json_put_natural(&o, "journal", t->book.folder.journal_seq);
    json_put_num(&o, "wall", stopwatch_read(&t->steer.watch));
    json_put_object(&o, "lines", JSON_SPACED);
    for (int i = 0; i < LINES_JOURNAL; i++)
        json_put_int(&o, line_files[i], size[i]);
    json_put_end(&o);
    if (st->n_streams > 1) {
        json_put_object(&o, "streams", JSON_SPACED);
        for (size_t k = 1; k < st->n_streams; k++) {
            json_put_object(&o, st->spec->stream[k].name, JSON_SPACED);
            json_put_natural(&o, "epoch", st->stream[k].cursor.epoch);
            json_put_natural(&o, "next", st->stream[k].cursor.next);
            json_put_end(&o);
        }
        json_put_end(&o);
    }
    json_put_object(&o, "options", JSON_SPACED);
    for (size_t i = 0; spec_live(t->st.spec, i, &live); i++)
        option_json(live.row, live.base, json_put_raw(&o, live.row->name));
    json_put_end(&o);
    json_put_list(&o, "suite", JSON_SPACED);
    for (size_t i = 0; i < t->rig.suite.rows.n; i++)
        json_put_int(&o, NULL, t->rig.suite.verdict[i]);
    json_put_end(&o);
    recall_json(&o, &t->rig.own);
    guards_put(&o, &t->guards);
    if (t->at.broke.taken)
        json_put_int(&o, "broke_taken", t->at.broke.taken);
    changes_put(&o, &t->changes, &t->guards);
    json_put_list(&o, "beneath", JSON_SPACED);
    for (size_t i = 0; i < st->index; i++) {
        snprintf(name, sizeof name, "../stages/%s", t->rig.spec.stage[i].name);
        json_put_text(&o, NULL, name);
    }
    json_put_end(&o);
    if (t->at.duty == 0 && st->done) {
        /* the last step's numbers, whose lines could not be written: they are when the run goes on */
        point_json(&o, "point", &t->at.point, st->spec->name);
        layers_json(&o, "layers", &t->at.layers, NULL, rig_layers(&t->rig));
    }
    pins_put(&o, "files", files);
    pins_put(&o, "pinned", t->book.pins);
    sb_printf(&s, STATE_SEAL, crc32c(0, s.s ? s.s : "", s.len));
    rc = out_text(dir, "state.json", &s, err);
out:
    cJSON_Delete(files);
    sb_done(&s);
    return rc;
}

/* Removes all but the newest few. Damaged ones of steps that are still to come again do not count
 * among those. What cannot be removed stays: it does no harm. */
static void prune(struct trainer *t)
{
    long long *list;
    char name[64], *path;
    size_t n, kept = 0;

    if (state_list(t->book.folder.dir, &list, &n, NULL))
        n = 0; /* of what is not known whole, nothing is old */
    for (size_t i = 0; i < n; i++) {
        if (list[i] > (long long)t->at.step || list[i] == t->guards.healthy ||
            list[i] == t->guards.candidate || list[i] == fork_step(t->origin.began) ||
            kept++ < (size_t)t->rig.spec.checkpoint.keep + t->at.keep_more)
            continue;
        snprintf(name, sizeof name, "checkpoint-%lld", list[i]);
        path = folder_path(&t->book.folder, name, NULL);
        if (path)
            path_remove(path, NULL);
        free(path);
    }
    free(list);
}

static int fill_folder(struct trainer *t, const char *tmp, struct vac_err *err)
{
    struct checkpoint_state back;

    if (dir_exists(tmp) && path_remove(tmp, err))
        return -1;
    if (dirs_make(tmp, err) || folder_sync(&t->book.folder, err))
        return -1;
    if (model_is_full(t->rig.m) ? arrays_save_full(&t->rig, tmp, err)
                                : stage_write_adapter(&t->st, &t->rig, &t->book.folder, tmp, err))
        return -1;
    if (arrays_save_state(&t->rig, &t->st, tmp, err) || write_state(t, tmp, err) ||
        state_read(tmp, NULL, true, &back, err))
        return -1;
    cJSON_Delete(back.json);
    return 0;
}

int checkpoint_save(struct trainer *t, struct vac_err *err)
{
    char name[64], tmp[80], *path;
    double begun = clock_now();
    int rc;

    snprintf(name, sizeof name, "checkpoint-%llu", (unsigned long long)t->at.step);
    snprintf(tmp, sizeof tmp, "%s.tmp", name);
    path = folder_path(&t->book.folder, tmp, err);
    rc = path ? fill_folder(t, path, err) : -1;
    if (rc == 0)
        rc = book_rewrite(&t->book, name, err) || folder_swap(t->book.folder.dir, tmp, name, err)
                 ? -1
                 : 0;
    else if (path)
        path_remove(path, NULL); /* give the space back: a half checkpoint helps nobody */
    free(path);
    TRACE("save %s: %d, %.1f ms", name, rc, 1e3 * (clock_now() - begun));
    if (rc) {
        struct strbuf size = {0};

        sb_quantity(&size, 3.0 * (double)(sizeof(float) * t->st.opt.n), "B");
        err_prefix(err, "checkpoint at step %llu (%s)", (unsigned long long)t->at.step,
                   size.s ? size.s : "");
        sb_done(&size);
        return -1;
    }
    t->at.saved_step = (int64_t)t->at.step;
    t->at.last_save = t->at.saved_at = clock_now();
    guards_saved(&t->guards, t->at.saved_step);
    prune(t);
    return 0;
}

int checkpoint_export(struct trainer *t, bool done, struct vac_err *err)
{
    return t->export ? t->export(t->export_ctx, done, err) : 0;
}

/* Other tools' files are made from ours at any time: what cannot be written now is told, and tried again
 * the next time. */
static int export_now(struct trainer *t, struct vac_err *err)
{
    struct vac_err why = {0};
    struct journal_entry e = {.verb = JOURNAL_EXPORT, .status = "failed", .reason = why.msg};

    return checkpoint_export(t, false, &why) ? book_journal(&t->book, &e, err) : 0;
}

int checkpoint_save_now(struct trainer *t, struct vac_err *err)
{
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->at.step,
                              .verb = JOURNAL_CHECKPOINT,
                              .status = "saved"};
    struct patience p = {.steer = &t->steer};

    while (patience_left(&p, err))
        p.rc = checkpoint_save(t, &p.why);
    if (p.rc || book_journal(&t->book, &e, err) || export_now(t, err))
        return -1;
    return book_link(&t->book, "checkpoint", err);
}

/* --- going on --- */

static int load_options(struct trainer *t, const struct jnode *root, struct vac_err *err)
{
    struct jnode options;
    struct live_option o;

    if (json_get(root, "options", JSON_OBJECT, &options, err))
        return -1;
    for (size_t i = 0; spec_live(t->st.spec, i, &o); i++) {
        struct option_row one[2] = {*o.row, {.name = NULL}};
        if (cJSON_GetObjectItemCaseSensitive(options.v, o.row->name) &&
            option_read(one, &options, o.base, err))
            return -1;
    }
    return step_options(&t->st.step, t->st.spec->method, t->st.spec->options, err);
}

static int load_streams(struct stage *st, const struct jnode *root, struct vac_err *err)
{
    struct jnode all, one;
    int64_t epoch, next;

    if (st->n_streams > 1 && json_get(root, "streams", JSON_OBJECT, &all, err))
        return -1;
    for (size_t k = 1; k < st->n_streams; k++) {
        struct stream *x = &st->stream[k];
        if (json_get(&all, st->spec->stream[k].name, JSON_OBJECT, &one, err) ||
            json_int(&one, "epoch", 0, INT64_C(1) << 53, &epoch, err) ||
            json_int(&one, "next", 0, INT64_C(1) << 53, &next, err))
            return -1;
        if ((uint64_t)next > x->data.n)
            return json_error(&one, err, "beyond the %zu samples of this data set", x->data.n);
        x->cursor.epoch = (uint64_t)epoch;
        x->cursor.next = (uint64_t)next;
        cursor_order(&x->cursor, x->order, x->data.n);
    }
    return 0;
}

static int load_counts(const struct jnode *root, const char *key, int64_t *out, size_t n,
                       struct vac_err *err)
{
    struct jnode list = {0};
    const cJSON *v;

    if (json_opt(root, key, JSON_ARRAY, &list, err) < 0)
        return -1;
    v = list.v ? list.v->child : NULL;
    for (size_t i = 0; v && i < n; i++, v = v->next)
        if (!json_whole(v, &out[i]) || out[i] < 0)
            return json_error(&list, err, "expected how often, for each bound");
    return 0;
}

static int load_until(struct trainer *t, const struct checkpoint_state *s, struct vac_err *err)
{
    struct jnode root = json_root(s->json, "state.json"), list = {0};
    const struct until_spec *u = &t->st.spec->until;
    const cJSON *v;
    int64_t x;

    if (json_opt(&root, "ends", JSON_ARRAY, &list, err) < 0)
        return -1;
    v = list.v ? list.v->child : NULL;
    for (size_t i = 0; v && i < t->st.index; i++, v = v->next) {
        if (!json_whole(v, &x) || x < 0 || (uint64_t)x > t->rig.stage_total[i])
            return json_error(&list, err, "stage %zu cannot end there", i);
        stage_end(&t->st, &t->rig, &t->at, i, (uint64_t)x);
    }
    if (load_counts(&root, "passed", t->st.passed, u->n, err) ||
        load_counts(&root, "looks", t->st.looks, u->n, err))
        return -1;
    /* as it was planned then, unless it has ended: a fork may have planned another end */
    if (u->n && json_whole(v, &x) && x >= 0 && (uint64_t)x == s->stage_step &&
        spec_until_passed(u, t->st.passed) >= u->times)
        stage_end(&t->st, &t->rig, &t->at, t->st.index, s->stage_step);
    return 0;
}

/* A checkpoint that is whole may still be another run's. */
static int check_counters(const struct trainer *t, const struct checkpoint_state *s,
                          const char *name, struct vac_err *err)
{
    uint64_t before = 0;

    for (uint64_t i = 0; i < s->stage; i++)
        before += t->rig.stage_total[i];
    if (s->stage_step > t->st.end || s->step != before + s->stage_step ||
        s->next > t->st.stream[0].data.n || s->drift_from > s->step || s->drift_from < before)
        return err_set(
            err, VAC_ERR_FORMAT,
            "%s/%s: its counters do not fit this run: remove it to go on from the one before",
            t->book.folder.dir, name);
    return 0;
}

/* Seconds since a folder was written; 0 where nothing tells. */
static double age_of(const char *dir)
{
    struct stat st;
    struct timespec now;

    if (stat(dir, &st) || clock_gettime(CLOCK_REALTIME, &now))
        return 0;
    return fmax(0, difftime(now.tv_sec, st.st_mtim.tv_sec));
}

int checkpoint_load(struct trainer *t, const struct checkpoint_state *s, const char *name,
                    struct vac_err *err)
{
    char *dir = folder_path(&t->book.folder, name, err);
    struct jnode root = json_root(s->json, name);
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(s->json, "suite");
    struct stage *st = &t->st;
    bool begins = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(s->json, "begins")); /* of a fork */
    size_t suite = 0;
    int rc = -1;

    if (!dir || load_until(t, s, err) || check_counters(t, s, name, err) ||
        (!begins && (arrays_load_state(&t->rig, st, &t->steer,
                                       s->drift_from != s->step - s->stage_step, dir, err) ||
                     arrays_load_trained(&t->rig, dir, err))) ||
        load_options(t, &root, err) || (!begins && load_streams(st, &root, err)) ||
        recall_read(&t->rig.own, s->json, &t->rig.enc, t->rig.m, err) ||
        (t->guards.spec && (guards_read(&t->guards, &root, err) ||
                            changes_read(&t->changes, &t->guards, &root, err))))
        goto out;
    for (x = x ? x->child : NULL; x && suite < t->rig.suite.rows.n; x = x->next)
        t->rig.suite.verdict[suite++] = x->valueint;
    st->opt.updates = s->updates;
    st->done = s->stage_step;
    st->start_step = (int64_t)(s->step - s->stage_step);
    st->drift_from = (int64_t)s->drift_from;
    st->stream[0].cursor.epoch = s->epoch;
    st->stream[0].cursor.next = s->next;
    cursor_order(&st->stream[0].cursor, st->stream[0].order, st->stream[0].data.n);
    t->at.step = s->step;
    t->at.tokens = s->tokens;
    t->at.duty = (size_t)s->duty; /* a fork may have fewer than that */
    if (t->at.duty == 0 && st->done && load_reading(t, &root, err))
        goto out;
    t->at.broke = (struct broke_seen){.known = false};
    if (json_opt_int(&root, "broke_taken", 0, INT64_C(1) << 53, &t->at.broke.taken, err) < 0)
        goto out;
    if (st->spec->method->restore)
        st->spec->method->restore(&st->step);
    t->steer.watch.before = s->wall;
    t->at.saved_step = (int64_t)s->step;
    t->at.saved_at = clock_now() - age_of(dir);
    guards_saved(&t->guards, t->at.saved_step);
    rc = 0;
out:
    free(dir);
    return rc;
}
