/* reader.c - a run folder's files into memory: points, layers, evaluations, journal, probes.
 *
 * The files are written line by line by a program that may have been killed, and may have been
 * changed by anybody since: each value is checked, and what is not measured is NaN. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "eval/stats.h"
#include "report/reader.h"

enum { CONFIG_LIMIT = 1 << 26, LINES_LIMIT = 1 << 30 };
static const int64_t STEP_MAX = (int64_t)1 << 52;

#define POINT(field) offsetof(struct vac_point, field)
const struct point_column point_columns[] = {
    {.key = "epoch", .offset = POINT(epoch)},
    {.key = "loss", .tensorboard = "train/loss", .hugging_face = "loss", .offset = POINT(loss)},
    {.key = "loss_clean",
     .tensorboard = "train/loss_clean",
     .hugging_face = "loss_clean",
     .offset = POINT(loss_clean)},
    {.key = "align_loss",
     .tensorboard = "loss/align",
     .hugging_face = "align_loss",
     .offset = POINT(align_loss)},
    {.key = "harmful_loss",
     .tensorboard = "loss/harmful",
     .hugging_face = "harmful_loss",
     .offset = POINT(harmful_loss)},
    {.key = "grad_norm",
     .tensorboard = "train/grad_norm",
     .hugging_face = "grad_norm",
     .offset = POINT(grad_norm)},
    {.key = "lr", .tensorboard = "train/lr", .hugging_face = "learning_rate", .offset = POINT(lr)},
    {.key = "rho", .tensorboard = "vaccine/rho", .hugging_face = "rho", .offset = POINT(rho)},
    {.key = "eps_norm",
     .tensorboard = "vaccine/eps_norm",
     .hugging_face = "eps_norm",
     .offset = POINT(eps_norm)},
    {.key = "tokens", .offset = POINT(tokens)},
    {.key = "step_ms", .offset = POINT(step_ms)},
    {.key = "wall", .offset = POINT(wall)},
    {.key = "drift_mean", .tensorboard = "drift/mean", .offset = POINT(drift_mean)},
    {.key = NULL},
};

double point_get(const struct vac_point *p, const struct point_column *c)
{
    double x;

    memcpy(&x, (const char *)p + c->offset, sizeof x);
    return x;
}

static const struct {
    const char *key;
    size_t offset;
} layer_series[] = {
    {"grad", offsetof(struct vac_layers, grad)},
    {"eps", offsetof(struct vac_layers, eps)},
    {"attn", offsetof(struct vac_layers, attn)},
    {"drift_rel", offsetof(struct vac_layers, drift_rel)},
    {"drift_sq", offsetof(struct vac_layers, drift_sq)},
};
enum { N_SERIES = sizeof layer_series / sizeof *layer_series };

/* ---- Lines ---- */

void reader_name(char *out, size_t size, const char *text)
{
    size_t n = strnlen(text, size - 1);

    n = utf8_valid(text, n);
    memcpy(out, text, n);
    out[n] = '\0';
}

/* One line as an object for the visitor. */
static int visit_line(const char *path, size_t number, const char *text, size_t len,
                      reader_visit *visit, void *ctx, struct vac_err *err)
{
    char where[VAC_PATH + 32];
    cJSON *doc = json_parse_line(text, len, path, number, err);
    struct jnode line;
    int rc = -1;

    if (!doc)
        return -1;
    snprintf(where, sizeof where, "%s:%zu", path, number);
    line = json_root(doc, where);
    if (!cJSON_IsObject(doc))
        json_wrong(&line, "an object", err);
    else
        rc = visit(ctx, &line, err);
    cJSON_Delete(doc);
    return rc;
}

int reader_lines(const char *dir, const char *name, reader_visit *visit, void *ctx,
                 struct vac_err *err)
{
    char *path = path_join(dir, name, err), *text = NULL;
    size_t len = 0, number = 0;
    const char *end;
    int rc = path ? 0 : -1;

    if (rc == 0 && file_exists(path) && !(text = file_read(path, LINES_LIMIT, &len, err)))
        rc = -1;
    for (const char *s = text; rc == 0 && s; s = end + 1) {
        end = memchr(s, '\n', len - (size_t)(s - text));
        if (!end)
            break;
        number++;
        if (end > s)
            rc = visit_line(path, number, s, (size_t)(end - s), visit, ctx, err);
    }
    free(text);
    free(path);
    return rc;
}

