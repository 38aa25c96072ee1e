/* test_foresight.c - the time that `validate` tells beforehand, held against that of the run itself.
 *
 * By a clock of ours, which goes on with the work that is done and with nothing else: a row through the model
 * forwards is one beat, backwards two. What it tells is then off only by what it leaves out, whatever the machine
 * does beside. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "compute/speed.h"
#include "door/crowd.h"
#include "door/validate.h"
#include "model/pass.h"
#include "run_support.h"

#define BEAT 1e-4 /* seconds */

static atomic_ullong beats;
static double gflops; /* that the machine is said to have */

double __wrap_clock_now(void);
double __wrap_crowd_now(const struct crowd *c);
double __wrap_speed_of_products(const struct compute *c, struct sides s, double seconds, bool own);
double __real_pass_loss(struct pass *p, bool want_grad, double *row_loss);
double __wrap_pass_loss(struct pass *p, bool want_grad, double *row_loss);
void __real_pass_forward(struct pass *p);
void __wrap_pass_forward(struct pass *p);
void __real_pass_backward(struct pass *p);
void __wrap_pass_backward(struct pass *p);

double __wrap_clock_now(void)
{
    return 1 + BEAT * (double)atomic_load(&beats);
}

double __wrap_crowd_now(const struct crowd *c)
{
    (void)c;
    return 1;
}

double __wrap_speed_of_products(const struct compute *c, struct sides s, double seconds, bool own)
{
    (void)c;
    (void)s;
    (void)seconds;
    (void)own;
    return gflops;
}

double __wrap_pass_loss(struct pass *p, bool want_grad, double *row_loss)
{
    atomic_fetch_add(&beats, p->b->N);
    return __real_pass_loss(p, want_grad, row_loss);
}

void __wrap_pass_forward(struct pass *p)
{
    atomic_fetch_add(&beats, p->b->N);
    __real_pass_forward(p);
}

void __wrap_pass_backward(struct pass *p)
{
    atomic_fetch_add(&beats, 2 * p->b->N);
    __real_pass_backward(p);
}

/* --- what it tells, and what is so --- */

#define TRAIN "'train':['rows.jsonl'],'batch_size':4,'lora':{'r':2},'lr':0.01,'steps':60"
#define ONE "'stages':[{'name':'a'," TRAIN "}]"
#define ATTACK                                                                                     \
    "{'name':'b','train':[{'file':'harm.jsonl','harmful':true}],'batch_size':4,'lora':{'r':2},'"   \
    "steps':60}"
#define DRIFT "'drift':'rows.jsonl'"
#define PROBES "'probes':{'file':'ask.jsonl','every':1,'max_new_tokens':8}"
#define HS "{'name':'HS','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':8,'every':1}"
#define LOSS "{'name':'L','data':'rows.jsonl','metric':'loss','every':1}"

/* In each of them what it is named after is a large part: left out, what is told is off by more than the
 * bounds allow. */
static const struct {
    const char *what, *file;
} runs[] = {
    {"one stage", ONE},
    {"two passes a step", "'stages':[{'name':'a','method':'vaccine'," TRAIN "}]"},
    {"two stages", "'stages':[{'name':'a'," TRAIN "}," ATTACK "]"},
    {"micro-batches", "'stages':[{'name':'a','accumulate':3," TRAIN "}]"},
    {"drift", "'watch':{'every':1," DRIFT "}," ONE},
    {"probes", "'watch':{" PROBES "}," ONE},
    {"answers", "'evaluate':[" HS "]," ONE},
    {"a loss", "'evaluate':[" LOSS "]," ONE},
    {"attacks on forks", "'attack':{'every':20},'stages':[{'name':'a'," TRAIN "}," ATTACK "]"},
    {"all of it", "'watch':{'every':1," DRIFT "," PROBES "},'evaluate':[" HS "," LOSS
                  "],'stages':[{'name':'a','method':'vaccine'," TRAIN "}," ATTACK "]"},
};

static double told(const struct rig_run *r)
{
    struct validation v;
    struct vac_err err = {0};
    double seconds;

    assert_ok(validate_open(&v, r->file, NULL, 0, &err), &err);
    for (size_t i = 0; i < v.n_stages; i++)
        assert_true(v.stage[i].rehearsed);
    seconds = v.seconds + v.measuring + v.attacking;
    validate_done(&v);
    return seconds;
}

/* What is left is which rows the steps of the rehearsal had, and how long the answers of a beginning are. */
static void test_a_run_takes_as_long_as_was_told(void **state)
{
    struct rig_run r;
    char asked[400] = "";

    (void)state;
    run_rig(&r, "golden/llama-gqa", true);
    for (char c = 'a'; c < 'm'; c++)
        snprintf(asked + strlen(asked), sizeof asked - strlen(asked), "{\"prompt\":\"%c%c\"}\n", c,
                 c + 1);
    support_write_text(run_path(r.dir, "ask.jsonl"), asked);
    gflops = 1000;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        struct vac_err err = {0};
        double before, is;

        run_file(&r, runs[i].file);
        before = told(&r);
        is = clock_now();
        assert_int_equal(run_whole(&r, run_folder(), false, &err), 0);
        is = clock_now() - is;
        if (!(before > 0.85 * is && before < 1.15 * is))
            fail_msg("%s: told %.2f s, took %.2f s", runs[i].what, before, is);
    }
}

/* Where steps are too long to be made the arithmetic tells: every pass of every step of every stage. */
static void test_arithmetic_counts_all_passes(void **state)
{
    struct rig_run r;
    struct validation v;
    struct vac_err err = {0};

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, "'stages':[{'name':'a'," TRAIN "},{'name':'b','method':'vaccine'," TRAIN
                 "},{'name':'c','accumulate':3," TRAIN "}]");
    gflops = 1e-6;
    assert_ok(validate_open(&v, r.file, NULL, 0, &err), &err);
    assert_false(v.stage[0].rehearsed || v.stage[1].rehearsed || v.stage[2].rehearsed);
    assert_true(v.stage[0].flops > 0);
    assert_true(fabs(v.stage[1].flops / v.stage[0].flops - 2) < 1e-9);
    assert_true(fabs(v.stage[2].flops / v.stage[0].flops - 3) < 1e-9);
    assert_true(fabs(v.seconds / v.stage[0].seconds - 6) < 1e-9);
    validate_done(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_takes_as_long_as_was_told),
        cmocka_unit_test(test_arithmetic_counts_all_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
