/* session.c - the door's implementation: a trainer in a thread of its own behind vaccine.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack/besieged.h"
#include "attack/words.h"
#include "attach/remote.h"
#include "attach/server.h"
#include "base/trace.h"
#include "door/past.h"
#include "fork/fork.h"
#include "record/reader.h"
#include "record/moved.h"
#include "spec/spec_tables.h"
#include "run/begin.h"
#include "rig/inputs.h"
#include "run/options.h"
#include "run/steer.h"
#include "run/trainer.h"
#include "record/lines.h"
#include "door/look.h"
#include "report/export.h"

struct vac_session {
    struct trainer t;
    struct control ctl;
    pthread_t thread;
    bool control_made, running;
    uint64_t rewinds, exported; /* that the driver, and the exports, know of */
    bool attach;                /* to another program's */
    bool finished;              /* nothing is left to do, and nothing was opened */
    char *dir;                  /* NULL before the start of a run that has no folder yet */
    char *inside;               /* the run folder that was read, which is entered */
    char *at;                   /* the weights that are looked at; NULL = the last */
    struct moved moved;         /* where what it began with is now */
    struct past past;
    struct exports *exports; /* the trainer thread's */
    struct server *server;   /* NULL = it is not served */
    struct remote *remote;   /* of a run of another program; else NULL */
    char *as;
};

/* --- opening --- */

/* run.json of a folder: its description, and the threads it was begun with. */
static int spec_of_folder(struct vac_session *s, const char *dir, struct vac_open *o,
                          struct vac_err *err)
{
    struct run_spec *spec = &s->t.rig.spec;
    char *path = path_join(dir, "run.json", err);
    cJSON *doc;
    struct jnode root;
    int64_t threads = 0;
    bool finished = false;
    int rc = -1;

    if (path && folder_finished(dir, &finished, err)) {
        free(path);
        return -1;
    }
    s->moved = (struct moved){.set = o->set, .n_set = o->n_set, .strict = !finished};
    doc = path ? moved_read(dir, &s->moved, err) : NULL;
    root = json_root(doc, path);

    if (doc && !cJSON_HasObjectItem(doc, "spec"))
        err_set(err, VAC_ERR_USAGE, "%s: is no run's folder; to begin a run, name the run file: %s",
                dir, path);
    else if (doc && !json_opt_int(&root, "threads", 1, 4096, &threads, err) &&
             !spec_from(spec, &root, dir, err)) {
        spec->threads = threads;
        o->set = s->moved.left; /* what is about something else */
        o->n_set = s->moved.n_left;
        s->t.origin.moved = s->moved.places;
        s->t.origin.began = doc;
        doc = NULL;
        rc = 0;
    }
    cJSON_Delete(doc);
    free(path);
    return rc;
}

static int same_text(const struct run_spec *now, const char *file, const char *const *set,
                     size_t n_set, bool *same, struct vac_err *err)
{
    struct run_spec other = {0};

    if (spec_read(&other, file, set, n_set, err))
        return -1;
    *same = cJSON_Compare(now->json, other.json, true);
    spec_done(&other);
    return 0;
}

/* A run goes on with the description that it began with. A run file that now says something else is
 * refused; options given beside it are those it began with, or else changes to be made now. */
static int same_description(struct vac_session *s, struct vac_open *o, struct vac_err *err)
{
    bool same = false;

    if (o->n_set)
        same_text(&s->t.rig.spec, o->file, o->set, o->n_set, &same,
                  NULL); /* changes need not be keys of the file */
    if (same) {
        o->n_set = 0;
        return 0;
    }
    if (same_text(&s->t.rig.spec, o->file, NULL, 0, &same, err))
        return -1;
    if (same)
        return 0;
    return err_set(
        err, VAC_ERR_USAGE,
        "%s: has changed since the run began: start a new run, or go on with the run folder alone",
        o->file);
}

static int open_new(struct vac_session *s, const struct vac_open *o, struct vac_err *err)
{
    if (spec_read(&s->t.rig.spec, o->file, o->set, o->n_set, err))
        return -1;
    if (!o->out)
        return 0; /* its name is that of the folder that can be made when it starts */
    s->dir = mem_strdup(o->out, err);
    return s->dir ? folder_is_free(s->dir, err) : -1;
}

