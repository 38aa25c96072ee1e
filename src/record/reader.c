/* reader.c - a run folder's files into memory: points, layers, evaluations, journal, probes.
 *
 * The files are written line by line by a program that may have been killed, and may have been
 * changed by anybody since: each value is checked, and what is not measured is NaN. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "base/inside.h"
#include "record/reader.h"

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

/* One line after another: a long file is never in memory as a whole. */
static int visit_all(FILE *in, const char *path, int64_t end, int64_t *at, size_t *number,
                     reader_visit *visit, void *ctx, struct vac_err *err)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int rc = 0;

    /* without memory getline says what it says at the end, but not that this is the end */
    while (rc == 0 && *at < end && (n = getline(&line, &cap, in)) > 0 && line[n - 1] == '\n') {
        ++*number;
        *at += n;
        if (n > 1)
            rc = visit_line(path, *number, line, (size_t)n - 1, visit, ctx, err);
    }
    if (rc == 0 && *at < end && (ferror(in) || !feof(in)))
        rc = err_errno(err, "%s: cannot read", path);
    free(line);
    return rc;
}

int reader_file_lines(const char *path, int64_t end, int64_t *at, size_t *number,
                      reader_visit *visit, void *ctx, struct vac_err *err)
{
    int64_t left;
    FILE *in;
    int rc;

    if (file_measure(path, &left, err))
        return -1;
    left -= *at;
    if (left <= 0)
        return 0;
    if (left > READER_LINES_LIMIT)
        return err_set(err, VAC_ERR_FORMAT, "%s: more than %d bytes", path, READER_LINES_LIMIT);
    in = stream_open(path, err);
    if (!in)
        return -1;
    if (fseeko(in, (off_t)*at, SEEK_SET))
        rc = err_errno(err, "%s", path);
    else
        rc = visit_all(in, path, end, at, number, visit, ctx, err);
    fclose(in);
    return rc;
}

static int lines_of(const char *dir, const char *name, int64_t end, reader_visit *visit, void *ctx,
                    struct vac_err *err)
{
    char *path = path_join(dir, name, err);
    bool inside = !dir_enter(dir, NULL);
    int rc = path ? reader_file_lines(path, end, &(int64_t){0}, &(size_t){0}, visit, ctx, err) : -1;

    if (inside)
        dir_leave(dir);
    free(path);
    return rc;
}

int reader_lines(const char *dir, const char *name, reader_visit *visit, void *ctx,
                 struct vac_err *err)
{
    return lines_of(dir, name, INT64_MAX, visit, ctx, err);
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
    bool inside = !dir_enter(dir, NULL);
    cJSON *doc = NULL;

    if (path && !file_exists(path))
        err_set(err, VAC_ERR_IO, "%s: holds no run: there is no run.json in it", dir);
    else if (path)
        doc = json_read(path, READER_CONFIG_LIMIT, err);
    if (doc && !cJSON_IsObject(doc)) {
        err_set(err, VAC_ERR_FORMAT, "%s: expected an object", path);
        cJSON_Delete(doc);
        doc = NULL;
    }
    if (inside)
        dir_leave(dir);
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
        const char *own = json_text_at(entry, "name"), *metric = json_text_at(entry, "metric");
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

int reader_stages(struct run_data *r, struct vac_err *err)
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

int reader_point(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct reader_pile *pile = ctx;
    struct run_data *r = pile->r;
    struct vac_point *p;
    int stage;

    if (mem_grow(&r->point, &pile->cap, r->n_points + 1, sizeof *p, err))
        return -1;
    p = &r->point[r->n_points];
    stage = stage_index(r, line, err);
    if (stage < 0 || point_read(line, p, err))
        return -1;
    p->stage = stage;
    r->n_points++;
    return 0;
}

/* ---- layers.jsonl ---- */

int reader_layers(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct reader_pile *pile = ctx;
    struct run_data *r = pile->r;
    struct vac_layers l;
    struct run_layers *packed;
    int n = 0;

    if (layers_read(line, &l, &n, err) ||
        mem_grow(&r->layers, &pile->cap, r->n_layer_lines + 1, sizeof *r->layers, err) ||
        mem_grow(&r->pool, &r->pool_cap, r->pool_n + VAC_SERIES_COUNT * (size_t)n, sizeof *r->pool,
                 err))
        return -1;
    packed = &r->layers[r->n_layer_lines++];
    *packed = (struct run_layers){.step = l.step, .at = r->pool_n, .n = n};
    for (size_t k = 0; n > 0 && k < VAC_SERIES_COUNT; k++, r->pool_n += (size_t)n)
        memcpy(r->pool + r->pool_n, layers_at(&l, k), (size_t)n * sizeof *r->pool);
    if (n > r->n_layers)
        r->n_layers = n;
    return 0;
}

const struct vac_layers *run_layers_at(const struct run_data *r, size_t i, struct vac_layers *out)
{
    const struct run_layers *packed;
    const float *from;

    if (i == SIZE_MAX)
        return NULL;
    packed = &r->layers[i];
    from = packed->n ? r->pool + packed->at : NULL;
    out->step = packed->step;
    for (size_t k = 0; k < VAC_SERIES_COUNT; k++)
        for (int n = 0; n < VAC_MAX_LAYERS; n++)
            layers_at(out, k)[n] = n < packed->n ? *from++ : NAN;
    return out;
}

int reader_mark(struct layers_marks *m, const struct vac_layers *l, struct vac_err *err)
{
    if (mem_grow(&m->v, &m->cap, m->n + 1, sizeof *m->v, err))
        return -1;
    m->v[m->n++] = (struct layers_mark){.step = l->step,
                                        .drift = layers_mean(l->drift_rel, VAC_MAX_LAYERS),
                                        .trained = !isnan(layers_mean(l->grad, VAC_MAX_LAYERS))};
    return 0;
}

/* Points [i, j) and layers lines [k, l) are of one step. A stage that ends and the next that begins
 * share a step: one lone line with gradients belongs to the step that ended, one without to the
 * beginning. */
static void join_step(const struct layers_marks *m, size_t *join, size_t i, size_t j, size_t k,
                      size_t l)
{
    if (l - k == 1 && j - i > 1) {
        join[m->v[k].trained ? i : j - 1] = k;
        return;
    }
    for (; i < j && k < l; i++, k++)
        join[i] = k;
}

size_t *reader_join_marks(const struct run_data *r, const struct layers_marks *m,
                          struct vac_err *err)
{
    size_t *join = mem_new(r->n_points, sizeof *join, err), k = 0;

