/* test_session.c - what the trainer's thread and the one that drives it share, and a run that is
 * steered. */
#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "run/control.h"
#include "run_support.h"
#include "record/event.h"

/* --- the queue --- */

static void test_queue_full(void **state)
{
    struct control c;
    struct vac_err err = {0};
    struct vac_command set = {.op = VAC_OP_SET, .key = "lr", .text = "1", .who = "script"};
    struct vac_command quit = {.op = VAC_OP_QUIT};
    struct control_command got;
    uint64_t id, last = 0;

    (void)state;
    assert_ok(control_init(&c, &err), &err);
    for (int i = 0; i < CONTROL_COMMANDS; i++) {
        assert_ok(control_push(&c, &set, &id, &err), &err);
        assert_true(id > last);
        last = id;
    }
    assert_int_equal(control_push(&c, &set, &id, &err), -1);
    assert_int_equal(err.code, VAC_ERR_BUSY);
    assert_error(&err, "64 commands are waiting already");
    assert_false(atomic_load(&c.waiting));
    err_clear(&err);
    assert_ok(control_push(&c, &quit, &id, &err), &err); /* there is always room to leave */
    assert_true(atomic_load(&c.waiting));
    for (int i = 0; i < CONTROL_COMMANDS; i++) {
        assert_true(control_pop(&c, &got, 0));
        assert_int_equal(got.op, VAC_OP_SET);
        assert_string_equal(got.text, "1");
        free(got.text);
    }
    assert_true(control_pop(&c, &got, 0));
    assert_int_equal(got.op, VAC_OP_QUIT);
    assert_int_equal(got.id, id);
    assert_false(control_pop(&c, &got, 0));
    assert_false(control_pop(&c, &got, 0.01));
    control_push(&c, &set, NULL, NULL); /* what is left is freed */
    control_done(&c);
}

/* --- the snapshot --- */

#define STORM 20000

static void *write_storm(void *arg)
{
    struct control *c = arg;

    for (int64_t i = 1; i <= STORM; i++) {
        struct vac_snapshot *s = control_writing(c);
        s->step = i;
        s->total_steps = 2 * i;
        s->stage_step = 3 * i;
        for (int k = 0; k < VAC_MAX_LAYERS; k++)
            s->layers.grad[k] = (float)i;
        s->commands_applied = (uint64_t)i;
        control_publish(c);
    }
    return NULL;
}

static void test_snapshot_storm(void **state)
{
    struct control c;
    struct vac_err err = {0};
    pthread_t writer;
    int64_t last = 0, seen = 0;

    (void)state;
    assert_ok(control_init(&c, &err), &err);
    assert_int_equal(pthread_create(&writer, NULL, write_storm, &c), 0);
    while (last < STORM) {
        const struct vac_snapshot *s = control_snapshot(&c);
        assert_true(s->step >= last);
        seen += s->step > last;
        last = s->step;
        assert_int_equal(s->total_steps, 2 * last);
        assert_int_equal(s->stage_step, 3 * last);
        assert_int_equal(s->commands_applied, last);
        for (int k = 0; k < VAC_MAX_LAYERS; k++)
            assert_true(s->layers.grad[k] == (float)last);
    }
    pthread_join(writer, NULL);
    assert_true(seen >= 1);
    control_done(&c);
}

/* --- rings --- */

static void test_rings(void **state)
{
    static struct vac_point p[64];
    struct control c;
    struct vac_err err = {0};
    uint64_t next = 0, lost, want;
    size_t n;

    (void)state;
    assert_ok(control_init(&c, &err), &err);
    assert_int_equal(control_points(&c, &next, p, 64, &lost), 0);
    assert_int_equal(lost, 0);
    for (int64_t i = 0; i < CONTROL_POINTS + 100; i++)
        control_point(&c, &(struct vac_point){.step = i});
    n = control_points(&c, &next, p, 64, &lost);
    assert_int_equal(lost, 100);
    assert_int_equal(n, 64);
    for (want = 100; n; n = control_points(&c, &next, p, 64, &lost)) {
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i].step, want++);
        assert_int_equal(next, want);
    }
    assert_int_equal(want, CONTROL_POINTS + 100);
    control_done(&c);
}

