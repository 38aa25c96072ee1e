/* server.c - see server.h */
#include "attach/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach/wire.h"
#include "attach/message.h"
#include "base/io.h"
#include "base/trace.h"

enum { CLIENTS = 16, PENDING = CONTROL_COMMANDS + CONTROL_SPARE };
/* Seconds between two tellings of how it stands; between two looks at what the run tells, with somebody there and
 * without: a fast run wakes nobody at every step. */
#define TELL_EVERY 0.2
#define HEAR_EVERY 0.02
#define HEAR_ALONE 1.0

struct client {
    struct wire line;    /* fd -1 = nobody */
    uint64_t serial;     /* of all that ever came */
    char name[VAC_NAME]; /* "ann", else "user 1000 process 4321" */
    bool greeted, watches, wants;
    bool leaves;           /* once what waits is sent */
    struct strbuf options; /* that it was told */
};
/* A command that was queued, and who waits for it. */
struct pending {
    uint64_t command, client;
    int64_t request;
};
struct server {
    struct vac_session *session;
    struct control *ctl;
    struct place place;
    pthread_t thread;
    int stop[2];
    bool reads;
    struct client client[CLIENTS];
    uint64_t serials, holder; /* serial of who has control; 0 = nobody, */
    char held[VAC_NAME];      /* ... and the name, also when that one is gone */
    atomic_bool steered;      /* somebody has it, for other threads */
    struct pending pending[PENDING];
    size_t n_pending;
    struct vac_snapshot now;
    bool fresh;         /* has not been told */
    double told, heard; /* clocks */
};

/* --- answers --- */

static void send_text(struct client *c, const struct strbuf *text)
{
    struct vac_err err = {0};

    if (c->line.fd < 0 || wire_put(&c->line, text, &err) == 0)
        return;
    TRACE("control: %s is gone: %s", c->name, err.msg);
    wire_close(&c->line);
}

static void open_answer(struct json_out *o, int64_t id)
{
    json_put_object(o, NULL, JSON_TIGHT);
    json_put_int(o, "id", id);
    json_put_bool(o, "ok", true);
}

static void send_answer(struct client *c, struct json_out *o)
{
    json_put_end(o);
    sb_putc(o->to, '\n');
    send_text(c, o->to);
    sb_done(o->to);
}

static void refuse(struct client *c, int64_t id, const char *why)
{
    struct strbuf s = {0};
    struct json_out o = json_out(&s);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_int(&o, "id", id);
    json_put_text(&o, "error", why);
    send_answer(c, &o);
}

static void put_options(struct json_out *o, struct server *s)
{
    struct vac_option v;

    json_put_list(o, "options", JSON_TIGHT);
    for (size_t i = 0; vac_option_at(s->session, i, &v); i++)
        message_put_option(o, &v);
    json_put_end(o);
}

/* What may be done, and what each takes. */
static void put_commands(struct json_out *o)
{
    struct vac_option v;

    json_put_list(o, "commands", JSON_TIGHT);
    for (size_t i = 0; i < VAC_OP_COUNT; i++) {
        json_put_object(o, NULL, JSON_TIGHT);
        json_put_text(o, "do", vac_ops[i].word);
        json_put_text(o, "takes", vac_ops[i].takes);
        json_put_text(o, "help", vac_ops[i].help);
        if (i == VAC_OP_ATTACK) {
            json_put_list(o, "words", JSON_TIGHT);
            for (size_t k = 0; vac_attack_word(k, &v); k++)
                message_put_option(o, &v);
            json_put_end(o);
        }
        json_put_end(o);
    }
    json_put_end(o);
}

/* --- who has control --- */

static struct client *find(struct server *s, uint64_t serial)
{
    for (int i = 0; serial && i < CLIENTS; i++)
        if (s->client[i].line.fd >= 0 && s->client[i].serial == serial)
            return &s->client[i];
    return NULL;
}

