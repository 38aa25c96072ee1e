/* test_ui_travel.c - going back and forking by keys, on the real core. */
#include "ui_live.h"

static void assert_on(const char *screen, const char *what)
{
    char *text = run_read(rig.dir, screen, NULL);

    if (!strstr(text, what))
        fail_msg("\"%s\" is not on the screen:\n%s", what, text);
    free(text);
}

static void test_back_and_fork(void **state)
{
    const char *a = untouched(STEERED), *b = run_folder();
    char script[2048], forked[1200];
    struct rig_run child = rig;
    struct vac_err err = {0};
    cJSON *line;

    (void)state;
    snprintf(forked, sizeof forked, "%s-at-5", b);
    snprintf(script, sizeof script,
             HELD "w\n:save-screen %s\nn\n\"5\\n\"\n:wait step 5\n" HELD "c\n:wait 0.5\n"
                  "n\n\"9\\n\"\n:wait step 14\n" HELD "w\n:save-screen %s\n\"5\\n\"\n:wait 1.5\n"
                  ":save-screen %s\nb\n:save-screen %s\nEnter\n:wait 1\n:save-screen %s\n"
                  ":rewind 7\n:wait 0.5\n:save-screen %s\n:rewind x\n:save-screen %s\n"
                  "Space\n:wait state done\nw\n:save-screen %s\n:quit\n",
             here("none"), here("asked"), here("back"), here("where"), here("forked"),
             here("refused"), here("word"), here("done"));
    play_through(b, "--paused", script);
    assert_on("none", "there is no checkpoint yet to go back to; c saves one");
    assert_on("asked", "back to step> 12");
    assert_on("asked", "checkpoints: 12, 5");
    assert_on("back", "back at step 5; what lay after it is in aside-5-1");
    assert_on("back", "step 5/22");
    assert_on("back", "rho 0.500"); /* that of the next step: none was made since */
    assert_on("where", "fork at> here");
    assert_on("forked", "forked: :open ");
    assert_on("refused", "has no checkpoint of step 7; the nearest is 5");
    assert_on("word", "rewind wants the step of a checkpoint, and \"x\" is none");
    assert_on("done", "a run that is at work can go back; b forks this one");
    run_assert_same(a, b);
    line = run_journal_last(b, "rewind");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "old")), "14");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "who")), "script");
    cJSON_Delete(line);
    line = run_journal_last(b, "fork");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "key")), forked);
    cJSON_Delete(line);
    snprintf(child.file, sizeof child.file, "%s", forked);
    if (run_again(&child, NULL, &(struct vac_open){.interactive = false}, &err))
        fail_msg("%s", err.msg);
    run_assert_same(a, forked);
}

/* A guard goes back and halves the rate, in one moment: each line of the journal is shown once. */
static void test_a_guard_goes_back(void **state)
{
    const char *out = run_folder();
    char script[512], *text;
    size_t shown = 0;

    (void)state;
    make_rig("'log_every':5,'checkpoint':{'steps':4,'minutes':0},"
             "'guards':[{'when':'step >= 7','do':'rewind'}],"
             "'stages':[{" TRAIN ",'lora':{'r':2},'steps':12,'lr':0.01}]");
    snprintf(script, sizeof script, HELD "8\nz\n/\n\"set\\n\"\n:save-screen %s\n:quit discard\n",
             here("journal"));
    play_through(out, NULL, script);
    text = run_read(rig.dir, "journal", NULL);
    for (const char *p = text; (p = strstr(p, "set lr 0.01 ->")); p++)
        shown++;
    assert_int_equal(run_journal_count(out, "set"), 3);
    if (shown != 3)
        fail_msg("%zu of 3 are shown:\n%s", shown, text);
    free(text);
}

/* As STEERED, with a stage that attacks; align makes so many steps. */
#define ATTACKED(steps)                                                                            \
    "'log_every':5,'checkpoint':{'steps':0,'minutes':0},"                                          \
    "'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':4,'every':" \
    "4,'stages':['attack']}],"                                                                     \
    "'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN                                \
    ",'lora':{'r':2,'alpha':4},'steps':" steps ",'lr':0.01},"                                      \
    "{'name':'attack','method':'sft','train':[{'file':'rows.jsonl','harmful':true}],"              \
    "'batch_size':4,'lora':{'r':2},'steps':10,'lr':0.01}]"

