/* commands.c - commands applied between two optimizer steps: one function each, in a table. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/trainer.h"
#include "spec/spec_tables.h"

/* How long a paused trainer sleeps before it looks whether a checkpoint's age should be shown anew.
 */
#define PAUSE_TICK 1.0

/* --- live options, as the driver sees them --- */

static void mirror_one(struct vac_option *o, const struct live_option *live)
{
    struct strbuf s = {0};

    snprintf(o->name, sizeof o->name, "%s", live->row->name);
    snprintf(o->help, sizeof o->help, "%s", live->row->help);
    snprintf(o->unit, sizeof o->unit, "%s", live->row->unit ? live->row->unit : "");
    option_wants(live->row, &s);
    snprintf(o->wants, sizeof o->wants, "%s", s.s ? s.s : "");
    sb_clear(&s);
    option_text(live->row, live->base, &s);
    snprintf(o->value, sizeof o->value, "%s", s.s ? s.s : "");
    sb_done(&s);
    o->live = live->row->live;
    o->number = live->row->type == OPTION_NUM || live->row->type == OPTION_INT;
    o->min = live->row->min;
    o->max = live->row->max;
}

void options_mirror(struct trainer *t)
{
    struct live_option live;
    size_t n = 0;

    pthread_mutex_lock(&t->option_lock);
    memset(t->option, 0, sizeof t->option);
    for (; n < TRAINER_MAX_OPTIONS && spec_live(t->st.spec, n, &live); n++) {
        mirror_one(&t->option[n], &live);
        t->option_row[n] = live.row;
    }
    t->n_options = n;
    pthread_mutex_unlock(&t->option_lock);
}

/* After a change, or when it was refused: nothing is pending any more. */
static void mirror_update(struct trainer *t, size_t i, const struct live_option *live, bool applied)
{
    if (i >= TRAINER_MAX_OPTIONS)
        return;
    pthread_mutex_lock(&t->option_lock);
    mirror_one(&t->option[i], live);
    t->option[i].pending[0] = 0;
    if (applied)
        t->option[i].applied_step = (int64_t)t->step + 1;
    pthread_mutex_unlock(&t->option_lock);
}

/* --- what ends the run --- */

/* The loop looks there after the commands, for a replay's failures too. A run that is about to end
 * anyway ends as it was told to. */
static void end_run(struct trainer *t, const struct vac_err *why)
{
    if (!t->quit && !t->broken.code)
        t->broken = *why;
}

static bool ends(const struct trainer *t)
{
    return t->quit || t->broken.code;
}

/* The line of what has taken effect: when it cannot be written the run fails, not the command. */
static void tell(struct trainer *t, const struct journal_entry *e)
{
    struct vac_err err = {0};

    if (journal(t, e, &err))
        end_run(t, &err);
}

/* --- the commands --- */

static int do_pause(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    (void)err;
    t->paused = true;
    t->steps_left = 0;
    snprintf(t->pause_reason, sizeof t->pause_reason, "on request (%s)", c->who);
    return 0;
}

static int do_resume(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    (void)c;
    (void)err;
    t->paused = false;
    t->steps_left = 0;
    return 0;
}

static int do_step(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    if (c->n < 1)
        return err_set(err, VAC_ERR_USAGE, "expected at least 1 step, found %lld", (long long)c->n);
    t->paused = false;
    t->steps_left = c->n;
    return 0;
}

static bool find_live(struct trainer *t, const char *key, size_t *i, struct live_option *out)
{
    for (*i = 0; spec_live(t->st.spec, *i, out); ++*i) {
        if (!strcmp(out->row->name, key))
            return true;
    }
    return false;
}

/* Sets it and lets the method check it; puts the old value back when it does not fit. */
static int set_checked(struct trainer *t, const struct live_option *o, const char *text,
                       const char *old, struct vac_err *err)
{
    struct vac_err lost = {0};

    if (option_set(o->row, text, o->base, o->row->name, err))
        return -1;
    if (step_options(&t->st.step, t->st.spec->method, t->st.spec->options, err) == 0)
        return 0;
    if (option_set(o->row, old, o->base, o->row->name, &lost) ||
        step_options(&t->st.step, t->st.spec->method, t->st.spec->options, &lost)) {
        err_prefix(&lost, "%s cannot be set back", o->row->name);
        end_run(t, &lost);
    }
    return -1;
}

