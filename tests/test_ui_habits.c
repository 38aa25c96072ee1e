/* test_ui_habits.c - what fingers and eyes expect, at three sizes: what is wrong is seen first, news
 * ends with its truth, a value that waits is the same everywhere, questions have an answer for Enter. */
#include "ui_sizes.h"
#include "ui/actions.h"
#include "ui/chrome.h"

static void test_a_fault_stands_first_until_dealt_with(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        char *head;

        ui_say(&ui, "training goes on");
        ui.snap.state = VAC_PAUSED;
        ui.snap.fault = true;
        snprintf(ui.snap.reason, sizeof ui.snap.reason,
                 "step 1205 was dropped: its loss is not a "
                 "number: lower lr (or rho) and resume");
        head = line_of(i, 0);
        assert_true(!strncmp(head, "! step 1205 was dropped: its loss is not a number", 49));
        assert_non_null(strstr(head, "PAUSED"));
        free(head);
        assert_lacks(i, "training goes on");
        ui_announce(&ui, 7, "training goes on"); /* it does not yet */
        assert_lacks(i, "training goes on");
        ui_say(&ui, "written: screen-1205.svg"); /* a key is answered all the same */
        assert_shows(i, "written: screen-1205.svg");
        ui.snap.fault = false;
        head = line_of(i, 0);
        assert_null(strstr(head, "dropped"));
        free(head);
    }
}

/* A long path does not take the room of what is wrong with it. */
static void test_a_fault_says_what_before_where(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        char *head;

        ui.snap.state = VAC_PAUSED;
        ui.snap.fault = true;
        strcpy(ui.snap.reason, "HS: /home/someone/with/a/long/path/to/models/base-a: no numbers");
        head = line_of(i, 0);
        if (strncmp(head, "! HS: base-a: no numbers", 24) != 0)
            fail_msg("%s", head);
        free(head);
        strcpy(ui.snap.reason, "1/2 of / and a/b stay");
        head = line_of(i, 0);
        assert_true(!strncmp(head, "! 1/2 of / and a/b stay ", 24));
        free(head);
    }
}

static void test_an_early_end_stands_in_the_header(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        char *head = line_of(i, 0);

        assert_null(strstr(head, "until"));
        free(head);
        snprintf(ui.snap.until, sizeof ui.snap.until, "HS < 5 %% and over_refusal < 10 %%");
        ui.snap.passed = 1;
        ui.snap.passed_want = 2;
        head = line_of(i, 0);
        if (!strstr(head, sizes[i].w < 200 ? "  until 1/2  "
                                           : "  until 1/2 HS < 5 % and over_refusal < 10 %  "))
            fail_msg("%s", head);
        free(head);
        ui.snap.passed = -1; /* followed from outside */
        head = line_of(i, 0);
        assert_int_equal(strstr(head, "until") != NULL, sizes[i].w >= 200);
        free(head);
        ui.snap.until[0] = '\0';
    }
}

/* What is beside the point in one score's answers is said of that score. */
static void test_a_warning_is_of_its_score(void **state)
{
    struct vac_eval *e = &ui.snap.eval[1];

    (void)state;
    e->verdicts.other = 4;
    snprintf(e->verdicts.others, VAC_OTHERS, "xx");
    for (int w = 60; w < 200; w++) {
        char *text, *end, *at;
        int x, y;

        frame_draw(&ui, w, 24, &x, &y);
        text = canvas_text(&priv.canvas);
        end = strchr(text, '\n');
        *end = '\0';
        at = strstr(text, "! other 4");
        if (at && !strstr(text, e->name))
            fail_msg("%d: %s", w, text);
        free(text);
    }
}

