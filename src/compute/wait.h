/* wait.h - see wait.c. */
#ifndef COMPUTE_WAIT_H
#define COMPUTE_WAIT_H

/* Called between steps of `threads` threads. Speed alone depends on it. */
void shorten_spins(int threads);
#endif
