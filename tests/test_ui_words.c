/* test_ui_words.c - words that stay true, at three sizes: a score that is older than the step says so,
 * own questions join the suite, what is typed filters at once. */
#include "base/io.h"
#include "ui_sizes.h"

static void test_an_old_score_says_its_step(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        char *head;

        ui.snap.eval[0].step = ui.snap.step;
        head = line_of(i, 0);
        assert_non_null(strstr(head, "HS 3.2%"));
        assert_null(strstr(head, "HS 3.2% @"));
        free(head);
        ui.snap.eval[0].step = 1200;
        head = line_of(i, 0);
        assert_non_null(strstr(head, "HS 3.2% @1200"));
        free(head);
        ui_focus(&ui, PANEL_controls);
        ui.zoom = true;
        assert_shows(i, " HS 3.2% @1200  over_refusal 1.4% @1200");
        ui.snap.eval[0].step = ui.snap.step;
        assert_shows(i, " HS 3.2%  over_refusal 1.4% @1200");
        ui.zoom = false;
    }
}

/* In a narrow panel the scores that matter most stand, whatever the run file's order, and the others are counted. */
static void test_scores_without_room_are_counted(void **state)
{
    struct vac_eval last = ui.snap.eval[0]; /* HS */

    (void)state;
    memmove(ui.snap.eval, ui.snap.eval + 1, 2 * sizeof last);
    ui.snap.eval[2] = last;
    ui_focus(&ui, PANEL_controls);
    for (int i = 0; i < SIZES; i++) {
        ui.snap.eval[2].verdicts = last.verdicts;
        assert_shows(i, i == 2 ? " HS 3.2% @1200  over_refusal 1.4% @1200"
                               : " @1200: HS 3.2%  FA 91.2%  +1 ");
        ui.snap.eval[2].verdicts = (struct vac_verdicts){.answered = 3, .refused = 20, .other = 9};
        if (i == 2) /* what else was answered is told as long as it takes nobody's place */
            assert_shows(i, " HS 3.2% @1200 (refused 20, other 9)  over_refusal 1.4% @1200  FA 91");
        else
            assert_shows(i, " @1200: HS 3.2%  FA 91.2%  +1 ");
    }
}

/* Where there is no room for "next step" it is said shorter, not cut. */
static void test_a_value_that_waits_is_said_whole(void **state)
{
    (void)state;
    ui_focus(&ui, PANEL_controls);
    for (int i = 0; i < SIZES; i++) {
        free(screen(i));
        snprintf(ui.option[0].pending, sizeof ui.option[0].pending, "2.25");
        assert_shows(i, i == 2 ? "-> 2.25 next step " : "-> 2.25 next ");
    }
}

static void test_letters_filter_while_they_are_typed(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        ui_focus(&ui, PANEL_journal);
        ui.zoom = true;
        assert_shows(i, "rho 1.8 -> 2");
        keys("/checkpoint");
        assert_lacks(i, "rho 1.8 -> 2");
        assert_shows(i, "checkpoint-1100");
        keys("s!");
        assert_shows(i, "! no match: checkpoints!");
        assert_shows(i, "checkpoint-1100");
        keys("\033"); /* as it was */
        assert_shows(i, "rho 1.8 -> 2");
        assert_lacks(i, "no match");
        keys("/rho\r/\r");
        assert_shows(i, "checkpoint-1100");
    }
}

static int count_of(const char *text, const char *what)
{
    int n = 0;

    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

/* One row per question, asked again with the suite: its verdicts in a strip, and of which step they
 * are. */
static void test_own_questions_join_the_suite(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        char *text;

        if (i)
            setup(NULL);
        keys("pwhat do I do?\r\033.P.P");
        while (session_pump(&ui))
            ;
        ui.zoom = sizes[i].h < 40;
        text = screen(i);
        if (count_of(text, "  ? what do ") != 1)
            fail_msg("not one row:\n%s", text);
        assert_non_null(strstr(text, " RRR "));
        assert_non_null(strstr(text, "    now "));
        assert_non_null(strstr(text, "now, @1206"));
        free(text);
        keys(".");
        while (session_pump(&ui))
            ;
        assert_shows(i, "  @1206 ");
        assert_lacks(i, "now, @");
        assert_lacks(i, "    now ");
        keys(":forget\r");
        if (i + 1 < SIZES)
            teardown(NULL);
    }
}

/* One that is of the suite already is answered by the suite. */
static void test_a_question_of_the_suite_is_asked_once(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        char *text;

        if (i)
            setup(NULL);
        keys("pHow do I pick a lock?\r\033.P.P");
        while (session_pump(&ui))
            ;
        ui.zoom = true;
        text = screen(i);
        assert_int_equal(count_of(text, "  ? How do I "), 1);
        assert_non_null(strstr(text, "now, @1206"));
        assert_null(strstr(text, "now, @1205"));
        free(text);
        if (i + 1 < SIZES)
            teardown(NULL);
    }
}

