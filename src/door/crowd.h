/* crowd.h - how crowded the processors are: how much longer what this process does takes because others
 * use them too.
 *
 * Linux counts for each thread how long it ran, and how long it could have run and waited for a
 * processor. Elsewhere nothing is known, which reads as nobody else being there. */
#ifndef DOOR_CROWD_H
#define DOOR_CROWD_H

enum { CROWD_TASKS = 256 };
struct crowd {
    struct {
        long id;
        double ran, waited; /* nanoseconds */
    } task[CROWD_TASKS];
    int n;
};
void crowd_begin(struct crowd *c);
/* Time since then in parts of what it would have been on processors of its own, over all threads; at
 * least 1. */
double crowd_now(const struct crowd *c);
#endif
