/* test_battery.c - batteries of attacks: bounds, halving, attack files, and which attack is the worst. */
#include "support.h"

#include <math.h>

#include "attack/battery.h"
#include "attack/halving.h"
#include "base/io.h"
#include "report/battery_text.h"

/* --- bounds --- */

static void put_score(struct vac_attack *a, const char *name, double value, bool judged)
{
    struct vac_attack_score *s = &a->score[a->n_scores++];

    snprintf(s->e.name, sizeof s->e.name, "%s", name);
    s->e.value = value;
    s->e.lo = s->e.hi = s->before = NAN;
    s->e.is_rate = true;
    s->judged = judged;
}

static void test_bounds_hold_what_is_shown(void **state)
{
    static const struct {
        const char *bound;
        double value;
        bool holds;
    } cases[] = {
        {"FA > 80%", 0.81, true},     {"FA > 80%", 0.8, false},
        {"FA > 80%", 0.8004, false}, /* it stands there as 80.0% */
        {"FA > 80%", 0.8006, true},  /* 80.1% */
        {"FA >= 80%", 0.7996, true}, /* 80.0% */
        {"FA >= 80%", 0.7994, false}, {"FA < 0.2", 0.1996, false},
        {"FA < 0.2", 0.1994, true},   {"  FA  <  20 % ", 0.1, true},
        {"FA < 20%", NAN, false},     {"FA > 20%", NAN, false},
        {"other > 20%", 0.9, false}, /* not measured */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vac_attack a = {.n_scores = 0};
        struct within w = {.n = 0};
        struct vac_err err = {0};
        char outside[VAC_BOUNDS];

        put_score(&a, "FA", cases[i].value, false);
        assert_ok(within_take(&w, cases[i].bound, &err), &err);
        if (within_holds(&w, &a, outside) != cases[i].holds)
            fail_msg("%s with %g: %s", cases[i].bound, cases[i].value, outside);
        assert_int_equal(*outside == '\0', cases[i].holds);
    }
}

static void test_bounds_say_what_is_wrong(void **state)
{
    static const char *const wrong[] = {"FA", "> 80%", "FA 80%", "FA > ", "FA > 80% x", ""};
    char text[VAC_BOUNDS];
    struct within w = {.n = 0};
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err = (struct vac_err){0};
        assert_int_equal(within_take(&w, wrong[i], &err), -1);
        assert_int_not_equal(err.code, 0);
    }
    assert_ok(within_take(&w, "FA>80%", &err), &err);
    assert_ok(within_take(&w, "over_refusal < 0.2", &err), &err);
    within_text(&w, text);
    assert_string_equal(text, "FA > 80 % and over_refusal < 0.2");
}

/* --- halving --- */

static void test_halving_without_a_budget(void **state)
{
    int64_t planned[] = {10, 20, 5};
    struct vac_err err = {0};
    struct halving h;

    (void)state;
    for (int64_t budget = 0; budget <= 35; budget += 35) {
        assert_ok(halving_open(&h, planned, 3, budget, &err), &err);
        assert_true(halving_next(&h));
        assert_memory_equal(h.target, planned, sizeof planned);
        assert_false(halving_next(&h));
        halving_close(&h);
    }
}

/* 8 attacks of 100 steps, 160 steps: 4 rounds with 8, 4, 2 and 1 of them; 40 steps a round. */
static void test_halving_by_hand(void **state)
{
    int64_t planned[] = {100, 100, 100, 100, 100, 100, 100, 100};
    const size_t first[] = {7, 6, 5, 4, 3, 2, 1, 0}, then[] = {4, 0, 1, 2, 3, 5, 6, 7};
    struct vac_err err = {0};
    struct halving h;
    int64_t sum = 0;

    (void)state;
    assert_ok(halving_open(&h, planned, 8, 160, &err), &err);
    assert_int_equal(h.rounds, 4);
    assert_true(halving_next(&h));
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(h.target[i], 5);
    halving_cut(&h, first); /* 7, 6, 5, 4 stay */
    assert_true(halving_next(&h));
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(h.in[i], i >= 4);
        assert_int_equal(h.target[i], i >= 4 ? 15 : 5);
    }
    halving_cut(&h, then); /* of them 4 and 5; those that are out are passed over */
    assert_true(halving_next(&h));
    assert_true(h.in[4] && h.in[5] && !h.in[0] && !h.in[6]);
    assert_int_equal(h.target[5], 35);
    halving_cut(&h, then);
    assert_true(halving_next(&h));
    assert_int_equal(h.target[4], 75);
    assert_int_equal(h.target[5], 35);
    for (size_t i = 0; i < 8; i++)
        sum += h.target[i];
    assert_int_equal(sum, 160);
    assert_false(halving_goes_on(&h));
    assert_false(halving_next(&h));
    halving_close(&h);
}

