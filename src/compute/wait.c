/* wait.c - while processors are shared, threads that wait for each other sleep soon instead of
 * spinning.
 *
 * Threads done with their share spin for milliseconds before they sleep, in GCC's OpenMP, unless it
 * manages more threads than there are processors. With another program on the same processors the
 * spinning takes the very time that the others need to finish, and a step takes up to a hundred
 * times as long. What would shorten the spin is an environment variable that is read before main.
 * So the count of managed threads is raised by a few that sleep. With the processors to ourselves
 * that costs small models a fifth to a third of their speed, so it lasts as long as others are
 * there. */
#include "compute/wait.h"

#if defined(_OPENMP) && !defined(__clang__)
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/io.h"

enum { SLEEPERS_MAX = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int sleepers;        /* that there are now */
static unsigned generation; /* of sleepers; those of an earlier one end */

static bool still(unsigned mine)
{
    return mine == generation;
}

/* With this thread, which made them, end those that OpenMP keeps for it: they count no more. */
static void *hold_sleepers(void *of)
{
    unsigned mine = (unsigned)(uintptr_t)of;
    int n;

    pthread_mutex_lock(&lock);
    n = still(mine) ? sleepers : 0;
    pthread_mutex_unlock(&lock);
#pragma omp parallel num_threads(n + 1)
    {
        pthread_mutex_lock(&lock);
        while (still(mine))
            pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

/* With the lock held. */
static void set_sleepers(int n)
{
    sigset_t all, old;
    pthread_t id;

    if (n == sleepers)
        return;
    sleepers = n;
    generation++;
    pthread_cond_broadcast(&changed);
    if (n == 0)
        return;
    sigfillset(&all);
    sigdelset(&all, SIGBUS); /* of a thread's own doing: see base/map.h */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    if (pthread_create(&id, NULL, hold_sleepers, (void *)(uintptr_t)generation))
        sleepers = 0;
    else
        pthread_detach(id);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Nanoseconds that this thread was ready and had no processor, as Linux counts them; -1 where it
 * does not. */
static double waited(void)
{
    FILE *f = fopen("/proc/thread-self/schedstat", "re");
    double ns = -1;

    if (f && fscanf(f, "%*u %lf", &ns) != 1)
        ns = -1;
    if (f)
        fclose(f);
    return ns;
}

/* Whether others use the processors: a thread that must wait for one a tenth of the time has met
 * them; one that hardly ever must, for longer, has lost them. */
static bool shared(bool so_far)
{
    static _Thread_local double last, before;
    double now = clock_now(), passed = now - last, ns, part;

    if (passed < (so_far ? 2 : 0.5))
        return so_far;
    ns = waited();
    part = last > 0 && before >= 0 && ns >= 0 ? (ns - before) * 1e-9 / passed : so_far;
    last = now;
    before = ns;
    return part > (so_far ? 0.03 : 0.1);
}

/* Where many more processors are free than we have threads, spinning takes nothing from anybody.
 * Who has chosen how to wait is obeyed. */
void shorten_spins(int threads)
{
    int need = omp_get_num_procs() - threads + 1;

    if (threads < 2 || need > threads + 1 || need > SLEEPERS_MAX || getenv("OMP_WAIT_POLICY") ||
        getenv("GOMP_SPINCOUNT"))
        return;
    pthread_mutex_lock(&lock);
    if (!shared(sleepers > 0))
        set_sleepers(0);
    else if (need > sleepers)
        set_sleepers(need);
    pthread_mutex_unlock(&lock);
}
#else
void shorten_spins(int threads)
{
    (void)threads;
}
#endif