static int do_set(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    struct live_option o;
    struct strbuf old = {0}, new = {0};
    size_t i;
    int rc;

    if (!find_live(t, c->key, &i, &o))
        return err_set(err, VAC_ERR_USAGE, "%s: stage %s has no such option", c->key,
                       t->st.spec->name);
    option_text(o.row, o.base, &old);
    rc = sb_ok(&old, err) ? -1
         : o.row->live
             ? set_checked(t, &o, c->text ? c->text : "", old.s ? old.s : "", err)
             : err_set(err, VAC_ERR_USAGE, "%s cannot change while the run is going", c->key);
    option_text(o.row, o.base, &new);
    mirror_update(t, i, &o, rc == 0);
    if (rc == 0) {
        struct journal_entry e = {.applied = true,
                                  .applied_step = (int64_t)t->step + 1,
                                  .who = c->who,
                                  .verb = JOURNAL_SET,
                                  .key = c->key,
                                  .old = old.s ? old.s : "",
                                  .value = new.s ? new.s : "",
                                  .status = "applied"};
        tell(t, &e);
    }
    sb_done(&old);
    sb_done(&new);
    return rc;
}

/* One of the --set options of a run that goes on: "rho", "stages[1].rho" or "stages.attack.rho".
 * The last part names the option, the rest the stage, which must be the one at work. */
struct late {
    struct live_option o;
    char key[sizeof((struct control_command *)0)->key];
    const char *text; /* the value */
};

static bool path_is_stage(const struct trainer *t, size_t stage, const char *path, size_t length)
{
    char name[VAC_NAME + 16], number[40];

    snprintf(name, sizeof name, "stages.%s.", t->spec.stage[stage].name);
    snprintf(number, sizeof number, "stages[%zu].", stage);
    return length == 0 || (length == strlen(name) && !strncmp(path, name, length)) ||
           (length == strlen(number) && !strncmp(path, number, length));
}

static int late_read(const struct trainer *t, size_t stage, const char *path, struct late *x,
                     struct vac_err *err)
{
    const char *eq = strchr(path, '='), *key = path;

    *x = (struct late){.text = eq ? eq + 1 : NULL};
    if (!eq)
        return err_set(err, VAC_ERR_USAGE, "--set %s: expected PATH=VALUE", path);
    for (const char *p = path; p < eq; p++)
        key = *p == '.' ? p + 1 : key;
    snprintf(x->key, sizeof x->key, "%.*s", (int)(eq - key), key);
    if (path_is_stage(t, stage, path, (size_t)(key - path))) {
        for (size_t i = 0; spec_live(&t->spec.stage[stage], i, &x->o); i++) {
            if (!strcmp(x->o.row->name, x->key) && x->o.row->live)
                return 0;
        }
    }
    return err_set(
        err, VAC_ERR_USAGE,
        "--set %.100s: the run goes on in stages[%zu] (%s) as it was described: only live "
        "options of that stage can be set now; for the rest begin another run: vaccine "
        "run %s/run.json --set ... -o DIR",
        path, stage, t->spec.stage[stage].name, t->folder.dir);
}

int commands_check_all(const struct trainer *t, size_t stage, struct vac_err *err)
{
    struct late x;

    for (size_t i = 0; i < t->how.n_set; i++) {
        if (late_read(t, stage, t->how.set[i], &x, err))
            return -1;
        if (option_check(x.o.row, x.text, x.o.row->name, err))
            return err_prefix(err, "--set %.100s", t->how.set[i]);
    }
    return 0;
}