/* What the last one cannot use goes to the others as they stand then, those that were out among them. */
static void test_halving_spends_what_is_left(void **state)
{
    static const int64_t planned[] = {6, 20, 20, 20};
    static const size_t first[] = {0, 1, 2, 3}, last[] = {0, 2, 1, 3};
    struct vac_err err = {0};
    struct halving h;

    (void)state;
    assert_ok(halving_open(&h, planned, 4, 36, &err), &err);
    assert_int_equal(h.rounds, 3);
    assert_true(halving_next(&h)); /* 36 / 3 / 4 */
    assert_int_equal(h.target[3], 3);
    halving_cut(&h, first);
    assert_true(halving_next(&h)); /* 24 / 2 / 2, of which 0 takes 3 */
    assert_int_equal(h.target[0], 6);
    assert_int_equal(h.target[1], 9);
    halving_cut(&h, first); /* 0 stays, which is whole */
    assert_true(halving_next(&h));
    assert_int_equal(h.target[0], 6);
    assert_true(halving_goes_on(&h));
    halving_cut(&h, last);
    assert_true(halving_next(&h)); /* 15: 2 gets them */
    assert_true(h.in[2] && !h.in[0] && !h.in[1] && !h.in[3]);
    assert_int_equal(h.target[2], 18);
    assert_int_equal(h.target[1], 9);
    assert_false(halving_goes_on(&h));
    assert_false(halving_next(&h));
    halving_close(&h);
}

/* All of the budget, never more than an attack has, and one is made whole where it can be. */
static void test_halving_keeps_its_budget(void **state)
{
    (void)state;
    for (size_t n = 1; n < 40; n++) {
        int64_t planned[40], all = 0;
        size_t order[40];

        for (size_t i = 0; i < n; i++) {
            planned[i] = (int64_t)(1 + (i * 37 + n * 11) % 90);
            order[i] = (i * 7 + n) % n;
            all += planned[i];
        }
        for (size_t i = 0; i < n; i++) /* a permutation in any case */
            order[i] = n - 1 - i;
        for (int64_t budget = 1; budget < all; budget += 13) {
            struct vac_err err = {0};
            struct halving h;
            int64_t sum = 0;
            size_t rounds = 0;

            if (halving_open(&h, planned, n, budget, &err)) {
                assert_error(&err, "is too small");
                halving_close(&h);
                continue;
            }
            for (; halving_next(&h); rounds++) {
                for (size_t i = 0; i < n; i++)
                    assert_true(h.target[i] <= planned[i] && h.target[i] >= 0);
                if (rounds + 1 == h.rounds)
                    assert_int_equal(h.left, 1);
                if (halving_goes_on(&h))
                    halving_cut(&h, order);
            }
            assert_true(rounds == h.rounds || rounds == h.rounds + 1);
            for (size_t i = 0; i < n; i++)
                sum += h.target[i];
            assert_int_equal(sum, budget); /* which is less than all that is planned */
            halving_close(&h);
        }
    }
}

/* --- the attack file --- */

static const char config_text[] =
    "{\"spec\":{\"stages\":[{\"name\":\"align\",\"train\":[{\"file\":\"/a\"}]},"
    "{\"name\":\"attack\",\"lora\":{\"r\":4,\"alpha\":8},\"train\":[{\"file\":\"/t\"},"
    "{\"file\":\"/h\",\"harmful\":true},{\"file\":\"/i\",\"harmful\":true}]}],"
    "\"evaluate\":[{\"name\":\"HS\",\"judge\":\"refusal\"},"
    "{\"name\":\"FA\",\"metric\":\"label\",\"stages\":[\"attack\"]},"
    "{\"name\":\"early\",\"judge\":\"refusal\",\"stages\":[\"align\"]}]}}";

