/* spec_json.c - the resolved description: every key of a run with its value, as run.json keeps it.
 *
 * It has the form of a run file, so that reading it gives the same run again. null stands for what
 * the reader must take as absent. */
#include <stdlib.h>
#include <string.h>
#include "base/json_out.h"
#include "base/name.h"
#include "eval/own.h"
#include "spec/spec_attack.h"
#include "spec/spec_guard.h"
#include "spec/spec_json.h"
#include "spec/spec_rho.h"
#include "spec/spec_tables.h"
#include "spec/spec_until.h"

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

static void put_stage(struct json_out *o, const struct run_spec *s, const struct stage_spec *st)
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
    for (size_t k = 0; k < st->n_streams; k++) {
        json_put_list(o, st->stream[k].name, JSON_TIGHT);
        for (size_t i = 0; i < st->stream[k].n; i++) {
            json_put_object(o, NULL, JSON_TIGHT);
            put_rows(o, spec_rows_data, &st->stream[k].file[i], NULL);
            json_put_end(o);
        }
        json_put_end(o);
    }
    put_lora(o, st);
    spec_put_until(o, s, st);
    spec_put_rho(o, st);
    json_put_end(o);
}

static void put_row(void *ctx, const struct option_row *row, const void *base)
{
    option_json(row, base, json_put_raw(ctx, row->name));
}

cJSON *spec_json(const struct run_spec *s, struct vac_err *err)
{
    struct strbuf b = {0};
    struct json_out out = json_out(&b), *o = &out;
    const struct watch_spec *w = &s->watch;
    char *config = s->config ? json_text(s->config, false, err) : NULL;
    struct own_keys own;
    cJSON *doc = NULL;

    json_put_object(o, NULL, JSON_TIGHT);
    put_rows(o, spec_rows_top, s, NULL);
    sb_puts(json_put_raw(o, "config"), config ? config : "null");
    json_put_list(o, "stages", JSON_TIGHT);
    for (size_t i = 0; i < s->n_stages; i++)
        put_stage(o, s, &s->stage[i]);
    json_put_end(o);
    json_put_object(o, "checkpoint", JSON_TIGHT);
    put_rows(o, spec_rows_checkpoint, &s->checkpoint, NULL);
    json_put_end(o);
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
    json_put_list(o, "evaluate", JSON_TIGHT);
    for (size_t i = 0; i < s->n_evaluate; i++) {
        const struct evaluate_spec *e = &s->evaluate[i];

        json_put_object(o, NULL, JSON_TIGHT);
        b.bad |= evaluate_each(e, put_row, o, NULL) != 0;
        if (e->stages)
            json_put_list(o, "stages", JSON_TIGHT);
        else
            json_put_text(o, "stages", NULL);
        for (char **name = e->stages; name && *name; name++)
            json_put_text(o, NULL, *name);
        if (e->stages)
            json_put_end(o);
        json_put_end(o);
    }
    json_put_end(o);
    spec_put_attack(o, s);
    if (s->n_guards)
        json_put_list(o, "guards", JSON_TIGHT);
    for (size_t i = 0; i < s->n_guards; i++)
        guard_spec_json(o, NULL, s, &s->guard[i]);
    if (s->n_guards)
        json_put_end(o);
    json_put_end(o);
    if (!(s->config && !config) && sb_ok(&b, err) == 0)
        doc = json_parse(b.s, b.len, "the resolved description", err);
    cJSON_free(config);
    sb_done(&b);
    return doc;
}