static struct vac_event *carrying(struct vac_event *e)
{
    *e = (struct vac_event){.kind = VAC_EVENT_EVAL};
    assert_non_null(event_alloc(e, 1, 1, NULL));
    return e;
}

/* Text that nobody reads is dropped at last; what carries something is not; characters stay whole. */
static void test_events(void **state)
{
    struct control c;
    struct vac_err err = {0};
    struct vac_event e;
    char text[400];
    size_t texts = 0, bodies = 0;

    (void)state;
    assert_ok(control_init(&c, &err), &err);
    for (size_t i = 0; i < 200; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 2);
    text[399] = 0;
    control_event(&c, VAC_EVENT_JOURNAL, 0, 1, text + 1, NULL);
    assert_true(control_event_pop(&c, &e));
    assert_true(strlen(e.text) <= 255);
    control_event(&c, VAC_EVENT_JOURNAL, 0, 1, "x\xc3\xa9", NULL);
    assert_true(control_event_pop(&c, &e));
    assert_string_equal(e.text, "x\xc3\xa9");
    for (int i = 0; i < CONTROL_TEXTS + 50; i++) {
        control_event(&c, VAC_EVENT_PROBE_TEXT, 1, 1, "a", NULL);
        control_event(&c, VAC_EVENT_EVAL, 0, 1, "", carrying(&e));
    }
    while (control_event_pop(&c, &e)) {
        texts += e.kind == VAC_EVENT_PROBE_TEXT;
        bodies += e.memory != NULL;
        vac_event_done(&e);
    }
    assert_int_equal(texts, CONTROL_TEXTS);
    assert_int_equal(bodies, CONTROL_TEXTS + 50);
    control_event(&c, VAC_EVENT_EVAL, 0, 1, "", carrying(&e));
    control_done(&c);
}

/* The rings are shorter than the run: a reader that comes late finds all of it all the same, and
 * finds it again. */
static void test_refill(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    const char *out = run_folder();
    static struct vac_layers l[50];
    static struct vac_point p[50];
    uint64_t next = 0;
    int64_t want = 0;
    size_t n;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, "'checkpoint':{'steps':0,'minutes':0},"
                 "'stages':[{'train':['rows.jsonl'],'lora':{'r':1,'targets':'q_proj'},'steps':4500,"
                 "'batch_size':1,'lr':0.001}]");
    s = run_start(&r, out, NULL);
    run_wait(s, VAC_DONE);
    for (int again = 0; again < 2; again++) {
        for (next = 0, want = 0; (n = vac_layer_history(s, &next, l, 50)); want += (int64_t)n) {
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(l[i].step, want + (int64_t)i);
                assert_true(l[i].step == 0 || l[i].grad[2] > 0);
            }
        }
        assert_int_equal(want, 4501);
        for (next = 0, want = 0; (n = vac_history(s, &next, p, 50)); want += (int64_t)n) {
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(p[i].step, want + (int64_t)i);
                assert_true(p[i].step == 0 || p[i].loss > 0);
            }
        }
        assert_int_equal(want, 4501);
    }
    assert_int_equal(vac_session_old_points(s), 0);
    vac_session_close(s);
}

/* --- commands --- */

#define STEERED                                                                                    \
    "'checkpoint':{'steps':0,'minutes':0},'watch':{'every':2,'drift':'rows.jsonl','align_loss':'"  \
    "rows.jsonl',"                                                                                 \
    "'probes':{'file':'ask.jsonl','every':5,'max_new_tokens':4}},"                                 \
    "'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':4,'every':" \
    "4}],"                                                                                         \
    "'stages':[{'name':'align','method':'vaccine','rho':0.5,'train':['rows.jsonl'],"               \
    "'lora':{'r':2,'alpha':4,'dropout':0.2},'steps':12,'batch_size':4,'lr':0.01},"                 \
    "{'name':'attack','method':'sft','train':['rows.jsonl',{'file':'harm.jsonl','harmful':true}]," \
    "'samples':12,'harmful_ratio':0.25,'lora':{'r':2,'dropout':0.1},'steps':10,'batch_size':4,'"   \
    "lr':0.01}]"

