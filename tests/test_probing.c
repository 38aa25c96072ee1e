/* test_probing.c - probes that do not wait for the end of a step: told while it is made, of the weights that were there
 * before it, and the run's bytes are those of one that nobody asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "defense/method.h"
#include "run/ask.h"
#include "run/begin.h"
#include "run/control.h"
#include "run/trainer.h"
#include "run_support.h"

struct heard {
    enum vac_event_kind kind;
    uint64_t id, during; /* the command's; the step that was being made */
    int64_t step, tokens, before_step;
    double p_refuse, along;
    char answer[256], before[256], text[256];
};
/* The run at work: what is asked of it, and what it told. */
static struct {
    struct trainer *t;
    struct control *ctl;
    const struct method *real;
    void (*act)(uint64_t step, bool ends); /* in front of a step's passes, and behind them */
    struct heard v[64];
    size_t n;
} now;

static void listen_to(uint64_t step)
{
    struct vac_event e;

    for (; control_event_pop(now.ctl, &e); vac_event_done(&e)) {
        struct heard *h = &now.v[now.n];

        if (e.kind != VAC_EVENT_PROBE_END && e.kind != VAC_EVENT_REJECTED)
            continue;
        assert_true(now.n++ < sizeof now.v / sizeof *now.v);
        *h = (struct heard){.kind = e.kind, .id = e.id, .during = step, .step = e.step};
        snprintf(h->text, sizeof h->text, "%s", e.text);
        if (e.kind == VAC_EVENT_REJECTED)
            continue;
        h->tokens = e.probes.v->tokens;
        h->before_step = e.probes.v->before_step;
        h->p_refuse = e.probes.v->p_refuse;
        h->along = e.probes.v->along;
        snprintf(h->answer, sizeof h->answer, "%s", e.probes.v->answer);
        snprintf(h->before, sizeof h->before, "%s", e.probes.v->before ? e.probes.v->before : "-");
    }
}

/* A method's step with somebody who asks. */
static void asked_step(struct step *s)
{
    listen_to(s->step - 1);
    if (now.act)
        now.act(s->step, false);
    now.real->step(s);
    listen_to(s->step);
    if (now.act)
        now.act(s->step, true);
}

static uint64_t give(enum vac_op op, int64_t n, const char *text)
{
    struct vac_err err = {0};
    uint64_t id;

    assert_ok(control_push(now.ctl,
                           &(struct vac_command){.op = op, .n = n, .text = text, .who = "test"},
                           &id, &err),
              &err);
    return id;
}

static const struct heard *heard(uint64_t id)
{
    for (size_t i = 0; i < now.n; i++)
        if (now.v[i].id == id)
            return &now.v[i];
    fail_msg("command %llu was not answered", (unsigned long long)id);
    return NULL;
}

/* From its beginning to its end on this thread; its exit code. */
static int go(const struct rig_run *r, const char *out, int threads,
              void (*act)(uint64_t step, bool ends))
{
    struct trainer t = {.exit_code = 0};
    struct control ctl;
    struct method method;
    struct vac_err err = {0};
    char set[32];
    const char *sets[] = {set};

    snprintf(set, sizeof set, "threads=%d", threads);
    assert_ok(control_init(&ctl, &err), &err);
    trainer_init(&t, &ctl);
    assert_ok(spec_read(&t.rig.spec, r->file, sets, 1, &err), &err);
    now.t = &t;
    now.ctl = &ctl;
    now.act = act;
    now.n = 0;
    now.real = t.rig.spec.stage[0].method;
    method = *now.real;
    method.step = asked_step;
    t.rig.spec.stage[0].method = &method;
    assert_ok(trainer_open(&t, &(struct vac_open){.deterministic_wall = true}, &err), &err);
    assert_ok(begin_folder(&t, out, &err), &err);
    trainer_run(&t);
    listen_to(UINT64_MAX);
    trainer_close(&t);
    control_done(&ctl);
    return t.exit_code;
}

#define SFT "'method':'sft','lora':{'r':2,'dropout':0.2}"
#define VACCINE "'method':'vaccine','rho':0.5,'lora':{'r':2,'dropout':0.2}"

