/* arrays.c - see arrays.h */
#include "run/arrays.h"

#include <stdlib.h>
#include <string.h>

#include "defense/step.h"
#include "weights/st_write.h"
#include "weights/weights.h"

struct array {
    const char *name;
    size_t rank;
    const size_t *shape;
    struct ref at;
};

static size_t array_size(const struct array *a)
{
    return a->shape[0] * (a->rank == 2 ? a->shape[1] : 1);
}

static int put_array(const struct rig *rig, struct st_writer *w, const struct array *a,
                     struct vac_err *err)
{
    enum { PIECE = 1 << 18 };
    size_t n = array_size(a);
    float *piece = mem_new(n < PIECE ? n : PIECE, sizeof *piece, err);
    int rc = piece ? 0 : -1;

    for (size_t at = 0; rc == 0 && at < n; at += PIECE) {
        size_t k = n - at < PIECE ? n - at : PIECE;
        compute_download(rig->c, piece, ref_at(a->at, at), k);
        rc = st_put(w, piece, k, err);
    }
    free(piece);
    return rc;
}

static int save_arrays(const struct rig *rig, const char *dir, const char *file,
                       const struct array *a, size_t count, struct vac_err *err)
{
    char *path = path_join(dir, file, err);
    struct st_writer *w = path ? st_create(path, err) : NULL;
    size_t n = 0;
    int rc = w ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = st_declare(w, a[i].name, DTYPE_F32, a[i].rank, a[i].shape, err);
    if (rc == 0)
        rc = st_begin(w, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct array *x = a;
        while (strcmp(x->name, st_order(w, i)))
            x++;
        rc = put_array(rig, w, x, err);
    }
    if (rc == 0)
        rc = st_commit(w, err);
    st_free(w);
    free(path);
    return rc;
}

static int load_arrays(const struct rig *rig, const char *dir, const char *file,
                       const struct array *a, size_t count, struct vac_err *err)
{
    char *path = path_join(dir, file, err);
    struct weights *w = path ? weights_open(path, err) : NULL;
    int rc = w ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct st_tensor *x = weights_want(w, a[i].name, a[i].rank, a[i].shape, err);
        float *wide = x ? mem_new(x->numel, sizeof *wide, err) : NULL;

        if (wide) {
            dtype_widen(wide, x->data, x->dtype, x->numel);
            compute_upload(rig->c, a[i].at, wide, x->numel);
        }
        rc = wide ? 0 : -1;
        free(wide);
    }
    if (rc == 0)
        rc = weights_check(w, err);
    weights_close(w);
    free(path);
    return rc;
}

/* --- what is trained --- */

const char *arrays_trained(const struct rig *rig)
{
    return model_is_full(rig->m) ? "model.safetensors" : "adapter_model.safetensors";
}

/* To be freed. */
static struct array *trained_arrays(const struct rig *rig, struct vac_err *err)
{
    const struct params *p = model_params(rig->m);
    struct array *a = mem_new(p->count, sizeof *a, err);

    for (size_t i = 0; a && i < p->count; i++) {
        const struct param *x = &p->list[i];
        a[i] = (struct array){x->name, x->rank, x->shape, ref_at(p->w, x->at)};
    }
    return a;
}

int arrays_save_full(const struct rig *rig, const char *dir, struct vac_err *err)
{
    struct array *a = trained_arrays(rig, err);
    int rc =
        a ? save_arrays(rig, dir, arrays_trained(rig), a, model_params(rig->m)->count, err) : -1;

    free(a);
    return rc;
}

int arrays_load_trained(const struct rig *rig, const char *dir, struct vac_err *err)
{
    struct array *a = trained_arrays(rig, err);
    int rc =
        a ? load_arrays(rig, dir, arrays_trained(rig), a, model_params(rig->m)->count, err) : -1;

    free(a);
    return rc;
}

/* --- what else the next step reads --- */

/* All of them are as large as what is trained. */
static size_t state_arrays(const struct stage *st, struct array out[3 + METHOD_ARRAYS])
{
    static const char *const of_method[METHOD_ARRAYS] = {"method.0", "method.1", "method.2",
                                                         "method.3"};
    const size_t *shape = &st->opt.n;
    size_t n = 0;

    out[n++] = (struct array){"adam.mean", 1, shape, st->opt.mean};
    out[n++] = (struct array){"adam.var", 1, shape, st->opt.var};
    for (size_t i = 0; i < st->spec->method->state; i++)
        out[n++] = (struct array){of_method[i], 1, shape, st->step.state[i]};
    if (st->reference)
        out[n++] = (struct array){"drift.reference", 1, shape, {st->reference, 0}};
    return n;
}

int arrays_save_state(const struct rig *rig, const struct stage *st, const char *dir,
                      struct vac_err *err)
{
    struct array a[3 + METHOD_ARRAYS];

    return save_arrays(rig, dir, ARRAYS_STATE, a, state_arrays(st, a), err);
}

int arrays_load_state(const struct rig *rig, struct stage *st, struct steer *steer, bool moved,
                      const char *dir, struct vac_err *err)
{
    struct array a[3 + METHOD_ARRAYS];
    const struct params *p = model_params(rig->m);

    if (moved && !(st->reference = compute_alloc(rig->c, p->n, err)))
        return -1;
    if (load_arrays(rig, dir, ARRAYS_STATE, a, state_arrays(st, a), err))
        return -1;
    if (!moved)
        return 0;
    /* the activations that drift is measured from are made by these weights once more */
    op_copy(rig->c, p->w, (struct ref){st->reference, 0}, p->n);
    return stage_reference(st, rig, steer, err);
}
