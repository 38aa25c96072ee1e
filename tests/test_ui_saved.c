/* test_ui_saved.c - a run that is over answers on the screen, from any of the weights that it saved; and
 * another run is looked at while one trains: keys in, screen out at three sizes, and no byte changes. */
#include <sys/wait.h>
#include "ui_live.h"

static const struct {
    int w, h;
} sizes[] = {{80, 24}, {120, 40}, {200, 60}};
enum { SIZES = sizeof sizes / sizeof *sizes };

#define LEFT                                                                                       \
    "'log_every':5,'checkpoint':{'steps':4,'minutes':0,'keep':9}," ASKED                           \
    "'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':4}],"       \
    "'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN                                \
    ",'lora':{'r':2},'steps':8,'lr':0.05},"                                                        \
    "{'name':'attack','method':'sft'," TRAIN ",'lora':{'r':2},'steps':6,'lr':0.05}]"

/* Plays `script` on what `path` is at a size; every "%s" in it is `word`. */
static void play_at(int size, const char *path, const char *out, const char *script,
                    const char *word)
{
    const char *args[] = {path,       "--script", here("script"), out ? "-o" : NULL, out,
                          "--paused", NULL};
    struct strbuf text = {0};
    struct term t;

    for (const char *s = script; *s; s++)
        if (s[0] == '%' && s[1] == 's') {
            sb_puts(&text, word);
            s++;
        } else {
            sb_putc(&text, *s);
        }
    support_write(here("script"), text.s, text.len);
    sb_done(&text);
    term_start(&t, sizes[size].w, sizes[size].h, "xterm-256color", "screen", args);
    if (term_end(&t, 60) != 0)
        fail_msg("%dx%d:\n%s", sizes[size].w, sizes[size].h, t.out + (t.n > 3000 ? t.n - 3000 : 0));
    term_free(&t);
}

static void assert_saved(int size, const char *name, const char *const *has)
{
    char *text = file_read(here(name), 1 << 20, &(size_t){0}, NULL);

    assert_non_null(text);
    for (; *has; has++)
        if (!strstr(text, *has))
            fail_msg("%dx%d: \"%s\" is not in %s:\n%s", sizes[size].w, sizes[size].h, *has, name,
                     text);
    free(text);
}
#define ASSERT_SAVED(size, name, ...)                                                              \
    assert_saved(size, name, (const char *const[]){__VA_ARGS__, NULL})

/* Each screen is saved beside the data as NAME. */
static char *with_dir(const char *script)
{
    struct strbuf out = {0};

    for (; *script; script++)
        if (*script == '$')
            sb_puts(&out, rig.dir);
        else
            sb_putc(&out, *script);
    return out.s;
}

static void test_a_run_that_is_over_answers(void **state)
{
    const char *dir = run_folder();
    struct strbuf was = {0}, is = {0};
    char *script;

    (void)state;
    make_rig(LEFT);
    whole(dir, false);
    run_picture(dir, &was);
    script = with_dir(
        "5 z\n:probe abc\n:wait probe\n:save-screen $/end\n"
        "@\n\"align\\n\n:probe xyz 12\n:wait probe\n:save-screen $/align\n"
        ":at 12\n:probe abc\n:wait probe\n:save-screen $/step\n"
        "P E\n:wait 0.5\n:save-screen $/scores\nz 4 z\n:wait 0.5\n:save-screen $/map\n"
        "z 9 z\n:wait 0.5\n:save-screen $/data\n"
        ":at 13\n:save-screen $/none\nz 5 z\n:probe efg\n:wait probe\n:save-screen $/still\n"
        "B\n:save-screen $/list\nq\n");
    for (int i = 0; i < SIZES; i++) {
        play_at(i, dir, NULL, script, "");
        ASSERT_SAVED(i, "end", "asked @end", "now, @14", "abc");
        ASSERT_SAVED(i, "align", "asked @align", "now, @8", "xyz 12");
        ASSERT_SAVED(i, "step", "asked @12", "now, @12", "later, @14");
        ASSERT_SAVED(i, "scores", "these weights @12  HS ");
        ASSERT_SAVED(i, "map", "4 Map", "PC1", "step 12");
        ASSERT_SAVED(i, "data", "9 Data", "23 in order");
        ASSERT_SAVED(i, "none", "no stage and no checkpoint \"13\"", "asked @12");
        ASSERT_SAVED(i, "still", "asked @12", "efg", "now, @12"); /* nothing was let go */
        ASSERT_SAVED(i, "list", "0 Runs", "Enter opens a run");
    }
    run_picture(dir, &is);
    assert_string_equal(was.s, is.s);
    free(script);
    sb_done(&was);
    sb_done(&is);
}

