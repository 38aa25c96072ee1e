/* look.c - see look.h */
#include "door/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/columns.h"
#include "record/lines.h"
#include "record/state.h"
#include "run/arrays.h"
#include "run/begin.h"
#include "run/checkpoint.h"
#include "run/commands.h"
#include "run/trainer.h"

int look_find(struct trainer *t, const char *at, struct vac_err *err)
{
    const struct run_spec *spec = &t->rig.spec;
    const char **name = mem_new(spec->n_stages, sizeof *name, err);
    int rc = name ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < spec->n_stages; i++)
        name[i] = spec->stage[i].name;
    if (rc == 0)
        rc = state_saved_find(t->book.folder.dir, name, spec->n_stages, at, &t->saved, err);
    free(name);
    return rc;
}

/* Visitor of metrics.jsonl: a stage ends at its last line, which bounds may have made earlier than was planned. */
static int note_end(void *trainer, const struct jnode *line, struct vac_err *err)
{
    struct trainer *t = trainer;
    const char *name = json_text_at(line->v, "stage");
    int64_t made;

    for (size_t i = 0; name && i < t->rig.spec.n_stages; i++)
        if (!strcmp(name, t->rig.spec.stage[i].name)) {
            if (json_int(line, "stage_step", 0, RECORD_STEP_MAX, &made, err))
                return -1;
            stage_end(&t->st, &t->rig, &t->at, i, (uint64_t)made);
        }
    return 0;
}

/* 1 = there is no whole checkpoint of that step. */
static int load_checkpoint(struct trainer *t, long long step, bool must, struct vac_err *err)
{
    struct checkpoint_state s = {0};
    struct vac_err why = {0};
    char name[64], *dir;
    int rc;

    snprintf(name, sizeof name, "checkpoint-%lld", step);
    dir = folder_path(&t->book.folder, name, err);
    if (!dir)
        return -1;
    rc = state_read(dir, t->book.folder.dir, true, &s, &why);
    free(dir);
    if (rc == 0 && s.stage == t->st.index)
        rc = checkpoint_load(t, &s, name, err);
    else if (must)
        rc = err_set(err, why.code ? why.code : VAC_ERR_FORMAT, "%s",
                     *why.msg ? why.msg : "the checkpoint is of another stage");
    else
        rc = 1;
    cJSON_Delete(s.json);
    return rc;
}

/* A checkpoint of a stage's last step holds the same weights as its folder, and knows the reference
 * of the drift besides. */
static int load(struct trainer *t, const struct saved *m, struct vac_err *err)
{
    char name[VAC_NAME + 16], *dir;
    long long end = (long long)t->at.step + (long long)t->rig.stage_total[m->stage];
    int rc = load_checkpoint(t, m->step < 0 ? end : m->step, m->step >= 0, err);

    if (rc <= 0)
        return rc;
    snprintf(name, sizeof name, "stages/%s", t->st.spec->name);
    dir = folder_path(&t->book.folder, name, err);
    rc = dir ? arrays_load_trained(&t->rig, dir, err) : -1;
    free(dir);
    if (rc)
        return -1;
    stage_end(&t->st, &t->rig, &t->at, m->stage, t->rig.stage_total[m->stage]);
    t->st.done = t->st.end;
    t->at.step = (uint64_t)end;
    return 0;
}

static int open_weights(struct trainer *t, struct vac_err *err)
{
    const struct saved *m = &t->saved;

    if (inputs_check(&t->rig, &t->origin, err) ||
        (m->step < 0 && lines_visit(t->book.folder.dir, "metrics.jsonl", note_end, t, err)))
        return -1;
    t->rig.stack_dirty = m->stage > 0;
    for (size_t i = 0; i < m->stage; i++)
        t->at.step += t->rig.stage_total[i];
    return begin_stage(t, m->stage, err) || load(t, m, err) ? -1 : 0;
}

void look_run(struct trainer *t)
{
    struct vac_err err = {0};

    steer_show(&t->steer, VAC_LOADING, "the saved weights");
    if (open_weights(t, &err)) {
        t->end = err;
        t->exit_code = 1;
        steer_show(&t->steer, VAC_FAILED, err.msg);
    } else {
        steer_show(&t->steer, VAC_DONE, "");
        commands_linger(t);
    }
    stage_close(&t->st, &t->rig);
}
