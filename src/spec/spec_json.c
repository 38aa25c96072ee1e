/* spec_json.c - the resolved description: every key of a run with its value, as run.json keeps it.
 *
 * It has the form of a run file, so that reading it gives the same run again. null stands for what
 * the reader must take as absent. */
#include <stdlib.h>
#include <string.h>
#include "base/name.h"
#include "eval/own.h"
#include "spec/spec_json.h"
#include "spec/spec_tables.h"

static void put_key(struct strbuf *b, const char *key)
{
    if (b->len && !strchr("{[", b->s[b->len - 1]))
        sb_putc(b, ',');
    sb_putc(b, '"');
    sb_puts(b, key);
    sb_puts(b, "\":");
}

/* All rows of a table; those in `absent` (NULL-terminated, or NULL) as null. */
static void put_rows(struct strbuf *b, const struct option_row *rows, const void *base,
                     const char *const *absent)
{
    for (; rows && rows->name; rows++) {
        put_key(b, rows->name);
        if (name_listed(absent, rows->name))
            sb_puts(b, "null");
        else
            option_json(rows, base, b);
    }
}

static void put_text(struct strbuf *b, const char *text)
{
    if (b->len && b->s[b->len - 1] == '"')
        sb_putc(b, ',');
    sb_putc(b, '"');
    sb_json(b, text, strlen(text));
    sb_putc(b, '"');
}

static void put_stream(struct strbuf *b, const struct stream_spec *x)
{
    put_key(b, x->name);
    sb_putc(b, '[');
    for (size_t i = 0; i < x->n; i++) {
        sb_puts(b, i ? ",{" : "{");
        put_rows(b, spec_rows_data, &x->file[i], NULL);
        sb_putc(b, '}');
    }
    sb_putc(b, ']');
}

/* An adapter that is gone on with, or read from a folder, brings its own shape. */
static void put_lora(struct strbuf *b, const struct stage_spec *st)
{
    bool own = st->adapter == ADAPTER_SAME || st->lora.init;
    const char *absent[8] = {NULL};
    size_t n = 0;

    put_key(b, "lora");
    if (st->full) {
        sb_puts(b, "null");
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
    sb_putc(b, '{');
    put_rows(b, spec_rows_lora, &st->lora, absent);
    sb_putc(b, '}');
}

static void put_stage(struct strbuf *b, const struct stage_spec *st)
{
    const char *absent[4] = {NULL};
    size_t n = 0;

    absent[n++] = st->steps ? "epochs" : "steps";
    if (!st->mixed) {
        absent[n++] = "samples";
        absent[n++] = "harmful_ratio";
    }
    sb_putc(b, '{');
    put_rows(b, spec_rows_stage, st, absent);
    put_rows(b, st->method->options, st->options, NULL);
    for (size_t k = 0; k < st->n_streams; k++)
        put_stream(b, &st->stream[k]);
    put_lora(b, st);
    sb_putc(b, '}');
}

static void put_watch(struct strbuf *b, const struct watch_spec *w)
{
    struct own_keys own;

    put_key(b, "watch");
    sb_putc(b, '{');
    put_rows(b, spec_rows_watch, w, NULL);
    for (const struct spec_watched *k = spec_watched; k->key; k++) {
        put_key(b, k->key);
        if (!*(const bool *)((const char *)w + k->has)) {
            sb_puts(b, "null");
            continue;
        }
        sb_putc(b, '{');
        put_rows(b, spec_rows_data, (const char *)w + k->data, NULL);
        put_rows(b, k->more, w, NULL);
        if (k->more && own_of(w->probes_judge, NULL, &own, NULL))
            put_rows(b, own.rows, w->probes_options, NULL);
        sb_putc(b, '}');
    }
    sb_putc(b, '}');
}

static void put_row(void *ctx, const struct option_row *row, const void *base)
{
    put_key(ctx, row->name);
    option_json(row, base, ctx);
}

static void put_evaluate(struct strbuf *b, const struct evaluate_spec *e)
{
    sb_putc(b, '{');
    b->bad |= evaluate_each(e, put_row, b, NULL) != 0;
    put_key(b, "stages");
    sb_puts(b, e->stages ? "[" : "null");
    for (char **name = e->stages; name && *name; name++)
        put_text(b, *name);
    sb_puts(b, e->stages ? "]}" : "}");
}

static void put_config(struct strbuf *b, const cJSON *config)
{
    char *text = config ? json_text(config, false, NULL) : NULL;

    put_key(b, "config");
    sb_puts(b, text ? text : "null");
    b->bad |= config && !text;
    cJSON_free(text);
}

static void put_all(struct strbuf *b, const struct run_spec *s)
{
    sb_putc(b, '{');
    put_rows(b, spec_rows_top, s, NULL);
    put_config(b, s->config);
    put_key(b, "stages");
    sb_putc(b, '[');
    for (size_t i = 0; i < s->n_stages; i++) {
        sb_puts(b, i ? "," : "");
        put_stage(b, &s->stage[i]);
    }
    sb_putc(b, ']');
    put_key(b, "checkpoint");
    sb_putc(b, '{');
    put_rows(b, spec_rows_checkpoint, &s->checkpoint, NULL);
    sb_putc(b, '}');
    put_watch(b, &s->watch);
    put_key(b, "evaluate");
    sb_putc(b, '[');
    for (size_t i = 0; i < s->n_evaluate; i++) {
        sb_puts(b, i ? "," : "");
        put_evaluate(b, &s->evaluate[i]);
    }
    sb_puts(b, "]}");
}

cJSON *spec_json(const struct run_spec *s, struct vac_err *err)
{
    struct strbuf b = {0};
    cJSON *doc = NULL;

    put_all(&b, s);
    if (sb_ok(&b, err) == 0)
        doc = json_parse(b.s, b.len, "the resolved description", err);
    sb_done(&b);
    return doc;
}
