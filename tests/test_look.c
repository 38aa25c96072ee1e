/* test_look.c - a run that has ended answers: the weights that it saved, of any stage or checkpoint, are
 * asked, measured and drawn, and nothing in its folder changes. */
#include <unistd.h>

#include "run_support.h"

#define TRAIN "'train':['rows.jsonl'],'batch_size':4"
#define TWO                                                                                        \
    "'checkpoint':{'steps':3,'minutes':0,'keep':9},"                                               \
    "'watch':{'every':2,'drift':'rows.jsonl','probes':{'file':'ask.jsonl','every':5,"              \
    "'max_new_tokens':4}},'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'refusal',"       \
    "'max_new_tokens':4}],"                                                                        \
    "'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN                                \
    ",'lora':{'r':2},'steps':8,'lr':0.05},{'name':'attack','method':'sft'," TRAIN                  \
    ",'lora':{'r':2},'steps':6,'lr':0.05}]"
#define FULL                                                                                       \
    "'watch':{'drift':'rows.jsonl'},'checkpoint':{'steps':2,'minutes':0,'keep':9},"                \
    "'stages':[{'name':'all'," TRAIN ",'lora':null,'steps':4,'lr':0.01},{'name':'attack'," TRAIN   \
    ",'lora':{'r':2},'steps':2,'lr':0.05}]"

/* Its first stage ends at step 4 of 8, where its bounds are looked at again. */
#define EARLY                                                                                      \
    "'checkpoint':{'steps':3,'minutes':0,'keep':9},'watch':{'drift':'rows.jsonl'},"                \
    "'evaluate':[{'name':'L','data':'rows.jsonl','metric':'loss','every':2}],"                     \
    "'stages':[{'name':'align'," TRAIN ",'lora':{'r':2},'steps':8,'lr':0.05,"                      \
    "'until':{'L':'< 99','for':2}},{'name':'attack'," TRAIN                                        \
    ",'lora':{'r':2},'steps':6,'lr':0.05}]"

static void make(struct rig_run *r, const char *rest)
{
    run_rig(r, "golden/llama-gqa", true);
    support_write_text(run_path(r->dir, "ask.jsonl"),
                       "{\"prompt\":\"abc\"}\n{\"prompt\":\"xyz\"}\n");
    run_file(r, rest);
}

/* The folder of a run to its end. */
static const char *ended(struct rig_run *r, const char *rest)
{
    const char *dir = run_folder();
    struct vac_err err = {0};

    make(r, rest);
    assert_int_equal(run_whole(r, dir, false, &err), 0);
    return dir;
}

static struct vac_session *look(const char *dir, const char *at, struct vac_err *err)
{
    struct vac_open o = {.file = dir, .look = true, .at = at};
    struct vac_session *s;

    if (vac_session_open(&s, &o, err))
        return NULL;
    if (vac_session_start(s, err) == 0)
        return s;
    vac_session_close(s);
    return NULL;
}

/* What it says to "abc", at which step; free it. */
static char *ask(struct vac_session *s, int64_t *step)
{
    struct vac_event e;
    char *text;
    uint64_t id = run_give(s, VAC_OP_PROBE, 12, "", "abc");

    run_event(s, VAC_EVENT_PROBE_END, id, &e);
    text = strdup(e.probes.v->answer);
    *step = e.step;
    vac_event_done(&e);
    return text;
}

/* No byte of the folder has changed since `was`, which is done. */
static void assert_same(const char *dir, struct strbuf *was)
{
    struct strbuf is = {0};

    run_picture(dir, &is);
    assert_string_equal(was->s, is.s);
    sb_done(was);
    sb_done(&is);
}

/* The weights answer as they did when the run was there: of the end, and of a checkpoint. */
static void test_the_saved_weights_answer(void **state)
{
    struct rig_run r;
    const char *dir = run_folder();
    struct vac_session *s;
    struct vac_err err = {0};
    struct strbuf was = {0};
    char *said[3], *again;
    const char *const at[] = {"6", "align", "attack"};
    int64_t step;

    (void)state;
    make(&r, TWO);
    s = run_start(&r, dir, &(struct vac_open){.paused = true, .interactive = true});
    for (int i = 0; i < 3; i++) {
        const int64_t steps[] = {6, 2, 6};

        run_wait(s, VAC_PAUSED);
        run_give(s, i < 2 ? VAC_OP_STEP : VAC_OP_RESUME, steps[i], "", NULL);
        if (i < 2) {
            run_wait_step(s, i ? 8 : 6);
            run_wait(s, VAC_PAUSED);
        } else {
            run_wait(s, VAC_DONE);
        }
        said[i] = ask(s, &step);
    }
    vac_session_close(s);
    run_picture(dir, &was);
    for (int i = 0; i < 4; i++) {
        s = look(dir, i < 3 ? at[i] : NULL, &err);
        assert_ok(!s, &err);
        run_wait(s, VAC_DONE);
        again = ask(s, &step);
        assert_int_equal(step, i == 0 ? 6 : i == 1 ? 8 : 14);
        assert_string_equal(again, said[i < 3 ? i : 2]);
        free(again);
        vac_session_close(s);
    }
    assert_same(dir, &was);
    for (int i = 0; i < 3; i++)
        free(said[i]);
}