/* On the weights of a paused run, which is none the worse for it. */
static void test_attack(void **state)
{
    const char *a = untouched(ATTACKED("12")), *b = run_folder();
    char script[2048];

    (void)state;
    snprintf(script, sizeof script,
             HELD "n\n\"5\\n\"\n:wait step 5\n" HELD "a\n:save-screen %s\nEnter\n:wait attack\n"
                  ":save-screen %s\n:panel evaluation\nz\n:attack at=5 steps=100 lr=0.02\n"
                  ":wait attack\n:save-screen %s\ni\n:save-screen %s\ni\n:save-screen %s\n"
                  ":attack colour=red\n:save-screen %s\n:attack at=7\n:wait attack\n:save-screen "
                  "%s\nSpace\n:wait state done\n:quit\n",
             here("asked"), here("told"), here("over"), here("first"), here("panel"), here("word"),
             here("none"));
    play_through(b, "--paused", script);
    assert_on("asked", "attack> steps=10 lr=0.01");
    assert_on("told", "attack at step 5: steps to break ");
    assert_on("told", "HS ");
    assert_on("over", "attack 1 of 2");
    assert_on("over", "attack at 5, lr 0.02, 100 steps: over");
    assert_on("over", "* HS ");
    assert_on("over", "i attacks");
    assert_on("first", "attack 2 of 2");
    assert_on("first", "attack at 5, lr 0.01, 10 steps: over");
    assert_on("panel", "against this attack (10 steps, lr 0.01): steps to break  @5 ");
    assert_on("panel", "against this attack (100 steps, lr 0.02): steps to break  @5 ");
    assert_on("word", "\"colour=red\" is none of at=STEP");
    assert_on("none", "has no checkpoint of step 7; the nearest is 5");
    assert_int_equal(lines_of(b, "attacks.jsonl"), 2);
    run_assert_same(a, b);
}

/* Aligned, attacked at three of its steps, and at the last one in twelve ways: by keys. */
static void test_battery(void **state)
{
    const char *a = untouched(ATTACKED("12")), *b = run_folder();
    char script[2048];
    struct term term;

    (void)state;
    support_write_text(here("twelve.json"), "{\"attacks\": [{\"name\": \"a\", \"steps\": [3, 4],"
                                            " \"lr\": [1e-4, 1e-3, 1e-2, 0.1, 0.2, 0.3]}]}");
    snprintf(script, sizeof script,
             HELD "n\n\"4\\n\"\n:wait step 4\n" HELD ":attack steps=2\n:wait attack\n"
                  "n\n\"2\\n\"\n:wait step 6\n" HELD ":attack steps=2\n:wait attack\n"
                  "n\n\"2\\n\"\n:wait step 8\n" HELD ":attack steps=2\n:wait attack\n"
                  ":attack battery=%s steps=2\n:save-screen %s\n:attack battery=%s\n:wait "
                  "attack\n:save-screen %s\n:attack budget=4\n:save-screen %s\n"
                  ":attack battery=%s budget=60\n:wait attack\n:save-screen %s\n"
                  ":panel evaluation\nz\n:save-screen %s\nSpace\n:wait state done\n:quit\n",
             here("twelve.json"), here("both"), here("nix.json"), here("none"), here("budget"),
             here("twelve.json"), here("told"), here("panel"));
    start(&term, b, "screen", "--paused", script);
    assert_int_equal(term_end(&term, 300), 0); /* many short runs */
    term_free(&term);
    assert_on("both", "a battery's file says what attacks");
    assert_on("none", "nix.json: No such file");
    assert_on("budget", "a budget is of a battery");
    assert_on("told", "worst case: HS ");
    assert_on("panel", "2 steps, lr 0.01: broke  @4 ");
    assert_on("panel", "twelve @8: worst case: HS ");
    assert_on("panel", "of 12 attacks");
    assert_int_equal(lines_of(b, "attacks.jsonl"), 3 + 12);
    run_assert_same(a, b);
}

