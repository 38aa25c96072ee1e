/* message.h - what goes over a run's control socket, a line of JSON each: requests in; answers, events and how
 * the run stands out. Whoever reads trusts nothing of it.
 *
 *     {"id":1,"do":"hello","version":1,"as":"ann","control":true,"watch":true}
 *     {"id":2,"do":"set","key":"rho","text":"2"}     any of vac_ops, also "status" and "options"
 *     {"id":2,"ok":true,"step":120}                  once it has taken effect; or {"id":2,"error":"..."}
 *     {"event":"probe-text","id":3,"step":120,"probe-text":"..."}
 *     {"status":{...}}  {"options":[...]}            to who watches, when they have changed */
#ifndef ATTACH_MESSAGE_H
#define ATTACH_MESSAGE_H

#include <vaccine/vaccine.h>
#include "base/json.h"
#include "base/json_out.h"

enum {
    MESSAGE_VERSION = 1,
    MESSAGE_ASKED = 64 << 10, /* bytes of a request, */
    MESSAGE_TOLD = 8 << 20    /* of a line to who asked */
};

enum request_kind { REQUEST_HELLO, REQUEST_STATUS, REQUEST_OPTIONS, REQUEST_COMMAND };
struct request {
    enum request_kind kind;
    int64_t id;
    int64_t version;            /* hello */
    char as[VAC_NAME];          /* hello: who asks; "" = not said */
    bool control, watch;        /* hello: wants to steer; is told all that happens */
    struct vac_command command; /* text is borrowed from `doc`, who is not set */
    cJSON *doc;
};
/* request_done after a failure too; the id stands there as far as it could be read. */
int request_read(struct request *r, const char *line, size_t n, struct vac_err *err);
void request_done(struct request *r);
void request_put(struct strbuf *out, const struct request *r);

/* How it stands, but for what only its files tell: layers, and what lies beneath a score. */
void message_put_status(struct json_out *o, const char *key, const struct vac_snapshot *s);
/* What is missing or of another type stays as it is. */
void message_read_status(const cJSON *from, struct vac_snapshot *s);
void message_put_option(struct json_out *o, const struct vac_option *v);
void message_read_option(const cJSON *from, struct vac_option *v);

/* An event and its end; id 0 = nobody's in particular. False, and nothing, of what has no words. */
bool message_put_event(struct strbuf *out, const struct vac_event *e, int64_t id);
/* Of those that no file of the run tells, and the end of a probe: 0 with what it carries; 1 = another one. */
int message_read_event(const cJSON *line, struct vac_event *e, int64_t *id, struct vac_err *err);
#endif