const char *reader_text(const cJSON *obj, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

    return cJSON_IsString(v) ? v->valuestring : NULL;
}

int reader_replace(const char *dir, const char *name, const struct strbuf *text,
                   struct vac_err *err)
{
    struct outfile f = {0};
    char *path = path_join(dir, name, err);
    int rc = -1;

    if (path && !sb_ok(text, err) && !out_open(&f, path, err) &&
        !out_put(&f, text->s ? text->s : "", text->len, err))
        rc = out_commit(&f, err);
    out_abort(&f);
    free(path);
    return rc;
}

/* ---- run.json ---- */

cJSON *reader_config(const char *dir, struct vac_err *err)
{
    char *path = path_join(dir, "run.json", err);
    cJSON *doc = NULL;

    if (path && !file_exists(path))
        err_set(err, VAC_ERR_IO, "%s: holds no run: there is no run.json in it", dir);
    else if (path)
        doc = json_read(path, CONFIG_LIMIT, err);
    if (doc && !cJSON_IsObject(doc)) {
        err_set(err, VAC_ERR_FORMAT, "%s: expected an object", path);
        cJSON_Delete(doc);
        doc = NULL;
    }
    free(path);
    return doc;
}

const cJSON *reader_spec(const cJSON *config)
{
    return cJSON_GetObjectItemCaseSensitive(config, "spec");
}

bool reader_is_rate(const cJSON *config, const char *name)
{
    const cJSON *entry, *list = cJSON_GetObjectItemCaseSensitive(reader_spec(config), "evaluate");

    cJSON_ArrayForEach(entry, list)
    {
        const char *own = reader_text(entry, "name"), *metric = reader_text(entry, "metric");
        char cut[VAC_NAME];

        if (!own)
            continue;
        reader_name(cut, sizeof cut, own);
        if (!strcmp(cut, name))
            return !metric || strcmp(metric, "loss") != 0;
    }
    return true;
}

static int read_stage(const struct jnode *stages, size_t i, struct run_stage *out,
                      struct vac_err *err)
{
    const char *name = NULL, *method = "sft";
    struct jnode one;

    if (json_item(stages, i, JSON_OBJECT, &one, err) || json_str(&one, "name", &name, err) ||
        json_opt_str(&one, "method", &method, err))
        return -1;
    reader_name(out->name, sizeof out->name, name);
    reader_name(out->method, sizeof out->method, method);
    return 0;
}

static int read_stages(struct run_data *r, struct vac_err *err)
{
    struct jnode root = json_root(r->config, "run.json"), spec, stages;

    if (json_get(&root, "spec", JSON_OBJECT, &spec, err) ||
        json_get(&spec, "stages", JSON_ARRAY, &stages, err))
        return -1;
    r->n_stages = json_count(&stages);
    r->stage = mem_new(r->n_stages, sizeof *r->stage, err);
    for (size_t i = 0; r->stage && i < r->n_stages; i++)
        if (read_stage(&stages, i, &r->stage[i], err))
            return -1;
    return r->stage ? 0 : -1;
}

/* ---- metrics.jsonl ---- */

/* Where lines collect. */
struct pile {
    struct run_data *r;
    size_t cap;
};

static int stage_index(const struct run_data *r, const struct jnode *line, struct vac_err *err)
{
    const char *text = NULL;
    char name[VAC_NAME];

    if (json_str(line, "stage", &text, err))
        return -1;
    reader_name(name, sizeof name, text);
    for (size_t i = 0; i < r->n_stages; i++)
        if (!strcmp(r->stage[i].name, name))
            return (int)i;
    return json_error(line, err, "stage: run.json has no stage \"%s\"", name);
}

static int read_point(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct pile *pile = ctx;
    struct run_data *r = pile->r;
    struct vac_point *p;

    if (mem_grow(&r->point, &pile->cap, r->n_points + 1, sizeof *p, err))
        return -1;
    p = &r->point[r->n_points];
    *p = (struct vac_point){.stage = stage_index(r, line, err)};
    if (p->stage < 0 || json_int(line, "step", 0, STEP_MAX, &p->step, err) ||
        json_opt_int(line, "stage_step", 0, STEP_MAX, &p->stage_step, err))
        return -1;
    for (const struct point_column *c = point_columns; c->key; c++) {
        double x = NAN;

        if (json_opt_num(line, c->key, &x, err))
            return -1;
        memcpy((char *)p + c->offset, &x, sizeof x);
    }
    r->n_points++;
    return 0;
}