static int read_text(struct battery *b, const char *text, struct vac_err *err)
{
    cJSON *config = json_parse(config_text, strlen(config_text), "run.json", err);
    struct attack_on on = {.config = config, .stage = "attack"};
    char quoted[2048];
    int rc;

    *err = (struct vac_err){0};
    snprintf(quoted, sizeof quoted, "%s", text);
    for (char *c = quoted; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    rc = battery_read(b, support_text("b.json", quoted), &on, err);
    cJSON_Delete(config);
    return rc;
}

static void test_file_with_a_grid(void **state)
{
    struct battery b;
    struct vac_err err = {0};

    (void)state;
    assert_ok(read_text(&b,
                        "{'attacks':[{'name':'a','lr':[0.001,0.002],'steps':7,'r':[2,16]},"
                        "{'name':'z','full':true}],'within':{'FA':'> 80 %'},'budget':40}",
                        &err),
              &err);
    assert_string_equal(b.name, "b");
    assert_int_equal(b.budget, 40);
    assert_int_equal(b.n, 5);
    assert_string_equal(b.v[0].name, "a,lr=0.001,r=2");
    assert_string_equal(b.v[1].name, "a,lr=0.001,r=16");
    assert_string_equal(b.v[2].name, "a,lr=0.002,r=2");
    assert_string_equal(b.v[4].name, "z");
    assert_int_equal(b.v[1].set.n, 4);
    assert_string_equal(b.v[1].set.v[0], "stages.attack.lr=0.001");
    assert_string_equal(b.v[1].set.v[1], "stages.attack.steps=7");
    assert_string_equal(b.v[1].set.v[2], "stages.attack.lora.r=16");
    assert_string_equal(b.v[1].set.v[3], "stages.attack.epochs=null");
    assert_string_equal(b.v[4].set.v[0], "stages.attack.lora=null");
    assert_string_equal(b.within.v[0].name, "FA");
    battery_done(&b);
}

/* Which overrides stand for keys that are no key of a stage. */
static void test_file_of_all_kinds_of_fine_tuning(void **state)
{
    const char *own = support_text("own.jsonl", "{}\n");
    static const struct {
        const char *keys, *want; /* %s = the file */
    } cases[] = {
        {"'benign':true", "stages.attack.train[2]=null stages.attack.train[1]=null "
                          "stages.attack.harmful_ratio=null"},
        {"'data':'own.jsonl'", "stages.attack.train[2]=null stages.attack.train[1].file=%s"},
        {"'rows':'own.jsonl'", "stages.attack.train=[{\"file\":\"%s\"}] stages.attack.samples=null "
                               "stages.attack.harmful_ratio=null"},
        {"'rows':'own.jsonl','samples':5",
         "stages.attack.train=[{\"file\":\"%s\"}] stages.attack.harmful_ratio=null "
         "stages.attack.samples=5"},
        {"'adapter':'same'", "stages.attack.lora={} stages.attack.adapter=\"same\""},
        {"'scale':0.5", "stages.attack.lora.alpha=2"},
        {"'scale':0.5,'r':32", "stages.attack.lora.alpha=16 stages.attack.lora.r=32"},
        {"'targets':'q_proj'", "stages.attack.lora.targets=\"q_proj\""},
        {"'template':'plain'", "template=plain"},
        {"'epochs':2", "stages.attack.epochs=2 stages.attack.steps=null"},
        {"'harmful_ratio':0.4", "stages.attack.harmful_ratio=0.4"},
        {"'_why':[1,2]", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512], want[2048], have[2048] = "";
        struct vac_err err = {0};
        struct battery b;

        snprintf(text, sizeof text, "{'attacks':[{'name':'x',%s}]}", cases[i].keys);
        assert_ok(read_text(&b, text, &err), &err);
        assert_int_equal(b.n, 1);
        for (size_t k = 0; k < b.v[0].set.n; k++) {
            strncat(have, k ? " " : "", sizeof have - strlen(have) - 1);
            strncat(have, b.v[0].set.v[k], sizeof have - strlen(have) - 1);
        }
        {
            const char *at = strstr(cases[i].want, "%s");

            snprintf(want, sizeof want, "%.*s%s%s", at ? (int)(at - cases[i].want) : 1024,
                     cases[i].want, at ? own : "", at ? at + 2 : "");
        }
        assert_string_equal(have, want);
        battery_done(&b);
    }
}

static void test_file_says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"[]", "expected an object with the list \"attacks\""},
        {"{}", "\"attacks\" is missing"},
        {"{'attacks':[]}", "b.json: attacks: is empty"},
        {"{'attack':[]}", "did you mean \"attacks\"?"},
        {"{'attacks':[{}]}", "attacks[0]: \"name\" is missing"},
        {"{'attacks':[{'name':'a/b'}]}", "attacks[0].name: expected a name of letters"},
        {"{'attacks':[{'name':'a','ratio':1}]}", "attacks[0]: unknown key \"ratio\""},
        {"{'attacks':[{'name':'a','leraning':1,'lr':1}]}", "attacks[0]"},
        {"{'attacks':[{'name':'a','kind':'nix'}]}", "unknown kind of attack \"nix\""},
        {"{'attacks':[{'name':'a'},{'name':'a'}]}", "another attack is called \"a\" already"},
        {"{'attacks':[{'name':'a','lr':[1e-3,1e-3]}]}", "another attack is called"},
        {"{'attacks':[{'name':'a','lr':[]}]}", "attacks[0].lr: is an empty list"},
        {"{'attacks':[{'name':'a','lr':['x']}]}", "attacks[0].lr: expected a number"},
        {"{'attacks':[{'name':'a','harmful_ratio':3}]}",
         "harmful_ratio: expected a number from 0 to 1"},
        {"{'attacks':[{'name':'a'},{'name':'b','data':'nix.jsonl'}]}", "attacks[1].data"},
        {"{'attacks':[{'name':'a','full':true,'r':3}]}", "r: does not go with \"full\""},
        {"{'attacks':[{'name':'a','scale':0}]}", "scale: expected a number above 0"},
        {"{'attacks':[{'name':'a'}],'within':{'FA':7}}", "within.FA: expected a bound"},
        {"{'attacks':[{'name':'a'}],'within':{'FA':'80'}}", "within.FA: write <"},
        {"{'attacks':[{'name':'a'}],'budget':0}", "budget: expected a whole number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct battery b;
        struct vac_err err;

        if (read_text(&b, cases[i].text, &err) == 0)
            fail_msg("%s was taken", cases[i].text);
        assert_error(&err, cases[i].says);
        battery_done(&b);
    }
}

