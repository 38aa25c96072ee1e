/* vigil.c - see vigil.h */
#include "run/vigil.h"

#include <time.h>

#include "run/alarm.h"
#include "run/trainer.h"

/* Seconds between two looks: guards are in whole ones. */
enum { LOOK_EVERY = 1 };

void vigil_init(struct vigil *v, struct trainer *t)
{
    pthread_condattr_t how;

    *v = (struct vigil){.t = t};
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_mutex_init(&v->mine, NULL);
    pthread_cond_init(&v->leave, &how);
    pthread_condattr_destroy(&how);
}

void vigil_done(struct vigil *v)
{
    pthread_mutex_destroy(&v->mine);
    pthread_cond_destroy(&v->leave);
}

/* Between two steps it waits for its turn, and a pause costs nothing. */
static void *watch(void *arg)
{
    struct vigil *v = arg;
    struct timespec next;

    pthread_mutex_lock(&v->mine);
    while (!v->over) {
        alarm_hangs(v->t);
        clock_gettime(CLOCK_MONOTONIC, &next);
        next.tv_sec += LOOK_EVERY;
        pthread_cond_timedwait(&v->leave, &v->mine, &next);
    }
    pthread_mutex_unlock(&v->mine);
    return NULL;
}

void vigil_begin(struct vigil *v)
{
    pthread_mutex_lock(&v->mine);
}

void vigil_end(struct vigil *v)
{
    v->over = true;
    pthread_cond_signal(&v->leave);
    pthread_mutex_unlock(&v->mine);
    if (v->awake)
        pthread_join(v->thread, NULL);
    v->awake = v->over = false;
}

void vigil_step(struct vigil *v)
{
    if (!v->awake && guards_for_idle(&v->t->guards)) /* without it they trip when the step comes */
        v->awake = pthread_create(&v->thread, NULL, watch, v) == 0;
    pthread_mutex_unlock(&v->mine);
}

void vigil_back(struct vigil *v)
{
    pthread_mutex_lock(&v->mine);
}
