/* event_json.c - see event_json.h */
#include "event_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "record/event.h"
#include "record/probe.h"

static double number(const cJSON *obj, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

    return cJSON_IsNumber(v) ? v->valuedouble : (double)NAN;
}

static int64_t whole(const cJSON *obj, const char *key)
{
    double x = number(obj, key);

    return fabs(x) < 0x1p53 ? (int64_t)x : 0;
}

static bool yes(const cJSON *obj, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(obj, key));
}

static const char *text(struct vac_event *e, const cJSON *obj, const char *key)
{
    const char *s = json_text_at(obj, key);

    return event_text(e, s ? s : "", s ? strlen(s) : 0, NULL);
}

static struct vac_part *parts(struct vac_event *e, const cJSON *list, const char *key, size_t *n)
{
    struct vac_part *v = event_alloc(e, (size_t)cJSON_GetArraySize(list), sizeof *v, NULL);
    const cJSON *one;

    cJSON_ArrayForEach(one, list) v[(*n)++] = (struct vac_part){
        .name = text(e, one, key), .count = whole(one, "count"), .n = whole(one, "n")};
    return v;
}

static void fill_eval(struct vac_event *e, const cJSON *doc)
{
    struct vac_eval *s = event_alloc(e, 1, sizeof *s, NULL);

    *s = (struct vac_eval){.step = whole(doc, "step"),
                           .stage_step = whole(doc, "stage_step"),
                           .count = whole(doc, "count"),
                           .n = whole(doc, "n"),
                           .value = number(doc, "value"),
                           .lo = number(doc, "lo"),
                           .hi = number(doc, "hi"),
                           .is_rate = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(doc, "rate")),
                           .verdicts = {.answered = whole(doc, "answered"),
                                        .refused = whole(doc, "refused"),
                                        .other = whole(doc, "other")}};
    strncpy(s->name, text(e, doc, "name"), sizeof s->name - 1);
    strncpy(s->stage, text(e, doc, "stage"), sizeof s->stage - 1);
    e->eval.score = s;
    e->eval.category =
        parts(e, cJSON_GetObjectItemCaseSensitive(doc, "categories"), "name", &e->eval.n_category);
}

static void fill_probes(struct vac_event *e, const cJSON *doc)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "probes");
    bool one = e->kind == VAC_EVENT_PROBE_END;
    size_t n = one ? 1 : (size_t)cJSON_GetArraySize(list);
    struct vac_probe *v = event_alloc(e, n, sizeof *v, NULL);

    for (size_t i = 0; i < n; i++) {
        probe_read(one ? doc : cJSON_GetArrayItem(list, (int)i), &v[i]);
        probe_keep(e, &v[i], NULL);
    }
    e->probes.v = v;
    e->probes.n = n;
    if (cJSON_HasObjectItem(doc, "step"))
        e->step = whole(doc, "step");
}

static void fill_samples(struct vac_event *e, const cJSON *doc)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "samples"), *x;
    struct vac_sample *v = event_alloc(e, (size_t)cJSON_GetArraySize(list), sizeof *v, NULL);

    e->samples.v = v;
    e->samples.total = (size_t)whole(doc, "total");
    e->samples.first = (size_t)whole(doc, "first");
    cJSON_ArrayForEach(x, list) v[e->samples.n++] =
        (struct vac_sample){.index = whole(x, "index"),
                            .line = whole(x, "line"),
                            .file = text(e, x, "file"),
                            .category = text(e, x, "category"),
                            .source = text(e, x, "source"),
                            .answer = text(e, x, "answer"),
                            .tokens = whole(x, "tokens"),
                            .labels = whole(x, "labels"),
                            .cut = yes(x, "cut"),
                            .harmful = yes(x, "harmful"),
                            .loss = number(x, "loss"),
                            .loss_step = whole(x, "loss_step")};
}

static void fill_map(struct vac_event *e, const cJSON *doc)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "points"), *x;
    const cJSON *part = cJSON_GetObjectItemCaseSensitive(doc, "explained");
    struct vac_spot *v = event_alloc(e, (size_t)cJSON_GetArraySize(list), sizeof *v, NULL);

    e->map.v = v;
    e->map.layer = (int)whole(doc, "layer");
    for (int i = 0; i < 2; i++)
        e->map.explained[i] = cJSON_GetNumberValue(cJSON_GetArrayItem(part, i));
    cJSON_ArrayForEach(x, list) v[e->map.n++] =
        (struct vac_spot){number(x, "x"), number(x, "y"), number(x, "rx"), number(x, "ry")};
}

void event_from_json(struct vac_event *e, const char *json)
{
    cJSON *doc = json ? cJSON_Parse(json) : NULL;

    if (e->kind == VAC_EVENT_EVAL)
        fill_eval(e, doc);
    else if (e->kind == VAC_EVENT_PROBE_END || e->kind == VAC_EVENT_SUITE)
        fill_probes(e, doc);
    else if (e->kind == VAC_EVENT_SAMPLES)
        fill_samples(e, doc);
    else if (e->kind == VAC_EVENT_MAP)
        fill_map(e, doc);
    cJSON_Delete(doc);
}