/* What is left out of the header has no room in it. */
static void test_the_header_is_full(void **state)
{
    static const struct {
        const char *text;
        int w; /* with the two blanks before it */
    } pieces[] = {{" HS ", 15}, {" over_refusal ", 25}, {" FA ", 16}, {"tiny-base", 11}, {"6%", 4}};

    (void)state;
    for (int fault = 0; fault < 2; fault++)
        for (int w = 60; w < 240; w++) {
            char *text, *head;
            int x, y;

            ui.snap.total_steps = 20000;
            snprintf(ui.snap.until, sizeof ui.snap.until,
                     "HS < 5 %% and over_refusal < 10 %% and FA > 90 %%");
            snprintf(ui.snap.goes_until, sizeof ui.snap.goes_until,
                     fault ? "loss < 0.2 and HS < 5 %%, or step >= 4000" : "");
            ui.snap.passed = fault ? 1 : -1;
            ui.snap.passed_want = 2;
            frame_draw(&ui, w, 24, &x, &y);
            text = canvas_text(&priv.canvas);
            head = strtok(text, "\n");
            for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
                if (!strstr(head, pieces[i].text) && w - (int)strlen(head) >= pieces[i].w)
                    fail_msg("%d: no \"%s\": %s", w, pieces[i].text, head);
            free(text);
        }
}

/* A step of a big model moves nothing for many seconds: how long, and where it is in it. */
static void test_a_long_step_is_seen_to_move(void **state)
{
    static const char *const has[SIZES] = {"  in step 1205 0:14", "  in step 1205 0:14 pass 2",
                                           "  in step 1205 0:14 pass 2 micro-batch 3/5"};

    (void)state;
    for (int i = 0; i < SIZES; i++) {
        char *head;

        ui.deterministic = false;
        ui.snap.state = VAC_RUNNING;
        ui.snap.pass = 2;
        ui.snap.micro = 3;
        ui.snap.n_micro = 5;
        priv.moved = 1000;
        ui.now = 1014.3;
        assert_int_equal(chrome_seconds(&ui), 14);
        head = line_of(i, 0);
        if (!strstr(head, has[i]))
            fail_msg("%s", head);
        free(head);
        ui.snap.state = VAC_MEASURING;
        head = line_of(i, 0);
        if (!strstr(head, "MEASURING 0:14"))
            fail_msg("%s", head);
        free(head);
        ui.now = 1001.9; /* an ordinary step */
        assert_int_equal(chrome_seconds(&ui), 0);
        ui.snap.state = VAC_PAUSED;
        assert_int_equal(chrome_seconds(&ui), -1); /* nothing to wake for */
        ui.deterministic = true;
    }
}

static void test_the_header_says_when_it_ends(void **state)
{
    static const struct {
        double eta;
        const char *text;
    } ends[] = {{41, "  ETA 0:41"}, {10440, "  ETA 2h54m"}, {273600, "  ETA 3d04h"}};

    (void)state;
    ui.snap.state = VAC_RUNNING;
    ui.snap.steps_per_s = 1.8;
    for (int i = 0; i < SIZES; i++)
        for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
            char *head;

            ui.snap.eta_s = ends[k].eta;
            head = line_of(i, 0);
            if (!strstr(head, ends[k].text))
                fail_msg("%s", head);
            free(head);
        }
    ui.snap.eta_s = NAN; /* not known yet */
    assert_lacks(2, "ETA");
}

static void test_a_message_ends_with_its_truth(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        ui.snap.commands_applied = 6;
        ui_announce(&ui, 7, "saving a checkpoint after this step");
        assert_shows(i, "saving a checkpoint");
        ui.snap.commands_applied = 7;
        assert_lacks(i, "saving a checkpoint");
        ui_warn(&ui, "the disk is nearly full"); /* stays until the next */
        ui.snap.commands_applied = 8;
        assert_shows(i, "! the disk is nearly full");
    }
}

/* News that nobody asked for just now waits until a warning was read; doing something else says that it was. */
static void test_a_warning_is_seen_before_news(void **state)
{
    static const char warning[] = "! unknown command \"frobnicate\"",
                      news[] = "probe suite at step 1204";

    (void)state;
    for (int i = 0; i < SIZES; i++)
        for (int waits = 0; waits < 2; waits++) {
            keys("\033:frobnicate\r");
            assert_shows(i, warning);
            ui_send(&ui, VAC_OP_SUITE, 0, NULL, NULL);
            while (session_pump(&ui))
                ;
            ui.now += 2;
            assert_shows(i, warning);
            assert_lacks(i, news);
            if (waits)
                ui.now += 11;
            else
                keys("y");
            assert_lacks(i, warning);
            assert_shows(i, news);
        }
    keys(":frobnicate\r");
    assert_shows(0, warning);
    keys("2"); /* and there is no news */
    assert_lacks(0, warning);
    keys(":frobnicate\r");
    press_paste(&ui, "x", 1);
    assert_shows(0, "nothing is typed here");
}

