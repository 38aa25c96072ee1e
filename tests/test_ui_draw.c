/* test_ui_draw.c - what the screen is made of, without a terminal: safe text, cells, plots,
 * numbers, differences of texts, and the table of keys against the help. */
#include "base/ticks.h"
#include "support.h"
#include <locale.h>
#include <math.h>
#include "term/diff.h"
#include "term/filter.h"
#include "ui/frame.h"
#include "ui/commands.h"

/* --- text --- */

static void test_text(void **state)
{
    static const struct {
        const char *in, *out;
        int width;
    } rows[] = {
        {"plain", "plain", 5},
        {"a\033[31mb", "a\\x1b[31mb", 10},
        {"\302\233x", "\\u009bx", 7},
        {"\342\200\256", "\\u202e", 6},
        {"\342\201\246", "\\u2066", 6},
        {"\377\376", "\\xff\\xfe", 8},
        {"\300\200", "\\xc0\\x80", 8},
        {"\355\240\200", "\\xed\\xa0\\x80", 12},
        {"a\nb\tc", "a\\nb\\tc", 7},
        {"\346\234\250", "\346\234\250", 2},
        {"\360\237\245\204", "\360\237\245\204", 2},
        {"e\314\201", "e\314\201", 1},
        {"\314\201", "\342\227\214\314\201", 1},
        {"e\314\201\314\201\314\201\314\201", "e\314\201\314\201", 1},
        {"\357\273\277", "\\ufeff", 6},
        {"\342\240\200", "\\u2800", 6},
    };
    char out[256];

    (void)state;
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        text_safe(out, sizeof out, rows[i].in, true);
        assert_string_equal(out, rows[i].out);
        assert_int_equal(text_width(rows[i].in, strlen(rows[i].in), true), rows[i].width);
    }
    text_safe(out, sizeof out, "\346\234\250", false);
    assert_string_equal(out, "\\u6728");
}

/* A word is told as a shell takes it, and taken as it was told. */
static void test_words(void **state)
{
    static const char *const rows[][2] = {
        {"runs/a-b_1.2,c=3@\303\251", "runs/a-b_1.2,c=3@\303\251"},
        {"my run", "'my run'"},
        {"it's $1\\", "'it'\\''s $1\\'"},
        {"~", "'~'"},
        {"", "''"}};
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf s = {0};

        sb_word(&s, rows[i][0]);
        assert_string_equal(s.s, rows[i][1]);
        text_unquote(out, sizeof out, s.s);
        assert_string_equal(out, rows[i][0]);
        sb_done(&s);
    }
    text_unquote(out, sizeof out, "my \"run\"");
    assert_string_equal(out, "my \"run\"");
    text_unquote(out, sizeof out, "\"my run\"");
    assert_string_equal(out, "my run");
    text_unquote(out, 4, "'runs'");
    assert_string_equal(out, "run");
}

/* No input makes it stand still, read behind the end, or leave a control character. */
static void test_text_fuzz(void **state)
{
    unsigned seed = 12345;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char in[24], out[300];
        size_t n, at = 0;

        for (n = 0; n < sizeof in - 1; n++) {
            seed = seed * 1103515245 + 12345;
            in[n] = (char)(seed >> 16 & 0xff);
        }
        in[n] = '\0';
        n = strlen(in);
        text_safe(out, sizeof out, in, round % 2);
        for (char *s = out; *s; s++)
            assert_true((unsigned char)*s >= 0x20 && *s != 0x7f);
        while (at < n) {
            size_t len, took = text_line(in + at, n - at, 5, round % 2, &len);

            assert_true(took > 0 && took <= n - at && len <= took);
            at += took;
        }
    }
}

static void test_wide_characters(void **state)
{
    struct canvas c = {.utf8 = true};
    struct view v;
    char *text;

    (void)state;
    assert_int_equal(canvas_init(&c, 6, 1, CHARSET_BRAILLE), 0);
    c.utf8 = true;
    v = view_all(&c);
    draw_text(&v, 0, 0, INK_TEXT, "\346\234\250\346\234\250\346\234\250");
    draw_text(&v, 1, 0, INK_TEXT, "xy"); /* over the halves of two */
    text = canvas_text(&c);
    assert_string_equal(text, " xy \346\234\250\n");
    free(text);
    draw_text(&v, 5, 0, INK_TEXT, "\346\234\250"); /* half of it outside */
    text = canvas_text(&c);
    assert_string_equal(text, " xy\n");
    free(text);
    canvas_done(&c);
}

