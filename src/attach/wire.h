/* wire.h - one end of a stream socket that carries lines: nothing of it waits, and both ways have a limit. */
#ifndef ATTACH_WIRE_H
#define ATTACH_WIRE_H

#include "base/mem.h"

struct wire {
    int fd;                   /* -1 = closed */
    size_t most_in, most_out; /* bytes of a line that comes, of all that waits to go */
    struct strbuf in, out;
    size_t taken, sent;
};
/* Takes over the descriptor, which is non-blocking from now on. */
int wire_open(struct wire *l, int fd, size_t most_in, size_t most_out, struct vac_err *err);
void wire_close(struct wire *l);
/* What has come in: 0, 1 = the other end has gone (what it sent before can still be taken), -1 and why. */
int wire_fill(struct wire *l, struct vac_err *err);
/* The next whole line without its end, valid until the next wire_fill; NULL = there is none. */
const char *wire_next(struct wire *l, size_t *n);
/* To be sent; -1 when too much waits already: the other end does not read. */
int wire_put(struct wire *l, const struct strbuf *text, struct vac_err *err);
/* Sends what goes: 0, also when some has to wait (wire_waits), or -1. */
int wire_flush(struct wire *l, struct vac_err *err);
bool wire_waits(const struct wire *l);
#endif
