/* control.c - see control.h */
#include "run/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"

#define FRESH 4u
#define CONTROL_ROOM (CONTROL_COMMANDS + CONTROL_SPARE)

int control_init(struct control *c, struct vac_err *err)
{
    pthread_condattr_t attr;

    memset(c, 0, sizeof *c);
    c->bell = c->wake[0] = c->wake[1] = c->told_wake[0] = c->told_wake[1] = -1;
    c->points = mem_new(CONTROL_POINTS, sizeof *c->points, err);
    c->layers = mem_new(CONTROL_LAYERS, sizeof *c->layers, err);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->more, &attr);
    pthread_condattr_destroy(&attr);
    atomic_init(&c->middle, 1);
    c->writing = 0;
    c->reading = 2;
    if (!c->points || !c->layers ||
        (pipe2(c->wake, O_CLOEXEC | O_NONBLOCK) && err_errno(err, "pipe"))) {
        control_done(c);
        return -1;
    }
    return 0;
}

void control_done(struct control *c)
{
    struct vac_event e;

    while (control_event_pop(c, &e) || control_shared_event(c, &e))
        vac_event_done(&e);
    free(c->shown);
    c->shown = NULL;
    for (; c->count; c->count--, c->first = (c->first + 1) % CONTROL_ROOM)
        free(c->queue[c->first].text);
    free(c->points);
    free(c->layers);
    c->points = NULL;
    c->layers = NULL;
    for (int i = 0; i < 2; i++) {
        if (c->wake[i] >= 0)
            close(c->wake[i]);
        if (c->told_wake[i] >= 0)
            close(c->told_wake[i]);
        c->wake[i] = c->told_wake[i] = -1;
    }
    pthread_cond_destroy(&c->more);
    pthread_mutex_destroy(&c->lock);
}

static void wake_reader(int fd)
{
    char one = 1;
    ssize_t n;

    do
        n = write(fd, &one, 1);
    while (n < 0 && errno == EINTR);
    /* a full pipe is as good as a byte in it */
}

/* --- commands --- */

int control_push(struct control *c, const struct vac_command *cmd, uint64_t *id,
                 struct vac_err *err)
{
    struct control_command q = {.op = cmd->op, .n = cmd->n};
    bool quits = cmd->op == VAC_OP_QUIT || cmd->op == VAC_OP_DISCARD, full;

    snprintf(q.key, sizeof q.key, "%s", cmd->key);
    snprintf(q.who, sizeof q.who, "%s", cmd->who ? cmd->who : "");
    q.text = cmd->text ? mem_strdup(cmd->text, err) : NULL;
    if (cmd->text && !q.text)
        return -1;
    pthread_mutex_lock(&c->lock);
    full = c->count >= (quits ? CONTROL_ROOM : CONTROL_COMMANDS);
    if (!full) {
        q.id = ++c->last_id;
        if (id)
            *id = q.id;
        c->queue[(c->first + c->count++) % CONTROL_ROOM] = q;
        if (quits || cmd->op == VAC_OP_PROBE_STOP)
            atomic_store(&c->stop_id, q.id);
        if (quits)
            atomic_store(&c->waiting, true);
        pthread_cond_signal(&c->more);
        if (c->bell >= 0 && eventfd_write(c->bell, 1))
            full = false; /* it has been rung so often that it stands at its end */
    }
    pthread_mutex_unlock(&c->lock);
    if (full) {
        free(q.text);
        return err_set(err, VAC_ERR_BUSY, "%d commands are waiting already", CONTROL_COMMANDS);
    }
    return 0;
}

bool control_pop(struct control *c, struct control_command *out, double seconds)
{
    struct timespec until;
    bool got;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)seconds;
    until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&c->lock);
    while (c->count == 0 && seconds > 0) {
        if (pthread_cond_timedwait(&c->more, &c->lock, &until) == ETIMEDOUT)
            break;
    }
    got = c->count > 0;
    if (got) {
        *out = c->queue[c->first];
        c->first = (c->first + 1) % CONTROL_ROOM;
        c->count--;
    }
    pthread_mutex_unlock(&c->lock);
    return got;
}