/* --- plots --- */

/* A spike of one step in 10,000 stays visible: it reaches the top row in every charset, smoothed or
 * not. */
static void test_spike_is_visible(void **state)
{
    enum { N = 10000 };
    static double xy[N][2];
    struct canvas c = {0};

    (void)state;
    for (int i = 0; i < N; i++) {
        xy[i][0] = i;
        xy[i][1] = i == 7777 ? 10 : 1;
    }
    for (int charset = 0; charset < CHARSET_COUNT; charset++)
        for (int smooth = 0; smooth < 2; smooth++) {
            struct plot_line l = {.name = "loss",
                                  .x = &xy[0][0],
                                  .y = &xy[0][1],
                                  .n = N,
                                  .stride = sizeof xy[0],
                                  .glyph = '*',
                                  .ema = smooth ? 0.98 : 0};
            struct plot p = {
                .lines = &l, .n_lines = 1, .y0 = NAN, .y1 = NAN, .cursor = NAN, .level = NAN};
            struct view v;
            bool seen = false;

            assert_int_equal(canvas_init(&c, 60, 12, (enum charset)charset), 0);
            v = view_all(&c);
            plot_draw(&v, &p);
            for (int x = 10; x < 60; x++)
                seen |= c.cells[x].ch[0] != ' ';
            assert_true(seen);
        }
    canvas_done(&c);
}

static void test_ticks(void **state)
{
    double t[16];
    int n;

    (void)state;
    n = ticks_make(0, 1500, false, 5, t);
    assert_true(n >= 3 && n <= 5);
    assert_float_equal(t[0], 0, 1e-9);
    n = ticks_make(0.001, 1000, true, 7, t);
    assert_int_equal(n, 7);
    assert_float_equal(t[3], 1, 1e-12);
    assert_int_equal(ticks_make(0, 100, false, 8, t), 6);
    assert_true(t[0] == 0 && t[1] == 20 && t[5] == 100);
    assert_int_equal(ticks_make(0.13, 0.42, false, 8, t), 6);
    assert_true(fabs(t[0] - 0.15) < 1e-12 && fabs(t[5] - 0.4) < 1e-12);
    assert_int_equal(ticks_make(3, 3, false, 8, t), 0);
    assert_int_equal(ticks_make(0, INFINITY, false, 8, t), 0);
    assert_int_equal(ticks_make(NAN, 1, false, 5, t), 0);
    assert_float_equal(plot_round_up(1204), 1500, 1e-9);
    assert_float_equal(plot_round_up(1500), 1500, 1e-9);
}

static void test_numbers(void **state)
{
    char s[NUMBER_SIZE];

    (void)state;
    assert_string_equal(number_text(s, 0.41234, 3), "0.412");
    assert_string_equal(number_text(s, 0.99996, 4), "1.000");
    assert_string_equal(number_text(s, 99.96, 3), "100");
    assert_string_equal(number_text(s, 0.0034, 2), "0.003");
    assert_string_equal(number_text(s, 0.034, 2), "0.03");
    assert_string_equal(number_text(s, 0, 2), "0.00");
    assert_string_equal(number_text(s, 2, 3), "2.00");
    assert_string_equal(number_text(s, 123456, 3), "123456");
    assert_string_equal(number_text(s, 9.4e-4, 3), "9.4e-04");
    assert_string_equal(number_text(s, NAN, 3), "-");
    assert_string_equal(number_si(s, 2898), "2.9k");
    assert_string_equal(number_bytes(s, 1.9e9), "1.9 GB");
    assert_string_equal(number_time(s, 10450), "2h54m");
    assert_string_equal(number_time(s, 41), "0:41");
    assert_string_equal(number_age(s, 41.9), "41 s");
    assert_string_equal(number_age(s, 86399), "23 h");
    assert_string_equal(number_age(s, 3 * 86400 + 5), "3 d");
    assert_string_equal(number_age(s, NAN), "-");
    assert_string_equal(number_percent(s, 0.032), "3.2%");
}

