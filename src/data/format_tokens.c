/* format_tokens.c - {"input_ids": [...], "labels": [...]}: text that has been tokenised elsewhere.
 *
 * Labels are as many as ids, -100 = no loss; without them every id is a label. */
#include "data/format.h"
#include <math.h>

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

static int tokens_read(const struct jnode *row, struct row *out, struct arena *a,
                       struct vac_err *err)
{
    struct jnode ids, labels;
    size_t n;

    if (json_get(row, "input_ids", JSON_ARRAY, &ids, err) ||
        json_opt(row, "labels", JSON_ARRAY, &labels, err) < 0)
        return -1;
    out->n_ids = json_count(&ids);
    out->ids = tokens_array(&ids, false, out->n_ids, a, err);
    if (!out->ids)
        return -1;
    out->labels = out->ids;
    if (!labels.v)
        return 0;
    n = json_count(&labels);
    if (n != out->n_ids)
        return json_error(&labels, err, "has %zu numbers; input_ids has %zu: they must be as many",
                          n, out->n_ids);
    out->labels = tokens_array(&labels, true, n, a, err);
    return out->labels ? 0 : -1;
}

const struct format format_tokens = {
    .name = "tokens",
    .help = "ready-made token ids, with labels or without",
    .keys = (const char *const[]){"input_ids", NULL},
    .detect = tokens_detect,
    .read = tokens_read,
};