bool control_next(struct control *c, enum vac_op *op)
{
    bool any;

    pthread_mutex_lock(&c->lock);
    any = c->count > 0;
    if (any)
        *op = c->queue[c->first].op;
    pthread_mutex_unlock(&c->lock);
    return any;
}

bool control_stopped(struct control *c, uint64_t id)
{
    return atomic_load(&c->stop_id) > id;
}

/* --- snapshot --- */

const struct vac_snapshot *control_snapshot(struct control *c)
{
    if (atomic_load(&c->middle) & FRESH)
        c->reading = atomic_exchange(&c->middle, c->reading) & ~FRESH;
    return &c->snap[c->reading];
}

struct vac_snapshot *control_writing(struct control *c)
{
    return &c->snap[c->writing];
}

void control_publish(struct control *c)
{
    const struct vac_snapshot *done = &c->snap[c->writing];

    c->writing = atomic_exchange(&c->middle, c->writing | FRESH) & ~FRESH;
    c->snap[c->writing] = *done;
    pthread_mutex_lock(&c->lock);
    if (c->shown) {
        *c->shown = *done;
        wake_reader(c->told_wake[1]);
    }
    pthread_mutex_unlock(&c->lock);
    wake_reader(c->wake[1]);
}

/* --- history --- */

void control_point(struct control *c, const struct vac_point *p)
{
    pthread_mutex_lock(&c->lock);
    c->points[c->n_points++ % CONTROL_POINTS] = *p;
    pthread_mutex_unlock(&c->lock);
}

void control_layer(struct control *c, const struct vac_layers *l)
{
    pthread_mutex_lock(&c->lock);
    c->layers[c->n_layers++ % CONTROL_LAYERS] = *l;
    pthread_mutex_unlock(&c->lock);
}

void control_rewound(struct control *c, int64_t points, int64_t layers)
{
    pthread_mutex_lock(&c->lock);
    c->n_points = c->n_layers = 0;
    c->taken_points = c->taken_layers = 0;
    c->kept_points = points;
    c->kept_layers = layers;
    c->rewinds++;
    pthread_mutex_unlock(&c->lock);
}

/* Moves *next up to what the ring of `size` still holds; returns how many are there to take. */
static size_t ring_window(uint64_t pushed, size_t size, uint64_t *next, size_t max, uint64_t *lost)
{
    uint64_t oldest = pushed > size ? pushed - size : 0;

    *lost = *next < oldest ? oldest - *next : 0;
    *next += *lost;
    if (*next > pushed)
        return 0; /* the reader has not heard yet that the run went back */
    return pushed - *next < max ? (size_t)(pushed - *next) : max;
}

size_t control_points(struct control *c, uint64_t *next, struct vac_point *out, size_t max,
                      uint64_t *lost)
{
    size_t n;

    pthread_mutex_lock(&c->lock);
    n = ring_window(c->n_points, CONTROL_POINTS, next, max, lost);
    for (size_t i = 0; i < n; i++)
        out[i] = c->points[(*next)++ % CONTROL_POINTS];
    c->taken_points = *next;
    pthread_mutex_unlock(&c->lock);
    return n;
}

size_t control_layers(struct control *c, uint64_t *next, struct vac_layers *out, size_t max,
                      uint64_t *lost)
{
    size_t n;

    pthread_mutex_lock(&c->lock);
    n = ring_window(c->n_layers, CONTROL_LAYERS, next, max, lost);
    for (size_t i = 0; i < n; i++)
        out[i] = c->layers[(*next)++ % CONTROL_LAYERS];
    c->taken_layers = *next;
    pthread_mutex_unlock(&c->lock);
    return n;
}

void control_ring(struct control *c, int fd)
{
    pthread_mutex_lock(&c->lock);
    c->bell = fd;
    pthread_mutex_unlock(&c->lock);
}

