/* test_control.c - the control socket of a run: what goes over it, who may, and that nothing that comes over it
 * harms the run. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach/caller.h"
#include "attach/place.h"
#include "record/event.h"
#include "run_support.h"

#define STAGE                                                                                      \
    "'stages':[{'name':'align','method':'vaccine','train':[{'file':'rows.jsonl'}],"                \
    "'lora':{'r':2,'alpha':4},'steps':%d,'batch_size':2,'lr':1e-3}]"

static struct vac_session *begin(struct rig_run *r, const char *out, int steps, bool reads)
{
    struct vac_open how = {.paused = true};
    struct vac_session *s;
    struct vac_err err = {0};
    char rest[600];

    run_rig(r, "golden/opt", false);
    snprintf(rest, sizeof rest, "%s" STAGE, reads ? "'control':'read'," : "", steps);
    run_file(r, rest);
    s = run_start(r, out, &how);
    assert_ok(vac_session_serve(s, &err), &err);
    run_wait(s, VAC_PAUSED);
    return s;
}

/* The answer to the last request, past events; cJSON_Delete it. */
static cJSON *answer(struct caller *c)
{
    struct vac_err err = {0};
    int64_t id = -1;

    for (;;) {
        cJSON *line = caller_next(c, 60, &err);

        assert_non_null(line);
        if (!cJSON_HasObjectItem(line, "event") &&
            json_whole(cJSON_GetObjectItemCaseSensitive(line, "id"), &id) && id == c->last_id)
            return line;
        cJSON_Delete(line);
    }
}

/* NULL = it was done; else why not, until the next call. */
static const char *ask(struct caller *c, enum vac_op op, int64_t n, const char *text)
{
    static char why[512];
    struct request r = {.kind = REQUEST_COMMAND, .command = {.op = op, .n = n, .text = text}};
    struct vac_err err = {0};
    const char *error;
    cJSON *line;

    assert_ok(caller_ask(c, &r, &err), &err);
    line = answer(c);
    error = json_text_at(line, "error");
    snprintf(why, sizeof why, "%s", error ? error : "");
    cJSON_Delete(line);
    return error ? why : NULL;
}

/* The next word about who has control. */
static const char *told(struct caller *c)
{
    static char text[256];
    struct vac_err err = {0};

    for (;;) {
        cJSON *line = caller_next(c, 60, &err);
        const char *s = json_text_at(line, "control");

        assert_non_null(line);
        snprintf(text, sizeof text, "%s", s ? s : "");
        cJSON_Delete(line);
        if (*text)
            return text;
    }
}

static void test_words(void **state)
{
    struct request r;
    struct vac_err err = {0};
    struct strbuf s = {0};

    (void)state;
    for (int i = 0; i < VAC_OP_COUNT; i++) {
        struct request out = {.kind = REQUEST_COMMAND,
                              .id = i + 1,
                              .command = {.op = (enum vac_op)i, .n = 7, .key = "k", .text = "t\n"}};

        sb_clear(&s);
        request_put(&s, &out);
        assert_ok(request_read(&r, s.s, s.len - 1, &err), &err);
        assert_int_equal(r.kind, REQUEST_COMMAND);
        assert_int_equal(r.command.op, i);
        assert_int_equal(r.id, i + 1);
        assert_int_equal(r.command.n, 7);
        assert_string_equal(r.command.key, "k");
        assert_string_equal(r.command.text, "t\n");
        request_done(&r);
        for (const char *t = vac_ops[i].takes; *t; t++)
            assert_non_null(strchr("nNkKtT", *t));
    }
    sb_done(&s);
}