/* Sets it and puts the old value back. */
static int late_try(struct trainer *t, const struct late *x, struct vac_err *err)
{
    struct strbuf old = {0};
    int rc;

    option_text(x->o.row, x->o.base, &old);
    rc = sb_ok(&old, err) ? -1 : set_checked(t, &x->o, x->text, old.s ? old.s : "", err);
    if (rc == 0)
        rc = set_checked(t, &x->o, old.s ? old.s : "", old.s ? old.s : "", err);
    sb_done(&old);
    return rc;
}

static int late_set(struct trainer *t, const struct late *x, struct vac_err *err)
{
    struct control_command c = {.op = VAC_OP_SET, .who = "cli"};
    int rc;

    snprintf(c.key, sizeof c.key, "%s", x->key);
    c.text = mem_strdup(x->text, err);
    rc = c.text ? do_set(t, &c, err) : -1;
    free(c.text);
    return rc;
}

/* All or none: a value that the method refuses leaves no other one set. */
int commands_set_all(struct trainer *t, struct vac_err *err)
{
    struct late x;

    for (int set = 0; set < 2; set++) {
        for (size_t i = 0; i < t->how.n_set; i++) {
            if (late_read(t, t->st.index, t->how.set[i], &x, err) ||
                (set ? late_set(t, &x, err) : late_try(t, &x, err)))
                return -1;
        }
    }
    if (t->broken.code)
        return err_set(err, t->broken.code, "%s", t->broken.msg);
    return 0;
}

static int do_save(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    (void)c;
    return save_now(t, err);
}

static int do_suite(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    if (t->suite.rows.n == 0)
        return err_set(err, VAC_ERR_USAGE, "watch.probes is not set: there is no suite to ask");
    return watch_suite(t, c->id, err) < 0 ? -1 : 0;
}

static int do_evaluate(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    bool any = false;

    (void)c;
    for (size_t i = 0; i < t->spec.n_evaluate; i++) {
        if (!watch_applies(t, i))
            continue;
        any = true;
        if (watch_evaluate(t, i, err) < 0)
            return -1;
    }
    return any ? 0
               : err_set(err, VAC_ERR_USAGE, "no evaluate entry applies to stage %s",
                         t->st.spec->name);
}

/* The weights are kept, so that a checkpoint can have them: the reference outlives a kill. */
static int do_reference(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    const struct params *p = model_params(t->m);
    struct buf *kept;

    (void)c;
    if (!t->st.drift)
        return err_set(err, VAC_ERR_USAGE, "watch.drift is not set: there is no drift to measure");
    if (p->n > START_COPY_MAX)
        return err_set(err, VAC_ERR_UNSUPPORTED,
                       "too many parameters are trained to keep these as the reference");
    kept = t->st.reference ? t->st.reference : compute_alloc(t->c, p->n, err);
    if (!kept)
        return -1;
    if (drift_set_reference(t->st.drift, err)) { /* a full disk: nothing has moved */
        if (kept != t->st.reference)
            compute_release(t->c, kept);
        return -1;
    }
    op_copy(t->c, (struct ref){kept, 0}, p->w, p->n);
    t->st.reference = kept;
    t->st.drift_from = (int64_t)t->step;
    return 0;
}

static int do_nothing(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    (void)t;
    (void)c;
    (void)err;
    return 0;
}

static int do_quit(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    (void)err;
    t->quit = true;
    t->discard = c->op == VAC_OP_DISCARD;
    return 0;
}

int commands_repeat(struct trainer *t, enum vac_op op, const char *key, const char *text,
                    struct vac_err *err)
{
    struct control_command c = {.op = op, .who = "replay"};
    int rc;

    snprintf(c.key, sizeof c.key, "%s", key ? key : "");
    c.text = text ? mem_strdup(text, err) : NULL;
    rc = text && !c.text     ? -1
         : op == VAC_OP_SET  ? do_set(t, &c, err)
         : op == VAC_OP_QUIT ? do_quit(t, &c, err)
                             : do_reference(t, &c, err);
    free(c.text);
    return rc;
}

