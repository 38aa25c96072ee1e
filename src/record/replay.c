/* replay.c - see replay.h */
#include "record/replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/weights.h"
#include "record/reader.h"
#include "record/lines.h"
#include "record/state.h"

/* --- metrics --- */

struct lines {
    char **v;
    size_t n, cap;
    uint64_t last; /* step after which nothing is kept */
};

/* What the clock says differs from run to run. Steps after the last checkpoint of a run without an
 * end are not repeated. */
static int keep_line(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct lines *l = ctx;
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(line->v, "step");
    cJSON *copy;
    char *text;

    if (cJSON_IsNumber(step) && step->valuedouble > (double)l->last)
        return 0;
    copy = json_copy(line->v, err);
    cJSON_DeleteItemFromObjectCaseSensitive(copy, "wall");
    cJSON_DeleteItemFromObjectCaseSensitive(copy, "step_ms");
    text = copy ? json_text(copy, false, err) : NULL;
    cJSON_Delete(copy);
    if (!text || mem_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, err)) {
        cJSON_free(text);
        return -1;
    }
    l->v[l->n++] = text;
    return 0;
}

static void lines_done(struct lines *l)
{
    for (size_t i = 0; i < l->n; i++)
        cJSON_free(l->v[i]);
    free(l->v);
}

/* The first key whose values differ. */
static void tell_line(struct replay_result *out, const char *file, size_t number, const char *was,
                      const char *is)
{
    cJSON *a = cJSON_Parse(was), *b = cJSON_Parse(is);
    const cJSON *x = a ? a->child : NULL, *y = NULL,
                *step = cJSON_GetObjectItemCaseSensitive(a, "step");
    char *p, *q, at[40] = "";
    size_t k = 0;

    for (; x; x = x->next) {
        y = cJSON_GetObjectItemCaseSensitive(b, x->string);
        if (!y || !cJSON_Compare(x, y, true))
            break;
    }
    if (cJSON_IsNumber(step) && step->valuedouble != (double)number)
        snprintf(at, sizeof at, " (step %.0f)", step->valuedouble);
    snprintf(out->difference, sizeof out->difference, "%s:%zu%s: %s", file, number, at,
             x ? x->string : "more keys");
    if (cJSON_IsArray(x) && cJSON_IsArray(y)) { /* of the layers: which */
        const cJSON *u = x->child, *v = y->child;

        for (; u && v && cJSON_Compare(u, v, true); u = u->next, v = v->next)
            k++;
        x = u;
        y = v;
        snprintf(out->difference + strlen(out->difference),
                 sizeof out->difference - strlen(out->difference), "[%zu]", k);
    }
    p = x ? json_text(x, false, NULL) : NULL;
    q = y ? json_text(y, false, NULL) : NULL;
    k = strlen(out->difference);
    snprintf(out->difference + k, sizeof out->difference - k, ": %s in the run, %s when repeated",
             p ? p : "nothing", q ? q : "nothing");
    cJSON_free(p);
    cJSON_free(q);
    cJSON_Delete(a);
    cJSON_Delete(b);
}

/* Those among the first `end` bytes of the run's file, up to a step. A file that was cut short differs as
 * well as one that grew. */
static int compare_lines(const char *was, const char *is, const char *file, int64_t end,
                         uint64_t last, struct replay_result *out, struct vac_err *err)
{
    struct lines a = {.last = last}, b = {.last = last};
    int rc = lines_visit_to(was, file, end, keep_line, &a, err) ||
                     lines_visit(is, file, keep_line, &b, err)
                 ? -1
                 : 0;

    for (size_t i = 0; rc == 0 && out->same && i < a.n && i < b.n; i++, out->lines++) {
        out->same = !strcmp(a.v[i], b.v[i]);
        if (!out->same)
            tell_line(out, file, i + 1, a.v[i], b.v[i]);
    }
    if (rc == 0 && out->same && a.n != b.n) {
        out->same = false;
        snprintf(out->difference, sizeof out->difference,
                 "%s: %zu lines in the run, %zu when repeated", file, a.n, b.n);
    }
    lines_done(&a);
    lines_done(&b);
    return rc;
}

/* --- weights --- */

