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
#include "defense/defense.h"
#include "record/reader.h"
#include "record/config.h"
#include "record/folder.h"
#include "record/lines.h"
#include "record/runs.h"
#include "record/score.h"
#include "record/state.h"
#include "record/columns.h"

int reader_stages(struct run_data *r, struct vac_err *err)
{
    struct jnode root = json_root(r->config, "run.json"), spec, stages;

    if (json_get(&root, "spec", JSON_OBJECT, &spec, err) ||
        json_get(&spec, "stages", JSON_ARRAY, &stages, err))
        return -1;
    r->n_stages = json_count(&stages);
    r->stage = mem_new(r->n_stages, sizeof *r->stage, err);
    for (size_t i = 0; r->stage && i < r->n_stages; i++) {
        const char *name = NULL, *method = METHOD_DEFAULT;
        struct jnode one;

        if (json_item(&stages, i, JSON_OBJECT, &one, err) || json_str(&one, "name", &name, err) ||
            json_opt_str(&one, "method", &method, err) < 0)
            return -1;
        lines_name(r->stage[i].name, sizeof r->stage[i].name, name);
        lines_name(r->stage[i].method, sizeof r->stage[i].method, method);
    }
    return r->stage ? 0 : -1;
}

/* ---- metrics.jsonl ---- */

int reader_point(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct reader_pile *pile = ctx;
    struct run_data *r = pile->r;
    struct vac_point *p;
    const char *text = NULL;
    char name[VAC_NAME];
    size_t stage = 0;

    if (mem_grow(&r->point, &pile->cap, r->n_points + 1, sizeof *p, err))
        return -1;
    p = &r->point[r->n_points];
    if (json_str(line, "stage", &text, err))
        return -1;
    lines_name(name, sizeof name, text);
    while (stage < r->n_stages && strcmp(r->stage[stage].name, name) != 0)
        stage++;
    if (stage == r->n_stages)
        return json_error(line, err, "stage: run.json has no stage \"%s\"", name);
    if (point_read(line, p, err))
        return -1;
    p->stage = (int)stage;
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
        score_read(line, r->config, &r->eval[r->n_evals], err))
        return -1;
    r->n_evals++;
    return 0;
}

/* ---- The whole ---- */

int run_data_open(struct run_data *r, const char *dir, struct vac_err *err)
{
    *r = (struct run_data){0};
    r->dir = mem_strdup(dir, err);
    r->inside = r->dir && !dir_enter(dir, NULL);
    r->config = r->dir ? run_config(dir, err) : NULL;
    if (r->config && !reader_stages(r, err))
        return 0;
    run_data_done(r);
    return -1;
}

int run_data_next(struct run_data *r, struct vac_err *err)
{
    struct reader_pile points = {.r = r}, layers = {.r = r}, evals = {.r = r};
    const struct {
        const char *name;
        lines_visitor *visit;
        struct reader_pile *pile;
    } files[] = {{"metrics.jsonl", reader_point, &points},
                 {"layers.jsonl", reader_layers, &layers},
                 {"eval/history.jsonl", read_eval, &evals}};
    struct layers_marks marks = {0};
    int rc = 0;

    /* what the part before held goes; its last point stays, for what is measured after it */
    if (r->n_points) {
        r->before = r->point[r->n_points - 1];
        r->has_before = true;
    }
    free(r->point);
    free(r->layers);
    free(r->pool);
    free(r->eval);
    r->point = NULL;
    r->layers = NULL;
    r->pool = NULL;
    r->eval = NULL;
    r->n_points = r->n_layer_lines = r->pool_n = r->pool_cap = r->n_evals = 0;
    for (size_t i = 0; rc == 0 && i < sizeof files / sizeof *files; i++) {
        char *path = path_join(r->dir, files[i].name, err);
        rc = path ? lines_visit_file(path, INT64_MAX, &r->at[i], &r->number[i], files[i].visit,
                                     files[i].pile, err)
                  : -1;
        free(path);
    }
    if (rc == 0)
        rc = marks_of(r, &marks, err) || fill_drift(r, &marks, err) ? -1 : 0;
    free(marks.v);
    return rc;
}

int run_data_read(struct run_data *r, const char *dir, struct vac_err *err)
{
    if (run_data_open(r, dir, err))
        return -1;
    if (run_data_next(r, err) || lines_array(&r->journal, dir, "journal.jsonl", err) ||
        lines_array(&r->probes, dir, "probes.jsonl", err) || !(r->state = run_state(dir, err)) ||
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
    struct reader_pile points = {.r = &r};
    int rc = run_data_open(&r, dir, err) ||
                     lines_visit_to(dir, "metrics.jsonl", points_end, reader_point, &points, err) ||
                     lines_visit_to(dir, "layers.jsonl", layers_end, take_mark, &marks, err) ||
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

int vac_run_evals(const char *dir, struct vac_eval **out, size_t *n, struct vac_err *err)
{
    struct run_data r = {.config = run_config(dir, err)};
    struct reader_pile pile = {.r = &r};
    bool read = r.config && !lines_visit(dir, "eval/history.jsonl", read_eval, &pile, err);

    *n = 0;
    *out = NULL;
    if (read && !r.eval) /* free() takes it, and NULL would be a failure */
        r.eval = mem_new(0, sizeof *r.eval, err);
    if (read && r.eval) {
        *out = r.eval;
        *n = r.n_evals;
        r.eval = NULL;
    }
    run_data_done(&r);
    return *out ? 0 : -1;
}

char *vac_run_config(const char *dir, struct vac_err *err)
{
    char *path = path_join(dir, "run.json", err), *text = NULL;
    bool inside = !dir_enter(dir, NULL);

    if (path)
        text = file_read(path, RUN_CONFIG_LIMIT, NULL, err);
    if (inside)
        dir_leave(dir);
    free(path);
    return text;
}

bool moment_next(const struct run_data *r, struct moment *m)
{
    bool eval = m->e < r->n_evals;

    if (!m->last && r->has_before)
        m->last = &r->before;
    /* what is measured at the end of a stage comes before the next stage's first point, which has the same
     * step */
    if (eval && m->i < r->n_points) {
        const struct vac_eval *e = &r->eval[m->e];
        const struct vac_point *p = &r->point[m->i];

        eval = e->step < p->step || (e->step == p->step && p->stage_step == 0 &&
                                     strcmp(e->stage, r->stage[p->stage].name) != 0);
    }
    m->point = NULL;
    m->eval = NULL;
    if (eval)
        m->eval = &r->eval[m->e++];
    else if (m->i < r->n_points)
        m->point = m->last = &r->point[m->i++];
    return m->point || m->eval;
}

char *vac_run_saved(const char *dir, struct vac_err *err)
{
    struct run_data r = {.config = run_config(dir, err)};
    const char **name = NULL;
    struct strbuf out = {0};
    char *text = NULL;

    if (r.config && reader_stages(&r, err) == 0)
        name = mem_new(r.n_stages, sizeof *name, err);
    for (size_t i = 0; name && i < r.n_stages; i++)
        name[i] = r.stage[i].name;
    if (name) {
        state_saved_list(dir, name, r.n_stages, "", &out);
        text = out.bad ? NULL : mem_strdup(out.s ? out.s : "", err);
    }
    free(name);
    sb_done(&out);
    run_data_done(&r);
    return text;
}