/* What is measured of a run that has just ended may be what was measured at its end: it is told all the same. */
static void test_a_run_that_just_ended_is_measured(void **state)
{
    char *script;

    (void)state;
    make_rig(LEFT);
    script = with_dir(":resume\n:wait state done\n:wait 0.5\n:save-screen $/done\n"
                      "E\n:wait 1\n:save-screen $/scored\n:quit\n");
    for (int i = 0; i < SIZES; i++) {
        play_at(i, rig.file, run_folder(), script, "");
        ASSERT_SAVED(i, "done", "the run is done; q leaves");
        ASSERT_SAVED(i, "scored", "DONE", "these weights @14  HS ");
    }
    free(script);
}

/* A file that was cut would pass for a run that ended there. */
static void test_a_file_that_was_cut_is_told(void **state)
{
    const char *dir = run_folder();
    char *text, *end, *script;
    size_t size;

    (void)state;
    make_rig(LEFT);
    whole(dir, false);
    text = file_read(run_path(dir, "metrics.jsonl"), 1 << 20, &size, NULL);
    end = text;
    for (int i = 0; i < 7; i++)
        end = strchr(end, '\n') + 1;
    support_write(run_path(dir, "metrics.jsonl"), text, (size_t)(end - text));
    free(text);
    script = with_dir(":wait state done\n:save-screen $/cut\n:quit\n");
    for (int i = 0; i < SIZES; i++) {
        play_at(i, dir, NULL, script, "");
        ASSERT_SAVED(i, "cut", "! metrics.jsonl ends at step 6, the run at 14", "DONE", "6/14");
    }
    free(script);
}

/* Weights do not tell what their samples went through: no order says otherwise, and a word's beginning will do. */
static void test_samples_of_saved_weights(void **state)
{
    const char *dir = run_folder();
    char *script;

    (void)state;
    make_rig(LEFT);
    whole(dir, false);
    /* an answer comes after the samples that were asked for before it */
    script =
        with_dir(":probe abc\n:wait probe\n9 z\ns\n:probe abc\n:wait probe\n:save-screen $/next\n"
                 "/\n\"se\\n\"\n:save-screen $/seen\nN\n:save-screen $/spike\n"
                 "/\n\"cu\\n\"\n:probe abc\n:wait probe\n:save-screen $/cut\n"
                 "s\n:probe abc\n:wait probe\n:save-screen $/all\n:quit\n");
    for (int i = 0; i < SIZES; i++) {
        play_at(i, dir, NULL, script, "");
        ASSERT_SAVED(i, "next", "0 harmful", "No sample is like that: s goes on");
        ASSERT_SAVED(i, "seen", "0 harmful",
                     "! saved weights tell no losses, and not what was seen");
        ASSERT_SAVED(i, "spike", "0 harmful",
                     "! saved weights tell no losses, and not what was seen");
        ASSERT_SAVED(i, "cut", "0 cut");
        ASSERT_SAVED(i, "all", "23 in order");
    }
    free(script);
}