/* What a reader makes of it is what was written. */
static void test_status(void **state)
{
    struct vac_snapshot a = {.state = VAC_PAUSED, .step = 12, .total_steps = 34, .n_layers = 3},
                        b = {.step = 1};
    struct strbuf s = {0};
    struct json_out o = json_out(&s);
    struct vac_err err = {0};
    cJSON *doc;

    (void)state;
    for (int i = 0; i < VAC_COLUMN_COUNT; i++)
        *(double *)((char *)&a.last + vac_columns[i].offset) = 1.5 * i;
    a.mask[0] = a.mask[2] = b.mask[1] = true;
    a.steps_per_s = (double)NAN;
    strcpy(a.reason, "a \"reason\"");
    a.n_evals = 1;
    a.eval[0] = (struct vac_eval){.name = "HS", .step = 10, .value = 0.25, .n = 4, .is_rate = true};
    message_put_status(&o, NULL, &a);
    doc = json_parse(s.s, s.len, "status", &err);
    assert_non_null(doc);
    message_read_status(doc, &b);
    assert_int_equal(b.state, VAC_PAUSED);
    assert_int_equal(b.step, 12);
    assert_int_equal(b.total_steps, 34);
    assert_int_equal(b.n_layers, 3);
    assert_true(isnan(b.steps_per_s));
    assert_string_equal(b.reason, a.reason);
    assert_memory_equal(b.mask, a.mask, sizeof a.mask);
    assert_true(b.last.rho == a.last.rho && b.last.drift_mean == a.last.drift_mean);
    assert_int_equal(b.n_evals, 1);
    assert_string_equal(b.eval[0].name, "HS");
    assert_true(b.eval[0].value == 0.25 && b.eval[0].is_rate);
    cJSON_Delete(doc);
    sb_done(&s);
}

static void test_hello(void **state)
{
    static const struct {
        const char *line, *why;
    } wrong[] = {
        {"{\"id\":1,\"do\":\"hello\",\"version\":2}", "speaks version 1 of its socket's language"},
        {"{\"id\":1,\"do\":\"pause\"}", "the first request is {\"id\":1,\"do\":\"hello\""},
        {"[1]", "expected an object"},
        {"{\"id\":1,\"do\":\"hallo\"}", "no command \"hallo\" (did you mean \"hello\"?)"},
        {"{\"id\":1,\"do\":\"hello\",\"versoin\":1}", "unknown key \"versoin\""},
        {"\xff\xfe", "UTF-8"},
    };
    const char *out = run_folder();
    struct rig_run r;
    struct vac_session *s = begin(&r, out, 4, false);
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int fd = place_connect(out, &err);
        struct caller c = {.line.fd = -1};
        struct strbuf text = {0};
        cJSON *line;

        assert_true(fd >= 0);
        assert_ok(wire_open(&c.line, fd, MESSAGE_TOLD, MESSAGE_TOLD, &err), &err);
        sb_printf(&text, "%s\n", wrong[i].line);
        assert_ok(wire_put(&c.line, &text, &err), &err);
        line = caller_next(&c, 60, &err);
        assert_non_null(line);
        if (!strstr(json_text_at(line, "error"), wrong[i].why))
            fail_msg("%s: %s", wrong[i].line, json_text_at(line, "error"));
        cJSON_Delete(line);
        sb_done(&text);
        caller_close(&c);
    }
    vac_session_close(s);
}

static void test_who_has_control(void **state)
{
    const char *out = run_folder();
    struct rig_run r;
    struct vac_session *s = begin(&r, out, 40, false);
    struct caller ann, bob, script;
    struct vac_err err = {0};
    cJSON *line;

    (void)state;
    assert_ok(caller_open(&ann, out, "ann", true, true, &err), &err);
    assert_string_equal(told(&ann), "you have control");
    assert_ok(caller_open(&bob, out, "bob", true, true, &err), &err);
    assert_string_equal(told(&bob), "ann has control; :control asks for it");
    assert_null(ask(&ann, VAC_OP_STEP, 1, NULL));
    assert_non_null(strstr(ask(&bob, VAC_OP_STEP, 1, NULL), "ann has control of this run: wait"));
    assert_ok(caller_open(&script, out, NULL, false, false, &err), &err);
    assert_non_null(strstr(ask(&script, VAC_OP_NOTE, 0, "x"), "ann has control"));
    assert_null(ask(&script, VAC_OP_SAMPLES, 0, NULL));
    assert_null(ask(&ann, VAC_OP_CONTROL, 0, NULL)); /* which gives it up */
    assert_null(ask(&script, VAC_OP_NOTE, 0, "x"));
    assert_string_equal(told(&bob), "nobody has control; :control takes it");
    assert_null(ask(&ann, VAC_OP_CONTROL, 0, NULL));
    assert_string_equal(told(&bob), "ann has control; :control asks for it");
    assert_null(ask(&bob, VAC_OP_CONTROL, 0, NULL));
    assert_string_equal(told(&ann), "bob asks for control: :control gives it");
    assert_null(ask(&ann, VAC_OP_CONTROL, 0, NULL));
    assert_string_equal(told(&bob), "you have control");
    assert_non_null(strstr(ask(&ann, VAC_OP_STEP, 1, NULL), "bob has control"));
    assert_null(ask(&bob, VAC_OP_STEP, 1, NULL));
    caller_close(&bob); /* as a kill would */
    assert_string_equal(told(&ann), "nobody has control; :control takes it");
    assert_null(ask(&script, VAC_OP_NOTE, 0, "x"));
    caller_close(&ann);
    caller_close(&script);
    vac_session_close(s);
    line = run_journal_last(out, "step");
    assert_string_equal(json_text_at(line, "who"), "socket bob");
    cJSON_Delete(line);
}