static void tell(struct server *s, struct client *only, const char *text)
{
    struct vac_event e = {.kind = VAC_EVENT_CONTROL, .step = s->now.step};
    struct strbuf line = {0};

    snprintf(e.text, sizeof e.text, "%s", text);
    message_put_event(&line, &e, 0);
    for (int i = 0; i < CLIENTS; i++)
        if (s->client[i].greeted && s->client[i].watches && (!only || only == &s->client[i]))
            send_text(&s->client[i], &line);
    sb_done(&line);
}

/* Into the journal, as soon as the trainer comes to it: from `who`, who has it from now on. */
static void hand_over(struct server *s, const char *who, const char *to)
{
    char by[VAC_NAME + 8];
    struct vac_command c = {.op = VAC_OP_CONTROL, .who = by, .text = to};

    snprintf(by, sizeof by, "socket %s", who);
    snprintf(c.key, sizeof c.key, "%s", s->holder ? s->held : "nobody");
    control_push(s->ctl, &c, NULL, NULL); /* a queue that is full has more to tell than that */
}

/* From who has it, who has left too; where nobody has it `to` takes it. */
static void grant(struct server *s, struct client *to)
{
    char text[VAC_NAME + 64];

    hand_over(s, s->holder ? s->held : to->name, to->name);
    s->holder = to->serial;
    atomic_store(&s->steered, true);
    snprintf(s->held, sizeof s->held, "%s", to->name);
    to->wants = false;
    for (int i = 0; i < CLIENTS; i++) {
        snprintf(text, sizeof text, "%s has control; :control asks for it", to->name);
        tell(s, &s->client[i], &s->client[i] == to ? "you have control" : text);
    }
}

/* The one who has asked for the longest gets it, or nobody has it. */
static void pass_on(struct server *s)
{
    struct client *next = NULL;

    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &s->client[i];

        if (c->line.fd >= 0 && c->wants && c->serial != s->holder &&
            (!next || c->serial < next->serial))
            next = c;
    }
    if (next) {
        grant(s, next);
        return;
    }
    hand_over(s, s->held, "nobody");
    s->holder = 0;
    atomic_store(&s->steered, false);
    tell(s, NULL, "nobody has control; :control takes it");
}

/* Asks for it, or gives it up. */
static void take_control(struct server *s, struct client *c, int64_t id)
{
    struct client *holder = find(s, s->holder);
    char text[VAC_NAME + 64];
    struct strbuf line = {0};
    struct json_out o = json_out(&line);

    if (holder == c) {
        pass_on(s);
    } else if (!holder) {
        grant(s, c);
    } else {
        c->wants = true;
        snprintf(text, sizeof text, "%s asks for control: :control gives it", c->name);
        tell(s, holder, text);
    }
    open_answer(&o, id);
    send_answer(c, &o);
}

/* --- requests --- */

static void greet(struct server *s, struct client *c, const struct request *r)
{
    struct strbuf line = {0};
    struct json_out o = json_out(&line);
    char text[200];

    if (r->version != MESSAGE_VERSION) {
        snprintf(text, sizeof text,
                 "this run speaks version %d of its socket's language, and was spoken to in %lld: "
                 "use the program that runs it",
                 MESSAGE_VERSION, (long long)r->version);
        refuse(c, r->id, text);
        c->leaves = true;
        return;
    }
    if (*r->as)
        snprintf(c->name, sizeof c->name, "%s", r->as);
    c->greeted = true;
    c->watches = r->watch;
    open_answer(&o, r->id);
    json_put_int(&o, "version", MESSAGE_VERSION);
    json_put_int(&o, "process", (int64_t)getpid());
    json_put_text(&o, "dir", vac_session_dir(s->session));
    json_put_text(&o, "control", s->reads ? "read" : "full");
    message_put_status(&o, "status", &s->now);
    if (c->watches)
        put_options(&o, s);
    send_answer(c, &o);
    if (r->control && !s->reads) {
        if (!find(s, s->holder))
            grant(s, c);
        else {
            snprintf(text, sizeof text, "%s has control; :control asks for it",
                     find(s, s->holder)->name);
            tell(s, c, text);
        }
    }
}