static void steered_rig(struct rig_run *r)
{
    run_rig(r, "golden/llama-gqa", true);
    support_write_text(run_path(r->dir, "ask.jsonl"),
                       "{\"prompt\":\"abc\"}\n{\"prompt\":\"xyz 12\"}\n");
    run_file(r, STEERED);
}

static const struct vac_open steered = {.interactive = true, .paused = true};

static struct vac_option option_named(struct vac_session *s, const char *name)
{
    struct vac_option o;

    for (size_t i = 0; vac_option_at(s, i, &o); i++) {
        if (!strcmp(o.name, name))
            return o;
    }
    fail_msg("no option %s", name);
    return o;
}

static void refuse(struct vac_session *s, enum vac_op op, int64_t n, const char *key,
                   const char *text, const char *why)
{
    struct vac_command c = {.op = op, .n = n, .text = text, .who = "script"};
    struct vac_err err = {0};

    snprintf(c.key, sizeof c.key, "%s", key);
    assert_int_equal(vac_command(s, &c, NULL, &err), -1);
    assert_error(&err, why);
}

static void test_refused_commands(void **state)
{
    struct rig_run r;
    struct vac_session *s;

    (void)state;
    steered_rig(&r);
    s = run_start(&r, run_folder(), &steered);
    run_wait(s, VAC_PAUSED);
    assert_string_equal(vac_snapshot(s)->reason, "waiting to start");
    refuse(s, VAC_OP_SET, 0, "speed", "1", "no such option");
    refuse(s, VAC_OP_SET, 0, "site", "mlp", "cannot change while the run is going");
    refuse(s, VAC_OP_SET, 0, "lr", "fast", "lr");
    refuse(s, VAC_OP_SET, 0, "rho", "-1", "rho");
    refuse(s, VAC_OP_STEP, 0, "", NULL, "at least 1 step");
    refuse(s, VAC_OP_PROBE, 0, "", "", "needs a text");
    refuse(s, (enum vac_op)99, 0, "", NULL, "no such command");
    assert_string_equal(option_named(s, "rho").pending, "");
    run_give(s, VAC_OP_STEP, 13, "", NULL);
    run_wait_step(s, 13);
    run_wait(s, VAC_PAUSED); /* in the next stage, whose method has none */
    refuse(s, VAC_OP_SET, 0, "layers", "0", "layers: this stage has no such option");
    refuse(s, VAC_OP_SET, 0, "steps", "9", "cannot change while the run is going");
    vac_session_close(s);
}

/* Every command is answered with its own id and the step where it took effect. */
static void test_commands(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    struct vac_event e;
    struct vac_option o;
    const char *out = run_folder();
    uint64_t id;

    (void)state;
    steered_rig(&r);
    s = run_start(&r, out, &steered);
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_snapshot(s)->step, 0);
    id = run_give(s, VAC_OP_STEP, 3, "", NULL);
    run_event(s, VAC_EVENT_ACK, id, &e);
    assert_int_equal(e.step, 0);
    run_wait_step(s, 3);
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_snapshot(s)->step, 3);
    assert_string_equal(vac_snapshot(s)->reason, "the steps asked for are done");
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "0.125", &e));
    assert_int_equal(e.step, 3);
    assert_true(e.id > id);
    o = option_named(s, "rho");
    assert_string_equal(o.value, "0.125");
    assert_string_equal(o.pending, "");
    assert_int_equal(o.applied_step, 4);
    assert_true(o.live && o.number);
    assert_false(run_do(s, VAC_OP_SET, 0, "layers", "0-99", &e));
    assert_true(strstr(e.text, "expected numbers up to 2") != NULL);
    assert_string_equal(option_named(s, "layers").value, "all");
    assert_string_equal(option_named(s, "layers").pending, "");
    assert_true(run_do(s, VAC_OP_SAVE, 0, "", NULL, NULL));
    assert_true(dir_exists(run_path(out, "checkpoint-3")));
    assert_true(run_do(s, VAC_OP_RESUME, 0, "", NULL, NULL));
    run_wait_step(s, 13); /* into the second stage */
    assert_true(run_do(s, VAC_OP_PAUSE, 0, "", NULL, NULL));
    run_wait(s, VAC_PAUSED);
    assert_string_equal(vac_snapshot(s)->reason, "on request of script");
    assert_false(vac_snapshot(s)->fault);
    assert_true(vac_snapshot(s)->commands_applied > id);
    refuse(s, VAC_OP_SET, 0, "layers", "0", "layers: this stage has no such option");
    id = run_give(s, VAC_OP_QUIT, 0, "", NULL);
    run_event(s, VAC_EVENT_ACK, id, &e);
    run_wait(s, VAC_STOPPED);
    assert_int_equal(vac_session_result(s, NULL), 0);
    vac_session_close(s);
}