bool control_room(struct control *c, bool layers)
{
    bool room;

    pthread_mutex_lock(&c->lock);
    room = layers ? c->n_layers - c->taken_layers < CONTROL_LAYERS
                  : c->n_points - c->taken_points < CONTROL_POINTS;
    pthread_mutex_unlock(&c->lock);
    return room;
}

/* --- events --- */

static double wall_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The longest whole characters of `from` that fit into size - 1 bytes. */
static void cut_copy(char *to, size_t size, const char *from)
{
    size_t n = strlen(from), used = 0, k;
    uint32_t cp;

    while (used < n) {
        k = utf8_get(from + used, n - used, &cp);
        if (k == 0)
            k = 1;
        if (used + k >= size)
            break;
        used += k;
    }
    memcpy(to, from, used);
    to[used] = 0;
}

/* Under the lock; `e` is taken, or given back. */
static void append(struct control_events *to, struct control_event *e)
{
    bool text = e->e.kind == VAC_EVENT_PROBE_TEXT;

    if (text && to->texts >= CONTROL_TEXTS) {
        vac_event_done(&e->e);
        free(e);
        return;
    }
    to->texts += text;
    if (to->tail)
        to->tail->next = e;
    else
        to->head = e;
    to->tail = e;
}

void control_event(struct control *c, enum vac_event_kind kind, uint64_t id, int64_t step,
                   const char *text, struct vac_event *told)
{
    struct control_event *e = calloc(1, sizeof *e), *copy;

    if (!e)
        return;
    if (told) {
        e->e = *told;
        told->memory = NULL;
    }
    e->e.kind = kind;
    e->e.id = id;
    e->e.step = step;
    e->e.time = told && told->time > 0 ? told->time : wall_time();
    cut_copy(e->e.text, sizeof e->e.text, text ? text : "");
    pthread_mutex_lock(&c->lock);
    if (c->shown && (copy = malloc(sizeof *copy))) {
        *copy = *e;
        vac_event_keep(&copy->e);
        append(&c->told, copy);
        wake_reader(c->told_wake[1]);
    }
    append(&c->events, e);
    pthread_mutex_unlock(&c->lock);
    wake_reader(c->wake[1]);
}

void control_refuse(struct control *c, const struct control_command *by, int64_t step,
                    const char *why)
{
    const char *word = vac_ops[by->op].word;
    char text[sizeof((struct vac_event *)0)->text + VAC_NAME];
    bool named = !strncmp(why, word, strlen(word));

    snprintf(text, sizeof text, "%s%s%.255s", named ? "" : word, named ? "" : ": ", why);
    control_event(c, VAC_EVENT_REJECTED, by->id, step, text, NULL);
}

static bool pop(struct control *c, struct control_events *from, struct vac_event *out)
{
    struct control_event *e;

    pthread_mutex_lock(&c->lock);
    e = from->head;
    if (e) {
        from->head = e->next;
        if (!from->head)
            from->tail = NULL;
        from->texts -= e->e.kind == VAC_EVENT_PROBE_TEXT;
        *out = e->e;
    }
    pthread_mutex_unlock(&c->lock);
    free(e);
    return e != NULL;
}

bool control_event_pop(struct control *c, struct vac_event *out)
{
    return pop(c, &c->events, out);
}

/* --- a second reader --- */

int control_share(struct control *c, struct vac_err *err)
{
    struct vac_snapshot *s = mem_new(1, sizeof *s, err);

    if (!s || pipe2(c->told_wake, O_CLOEXEC | O_NONBLOCK)) {
        free(s);
        return err_errno(err, "pipe");
    }
    *s = *control_snapshot(c);
    pthread_mutex_lock(&c->lock);
    c->shown = s;
    pthread_mutex_unlock(&c->lock);
    return 0;
}

void control_shared_snapshot(struct control *c, struct vac_snapshot *out)
{
    pthread_mutex_lock(&c->lock);
    *out = *c->shown;
    pthread_mutex_unlock(&c->lock);
}

bool control_shared_event(struct control *c, struct vac_event *out)
{
    return pop(c, &c->told, out);
}