/* What only asks, and leaves nothing behind. */
static bool only_asks(enum vac_op op)
{
    return op == VAC_OP_SAMPLES || op == VAC_OP_MAP;
}

static void command(struct server *s, struct client *c, const struct request *r)
{
    struct client *holder = find(s, s->holder);
    struct vac_command cmd = r->command;
    struct vac_err err = {0};
    char who[VAC_NAME + 8];
    uint64_t id = 0;

    if (s->reads && !only_asks(cmd.op))
        err_set(&err, VAC_ERR_USAGE,
                "this run can only be looked at: \"control\" is \"read\" in its run file");
    else if (cmd.op == VAC_OP_CONTROL) {
        take_control(s, c, r->id);
        return;
    } else if (holder && holder != c && !only_asks(cmd.op))
        err_set(&err, VAC_ERR_BUSY,
                "%s: %s has control of this run: wait until that screen has left, or give it up "
                "there with :control",
                vac_ops[cmd.op].word, holder->name);
    else if (s->n_pending == PENDING)
        err_set(&err, VAC_ERR_BUSY, "%d commands are waiting already", PENDING);
    snprintf(who, sizeof who, "socket %s", c->name);
    cmd.who = who;
    if (err.code || vac_command(s->session, &cmd, &id, &err))
        refuse(c, r->id, err.msg);
    else
        s->pending[s->n_pending++] =
            (struct pending){.command = id, .client = c->serial, .request = r->id};
}

static void take_request(struct server *s, struct client *c, const char *text, size_t n)
{
    struct request r;
    struct vac_err err = {0};
    struct strbuf line = {0};
    struct json_out o = json_out(&line);

    if (request_read(&r, text, n, &err)) {
        refuse(c, r.id, err.msg);
    } else if (r.kind == REQUEST_HELLO) {
        if (c->greeted)
            refuse(c, r.id, "hello was said already");
        else
            greet(s, c, &r);
    } else if (!c->greeted) {
        refuse(c, r.id, "the first request is {\"id\":1,\"do\":\"hello\",\"version\":1}");
        c->leaves = true;
    } else if (r.kind == REQUEST_STATUS) {
        control_shared_snapshot(s->ctl, &s->now);
        open_answer(&o, r.id);
        message_put_status(&o, "status", &s->now);
        send_answer(c, &o);
    } else if (r.kind == REQUEST_OPTIONS) {
        open_answer(&o, r.id);
        put_options(&o, s);
        put_commands(&o);
        send_answer(c, &o);
    } else {
        command(s, c, &r);
    }
    request_done(&r);
}

/* --- who comes and goes --- */

static void welcome(struct server *s)
{
    int fd = accept4(s->place.fd, NULL, NULL, SOCK_CLOEXEC), i = 0;
    struct vac_err err = {0};
    struct client *c;
    uid_t uid = 0;
    pid_t pid = 0;

    if (fd < 0)
        return;
    while (i < CLIENTS && s->client[i].line.fd >= 0)
        i++;
    if (place_peer(fd, &uid, &pid, &err) == 0 && i == CLIENTS)
        err_set(&err, VAC_ERR_BUSY, "%d are connected to this run already", CLIENTS);
    if (err.code) {
        struct client turned_away = {.line.fd = -1};

        if (wire_open(&turned_away.line, fd, MESSAGE_ASKED, MESSAGE_ASKED, NULL) == 0) {
            refuse(&turned_away, 0, err.msg);
            wire_flush(&turned_away.line, NULL);
        }
        wire_close(&turned_away.line);
        return;
    }
    c = &s->client[i];
    sb_done(&c->options);
    *c = (struct client){.serial = ++s->serials};
    snprintf(c->name, sizeof c->name, "user %ld process %ld", (long)uid, (long)pid);
    if (wire_open(&c->line, fd, MESSAGE_ASKED, MESSAGE_TOLD, &err))
        wire_close(&c->line);
}

