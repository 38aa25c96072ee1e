/* caller.h - the other end of a run's control socket: asking the program that runs it. */
#ifndef ATTACH_CALLER_H
#define ATTACH_CALLER_H

#include "attach/wire.h"
#include "attach/message.h"

struct caller {
    struct wire line;
    int64_t last_id;
    bool gone;    /* the program has closed it, and what it sent before is read */
    bool deaf;    /* it takes no more */
    cJSON *hello; /* how the run stood when it was connected to */
};
/* Says hello, and waits a few seconds for the answer. `as` NULL = not said. */
int caller_open(struct caller *c, const char *dir, const char *as, bool control, bool watch,
                struct vac_err *err);
void caller_close(struct caller *c);
/* Sends a request under its id; 0 = one of the caller's own, which stands in it then. */
int caller_ask(struct caller *c, struct request *r, struct vac_err *err);
/* The next line that came, waited for up to `seconds` (< 0 = for as long as it takes); NULL and no error: there is
 * none. NULL and an error: nothing more will come. */
cJSON *caller_next(struct caller *c, double seconds, struct vac_err *err);
#endif
