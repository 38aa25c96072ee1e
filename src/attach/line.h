/* line.h - one end of a stream socket that carries lines: nothing of it waits, and both ways have a limit. */
#ifndef ATTACH_LINE_H
#define ATTACH_LINE_H

#include "base/mem.h"

struct line {
    int fd;                   /* -1 = closed */
    size_t most_in, most_out; /* bytes of a line that comes, of all that waits to go */
    struct strbuf in, out;
    size_t taken, sent;
};
/* Takes over the descriptor, which is non-blocking from now on. */
int line_open(struct line *l, int fd, size_t most_in, size_t most_out, struct vac_err *err);
void line_close(struct line *l);
/* What has come in: 0, 1 = the other end has gone (what it sent before can still be taken), -1 and why. */
int line_fill(struct line *l, struct vac_err *err);
/* The next whole line without its end, valid until the next line_fill; NULL = there is none. */
const char *line_next(struct line *l, size_t *n);
/* To be sent; -1 when too much waits already: the other end does not read. */
int line_put(struct line *l, const struct strbuf *text, struct vac_err *err);
/* Sends what goes: 0, also when some has to wait (line_waits), or -1. */
int line_flush(struct line *l, struct vac_err *err);
bool line_waits(const struct line *l);
#endif
