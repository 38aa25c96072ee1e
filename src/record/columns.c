/* columns.c - see columns.h */
#include "record/columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN(name, kind, unit, tensorboard, hugging_face, help)                                  \
    {#name, kind, unit, tensorboard, hugging_face, help, offsetof(struct vac_point, name)},
const struct vac_column vac_columns[VAC_COLUMN_COUNT] = {VAC_COLUMNS(COLUMN)};
#define SERIES(name, label, help) {#name, label, help, offsetof(struct vac_layers, name)},
const struct vac_series vac_series[VAC_SERIES_COUNT] = {VAC_SERIES(SERIES)};

#define BENEATH(name, label, help) {#name, label, help},
const struct vac_told vac_beneath[VAC_BENEATH_COUNT] = {VAC_BENEATH(BENEATH)};

static double thousandths(double x)
{
    return round(x * 1000) / 1000 + 0.0;
}

const char *vac_span_text(const struct vac_span *s, bool interval, char out[VAC_SPAN_TEXT])
{
    int n = snprintf(out, VAC_SPAN_TEXT, "%.3f", thousandths(s->value));

    if (interval && !isnan(s->lo))
        snprintf(out + n, VAC_SPAN_TEXT - (size_t)n, " [%.3f, %.3f]", thousandths(s->lo),
                 thousandths(s->hi));
    return out;
}

double *point_at(struct vac_point *p, size_t column)
{
    return (double *)(void *)((char *)p + vac_columns[column].offset);
}

double point_get(const struct vac_point *p, size_t column)
{
    return *(const double *)(const void *)((const char *)p + vac_columns[column].offset);
}

float *layers_at(struct vac_layers *l, size_t series)
{
    return (float *)(void *)((char *)l + vac_series[series].offset);
}

const float *layers_get(const struct vac_layers *l, size_t series)
{
    return (const float *)(const void *)((const char *)l + vac_series[series].offset);
}

void point_clear(struct vac_point *p)
{
    *p = (struct vac_point){0};
    for (size_t i = 0; i < VAC_COLUMN_COUNT; i++)
        *point_at(p, i) = NAN;
}

void layers_clear(struct vac_layers *l)
{
    l->step = 0;
    for (size_t k = 0; k < VAC_SERIES_COUNT; k++)
        for (int i = 0; i < VAC_MAX_LAYERS; i++)
            layers_at(l, k)[i] = NAN;
}

void point_update(struct vac_point *to, const struct vac_point *newer)
{
    struct vac_point all = *newer;

    for (size_t i = 0; i < VAC_COLUMN_COUNT; i++)
        if (isnan(point_get(newer, i)))
            *point_at(&all, i) = point_get(to, i);
    *to = all;
}

void layers_update(struct vac_layers *to, const struct vac_layers *newer)
{
    for (size_t k = 0; k < VAC_SERIES_COUNT; k++)
        if (!isnan(layers_total(layers_get(newer, k), VAC_MAX_LAYERS)))
            memcpy(layers_at(to, k), layers_get(newer, k), sizeof newer->grad);
    to->step = newer->step;
}

/* ---- Lines ---- */

void point_json(struct json_out *o, const char *key, const struct vac_point *p, const char *stage)
{
    bool bad = false;

    json_put_object(o, key, JSON_TIGHT);
    json_put_int(o, "step", p->step);
    json_put_text(o, "stage", stage);
    json_put_int(o, "stage_step", p->stage_step);
    for (size_t i = 0; i < VAC_COLUMN_COUNT; i++) {
        double x = vac_columns[i].kind == VAC_TOLD ? point_get(p, i) : (double)NAN;

        bad |= isinf(x);
        if (!isnan(x))
            json_put_num(o, vac_columns[i].name, x);
    }
    if (bad)
        json_put_bool(o, "nan", true);
    json_put_end(o);
}

void layers_json(struct json_out *o, const char *key, const struct vac_layers *l, const char *stage,
                 size_t n_layers)
{
    json_put_object(o, key, JSON_TIGHT);
    json_put_int(o, "step", l->step);
    if (stage)
        json_put_text(o, "stage", stage);
    for (size_t k = 0; k < VAC_SERIES_COUNT; k++) {
        const float *x = layers_get(l, k);
        bool any = false;

        for (size_t i = 0; i < n_layers; i++)
            any |= !isnan(x[i]);
        if (!any)
            continue;
        json_put_list(o, vac_series[k].name, JSON_TIGHT);
        for (size_t i = 0; i < n_layers; i++)
            if (isfinite(x[i]))
                sb_printf(json_put_raw(o, NULL), "%.9g", (double)x[i]);
            else
                json_put_text(o, NULL, NULL);
        json_put_end(o);
    }
    json_put_end(o);
}

int point_read(const struct jnode *line, struct vac_point *p, struct vac_err *err)
{
    point_clear(p);
    if (json_int(line, "step", 0, RECORD_STEP_MAX, &p->step, err) ||
        json_opt_int(line, "stage_step", 0, RECORD_STEP_MAX, &p->stage_step, err))
        return -1;
    for (size_t i = 0; i < VAC_COLUMN_COUNT; i++)
        if (json_opt_num(line, vac_columns[i].name, point_at(p, i), err))
            return -1;
    return 0;
}

static int read_series(const struct jnode *line, const char *key, float *out, int *n_layers,
                       struct vac_err *err)
{
    struct jnode list;
    const cJSON *v;
    int n = 0, rc = json_opt(line, key, JSON_ARRAY, &list, err);

    for (int i = 0; i < VAC_MAX_LAYERS; i++)
        out[i] = NAN;
    if (rc)
        return rc < 0 ? -1 : 0;
    cJSON_ArrayForEach(v, list.v)
    {
        if (n == VAC_MAX_LAYERS)
            return json_error(&list, err, "more than %d layers", VAC_MAX_LAYERS);
        if (!cJSON_IsNumber(v) && !cJSON_IsNull(v))
            return json_error(&list, err, "expected numbers and null");
        out[n++] = cJSON_IsNumber(v) ? (float)v->valuedouble : NAN;
    }
    if (n > *n_layers)
        *n_layers = n;
    return 0;
}

int layers_read(const struct jnode *line, struct vac_layers *l, int *n_layers, struct vac_err *err)
{
    if (json_int(line, "step", 0, RECORD_STEP_MAX, &l->step, err))
        return -1;
    for (size_t k = 0; k < VAC_SERIES_COUNT; k++)
        if (read_series(line, vac_series[k].name, layers_at(l, k), n_layers, err))
            return -1;
    return 0;
}

/* ---- Sums ---- */

double layers_short(float x)
{
    char text[32];

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x)
            break;
    }
    return strtod(text, NULL);
}

double layers_total(const float *x, int n)
{
    double sum = 0;
    bool any = false;

    for (int i = 0; i < n; i++)
        if (!isnan(x[i])) {
            sum += (double)x[i];
            any = true;
        }
    return any ? sum : (double)NAN;
}

double layers_mean(const float *x, int n)
{
    int measured = 0;

    for (int i = 0; i < n; i++)
        measured += !isnan(x[i]);
    return measured ? layers_total(x, n) / measured : (double)NAN;
}