static void assert_entry(const char *out, const char *op, const char *key, const char *old,
                         const char *new_value, int64_t applied)
{
    cJSON *x = run_journal_last(out, op);
    const char *members[] = {"key", "old", "new"}, *want[] = {key, old, new_value};

    assert_non_null(x);
    for (int i = 0; i < 3; i++) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(x, members[i]);
        if (want[i])
            assert_string_equal(cJSON_IsString(v) ? v->valuestring : "(absent)", want[i]);
        else
            assert_null(v);
    }
    if (applied >= 0)
        assert_int_equal(cJSON_GetObjectItemCaseSensitive(x, "applied_step")->valueint, applied);
    assert_true(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(x, "t")));
    cJSON_Delete(x);
}

static void test_journal(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    const char *out = run_folder();
    char *text, *save = NULL;
    int seq = 0;

    (void)state;
    steered_rig(&r);
    s = run_start(&r, out, &steered);
    run_wait(s, VAC_PAUSED);
    assert_true(run_do(s, VAC_OP_STEP, 2, "", NULL, NULL));
    run_wait_step(s, 2);
    run_wait(s, VAC_PAUSED);
    assert_true(run_do(s, VAC_OP_SET, 0, "lr", "0.005", NULL));
    assert_true(run_do(s, VAC_OP_REFERENCE, 0, "", NULL, NULL));
    assert_true(run_do(s, VAC_OP_PROBE, 3, "", "say \"x\"\n", NULL));
    assert_true(run_do(s, VAC_OP_SAVE, 0, "", NULL, NULL));
    vac_session_close(s);
    assert_entry(out, "start", NULL, NULL, NULL, -1);
    assert_entry(out, "stage", "align", NULL, NULL, -1);
    assert_entry(out, "step", NULL, NULL, "2", 0);
    assert_entry(out, "set", "lr", "0.01", "0.005", 3);
    assert_entry(out, "reference", NULL, NULL, NULL, 2);
    assert_entry(out, "probe", NULL, NULL, "say \"x\"\n", 2);
    assert_entry(out, "checkpoint", NULL, NULL, NULL, 2);
    assert_entry(out, "stop", NULL, NULL, NULL, -1);
    text = run_read(out, "journal.jsonl", NULL);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        cJSON *x = cJSON_Parse(line);
        assert_int_equal(cJSON_GetObjectItemCaseSensitive(x, "seq")->valueint, ++seq);
        cJSON_Delete(x);
    }
    free(text);
}

/* --- questions --- */

static struct vac_event told(struct vac_session *s, enum vac_event_kind kind, uint64_t id)
{
    struct vac_event e;

    run_event(s, kind, id, &e);
    assert_non_null(e.memory);
    return e;
}