static void rig(struct rig_run *r, const char *method, const char *more)
{
    char text[2048];

    run_rig(r, "golden/llama-gqa", true);
    support_write_text(run_path(r->dir, "ask.jsonl"),
                       "{\"prompt\":\"abc\"}\n{\"prompt\":\"xyz 12\"}\n");
    snprintf(text, sizeof text,
             "'checkpoint':{'steps':2,'minutes':0},%s"
             "'watch':{'every':3,'drift':'rows.jsonl','align_loss':'rows.jsonl',"
             "'refusal':2,"
             "'probes':{'file':'ask.jsonl','every':3,'max_new_tokens':4}},"
             "'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'refusal',"
             "'max_new_tokens':4,'every':3},"
             "{'name':'over','prompts':'ask.jsonl','judge':'refusal','count':'refused',"
             "'max_new_tokens':4,'every':3}],"
             "'stages':[{'name':'align',%s,'train':['rows.jsonl'],'steps':8,'batch_size':4,"
             "'lr':0.01}]",
             more, method);
    run_file(r, text);
}

static void assert_same_answer(const struct heard *a, const struct heard *b)
{
    assert_int_equal(a->kind, VAC_EVENT_PROBE_END);
    assert_int_equal(b->kind, VAC_EVENT_PROBE_END);
    assert_int_equal(a->step, b->step);
    assert_string_equal(a->answer, b->answer);
    assert_string_equal(a->before, b->before);
    assert_int_equal(a->before_step, b->before_step);
    assert_int_equal(a->tokens, b->tokens);
    assert_true(a->p_refuse == b->p_refuse);
    assert_memory_equal(&a->along, &b->along, sizeof a->along);
}

/* --- the same bytes, and the same answers as between two steps --- */

enum { SHORT = 2, LONG = 12 };
static uint64_t between[2], within[2];

static void ask_both(uint64_t step, bool ends)
{
    for (uint64_t i = 0; i < 2; i++) {
        if (step == 2 + 2 * i && ends)
            between[i] = give(VAC_OP_PROBE, i ? LONG : SHORT, "say it");
        if (step == 3 + 2 * i && !ends)
            within[i] = give(VAC_OP_PROBE, i ? LONG : SHORT, "say it");
    }
}

static void ask_within(const char *method, int threads)
{
    const char *a = run_folder(), *b = run_folder();
    struct rig_run r;

    rig(&r, method, "");
    assert_int_equal(go(&r, a, threads, NULL), 0);
    assert_int_equal(go(&r, b, threads, ask_both), 0);
    assert_int_equal(heard(within[0])->step, 2);
    assert_int_equal(heard(within[0])->during, 3); /* the step was not over */
    assert_int_equal(heard(within[1])->step, 4);
    assert_true(heard(within[0])->tokens > 0);
    for (int i = 0; i < 2; i++)
        assert_same_answer(heard(within[i]), heard(between[i]));
    assert_int_equal(run_journal_count(b, "probe"), 4);
    run_assert_same(a, b);
}

static void test_sft(void **state)
{
    (void)state;
    ask_within(SFT, 1);
    assert_int_equal(heard(within[1])->tokens, LONG);
    assert_true(heard(within[1])->during > 5); /* it has gone on while the weights moved */
    ask_within(SFT, 2);
}

static void test_vaccine(void **state)
{
    (void)state;
    ask_within(VACCINE, 1);
    ask_within(VACCINE, 2);
}

static void test_micro_batches(void **state)
{
    (void)state;
    ask_within(VACCINE ",'accumulate':2", 1);
}

static void test_full(void **state)
{
    (void)state;
    ask_within("'method':'sft','lora':null", 1);
    ask_within("'method':'vaccine','rho':0.5,'lora':null", 2);
}

/* Weights that are moved within the step are not those that are asked. */
static void test_booster(void **state)
{
    (void)state;
    ask_within("'method':'booster','harmful':['harm.jsonl'],'lambda':2,'alpha':5,"
               "'lora':{'r':2,'dropout':0.2}",
               1);
}

/* --- what else happens meanwhile --- */

static uint64_t asked;

/* Where the weights cannot be put aside it is answered before they change. */
static void ask_without_room(uint64_t step, bool ends)
{
    struct stage *st = &now.t->st;

    if (step == 2 && ends)
        between[0] = give(VAC_OP_PROBE, LONG, "say it");
    if (step == 3 && !ends) {
        compute_release(now.t->rig.c, st->asked);
        st->asked = NULL;
        asked = give(VAC_OP_PROBE, LONG, "say it");
    }
    if (step == 3 && ends)
        assert_non_null(now.t->inquiry.asking);
    if (step == 4 && !ends)
        assert_null(now.t->inquiry.asking);
}

