/* test_ui_runs.c - panel 0, the runs as results, at three sizes: what aligned each, what it came to and
 * when it broke, in the order of any column; what two of them say differently. */
#include "ui_sizes.h"
#include <errno.h>
#include <sys/stat.h>
#include "panels/compare.h"
#include "panels/start.h"
#include "panels/table.h"

/* The line of the screen that holds `what`; free it. */
static char *line_with(int size, const char *what)
{
    char *text = screen(size), *at = strstr(text, what), *from = at, *out;

    if (!at)
        fail_msg("%dx%d: \"%s\" is not in:\n%s", sizes[size].w, sizes[size].h, what, text);
    while (from > text && from[-1] != '\n')
        from--;
    out = strndup(from, strcspn(from, "\n"));
    free(text);
    return out;
}

static void assert_line(int size, const char *which, const char *const *has, size_t n)
{
    char *line = line_with(size, which);
    const char *at = line;

    for (size_t i = 0; i < n; i++) {
        const char *found = strstr(at, has[i]);

        if (!found)
            fail_msg("%dx%d: no \"%s\" in its place in:\n%s", sizes[size].w, sizes[size].h, has[i],
                     line);
        at = found + strlen(has[i]);
    }
    free(line);
}
#define ASSERT_LINE(size, which, ...)                                                              \
    assert_line(size, which, (const char *const[]){__VA_ARGS__},                                   \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

struct runs { /* as the panel's own state begins */
    struct table table;
    struct start_list items;
};

/* The panel on the whole screen. */
static struct runs *open_panel(void)
{
    ui_focus(&ui, PANEL_runs);
    ui.zoom = true;
    return ui.own[PANEL_runs];
}

static void test_runs_are_results(void **state)
{
    (void)state;
    open_panel();
    for (int i = 0; i < SIZES; i++) {
        ASSERT_LINE(i, "method", "run", "method", "rho", "HS%", i < 2 ? "over_re" : "over_refusal%",
                    "FA%", "broke");
        ASSERT_LINE(i, "attack-p10", "vaccine", "0.5", "3.1 -> 79.2", "1.4", "91.2", "320");
        ASSERT_LINE(i, "sft-01", "sft", "-", "41.2", "1.4", "91.2", "-");
    }
}

/* Set on the way, it is the one that holds; where there is room the run file's stands before it. */
static void test_rho_is_the_one_that_holds(void **state)
{
    struct runs *runs = open_panel();

    (void)state;
    for (int i = 0; i < SIZES; i++) {
        free(screen(i));
        for (size_t k = 0; k < runs->items.n; k++)
            if (!strcmp(runs->items.v[k].run.name, "attack-p10")) {
                runs->items.v[k].run.rho_was = 0.5;
                runs->items.v[k].run.rho = 1.25;
            }
        ASSERT_LINE(i, "attack-p10", "vaccine", i ? " 0.5 -> 1.25 " : " 1.25 ", "79.2");
    }
}

/* The runs in the order of the screen, by their first letters. */
static void assert_order(int size, const char *order)
{
    char *text = screen(size);
    const char *list = strstr(text, "HS%"), *run = strstr(list, "run-07  "),
               *sft = strstr(list, "sft-01  "), *attack = strstr(list, "attack-p10  ");
    char is[4] = "";

    assert_true(run && sft && attack);
    is[(run > sft) + (run > attack)] = 'r';
    is[(sft > run) + (sft > attack)] = 's';
    is[(attack > run) + (attack > sft)] = 'a';
    if (strcmp(is, order))
        fail_msg("%s, not %s: %s", is, order, text);
    free(text);
}

/* Of what is on the screen this is underlined and nothing else. */
static void assert_underlined(const char *what)
{
    char is[200] = "";
    size_t n = 0;

    for (int i = 0; i < priv.canvas.w * priv.canvas.h; i++)
        if (priv.canvas.cells[i].style & STYLE_UNDERLINE && n + 1 < sizeof is)
            is[n++] = (char)priv.canvas.cells[i].ch[0];
    assert_string_equal(is, what);
}

static void test_every_column_can_order_them(void **state)
{
    static const struct {
        const char *said, *order, *head;
    } steps[] = {
        {"sorted by name", "ars", "run"},
        {"sorted by method and rho", "sar", "method"},
        {"sorted by rho", "ars", "rho"},
        {"sorted by HS", "rsa", "HS%"},
        {"by over_refusal", "rsa", "over_refusal%"},
        {"sorted by FA", "rsa", "FA%"},
        {"step at which it", "ars", "broke"},
        {"sorted by step", "sra", "step"},
        {"sorted by age", "rsa", "age"},
    };

    (void)state;
    open_panel();
    for (int i = 0; i < SIZES; i++)
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            keys("s");
            assert_shows(i, steps[k].said);
            assert_order(i, steps[k].order);
            if (i == 2) /* where all of them are shown */
                assert_underlined(steps[k].head);
        }
}

