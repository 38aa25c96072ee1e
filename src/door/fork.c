/* fork.c - the door's forks: what is set is checked by opening the run as it would go on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fork/attack.h"
#include "record/lines.h"
#include "run/begin.h"
#include "run/trainer.h"
#include "weights/weights.h"

/* The memory that the stage's method has from step to step is in the checkpoint. */
static int check_memory(const struct fork *f, const struct stage_spec *s, struct vac_err *err)
{
    char name[128], *path;
    struct weights *w;
    int rc = 0;

    if (!f->from.json || s->method->state == 0)
        return 0;
    snprintf(name, sizeof name, "checkpoint-%llu/vaccine_state.safetensors",
             (unsigned long long)f->step);
    path = path_join(f->dir, name, err);
    w = path ? weights_open(path, err) : NULL;
    snprintf(name, sizeof name, "method.%zu", s->method->state - 1);
    if (w && !weights_find(w, name))
        rc = err_set(err, VAC_ERR_USAGE,
                     "%s: method %s needs more from the steps before than the checkpoint holds",
                     f->dir, s->method_name);
    weights_close(w);
    free(path);
    return w ? rc : -1;
}

/* It goes on after so many steps, at a place in the order of the samples. */
static int check_place(const struct fork *f, const struct rig *rig, struct vac_err *err)
{
    const struct stage_spec *s = &rig->spec.stage[f->stage];
    const cJSON *places = cJSON_GetObjectItemCaseSensitive(f->from.json, "streams");
    size_t n = rig->counts[f->stage].samples;

    if (!f->from.json)
        return 0;
    if (f->from.stage_step > rig->stage_total[f->stage])
        return err_set(
            err, VAC_ERR_USAGE,
            "stages.%s.%s: the stage would end after step %llu, and at step %llu, where the "
            "fork begins, it has made %llu: set more, or fork before that",
            s->name, s->steps > 0 ? "steps" : "epochs",
            (unsigned long long)rig->stage_total[f->stage], (unsigned long long)f->step,
            (unsigned long long)f->from.stage_step);
    for (size_t k = 1; k < s->n_streams; k++)
        if (!cJSON_GetObjectItemCaseSensitive(places, s->stream[k].name))
            return err_set(
                err, VAC_ERR_USAGE,
                "stages.%s.method: %s goes through \"%s\" too, and the checkpoint of step "
                "%llu has no place in it: fork where a stage ends",
                s->name, s->method_name, s->stream[k].name, (unsigned long long)f->step);
    if (f->from.next <= n)
        return 0;
    return err_set(
        err, VAC_ERR_USAGE,
        "%s: step %llu lies behind %llu samples of an epoch, and the data that is set has "
        "%zu: fork where a stage ends, or set more",
        f->dir, (unsigned long long)f->step, (unsigned long long)f->from.next, n);
}

/* What is set goes into the description, and its data and steps are counted, as when a run begins. */
static int describe(struct fork *f, int64_t *steps, struct vac_err *err)
{
    static const char *const keys[] = {"spec", "files", "data", "warnings", "total_steps"};
    struct trainer *t = mem_new(1, sizeof *t, err);
    struct control *ctl = mem_new(1, sizeof *ctl, err);
    struct jnode root = json_root(f->doc, "run.json");
    struct vac_open how = {.file = f->dir};
    cJSON *doc = NULL;
    char *here;
    int rc = -1;

    if (!t || !ctl || control_init(ctl, err)) {
        free(t);
        free(ctl);
        return -1;
    }
    trainer_init(t, ctl);
    here = realpath(".", NULL); /* of files that are set: all others have whole paths */
    rc = here ? spec_from(&t->rig.spec, &root, here, err) : err_errno(err, "the current folder");
    free(here);
    if (rc && err->code == VAC_ERR_FORMAT)
        err->code = VAC_ERR_USAGE; /* the run's own was right */
    if (rc == 0 && trainer_open(t, &how, err) == 0 && check_place(f, &t->rig, err) == 0 &&
        check_memory(f, &t->rig.spec.stage[f->stage], err) == 0)
        doc = begin_describe(t, err);
    if (doc)
        *steps = (int64_t)t->rig.stage_total[t->rig.spec.n_stages - 1];
    rc = doc ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < sizeof keys / sizeof *keys; i++)
        rc = json_add(f->doc, keys[i],
                      json_copy(cJSON_GetObjectItemCaseSensitive(doc, keys[i]), err), err);
    cJSON_Delete(doc);
    cJSON_DeleteItemFromObjectCaseSensitive(f->doc, "plan"); /* of another run */
    trainer_close(t);
    control_done(ctl);
    free(ctl);
    free(t);
    return rc;
}

int vac_fork(struct vac_fork *v, struct vac_err *err)
{
    struct fork f;
    char *name = NULL;
    const cJSON *parent;
    int rc = fork_open(&f, v->run, v->at, v->set, v->n_set, err);

    if (rc == 0 && v->attack) {
        const char *stage = attack_stage(f.doc, v->run, *v->attack ? v->attack : NULL, err);
        char own[VAC_NAME]; /* the document is about to change */

        lines_name(own, sizeof own, stage ? stage : "");
        rc = stage ? attack_make(&f, own, v->name, err) : -1;
    }
    if (rc == 0) {
        name = v->out      ? mem_strdup(v->out, err)
               : v->attack ? attack_name(v->run, f.step, err)
                           : fork_name(v->run, f.step, err);
        rc = name ? 0 : -1;
    }
    if (rc == 0 && strlen(name) >= sizeof v->dir)
        rc = err_set(err, VAC_ERR_USAGE, "%s: is too long a name", name);
    if (rc == 0)
        rc = fork_free(name, err);
    parent = fork_parent(f.doc);
    if (rc == 0 &&
        (v->attack || cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(parent, "set")) > 0) &&
        (rc = describe(&f, &v->steps, err)))
        err_prefix(err, v->attack ? "as an attack" : "as a fork");
    if (rc == 0) {
        snprintf(v->dir, sizeof v->dir, "%s", name);
        snprintf(v->stage, sizeof v->stage, "%s", json_text_at(parent, "stage"));
        v->step = (int64_t)f.step;
        rc = v->dry ? 0 : fork_write(&f, name, v->who, err);
    }
    free(name);
    fork_done(&f);
    return rc;
}
