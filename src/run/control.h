/* control.h - what the trainer thread and the one that drives it share, and nothing else.
 *
 * Commands go in through a bounded queue; out come a snapshot (triple-buffered: the trainer never
 * waits, the reader always sees a whole one), two history rings and an event queue. The rings hold
 * the newest points only; a reader that was away refills the gap from the run's files. */
#ifndef RUN_CONTROL_H
#define RUN_CONTROL_H

#include <pthread.h>
#include <stdatomic.h>
#include <vaccine/vaccine.h>

#define CONTROL_COMMANDS 64
#define CONTROL_SPARE 2 /* places that only a quit may take: it must always find one */
#define CONTROL_POINTS 4096
#define CONTROL_LAYERS 512
#define CONTROL_TEXTS 1024 /* probe text pieces waiting; more are dropped */

/* A queued command; text is owned. */
struct control_command {
    uint64_t id;
    enum vac_op op;
    int64_t n;
    char key[VAC_NAME], who[VAC_NAME];
    char *text;
};
struct control_event {
    struct vac_event e;
    struct control_event *next;
};
struct control_events {
    struct control_event *head, *tail;
    size_t texts;
};
struct control {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct control_command queue[CONTROL_COMMANDS + CONTROL_SPARE];
    size_t first, count;
    uint64_t last_id;
    atomic_ullong stop_id; /* newest command that ends answers asked for before it */
    atomic_bool waiting;   /* a quit or discard is queued: measurements may end early */
    struct control_events events;
    struct vac_point *points; /* rings, under the lock */
    struct vac_layers *layers;
    uint64_t n_points, n_layers;      /* pushed since the run began, or last went back */
    uint64_t rewinds;                 /* how often it did, */
    int64_t kept_points, kept_layers; /* and what was left then of the two files, in bytes */
    struct vac_snapshot snap[3];
    atomic_uint middle; /* index of the snapshot between writer and reader; bit 2 = fresh */
    unsigned writing, reading;
    uint64_t taken_points, taken_layers; /* by the driver */
    int wake[2];                         /* pipe, both ends non-blocking */
    int bell;                            /* eventfd that a command rings; -1 = none */
    /* The same for a second reader, on a thread of its own (control_share); under the lock. */
    struct control_events told;
    struct vac_snapshot *shown; /* NULL = there is none */
    int told_wake[2];
};
int control_init(struct control *c, struct vac_err *err);
void control_done(struct control *c);

/* --- the driver's side --- */
int control_push(struct control *c, const struct vac_command *cmd, uint64_t *id,
                 struct vac_err *err);
const struct vac_snapshot *control_snapshot(struct control *c);
bool control_event_pop(struct control *c, struct vac_event *out);
/* Points numbered *next.. that the ring still holds. *lost = how many before them it does not. */
size_t control_points(struct control *c, uint64_t *next, struct vac_point *out, size_t max,
                      uint64_t *lost);
size_t control_layers(struct control *c, uint64_t *next, struct vac_layers *out, size_t max,
                      uint64_t *lost);

/* --- a second reader, who has what the driver has --- */
/* From now on, until control_done; on the driver's thread. */
int control_share(struct control *c, struct vac_err *err);
void control_shared_snapshot(struct control *c, struct vac_snapshot *out);
bool control_shared_event(struct control *c, struct vac_event *out);

/* --- the trainer's side --- */
/* The oldest command; waits up to `seconds` for one (0 = does not wait). The caller frees
 * cmd->text. */
bool control_pop(struct control *c, struct control_command *out, double seconds);
/* Whether a command waits, and which the oldest is; nobody but the trainer takes it away. */
bool control_next(struct control *c, enum vac_op *op);
/* Whether the answer that command `id` asked for is to end. */
bool control_stopped(struct control *c, uint64_t id);
/* Snapshot under construction; published whole by control_publish, which keeps its content for the
 * next. */
struct vac_snapshot *control_writing(struct control *c);
void control_publish(struct control *c);
/* A trainer that would have to wait for what is outside of this process: commands ring (-1 = no more), and whether
 * the driver has taken so much that another point, or layers, go into the ring. */
void control_ring(struct control *c, int eventfd);
bool control_room(struct control *c, bool layers);
void control_point(struct control *c, const struct vac_point *p);
void control_layer(struct control *c, const struct vac_layers *l);
/* The run went back: the rings begin again behind so many bytes of the two files. */
void control_rewound(struct control *c, int64_t points, int64_t layers);
/* A command is refused: the event names it, unless `why` begins with its name. */
void control_refuse(struct control *c, const struct control_command *by, int64_t step,
                    const char *why);
/* Queues an event that carries what `told` does, whose memory it takes over; NULL = nothing; of now where it has no time. Text is cut at a
 * character's boundary. */
void control_event(struct control *c, enum vac_event_kind kind, uint64_t id, int64_t step,
                   const char *text, struct vac_event *told);
#endif