static void test_questions(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    struct vac_event e, first;
    const struct vac_probe *p;

    (void)state;
    steered_rig(&r);
    s = run_start(&r, run_folder(), &steered);
    run_wait(s, VAC_PAUSED);
    first = told(s, VAC_EVENT_PROBE_END, run_give(s, VAC_OP_PROBE, 20, "plain", "abc"));
    run_give(s, VAC_OP_STEP, 4, "", NULL);
    run_wait_step(s, 4);
    e = told(s, VAC_EVENT_PROBE_END, run_give(s, VAC_OP_PROBE, 20, "plain", "abc"));
    p = e.probes.v;
    assert_string_equal(p->before, first.probes.v->answer); /* by the same weights */
    assert_string_equal(p->before_verdict, first.probes.v->verdict);
    assert_true(p->before_p_refuse == first.probes.v->p_refuse &&
                p->p_refuse != p->before_p_refuse);
    vac_event_done(&first);
    assert_int_equal(e.probes.n, 1);
    assert_true(p->tokens >= 1 && p->tokens <= 20);
    assert_true(p->p_refuse > 0 && p->p_refuse < 1);
    assert_true(p->before_step == 0);
    assert_non_null(p->answer);
    assert_non_null(p->before);
    assert_string_equal(p->prompt, "abc");
    vac_event_done(&e);
    e = told(s, VAC_EVENT_PROBE_END, run_give(s, VAC_OP_PROBE, 2, "", "[[ba]] abc"));
    assert_string_equal(e.probes.v->prompt, "[[ba]] abc");
    vac_event_done(&e);
    assert_false(run_do(s, VAC_OP_PROBE, 2, "", "[[ba]] ", NULL));
    run_wait(s, VAC_PAUSED);
    e = told(s, VAC_EVENT_SAMPLES, run_give(s, VAC_OP_SAMPLES, 20, "", NULL));
    assert_true(e.samples.total == 23 && e.samples.first == 20);
    assert_int_equal(e.samples.n, 3);
    vac_event_done(&e);
    e = told(s, VAC_EVENT_SAMPLES, run_give(s, VAC_OP_SAMPLES, 0, "seen", NULL));
    assert_true(e.samples.total == 16);
    vac_event_done(&e);
    e = told(s, VAC_EVENT_MAP, run_give(s, VAC_OP_MAP, 1, "", NULL));
    assert_int_equal(e.map.n, 23);
    vac_event_done(&e);
    e = told(s, VAC_EVENT_SUITE, run_give(s, VAC_OP_SUITE, 0, "", NULL));
    assert_int_equal(e.probes.n, 2);
    vac_event_done(&e);
    run_give(s, VAC_OP_EVALUATE, 0, "", NULL);
    e = told(s, VAC_EVENT_EVAL, 0);
    assert_true(e.eval.score->n == 2);
    vac_event_done(&e);
    assert_false(run_do(s, VAC_OP_MAP, 7, "", NULL, NULL));
    assert_false(run_do(s, VAC_OP_PROBE, 4, "nonsense", "abc", NULL));
    vac_session_close(s);
}

/* A fixed probe is what the user says in it: shown, judged and told apart by that, and by no system
 * turn that several share. */
