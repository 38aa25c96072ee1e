/* spec_json.c - the resolved description: every key of a run with its value, as run.json keeps it.
 *
 * It has the form of a run file, so that reading it gives the same run again. null stands for what
 * the reader must take as absent. */
#include <stdlib.h>
#include <string.h>
#include "base/json_out.h"
#include "base/name.h"
#include "eval/own.h"
#include "spec/spec_json.h"
#include "spec/spec_tables.h"

/* All rows of a table; those in `absent` (NULL-terminated, or NULL) as null. */
static void put_rows(struct json_out *o, const struct option_row *rows, const void *base,
                     const char *const *absent)
{
    for (; rows && rows->name; rows++) {
        if (name_listed(absent, rows->name))
            json_put_text(o, rows->name, NULL);
        else
            option_json(rows, base, json_put_raw(o, rows->name));
    }
}

static void put_stream(struct json_out *o, const struct stream_spec *x)
{
    json_put_list(o, x->name, JSON_TIGHT);
    for (size_t i = 0; i < x->n; i++) {
        json_put_object(o, NULL, JSON_TIGHT);
        put_rows(o, spec_rows_data, &x->file[i], NULL);
        json_put_end(o);
    }
    json_put_end(o);
}

/* An adapter that is gone on with, or read from a folder, brings its own shape. */
static void put_lora(struct json_out *o, const struct stage_spec *st)
{
    bool own = st->adapter == ADAPTER_SAME || st->lora.init;
    const char *absent[8] = {NULL};
    size_t n = 0;

    if (st->full) {
        json_put_text(o, "lora", NULL);
        return;
    }
    if (own) {
        absent[n++] = "r";
        absent[n++] = "targets";
        absent[n++] = "rslora";
        absent[n++] = "alpha";
    }
    if (own && !st->lora.dropout_given)
        absent[n++] = "dropout";
    json_put_object(o, "lora", JSON_TIGHT);
    put_rows(o, spec_rows_lora, &st->lora, absent);
    json_put_end(o);
}

static void put_stage(struct json_out *o, const struct stage_spec *st)
{
    const char *absent[4] = {NULL};
    size_t n = 0;

    absent[n++] = st->steps ? "epochs" : "steps";
    if (!st->mixed) {
        absent[n++] = "samples";
        absent[n++] = "harmful_ratio";
    }
    json_put_object(o, NULL, JSON_TIGHT);
    put_rows(o, spec_rows_stage, st, absent);
    put_rows(o, st->method->options, st->options, NULL);
    for (size_t k = 0; k < st->n_streams; k++)
        put_stream(o, &st->stream[k]);
    put_lora(o, st);
    json_put_end(o);
}

static void put_watch(struct json_out *o, const struct watch_spec *w)
{
    struct own_keys own;

    json_put_object(o, "watch", JSON_TIGHT);
    put_rows(o, spec_rows_watch, w, NULL);
    for (const struct spec_watched *k = spec_watched; k->key; k++) {
        if (!*(const bool *)((const char *)w + k->has)) {
            json_put_text(o, k->key, NULL);
            continue;
        }
        json_put_object(o, k->key, JSON_TIGHT);
        put_rows(o, spec_rows_data, (const char *)w + k->data, NULL);
        put_rows(o, k->more, w, NULL);
        if (k->more && own_of(w->probes_judge, NULL, &own, NULL))
            put_rows(o, own.rows, w->probes_options, NULL);
        json_put_end(o);
    }
    json_put_end(o);
}

static void put_row(void *ctx, const struct option_row *row, const void *base)
{
    option_json(row, base, json_put_raw(ctx, row->name));
}

static void put_evaluate(struct json_out *o, const struct evaluate_spec *e)
{
    json_put_object(o, NULL, JSON_TIGHT);
    o->to->bad |= evaluate_each(e, put_row, o, NULL) != 0;
    if (e->stages) {
        json_put_list(o, "stages", JSON_TIGHT);
        for (char **name = e->stages; *name; name++)
            json_put_text(o, NULL, *name);
        json_put_end(o);
    } else {
        json_put_text(o, "stages", NULL);
    }
    json_put_end(o);
}

static void put_config(struct json_out *o, const cJSON *config)
{
    char *text = config ? json_text(config, false, NULL) : NULL;

    sb_puts(json_put_raw(o, "config"), text ? text : "null");
    o->to->bad |= config && !text;
    cJSON_free(text);
}

static void put_all(struct json_out *o, const struct run_spec *s)
{
    json_put_object(o, NULL, JSON_TIGHT);
    put_rows(o, spec_rows_top, s, NULL);
    put_config(o, s->config);
    json_put_list(o, "stages", JSON_TIGHT);
    for (size_t i = 0; i < s->n_stages; i++)
        put_stage(o, &s->stage[i]);
    json_put_end(o);
    json_put_object(o, "checkpoint", JSON_TIGHT);
    put_rows(o, spec_rows_checkpoint, &s->checkpoint, NULL);
    json_put_end(o);
    put_watch(o, &s->watch);
    json_put_list(o, "evaluate", JSON_TIGHT);
    for (size_t i = 0; i < s->n_evaluate; i++)
        put_evaluate(o, &s->evaluate[i]);
    json_put_end(o);
    json_put_end(o);
}

cJSON *spec_json(const struct run_spec *s, struct vac_err *err)
{
    struct strbuf b = {0};
    struct json_out o = json_out(&b);
    cJSON *doc = NULL;

    put_all(&o, s);
    if (sb_ok(&b, err) == 0)
        doc = json_parse(b.s, b.len, "the resolved description", err);
    sb_done(&b);
    return doc;
}