static int enter(struct vac_session *s, const char *dir, struct vac_err *err)
{
    s->inside = mem_strdup(dir, err);
    if (s->inside && dir_enter(dir, err) == 0)
        return 0;
    free(s->inside);
    s->inside = NULL;
    return -1;
}

static int open_old(struct vac_session *s, struct vac_open *o, struct vac_err *err)
{
    const char *dir = dir_exists(o->file) ? o->file : o->out;
    int holds;

    if (!dir && !file_exists(o->file))
        return err_set(err, VAC_ERR_IO, "%s: there is no such run folder to go on with", o->file);
    if (!dir)
        return err_set(err, VAC_ERR_USAGE, "--resume needs the run's folder: name it with -o");
    holds = folder_holds_run(dir, err);
    if (holds == 0)
        return err_set(err, VAC_ERR_USAGE,
                       dir == o->file
                           ? "%s: holds no run (no run.json): name a run file, or a run's folder"
                           : "%s: holds no run (no run.json): start one without --resume",
                       dir);
    if (holds < 0)
        return -1;
    s->dir = mem_strdup(dir, err);
    if (!s->dir || enter(s, dir, err) || spec_of_folder(s, dir, o, err))
        return -1;
    return dir == o->file ? 0 : same_description(s, o, err);
}

static int open_replay(struct vac_session *s, struct vac_open *o, struct vac_err *err)
{
    if (folder_with_run(o->file, err))
        return -1;
    s->dir = mem_strdup(o->out ? o->out : "", err);
    if (!s->dir || enter(s, o->file, err) || spec_of_folder(s, o->file, o, err))
        return -1;
    if (o->n_set)
        return err_set(err, VAC_ERR_USAGE,
                       "set %.200s: a run is repeated as it was; only where its model and data are "
                       "now can be set",
                       o->set[0]);
    return script_read(&s->t.script, &s->t.rig.spec, o->file, o->stretch ? o->stretch[0] : -1,
                       o->stretch ? o->stretch[1] : -1, err);
}

/* The weights that it has saved are to be asked: nobody else is kept from it. */
static int open_look(struct vac_session *s, struct vac_open *o, struct vac_err *err)
{
    s->dir = folder_with_run(o->file, err) ? NULL : mem_strdup(o->file, err);
    s->at = o->at ? mem_strdup(o->at, err) : NULL;
    s->t.book.folder.dir = s->dir ? mem_strdup(s->dir, err) : NULL;
    s->t.book.shut = true;
    o->at = s->at;
    return s->t.book.folder.dir && !err->code && !enter(s, s->dir, err) &&
                   !spec_of_folder(s, s->dir, o, err) && !look_find(&s->t, s->at, err)
               ? 0
               : -1;
}

/* What the session is about; then, unless all is done already, everything that it needs. */
static int open_all(struct vac_session *s, struct vac_open *how, struct vac_err *err)
{
    int64_t attacks, steps;
    int rc;

    if (how->attach) {
        s->attach = true;
        s->dir = mem_strdup(how->file, err);
        s->as = how->as ? mem_strdup(how->as, err) : NULL;
        return s->dir && !err->code ? 0 : -1;
    }
    how->resume = !how->replay && !how->look && (how->resume || dir_exists(how->file));
    if (how->from_start && !how->resume)
        return err_set(err, VAC_ERR_USAGE, "--from-start goes with --resume: a new run begins so");
    rc = how->look     ? open_look(s, how, err)
         : how->replay ? open_replay(s, how, err)
         : how->resume ? open_old(s, how, err)
                       : open_new(s, how, err);
    if (rc == 0 && how->resume)
        rc = folder_finished(s->dir, &s->finished, err);
    if (s->finished && !how->interactive)
        return 0;
    if (rc || trainer_open(&s->t, how, err))
        return -1;
    /* after hours of alignment it would be late to find something wrong with it */
    return s->t.rig.spec.attack.every && !how->look && !how->replay
               ? besieged_plan(&s->t.rig.spec, 1, &attacks, &steps, err)
               : 0;
}

static int export_run(void *session, bool done, struct vac_err *err)
{
    struct vac_session *s = session;

    if (s->exported != s->t.at.rewinds) { /* their lines are to be cut */
        exports_close(s->exports);
        s->exports = NULL;
        s->exported = s->t.at.rewinds;
    }
    if (!s->exports && exports_open(&s->exports, s->dir, err))
        return -1;
    return exports_update(s->exports, done, err);
}