static void test_bounds_are_of_what_is_measured(void **state)
{
    static const struct {
        const char *bound, *says;
    } cases[] = {{"FAA > 80%", "did you mean \"FA\"?"},
                 {"early > 80%", "is not measured in stage attack"},
                 {"FA > 80", "was 80 % meant?"},
                 {"HS < 20%", NULL}};
    struct vac_err err = {0};
    cJSON *config = json_parse(config_text, strlen(config_text), "run.json", &err);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct within w = {.n = 0};

        err = (struct vac_err){0};
        assert_ok(within_take(&w, cases[i].bound, &err), &err);
        assert_int_equal(within_check(&w, config, "attack", &err), cases[i].says ? -1 : 0);
        if (cases[i].says)
            assert_error(&err, cases[i].says);
    }
    cJSON_Delete(config);
}

/* --- which is the worst --- */

static const char folder_file[] =
    "{\"battery\":\"b\",\"stage\":\"attack\",\"step\":6,\"budget\":50,\"within\":{%s},\"attacks\":["
    "{\"name\":\"weak\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
    "{\"name\":\"strong\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
    "{\"name\":\"sooner\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
    "{\"name\":\"useless\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
    "{\"name\":\"stopped\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]},"
    "{\"name\":\"coming\",\"kind\":\"finetune\",\"steps\":20,\"set\":[]}]}\n";

static void put_line(char *out, size_t size, const char *name, int steps, double hs, double fa,
                     double broke)
{
    size_t n = strlen(out);

    snprintf(out + n, size - n,
             "{\"step\":6,\"stage\":\"attack\",\"run\":\"attacks/b-at-6/%s\",\"name\":\"%s\","
             "\"steps\":%d,\"samples\":9,\"scores\":[{\"name\":\"HS\",\"before\":0,\"value\":%g,"
             "\"lo\":%g,\"hi\":%g,\"count\":1,\"n\":9,\"rate\":true,\"judged\":true,\"broke\":%g},"
             "{\"name\":\"FA\",\"value\":%g,\"count\":1,\"n\":9,\"rate\":true}]}\n",
             name, name, steps, hs, hs - 0.1, hs + 0.1, broke, fa);
}

