/* test_ui_habits.c - what fingers and eyes expect, at three sizes: what is wrong is seen first, news
 * ends with its truth, a value that waits is the same everywhere, questions have an answer for Enter. */
#include "ui_sizes.h"
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
        assert_shows(i, "all 2 answers have a label");
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