static const struct {
    enum journal_verb verb;
    int (*apply)(struct trainer *t, const struct control_command *c, struct vac_err *err);
    bool journalled; /* here; set and save write their own line */
    bool steers;     /* means nothing once the last step is done */
    bool writes;     /* ... to the run's files, or changes what a checkpoint holds */
} table[] = {
    [VAC_OP_PAUSE] = {.verb = JOURNAL_PAUSE, .apply = do_pause, .journalled = true, .steers = true},
    [VAC_OP_RESUME] = {.verb = JOURNAL_RESUME,
                       .apply = do_resume,
                       .journalled = true,
                       .steers = true},
    [VAC_OP_STEP] = {.verb = JOURNAL_STEP, .apply = do_step, .journalled = true, .steers = true},
    [VAC_OP_SET] = {.verb = JOURNAL_SET, .apply = do_set, .steers = true, .writes = true},
    [VAC_OP_SAVE] = {.verb = JOURNAL_CHECKPOINT, .apply = do_save, .steers = true, .writes = true},
    [VAC_OP_PROBE] = {.verb = JOURNAL_PROBE,
                      .apply = ask_probe,
                      .journalled = true,
                      .writes = true},
    [VAC_OP_PROBE_STOP] = {.apply = do_nothing},
    [VAC_OP_SUITE] = {.verb = JOURNAL_SUITE, .apply = do_suite, .journalled = true, .writes = true},
    [VAC_OP_EVALUATE] = {.verb = JOURNAL_EVALUATE,
                         .apply = do_evaluate,
                         .journalled = true,
                         .writes = true},
    [VAC_OP_REFERENCE] = {.verb = JOURNAL_REFERENCE,
                          .apply = do_reference,
                          .journalled = true,
                          .writes = true},
    [VAC_OP_SAMPLES] = {.apply = ask_samples},
    [VAC_OP_MAP] = {.apply = ask_map},
    [VAC_OP_QUIT] = {.verb = JOURNAL_QUIT, .apply = do_quit, .journalled = true},
    [VAC_OP_DISCARD] = {.verb = JOURNAL_DISCARD, .apply = do_quit, .journalled = true},
};

static void apply_one(struct trainer *t, struct control_command *c)
{
    struct vac_err err = {0};
    char n[24];
    int rc;

    t->answering = c->id;
    if (t->over && table[c->op].steers)
        rc = err_set(&err, VAC_ERR_USAGE, "%s: the run is done", journal_word(table[c->op].verb));
    else
        rc = (table[c->op].writes && trainer_settle(t, &err)) || table[c->op].apply(t, c, &err) ? -1
                                                                                                : 0;
    if (rc == 0 && table[c->op].journalled) {
        struct journal_entry e = {.applied = true,
                                  .applied_step = (int64_t)t->step,
                                  .who = c->who,
                                  .verb = table[c->op].verb,
                                  .key = *c->key ? c->key : NULL,
                                  .value = c->text,
                                  .status = "applied"};
        snprintf(n, sizeof n, "%lld", (long long)c->n);
        if (c->op == VAC_OP_STEP)
            e.value = n;
        tell(t, &e);
    }
    control_event(t->ctl, rc ? VAC_EVENT_REJECTED : VAC_EVENT_ACK, c->id, (int64_t)t->step, err.msg,
                  NULL);
    control_writing(t->ctl)->commands_applied = c->id;
    t->answering = 0;
    free(c->text);
}

void commands_apply(struct trainer *t)
{
    struct control_command c;

    script_apply(t);
    while (!ends(t) && control_pop(t->ctl, &c, 0))
        apply_one(t, &c);
    while (t->paused && !ends(t)) {
        trainer_hold(t);
        publish(t, VAC_PAUSED, t->pause_reason);
        if (control_pop(t->ctl, &c, PAUSE_TICK))
            apply_one(t, &c);
    }
    trainer_go(t);
}

void commands_linger(struct trainer *t)
{
    struct control_command c;

    t->over = true;
    while (!t->quit) {
        if (control_pop(t->ctl, &c, PAUSE_TICK))
            apply_one(t, &c);
        publish(t, VAC_DONE, t->broken.msg);
    }
}