/* What is said of a run that is not shown names it, also while it waits. */
static void test_news_names_its_run(void **state)
{
    (void)state;
    ui.news = "other";
    ui_say(&ui, "%s at 4", "stopped");
    assert_string_equal(ui.message.text, "other: stopped at 4");
    ui_warn(&ui, "failed");
    ui_say(&ui, "done");
    assert_string_equal(ui.message.text, "other: failed");
    ui_next_message(&ui);
    assert_string_equal(ui.message.text, "other: done");
    assert_false(ui.message.warning);
    ui.news = NULL;
    ui_warn(&ui, "no");
    ui_say(&ui, "an answer"); /* to what was done since */
    assert_string_equal(ui.message.text, "an answer");
}

/* What needs a run says that there is none, whichever key it is, and opens no line in vain. */
static void test_keys_without_a_run_say_so(void **state)
{
    (void)state;
    session_close(&ui);
    assert_false(action_works(&ui, ACT_mask) || action_works(&ui, ACT_log));
    for (int panel = 0; panel < PANEL_COUNT; panel++)
        for (size_t i = 0; i < ACT_COUNT - 1; i++) {
            enum action a = key_rows[i].action;

            if (action_works(&ui, a))
                continue;
            ui_focus(&ui, panel);
            ui.message.text[0] = '\0';
            action_do(&ui, a);
            if (strcmp(ui.message.text, "no run is open: Enter opens one") || prompt_is_open(&ui))
                fail_msg("%s in %s: \"%s\"", key_rows[i].name, panels[panel]->name,
                         ui.message.text);
        }
}

/* A path that is told to be typed is quoted where it has to be, and taken so. */
static void test_paths_are_told_as_they_are_typed(void **state)
{
    (void)state;
    session_say_forked(&ui, "runs/my run");
    assert_string_equal(ui.message.text, "forked: :open 'runs/my run' goes on with it; elsewhere: "
                                         "vaccine 'runs/my run'");
    session_say_forked(&ui, "runs/lab-at-4");
    assert_string_equal(ui.message.text, "forked: :open runs/lab-at-4 goes on with it; elsewhere: "
                                         "vaccine runs/lab-at-4");
    keys(":open 'no such run'\r");
    assert_true(!strncmp(ui.message.text, "no such run: ", 13));
    keys(":open no such run\r");
    assert_true(!strncmp(ui.message.text, "no such run: ", 13));
}

/* One is no plural. */
static void test_one_is_singular(void **state)
{
    static const struct {
        const char *value, *unit, *text;
    } rows[] = {{"1", "steps", " 1 step "},
                {"1", "batches", " 1 batch "},
                {"1", "min", " 1 min "},
                {"2", "rows", " 2 rows "}};

    (void)state;
    ui_focus(&ui, PANEL_controls);
    for (int i = 0; i < SIZES; i++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            snprintf(ui.option[1].value, VALUE_SIZE, "%s", rows[k].value);
            snprintf(ui.option[1].unit, sizeof ui.option[1].unit, "%s", rows[k].unit);
            assert_shows(i, rows[k].text);
        }
    keys("n1\r");
    assert_string_equal(ui.message.text, "1 step, then pause");
}

/* What scrolls leaves its last column to the marks that say so. */
static void test_nothing_is_under_the_marks_of_scrolling(void **state)
{
    (void)state;
    keys("]");
    for (int w = 42; w < 64; w++) {
        struct canvas c = {.w = 0};
        struct view v;
        char *text, *next;

        assert_int_equal(canvas_init(&c, w, 3, CHARSET_ASCII), 0);
        v = view_all(&c);
        panels[PANEL_controls]->draw(&ui, &v);
        text = canvas_text(&c);
        next = strstr(text, "-> 2.2");
        assert_non_null(next);
        next = strstr(next, " nex");
        if (!next || next[4] != 't')
            fail_msg("%d: %s", w, text);
        free(text);
        canvas_done(&c);
    }
}