int vac_session_open(struct vac_session **out, const struct vac_open *o, struct vac_err *err)
{
    struct vac_session *s = mem_new(1, sizeof *s, err);
    struct vac_open how = *o;
    int rc;

    *out = NULL;
    if (!s)
        return -1;
    trainer_init(&s->t, &s->ctl);
    if (control_init(&s->ctl, err))
        goto fail;
    s->control_made = true;
    doing_watch(o->doing, o->doing_ctx);
    rc = open_all(s, &how, err);
    doing_watch(NULL, NULL);
    if (rc)
        goto fail;
    s->t.export = export_run;
    if (!how.look && !how.replay)
        s->t.attack = besieged_run;
    s->t.export_ctx = s;
    snprintf(control_writing(&s->ctl)->run, VAC_NAME, "%s", path_base(s->dir ? s->dir : o->file));
    steer_show(&s->t.steer, VAC_LOADING, "");
    *out = s;
    return 0;
fail:
    vac_session_close(s);
    return -1;
}

/* --- the thread --- */

static void *thread_main(void *arg)
{
    struct vac_session *s = arg;

    if (s->remote)
        remote_run(s->remote);
    else if (s->t.how.look)
        look_run(&s->t);
    else
        trainer_run(&s->t);
    return NULL;
}

/* The thread is born with all signals blocked: handlers run on the driver's thread. */
static int thread_start(struct vac_session *s, struct vac_err *err)
{
    sigset_t all, old;
    int rc;

    sigfillset(&all);
    sigdelset(&all, SIGBUS); /* of a thread's own doing: see base/map.h */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    rc = pthread_create(&s->thread, NULL, thread_main, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc)
        return err_set(err, VAC_ERR_MEMORY, "cannot start a thread: %s", strerror(rc));
    s->running = true;
    return 0;
}

/* The last measurement of each evaluate entry stands in the snapshot again: of a run that goes on,
 * as things stood at the checkpoint. */