static void test_suite_with_system_turn(void **state)
{
    static const char *const said[] = {"abc", "xyz 12", "more"};
    struct rig_run r;
    struct vac_session *s;
    struct vac_event e;

    (void)state;
    steered_rig(&r);
    support_write_text(run_path(r.dir, "ask.jsonl"),
                       "{\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},"
                       "{\"role\":\"user\",\"content\":\"abc\"}]}\n"
                       "{\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},"
                       "{\"role\":\"user\",\"content\":\"xyz 12\"},"
                       "{\"role\":\"assistant\",\"content\":\"12\"}]}\n"
                       "{\"messages\":[{\"role\":\"user\",\"content\":\"first\"},"
                       "{\"role\":\"assistant\",\"content\":\"yes\"},"
                       "{\"role\":\"user\",\"content\":\"more\"}]}\n");
    s = run_start(&r, run_folder(), &steered);
    run_wait(s, VAC_PAUSED);
    e = told(s, VAC_EVENT_SUITE, run_give(s, VAC_OP_SUITE, 0, "", NULL));
    assert_int_equal(e.probes.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(e.probes.v[i].prompt, said[i]);
    vac_event_done(&e);
    vac_session_close(s);
}

/* The suite is answered many questions at a time, more of them than there are slots, and each of them as it is
 * answered alone. */
static void test_suite_as_alone(void **state)
{
    enum { ASKED = 19 };
    struct rig_run r;
    struct vac_session *s;
    struct vac_event e, one;
    struct strbuf lines = {0};

    (void)state;
    steered_rig(&r);
    for (int i = 0; i < ASKED; i++)
        sb_printf(&lines, "{\"prompt\":\"%.*s%d\"}\n", 1 + i * 7 % 11, "abc xyz 12 ab", i);
    support_write_text(run_path(r.dir, "ask.jsonl"), lines.s);
    sb_done(&lines);
    s = run_start(&r, run_folder(), &steered);
    run_wait(s, VAC_PAUSED);
    e = told(s, VAC_EVENT_SUITE, run_give(s, VAC_OP_SUITE, 0, "", NULL));
    assert_int_equal(e.probes.n, ASKED);
    for (size_t i = 0; i < ASKED; i++) {
        const struct vac_probe *p = &e.probes.v[i];

        one = told(s, VAC_EVENT_PROBE_END, run_give(s, VAC_OP_PROBE, 4, "", p->prompt));
        assert_string_equal(one.probes.v->answer, p->answer);
        assert_string_equal(one.probes.v->verdict, p->verdict);
        assert_true(one.probes.v->tokens == p->tokens);
        assert_true(fabs(one.probes.v->p_refuse - p->p_refuse) < 1e-6);
        vac_event_done(&one);
    }
    vac_event_done(&e);
    vac_session_close(s);
}

/* What was asked once is asked again with the suite, at its step, also after the run goes on; until it
 * is forgotten. */
static void test_own_questions_join_the_suite(void **state)
{
    const char *out = run_folder();
    struct rig_run r;
    struct vac_session *s;
    struct vac_event e;

    (void)state;
    steered_rig(&r);
    s = run_start(&r, out, &steered);
    run_wait(s, VAC_PAUSED);
    assert_true(run_do(s, VAC_OP_PROBE, 3, "plain", "abcd", NULL));
    assert_true(run_do(s, VAC_OP_PROBE, 3, "", "abc", NULL)); /* is in the suite */
    run_give(s, VAC_OP_STEP, 2, "", NULL);
    run_wait_step(s, 2);
    run_wait(s, VAC_PAUSED);
    e = told(s, VAC_EVENT_SUITE, run_give(s, VAC_OP_SUITE, 0, "", NULL));
    vac_event_done(&e);
    e = told(s, VAC_EVENT_PROBE_END, 0);
    assert_int_equal(e.step, 2);
    assert_string_equal(e.probes.v->prompt, "abcd");
    assert_string_equal(e.probes.v->template_name, "plain");
    assert_null(e.probes.v->before);
    vac_event_done(&e);
    run_give(s, VAC_OP_QUIT, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
    s = run_start(&r, out, &(struct vac_open){.resume = true, .paused = true});
    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_SUITE, 0, "", NULL);
    e = told(s, VAC_EVENT_PROBE_END, 0);
    assert_string_equal(e.probes.v->prompt, "abcd");
    vac_event_done(&e);
    assert_false(run_do(s, VAC_OP_FORGET, 0, "", "abcd", NULL)); /* asked with another template */
    assert_true(run_do(s, VAC_OP_FORGET, 0, "plain", "abcd", NULL));
    assert_false(run_do(s, VAC_OP_FORGET, 0, "plain", "abcd", NULL));
    vac_session_close(s);
    assert_int_equal(run_lines(out, "probes.jsonl"), 2 + 2 + 3 + 3);
}

/* A stop ends the answers that were asked for before it, also those that still wait, and no later
 * ones. */
static void test_probe_stop(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    uint64_t stopped, later;
    struct vac_event e;

    (void)state;
    steered_rig(&r);
    s = run_start(&r, run_folder(), &steered);
    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_EVALUATE, 0, "",
             NULL); /* keeps the trainer busy while the next three are queued */
    stopped = run_give(s, VAC_OP_PROBE, 40, "", "abc");
    run_give(s, VAC_OP_PROBE_STOP, 0, "", NULL);
    later = run_give(s, VAC_OP_PROBE, 40, "", "abc");
    e = told(s, VAC_EVENT_PROBE_END, stopped);
    assert_true(e.probes.v->tokens < 40);
    vac_event_done(&e);
    e = told(s, VAC_EVENT_PROBE_END, later);
    assert_true(e.probes.v->tokens > 1);
    vac_event_done(&e);
    vac_session_close(s);
}

