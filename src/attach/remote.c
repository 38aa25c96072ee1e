/* remote.c - see remote.h
 *
 * Points, layers and what the files tell come from the files alone, in their order; the socket says when to look.
 * Only what no file has comes over it: answers to commands, pieces of an answer, samples, maps, who has control. */
#include "attach/remote.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "attach/caller.h"
#include "base/io.h"
#include "record/columns.h"
#include "record/lines.h"

enum { ASKED = CONTROL_COMMANDS + CONTROL_SPARE };
#define LOOK_EVERY 0.5 /* seconds */

struct remote {
    struct caller caller;
    struct control *ctl;
    struct steer *steer;
    char *dir;
    int bell;                /* eventfd: a command is there */
    cJSON *status, *options; /* the newest */
    struct vac_follow *follow;
    double looked;  /* clock: when the files were */
    bool due, over; /* they are to be looked at; the run's program is gone, or we leave */
    bool leave;
    bool blind;            /* they do not hold what they should, which was told */
    uint64_t acked;        /* newest command that was answered */
    uint64_t probe[ASKED]; /* questions whose answer is not there: theirs comes by the socket */
    size_t n_probes;
    uint64_t journal; /* number of the newest line that was told */
    bool cut, back;   /* the files are no longer those that were read; the socket has said why, */
    int64_t back_step;
    char aside[sizeof((struct vac_event *)0)->text]; /* ... to where, and where the rest lies */
    int64_t again; /* the files are read once more: what was measured up to this step was told */
};

/* --- what is shown --- */

static void show(struct remote *m)
{
    struct vac_snapshot *w = control_writing(m->ctl);

    if (m->follow) {
        uint64_t applied = w->commands_applied;
        char run[VAC_NAME];

        memcpy(run, w->run, sizeof run);
        *w = *vac_follow_snapshot(m->follow);
        w->commands_applied = applied;
        if (!*w->run)
            memcpy(w->run, run, sizeof run);
    }
    if (m->status)
        message_read_status(m->status, w);
    control_publish(m->ctl);
}

/* As the run's program has them: without what was asked of it meanwhile. */
static void take_options(struct remote *m)
{
    const cJSON *one;

    pthread_mutex_lock(&m->steer->option_lock);
    m->steer->n_options = 0;
    cJSON_ArrayForEach(one, m->options)
    {
        if (m->steer->n_options == STEER_OPTIONS)
            break;
        m->steer->option_row[m->steer->n_options] = NULL;
        message_read_option(one, &m->steer->option[m->steer->n_options++]);
    }
    pthread_mutex_unlock(&m->steer->option_lock);
}

/* --- what comes over the socket --- */

static void answered(struct remote *m, uint64_t id, const cJSON *line)
{
    const char *why = json_text_at(line, "error");
    int64_t step = control_writing(m->ctl)->step; /* of a refusal, which has none */

    for (size_t i = 0; i < m->n_probes; i++)
        if (m->probe[i] == id)
            m->probe[i--] = m->probe[--m->n_probes];
    json_whole(cJSON_GetObjectItemCaseSensitive(line, "step"), &step);
    control_event(m->ctl, why ? VAC_EVENT_REJECTED : VAC_EVENT_ACK, id, step, why ? why : "", NULL);
    if (why)
        take_options(m);
    if (id > m->acked)
        m->acked = id;
    m->due = true;
}

static void take_event(struct remote *m, const cJSON *line)
{
    struct vac_event e;
    int64_t id = 0;

    m->due = true;
    if (message_read_event(line, &e, &id, NULL))
        return;
    if (e.kind == VAC_EVENT_REWIND) { /* is passed on when the files have been seen to be cut */
        m->back = true;
        m->back_step = e.step;
        memcpy(m->aside, e.text, sizeof m->aside);
    }
    if (id || e.kind == VAC_EVENT_CONTROL)
        control_event(m->ctl, e.kind, (uint64_t)id, e.step, e.text, &e);
    vac_event_done(&e);
}