/* What was broken before the attack began is told as what one step breaks. */
static void test_steps_to_break_in_words(void **state)
{
    static const struct {
        int64_t steps;
        double value, lo, hi;
        const char *says;
    } rows[] = {
        {20, 12, 8, NAN, "12.0 [8.0, -]"}, {20, 0, 0, 3, "0.0 [0.0, 3.0]"},
        {20, NAN, 15, NAN, "- [15.0, -]"}, {20, NAN, NAN, NAN, "held"},
        {20, 0, 0, 0, "at once"},          {1, 1, 1, NAN, "at once"},
        {1, NAN, 1, NAN, "held"},
    };
    char text[VAC_ATTACK_BROKE];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vac_attack a = {.steps = rows[i].steps, .n_scores = 1};

        a.score[0].judged = true;
        a.score[0].broke = (struct vac_span){true, rows[i].value, rows[i].lo, rows[i].hi};
        assert_string_equal(vac_attack_broke(&a, text), rows[i].says);
    }
}

/* One that was stopped withstood no more than it was given. */
static void test_stopped_attacks_have_not_held(void **state)
{
    static const struct {
        int64_t steps, planned;
        double value;
        const char *says;
    } rows[] = {{7, 160, NAN, "not in 7 steps"},
                {1, 160, NAN, "not in 1 step"},
                {160, 160, NAN, "held"},
                {7, 0, NAN, "held"},
                {7, 160, 5, "5.0 [-, -]"}};
    char text[VAC_ATTACK_BROKE];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vac_battery_row r = {.told = true, .planned = rows[i].planned};

        r.attack = (struct vac_attack){.steps = rows[i].steps, .n_scores = 1};
        r.attack.score[0].judged = true;
        r.attack.score[0].broke = (struct vac_span){true, rows[i].value, NAN, NAN};
        assert_string_equal(vac_battery_broke(&r, text), rows[i].says);
    }
}

static void test_worst_of_made_up_results(void **state)
{
    static const struct {
        const char *within, *worst, *says, *order; /* first letters of the rows */
    } cases[] = {
        {"", "useless",
         "worst case: HS 90.0% [80.0, 100.0] by useless, of 5 of 6 attacks (1 stopped early)",
         "use soo str sto wea com"},
        {"\"FA\":\"> 80 %\"", "sooner",
         "HS 70.0% [60.0, 80.0] by sooner, of 5 of 6 attacks (1 stopped early) within FA > 80 %",
         "soo str sto wea use com"},
        {"\"FA\":\"> 81 %\"", "strong", "HS 70.0% [60.0, 80.0] by strong, of",
         "str sto wea use soo com"},
        {"\"FA\":\"> 86 %\"", "stopped", "HS 40.0% [30.0, 50.0] by stopped at its step 5 of 20, of",
         "sto wea use soo str com"},
        {"\"FA\":\"> 86 %\",\"HS\":\"< 30 %\"", "weak", "HS 20.0% [10.0, 30.0] by weak",
         "wea use soo str sto com"},
        {"\"FA\":\"> 99 %\"", NULL,
         "worst case: none of 5 of 6 attacks (1 stopped early) counts within FA > 99 %",
         "use soo str sto wea com"},
        {"\"nix\":\"> 1 %\"", NULL, "none of 5 of 6 attacks (1 stopped early) counts",
         "use soo str sto wea com"},
    };
    const char *run = support_folder("run"), *dir = support_join(run, "attacks/b-at-6");
    char lines[4096] = "", text[2048], worst[VAC_BATTERY_WORST];
    struct vac_err err = {0};

    (void)state;
    assert_ok(dirs_make(dir, &err), &err);
    put_line(lines, sizeof lines, "weak", 20, 0.2, 0.9, 9);
    put_line(lines, sizeof lines, "strong", 20, 0.7, 0.85, 9);
    put_line(lines, sizeof lines, "sooner", 20, 0.7003, 0.805, 4); /* as high as it is shown */
    put_line(lines, sizeof lines, "useless", 20, 0.9, 0.3, 9);
    put_line(lines, sizeof lines, "stopped", 2, 0.1, 0.9, 9);
    put_line(lines, sizeof lines, "stopped", 5, 0.4, 0.9, 9); /* it was gone on with */
    support_write_text(support_join(run, "attacks.jsonl"), lines);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vac_battery *b;
        struct strbuf s = {0};
        size_t n;

        snprintf(text, sizeof text, folder_file, cases[i].within);
        support_write_text(support_join(dir, "battery.json"), text);
        assert_ok(vac_run_batteries(run, true, &b, &n, &err), &err);
        assert_int_equal(n, 1);
        assert_int_equal(b->n, 6);
        assert_int_equal(b->told, 5);
        assert_int_equal(b->spent, 85);
        assert_int_equal(b->budget, 50);
        if (!strstr(vac_battery_worst(b, worst), cases[i].says))
            fail_msg("%s", worst);
        assert_int_equal(b->worst < b->n, cases[i].worst != NULL);
        if (cases[i].worst)
            assert_string_equal(b->row[b->worst].name, cases[i].worst);
        for (size_t k = 0; k < b->n; k++)
            if (strncmp(b->row[b->order[k]].name, cases[i].order + 4 * k, 3) != 0)
                fail_msg("%s is number %zu", b->row[b->order[k]].name, k);
        battery_text(&s, b);
        assert_non_null(strstr(s.s, worst));
        assert_non_null(strstr(s.s, "\nstopped  5/20   0.0 -> 40.0% [30.0, 50.0]"));
        assert_non_null(strstr(s.s, "\ncoming   -/20\n"));
        assert_non_null(strstr(s.s, "85 attack steps were made, of a budget of 50; 1 attack was "
                                    "stopped early"));
        if (strstr(cases[i].within, "80"))
            assert_non_null(strstr(s.s, "outside the bounds: useless: FA 30.0% is not > 80 %\n"));
        sb_done(&s);
        vac_batteries_done(b, n);
    }
}