    for (size_t i = 0, j; join && i < r->n_points; i = j) {
        int64_t step = r->point[i].step;
        size_t l;

        for (j = i; j < r->n_points && r->point[j].step == step; j++)
            join[j] = SIZE_MAX;
        while (k < m->n && m->v[k].step < step)
            k++;
        for (l = k; l < m->n && m->v[l].step == step; l++)
            ;
        join_step(m, join, i, j, k, l);
        k = l;
    }
    return join;
}

static int marks_of(const struct run_data *r, struct layers_marks *m, struct vac_err *err)
{
    struct vac_layers l;

    for (size_t i = 0; i < r->n_layer_lines; i++)
        if (reader_mark(m, run_layers_at(r, i, &l), err))
            return -1;
    return 0;
}

size_t *reader_join(const struct run_data *r, struct vac_err *err)
{
    struct layers_marks marks = {0};
    size_t *join = marks_of(r, &marks, err) ? NULL : reader_join_marks(r, &marks, err);

    free(marks.v);
    return join;
}

static int fill_drift(struct run_data *r, const struct layers_marks *m, struct vac_err *err)
{
    size_t *join = reader_join_marks(r, m, err);

    for (size_t i = 0; join && i < r->n_points; i++)
        if (join[i] != SIZE_MAX)
            r->point[i].drift_mean = m->v[join[i]].drift;
    free(join);
    return join ? 0 : -1;
}

/* ---- eval/history.jsonl, journal.jsonl, probes.jsonl ---- */

static int read_eval(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct reader_pile *pile = ctx;
    struct run_data *r = pile->r;

    if (mem_grow(&r->eval, &pile->cap, r->n_evals + 1, sizeof *r->eval, err) ||
        reader_eval(line, &r->eval[r->n_evals], err))
        return -1;
    r->n_evals++;
    return 0;
}

int reader_keep(void *ctx, const struct jnode *line, struct vac_err *err)
{
    return json_add(ctx, NULL, json_copy(line->v, err), err);
}

int reader_array(cJSON **out, const char *dir, const char *name, struct vac_err *err)
{
    *out = cJSON_CreateArray();
    if (!*out)
        return err_set(err, VAC_ERR_MEMORY, "%s/%s: out of memory", dir, name);
    return reader_lines(dir, name, reader_keep, *out, err);
}

/* ---- The whole ---- */

static int read_points(struct run_data *r, const char *dir, int64_t end, struct vac_err *err)
{
    struct reader_pile points = {.r = r};

    r->config = reader_config(dir, err);
    if (!r->config || reader_stages(r, err))
        return -1;
    return lines_of(dir, "metrics.jsonl", end, reader_point, &points, err);
}

static int read_layers(struct run_data *r, const char *dir, struct vac_err *err)
{
    struct reader_pile layers = {.r = r};
    struct layers_marks marks = {0};
    int rc = reader_lines(dir, "layers.jsonl", reader_layers, &layers, err) ||
                     marks_of(r, &marks, err) || fill_drift(r, &marks, err)
                 ? -1
                 : 0;

    free(marks.v);
    return rc;
}

int run_data_read(struct run_data *r, const char *dir, struct vac_err *err)
{
    struct reader_pile evals = {.r = r};

    *r = (struct run_data){0};
    r->dir = mem_strdup(dir, err);
    r->inside = r->dir && !dir_enter(dir, NULL);
    if (!r->dir || read_points(r, dir, INT64_MAX, err) || read_layers(r, dir, err) ||
        reader_lines(dir, "eval/history.jsonl", read_eval, &evals, err) ||
        reader_array(&r->journal, dir, "journal.jsonl", err) ||
        reader_array(&r->probes, dir, "probes.jsonl", err) ||
        !(r->state = run_data_state(dir, err)) ||
        !(r->room = mem_new(r->n_evals, 2 * sizeof *r->room, err))) {
        run_data_done(r);
        return -1;
    }
    return 0;
}

void run_data_done(struct run_data *r)
{
    if (r->inside)
        dir_leave(r->dir);
    free(r->dir);
    free(r->stage);
    free(r->point);
    free(r->layers);
    free(r->pool);
    free(r->eval);
    free(r->room);
    cJSON_Delete(r->config);
    cJSON_Delete(r->journal);
    cJSON_Delete(r->probes);
    *r = (struct run_data){0};
}

static int take_mark(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct vac_layers l;

    return layers_read(line, &l, &(int){0}, err) || reader_mark(ctx, &l, err) ? -1 : 0;
}

int reader_history(const char *dir, int64_t points_end, int64_t layers_end, struct vac_point **out,
                   size_t *n, size_t *n_layer_lines, struct vac_err *err)
{
    struct run_data r = {0};
    struct layers_marks marks = {0};
    int rc = read_points(&r, dir, points_end, err) ||
                     lines_of(dir, "layers.jsonl", layers_end, take_mark, &marks, err) ||
                     fill_drift(&r, &marks, err)
                 ? -1
                 : 0;

    *out = NULL;
    *n = *n_layer_lines = 0;
    if (rc == 0) {
        *out = r.point;
        *n = r.n_points;
        *n_layer_lines = marks.n;
        r.point = NULL;
    }
    free(marks.v);
    run_data_done(&r);
    return rc;
}

int vac_run_points(const char *dir, struct vac_point **out, size_t *n, struct vac_err *err)
{
    return reader_history(dir, INT64_MAX, INT64_MAX, out, n, &(size_t){0}, err);
}

int vac_run_layers(const char *dir, struct vac_layers **out, size_t *n, int *n_layers,
                   struct vac_err *err)
{
    struct run_data r = {0};
    struct reader_pile pile = {.r = &r};
    int rc = reader_lines(dir, "layers.jsonl", reader_layers, &pile, err);