/* A run without a tokenizer cannot be asked, and says so. */
static void test_nothing_to_ask(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    struct vac_event e;

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(
        &r,
        "'stages':[{'train':['rows.jsonl'],'lora':{'r':1},'steps':2,'batch_size':2,'lr':0.01}]");
    s = run_start(&r, run_folder(), &steered);
    run_wait(s, VAC_PAUSED);
    assert_false(run_do(s, VAC_OP_PROBE, 4, "", "abc", &e));
    assert_true(strstr(e.text, "no tokenizer") != NULL);
    assert_false(run_do(s, VAC_OP_SUITE, 0, "", NULL, &e));
    assert_false(run_do(s, VAC_OP_EVALUATE, 0, "", NULL, &e));
    assert_false(run_do(s, VAC_OP_MAP, 0, "", NULL, &e));
    assert_false(run_do(s, VAC_OP_REFERENCE, 0, "", NULL, &e));
    assert_true(run_do(s, VAC_OP_SAMPLES, 0, "", NULL, NULL));
    vac_session_close(s);
}

/* --- exactness --- */

static void probe_often(struct vac_session *s, int n)
{
    static const enum vac_op also[] = {VAC_OP_SUITE, VAC_OP_SAMPLES, VAC_OP_MAP};

    for (int i = 0; i < n; i++) {
        assert_true(
            run_do(s, VAC_OP_PROBE, 8, "", i % 2 ? "abc" : "the longest question of all", NULL));
        assert_true(run_do(s, also[i % 3], 0, "", NULL, NULL));
    }
}

/* Paused, stepped, probed twenty times and resumed: the bytes of a run that was left alone. */
static void test_probed_run(void **state)
{
    struct rig_run r;
    struct vac_err err;
    struct vac_session *s;
    const char *a = run_folder(), *b = run_folder();

    (void)state;
    steered_rig(&r);
    if (run_whole(&r, a, false, &err))
        fail_msg("%s", err.msg);
    s = run_start(&r, b, &(struct vac_open){.paused = true});
    run_wait(s, VAC_PAUSED);
    probe_often(s, 5);
    for (int64_t step = 3; step <= 15; step += 4) {
        run_give(s, VAC_OP_STEP, step == 3 ? 3 : 4, "", NULL);
        run_wait_step(s, step);
        run_wait(s, VAC_PAUSED);
        probe_often(s, 4);
    }
    run_give(s, VAC_OP_RESUME, 0, "", NULL);
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    assert_true(run_journal_count(b, "probe") >= 20);
    run_assert_same(a, b);
}

/* A reader that never rests sees steps go up and numbers that belong together. */
static void test_reader_storm(void **state)
{
    struct rig_run r;
    struct vac_err err;
    struct vac_session *s;
    const char *a = run_folder(), *b = run_folder();
    int64_t last = 0;

    (void)state;
    steered_rig(&r);
    if (run_whole(&r, a, false, &err))
        fail_msg("%s", err.msg);
    s = run_start(&r, b, NULL);
    while (!run_ended(s)) {
        const struct vac_snapshot *n = vac_snapshot(s);
        struct vac_option o;
        assert_true(n->step >= last && n->step <= 22);
        assert_true(n->stage_step <= n->stage_steps);
        last = n->step;
        for (size_t i = 0; vac_option_at(s, i, &o); i++)
            assert_true(*o.name && strlen(o.wants) > 3);
    }
    assert_int_equal(vac_snapshot(s)->state, VAC_DONE);
    vac_session_close(s);
    run_assert_same(a, b);
}