static void test_no_room(void **state)
{
    const char *a = run_folder(), *b = run_folder();
    struct rig_run r;

    (void)state;
    rig(&r, SFT, "");
    assert_int_equal(go(&r, a, 1, NULL), 0);
    assert_int_equal(go(&r, b, 1, ask_without_room), 0);
    assert_same_answer(heard(asked), heard(between[0]));
    run_assert_same(a, b);
}

static void ask_and_stop(uint64_t step, bool ends)
{
    if (step == 3 && !ends)
        asked = give(VAC_OP_PROBE, 40, "say it");
    if (step == 4 && !ends) {
        assert_non_null(now.t->inquiry.asking);
        give(VAC_OP_PROBE_STOP, 0, NULL);
    }
    if (step == 4 && ends)
        assert_null(now.t->inquiry.asking);
}

static void test_stop(void **state)
{
    const char *a = run_folder(), *b = run_folder();
    struct rig_run r;

    (void)state;
    rig(&r, SFT, "");
    assert_int_equal(go(&r, a, 1, NULL), 0);
    assert_int_equal(go(&r, b, 1, ask_and_stop), 0);
    assert_int_equal(heard(asked)->during, 4);
    assert_true(heard(asked)->tokens > 1 && heard(asked)->tokens < 40);
    run_assert_same(a, b);
}

/* A command behind it comes when it is answered, before the next step. */
static void ask_and_pause(uint64_t step, bool ends)
{
    if (step == 3 && !ends)
        asked = give(VAC_OP_PROBE, 40, "say it");
    if (step == 3 && ends) {
        assert_non_null(now.t->inquiry.asking);
        give(VAC_OP_PAUSE, 0, NULL);
        give(VAC_OP_RESUME, 0, NULL);
    }
    if (step == 4 && !ends)
        assert_null(now.t->inquiry.asking);
}

static void test_pause(void **state)
{
    const char *a = run_folder(), *b = run_folder();
    struct rig_run r;
    char *journal;

    (void)state;
    rig(&r, SFT, "");
    assert_int_equal(go(&r, a, 1, NULL), 0);
    assert_int_equal(go(&r, b, 1, ask_and_pause), 0);
    assert_int_equal(heard(asked)->step, 2);
    assert_true(heard(asked)->tokens > 1);
    journal = run_read(b, "journal.jsonl", NULL);
    assert_non_null(strstr(journal, "\"op\":\"probe\""));
    assert_non_null(strstr(strstr(journal, "\"op\":\"probe\""), "\"op\":\"pause\""));
    free(journal);
    run_assert_same(a, b);
}

/* One that ends meanwhile goes on as the other. */
static void ask_and_quit(uint64_t step, bool ends)
{
    if (step == 3 && !ends)
        asked = give(VAC_OP_PROBE, 40, "say it");
    if (step == 4 && !ends)
        give(VAC_OP_QUIT, 0, NULL);
}

static void test_quit(void **state)
{
    const char *a = run_folder(), *b = run_folder();
    struct vac_err err;
    struct rig_run r;

    (void)state;
    rig(&r, SFT, "");
    assert_int_equal(go(&r, a, 1, NULL), 0);
    assert_int_equal(go(&r, b, 1, ask_and_quit), 0);
    assert_true(heard(asked)->tokens < 40);
    assert_int_equal(run_journal_count(b, "quit"), 1);
    assert_ok(run_whole(&r, b, true, &err), &err);
    run_assert_same(a, b);
}

/* What is asked does not come with a run that goes back. */
static void ask_and_go_back(uint64_t step, bool ends)
{
    if (step == 5 && !ends && !asked)
        asked = give(VAC_OP_PROBE, 40, "say it");
}

static void test_rewind(void **state)
{
    const struct heard *h;
    struct rig_run r;

    (void)state;
    rig(&r, SFT, "'guards':[{'when':'step >= 5','do':'rewind'}],");
    asked = 0;
    go(&r, run_folder(), 1, ask_and_go_back);
    h = heard(asked);
    assert_int_equal(h->kind, VAC_EVENT_REJECTED);
    assert_string_equal(h->text, "probe: not answered: the run went back");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sft),           cmocka_unit_test(test_vaccine),
        cmocka_unit_test(test_micro_batches), cmocka_unit_test(test_full),
        cmocka_unit_test(test_booster),       cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_stop),          cmocka_unit_test(test_pause),
        cmocka_unit_test(test_quit),          cmocka_unit_test(test_rewind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