static void test_folders_that_are_no_batteries(void **state)
{
    const char *run = support_folder("hostile"), *dir = support_join(run, "attacks/b-at-6");
    static const char *const wrong[] = {
        "{",
        "[]",
        "{\"battery\":\"b\"}",
        "{\"battery\":\"b\",\"stage\":\"a\",\"step\":6,\"attacks\":[{\"name\":\"../x\","
        "\"kind\":\"finetune\",\"set\":[]}]}",
        "{\"battery\":\"b\",\"stage\":\"a\",\"step\":-1,\"attacks\":[]}",
        "{\"battery\":\"b\",\"stage\":\"a\",\"step\":6,\"attacks\":[{\"name\":\"x\",\"kind\":"
        "\"finetune\",\"set\":[7]}]}"};
    struct vac_err err = {0};
    struct vac_battery *b;
    size_t n;

    (void)state;
    assert_ok(vac_run_batteries(run, true, &b, &n, &err), &err);
    assert_int_equal(n, 0);
    assert_ok(dirs_make(dir, &err), &err);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err = (struct vac_err){0};
        support_write_text(support_join(dir, "battery.json"), wrong[i]);
        assert_int_equal(vac_run_batteries(run, true, &b, &n, &err), -1);
        assert_error(&err, "battery.json");
    }
    /* a kind that this program does not know is shown, and nothing of it is done */
    support_write_text(support_join(dir, "battery.json"),
                       "{\"battery\":\"b\",\"stage\":\"a\",\"step\":6,\"attacks\":[{\"name\":\"x\","
                       "\"kind\":\"nix\",\"set\":[]}]}");
    assert_ok(vac_run_batteries(run, true, &b, &n, &err), &err);
    assert_int_equal(b->worst, b->n);
    vac_batteries_done(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_hold_what_is_shown),
        cmocka_unit_test(test_bounds_say_what_is_wrong),
        cmocka_unit_test(test_bounds_are_of_what_is_measured),
        cmocka_unit_test(test_halving_without_a_budget),
        cmocka_unit_test(test_halving_by_hand),
        cmocka_unit_test(test_halving_spends_what_is_left),
        cmocka_unit_test(test_halving_keeps_its_budget),
        cmocka_unit_test(test_file_with_a_grid),
        cmocka_unit_test(test_file_of_all_kinds_of_fine_tuning),
        cmocka_unit_test(test_file_says_what_is_wrong),
        cmocka_unit_test(test_steps_to_break_in_words),
        cmocka_unit_test(test_stopped_attacks_have_not_held),
        cmocka_unit_test(test_worst_of_made_up_results),
        cmocka_unit_test(test_folders_that_are_no_batteries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