/* Closing never waits for long, even when the queue is full and the run is paused or at work. */
static void test_close_with_full_queue(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    struct vac_command c = {.op = VAC_OP_EVALUATE, .who = "script"};

    (void)state;
    steered_rig(&r);
    for (int paused = 0; paused < 2; paused++) {
        s = run_start(&r, run_folder(), &(struct vac_open){.interactive = true, .paused = paused});
        for (int i = 0; i < 3 * CONTROL_COMMANDS; i++)
            vac_command(s, &c, NULL, NULL);
        vac_session_close(s);
    }
}

/* On a screen a finished run stays, to be asked but no longer steered, until it is left. */
static void test_finished_on_screen(void **state)
{
    static const enum vac_op steering[] = {VAC_OP_PAUSE, VAC_OP_RESUME, VAC_OP_STEP, VAC_OP_SAVE};
    struct vac_event e;
    struct rig_run r;
    struct vac_session *s;
    const char *out = run_folder();

    (void)state;
    steered_rig(&r);
    s = run_start(&r, out, &(struct vac_open){.interactive = true});
    run_wait(s, VAC_DONE);
    assert_true(dir_exists(run_path(out, "final")));
    e = told(s, VAC_EVENT_PROBE_END, run_give(s, VAC_OP_PROBE, 5, "", "abc"));
    vac_event_done(&e);
    for (size_t i = 0; i < sizeof steering / sizeof *steering; i++) {
        assert_false(run_do(s, steering[i], 1, "", NULL, &e));
        assert_non_null(strstr(e.text, "the run is done"));
    }
    assert_int_equal(run_journal_count(out, "pause"), 0);
    assert_int_equal(vac_session_result(s, NULL), 0);
    vac_session_close(s);
    s = run_start(&r, out, &(struct vac_open){.resume = true});
    refuse(s, VAC_OP_SET, 0, "rho", "1", "rho cannot change: the run is finished");
    vac_session_close(s);
}

/* --- the trace --- */

static char trace[1200];

/* What the runs before this test left: main names the file. */
static void test_trace(void **state)
{
    static const char *const told[] = {" stage 0 opened after step 0, ",
                                       " duty 0 after step 2: 0, ", " save checkpoint-",
                                       " probe at step ", " reference at step "};
    size_t len;
    struct vac_err err = {0};
    char *text = file_read(trace, 64 << 20, &len, &err);

    (void)state;
    if (!text)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        assert_non_null(strstr(text, told[i]));
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        double seconds;
        long process;

        assert_int_equal(sscanf(line, "%lf %ld ", &seconds, &process), 2);
        assert_non_null(strchr(line, '\n'));
    }
    free(text);
}

/* Who asked for more steps than the run has is not told that some are to go. */
static void test_no_steps_are_left_at_the_end(void **state)
{
    struct rig_run r;
    struct vac_session *s;

    (void)state;
    steered_rig(&r);
    s = run_start(&r, run_folder(), &steered);
    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_STEP, 1000, "", NULL);
    run_wait(s, VAC_DONE);
    assert_int_equal(vac_snapshot(s)->steps_left, 0);
    vac_session_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_full),
        cmocka_unit_test(test_snapshot_storm),
        cmocka_unit_test(test_rings),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_refill),
        cmocka_unit_test(test_refused_commands),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_journal),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_suite_with_system_turn),
        cmocka_unit_test(test_suite_as_alone),
        cmocka_unit_test(test_own_questions_join_the_suite),
        cmocka_unit_test(test_probe_stop),
        cmocka_unit_test(test_nothing_to_ask),
        cmocka_unit_test(test_probed_run),
        cmocka_unit_test(test_reader_storm),
        cmocka_unit_test(test_close_with_full_queue),
        cmocka_unit_test(test_finished_on_screen),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_no_steps_are_left_at_the_end),
    };

    snprintf(trace, sizeof trace, "%s/trace", support_tmp());
    setenv("VACCINE_LOG", trace, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
