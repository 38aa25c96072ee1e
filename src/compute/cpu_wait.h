/* cpu_wait.h - see cpu_wait.c. */
#ifndef COMPUTE_CPU_WAIT_H
#define COMPUTE_CPU_WAIT_H

/* Called between steps of `threads` threads. Speed alone depends on it. */
void shorten_spins(int threads);
#endif
