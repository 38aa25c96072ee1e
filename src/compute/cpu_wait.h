/* cpu_wait.h - see cpu_wait.c. */
#ifndef COMPUTE_CPU_WAIT_H
#define COMPUTE_CPU_WAIT_H

/* Called before the first work of `threads` threads; may be called again. Speed alone depends on
 * it. */
void shorten_spins(int threads);
#endif