/* The margin of p(refuse) has a column where there is room for one, else it stands with the score. */
static void test_runs_have_a_margin(void **state)
{
    struct runs *runs = open_panel();

    (void)state;
    for (int i = 0; i < SIZES; i++) {
        assert_lacks(i, "margin");
        for (size_t k = 0; k < runs->items.n; k++)
            if (!strcmp(runs->items.v[k].run.name, "sft-01"))
                runs->items.v[k].run.eval[0].beneath[VAC_BENEATH_margin] =
                    (struct vac_span){true, 0.625, 0.5, 0.75};
        keys("j");
        if (i)
            ASSERT_LINE(i, "method", "HS%", "FA%", "margin", "broke");
        ASSERT_LINE(i, i ? " sft " : "] n=500", i ? "41.2" : "HS 41.2%", "0.625");
        for (size_t k = 0; k < runs->items.n; k++)
            runs->items.v[k].run.eval[0].beneath[VAC_BENEATH_margin].value = -1e-4;
        assert_lacks(i, "-0.000");
        keys("k");
        for (size_t k = 0; k < runs->items.n; k++)
            runs->items.v[k].run.eval[0].beneath[VAC_BENEATH_margin].known = false;
    }
}

/* Below it stands the step alone where its name says no more: else that would be what is cut. */
static void test_a_fork_is_told_from_its_parent(void **state)
{
    struct runs *runs = open_panel();

    (void)state;
    for (int i = 0; i < SIZES; i++) {
        size_t k = 0;

        free(screen(i));
        while (runs->items.v[k].kind != START_RUN || runs->items.v[k + 1].kind != START_RUN)
            assert_true(++k + 1 < runs->items.n);
        snprintf(runs->items.v[k].run.name, VAC_NAME, "a-long-name-001");
        snprintf(runs->items.v[k + 1].run.name, VAC_NAME, "a-long-name-001-at-400");
        strcpy(runs->items.v[k + 1].run.parent, "x");
        runs->items.v[k + 1].run.depth = 1;
        runs->items.v[k + 1].run.fork_step = 400;
        assert_shows(i, "   @400 ");
    }
}

/* Heads go with a filter: the selected row stays that, and one that is gone makes way for the first. */
static void test_a_filter_keeps_what_is_selected(void **state)
{
    struct runs *runs = open_panel();
    int n;

    (void)state;
    free(screen(0));
    keys("\x1b[H");
    assert_string_equal(runs->items.v[table_selected(&ui, PANEL_runs)].run.name, "run-07");
    assert_true(table_filter(&ui, PANEL_runs, "a"));
    assert_string_equal(runs->items.v[table_selected(&ui, PANEL_runs)].run.name, "run-07");
    assert_true(table_filter(&ui, PANEL_runs, "attack|sft"));
    assert_string_equal(runs->items.v[table_selected(&ui, PANEL_runs)].run.name, "sft-01");
    n = runs->items.n;
    runs->items.n = 0; /* what it kept is gone */
    open_panel();
    assert_shows(0, "No run is like that: / and Enter show all.");
    runs->items.n = n;
    assert_true(table_filter(&ui, PANEL_runs, ""));
    assert_string_equal(runs->items.v[table_selected(&ui, PANEL_runs)].run.name, "sft-01");
}

/* Where there are no runs there are no heads of their columns, and what a sample shows has two lines. */
static void test_samples_alone_have_no_heads(void **state)
{
    struct runs *runs = open_panel();

    (void)state;
    free(screen(0));
    for (size_t k = 0; k < runs->items.n; k++) {
        runs->items.v[k].kind = START_SAMPLE;
        snprintf(
            runs->items.v[k].text, sizeof runs->items.v[k].text, "%s",
            "a sentence that is much too long for one line of eighty columns, and says at its end "
            "what comes of it");
    }
    for (int i = 0; i < SIZES; i++) {
        assert_lacks(i, "method");
        assert_shows(i, "what comes of it");
    }
}