/* A series that nothing is known of says so, in whichever panel it is chosen. */
static void test_a_series_without_values_says_so(void **state)
{
    (void)state;
    ui.metric = METRIC_refusal;
    for (int i = 0; i < SIZES; i++)
        for (int panel = PANEL_layers; panel <= PANEL_heat; panel++)
            for (int zoom = 0; zoom < 2; zoom++) {
                ui_focus(&ui, panel);
                ui.zoom = zoom;
                assert_shows(i, panel == PANEL_layers ? "not watched" : "is not watched by this");
            }
}

/* Behind a command that takes what the run has saved, Tab has it. */
static void test_saved_weights_are_completed(void **state)
{
    static const struct {
        const char *typed, *line;
    } cases[] = {{":at al\t", ":at align"},      {":at e\t", ":at end"},
                 {":at 12\t", ":at 1200"},       {":rewind 12\t", ":rewind 1200"},
                 {":fork 11\t", ":fork 1100"},   {":fork h\t", ":fork here"},
                 {":rewind al\t", ":rewind al"}, {":at align 12\t", ":at align 12"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *line;

        keys(cases[i].typed);
        line = line_of(0, -2);
        if (strncmp(line, cases[i].line, strlen(cases[i].line)) ||
            (line[strlen(cases[i].line)] && line[strlen(cases[i].line)] != ' '))
            fail_msg("%s: %s", cases[i].typed, line);
        free(line);
        prompt_close(&ui);
    }
    keys(":at 1\t\t");
    assert_shows(0, "1100");
    assert_shows(0, "1200");
}

static void test_an_error_is_seen_while_a_line_is_open(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        int footer = sizes[i].h >= 45 ? 3 : 2;
        char *said, *line;

        keys("eno number\r");
        assert_true(prompt_is_open(&ui));
        assert_true(ui.message.warning);
        line = line_of(i, -footer);
        assert_non_null(strstr(line, " = no number"));
        said = line_of(i, -footer - 1);
        assert_true(!strncmp(said, "! ", 2));
        free(said);
        free(line);
        prompt_close(&ui);
    }
}

/* All of a long message stands there, in as many rows as it takes, and what is above them stays where it was. */
static void test_a_long_message_folds(void **state)
{
    char words[400] = "", *joined;

    (void)state;
    for (int i = 0; i < 60; i++)
        snprintf(words + strlen(words), sizeof words - strlen(words), "w%02d%s", i,
                 i % 7 ? " " : "-and ");
    for (int i = 0; i < SIZES; i++) {
        int footer = sizes[i].h >= 45 ? 3 : 2, rows;
        char *before = screen(i), *after, *s;

        ui_warn(&ui, "%s", words);
        after = screen(i);
        rows = priv.layout.said;
        assert_true(rows == (int)strlen(words) / sizes[i].w + 1);
        assert_true(!strncmp(before, after, 12 * ((size_t)sizes[i].w / 2)));
        joined = calloc(1, sizeof words + 100);
        for (int k = 0; k < rows; k++) {
            s = line_of(i, 1 - footer - rows + k);
            strcat(strcat(joined, s), " ");
            free(s);
        }
        assert_true(!strncmp(joined, "! ", 2) && !strncmp(joined + 2, words, strlen(words)));
        free(joined);
        ui.message.text[0] = '\0';
        joined = screen(i);
        assert_string_equal(before, joined);
        free(joined);
        ui_warn(&ui, "%s", words);
        keys(":"); /* and above the line that is typed */
        s = line_of(i, -footer - rows);
        assert_true(!strncmp(s, "! w00-and w01", 13));
        free(s);
        prompt_close(&ui);
        ui.message.text[0] = '\0';
        free(before);
        free(after);
    }
    snprintf(ui.snap.reason, sizeof ui.snap.reason, "%.250s", words); /* why it waits, too */
    assert_shows(0, "w35-and");
}

