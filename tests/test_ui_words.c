/* test_ui_words.c - words that stay true, at three sizes: a score that is older than the step says so,
 * own questions join the suite, what is typed filters at once. */
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

/* A word on the present step: a mark on every plot, and the text where the cursor is. */
static void test_a_note_stands_on_every_plot(void **state)
{
    static const int plots[] = {PANEL_loss, PANEL_heat, PANEL_evaluation, PANEL_layers};

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
        assert_shows(i, "1204 # from here on without dropout");
        ui.message.text[0] = '\0';
        for (size_t k = 0; k < sizeof plots / sizeof *plots; k++) {
            ui_focus(&ui, plots[k]);
            ui.cursor = NAN;
            assert_shows(i, "#");
            assert_lacks(i, "without dropout");
            ui.cursor = 1204;
            assert_shows(i, "# from here on without dropout");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_an_old_score_says_its_step),
        CASE(test_letters_filter_while_they_are_typed),
        CASE(test_own_questions_join_the_suite),
        CASE(test_a_note_stands_on_every_plot),
    };

    return run_cases(tests, sizeof tests / sizeof *tests);
}