static void hear(struct server *s, struct client *c)
{
    struct vac_err err = {0};
    int gone = wire_fill(&c->line, &err);
    const char *text;
    size_t n;

    if (gone < 0) {
        refuse(c, 0, err.msg);
        c->leaves = true;
        return;
    }
    while (c->line.fd >= 0 && !c->leaves && (text = wire_next(&c->line, &n)))
        if (n)
            take_request(s, c, text, n);
    if (gone)
        wire_close(&c->line);
}

/* A controller that has gone gives control free. */
static void tidy(struct server *s)
{
    struct vac_err err = {0};

    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &s->client[i];

        if (c->line.fd >= 0 && (wire_flush(&c->line, &err) || (c->leaves && !wire_waits(&c->line))))
            wire_close(&c->line);
        if (c->line.fd < 0)
            c->greeted = c->wants = false;
    }
    if (s->holder && !find(s, s->holder))
        pass_on(s);
}

/* --- what the run tells --- */

static struct pending *pending_of(struct server *s, uint64_t command)
{
    for (size_t i = 0; command && i < s->n_pending; i++)
        if (s->pending[i].command == command)
            return &s->pending[i];
    return NULL;
}

static void answered(struct server *s, struct pending *p, const struct vac_event *e)
{
    struct client *c = find(s, p->client);
    struct strbuf line = {0};
    struct json_out o = json_out(&line);
    int64_t id = p->request;

    *p = s->pending[--s->n_pending];
    if (!c)
        return;
    if (e->kind == VAC_EVENT_REJECTED) {
        refuse(c, id, e->text);
        return;
    }
    open_answer(&o, id);
    json_put_int(&o, "step", e->step);
    send_answer(c, &o);
}

static void pass_event(struct server *s, const struct vac_event *e)
{
    struct pending *p = pending_of(s, e->id);
    struct client *own = p ? find(s, p->client) : NULL;
    bool asked = e->kind == VAC_EVENT_SAMPLES || e->kind == VAC_EVENT_MAP;
    int64_t id = p ? p->request : 0;

    if (p && (e->kind == VAC_EVENT_ACK || e->kind == VAC_EVENT_REJECTED)) {
        answered(s, p, e);
        return;
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &s->client[i];
        struct strbuf line = {0};

        if (!c->greeted || (c != own && (asked || !c->watches)))
            continue;
        if (message_put_event(&line, e, c == own ? id : 0))
            send_text(c, &line);
        sb_done(&line);
    }
}

static void tell_standing(struct server *s)
{
    struct strbuf status = {0}, options = {0};
    struct json_out o = json_out(&status), p = json_out(&options);
    bool watched = false;

    for (int i = 0; i < CLIENTS; i++)
        watched |= s->client[i].greeted && s->client[i].watches;
    s->fresh = false;
    s->told = clock_now();
    if (!watched)
        return;
    json_put_object(&o, NULL, JSON_TIGHT);
    message_put_status(&o, "status", &s->now);
    json_put_end(&o);
    sb_putc(&status, '\n');
    json_put_object(&p, NULL, JSON_TIGHT);
    put_options(&p, s);
    json_put_end(&p);
    sb_putc(&options, '\n');
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &s->client[i];

        if (!c->greeted || !c->watches)
            continue;
        if (!options.bad && (!c->options.s || strcmp(c->options.s, options.s) != 0)) {
            sb_clear(&c->options);
            sb_puts(&c->options, options.s);
            send_text(c, &options);
        }
        send_text(c, &status);
    }
    sb_done(&status);
    sb_done(&options);
}

static void take_news(struct server *s)
{
    struct vac_event e;
    char away[256];
    bool woken = false, changed;
    enum vac_state was = s->now.state;

    while (read(s->ctl->told_wake[0], away, sizeof away) > 0)
        woken = true;
    if (!woken)
        return;
    s->heard = clock_now();
    control_shared_snapshot(s->ctl, &s->now);
    changed = s->now.state != was;
    s->fresh = true;
    if (changed) /* before what happens in it */
        tell_standing(s);
    for (; control_shared_event(s->ctl, &e); vac_event_done(&e))
        pass_event(s, &e);
}

