/* inputs.c - see inputs.h */
#include "rig/inputs.h"

#include <stdio.h>
#include <string.h>

#include "compute/products.h"
#include "eval/own.h"
#include "record/hash.h"

typedef int file_visit(const char *path, void *ctx, struct vac_err *err);

static int visit_one(const char *path, file_visit *visit, void *ctx, struct vac_err *err)
{
    return path ? visit(path, ctx, err) : 0;
}

/* What rows name on the disk. */
static int visit_rows(const struct option_row *rows, const void *base, file_visit *visit, void *ctx,
                      struct vac_err *err)
{
    for (; rows && rows->name; rows++) {
        if (rows->path &&
            visit_one(*(char *const *)((const char *)base + rows->offset), visit, ctx, err))
            return -1;
    }
    return 0;
}

/* What a stage reads when it begins. */
static int each_of_stage(const struct stage_spec *s, file_visit *visit, void *ctx,
                         struct vac_err *err)
{
    for (size_t k = 0; k < s->n_streams; k++) {
        for (size_t f = 0; f < s->stream[k].n; f++) {
            if (visit(s->stream[k].file[f].file, ctx, err))
                return -1;
        }
    }
    if (visit_rows(s->method->options, s->options, visit, ctx, err))
        return -1;
    return visit_one(s->lora.init, visit, ctx, err);
}

/* Every data file, and every folder besides the model, that the run reads. */
static int each_file(const struct rig *rig, file_visit *visit, void *ctx, struct vac_err *err)
{
    const struct watch_spec *w = &rig->spec.watch;
    const char *watched[] = {
        w->has_drift ? w->drift.file : NULL, w->has_align ? w->align_loss.file : NULL,
        w->has_harmful ? w->harmful_loss.file : NULL, w->has_probes ? w->probes.file : NULL};
    const char *name = rig->spec.template_name, *template = name && *name == '/' ? name : NULL;
    struct own_keys own;

    if (visit_one(rig->spec.tokenizer, visit, ctx, err) || visit_one(template, visit, ctx, err) ||
        visit_one(rig->spec.attack.battery, visit, ctx, err))
        return -1;
    for (size_t i = 0; i < rig->spec.n_stages; i++) {
        if (each_of_stage(&rig->spec.stage[i], visit, ctx, err))
            return -1;
    }
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        if (visit_one(watched[i], visit, ctx, err))
            return -1;
    }
    if (own_of(w->probes_judge, NULL, &own, NULL) &&
        visit_rows(own.rows, w->probes_options, visit, ctx, err))
        return -1;
    for (size_t i = 0; i < rig->spec.n_evaluate; i++) {
        const struct evaluate_spec *e = &rig->spec.evaluate[i];
        if (visit_rows(evaluate_options, e, visit, ctx, err) ||
            (own_of(e->judge, e->metric, &own, NULL) &&
             visit_rows(own.rows, e->options, visit, ctx, err)))
            return -1;
    }
    return 0;
}

static int add_hash(const char *path, void *ctx, struct vac_err *err)
{
    char hash[65];
    cJSON *files = ctx;

    if (cJSON_GetObjectItemCaseSensitive(files, path))
        return 0;
    if (hash_file(path, hash, err))
        return -1;
    return json_add(files, path, cJSON_CreateString(hash), err);
}

int inputs_model(const struct rig *rig, char out[65], struct vac_err *err)
{
    if (rig->spec.init_random) {
        snprintf(out, 65, "random");
        return 0;
    }
    return hash_model(rig->spec.model, out, err);
}

cJSON *inputs_json(const struct rig *rig, struct vac_err *err)
{
    cJSON *files = cJSON_CreateObject();

    if (each_file(rig, add_hash, files, err) == 0)
        return files;
    cJSON_Delete(files);
    return NULL;
}

/* --- as they were --- */

struct expect {
    const struct jnode *files;
};

static int check_hash(const char *path, void *ctx, struct vac_err *err)
{
    const struct expect *x = ctx;
    const char *want;
    char hash[65];

    if (json_str(x->files, path, &want, err) || hash_file(path, hash, err))
        return -1;
    if (strcmp(hash, want))
        return err_set(
            err, VAC_ERR_FORMAT,
            "%s: has changed since the run began: put the old file back, or start a new run", path);
    return 0;
}

/* One thing that numbers depend on: added where it is known and differs. */
static void compare_machine(struct origin *from, const char *then, const char *now)
{
    size_t a = strlen(from->machine_was), b = strlen(from->machine);

    if (!then || !strcmp(then, now))
        return;
    snprintf(from->machine_was + a, sizeof from->machine_was - a, "%s%s", a ? ", " : "", then);
    snprintf(from->machine + b, sizeof from->machine - b, "%s%s", b ? ", " : "", now);
}

/* What computed the run, and what computes here: told, because with other kernels or another number
 * of threads the same sums are rounded in another order. Older runs do not know all of it. */
static int compare_machines(const struct rig *rig, struct origin *from, const struct jnode *root,
                            struct vac_err *err)
{
    const char *blas = NULL, *kernels = NULL;
    int64_t threads = rig->spec.threads;
    char then[32], now[32];

    if (json_opt_str(root, "blas", &blas, err) || json_opt_str(root, "kernels", &kernels, err) ||
        json_opt_int(root, "threads", 1, 4096, &threads, err))
        return -1;
    snprintf(then, sizeof then, "%lld threads", (long long)threads);
    snprintf(now, sizeof now, "%lld threads", (long long)rig->spec.threads);
    compare_machine(from, blas, products_text(rig->c->products));
    compare_machine(from, kernels, compute_kernels(rig->c));
    compare_machine(from, then, now);
    if (*from->machine)
        snprintf(from->machine_told, sizeof from->machine_told,
                 "the run was computed by %s, and here it is by %s: %s", from->machine_was,
                 from->machine, INPUTS_MACHINE_MEANS);
    return 0;
}

int inputs_check(const struct rig *rig, struct origin *from, struct vac_err *err)
{
    struct jnode root = json_root(from->began, "run.json"), model, files;
    struct expect x = {&files};
    const char *want;
    char hash[65];

    if (json_get(&root, "model", JSON_OBJECT, &model, err) ||
        json_get(&root, "files", JSON_OBJECT, &files, err) ||
        json_str(&model, "hash", &want, err) || json_num(&root, "created", &from->created, err) ||
        inputs_model(rig, hash, err) || compare_machines(rig, from, &root, err))
        return -1;
    if (strcmp(hash, want))
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: the model has changed since the run began: put the old one back, or "
                       "start a new run",
                       rig->spec.model);
    return each_file(rig, check_hash, &x, err);
}

int inputs_check_stage(const struct rig *rig, const struct origin *from, size_t index,
                       struct vac_err *err)
{
    struct jnode root = json_root(from->began, "run.json"), files;
    struct expect x = {&files};

    return json_get(&root, "files", JSON_OBJECT, &files, err)
               ? -1
               : each_of_stage(&rig->spec.stage[index], check_hash, &x, err);
}
