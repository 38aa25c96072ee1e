/* format_tokens.c - {"input_ids": [...], "labels": [...], "attention_mask": [...]}: text that has
 * been tokenised elsewhere.
 *
 * Labels are as many as ids, -100 = no loss; without them every id is a label. Ids that the mask
 * hides are padding and left out. */
#include "data/format.h"
#include <math.h>
#include <string.h>

static bool tokens_detect(const struct jnode *row)
{
    return format_has(row, "input_ids");
}

static int tokens_number(const struct jnode *item, bool label, int32_t *out, struct vac_err *err)
{
    double x = cJSON_IsNumber(item->v) ? item->v->valuedouble : NAN;

    if ((x >= 0 && x <= INT32_MAX && x == floor(x)) || (label && x == -100)) {
        *out = (int32_t)x;
        return 0;
    }
    return json_error(item, err, "expected a token id%s", label ? " or -100" : "");
}

static const int32_t *tokens_array(const struct jnode *list, bool label, size_t n, struct arena *a,
                                   struct vac_err *err)
{
    int32_t *out = arena_alloc(a, n, sizeof *out, err);
    size_t i = 0;
    const cJSON *v;

    if (!out)
        return NULL;
    cJSON_ArrayForEach(v, list->v)
    {
        struct jnode item = format_item(list, v, i);

        if (tokens_number(&item, label, &out[i++], err))
            return NULL;
    }
    return out;
}

/* The part of the row that attention_mask lets through: *from ids are masked in front. A hole
 * between ids would move those behind it. */
static int tokens_mask(const struct jnode *row, size_t n, size_t *from, size_t *kept,
                       struct vac_err *err)
{
    struct jnode list;
    const cJSON *v;
    size_t at = 0;
    bool ended = false;

    *from = 0;
    *kept = n;
    if (json_opt(row, "attention_mask", JSON_ARRAY, &list, err))
        return list.v ? -1 : 0;
    if (json_count(&list) != n)
        return json_error(&list, err, "has %zu numbers; input_ids has %zu: they must be as many",
                          json_count(&list), n);
    *kept = 0;
    cJSON_ArrayForEach(v, list.v)
    {
        struct jnode item = format_item(&list, v, at++);
        bool one = cJSON_IsNumber(v) && v->valuedouble == 1;

        if (!one && !(cJSON_IsNumber(v) && v->valuedouble == 0))
            return json_error(&item, err, "expected 0 or 1");
        if (one && ended)
            return json_error(&item, err, "masked ids between others are not supported");
        *kept += one;
        *from += !one && *kept == 0;
        ended = !one && *kept > 0;
    }
    return 0;
}

/* A loss where nothing is attended to would be lost with the id. */
static int check_masked(const struct jnode *labels, const int32_t *x, size_t n, size_t from,
                        size_t kept, struct vac_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != -100 && (i < from || i >= from + kept))
            return json_error(labels, err,
                              "number %zu is %d where attention_mask is 0: expected -100", i + 1,
                              (int)x[i]);
    return 0;
}

/* What tokenizers add and trainers read: lists that change what is learnt are refused, those that
 * say the usual pass. */
static int tokens_lists(const struct jnode *row, size_t from, size_t kept, struct vac_err *err)
{
    const cJSON *v, *x;

    cJSON_ArrayForEach(v, row->v)
    {
        struct jnode node = {.v = v, .up = row, .file = row->file, .key = v->string};
        bool positions = !strcmp(v->string, "position_ids"), usual = true;
        size_t i = 0;

        if (!cJSON_IsArray(v) || !cJSON_IsNumber(v->child) || v->string[0] == '_' ||
            !strcmp(v->string, "labels") || !strcmp(v->string, "input_ids") ||
            !strcmp(v->string, "attention_mask") || !strcmp(v->string, "special_tokens_mask"))
            continue;
        cJSON_ArrayForEach(x, v)
        {
            size_t want = positions && i >= from ? i - from : 0;

            usual &= (positions && (i < from || i >= from + kept)) ||
                     (cJSON_IsNumber(x) && x->valuedouble == (double)want);
            i++;
        }
        if (!usual || (!positions && strcmp(v->string, "token_type_ids")))
            return json_error(&node, err,
                              "is not read here: say with \"labels\" what is learnt (-100 = not), "
                              "or call it \"_%.40s\" to leave it out",
                              v->string);
    }
    return 0;
}

static int tokens_read(const struct jnode *row, struct row *out, struct arena *a,
                       struct vac_err *err)
{
    struct jnode ids, labels;
    size_t n, from, n_labels;

    if (json_get(row, "input_ids", JSON_ARRAY, &ids, err) ||
        json_opt(row, "labels", JSON_ARRAY, &labels, err) < 0)
        return -1;
    n = json_count(&ids);
    if (tokens_mask(row, n, &from, &out->n_ids, err) || tokens_lists(row, from, out->n_ids, err) ||
        !(out->ids = tokens_array(&ids, false, n, a, err)))
        return -1;
    if (labels.v) {
        n_labels = json_count(&labels);
        if (n_labels != n)
            return json_error(&labels, err,
                              "has %zu numbers; input_ids has %zu: they must be as many", n_labels,
                              n);
        out->labels = tokens_array(&labels, true, n, a, err);
        if (!out->labels || check_masked(&labels, out->labels, n, from, out->n_ids, err))
            return -1;
        out->labels += from;
    }
    out->ids += from;
    if (!labels.v)
        out->labels = out->ids;
    return 0;
}

const struct format format_tokens = {
    .name = "tokens",
    .help = "ready-made token ids, with labels and attention_mask or without",
    .keys = (const char *const[]){"input_ids", NULL},
    /* a text beside its ids is where they are from */
    .reads = (const char *const[]){"input_ids", "labels", "attention_mask", "text", "prompt",
                                   "completion", "messages", NULL},
    .detect = tokens_detect,
    .read = tokens_read,
};