static int show_old_evals(struct vac_session *s, struct vac_err *err)
{
    struct vac_snapshot *shown = control_writing(&s->ctl);
    struct vac_eval *eval;
    size_t n;

    if (vac_run_evals(s->dir, &eval, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct vac_eval *e = &eval[i];
        int k = 0;

        while (k < shown->n_evals && strcmp(shown->eval[k].name, e->name))
            k++;
        if (s->finished && k == shown->n_evals && k < VAC_MAX_EVALS)
            shown->n_evals++; /* nothing was opened that tells them */
        if (k == shown->n_evals || (s->t.origin.unsettled && e->step > (int64_t)s->t.at.step))
            continue;
        shown->eval[k] = *e;
    }
    free(eval);
    return 0;
}

/* What a run's files hold already comes first in the history, as far as the run goes on with it. */
static int read_old(struct vac_session *s, struct vac_err *err)
{
    const int64_t *size = s->t.origin.resume.size;
    bool all = s->finished;

    return past_read(&s->past, s->dir, all ? INT64_MAX : size[LINES_METRICS],
                     all ? INT64_MAX : size[LINES_LAYERS], err) ||
                   show_old_evals(s, err)
               ? -1
               : 0;
}

static int attach(struct vac_session *s, struct vac_err *err)
{
    char *path = realpath(s->dir, NULL);

    if (!path)
        return err_errno(err, "%s", s->dir);
    free(s->dir);
    s->dir = path;
    return remote_open(&s->remote, s->dir, s->as, &s->ctl, &s->t.steer, err) || thread_start(s, err)
               ? -1
               : 0;
}

/* The step whose checkpoint a repetition begins with; -1 = it has none. A fork is repeated from where it began. */
static int64_t repeated_from(const struct vac_session *s)
{
    const int64_t *stretch = s->t.how.stretch;

    return !s->t.how.replay             ? -1
           : stretch && stretch[0] >= 0 ? stretch[0]
                                        : fork_step(s->t.origin.began);
}

/* As another fork, which goes on from there. */
static int begin_as_fork(struct vac_session *s, struct vac_err *err)
{
    struct fork f;
    char at[32];
    int rc;

    snprintf(at, sizeof at, "%lld", (long long)repeated_from(s));
    rc = fork_open(&f, s->inside, at, s->moved.set, s->moved.n_set, err);
    if (rc == 0)
        rc = fork_write(&f, s->dir, "replay", err);
    fork_done(&f);
    s->t.how.resume = true;
    return rc;
}

static int start(struct vac_session *s, struct vac_err *err)
{
    char *path;

    if (s->attach)
        return attach(s, err);

    if (!s->dir) {
        s->dir = folder_make(s->t.how.file, err);
        if (!s->dir)
            return -1;
        snprintf(control_writing(&s->ctl)->run, VAC_NAME, "%s", path_base(s->dir));
        steer_show(&s->t.steer, VAC_LOADING, "");
    }
    if (repeated_from(s) >= 0 && begin_as_fork(s, err))
        return -1;
    if (!s->finished && !s->t.how.look && begin_folder(&s->t, s->dir, err))
        return -1;
    path = realpath(s->dir, NULL);
    if (!path)
        return err_errno(err, "%s", s->dir);
    free(s->dir);
    s->dir = path;
    if (s->finished) {
        if (read_old(s, err))
            return -1;
        steer_show(&s->t.steer, VAC_DONE, "finished before");
        return 0;
    }
    if (s->t.how.replay && !s->t.how.resume && inputs_check(&s->t.rig, &s->t.origin, err))
        return -1;
    if (s->t.how.resume) {
        if (begin_resume(&s->t, err) || read_old(s, err))
            return -1;
        steer_show(&s->t.steer, VAC_LOADING, ""); /* from where it goes on */
    }
    return thread_start(s, err);
}

int vac_session_start(struct vac_session *s, struct vac_err *err)
{
    int rc;

    doing_watch(s->t.how.doing, s->t.how.doing_ctx);
    rc = start(s, err);
    doing_watch(NULL, NULL);
    return rc;
}

int vac_session_serve(struct vac_session *s, struct vac_err *err)
{
    int control = s->t.rig.spec.control;

    if (s->server || !s->running || s->attach || s->t.how.look || control == SPEC_CONTROL_NONE)
        return 0;
    return server_open(&s->server, s, &s->ctl, &s->t.book.folder.lock, control == SPEC_CONTROL_READ,
                       err);
}

bool vac_session_served(const struct vac_session *s)
{
    return s->server != NULL;
}

bool vac_session_steered(const struct vac_session *s)
{
    return s->server && server_steered(s->server);
}

bool vac_session_attached(const struct vac_session *s)
{
    return s->attach;
}

void vac_session_close(struct vac_session *s)
{
    struct vac_command quit = {.op = VAC_OP_QUIT, .who = "core"};

    if (!s)
        return;
    if (s->running) {
        control_push(&s->ctl, &quit, NULL, NULL);
        pthread_join(s->thread, NULL);
    }
    server_close(s->server);
    remote_close(s->remote);
    trainer_close(&s->t);
    if (s->control_made)
        control_done(&s->ctl);
    exports_close(s->exports);
    past_done(&s->past);
    if (s->inside)
        dir_leave(s->inside);
    free(s->inside);
    moved_done(&s->moved);
    free(s->at);
    free(s->as);
    free(s->dir);
    free(s);
}

bool vac_mend_map(const void *address)
{
    return map_mend(address);
}

int vac_session_result(struct vac_session *s, struct vac_err *err)
{
    struct vac_command quit = {.op = VAC_OP_QUIT, .who = "core"};

    if (s->running) {
        control_push(&s->ctl, &quit, NULL, NULL); /* a finished run on a screen waits for it */
        pthread_join(s->thread, NULL);
        s->running = false;
    }
    if (err && s->t.exit_code)
        *err = s->t.end;
    return s->t.exit_code;
}

const char *vac_session_kernels(const struct vac_session *s)
{
    return s->t.origin.machine_told;
}

const char *vac_session_dir(const struct vac_session *s)
{
    return s->dir ? s->dir : "";
}

/* The run went back: its history is what its files kept, and what is new in the rings. */
static void notice_rewind(struct vac_session *s)
{
    int64_t points, layers;
    uint64_t rewinds;

    pthread_mutex_lock(&s->ctl.lock);
    rewinds = s->ctl.rewinds;
    points = s->ctl.kept_points;
    layers = s->ctl.kept_layers;
    pthread_mutex_unlock(&s->ctl.lock);
    if (rewinds == s->rewinds)
        return;
    s->rewinds = rewinds;
    past_done(&s->past);
    past_read(&s->past, s->dir, points, layers, NULL);
}

uint64_t vac_session_old_points(struct vac_session *s)
{
    notice_rewind(s);
    return s->past.first_point;
}

uint64_t vac_session_points(struct vac_session *s)
{
    uint64_t n;

    notice_rewind(s);
    pthread_mutex_lock(&s->ctl.lock);
    n = s->ctl.n_points;
    pthread_mutex_unlock(&s->ctl.lock);
    return s->past.first_point + n;
}

int64_t vac_session_log_every(const struct vac_session *s)
{
    return s->t.rig.spec.log_every > 0 ? s->t.rig.spec.log_every : 1;
}

/* --- commands --- */

/* Whether the stage has it, live or not. Tables only: the trainer may be changing the values. */
static bool stage_has_option(const struct steer *steer, const char *name)
{
    return option_find(spec_rows_stage, name) ||
           (steer->method_row && option_find(steer->method_row, name));
}

static int check_set(struct vac_session *s, const struct vac_command *c, struct vac_err *err)
{
    struct vac_option *o = NULL;
    const struct option_row *row = NULL;
    int rc = 0;

    if (s->finished)
        return err_set(err, VAC_ERR_USAGE, "%s cannot change: the run is finished", c->key);
    pthread_mutex_lock(&s->t.steer.option_lock);
    for (size_t i = 0; i < s->t.steer.n_options; i++) {
        if (!strcmp(s->t.steer.option[i].name, c->key)) {
            o = &s->t.steer.option[i];
            row = s->t.steer.option_row[i];
        }
    }
    if (o ? !o->live : stage_has_option(&s->t.steer, c->key))
        rc = options_fixed(c->key, err);
    else if (!o)
        rc = err_set(err, VAC_ERR_USAGE, "%s: this stage has no such option", c->key);
    else if (row) /* else who runs it knows */
        rc = option_check(row, c->text ? c->text : "", row->name, err);
    if (rc == 0)
        snprintf(o->pending, sizeof o->pending, "%s", c->text ? c->text : "");
    pthread_mutex_unlock(&s->t.steer.option_lock);
    return rc;
}

static int check_words(const char *words, struct vac_err *err)
{
    struct attack_words w;
    int rc = words_read(&w, words, err);

    words_done(&w);
    return rc;
}

int vac_command(struct vac_session *s, const struct vac_command *c, uint64_t *id,
                struct vac_err *err)
{
    if ((unsigned)c->op >= VAC_OP_COUNT)
        return err_set(err, VAC_ERR_USAGE, "no such command: %d", (int)c->op);
    if (c->op == VAC_OP_STEP && c->n < 1)
        return err_set(err, VAC_ERR_USAGE, "expected at least 1 step, found %lld", (long long)c->n);
    if (c->op != VAC_OP_SET && strchr(vac_ops[c->op].takes, 'T') && (!c->text || !*c->text))
        return err_set(err, VAC_ERR_USAGE, "a %s needs a text", vac_ops[c->op].word);
    if (c->op == VAC_OP_GUARD && !c->text && c->n < 1)
        return err_set(err, VAC_ERR_USAGE, "a guard needs a text, or a number from 1 on");
    if ((c->op == VAC_OP_SET && check_set(s, c, err)) ||
        (c->op == VAC_OP_ATTACK && c->text && check_words(c->text, err)))
        return -1;
    return control_push(&s->ctl, c, id, err);
}

bool vac_option_at(struct vac_session *s, size_t i, struct vac_option *out)
{
    bool there;

    pthread_mutex_lock(&s->t.steer.option_lock);
    there = i < s->t.steer.n_options;
    if (there)
        *out = s->t.steer.option[i];
    pthread_mutex_unlock(&s->t.steer.option_lock);
    return there;
}

/* --- reading --- */

const struct vac_snapshot *vac_snapshot(struct vac_session *s)
{
    return control_snapshot(&s->ctl);
}

bool vac_event_next(struct vac_session *s, struct vac_event *out)
{
    return control_event_pop(&s->ctl, out);
}

int vac_wakeup_fd(struct vac_session *s)
{
    return s->ctl.wake[0];
}

size_t vac_history(struct vac_session *s, uint64_t *next, struct vac_point *out, size_t max)
{
    notice_rewind(s);
    return past_points(&s->past, &s->ctl, s->dir, next, out, max);
}

size_t vac_layer_history(struct vac_session *s, uint64_t *next, struct vac_layers *out, size_t max)
{
    notice_rewind(s);
    return past_layers(&s->past, &s->ctl, s->dir, next, out, max);
}