/* --- the thread --- */

static double news_due(const struct server *s)
{
    double every = HEAR_ALONE;

    for (int i = 0; i < CLIENTS; i++)
        if (s->client[i].line.fd >= 0)
            every = HEAR_EVERY;
    return s->heard + every - clock_now();
}

static int wait_for(struct server *s, struct pollfd fds[CLIENTS + 3])
{
    double left = s->fresh ? s->told + TELL_EVERY - clock_now() : 60, quiet = news_due(s);
    int n = 0;

    if (quiet > 0 && quiet < left)
        left = quiet;

    fds[n++] = (struct pollfd){.fd = s->stop[0], .events = POLLIN};
    fds[n++] = (struct pollfd){.fd = s->place.fd, .events = POLLIN};
    fds[n++] = (struct pollfd){.fd = quiet > 0 ? -1 : s->ctl->told_wake[0], .events = POLLIN};
    for (int i = 0; i < CLIENTS; i++) {
        const struct wire *l = &s->client[i].line;

        fds[n++] =
            (struct pollfd){.fd = l->fd, .events = (short)(POLLIN | (wire_waits(l) ? POLLOUT : 0))};
    }
    return poll(fds, (nfds_t)n, left < 0 ? 0 : (int)(1000 * left) + 1);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    struct pollfd fds[CLIENTS + 3];

    do {
        if (wait_for(s, fds) < 0 && errno != EINTR)
            break;
        if (news_due(s) <= 0 || fds[1].revents)
            take_news(s);
        if (fds[1].revents)
            welcome(s);
        for (int i = 0; i < CLIENTS; i++)
            if (s->client[i].line.fd >= 0 && fds[i + 3].fd == s->client[i].line.fd &&
                (fds[i + 3].revents & (POLLIN | POLLHUP | POLLERR)))
                hear(s, &s->client[i]);
        if (s->fresh && clock_now() - s->told >= TELL_EVERY)
            tell_standing(s);
        tidy(s);
    } while (!(fds[0].revents & POLLIN));
    take_news(s);
    tell_standing(s);
    tidy(s);
    return NULL;
}

bool server_steered(const struct server *s)
{
    return atomic_load(&s->steered);
}

int server_open(struct server **out, struct vac_session *session, struct control *ctl,
                struct lock *lock, bool reads, struct vac_err *err)
{
    struct server *s = mem_new(1, sizeof *s, err);
    sigset_t all, old;
    int rc;

    *out = NULL;
    if (!s)
        return -1;
    *s = (struct server){.session = session, .ctl = ctl, .reads = reads, .stop = {-1, -1}};
    for (int i = 0; i < CLIENTS; i++)
        s->client[i].line.fd = -1;
    s->place.fd = -1;
    if (control_share(ctl, err) || place_listen(&s->place, vac_session_dir(session), lock, err))
        goto fail;
    control_shared_snapshot(ctl, &s->now);
    if (pipe2(s->stop, O_CLOEXEC)) {
        err_errno(err, "pipe");
        goto fail;
    }
    sigfillset(&all);
    sigdelset(&all, SIGBUS); /* see base/map.h */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    rc = pthread_create(&s->thread, NULL, serve, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) {
        err_set(err, VAC_ERR_MEMORY, "cannot start a thread: %s", strerror(rc));
        goto fail;
    }
    *out = s;
    return 0;
fail:
    place_close(&s->place);
    for (int i = 0; i < 2; i++)
        if (s->stop[i] >= 0)
            close(s->stop[i]);
    free(s);
    return -1;
}

void server_close(struct server *s)
{
    if (!s)
        return;
    while (write(s->stop[1], "", 1) < 0 && errno == EINTR)
        continue;
    pthread_join(s->thread, NULL);
    place_close(&s->place);
    for (int i = 0; i < CLIENTS; i++) {
        wire_close(&s->client[i].line);
        sb_done(&s->client[i].options);
    }
    for (int i = 0; i < 2; i++)
        close(s->stop[i]);
    free(s);
}
