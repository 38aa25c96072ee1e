/* script.c - what a run's journal changed, as commands to be given again at the same places.
 *
 * Only what changes numbers is taken: options that were set, and the drift reference. Pauses,
 * probes and measurements leave no trace in a run. A run that was killed went on from a checkpoint:
 * journal lines that this checkpoint does not know were lost together with their steps. */
#include "record/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/reader.h"
#include "record/lines.h"
#include "record/columns.h"
#include "record/state.h"

struct reading_journal {
    struct script *script;
    const struct run_spec *spec;
    size_t stage; /* at which the journal is */
};

static void scripted_done(struct scripted *e)
{
    free(e->key);
    free(e->text);
}

void script_done(struct script *s)
{
    for (size_t i = 0; i < s->n; i++)
        scripted_done(&s->v[i]);
    free(s->v);
    *s = (struct script){0};
}

static void forget_after(struct script *s, uint64_t seq)
{
    while (s->n && s->v[s->n - 1].seq > seq)
        scripted_done(&s->v[--s->n]);
}

static int add(struct script *s, const struct scripted *e, const char *key, const char *text,
               struct vac_err *err)
{
    struct scripted *to;

    if (mem_grow(&s->v, &s->cap, s->n + 1, sizeof *s->v, err))
        return -1;
    to = &s->v[s->n++];
    *to = *e;
    to->key = key ? mem_strdup(key, err) : NULL;
    to->text = text ? mem_strdup(text, err) : NULL;
    return (key && !to->key) || (text && !to->text) ? -1 : 0;
}

/* "stage" and "resume-run" name the stage that begins or goes on. */
static int enter_stage(struct reading_journal *r, const struct jnode *line, struct vac_err *err)
{
    const char *name;

    if (json_str(line, "key", &name, err))
        return -1;
    for (r->stage = 0; r->stage < r->spec->n_stages; r->stage++) {
        if (!strcmp(r->spec->stage[r->stage].name, name))
            return 0;
    }
    return json_error(line, err, "the run has no stage \"%s\"", name);
}

static int take_line(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct reading_journal *r = ctx;
    struct scripted s = {.stage = r->stage};
    struct journal_entry e;
    const char *key, *value;
    int64_t seq, step, from;

    journal_read(line, &e, NULL);
    if (json_int(line, "seq", 1, RECORD_STEP_MAX, &seq, err))
        return -1;
    if (!journal_happened(&e))
        return 0;
    s.seq = (uint64_t)seq;
    switch (e.verb) {
    case JOURNAL_STAGE:
        return enter_stage(r, line, err);
    case JOURNAL_RESUME_RUN:
    case JOURNAL_REWIND: /* both go on from a checkpoint */
        if (json_int(line, "from", 0, RECORD_STEP_MAX, &from, err))
            return -1;
        forget_after(r->script, (uint64_t)from);
        return enter_stage(r, line, err);
    case JOURNAL_FORKED: /* what was before is in the checkpoint that it begins with */
        forget_after(r->script, 0);
        return enter_stage(r, line, err);
    case JOURNAL_SET:
        if (json_str(line, "key", &key, err) || json_str(line, "new", &value, err) ||
            json_int(line, "applied_step", 1, RECORD_STEP_MAX, &step, err))
            return -1;
        s.op = VAC_OP_SET;
        s.step = (uint64_t)step - 1; /* it is in force in the step that follows */
        return add(r->script, &s, key, value, err);
    case JOURNAL_REFERENCE:
        if (json_int(line, "applied_step", 0, RECORD_STEP_MAX, &step, err))
            return -1;
        s.op = VAC_OP_REFERENCE;
        s.step = (uint64_t)step;
        return add(r->script, &s, NULL, NULL, err);
    case JOURNAL_UNTIL:
        s.ends = true;
        s.step = (uint64_t)e.step;
        return add(r->script, &s, NULL, NULL, err);
    default:
        return 0;
    }
}

static int read_checkpoint(const char *dir, int64_t step, struct checkpoint_state *state,
                           struct vac_err *err)
{
    char name[64], *path;
    int rc;

    snprintf(name, sizeof name, "checkpoint-%lld", (long long)step);
    path = path_join(dir, name, err);
    rc = !path              ? -1
         : dir_exists(path) ? state_read(path, NULL, false, state, err)
                            : state_none_at(dir, step, err);
    free(path);
    return rc;
}

static int end_at_checkpoint(struct script *s, const struct run_spec *spec, const char *dir,
                             int64_t to, struct vac_err *err)
{
    struct checkpoint_state state = {0};
    struct scripted quit = {.op = VAC_OP_QUIT};
    char name[64];
    int rc = to >= 0 ? read_checkpoint(dir, to, &state, err)
                     : state_find(dir, spec->n_stages, &state, name, sizeof name, NULL, NULL, err);

    if (rc == 1)
        return err_set(err, VAC_ERR_USAGE,
                       "%s: has neither an end nor a checkpoint yet: there is nothing to repeat",
                       dir);
    if (rc)
        return -1;
    forget_after(s, state.journal);
    quit.stage = (size_t)state.stage;
    quit.step = state.step;
    cJSON_Delete(state.json);
    return add(s, &quit, NULL, NULL, err);
}

/* What the checkpoint of that step knows already is not given again. */
static int begin_at_checkpoint(struct script *s, const char *dir, int64_t from, struct vac_err *err)
{
    struct checkpoint_state state = {0};

    if (read_checkpoint(dir, from, &state, err))
        return -1;
    while (s->next < s->n && s->v[s->next].seq <= state.journal)
        s->next++;
    cJSON_Delete(state.json);
    return 0;
}

int script_read(struct script *s, const struct run_spec *spec, const char *dir, int64_t from,
                int64_t to, struct vac_err *err)
{
    struct reading_journal r = {.script = s, .spec = spec};
    bool finished;

    if (lines_visit(dir, "journal.jsonl", take_line, &r, err) ||
        (from >= 0 && begin_at_checkpoint(s, dir, from, err)))
        return -1;
    if (folder_finished(dir, &finished, err))
        return -1;
    return finished && to < 0 ? 0 : end_at_checkpoint(s, spec, dir, to, err);
}