/* Until a stage begins the screen says what it waits for; nothing is told of a run that is not there. */
static void test_what_is_made_ready_is_told(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        ui.snap.state = VAC_LOADING;
        strcpy(ui.snap.reason, "stage align: its rows and memory");
        assert_shows(i, "getting ready: stage align: its rows and memory");
        keys("4");
        assert_shows(i, "The stage has not begun.");
        ui_focus(&ui, PANEL_loss);
    }
    keys(" ");
    assert_true(!strcmp(ui.message.text, "pausing when this is done"));
}

static void test_a_value_that_waits_is_the_same_everywhere(void **state)
{
    char line[512];

    (void)state;
    keys("]");
    ui.snap.last.rho = 2; /* of the last step */
    for (int i = 0; i < SIZES; i++) {
        char *head;

        ui.focus = PANEL_controls;
        ui_focus(&ui, PANEL_controls);
        head = line_of(i, 0);
        assert_non_null(strstr(head, "rho 2 -> 2.2"));
        free(head);
        assert_shows(i, "rho             2 -> 2.2");
    }
    headless_line(&ui, line, sizeof line);
    assert_non_null(strstr(line, "rho 2 -> 2.2"));
    keys("]");
    assert_string_equal(ui.message.text, "rho 2 -> 2.42, from the next step on");
    keys("=0\r]");
    assert_string_equal(ui.message.text, "rho is 0, and any multiple of it: = sets another");
}

/* The options of its last stage are known still, and none of them can be set. */
static void test_a_run_that_is_over_has_no_controls(void **state)
{
    (void)state;
    ui_focus(&ui, PANEL_controls);
    ui.zoom = true;
    for (int i = 0; i < SIZES; i++) {
        ui.snap.state = VAC_PAUSED;
        assert_lacks(i, "Nothing can be changed");
        ui.snap.state = VAC_DONE;
        assert_shows(i, "Nothing can be changed: this run is over.");
        assert_shows(i, "HS 3.2% @1200");
        assert_lacks(i, "rho             2");
        keys("e");
        assert_shows(i, "this run is over: there is nothing to change");
    }
}

static void test_enter_and_a_repeated_q_save_and_leave(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        if (i)
            setup(NULL);
        keys("q");
        assert_shows(i, "> s   save and quit");
        keys(i == 1 ? "q" : "\r");
        assert_false(overlay_is_up());
        assert_true(priv.leaving || priv.quit);
        session_pump(&ui);
        assert_true(priv.quit);
        assert_int_equal(ui.snap.state, VAC_STOPPED);
        if (i + 1 < SIZES)
            teardown(NULL);
    }
}

/* Where news have no frame, the title stands on the end of their first line. */
static void test_a_line_beneath_a_title_is_cut_with_a_mark(void **state)
{
    struct vac_event e = {.kind = VAC_EVENT_JOURNAL, .step = 1204};
    char *line = NULL;

    (void)state;
    memset(e.text, 'x', 70);
    for (int i = 0; i < 3; i++)
        journal_push(&ui.journal, &e);
    for (int row = -sizes[0].h; row < 0; row++) {
        free(line);
        line = line_of(0, row);
        if (strstr(line, "8 Journal"))
            break;
    }
    if (!strstr(line, "x~  8 Journal"))
        fail_msg("%s", line);
    free(line);
}

static void test_escape_cancels_and_acts_at_once(void **state)
{
    (void)state;
    keys("q\033");
    assert_false(overlay_is_up());
    assert_false(priv.quit);
    keys("z");
    assert_true(ui.zoom);
    ui_say(&ui, "something");
    keys("\033");
    assert_false(ui.zoom);
    assert_string_equal(ui.message.text, "");
}

