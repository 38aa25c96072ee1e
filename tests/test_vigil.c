/* test_vigil.c - a step that hangs: what guards for it is told while it does, once, and done when it has come. */
#include <math.h>
#include <semaphore.h>
#include <unistd.h>

#include "defense/method.h"
#include "run/begin.h"
#include "run/control.h"
#include "run/trainer.h"
#include "run_support.h"

/* A method of sft's steps, of which the third is held until it is let go. */
static sem_t go;
static struct method held;

static void held_step(struct step *s)
{
    if (s->step == 3)
        sem_wait(&go);
    method_find("sft", NULL)->step(s);
}

struct hanging {
    struct rig_run r;
    const char *out;
    struct control ctl;
    struct trainer t;
    pthread_t thread;
};

static void *train(void *x)
{
    struct hanging *h = x;

    trainer_run(&h->t);
    return NULL;
}

static void setup(struct hanging *h, const char *guards, bool interactive)
{
    struct vac_err err = {0};
    char text[1024];

    *h = (struct hanging){.out = run_folder()};
    sem_init(&go, 0, 0);
    run_rig(&h->r, "golden/opt", false);
    snprintf(text, sizeof text,
             "'guards':%s,'checkpoint':{'steps':2,'minutes':0},'stages':[{'name':'align',"
             "'train':['rows.jsonl'],'lora':{'r':2},'steps':6,'batch_size':4,'lr':0.01}]",
             guards);
    run_file(&h->r, text);
    assert_ok(control_init(&h->ctl, &err), &err);
    trainer_init(&h->t, &h->ctl);
    assert_ok(spec_read(&h->t.rig.spec, h->r.file, NULL, 0, &err), &err);
    held = *method_find("sft", NULL);
    held.step = held_step;
    h->t.rig.spec.stage[0].method = &held;
    assert_ok(trainer_open(&h->t, &(struct vac_open){.interactive = interactive}, &err), &err);
    assert_ok(begin_folder(&h->t, h->out, &err), &err);
    assert_int_equal(pthread_create(&h->thread, NULL, train, h), 0);
}

/* The text of the next one; it fails after a minute. */
static void wait_for(struct hanging *h, enum vac_event_kind kind, char *text, size_t size)
{
    double until = clock_now() + 60;
    struct vac_event e;

    for (bool found = false; !found; usleep(1000)) {
        assert_true(clock_now() < until);
        while (!found && control_event_pop(&h->ctl, &e)) {
            found = e.kind == kind;
            snprintf(text, size, "%s", e.text);
            vac_event_done(&e);
        }
    }
}

static void wait_state(struct hanging *h, enum vac_state state)
{
    double until = clock_now() + 60;

    while (control_snapshot(&h->ctl)->state != state) {
        assert_true(clock_now() < until);
        usleep(1000);
    }
}

static void give(struct hanging *h, enum vac_op op)
{
    struct vac_err err = {0};

    assert_ok(control_push(&h->ctl, &(struct vac_command){.op = op, .who = "test"}, NULL, &err),
              &err);
}

static void teardown(struct hanging *h)
{
    pthread_join(h->thread, NULL);
    trainer_close(&h->t);
    control_done(&h->ctl);
    sem_destroy(&go);
}

/* On a screen: told while it hangs, paused when it has come, and not told again. */
static void test_pause(void **state)
{
    struct hanging h;
    char text[512];

    (void)state;
    setup(&h, "['no step for 1 s']", true);
    wait_for(&h, VAC_EVENT_GUARD, text, sizeof text);
    assert_non_null(strstr(text, "guard 1: no step for 1 s: "));
    assert_non_null(strstr(text, "; step 3 is still being made"));
    assert_int_equal(run_journal_count(h.out, "trip"), 1);
    assert_int_equal(run_journal_count(h.out, "pause"), 0);
    for (double until = clock_now() + 60; !*control_snapshot(&h.ctl)->alert; usleep(1000))
        assert_true(clock_now() < until);
    assert_int_equal(control_snapshot(&h.ctl)->step, 2);
    assert_int_equal(control_snapshot(&h.ctl)->state, VAC_RUNNING);
    sem_post(&go);
    wait_state(&h, VAC_PAUSED);
    assert_int_equal(control_snapshot(&h.ctl)->step, 3);
    assert_true(control_snapshot(&h.ctl)->fault);
    assert_non_null(strstr(control_snapshot(&h.ctl)->reason, "guard 1: no step for 1 s: "));
    give(&h, VAC_OP_RESUME);
    wait_state(&h, VAC_DONE);
    give(&h, VAC_OP_QUIT);
    teardown(&h);
    assert_int_equal(run_journal_count(h.out, "trip"), 1);
    assert_int_equal(run_journal_count(h.out, "pause"), 1);
}

/* Without one: its command is at work at once; what ends the run does when the step has come, saved. */
static void test_command_and_stop(void **state)
{
    struct hanging h;
    char text[512], *log = NULL;
    double until = clock_now() + 60;
    size_t n = 0;

    (void)state;
    setup(&h,
          "[{'when':'no step for 1 s','do':'run','command':['echo','it hangs']},"
          "'no step for 1 s stop']",
          false);
    wait_for(&h, VAC_EVENT_GUARD, text, sizeof text);
    wait_for(&h, VAC_EVENT_GUARD, text, sizeof text);
    assert_non_null(strstr(text, "guard 2: no step for 1 s"));
    for (; !n; usleep(1000)) {
        assert_true(clock_now() < until);
        free(log);
        log = file_exists(run_path(h.out, "guards.log")) ? run_read(h.out, "guards.log", &n) : NULL;
    }
    assert_string_equal(log, "it hangs\n");
    free(log);
    sem_post(&go);
    wait_state(&h, VAC_STOPPED);
    assert_int_equal(control_snapshot(&h.ctl)->step, 3);
    teardown(&h);
    assert_int_equal(h.t.exit_code, 3);
    assert_true(dir_exists(run_path(h.out, "checkpoint-3")));
    assert_int_equal(run_journal_count(h.out, "trip"), 2);
}

/* A run that ends, or is discarded, while nothing hangs takes the watcher with it. */
static void test_nothing_hangs(void **state)
{
    struct hanging h;

    (void)state;
    setup(&h, "['no step for 3600 s']", true);
    sem_post(&go);
    wait_state(&h, VAC_DONE);
    give(&h, VAC_OP_QUIT);
    teardown(&h);
    assert_int_equal(run_journal_count(h.out, "trip"), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_command_and_stop),
        cmocka_unit_test(test_nothing_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
