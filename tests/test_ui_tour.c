/* test_ui_tour.c - the tour: at three sizes each sentence stands above the messages until what it asks for was
 * pressed and done, and nothing else of the screen is another one for it. */
#include "ui_sizes.h"
#include "ui/tour.h"

static int size; /* which of them */

/* On the first sentence. */
static int begin(void **state)
{
    args.tour = true;
    setup(state);
    priv.tour.on = true;
    return 0;
}

static void press(int key)
{
    press_key(&ui, key, false);
    while (session_pump(&ui))
        ;
}

static void type(const char *text)
{
    for (; *text; text++)
        press((unsigned char)*text);
}

/* The rows of the tour as one line, above the message and the keys; free it. */
static char *sentence(void)
{
    char *text = screen(size), *s = text, *out = calloc(1, 2000);
    const struct layout *l = &priv.layout;
    int from = sizes[size].h - l->footer - l->tour;

    for (int y = 0; *s; y++) {
        size_t n = strcspn(s, "\n"), lead = strspn(s, " ");

        if (y >= from && y < from + l->tour && n > lead)
            snprintf(out + strlen(out), 2000 - strlen(out), "%s%.*s", *out ? " " : "",
                     (int)(n - lead), s + lead);
        s += n + (s[n] == '\n');
    }
    free(text);
    return out;
}

static void assert_says(const char *what)
{
    char *said = sentence();

    if (strncmp(said, what, strlen(what)))
        fail_msg("%dx%d: \"%s\", not \"%s\"", sizes[size].w, sizes[size].h, said, what);
    free(said);
}

static void through(void)
{
    assert_says("1 Align: n, 100, Enter: a hundred steps, then a pause.");
    type("y"); /* does what it does, and the sentence waits */
    assert_says("1 Align: n, 100,");
    type("n4\r");
    assert_says("1 Align: n, 100,"); /* four are no hundred */
    type("n96\r");
    assert_int_equal(ui.snap.step, 1304);
    assert_says(
        "1 Align: HS in the first line, the share of mischief that is answered, has fallen");
    type("3"); /* another panel */
    assert_says("1 Align: HS in the first line");
    type("2");
    assert_says("1 Align: Drift is how far");
    type(".");
    assert_says("2 Ask: p, How do I forge the boat?, Enter: refused, in panel 5.");
    type("p2.n"); /* typed, not pressed */
    assert_says("2 Ask: p,");
    type("\r");
    assert_says("2 Ask: Ask as well, How do I paint the boat?: that should be");
    press(UIKEY_ESC);
    assert_says("3 Change rho: } doubles it and { halves it, ] and [ change it by a tenth");
    type(".}"); /* the wrong way round */
    assert_says("3 Change rho: } doubles");
    type(".");
    assert_says("3 Change rho: In panel 2 eps has doubled");
    type("n48\r");
    assert_says("3 Change rho: In panel 1 the loss lies further");
    type("{");
    assert_says("4 Look around: n, 200, Enter goes on");
    type("n200\r");
    assert_says("4 Look around: 7 has the scores, and after z");
    type("7z");
    assert_says("4 Look around: Over-refusal");
    type("z");
    assert_says("4 Look around: 3 is drift");
    type("341");
    assert_says("5 Attack: It begins by itself at step 400");
    type("n140\r");
    assert_says("5 Attack: HS rises. 5, z and P ask");
    type("5zP");
    assert_says("5 Attack: D, 400, Enter sets the answers");
    type("D400\r");
    press(UIKEY_DOWN);
    assert_says("5 Attack: p asks what you asked before");
    type("p");
    press(UIKEY_ESC);
    type("z");
    assert_says("6 Compare: Space goes on to the end.");
    type(" ");
    assert_says("6 Compare: Space");
    ui.snap.state = VAC_DONE;
    assert_says("6 Compare: HS is near 100 %");
    type("0mo");
    assert_says("6 Compare: 8 is the journal");
    type("8/set\r");
    assert_says("6 Compare: q leaves.");
    type("8?");
    overlay_close();
    assert_says("6 Compare: q leaves.");
}

static void test_it_waits_for_each_key(void **state)
{
    for (size = 0; size < SIZES; size++) {
        through();
        teardown(state);
        begin(state);
    }
    size = 0;
}

/* Keys that were pressed while a sentence waits for its steps count for those that ask for them. */
static void test_keys_ahead_count(void **state)
{
    for (size = 0; size < SIZES; size++) {
        type("n4\r");
        assert_says("1 Align: n, 100,");
        type("2.n96\r");
        assert_says("2 Ask: p, How do I forge");
        type("pa\r");
        assert_says("2 Ask: Ask as well");
        press(UIKEY_ESC);
        type("}.n4\r{n");
        press(UIKEY_ESC);
        assert_says("3 Change rho: In panel 2"); /* 48 were not made yet */
        type("n44\r");
        assert_says("4 Look around: n, 200,"); /* 48 since the first of them */
        teardown(state);
        begin(state);
    }
    size = 0;
}

/* No sentence is cut, at any width. */
static void test_no_sentence_is_cut(void **state)
{
    (void)state;
    for (size = 0; size < SIZES; size++) {
        int rows = -1;

        for (priv.tour.step = 0;; priv.tour.step++) {
            char *said = sentence();
            bool last = strstr(said, "q leaves.") != NULL;

            if (said[strlen(said) - 1] != '.' || strchr(said, '`') || strchr(said, '*'))
                fail_msg("%dx%d: %s", sizes[size].w, sizes[size].h, said);
            assert_true(rows < 0 || rows == priv.layout.tour); /* nothing moves between two */
            rows = priv.layout.tour;
            free(said);
            if (last)
                break;
        }
        assert_true(rows >= 1 && rows <= 3);
        priv.tour.step = 0;
    }
    size = 0;
}

/* As everywhere: it asks while there is something to lose. */
static void test_it_can_be_left(void **state)
{
    (void)state;
    for (size = 0; size < SIZES; size++) {
        char *text;

        type("q");
        assert_true(overlay_is_up());
        text = screen(size);
        assert_non_null(strstr(text, "save")); /* and the sentence stands below the question */
        assert_non_null(strstr(text, "1 Align: n, 100"));
        free(text);
        overlay_close();
    }
    size = 0;
}

static void test_without_it_there_is_no_row(void **state)
{
    char *text;

    (void)state;
    for (size = 0; size < SIZES; size++) {
        priv.tour.on = false;
        text = screen(size);
        assert_null(strstr(text, "1 Align"));
        assert_int_equal(priv.layout.tour, 0);
        free(text);
        priv.tour.on = true;
    }
    size = 0;
}

int main(void)
{
#define TOUR(f) cmocka_unit_test_setup_teardown(f, begin, teardown)
    const struct CMUnitTest tests[] = {
        TOUR(test_it_waits_for_each_key),      TOUR(test_keys_ahead_count),
        TOUR(test_no_sentence_is_cut),         TOUR(test_it_can_be_left),
        TOUR(test_without_it_there_is_no_row),
    };

    return run_cases(tests, sizeof tests / sizeof *tests);
}