/* The first element that differs, and by how much others do. */
static void tell_tensor(struct replay_result *out, const char *name, const struct st_tensor *x,
                        const struct st_tensor *y)
{
    enum { PIECE = 1024 };
    size_t bytes = dtype_size(x->dtype), first = SIZE_MAX;
    float a[PIECE], b[PIECE], was = 0, is = 0;
    double most = 0;

    for (size_t at = 0; at < x->numel; at += PIECE) {
        size_t n = x->numel - at < PIECE ? x->numel - at : PIECE;
        dtype_widen(a, (const char *)x->data + at * bytes, x->dtype, n);
        dtype_widen(b, (const char *)y->data + at * bytes, x->dtype, n);
        for (size_t i = 0; i < n; i++) {
            most = fmax(most, fabs((double)a[i] - b[i]));
            if (first == SIZE_MAX && memcmp(&a[i], &b[i], sizeof *a) != 0) {
                first = at + i;
                was = a[i];
                is = b[i];
            }
        }
    }
    snprintf(out->difference, sizeof out->difference,
             "%s: %s[%zu]: %.9g in the run, %.9g when repeated; it differs by up to %.3g", name,
             x->name, first, (double)was, (double)is, most);
}

static int compare_folder(const char *was, const char *is, const char *name,
                          struct replay_result *out, struct vac_err *err)
{
    char *p = path_join(was, name, err), *q = path_join(is, name, err);
    struct weights *a = p ? weights_open(p, err) : NULL, *b = a && q ? weights_open(q, err) : NULL;
    int rc = -1;

    if (a && b) {
        for (size_t i = 0; i < weights_count(a) && out->same; i++, out->tensors++) {
            const struct st_tensor *x = weights_at(a, i), *y = weights_find(b, x->name);
            bool like =
                y && x->readable && y->readable && x->dtype == y->dtype && x->numel == y->numel;

            out->same = like && !memcmp(x->data, y->data, x->numel * dtype_size(x->dtype));
            if (!out->same && like)
                tell_tensor(out, name, x, y);
            else if (!out->same)
                snprintf(out->difference, sizeof out->difference,
                         "%s: %s: has another shape when repeated", name, x->name);
        }
        rc = weights_check(a, err) || weights_check(b, err) ? -1 : 0;
    }
    weights_close(a);
    weights_close(b);
    free(p);
    free(q);
    return rc;
}

/* --- the whole --- */

/* What lies at the end of `was`: its last step (all of them when it is finished), and out->weights.
 */
static int find_end(const char *was, uint64_t *last, size_t *n_stages, struct replay_result *out,
                    struct vac_err *err)
{
    struct checkpoint_state state = {0};
    bool finished = false;
    int rc;

    *last = UINT64_MAX;
    snprintf(out->weights, sizeof out->weights, "final");
    if (folder_finished(was, &finished, err) || finished)
        return finished ? 0 : -1;
    rc = state_find(was, SIZE_MAX, &state, out->weights, sizeof out->weights, NULL, NULL, err);
    if (rc)
        return rc < 0 ? -1 : err_set(err, VAC_ERR_USAGE, "%s: has no checkpoint", was);
    *last = state.step;
    *n_stages = (size_t)state.stage;
    cJSON_Delete(state.json);
    return 0;
}

int replay_compare(const char *was, const char *is, struct replay_result *out, struct vac_err *err)
{
    size_t n_stages = SIZE_MAX;
    struct run_data run = {0};
    char name[VAC_NAME + 16];
    uint64_t last;
    int rc = 0;

    *out = (struct replay_result){.same = true};
    if (find_end(was, &last, &n_stages, out, err) ||
        compare_lines(was, is, line_files[LINES_METRICS], INT64_MAX, last, out, err))
        return -1;
    if (out->same)
        rc = run_data_read(&run, was, err);
    for (size_t i = 0; rc == 0 && out->same && i < run.n_stages && i < n_stages; i++) {
        snprintf(name, sizeof name, "stages/%s", run.stage[i].name); /* each when it is complete */
        rc = compare_folder(was, is, name, out, err);
    }
    run_data_done(&run);
    return rc || !out->same ? rc : compare_folder(was, is, out->weights, out, err);
}

int replay_compare_to(const char *was, const char *is, int64_t step, struct replay_result *out,
                      struct vac_err *err)
{
    static const char *const arrays[] = {"", "/vaccine_state.safetensors"};
    struct checkpoint_state state;
    char name[96], *path;
    int rc;

    *out = (struct replay_result){.same = true};
    snprintf(out->weights, sizeof out->weights, "checkpoint-%lld", (long long)step);
    path = path_join(was, out->weights, err);
    rc = path ? state_read(path, NULL, false, &state, err) : -1;
    free(path);
    for (int i = LINES_METRICS; rc == 0 && out->same && i <= LINES_LAYERS; i++)
        rc = compare_lines(was, is, line_files[i], state.size[i], (uint64_t)step, out, err);
    if (rc == 0)
        cJSON_Delete(state.json);
    for (size_t i = 0; rc == 0 && out->same && i < sizeof arrays / sizeof *arrays; i++) {
        snprintf(name, sizeof name, "%s%s", out->weights, arrays[i]);
        rc = compare_folder(was, is, name, out, err);
    }
    return rc;
}