/* Attacked with `a` at three steps of the alignment: how immunity grew is a picture. */
static void test_immunity(void **state)
{
    const char *out = run_folder();
    char script[1024];

    (void)state;
    make_rig(ATTACKED("12"));
    snprintf(script, sizeof script,
             HELD "n\n\"3\\n\"\n:wait step 3\n" HELD "a\nEnter\n:wait attack\n"
                  "n\n\"3\\n\"\n:wait step 6\n" HELD "a\nEnter\n:wait attack\n"
                  "n\n\"3\\n\"\n:wait step 9\n" HELD "a\nEnter\n:wait attack\n"
                  ":panel evaluation\nz\n:save-screen %s\nq D\n",
             here("panel"));
    play_through(out, "--paused", script);
    assert_on("panel", "immunity: steps to break by step (held: the last)");
    assert_on("panel", "  @3 ");
    assert_on("panel", "  @9 ");
    assert_int_equal(lines_of(out, "attacks.jsonl"), 3);
}

/* What can be known before is: nothing is saved for an attack that cannot be. */
static void test_attack_that_cannot_be(void **state)
{
    const char *out = run_folder();
    char script[2048];

    (void)state;
    make_rig(ATTACKED("3"));
    snprintf(script, sizeof script,
             HELD "n\n\"5\\n\"\n:wait step 5\n" HELD ":attack steps=2\n:save-screen %s\n"
                  ":attack at=1\n:wait attack\n:save-screen %s\nq D\n",
             here("late"), here("none"));
    play_through(out, "--paused", script);
    assert_on("late", "step 5 lies behind the beginning of stage attack");
    assert_on("none", "has no checkpoint of step 1");
    assert_false(dir_exists(run_path(out, "checkpoint-5")));
}

/* A run that was going on waits, and goes on. */
static void test_attack_meanwhile(void **state)
{
    const char *out = run_folder();
    char script[512];

    (void)state;
    make_rig(ATTACKED("1000000"));
    snprintf(
        script, sizeof script,
        ":wait step 3\n:attack steps=2\n:wait attack\n:save-screen %s\n:wait state running\nq D\n",
        here("told"));
    assert_int_equal(play(out, NULL, script, NULL), 0);
    assert_on("told", "steps to break ");
    assert_int_equal(lines_of(out, "attacks.jsonl"), 1);
}

/* Of a run that is over, and nobody at the keys: each attack leaves its share of the budget by itself. */
static void test_attacks_go_on_by_themselves(void **state)
{
    const char *out = run_folder();
    char keys[1200];
    struct term t;

    (void)state;
    make_rig("'watch':{'every':50,'drift':'rows.jsonl'}," ATTACKED("4"));
    play_through(out, NULL, ":wait state done\n:quit\n");
    support_write_text(here("two.json"), "{\"attacks\": [{\"name\": \"a\", \"steps\": [8],"
                                         " \"lr\": [1e-4, 1e-3]}]}");
    term_start(&t, 100, 30, "xterm-256color", "screen", (const char *const[]){out, NULL});
    term_wait(&t, "DONE");
    snprintf(keys, sizeof keys, ":attack at=align battery=%s budget=12\r", here("two.json"));
    term_keys(&t, keys);
    term_wait(&t, "worst case");
    term_keys(&t, "q");
    assert_int_equal(term_end(&t, 60), 0);
    term_free(&t);
    assert_int_equal(lines_of(out, "attacks.jsonl"), 2);
    /* that which was stopped says so, and of which step a figure is that is older */
    snprintf(keys, sizeof keys,
             ":wait state done\n:panel evaluation\nz\n:save-screen %s\ni\n:save-screen %s\n:quit\n",
             here("own"), here("newest"));
    support_write_text(here("script"), keys);
    term_start(&t, 100, 30, "xterm-256color", "screen",
               (const char *const[]){out, "--script", here("script"), NULL});
    assert_int_equal(term_end(&t, 60), 0);
    term_free(&t);
    assert_on("newest", "stopped after step 4 of 8");
    assert_on("newest", "drift 0 @4 ");
}

static int cases(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_back_and_fork),
                                       cmocka_unit_test(test_a_guard_goes_back),
                                       cmocka_unit_test(test_attack),
                                       cmocka_unit_test(test_attack_that_cannot_be),
                                       cmocka_unit_test(test_battery),
                                       cmocka_unit_test(test_immunity),
                                       cmocka_unit_test(test_attack_meanwhile),
                                       cmocka_unit_test(test_attacks_go_on_by_themselves)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