/* ---- layers.jsonl ---- */

static int read_series(struct run_data *r, const struct jnode *line, const char *key, float *out,
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
    if (n > r->n_layers)
        r->n_layers = n;
    return 0;
}

static int read_layers(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct pile *pile = ctx;
    struct run_data *r = pile->r;
    struct vac_layers *l;

    if (mem_grow(&r->layers, &pile->cap, r->n_layer_lines + 1, sizeof *l, err))
        return -1;
    l = &r->layers[r->n_layer_lines];
    if (json_int(line, "step", 0, STEP_MAX, &l->step, err))
        return -1;
    for (size_t k = 0; k < N_SERIES; k++) {
        float *x = (float *)(void *)((char *)l + layer_series[k].offset);

        if (read_series(r, line, layer_series[k].key, x, err))
            return -1;
    }
    r->n_layer_lines++;
    return 0;
}

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

/* Points [i, j) and layers lines [k, l) are of one step. A stage that ends and the next that begins
 * share a step: one lone line with gradients belongs to the step that ended, one without to the
 * beginning. */
static void join_step(const struct run_data *r, size_t *join, size_t i, size_t j, size_t k,
                      size_t l)
{
    if (l - k == 1 && j - i > 1) {
        bool trained = !isnan(layers_mean(r->layers[k].grad, r->n_layers));

        join[trained ? i : j - 1] = k;
        return;
    }
    for (; i < j && k < l; i++, k++)
        join[i] = k;
}

size_t *reader_join(const struct run_data *r, struct vac_err *err)
{
    size_t *join = mem_new(r->n_points, sizeof *join, err), k = 0;

    for (size_t i = 0, j; join && i < r->n_points; i = j) {
        int64_t step = r->point[i].step;
        size_t l;

        for (j = i; j < r->n_points && r->point[j].step == step; j++)
            join[j] = SIZE_MAX;
        while (k < r->n_layer_lines && r->layers[k].step < step)
            k++;
        for (l = k; l < r->n_layer_lines && r->layers[l].step == step; l++)
            ;
        join_step(r, join, i, j, k, l);
        k = l;
    }
    return join;
}

static int fill_drift(struct run_data *r, struct vac_err *err)
{
    size_t *join = reader_join(r, err);

    for (size_t i = 0; join && i < r->n_points; i++)
        if (join[i] != SIZE_MAX)
            r->point[i].drift_mean = layers_mean(r->layers[join[i]].drift_rel, r->n_layers);
    free(join);
    return join ? 0 : -1;
}

/* ---- eval/history.jsonl, journal.jsonl, probes.jsonl ---- */

int reader_eval(const struct jnode *line, struct run_eval *out, struct vac_err *err)
{
    const char *name = NULL, *stage = "";

    *out = (struct run_eval){.value = NAN, .lo = NAN, .hi = NAN};
    if (json_int(line, "step", 0, STEP_MAX, &out->step, err) ||
        json_opt_int(line, "stage_step", 0, STEP_MAX, &out->stage_step, err) ||
        json_opt_int(line, "count", 0, STEP_MAX, &out->count, err) ||
        json_opt_int(line, "n", 0, STEP_MAX, &out->n, err) || json_str(line, "name", &name, err) ||
        json_opt_str(line, "stage", &stage, err) || json_opt_num(line, "value", &out->value, err) ||
        json_opt_num(line, "lo", &out->lo, err) || json_opt_num(line, "hi", &out->hi, err))
        return -1;
    reader_name(out->name, sizeof out->name, name);
    reader_name(out->stage, sizeof out->stage, stage);
    return 0;
}

static int read_eval(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct pile *pile = ctx;
    struct run_data *r = pile->r;

    if (mem_grow(&r->eval, &pile->cap, r->n_evals + 1, sizeof *r->eval, err) ||
        reader_eval(line, &r->eval[r->n_evals], err))
        return -1;
    r->n_evals++;
    return 0;
}