/* Scores, the suite, the map and the data, of what `at` names. */
static void look_at_all(const char *dir, const char *at, bool watched, int64_t step)
{
    struct vac_err err = {0};
    struct vac_session *s = look(dir, at, &err);
    struct vac_event e;
    uint64_t id;

    assert_ok(!s, &err);
    run_wait(s, VAC_DONE);
    assert_int_equal(vac_snapshot(s)->step, step);
    if (watched) {
        run_give(s, VAC_OP_EVALUATE, 0, "", NULL);
        run_event(s, VAC_EVENT_EVAL, 0, &e);
        assert_string_equal(e.eval.score->name, "HS");
        assert_int_equal(e.eval.score->step, step);
        vac_event_done(&e);
        id = run_give(s, VAC_OP_SUITE, 0, "", NULL);
        run_event(s, VAC_EVENT_SUITE, id, &e);
        assert_int_equal(e.probes.n, 2);
        vac_event_done(&e);
    }
    id = run_give(s, VAC_OP_MAP, 1, "", NULL);
    run_event(s, VAC_EVENT_MAP, id, &e);
    assert_int_equal(e.map.n, 23);
    assert_true(e.map.v[0].x != e.map.v[0].rx); /* it has moved since the stage began */
    vac_event_done(&e);
    id = run_give(s, VAC_OP_SAMPLES, 0, "", NULL);
    run_event(s, VAC_EVENT_SAMPLES, id, &e);
    assert_int_equal(e.samples.total, 23);
    vac_event_done(&e);
    assert_false(run_do(s, VAC_OP_SET, 0, "lr", "1", NULL));
    assert_false(run_do(s, VAC_OP_SAVE, 0, "", NULL, NULL));
    vac_session_close(s);
}

/* What a checkpoint's cursor has passed was seen, by whatever process: 4 of 23 rows a step. */
static void test_a_checkpoint_knows_what_was_seen(void **state)
{
    static const struct {
        const char *at;
        size_t seen;
    } rows[] = {{"3", 12}, {"align", 23}, {"11", 12}};
    struct rig_run r;
    const char *dir = ended(&r, TWO);
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vac_session *s = look(dir, rows[i].at, &err);
        struct vac_event e;

        assert_ok(!s, &err);
        run_wait(s, VAC_DONE);
        run_event(s, VAC_EVENT_SAMPLES, run_give(s, VAC_OP_SAMPLES, 0, "seen", NULL), &e);
        assert_int_equal(e.samples.total, rows[i].seen);
        for (size_t k = 1; k < e.samples.n; k++)
            assert_true(e.samples.v[k].index > e.samples.v[k - 1].index);
        vac_event_done(&e);
        vac_session_close(s);
    }
}

static void test_looking_at_all_of_it_changes_no_byte(void **state)
{
    struct rig_run r;
    const char *dir = ended(&r, TWO);
    struct strbuf was = {0};

    (void)state;
    run_picture(dir, &was);
    look_at_all(dir, NULL, true, 14);
    look_at_all(dir, "align", true, 8);
    look_at_all(dir, "3", true, 3);
    look_at_all(dir, "11", true, 11);
    assert_same(dir, &was);
}

/* Where all weights were trained, and checkpoints at the ends are gone. */
static void test_full_weights_answer_too(void **state)
{
    struct rig_run r;
    const char *dir = ended(&r, FULL);
    struct vac_err err = {0};
    struct strbuf was = {0};

    (void)state;
    assert_ok(path_remove(run_path(dir, "checkpoint-4"), &err), &err);
    run_picture(dir, &was);
    look_at_all(dir, "all", false, 4);
    look_at_all(dir, "2", false, 2);
    look_at_all(dir, "attack", false, 6);
    assert_same(dir, &was);
}

/* The end of a stage is where it ended, also where its checkpoint is gone. */
static void test_an_early_end_is_the_end(void **state)
{
    struct rig_run r;
    const char *dir = ended(&r, EARLY);
    struct vac_err err = {0};

    (void)state;
    assert_true(run_metric(dir, run_lines(dir, "metrics.jsonl") - 1, "step") == 10);
    for (int gone = 0; gone < 2; gone++) {
        look_at_all(dir, "align", false, 4);
        look_at_all(dir, "attack", false, 10);
        look_at_all(dir, NULL, false, 10);
        look_at_all(dir, "7", false, 7);
        if (!gone)
            assert_ok(path_remove(run_path(dir, "checkpoint-4"), &err) ||
                          path_remove(run_path(dir, "checkpoint-10"), &err),
                      &err);
    }
}

static void test_what_is_not_there_is_told(void **state)
{
    struct rig_run r;
    const char *dir = ended(&r, TWO);
    struct vac_err err = {0};
    struct vac_session *s;
    char *list;

    (void)state;
    list = vac_run_saved(dir, &err);
    assert_string_equal(list, "align, attack, 3, 6, 8, 11, 14");
    free(list);
    assert_null(look(dir, "7", &err)); /* at once: no model is read for it */
    assert_error(&err, "no stage and no checkpoint \"7\"");
    err_clear(&err);
    assert_null(look(r.dir, NULL, &err));
    assert_error(&err, "is no run's folder");
    err_clear(&err);
    support_write_text(run_path(r.dir, "ask.jsonl"), "{\"prompt\":\"another\"}\n");
    s = look(dir, NULL, &err);
    assert_ok(!s, &err);
    while (vac_snapshot(s)->state != VAC_FAILED)
        usleep(1000);
    assert_non_null(strstr(vac_snapshot(s)->reason, "ask.jsonl: has changed since"));
    vac_session_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_saved_weights_answer),
        cmocka_unit_test(test_a_checkpoint_knows_what_was_seen),
        cmocka_unit_test(test_looking_at_all_of_it_changes_no_byte),
        cmocka_unit_test(test_full_weights_answer_too),
        cmocka_unit_test(test_an_early_end_is_the_end),
        cmocka_unit_test(test_what_is_not_there_is_told),
    };

    return cmocka_run_group_tests_name("look", tests, NULL, NULL);
}
