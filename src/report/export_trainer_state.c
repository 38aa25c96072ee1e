/* export_trainer_state.c - trainer_state.json as Hugging Face's Trainer writes it: two spaces,
 * sorted keys.
 *
 * Their reader knows exactly these keys; log_history is free, so our own numbers stand there under
 * our names. Only finite numbers are written: readers stumble over NaN. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json_out.h"
#include "report/export.h"
#include "record/lines.h"
#include "record/config.h"
#include "record/score.h"
#include "record/folder.h"
#include "record/columns.h"

/* Keys of a history entry, collected, then written sorted. */
struct entry {
    struct {
        char key[VAC_NAME + 24];
        double value;
    } item[24];
    size_t n;
};

static void entry_add(struct entry *e, const char *prefix, const char *key, double value)
{
    size_t at = strlen(prefix);

    if (!isfinite(value) || e->n == sizeof e->item / sizeof *e->item)
        return;
    memcpy(e->item[e->n].key, prefix, at);
    lines_name(e->item[e->n].key + at, sizeof e->item[e->n].key - at, key);
    e->item[e->n++].value = value;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(a, b); /* the key is at the front */
}

static void entry_put(struct entry *e, struct json_out *o)
{
    qsort(e->item, e->n, sizeof *e->item, by_key);
    json_put_object(o, NULL, JSON_LINED);
    for (size_t i = 0; i < e->n; i++)
        json_put_num(o, e->item[i].key, e->item[i].value);
    json_put_end(o);
}

/* False when there is nothing to tell of this moment. */
static bool entry_of(struct entry *e, const struct moment *m)
{
    size_t bare;

    e->n = 0;
    entry_add(e, "", "step", (double)(m->point ? m->point->step : m->eval->step));
    entry_add(e, "", "epoch", m->last ? m->last->epoch : (double)NAN);
    bare = e->n;
    if (m->eval)
        entry_add(e, "eval_", m->eval->name, m->eval->value);
    for (int i = 0; m->eval && i < VERDICT_COUNT; i++) {
        char name[VAC_NAME + 16];

        snprintf(name, sizeof name, "%s_%s", m->eval->name, verdict_names[i]);
        entry_add(e, "eval_", name, score_share(m->eval, (enum verdict)i));
    }
    for (size_t i = 0; m->point && i < VAC_COLUMN_COUNT; i++)
        if (vac_columns[i].hugging_face)
            entry_add(e, "", vac_columns[i].hugging_face, point_get(m->point, i));
    return e->n > bare;
}

/* The entries that are there already, those that are new, and the last one. */
static void put_history(struct json_out *o, const struct run_data *r, const char *was, bool done,
                        const struct vac_point *last, struct export_part *part)
{
    int64_t n = part->to - part->from;
    struct moment m = {0};
    struct entry e;

    json_put_list(o, "log_history", JSON_LINED);
    json_put_members(o, was + part->from, (size_t)n);
    part->from = (int64_t)o->to->len - n;
    while (moment_next(r, &m)) {
        if (entry_of(&e, &m))
            entry_put(&e, o);
        if (m.point && isfinite(m.point->loss)) {
            part->sum += m.point->loss;
            part->n++;
        }
    }
    part->to = (int64_t)o->to->len;
    if (last && done) {
        e.n = 0;
        entry_add(&e, "", "step", (double)last->step);
        entry_add(&e, "", "epoch", last->epoch);
        entry_add(&e, "", "total_flos", 0);
        entry_add(&e, "", "train_loss", part->n ? part->sum / (double)part->n : (double)NAN);
        entry_add(&e, "", "train_runtime", last->wall);
        if (last->wall > 0)
            entry_add(&e, "", "train_steps_per_second", (double)last->step / last->wall);
        entry_put(&e, o);
    }
    json_put_end(o);
}

static double number_in(const cJSON *obj, const char *key, double otherwise)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

    return cJSON_IsNumber(v) && isfinite(v->valuedouble) ? v->valuedouble : otherwise;
}

static void put_number(struct json_out *o, const char *key, double x)
{
    json_put_num(o, key, isfinite(x) ? x : 0);
}

static void put_state(struct strbuf *out, const struct run_data *r, const char *was, bool done,
                      struct export_part *part)
{
    const struct vac_point none = {0};
    const struct vac_point *newest = r->n_points     ? &r->point[r->n_points - 1]
                                     : r->has_before ? &r->before
                                                     : NULL;
    const struct vac_point *last = newest ? newest : &none;
    const cJSON *spec = run_config_spec(r->config);
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(spec, "stages");
    const cJSON *checkpoint = cJSON_GetObjectItemCaseSensitive(spec, "checkpoint");
    const cJSON *stage = cJSON_GetArrayItem(stages, last->stage);
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_LINED);
    json_put_text(&o, "best_global_step", NULL);
    json_put_text(&o, "best_metric", NULL);
    json_put_text(&o, "best_model_checkpoint", NULL);
    put_number(&o, "epoch", last->epoch);
    put_number(&o, "eval_steps", 0);
    put_number(&o, "global_step", (double)last->step);
    json_put_bool(&o, "is_hyper_param_search", false);
    json_put_bool(&o, "is_local_process_zero", true);
    json_put_bool(&o, "is_world_process_zero", true);
    put_history(&o, r, was, done, newest, part);
    put_number(&o, "logging_steps", 1);
    put_number(&o, "max_steps", number_in(r->config, "total_steps", (double)last->step));
    put_number(&o, "num_input_tokens_seen", last->tokens);
    put_number(&o, "num_train_epochs", ceil(number_in(stage, "epochs", last->epoch)));
    put_number(&o, "save_steps", number_in(checkpoint, "steps", 0));
    json_put_object(&o, "stateful_callbacks", JSON_TIGHT);
    json_put_end(&o);
    put_number(&o, "total_flos", 0);
    put_number(&o, "train_batch_size", number_in(stage, "batch_size", 1));
    json_put_text(&o, "trial_name", NULL);
    json_put_text(&o, "trial_params", NULL);
    json_put_end(&o);
    sb_putc(out, '\n');
}

/* Its numbers stand before the history, so the file is written anew; of the history only what is new is made. */
static int write_trainer_state(const struct run_data *r, bool done, struct export_part *part,
                               struct vac_err *err)
{
    static const char file[] = "trainer_state.json";
    struct strbuf out = {0};
    char *path = path_join(r->dir, file, err), *was = NULL;
    size_t n = 0;
    int rc = -1;

    if (path && part->size)
        was = file_exists(path) ? file_read(path, SIZE_MAX, &n, err) : mem_strdup("", err);
    else if (path)
        was = mem_strdup("", err);
    if (was && (int64_t)n != part->size) {
        rc = 1;
    } else if (was) {
        put_state(&out, r, was, done, part);
        rc = out_text(r->dir, file, &out, err);
        part->size = (int64_t)out.len;
    }
    sb_done(&out);
    free(was);
    free(path);
    return rc;
}

const struct export_row export_trainer_state = {
    .name = "trainer_state",
    .help = "trainer_state.json: the history as Hugging Face's Trainer keeps it",
    .write = write_trainer_state,
};