static void test_reads_only(void **state)
{
    const char *out = run_folder();
    struct rig_run r;
    struct vac_session *s = begin(&r, out, 4, true);
    struct caller c;
    struct vac_err err = {0};

    (void)state;
    assert_ok(caller_open(&c, out, "ann", true, true, &err), &err);
    for (int i = 0; i < VAC_OP_COUNT; i++)
        if (i != VAC_OP_SAMPLES && i != VAC_OP_MAP)
            assert_non_null(strstr(ask(&c, (enum vac_op)i, 1, "x"), "can only be looked at"));
    caller_close(&c);
    vac_session_close(s);
}

/* A line of the talk with something broken in it. */
static size_t broken(char *out, size_t size, uint64_t *seed)
{
    static const char *const line[] = {
        "{\"id\":1,\"do\":\"hello\",\"version\":1,\"as\":\"ann\",\"control\":true}",
        "{\"id\":2,\"do\":\"set\",\"key\":\"rho\",\"text\":\"2\"}",
        "{\"id\":3,\"do\":\"step\",\"n\":5}",
        "{\"id\":4,\"do\":\"status\"}",
        "{\"id\":5,\"do\":\"stop\"}",
        "{\"id\":6,\"do\":\"samples\",\"n\":0,\"key\":\"x\"}",
        "{\"id\":7,\"do\":\"probe\",\"text\":\"a\\u0000b\"}",
    };
    size_t n;

    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    n = (size_t)snprintf(out, size, "%s", line[(*seed >> 33) % (sizeof line / sizeof *line)]);
    for (uint64_t k = 1 + (*seed >> 40) % 3; k; k--) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        out[(*seed >> 33) % n] = (char)(*seed >> 20);
    }
    if ((*seed >> 50) % 8 == 0)
        n = (*seed >> 33) % n;
    out[n] = '\n';
    return n + 1;
}

/* Nothing that comes from somebody who may not steer changes a byte; what comes is survived. */
static void test_hostile_lines(void **state)
{
    enum { LINES = 100000 };
    const char *out = run_folder(), *alone = run_folder();
    struct rig_run r;
    struct vac_session *s = begin(&r, out, 4, true);
    struct vac_err err = {0};
    struct caller c;
    uint64_t seed = 7;
    int fd = -1;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < LINES; i++) {
        char text[256], away[4096];
        size_t n = broken(text, sizeof text - 1, &seed);

        if (fd < 0) { /* it was hung up on */
            static const char hello[] = "{\"do\":\"hello\",\"version\":1}\n";

            fd = place_connect(out, &err);
            assert_true(fd >= 0);
            assert_int_equal(write(fd, hello, sizeof hello - 1), sizeof hello - 1);
            assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
        }
        for (size_t at = 0; at < n;) {
            ssize_t k = send(fd, text + at, n - at, MSG_NOSIGNAL);

            if (k > 0)
                at += (size_t)k;
            while (recv(fd, away, sizeof away, 0) > 0)
                continue;
            if (k < 0 && errno != EAGAIN) {
                close(fd);
                fd = -1;
                break;
            }
        }
    }
    close(fd);
    fd = place_connect(out, &err); /* a line without end */
    for (int i = 0; i < 64; i++) {
        char much[4096];

        memset(much, 'x', sizeof much);
        if (send(fd, much, sizeof much, MSG_NOSIGNAL) < 0)
            break;
    }
    close(fd);
    assert_ok(caller_open(&c, out, NULL, false, false, &err), &err);
    caller_close(&c);
    run_give(s, VAC_OP_RESUME, 0, NULL, NULL);
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    assert_int_equal(run_whole(&r, alone, false, &err), 0);
    run_assert_same(out, alone);
    assert_int_equal(run_journal_count(out, "set"), 0);
}