/* --- differences --- */

static size_t marked_words(const char *s, const unsigned char *mark, char *left)
{
    size_t n = 0;

    *left = '\0';
    while (*s) {
        size_t len = strcspn(s, " \n");

        if (len && *mark) {
            n++;
        } else if (len) {
            strncat(left, s, len);
            strcat(left, " ");
        }
        s += len + (s[len] != 0);
        mark += len + (s[-1] == ' ' || s[-1] == '\n');
    }
    return n;
}

static void assert_diff(const char *a, const char *b, size_t in_a, size_t in_b)
{
    unsigned char x[4096], y[4096];
    char left_a[4096], left_b[4096];

    assert_int_equal(diff_words(a, b, x, y), in_a + in_b);
    assert_int_equal(marked_words(a, x, left_a), in_a);
    assert_int_equal(marked_words(b, y, left_b), in_b);
    assert_string_equal(left_a, left_b);
}

static void test_diff_marks_what_the_other_lacks(void **state)
{
    (void)state;
    assert_diff("", "", 0, 0);
    assert_diff("", "one two", 0, 2);
    assert_diff("one two three", "one two three", 0, 0);
    assert_diff("one  two\nthree", "one two three", 0, 0);
    assert_diff("I cannot help with that.", "I can help with that.", 1, 1);
    assert_diff("a b c d", "b c d", 1, 0);
    assert_diff("b c d", "b c d e f", 0, 2);
    assert_diff("x a b c", "a y b c z", 1, 2);
    assert_diff("Sure. First you need", "I cannot help with that request.", 4, 6);
}

/* Length of the longest common subsequence of letters, the slow way. */
static size_t lcs(const char *a, const char *b)
{
    size_t t[64][64] = {{0}}, n = strlen(a), m = strlen(b);

    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            size_t best = t[i - 1][j] > t[i][j - 1] ? t[i - 1][j] : t[i][j - 1];

            t[i][j] = a[i - 1] == b[j - 1] ? t[i - 1][j - 1] + 1 : best;
        }
    return t[n][m];
}

static void spread(const char *letters, char *out)
{
    for (; *letters; letters++) {
        *out++ = *letters;
        *out++ = ' ';
    }
    *out = '\0';
}

static void test_diff_is_as_small_as_can_be(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (int round = 0; round < 500; round++) {
        char a[32] = "", b[32] = "", x[64], y[64];
        size_t n, common;

        for (int i = 0; i < 60; i++) {
            char *s = i % 2 ? a : b;

            seed = seed * 1103515245u + 12345u;
            n = strlen(s);
            if (n < (seed >> 8) % 25)
                s[n] = (char)('a' + (seed >> 16) % 4), s[n + 1] = '\0';
        }
        spread(a, x);
        spread(b, y);
        common = lcs(a, b);
        assert_diff(x, y, strlen(a) - common, strlen(b) - common);
    }
}

static void test_diff_of_long_texts_marks_the_middle(void **state)
{
    enum { WORDS = 4000 };
    char *a = malloc(2 * WORDS + 16), *b = malloc(2 * WORDS + 16);
    unsigned char *x = malloc(2 * WORDS + 16), *y = malloc(2 * WORDS + 16);

    (void)state;
    for (int i = 0; i < WORDS; i++) {
        a[2 * i] = 'a';
        b[2 * i] = i < 100 || i > WORDS - 100 ? 'a' : 'b';
        a[2 * i + 1] = b[2 * i + 1] = ' ';
    }
    a[2 * WORDS] = b[2 * WORDS] = '\0';
    assert_int_equal(diff_words(a, b, x, y), 2 * (WORDS - 199));
    assert_int_equal(x[0], 0);
    assert_int_equal(x[2 * 100], 1);
    assert_int_equal(y[2 * (WORDS - 1)], 0);
    free(a);
    free(b);
    free(x);
    free(y);
}

/* --- keys --- */