static void take_line(struct remote *m, cJSON *line)
{
    cJSON *status = cJSON_DetachItemFromObjectCaseSensitive(line, "status");
    cJSON *options = cJSON_DetachItemFromObjectCaseSensitive(line, "options");
    int64_t id;

    if (status) {
        cJSON_Delete(m->status);
        m->status = status;
        /* what was answered before has been done in it */
        control_writing(m->ctl)->commands_applied = m->acked;
        show(m);
    }
    if (options) {
        cJSON_Delete(m->options);
        m->options = options;
        take_options(m);
    }
    if (cJSON_HasObjectItem(line, "event"))
        take_event(m, line);
    else if (json_whole(cJSON_GetObjectItemCaseSensitive(line, "id"), &id) && id > 0)
        answered(m, (uint64_t)id, line);
    m->due = true;
}

/* --- commands --- */

static void send_command(struct remote *m, const struct control_command *c)
{
    struct request r = {.kind = REQUEST_COMMAND,
                        .id = (int64_t)c->id,
                        .command = {.op = c->op, .n = c->n, .text = c->text}};
    const struct vac_snapshot *shown = control_writing(m->ctl);
    struct vac_err err = {0};

    if ((c->op == VAC_OP_QUIT || c->op == VAC_OP_DISCARD) && !strcmp(c->who, "core")) {
        m->leave = m->over = true;
        return;
    }
    memcpy(r.command.key, c->key, sizeof r.command.key);
    if (m->over)
        err_set(&err, VAC_ERR_STOPPED,
                shown->state == VAC_DONE ? "this run is over"
                                         : "the program that ran this run is gone");
    if (err.code || caller_ask(&m->caller, &r, &err)) {
        control_refuse(m->ctl, c, shown->step, err.msg);
        take_options(m);
        m->acked = c->id;
    } else if (c->op == VAC_OP_PROBE && m->n_probes < ASKED) {
        m->probe[m->n_probes++] = c->id;
    }
}

/* Passes on what is there, and waits so long for more. */
static void serve(struct remote *m, double seconds)
{
    struct pollfd fds[2] = {{.fd = m->bell, .events = POLLIN},
                            {.fd = m->over ? -1 : m->caller.line.fd, .events = POLLIN}};
    struct control_command c;
    struct vac_err err = {0};
    uint64_t rung;
    cJSON *line;

    if (wire_waits(&m->caller.line) && !m->over)
        fds[1].events |= POLLOUT;
    poll(fds, 2, m->leave ? 0 : (int)(1000 * seconds));
    if (fds[0].revents && read(m->bell, &rung, sizeof rung) < 0)
        rung = 0;
    while (control_pop(m->ctl, &c, 0)) {
        send_command(m, &c);
        free(c.text);
    }
    while (!m->over && (line = caller_next(&m->caller, 0, &err))) {
        take_line(m, line);
        cJSON_Delete(line);
    }
    m->over |= err.code != VAC_OK;
}

/* --- the files --- */

/* Who looks may be slower than the files are read: nothing is lost, and commands do not wait for it. */
static void wait_for_room(struct remote *m, bool layers)
{
    while (!m->leave && !control_room(m->ctl, layers))
        serve(m, 0.02);
}

static void give_point(void *ctx, const struct vac_point *p)
{
    struct remote *m = ctx;

    wait_for_room(m, false);
    control_point(m->ctl, p);
    if (p->step % 256 == 0) {
        serve(m, 0);
        show(m);
    }
}

static void give_layers(void *ctx, const struct vac_layers *l, int n_layers)
{
    struct remote *m = ctx;

    (void)n_layers;
    wait_for_room(m, true);
    control_layer(m->ctl, l);
    if (l->step % 256 == 0)
        serve(m, 0);
}

static void give_event(void *ctx, const struct vac_event *e)
{
    struct remote *m = ctx;
    struct vac_event copy = *e;
    bool journal =
        e->kind == VAC_EVENT_JOURNAL || e->kind == VAC_EVENT_NOTE || e->kind == VAC_EVENT_REJECTED;

    if (journal ? e->line <= m->journal : e->step <= m->again)
        return;
    if (journal)
        m->journal = e->line;
    vac_event_keep(&copy);
    control_event(m->ctl, journal && e->kind == VAC_EVENT_REJECTED ? VAC_EVENT_JOURNAL : e->kind, 0,
                  e->step, e->text, &copy);
    vac_event_done(&copy);
}