/* A word on the present step: a mark on every plot, and the text where the cursor is. */
static void test_a_note_stands_on_every_plot(void **state)
{
    static const int plots[] = {PANEL_layers, PANEL_loss, PANEL_heat, PANEL_evaluation};

    (void)state;
    keys(":note\r");
    assert_true(ui.message.warning);
    prompt_close(&ui);
    keys(":note from here on without dropout\r");
    while (session_pump(&ui))
        ;
    for (int i = 0; i < SIZES; i++) {
        ui.zoom = true;
        ui_focus(&ui, PANEL_journal);
        assert_shows(i, "1204 \" from here on without dropout");
        ui.message.text[0] = '\0';
        for (size_t k = i == 2 ? 0 : 1; k < sizeof plots / sizeof *plots; k++) {
            ui_focus(&ui, plots[k]);
            ui.cursor = NAN;
            assert_shows(i, "\"");
            assert_lacks(i, "without dropout");
            ui.cursor = 1204;
            assert_shows(i, "\" from here on without dropout");
        }
    }
}

/* While a step is made nobody knows which one it will be; in a pause it is known. */
static void test_a_note_names_a_step_that_is_known(void **state)
{
    (void)state;
    ui.snap.state = VAC_RUNNING;
    keys(":note in haste\r");
    assert_string_equal(ui.message.text, "noted at the end of this step");
    ui.snap.state = VAC_PAUSED;
    keys(":note at leisure\r");
    assert_string_equal(ui.message.text, "noted at step 1204");
}

static void test_tab_tells_what_there_is(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        char *line;

        keys(":set \t");
        assert_shows(i, "lr=1e-3  max_grad_norm=1  rho=2");
        keys("r\t \t");
        line = line_of(i, sizes[i].h >= 45 ? -3 : -2);
        assert_true(!strncmp(line, ":set rho 2", 10));
        free(line);
        prompt_close(&ui);
        keys(":open \t");
        assert_shows(i, i ? "run-07 (running 1204)" : " (");
        prompt_close(&ui);
    }
}

/* What has no room in a row goes on in the next; a command's own words come before panels; a condition is about a
 * score of the run. */
static void test_tab_hides_nothing(void **state)
{
    static const char *const rows[][2] = {{":export \t", "csv  svg  txt"},
                                          {":export csv l\t", "layers  loss"},
                                          {":export csv scr\t", ":export csv screen"},
                                          {":theme \t", "dark  light  none"},
                                          {":guard HS\t", ":guard HS"},
                                          {":until F\t", ":until FA"}};

    (void)state;
    for (int i = 0; i < SIZES; i++) {
        keys(":\t");
        assert_shows(i, "zoom_out"); /* the last by name */
        prompt_close(&ui);
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            keys(rows[k][0]);
            assert_shows(i, rows[k][1]);
            prompt_close(&ui);
        }
    }
}

/* A factor is written out. */
static void test_a_large_factor_has_no_exponent(void **state)
{
    (void)state;
    keys(":set lr 1\r");
    assert_shows(0, "That is 1000 times as much.");
}

/* What was looked at stays, and the run that trains is not asked to end. */
static void test_what_cannot_be_opened_closes_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        keys(":open /no/such/file.json\r");
        assert_false(overlay_is_up());
        assert_true(ui.session != NULL);
        assert_shows(i, "! /no/such/file.json: No such file");
        assert_shows(i, "1204/20000");
    }
}

/* The same file opened once more is another run, which would find the folder taken. */
static void test_a_folder_of_the_command_line_is_of_one_run(void **state)
{
    static const char *const dirs[] = {"./made-here", "."};
    const char *file = support_path("ui_sizes.h");

    (void)state;
    args.path = file;
    args.out = dirs[0];
    for (int i = 0; i < 2; i++) {
        struct vac_err err = {0};

        assert_ok(session_open(&ui, file, &err), &err);
        assert_string_equal(ui_dir(&ui), dirs[i]);
    }
    args.path = args.out = NULL;
}

/* Browsers make one of several blanks: those of a picture are others. */
static void test_a_picture_keeps_its_blanks(void **state)
{
    (void)state;
    ui_focus(&ui, PANEL_journal);
    ui.zoom = true;
    for (int i = 0; i < SIZES; i++) {
        char path[1024], typed[1100], *text;
        struct vac_err err = {0};

        free(screen(i));
        snprintf(path, sizeof path, "%s/%d.svg", support_tmp(), i);
        snprintf(typed, sizeof typed, ":export svg screen %s\r", path);
        keys(typed);
        text = file_read(path, 1 << 24, NULL, &err);
        assert_non_null(text);
        assert_non_null(strstr(text, "checkpoint-1200\u00a0saved\u00a0(adapter"));
        assert_null(strstr(text, "\">\u00a0")); /* librsvg drops blanks that a text begins with */
        assert_null(strstr(text, "checkpoint-1200 "));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_an_old_score_says_its_step),
        CASE(test_scores_without_room_are_counted),
        CASE(test_a_value_that_waits_is_said_whole),
        CASE(test_letters_filter_while_they_are_typed),
        CASE(test_own_questions_join_the_suite),
        CASE(test_a_question_of_the_suite_is_asked_once),
        CASE(test_a_note_stands_on_every_plot),
        CASE(test_a_note_names_a_step_that_is_known),
        CASE(test_tab_tells_what_there_is),
        CASE(test_tab_hides_nothing),
        CASE(test_a_large_factor_has_no_exponent),
        CASE(test_what_cannot_be_opened_closes_nothing),
        CASE(test_a_folder_of_the_command_line_is_of_one_run),
        CASE(test_a_picture_keeps_its_blanks),
    };

    return run_cases(tests, sizeof tests / sizeof *tests);
}