    *n = 0;
    *n_layers = 0;
    *out = rc ? NULL : mem_new(r.n_layer_lines, sizeof **out, err);
    if (*out) {
        *n = r.n_layer_lines;
        *n_layers = r.n_layers;
        for (size_t i = 0; i < *n; i++)
            run_layers_at(&r, i, &(*out)[i]);
    }
    run_data_done(&r);
    return *out ? 0 : -1;
}

int vac_run_evals(const char *dir, struct vac_run_eval **out, size_t *n, struct vac_err *err)
{
    struct run_data r = {.config = reader_config(dir, err)};
    struct reader_pile pile = {.r = &r};
    bool read = r.config && !reader_lines(dir, "eval/history.jsonl", read_eval, &pile, err);

    *n = 0;
    *out = read ? mem_new(r.n_evals, sizeof **out, err) : NULL;
    for (size_t i = 0; *out && i < r.n_evals; i++) {
        const struct run_eval *e = &r.eval[i];
        struct vac_run_eval *to = &(*out)[(*n)++];

        *to = (struct vac_run_eval){.step = e->step,
                                    .stage_step = e->stage_step,
                                    .count = e->count,
                                    .n = e->n,
                                    .value = e->value,
                                    .lo = e->lo,
                                    .hi = e->hi,
                                    .is_rate = reader_is_rate(r.config, e->name),
                                    .verdicts = e->verdicts};
        memcpy(to->name, e->name, sizeof to->name);
        memcpy(to->stage, e->stage, sizeof to->stage);
    }
    run_data_done(&r);
    return *out ? 0 : -1;
}

char *vac_run_config(const char *dir, struct vac_err *err)
{
    char *path = path_join(dir, "run.json", err), *text = NULL;
    bool inside = !dir_enter(dir, NULL);

    if (path)
        text = file_read(path, READER_CONFIG_LIMIT, NULL, err);
    if (inside)
        dir_leave(dir);
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