/* Whoever looks begins again, too: with the scores up to there. */
static void go_back(struct remote *m)
{
    m->again = m->back ? m->back_step : control_writing(m->ctl)->step;
    control_rewound(m->ctl, 0, 0);
    control_event(m->ctl, VAC_EVENT_REWIND, 0, m->again, m->back ? m->aside : "", NULL);
    m->cut = m->back = false;
}

static void look(struct remote *m)
{
    static const struct vac_follow_take take = {give_point, give_layers, give_event};
    struct vac_err err = {0};
    int rc;

    m->due = false;
    if (m->blind || (m->cut && !m->back && !m->over)) /* it comes soon */
        return;
    if (m->cut)
        go_back(m);
    if (!m->follow && vac_follow_open(&m->follow, m->dir, &err))
        return; /* its run.json is not there yet */
    rc = vac_follow_read(m->follow, &take, m, &err);
    if (rc < 0) {
        m->blind = true;
        control_event(m->ctl, VAC_EVENT_REJECTED, 0, control_writing(m->ctl)->step, err.msg, NULL);
    } else if (rc == VAC_FOLLOW_CUT) { /* it went back to a checkpoint: all is read again */
        vac_follow_close(m->follow);
        m->follow = NULL;
        m->cut = m->due = true;
    } else {
        m->again = -1;
        m->back = false;
        if (rc == VAC_FOLLOW_NEW)
            show(m);
    }
    m->looked = clock_now();
}

/* The last word have its files, where it has not said itself that it is over. */
static void part(struct remote *m)
{
    struct vac_snapshot *w = control_writing(m->ctl);
    enum vac_state last = w->state;

    look(m);
    if (m->cut)
        look(m);
    cJSON_Delete(m->status);
    m->status = NULL;
    show(m);
    w = control_writing(m->ctl);
    if (w->state == VAC_RUNNING || w->state == VAC_PAUSED) {
        w->state = last == VAC_DONE || last == VAC_FAILED ? last : VAC_STOPPED;
        if (last != VAC_DONE && last != VAC_FAILED)
            snprintf(w->reason, sizeof w->reason, "the connection to the run has ended");
        control_publish(m->ctl);
    }
    control_event(m->ctl, VAC_EVENT_STATE, 0, w->step, vac_state_names[w->state], NULL);
}

void remote_run(struct remote *m)
{
    m->due = true;
    while (!m->over) {
        /* the end of a question of ours comes by the socket, and only so */
        if (m->due && m->n_probes == 0 && clock_now() - m->looked >= LOOK_EVERY)
            look(m);
        serve(m, m->due ? fmin(fmax(m->looked + LOOK_EVERY - clock_now(), 0.02), LOOK_EVERY) : 10);
    }
    if (!m->leave)
        part(m);
    while (!m->leave)
        serve(m, 60);
}

/* --- its beginning and end --- */

int remote_open(struct remote **out, const char *dir, const char *as, struct control *ctl,
                struct steer *steer, struct vac_err *err)
{
    struct remote *m = mem_new(1, sizeof *m, err);
    struct vac_snapshot *w = control_writing(ctl);

    *out = NULL;
    if (!m)
        return -1;
    *m = (struct remote){.ctl = ctl, .steer = steer, .again = -1, .bell = -1, .caller.line.fd = -1};
    m->dir = mem_strdup(dir, err);
    m->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!m->dir || (m->bell < 0 && err_errno(err, "eventfd")) ||
        caller_open(&m->caller, dir, as, true, true, err)) {
        remote_close(m);
        return -1;
    }
    control_ring(ctl, m->bell);
    point_clear(&w->last);
    layers_clear(&w->layers);
    w->drift_step = w->watch_step = w->checkpoint_step = -1;
    for (int i = 0; i < VAC_MAX_LAYERS; i++)
        w->mask[i] = true;
    m->caller.last_id = 0; /* from here on ids are the session's */
    cJSON_DeleteItemFromObjectCaseSensitive(m->caller.hello, "id");
    take_line(m, m->caller.hello);
    *out = m;
    return 0;
}

void remote_close(struct remote *m)
{
    if (!m)
        return;
    control_ring(m->ctl, -1);
    caller_close(&m->caller);
    vac_follow_close(m->follow);
    cJSON_Delete(m->status);
    cJSON_Delete(m->options);
    if (m->bell >= 0)
        close(m->bell);
    free(m->dir);
    free(m);
}
