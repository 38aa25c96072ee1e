/* vigil.h - somebody who is awake while a step is made, for guards about steps that do not come.
 *
 * A trainer's parts are its own thread's but for the time from vigil_step to vigil_back, in which that thread
 * touches no more than stage and model: then what hangs is told. There is no second thread before there is such
 * a guard. */
#ifndef RUN_VIGIL_H
#define RUN_VIGIL_H

#include <pthread.h>
#include <stdbool.h>

struct trainer;
struct vigil {
    struct trainer *t;
    pthread_t thread;
    pthread_mutex_t mine; /* the parts: held by the trainer's thread, but while it makes a step */
    pthread_cond_t leave;
    bool awake, over;
};
void vigil_init(struct vigil *v, struct trainer *t);
void vigil_done(struct vigil *v);
/* Around all that the trainer's thread does. */
void vigil_begin(struct vigil *v);
void vigil_end(struct vigil *v);
/* Around a step. */
void vigil_step(struct vigil *v);
void vigil_back(struct vigil *v);
#endif