static void test_another_run_is_looked_at_while_one_trains(void **state)
{
    char dir[1400];
    struct strbuf was = {0}, is = {0};
    char *script;

    (void)state;
    make_rig(LEFT);
    snprintf(dir, sizeof dir, "%s", run_folder());
    whole(dir, false);
    run_picture(dir, &was);
    script = with_dir(":wait state paused\n:step 3\n:open %s\n:wait 0.5\n:save-screen $/other\n"
                      ":at align\n:probe abc\n:wait probe\n:save-screen $/asked\n"
                      "Space\n:save-screen $/refused\n"
                      "B\n:wait step 3\n:save-screen $/back\n"
                      "B\n:save-screen $/list\nB\n:step 2\n:wait step 5\n:save-screen $/again\n"
                      "B\nq\n:save-screen $/leaving\nEnter\n");
    for (int i = 0; i < SIZES; i++) {
        char out[1400], *name;
        struct vac_run_info *info;
        struct vac_err err = {0};
        size_t n;

        snprintf(out, sizeof out, "%.1300s-%d", dir, i);
        name = strrchr(out, '/') + 1;
        play_at(i, rig.file, out, script, dir);
        ASSERT_SAVED(i, "other", "DONE", "[B ", name, "3/14]");
        ASSERT_SAVED(i, "asked", "asked @align", "[B ");
        ASSERT_SAVED(i, "back", name, "PAUSED", "step 3");
        ASSERT_SAVED(i, "list", "[B ", "3/14]", "Enter opens a run");
        ASSERT_SAVED(i, "again", name, "step 5");
        ASSERT_SAVED(i, "leaving", "Leave?", name);
        assert_ok(vac_runs(out, &info, &n, &err), &err);
        assert_string_equal(info->state, "stopped");
        assert_int_equal(info->step, 5);
        free(info);
    }
    run_picture(dir, &is);
    assert_string_equal(was.s, is.s);
    free(script);
    sb_done(&was);
    sb_done(&is);
}

/* Of one that has not ended its newest checkpoint answers, and it can go on after that. */
static void test_a_stopped_run_answers_and_goes_on(void **state)
{
    char *script;

    (void)state;
    make_rig(LEFT);
    script = with_dir(":probe abc\n:wait probe\n:save-screen $/asked\n:step 2\n:wait step 7\n"
                      ":wait state paused\n:save-screen $/on\n:quit save\n");
    for (int i = 0; i < SIZES; i++) {
        const char *dir = run_folder();

        play_at(i, rig.file, dir, ":wait state paused\n:step 5\n:wait step 5\n" HELD ":quit save\n",
                "");
        play_at(i, dir, NULL, script, "");
        ASSERT_SAVED(i, "asked", "STOPPED", "asked @5", "abc");
        ASSERT_SAVED(i, "on", "PAUSED", "step 7");
        assert_resumable(dir, 7);
    }
    free(script);
}

/* What cannot be done says why, and a step that is not there is the last. */
static void test_what_a_finished_run_says(void **state)
{
    const char *dir = run_folder();
    char *script;

    (void)state;
    make_rig(LEFT);
    whole(dir, false);
    script = with_dir(
        ":wait state done\n]\n:save-screen $/rho\n:goto 9999\n1\n:save-screen $/goto\n:quit\n");
    for (int i = 0; i < SIZES; i++) {
        play_at(i, dir, NULL, script, "");
        ASSERT_SAVED(i, "rho", "this run is over: p asks the weights that it saved, b forks it");
        ASSERT_SAVED(i, "goto", "at 14");
    }
    free(script);
}

/* One that was over before the screen saw it go on, as a short one is, or one by another program. */
static void test_an_attack_that_was_not_seen_is_shown(void **state)
{
    static const char line[] =
        "{\"step\":4,\"stage\":\"attack\",\"run\":\"attacks/run-at-4\",\"steps\":20,\"lr\":0.1,"
        "\"scores\":[{\"name\":\"HS\",\"before\":0,\"value\":1,\"n\":8,\"rate\":true,"
        "\"judged\":true}]}\n";
    const char *dir = run_folder();
    struct term t;

    (void)state;
    make_rig(LEFT);
    whole(dir, false);
    term_start(&t, 100, 30, "xterm-256color", "screen", (const char *const[]){dir, NULL});
    term_wait(&t, "DONE");
    term_keys(&t, "7z");
    term_wait(&t, "by stage");
    assert_false(term_has(&t, "attack at 4"));
    support_write_text(run_path(dir, "attacks.jsonl"), line);
    term_keys(&t, "g");
    term_wait(&t, "attack at 4, lr 0.1, 20 steps: over");
    term_keys(&t, "q");
    assert_int_equal(term_end(&t, 60), 0);
    term_free(&t);
}