static void test_keys_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < ACT_COUNT - 1; i++) {
        assert_int_equal(key_rows[i].action, i + 1);
        assert_int_equal(key_action(key_rows[i].key), key_rows[i].action);
        if (key_rows[i].alt)
            assert_int_equal(key_action(key_rows[i].alt), key_rows[i].action);
        assert_false(key_rows[i].key >= '0' && key_rows[i].key <= '9');
        assert_true(strlen(key_rows[i].help) > 0);
        assert_true(strlen(key_rows[i].keys) <= 9); /* column of the help */
    }
}

/* The help is the table: each row once, and nothing else that looks like a key. */
static void test_help_is_the_table(void **state)
{
    char *text = command_help(NULL), *end;
    size_t lines = 0;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < ACT_COUNT - 1; i++) {
        char line[256];

        snprintf(line, sizeof line, "\n  %-9s %s\n", key_rows[i].keys, key_rows[i].help);
        if (!strstr(text, line))
            fail_msg("the help lacks \"%s\"", line);
    }
    end = strstr(text, "\nPanels:\n");
    assert_non_null(end);
    for (char *s = text; s < end; s++)
        lines += !strncmp(s, "\n  ", 3);
    assert_int_equal(lines, ACT_COUNT - 1);
    for (int p = 0; p < PANEL_COUNT; p++)
        assert_non_null(strstr(end, panels[p]->about));
    free(text);
}

/* --- filters --- */

static bool matches(const char *filter, const char *line)
{
    char why[200] = "";
    struct filter *f = filter_new(filter, why, sizeof why);
    bool yes;

    if (!f)
        fail_msg("%s: %s", filter, why);
    yes = filter_match(f, line);
    filter_free(f);
    return yes;
}

static void test_filter_language(void **state)
{
    const char *line = "1190 set rho 1.8 -> 2.0 (applied)";

    (void)state;
    assert_true(matches("", line));
    assert_true(matches("  ", line));
    assert_true(matches("rho", line));
    assert_true(matches("RHO Set", line));
    assert_false(matches("rho lr", line));
    assert_true(matches("rho | lr", line));
    assert_true(matches("lr|rho", line));
    assert_false(matches("lr|loss", line));
    assert_true(matches("lr set | rho applied", line));
    assert_false(matches("lr set | rho pending", line));
    assert_false(matches("!rho", line));
    assert_true(matches("!lr rho", line));
    assert_true(matches("!rho|set", line));
    assert_true(matches("/11[0-9]0/", line));
    assert_true(matches("/^1190 SET/", line));
    assert_false(matches("!/1\\.[0-9]/", line));
    assert_true(matches("/set rho|lr/ applied", line));
    assert_true(matches("\"rho 1.8\"", line));
    assert_false(matches("\"1.8 rho\"", line));
    assert_true(matches("| rho |", line));
    assert_true(matches("!", "a ! b"));
}

static void test_filter_says_what_is_wrong(void **state)
{
    char why[200] = "", many[200] = "";

    (void)state;
    assert_null(filter_new("/(/", why, sizeof why));
    assert_non_null(strstr(why, "/(/"));
    assert_null(filter_new("ok /[a/", why, sizeof why));
    assert_null(filter_new("/((a{200}){200}){200}/", why, sizeof why));
    assert_non_null(strstr(why, "too large"));
    for (int i = 0; i < 40; i++)
        strcat(many, "a ");
    assert_null(filter_new(many, why, sizeof why));
    assert_non_null(strstr(why, "32"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_text_fuzz),
        cmocka_unit_test(test_wide_characters),
        cmocka_unit_test(test_spike_is_visible),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_diff_marks_what_the_other_lacks),
        cmocka_unit_test(test_diff_is_as_small_as_can_be),
        cmocka_unit_test(test_diff_of_long_texts_marks_the_middle),
        cmocka_unit_test(test_keys_are_unique),
        cmocka_unit_test(test_help_is_the_table),
        cmocka_unit_test(test_filter_language),
        cmocka_unit_test(test_filter_says_what_is_wrong),
    };

    if (!vac_state_names[0]) /* the fake session must be linked, not the real one */
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