/* The folder of a run of the list, which is there. */
static const char *folder_of(const char *run, char dir[1024])
{
    snprintf(dir, 1024, "%s/%s", support_own(), run);
    assert_true(mkdir(dir, 0700) == 0 || errno == EEXIST);
    return dir;
}

/* The open run is the first of the list. */
static int setup_listed(void **state)
{
    char dir[1024];

    setenv("FAKE_DIR", folder_of("run-07", dir), 1);
    setup(state);
    unsetenv("FAKE_DIR");
    assert_true(compare_lay(&ui, dir)); /* over itself: it is there */
    assert_int_equal(ui.n_overlay, 0);
    ui_focus(&ui, PANEL_runs);
    return 0;
}

/* One that is marked goes with the open one, wherever the selection stands. */
static void test_one_marked_run_is_compared_with_the_open_one(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        free(screen(i));
        keys("jmD"); /* marks the second, and the third is selected */
        assert_shows(i, "stages[0].rho");
        assert_shows(i, "sft-01  0");
        assert_shows(i, "run-07  2");
        keys("\033mk");
    }
}

/* ... and never a run with itself. */
static void test_the_open_run_is_no_other_one(void **state)
{
    (void)state;
    free(screen(2));
    keys("D");
    assert_shows(2, "select another run, or mark two with m");
    assert_lacks(2, "same description");
    keys("mo");
    assert_shows(2, "the curves are those of this run");
    assert_int_equal(ui.n_overlay, 0);
    keys("mo"); /* the second one as well */
    assert_shows(2, "1 other run over the curves");
    assert_int_equal(ui.n_overlay, 1);
    assert_string_equal(ui.overlay[0].name, "sft-01");
    keys("o");
    assert_shows(2, "no other runs over the curves");
    assert_int_equal(ui.n_overlay, 0);
}

/* One that was laid over another and is opened then is itself, and still laid over when another is. */
static void test_what_is_laid_over_and_opened_is_there_once(void **state)
{
    char name[VAC_NAME], dir[1024];

    (void)state;
    memcpy(name, ui.snap.run, sizeof name);
    ui.snap.run[0] = '\0'; /* another one, or none yet */
    assert_true(compare_lay(&ui, folder_of("run-07", dir)));
    assert_true(compare_lay(&ui, folder_of("sft-01", dir)));
    ui.zoom = true;
    for (int k = 0; k < 2; k++) { /* losses, and scores */
        ui_focus(&ui, k ? PANEL_evaluation : PANEL_loss);
        memcpy(ui.snap.run, name, sizeof name);
        for (int i = 0; i < SIZES; i++) {
            assert_shows(i, "sft-01 ");
            assert_lacks(i, "# run-07");
        }
        ui.snap.run[0] = '\0';
        ui.zoom = true;
        assert_shows(2, "# run-07");
    }
}

/* Its files are read now and then; how it stands is known at once, also of the run that trains meanwhile. */
static void test_runs_at_hand_stand_as_they_do(void **state)
{
    struct vac_snapshot aside = {.state = VAC_PAUSED, .step = 77, .run = "sft-01"};

    (void)state;
    ui.zoom = true;
    ASSERT_LINE(2, "run-07    ", "paused", "vaccine", " 1204/");
    ASSERT_LINE(2, "sft-01    ", "done");
    ui.snap.state = VAC_DONE;
    ui.snap.step = 1207;
    ASSERT_LINE(2, "run-07    ", "done", "vaccine", " 1207/");
    folder_of("sft-01", ui.parked);
    ui.aside = &aside;
    ASSERT_LINE(2, "sft-01    ", "paused", "sft", " 77/");
    aside.state = VAC_FAILED;
    ASSERT_LINE(2, "sft-01    ", "failed", "sft", " 77/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_runs_are_results),
        CASE(test_rho_is_the_one_that_holds),
        CASE(test_runs_have_a_margin),
        CASE(test_a_fork_is_told_from_its_parent),
        CASE(test_a_filter_keeps_what_is_selected),
        CASE(test_samples_alone_have_no_heads),
        CASE(test_every_column_can_order_them),
        cmocka_unit_test_setup_teardown(test_one_marked_run_is_compared_with_the_open_one,
                                        setup_listed, teardown),
        cmocka_unit_test_setup_teardown(test_the_open_run_is_no_other_one, setup_listed, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_laid_over_and_opened_is_there_once,
                                        setup_listed, teardown),
        cmocka_unit_test_setup_teardown(test_runs_at_hand_stand_as_they_do, setup_listed, teardown),
    };

    return run_cases(tests, sizeof tests / sizeof *tests);
}