/* What its weights withstood: the worst first, and what does not count says why. */
static void test_a_battery_of_attacks_is_told(void **state)
{
    static const char battery[] =
        "{\"battery\":\"six\",\"stage\":\"attack\",\"step\":4,\"within\":{\"L\":\"> 80 %\"},"
        "\"attacks\":[{\"name\":\"mild\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
        "{\"name\":\"harsh\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
        "{\"name\":\"ruin\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
        "{\"name\":\"early\",\"kind\":\"finetune\",\"steps\":160,\"set\":[]},"
        "{\"name\":\"later\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
        "{\"name\":\"fifth\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
        "{\"name\":\"sixth\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
        "{\"name\":\"seventh\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]}]}";
    static const struct {
        const char *name;
        int steps;
        double hs, fa;
    } rows[] = {{"mild", 20, 0.25, 0.9},
                {"harsh", 20, 0.5, 0.85},
                {"ruin", 20, 1, 0.1},
                {"early", 7, 0.375, 0.9}};
    static const char *const more[SIZES] = {"... 4 more", "... 5 more", "... 3 more"};
    static const char *const order[] = {" harsh  ", " early  ", " mild  ", " ruin  ", " later  "};
    const char *dir = run_folder();
    struct strbuf lines = {0};
    struct vac_err err = {0};
    char *script, *told;

    (void)state;
    make_rig(LEFT);
    whole(dir, false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        sb_printf(
            &lines,
            "{\"step\":4,\"stage\":\"attack\",\"run\":\"attacks/six-at-4/%s\",\"name\":\"%s\","
            "\"steps\":%d,\"lr\":0.1,\"scores\":[{\"name\":\"HS\",\"before\":0,\"value\":%g,"
            "\"lo\":%g,\"hi\":%g,\"n\":8,\"rate\":true,\"judged\":true},{\"name\":\"L\","
            "\"value\":%g,\"n\":8,\"rate\":true}]}\n",
            rows[i].name, rows[i].name, rows[i].steps, rows[i].hs, rows[i].hs / 2, rows[i].hs,
            rows[i].fa);
    support_write(run_path(dir, "attacks.jsonl"), lines.s, lines.len);
    assert_ok(dirs_make(run_path(dir, "attacks/six-at-4"), &err), &err);
    support_write_text(run_path(dir, "attacks/six-at-4/battery.json"), battery);
    script = with_dir(":wait state done\n:panel evaluation\n:save-screen $/beside\nz\n:save-screen "
                      "$/told\ni\n:save-screen $/early\n:quit\n");
    for (int i = 0; i < SIZES; i++) {
        play_at(i, dir, NULL, script, "");
        ASSERT_SAVED(i, "beside", "six @4: worst case", more[i]);
        ASSERT_SAVED(i, "told",
                     "six @4: worst case: HS 50.0% [25.0, 50.0] by harsh, of 4 of 8 attacks",
                     "harsh          ");
    }
    told = file_read(here("told"), 1 << 20, &(size_t){0}, NULL);
    for (int k = 0; k < 4; k++)
        assert_true(strstr(told, order[k]) < strstr(told, order[k + 1]));
    free(told);
    ASSERT_SAVED(SIZES - 1, "told", "early                    7/160     HS  37.5%  not in 7 steps",
                 "mild                     20        HS  25.0%  held");
    ASSERT_SAVED(SIZES - 1, "early", "attack at 4, early: stopped after step 7 of 160");
    ASSERT_SAVED(SIZES - 1, "told", "within L > 80 %", "ruin ", "outside: L 10.0% is not > 80 %",
                 "not made yet");
    free(script);
    sb_done(&lines);
}

/* The curves of attacks that are over, of a run that is over: the newest first, and then its own again. */
static void test_what_attacks_measured_is_looked_at_again(void **state)
{
    const char *dir = run_folder();
    char *script;

    (void)state;
    make_rig(
        "'log_every':5,'checkpoint':{'steps':4,'minutes':0,'keep':9}," ASKED
        "'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':4,"
        "'every':2}],'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN
        ",'lora':{'r':2},'steps':8,'lr':0.05},{'name':'attack','method':'sft','train':[{'file':"
        "'rows.jsonl','harmful':true}],'batch_size':4,'lora':{'r':2},'steps':6,'lr':0.05}]");
    whole(dir, false);
    play_at(0, dir, NULL,
            ":wait state done\n:attack at=4 steps=4 lr=0.02\n:wait attack\n"
            ":attack at=8\n:wait attack\n:quit\n",
            "");
    assert_int_equal(lines_of(dir, "attacks.jsonl"), 2);
    script = with_dir(
        ":wait state done\n:panel evaluation\n:save-screen $/beside\nz\n:save-screen $/own\ni\n"
        ":save-screen $/newest\ni\n:save-screen $/first\ni\n:save-screen $/again\n"
        "i\nEsc\n:save-screen $/back\nq\n");
    for (int i = 0; i < SIZES; i++) {
        char *own, *then;

        play_at(i, dir, NULL, script, "");
        if (i == 1) /* both, and the picture */
            ASSERT_SAVED(i, "beside", "4 steps, lr 0.02: broke  @4 ",
                         "6 steps, lr 0.05: broke  @8 ", "by stage  align ", "|  0+***");
        ASSERT_SAVED(i, "own", "against this attack", "E measure now  i attacks", "by stage ");
        ASSERT_SAVED(i, "newest", "attack 1 of 2", "attack at 8, lr 0.05, 6 steps: over", "* HS ",
                     "drift ", "****");
        ASSERT_SAVED(i, "first", "attack 2 of 2", "attack at 4, lr 0.02, 4 steps: over", "* HS ");
        own = file_read(here("own"), 1 << 20, &(size_t){0}, NULL);
        for (int k = 0; k < 2; k++) {
            then = file_read(here(k ? "again" : "back"), 1 << 20, &(size_t){0}, NULL);
            assert_string_equal(own, then);
            free(then);
        }
        free(own);
    }
    free(script);
}

/* On a run that is over nothing goes on that could be paused: the attack itself is stopped. */
static void test_an_attack_is_stopped(void **state)
{
    const char *dir = run_folder();
    struct vac_run_info *info;
    struct vac_err err = {0};
    char *script;
    size_t n;

    (void)state;
    make_rig("'checkpoint':{'steps':4,'minutes':0,'keep':9}," ASKED
             "'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':4}]"
             ",'stages':[{'name':'align'," TRAIN
             ",'lora':{'r':2},'steps':4,'lr':0.05},{'name':'attack','train':[{'file':'rows.jsonl',"
             "'harmful':true}],'batch_size':4,'lora':{'r':2},'steps':2,'lr':0.05}]");
    whole(dir, false);
    support_write_text(here("two.json"), "{\"attacks\":[{\"name\":\"long\",\"steps\":100000},"
                                         "{\"name\":\"longer\",\"steps\":200000}]}");
    script = with_dir(":attack stop\n:save-screen $/none\n"
                      ":attack battery=$/two.json at=4\n:wait 1\na\n:save-screen $/asked\n"
                      "s\n:save-screen $/stopped\n"
                      ":attack at=4 steps=100000\n:wait 1\n:attack\n:save-screen $/two\n"
                      "Ctrl-c\ns\n:save-screen $/one\n:wait attack\n:quit\n");
    play_at(1, dir, NULL, script, "");
    free(script);
    ASSERT_SAVED(1, "none", "no attack is under way here");
    ASSERT_SAVED(1, "asked", "ATTACK @4 1/2 long", "Stop the attack?", "stop it");
    ASSERT_SAVED(1, "stopped", "the battery is stopped; the same :attack goes on with it");
    ASSERT_SAVED(1, "two", "ATTACK @4", "under way already: :attack stop ends it");
    ASSERT_SAVED(1, "one", "the attack is stopped; :open ");
    assert_ok(vac_runs(run_path(dir, "attacks/two-at-4/long"), &info, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_string_equal(info->state, "stopped"); /* and saved */
    assert_true(info->step > 4 && info->step < 100000);
    free(info);
}

static int cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_finished_run_says),
        cmocka_unit_test(test_an_attack_that_was_not_seen_is_shown),
        cmocka_unit_test(test_a_battery_of_attacks_is_told),
        cmocka_unit_test(test_what_attacks_measured_is_looked_at_again),
        cmocka_unit_test(test_an_attack_is_stopped),
        cmocka_unit_test(test_a_file_that_was_cut_is_told),
        cmocka_unit_test(test_a_run_that_just_ended_is_measured),
        cmocka_unit_test(test_samples_of_saved_weights),
        cmocka_unit_test(test_a_run_that_is_over_answers),
        cmocka_unit_test(test_another_run_is_looked_at_while_one_trains),
        cmocka_unit_test(test_a_stopped_run_answers_and_goes_on),
    };

    return cmocka_run_group_tests_name("saved", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