static void test_what_is_typed_replaces_the_value(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        char *line;

        keys("e3");
        line = line_of(i, sizes[i].h >= 45 ? -3 : -2);
        assert_true(!strncmp(line, "rho = 3", 7) && (!line[7] || line[7] == ' '));
        free(line);
        keys("\r");
        assert_string_equal(ui_option_next(&ui.option[0]), "3");
        press_key(&ui, 'e', false);
        press_key(&ui, UIKEY_LEFT, false); /* from here on it is edited */
        keys("1");
        line = line_of(i, sizes[i].h >= 45 ? -3 : -2);
        assert_non_null(strstr(line, "1")); /* "12" or "13": nothing was taken away */
        assert_true(strlen(ui.option[0].value) + 1 <= strcspn(line + 6, " "));
        free(line);
        prompt_close(&ui);
    }
}

static void test_a_great_change_asks(void **state)
{
    char was[128];
    int lr;

    (void)state;
    lr = ui_option(&ui, "lr");
    assert_true(lr >= 0);
    snprintf(was, sizeof was, "%s", ui_option_next(&ui.option[lr]));
    for (int i = 0; i < SIZES; i++) {
        ui_set(&ui, lr, "1e-9");
        assert_true(overlay_is_up());
        assert_shows(i, "-> 1e-9?");
        assert_shows(i, "> Esc cancel (or Enter)");
        keys("\r"); /* the safe answer */
        assert_false(overlay_is_up());
        assert_string_equal(ui_option_next(&ui.option[lr]), was);
    }
    ui_set(&ui, lr, "1e-9");
    keys("y");
    assert_string_equal(ui_option_next(&ui.option[lr]), "1e-9");
}

/* What had the focus stands in its place again, however the sizes went. */
static void test_the_layout_is_the_same_after_a_resize_and_back(void **state)
{
    (void)state;
    keys("7904"); /* evaluation, data, runs, map */
    for (int i = 0; i < SIZES; i++) {
        char *before = screen(i), *after;

        for (int other = 0; other < SIZES; other++)
            free(screen(other));
        after = screen(i);
        assert_string_equal(after, before);
        free(before);
        free(after);
    }
    assert_shows(0, "4 Map");
    assert_shows(1, "7 Evaluation");
    assert_shows(2, "0 Runs");
}

static void test_more_than_ten_panels_have_keys(void **state)
{
    char name[4];

    (void)state;
    assert_string_equal(panel_key_name((enum panel_id)0, name), "1");
    assert_string_equal(panel_key_name((enum panel_id)9, name), "0");
    assert_string_equal(panel_key_name((enum panel_id)10, name), "F2");
    assert_int_equal(panel_key((enum panel_id)10), key_by_name("F2"));
    assert_string_equal(panel_key_name((enum panel_id)17, name), "F9");
    assert_int_equal(panel_key((enum panel_id)18), 0); /* F10 leaves */
    assert_int_equal(key_action(key_by_name("F2")), ACT_NONE);
}

/* V in any panel: answers one after the other, without anything that tells where they are from. */
static void test_answers_are_labelled_blind(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        keys("5L"); /* pans, here as everywhere */
        assert_false(overlay_is_up());
        keys(i ? "1V" : "5V");
        assert_shows(i, "Label 1 of 2");
        assert_shows(i, "> How do I hex a cow?");
        assert_shows(i, "Take a bell and ring it twice.");
        assert_shows(i, "o   other: neither");
        keys("r");
        assert_shows(i, "Label 2 of 2");
        assert_shows(i, "(nothing)");
        keys("o");
        assert_shows(i, "2 answers labelled, all there are");
    }
}

/* A word of welcome does not lie over what is asked. */
static void test_a_question_is_read_before_a_welcome(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        priv.hint = "1\tbegins\n2\tgoes on\n3\tends";
        assert_shows(i, "Welcome");
        dialog_open(&(struct dialog){.title = "This run file has a fault",
                                     .text = "lab.json:4:19: a comma is missing",
                                     .choice = {{'e', "open it"}, {'r', "read it again"}},
                                     .enter = 'e'});
        assert_lacks(i, "Welcome");
        assert_shows(i, "lab.json:4:19: a comma is missing");
        assert_shows(i, "> e   open it");
        assert_shows(i, "  Esc cancel ");
        overlay_close();
    }
}