/* More than fit, who do not read, who leave at once. */
static void test_crowd(void **state)
{
    const char *out = run_folder();
    struct rig_run r;
    struct vac_session *s = begin(&r, out, 4, false);
    struct caller c[17];
    struct vac_err err = {0};

    (void)state;
    for (int i = 0; i < 16; i++)
        assert_ok(caller_open(&c[i], out, NULL, false, i % 2, &err), &err);
    assert_int_equal(caller_open(&c[16], out, NULL, false, false, &err), -1);
    assert_error(&err, "16 are connected to this run already");
    for (int i = 0; i < 16; i++)
        caller_close(&c[i]);
    for (int i = 0; i < 100; i++) {
        int fd;

        err_clear(&err);
        fd = place_connect(out, &err);
        assert_true(fd >= 0);
        close(fd);
    }
    vac_session_close(s);
}

/* Takes over what there is until so many points were given; -1 = the newest of each is not as its file says. */
static void take_points(struct vac_session *s, const char *out, size_t n)
{
    static struct vac_point v[64];
    uint64_t next = 0;
    size_t got = 0, k;

    for (int i = 0; i < 6000 && got < n; i++) {
        while ((k = vac_history(s, &next, v, 64)) > 0) {
            for (size_t j = 0; j < k; j++)
                assert_true(v[j].loss == run_metric(out, got + j, "loss") || isnan(v[j].loss));
            got += k;
        }
        usleep(10000);
    }
    assert_int_equal(got, n);
}

static void wait_state(struct vac_session *s, enum vac_state state)
{
    for (int i = 0; i < 6000 && vac_snapshot(s)->state != state; i++)
        usleep(10000);
    assert_int_equal(vac_snapshot(s)->state, state);
}

static struct vac_session *attach(const char *out, const char *as)
{
    struct vac_open how = {.file = out, .attach = true, .as = as};
    struct vac_session *s;
    struct vac_err err = {0};

    assert_ok(vac_session_open(&s, &how, &err), &err);
    assert_ok(vac_session_start(s, &err), &err);
    assert_true(vac_session_attached(s));
    return s;
}

/* A hundred come and go, some steer: the run's bytes are those of one that nobody came to. */
static void test_attach_and_leave(void **state)
{
    enum { STEPS = 20, CYCLES = 100 };
    const char *out = run_folder(), *alone = run_folder();
    struct rig_run r;
    struct vac_session *s = begin(&r, out, STEPS, false), *a, *b;
    struct vac_err err = {0};
    struct vac_option option;
    struct vac_event e;

    (void)state;
    for (int i = 0; i < CYCLES; i++) {
        a = attach(out, "ann");
        if (i % 10 == 0) {
            assert_true(run_do(a, VAC_OP_STEP, 1, "", NULL, &e));
            run_wait_step(a, 1 + i / 10);
            take_points(a, out, (size_t)(1 + i / 10));
            assert_true(vac_option_at(a, 0, &option));
            assert_true(run_do(a, VAC_OP_NOTE, 0, "", "x", NULL));
        }
        if (i == 50) { /* two of them */
            b = attach(out, "bob");
            assert_false(run_do(b, VAC_OP_STEP, 1, "", NULL, &e));
            assert_string_equal(
                e.text,
                "step: ann has control of this run: wait until that screen has left, or give "
                "it up there with :control");
            assert_true(run_do(b, VAC_OP_CONTROL, 0, "", NULL, NULL));
            assert_true(run_do(a, VAC_OP_CONTROL, 0, "", NULL, NULL));
            assert_true(run_do(b, VAC_OP_NOTE, 0, "", "bob's", NULL));
            vac_session_close(b);
        }
        vac_session_close(a);
    }
    a = attach(out, "ann");
    assert_true(run_do(a, VAC_OP_RESUME, 0, "", NULL, NULL));
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    wait_state(a, VAC_DONE);
    take_points(a, out, run_lines(out, "metrics.jsonl"));
    assert_false(run_do(a, VAC_OP_PAUSE, 0, "", NULL, &e));
    assert_string_equal(e.text, "pause: this run is over");
    vac_session_close(a);
    assert_int_equal(run_whole(&r, alone, false, &err), 0);
    run_assert_same(out, alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),      cmocka_unit_test(test_status),
        cmocka_unit_test(test_hello),      cmocka_unit_test(test_who_has_control),
        cmocka_unit_test(test_reads_only), cmocka_unit_test(test_hostile_lines),
        cmocka_unit_test(test_crowd),      cmocka_unit_test(test_attach_and_leave),
    };

    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
