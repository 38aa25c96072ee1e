/* caller.c - see caller.h */
#include "attach/caller.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "attach/place.h"
#include "base/io.h"

/* Seconds that a program which is there may take to say hello. */
#define PATIENCE 10

static int greet(struct caller *c, const char *as, bool control, bool watch, struct vac_err *err)
{
    struct request r = {
        .kind = REQUEST_HELLO, .version = MESSAGE_VERSION, .control = control, .watch = watch};
    double until = clock_now() + PATIENCE;
    const char *why;
    int64_t id = 0;

    snprintf(r.as, sizeof r.as, "%s", as ? as : "");
    if (caller_ask(c, &r, err))
        return -1;
    while (clock_now() < until) {
        c->hello = caller_next(c, until - clock_now(), err);
        if (!c->hello && err->code)
            return -1;
        why = json_text_at(c->hello, "error");
        if (why)
            return err_set(err, VAC_ERR_USAGE, "%s", why);
        if (json_whole(cJSON_GetObjectItemCaseSensitive(c->hello, "id"), &id) && id == r.id)
            return 0;
        cJSON_Delete(c->hello);
        c->hello = NULL;
    }
    return err_set(err, VAC_ERR_IO, "the program that runs it does not answer: is it suspended?");
}

int caller_open(struct caller *c, const char *dir, const char *as, bool control, bool watch,
                struct vac_err *err)
{
    int fd = place_connect(dir, err);
    struct vac_err why = {0};

    *c = (struct caller){.line.fd = -1};
    if (fd < 0)
        return -1;
    if (as && (!*as || strlen(as) >= VAC_NAME - 8))
        err_set(&why, VAC_ERR_USAGE, "--as: expected a name of 1 to %d bytes", VAC_NAME - 9);
    if (wire_open(&c->line, fd, MESSAGE_TOLD, MESSAGE_TOLD, &why) || why.code ||
        greet(c, as, control, watch, &why)) {
        caller_close(c);
        return err_set(err, why.code, "%s: %s", dir, why.msg);
    }
    return 0;
}

void caller_close(struct caller *c)
{
    wire_close(&c->line);
    cJSON_Delete(c->hello);
    c->hello = NULL;
}

int caller_ask(struct caller *c, struct request *r, struct vac_err *err)
{
    struct strbuf s = {0};
    int rc;

    if (!r->id)
        r->id = ++c->last_id;
    request_put(&s, r);
    if (s.len > MESSAGE_ASKED)
        rc = err_set(err, VAC_ERR_USAGE, "a text of more than %d bytes cannot be sent",
                     MESSAGE_ASKED);
    else
        rc = wire_put(&c->line, &s, err);
    c->deaf |= rc == 0 && wire_flush(&c->line, NULL); /* what it said last can still be read */
    sb_done(&s);
    return rc;
}

cJSON *caller_next(struct caller *c, double seconds, struct vac_err *err)
{
    double until = clock_now() + seconds;

    for (;;) {
        struct pollfd fd = {.fd = c->line.fd, .events = POLLIN};
        size_t n;
        const char *text = wire_next(&c->line, &n);
        double left = seconds < 0 ? 3600 : until - clock_now();
        int got;

        if (text)
            return json_parse(text, n, "answer", err);
        if (c->gone) {
            err_set(err, VAC_ERR_STOPPED, "the program that runs it has closed the connection");
            return NULL;
        }
        c->deaf |= wire_flush(&c->line, NULL) != 0;
        fd.events = (short)(fd.events | (!c->deaf && wire_waits(&c->line) ? POLLOUT : 0));
        got = poll(&fd, 1, left > 0 ? (int)(1000 * left) : 0);
        if (got == 0 && seconds >= 0 && clock_now() >= until)
            return NULL;
        if (got < 0 && errno == EINTR && seconds >= 0)
            return NULL;
        got = fd.revents & (POLLIN | POLLHUP | POLLERR) ? wire_fill(&c->line, err) : 0;
        if (got < 0)
            return NULL;
        c->gone = got > 0;
    }
}
