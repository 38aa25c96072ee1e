/* export_trainer_state.c - trainer_state.json as Hugging Face's Trainer writes it: two spaces,
 * sorted keys.
 *
 * Their reader knows exactly these keys; log_history is free, so our own numbers stand there under
 * our names. Only finite numbers are written: readers stumble over NaN. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "report/report.h"
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

static void entry_put(struct entry *e, struct strbuf *out, bool first)
{
    qsort(e->item, e->n, sizeof *e->item, by_key);
    sb_puts(out, first ? "\n    {" : ",\n    {");
    for (size_t i = 0; i < e->n; i++) {
        sb_puts(out, i ? ",\n      \"" : "\n      \"");
        sb_json(out, e->item[i].key, strlen(e->item[i].key));
        sb_puts(out, "\": ");
        sb_num(out, e->item[i].value);
    }
    sb_puts(out, "\n    }");
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

static double mean_loss(const struct run_data *r)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < r->n_points; i++)
        if (isfinite(r->point[i].loss)) {
            sum += r->point[i].loss;
            n++;
        }
    return n ? sum / (double)n : (double)NAN;
}

/* The last entry of a run that is done. */
static void entry_summary(struct entry *e, const struct run_data *r)
{
    const struct vac_point *last = &r->point[r->n_points - 1];

    e->n = 0;
    entry_add(e, "", "step", (double)last->step);
    entry_add(e, "", "epoch", last->epoch);
    entry_add(e, "", "total_flos", 0);
    entry_add(e, "", "train_loss", mean_loss(r));
    entry_add(e, "", "train_runtime", last->wall);
    if (last->wall > 0)
        entry_add(e, "", "train_steps_per_second", (double)last->step / last->wall);
}

static void put_history(struct strbuf *out, const struct run_data *r)
{
    struct moment m = {0};
    struct entry e;
    size_t n = 0;

    sb_puts(out, "  \"log_history\": [");
    while (moment_next(r, &m))
        if (entry_of(&e, &m))
            entry_put(&e, out, n++ == 0);
    if (r->n_points && !strcmp(r->state, "done")) {
        entry_summary(&e, r);
        entry_put(&e, out, n++ == 0);
    }
    sb_puts(out, n ? "\n  ],\n" : "],\n");
}

static double number_in(const cJSON *obj, const char *key, double otherwise)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

    return cJSON_IsNumber(v) && isfinite(v->valuedouble) ? v->valuedouble : otherwise;
}

static void put_number(struct strbuf *out, const char *key, double x)
{
    sb_printf(out, "  \"%s\": ", key);
    sb_num(out, isfinite(x) ? x : 0);
    sb_puts(out, ",\n");
}

static void put_state(struct strbuf *out, const struct run_data *r)
{
    const struct vac_point none = {0};
    const struct vac_point *last = r->n_points ? &r->point[r->n_points - 1] : &none;
    const cJSON *spec = run_config_spec(r->config);
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(spec, "stages");
    const cJSON *checkpoint = cJSON_GetObjectItemCaseSensitive(spec, "checkpoint");
    const cJSON *stage = cJSON_GetArrayItem(stages, last->stage);

    sb_puts(out, "{\n  \"best_global_step\": null,\n  \"best_metric\": null,\n"
                 "  \"best_model_checkpoint\": null,\n");
    put_number(out, "epoch", last->epoch);
    put_number(out, "eval_steps", 0);
    put_number(out, "global_step", (double)last->step);
    sb_puts(out, "  \"is_hyper_param_search\": false,\n  \"is_local_process_zero\": true,\n"
                 "  \"is_world_process_zero\": true,\n");
    put_history(out, r);
    put_number(out, "logging_steps", 1);
    put_number(out, "max_steps", number_in(r->config, "total_steps", (double)last->step));
    put_number(out, "num_input_tokens_seen", last->tokens);
    put_number(out, "num_train_epochs", ceil(number_in(stage, "epochs", last->epoch)));
    put_number(out, "save_steps", number_in(checkpoint, "steps", 0));
    sb_puts(out, "  \"stateful_callbacks\": {},\n");
    put_number(out, "total_flos", 0);
    put_number(out, "train_batch_size", number_in(stage, "batch_size", 1));
    sb_puts(out, "  \"trial_name\": null,\n  \"trial_params\": null\n}\n");
}

static int write_trainer_state(const struct run_data *r, struct vac_err *err)
{
    struct strbuf out = {0};
    int rc;

    put_state(&out, r);
    rc = folder_write(r->dir, "trainer_state.json", &out, err);
    sb_done(&out);
    return rc;
}

const struct export_row export_trainer_state = {
    .name = "trainer_state",
    .help = "trainer_state.json: the history as Hugging Face's Trainer keeps it",
    .write = write_trainer_state,
};