static int keep_line(void *ctx, const struct jnode *line, struct vac_err *err)
{
    cJSON *copy = cJSON_Duplicate(line->v, true);

    if (copy && cJSON_AddItemToArray(ctx, copy))
        return 0;
    cJSON_Delete(copy);
    return err_set(err, VAC_ERR_MEMORY, "%s: out of memory", line->file);
}

int reader_array(cJSON **out, const char *dir, const char *name, struct vac_err *err)
{
    *out = cJSON_CreateArray();
    if (!*out)
        return err_set(err, VAC_ERR_MEMORY, "%s/%s: out of memory", dir, name);
    return reader_lines(dir, name, keep_line, *out, err);
}

/* ---- The whole ---- */

static int read_training(struct run_data *r, const char *dir, struct vac_err *err)
{
    struct pile points = {.r = r}, layers = {.r = r};

    r->dir = mem_strdup(dir, err);
    r->config = r->dir ? reader_config(dir, err) : NULL;
    if (!r->config || read_stages(r, err) ||
        reader_lines(dir, "metrics.jsonl", read_point, &points, err) ||
        reader_lines(dir, "layers.jsonl", read_layers, &layers, err))
        return -1;
    return fill_drift(r, err);
}

int run_data_read(struct run_data *r, const char *dir, struct vac_err *err)
{
    struct pile evals = {.r = r};

    *r = (struct run_data){0};
    if (read_training(r, dir, err) ||
        reader_lines(dir, "eval/history.jsonl", read_eval, &evals, err) ||
        reader_array(&r->journal, dir, "journal.jsonl", err) ||
        reader_array(&r->probes, dir, "probes.jsonl", err)) {
        run_data_done(r);
        return -1;
    }
    return 0;
}

void run_data_done(struct run_data *r)
{
    free(r->dir);
    free(r->stage);
    free(r->point);
    free(r->layers);
    free(r->eval);
    cJSON_Delete(r->config);
    cJSON_Delete(r->journal);
    cJSON_Delete(r->probes);
    *r = (struct run_data){0};
}

int vac_run_points(const char *dir, struct vac_point **out, size_t *n, struct vac_err *err)
{
    struct run_data r = {0};
    int rc = read_training(&r, dir, err);

    *out = NULL;
    *n = 0;
    if (rc == 0) {
        *out = r.point;
        *n = r.n_points;
        r.point = NULL;
    }
    run_data_done(&r);
    return rc;
}

int vac_run_layers(const char *dir, struct vac_layers **out, size_t *n, int *n_layers,
                   struct vac_err *err)
{
    struct run_data r = {0};
    struct pile pile = {.r = &r};
    int rc = reader_lines(dir, "layers.jsonl", read_layers, &pile, err);

    *out = NULL;
    *n = 0;
    *n_layers = 0;
    if (rc == 0) {
        *out = r.layers;
        *n = r.n_layer_lines;
        *n_layers = r.n_layers;
        r.layers = NULL;
    }
    run_data_done(&r);
    return rc;
}

char *vac_run_config(const char *dir, struct vac_err *err)
{
    char *path = path_join(dir, "run.json", err), *text = NULL;

    if (path)
        text = file_read(path, CONFIG_LIMIT, NULL, err);
    free(path);
    return text;
}

bool moment_next(const struct run_data *r, struct moment *m)
{
    bool point = m->i < r->n_points;

    if (point && m->e < r->n_evals && r->eval[m->e].step < r->point[m->i].step)
        point = false;
    m->point = NULL;
    m->eval = NULL;
    if (point)
        m->point = m->last = &r->point[m->i++];
    else if (m->e < r->n_evals)
        m->eval = &r->eval[m->e++];
    return m->point || m->eval;
}

double run_steps_to_break(const struct run_data *r, const char *stage, const char *name,
                          double threshold)
{
    double *xy = mem_new(r->n_evals, 2 * sizeof *xy, NULL), at = NAN;
    size_t n = 0;

    for (size_t i = 0; xy && i < r->n_evals; i++)
        if (!strcmp(r->eval[i].stage, stage) && !strcmp(r->eval[i].name, name)) {
            xy[n] = (double)r->eval[i].stage_step;
            xy[r->n_evals + n++] = r->eval[i].value;
        }
    if (xy)
        at = steps_to_break(xy, xy + r->n_evals, n, threshold);
    free(xy);
    return at;
}
