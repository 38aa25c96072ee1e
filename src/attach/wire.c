/* wire.c - see wire.h */
#include "attach/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int wire_open(struct wire *l, int fd, size_t most_in, size_t most_out, struct vac_err *err)
{
    *l = (struct wire){.fd = fd, .most_in = most_in, .most_out = most_out};
    return fcntl(fd, F_SETFL, O_NONBLOCK) ? err_errno(err, "socket") : 0;
}

void wire_close(struct wire *l)
{
    if (l->fd >= 0)
        close(l->fd);
    sb_done(&l->in);
    sb_done(&l->out);
    *l = (struct wire){.fd = -1};
}

/* Drops what was dealt with. */
static void forget(struct strbuf *b, size_t *n)
{
    if (*n == 0)
        return;
    memmove(b->s, b->s + *n, b->len - *n + 1);
    b->len -= *n;
    *n = 0;
}

int wire_fill(struct wire *l, struct vac_err *err)
{
    char some[16384];
    ssize_t n = 1; /* no end is known of */

    forget(&l->in, &l->taken);
    while (l->in.len <= l->most_in && (n = recv(l->fd, some, sizeof some, 0)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : 1;
        sb_put(&l->in, some, (size_t)n);
        if (l->in.bad)
            return sb_ok(&l->in, err);
        if ((size_t)n < sizeof some)
            break;
    }
    if (l->in.len > l->most_in && !memchr(l->in.s, '\n', l->in.len))
        return err_set(err, VAC_ERR_FORMAT, "a line of more than %zu bytes", l->most_in);
    return l->in.len <= l->most_in && n == 0;
}

const char *wire_next(struct wire *l, size_t *n)
{
    const char *from = l->in.s ? l->in.s + l->taken : NULL;
    const char *end = from ? memchr(from, '\n', l->in.len - l->taken) : NULL;

    if (!end)
        return NULL;
    *n = (size_t)(end - from);
    l->taken += *n + 1;
    return from;
}

int wire_put(struct wire *l, const struct strbuf *text, struct vac_err *err)
{
    if (sb_ok(text, err))
        return -1;
    if (l->out.len - l->sent + text->len > l->most_out)
        return err_set(err, VAC_ERR_IO, "what is sent is not read");
    forget(&l->out, &l->sent);
    sb_put(&l->out, text->s, text->len);
    return sb_ok(&l->out, err);
}

int wire_flush(struct wire *l, struct vac_err *err)
{
    while (wire_waits(l)) {
        ssize_t n = send(l->fd, l->out.s + l->sent, l->out.len - l->sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : err_errno(err, "socket");
        l->sent += (size_t)n;
    }
    sb_clear(&l->out);
    l->sent = 0;
    return 0;
}

bool wire_waits(const struct wire *l)
{
    return l->out.len > l->sent;
}
