/* cpu_wait.c - on shared processors, threads that wait for each other sleep soon instead of
 * spinning.
 *
 * Threads done with their share spin for milliseconds before they sleep, in GCC's OpenMP, unless it
 * manages more threads than there are processors. With another program on the same processors the
 * spinning takes the very time that the others need to finish, and a step takes up to a hundred
 * times as long. What would shorten the spin is an environment variable that is read before main.
 * So the count of managed threads is raised by a few that sleep for good. With the processors to
 * ourselves that would cost small models a third of their speed, so it waits until others come. */
#include "compute/cpu_wait.h"

#if defined(_OPENMP) && !defined(__clang__)
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/io.h"

enum { SLEEPERS_MAX = 256 };

static void *hold_sleepers(void *count)
{
    int n = *(int *)count;
    atomic_int there = 0;

    free(count);
#pragma omp parallel num_threads(n + 1)
    there++; /* a region that does nothing is none to the compiler */
    for (;;)
        pause();
    return NULL;
}

static void start_sleepers(int n)
{
    int *count = malloc(sizeof *count);
    sigset_t all, old;
    pthread_t id;

    if (!count)
        return;
    *count = n;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    if (pthread_create(&id, NULL, hold_sleepers, count))
        free(count);
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

/* Whether, since the last look, this thread had to wait for a processor a tenth of the time. */
static bool shared(void)
{
    static double last, before;
    double now = clock_now(), passed = now - last, ns;
    bool yes;

    if (passed < 0.25)
        return false;
    ns = waited();
    yes = last > 0 && ns >= 0 && (ns - before) * 1e-9 > passed / 10;
    last = now;
    before = ns;
    return yes;
}

/* Once seen to be shared, processors are taken to be so to the end. Where many more are free than
 * we have threads, spinning takes nothing from anybody. Who has chosen how to wait is obeyed. */
void shorten_spins(int threads)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int sleepers;
    int need = omp_get_num_procs() - threads + 1;

    if (threads < 2 || need > threads + 1 || need > SLEEPERS_MAX || getenv("OMP_WAIT_POLICY") ||
        getenv("GOMP_SPINCOUNT"))
        return;
    pthread_mutex_lock(&lock);
    if (need > sleepers && shared()) {
        start_sleepers(need - sleepers);
        sleepers = need;
    }
    pthread_mutex_unlock(&lock);
}
#else
void shorten_spins(int threads)
{
    (void)threads;
}
#endif