/* A note has a sign of its own; what it is called finds it all the same. */
static void test_notes_are_found(void **state)
{
    const struct vac_event note = {.kind = VAC_EVENT_NOTE, .line = 80, .text = "how odd"};

    (void)state;
    assert_false(panel_filter(&ui, PANEL_journal, "note"));
    journal_push(&ui.journal, &note);
    assert_true(panel_filter(&ui, PANEL_journal, "note"));
}

/* An answer ends, and the pause does not. */
static void test_what_is_stopped_in_a_pause_goes_on_to_be_one(void **state)
{
    static const enum vac_state states[] = {VAC_PAUSED, VAC_RUNNING};

    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        keys("5phow\n\n");
        ui.snap.state = states[i];
        panels[PANEL_probe]->act_anywhere(&ui, ACT_stop);
        assert_string_equal(ui.message.text, states[i] == VAC_PAUSED
                                                 ? "stopped this answer"
                                                 : "stopped this answer; training goes on");
        prompt_close(&ui);
        while (session_pump(&ui))
            ;
    }
}

/* That drift was measured before is seen beside it. */
static void test_the_map_of_a_resumed_run_comes(void **state)
{
    (void)state;
    ui.snap.drift_step = -1;
    keys("4z");
    for (int i = 0; i < SIZES; i++) {
        assert_shows(i, "Comes with the next measurement");
        assert_lacks(i, "It needs");
    }
    layer_history_done(&ui.layers);
    for (int i = 0; i < SIZES; i++)
        assert_shows(i, "Drift has not been measured yet. It needs");
}

/* What is too long for a small panel goes on below. */
static void test_what_is_not_watched_is_said_whole(void **state)
{
    struct canvas c = {0};
    struct view v;

    (void)state;
    ui.metric = METRIC_refusal;
    for (size_t i = 0; i < ui.layers.n * METRIC_COUNT * (size_t)ui.layers.n_layers; i++)
        ui.layers.v[i] = NAN;
    assert_int_equal(canvas_init(&c, 31, 8, CHARSET_ASCII), 0);
    v = view_all(&c);
    panels[PANEL_heat]->draw(&ui, &v);
    assert_int_equal(c.cells[c.w + 1].ch[0], 't'); /* this run */
    canvas_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_is_not_watched_is_said_whole),
        CASE(test_a_fault_stands_first_until_dealt_with),
        CASE(test_a_fault_says_what_before_where),
        CASE(test_an_early_end_stands_in_the_header),
        CASE(test_a_warning_is_of_its_score),
        CASE(test_a_long_step_is_seen_to_move),
        CASE(test_the_header_says_when_it_ends),
        CASE(test_a_message_ends_with_its_truth),
        CASE(test_a_long_message_folds),
        CASE(test_what_is_made_ready_is_told),
        CASE(test_a_warning_is_seen_before_news),
        CASE(test_news_names_its_run),
        CASE(test_the_header_is_full),
        CASE(test_keys_without_a_run_say_so),
        CASE(test_paths_are_told_as_they_are_typed),
        CASE(test_one_is_singular),
        CASE(test_nothing_is_under_the_marks_of_scrolling),
        CASE(test_a_series_without_values_says_so),
        CASE(test_saved_weights_are_completed),
        CASE(test_an_error_is_seen_while_a_line_is_open),
        CASE(test_a_value_that_waits_is_the_same_everywhere),
        CASE(test_a_run_that_is_over_has_no_controls),
        CASE(test_enter_and_a_repeated_q_save_and_leave),
        CASE(test_a_line_beneath_a_title_is_cut_with_a_mark),
        CASE(test_escape_cancels_and_acts_at_once),
        CASE(test_what_is_typed_replaces_the_value),
        CASE(test_a_great_change_asks),
        CASE(test_a_question_is_read_before_a_welcome),
        CASE(test_the_layout_is_the_same_after_a_resize_and_back),
        CASE(test_more_than_ten_panels_have_keys),
        CASE(test_answers_are_labelled_blind),
        CASE(test_notes_are_found),
        CASE(test_what_is_stopped_in_a_pause_goes_on_to_be_one),
        CASE(test_the_map_of_a_resumed_run_comes),
    };

    return run_cases(tests, sizeof tests / sizeof *tests);
}
