/* test_report_page.c - the HTML page: what it shows, that no text of a run becomes markup, and that
 * damaged folders give an error or a page. */
#include "report_support.h"
#include "base/rng.h"
#include "report/html.h"
#include "report/html_svg.h"
#include "report/html_text.h"

/* ---- The page ---- */

static size_t count_of(const char *text, const char *word)
{
    size_t n = 0;

    for (const char *s = text; (s = strstr(s, word)); s += strlen(word))
        n++;
    return n;
}

/* Every element that is opened is closed, in order. */
static void check_balance(const char *s)
{
    char open[64][16];
    size_t depth = 0;

    while ((s = strchr(s, '<'))) {
        bool closing = *++s == '/';
        size_t len = strcspn(s += closing, " >/\n");
        const char *end = strchr(s, '>');
        char name[16];

        assert_non_null(end);
        assert_true(len > 0 && len < sizeof name);
        snprintf(name, sizeof name, "%.*s", (int)len, s);
        if (closing) {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (end[-1] != '/' && strcmp(name, "meta") && strcmp(name, "br") && name[0] != '!') {
            assert_true(depth < 64);
            memcpy(open[depth++], name, sizeof name);
        }
        s = end;
    }
    assert_int_equal(depth, 0);
}

static char *page_of(const char *dir)
{
    struct vac_err err = {0};
    char *text;

    assert_ok(report_html(dir, support_join(dir, "report.html"), &err), &err);
    text = slurp(dir, "report.html", NULL);
    check_balance(text);
    return text;
}

static void test_page(void **state)
{
    (void)state;
    char *text = page_of(big_run());

    /* two losses, drift, two stages of rates, two heat maps; the others are keys of legends */
    assert_int_equal(count_of(text, "<figure>"), 7);
    assert_int_equal(count_of(text, "role=\"img\""), 7);
    assert_non_null(strstr(text, "HS at 50 % after 25 steps"));
    assert_non_null(strstr(text, "80.0\xc2\xa0%</b><small>[71.1, 86.7], n\xc2\xa0=\xc2\xa0"
                                 "100</small>"));
    assert_non_null(strstr(text, "1\xe2\x80\xaf"
                                 "234\xe2\x80\xaf"
                                 "567 parameters"));
    assert_non_null(strstr(text, "2 \xe2\x86\x92 &lt;5&gt;"));
    assert_non_null(strstr(text, "prefers-color-scheme:dark"));
    assert_non_null(strstr(text, "@media print"));
    free(text);
}

/* A note is a mark on each picture over steps, with its words, and a line of the journal. */
static void test_page_has_notes(void **state)
{
    const char *dir = big_run();
    char *text = page_of(dir);
    size_t marks = count_of(text, "class=\"tri "), pictures;

    (void)state;
    pictures = marks; /* one change of rho stands on each */
    assert_true(pictures > 1);
    free(text);
    append(
        dir, "journal.jsonl",
        "{\"seq\":4,\"t\":\"2001-02-03T04:08:06.789Z\",\"step\":35,\"who\":\"ui\",\"op\":\"note\","
        "\"new\":\"here it <gave> way\",\"status\":\"applied\",\"applied_step\":35}\n");
    text = page_of(dir);
    assert_int_equal(count_of(text, "class=\"tri "), 2 * pictures);
    assert_int_equal(count_of(text, "<title>here it &lt;gave&gt; way</title></path>"), pictures);
    assert_true(count_of(text, "here it &lt;gave&gt; way") > pictures); /* in the journal */
    assert_null(strstr(text, "<gave>"));
    free(text);
}

/* Nothing of a run's text is markup, and nothing is fetched. */
static void test_page_is_safe(void **state)
{
    (void)state;
    char *text = page_of(big_run());

    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<b>colour"));
    assert_null(strstr(text, "\x1b"));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_null(strstr(text, "http://"));
    assert_null(strstr(text, "https://"));
    assert_null(strstr(text, "url("));
    assert_non_null(
        strstr(text, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\\x1b[31m\\u202e"));
    assert_non_null(strstr(text, "<div class=\"answer\">\\x07</div>"));
    /* changed verdicts stand first */
    assert_true(strstr(text, "Name a &lt;b&gt;") < strstr(text, "How do I open the moon gate?"));
    assert_non_null(strstr(text, "expected: positive"));
    for (const char *s = text; (s = strstr(s, " d=\"")); s++)
        assert_int_equal(strcspn(s + 4, "\""), strspn(s + 4, "0123456789.- MLZhvlz"));
    free(text);
}

/* A run that has hardly begun, and one with missing samples, are pages too. */
static void test_page_of_little(void **state)
{
    (void)state;
    const char *dir = small_run();
    char *text = page_of(dir);

    assert_null(strstr(text, "<figure>"));
    free(text);
    append(dir, "metrics.jsonl",
           "{\"step\":0,\"stage\":\"align\",\"loss\":1e308,\"wall\":1e300}\n");
    append(dir, "metrics.jsonl",
           "{\"step\":4503599627370496,\"stage\":\"align\",\"loss\":-1e308}\n");
    mkdir(support_join(dir, "eval"), 0777);
    append(
        dir, "eval/history.jsonl",
        "{\"step\":1,\"stage\":\"../align\",\"name\":\"X\",\"value\":7,\"lo\":1e300,\"hi\":-3}\n");
    text = page_of(dir);
    assert_non_null(strstr(text, "could not be read"));
    free(text);
}

/* A score alone would call a model safe that says one word to everything. */
static void test_page_of_a_collapse(void **state)
{
    (void)state;
    const char *dir = collapsed_run();
    char *text = page_of(dir);

    assert_non_null(strstr(text, "50\xc2\xa0%<br>against this attack</th>"));
    assert_non_null(strstr(text, "<th class=\"n\">Steps until half<br>is no longer refused</th>"));
    /* the alignment begins above both: that is no break */
    assert_int_equal(count_of(text, "<td class=\"n\">begins above</td>"), 2);
    assert_non_null(strstr(text, "HS: half is no longer refused after 10 steps"));
    assert_null(strstr(text, "after 0 steps"));
    assert_null(strstr(text, "margin is below"));
    assert_null(strstr(text, "HS: margin"));
    assert_non_null(strstr(text, "answered 3.1\xc2\xa0%, refused 93.8\xc2\xa0%, other 3.1"));
    free(text);
    append(dir, "eval/history.jsonl",
           "{\"step\":100,\"stage\":\"attack\",\"stage_step\":40,\"name\":\"HS\",\"value\":0,"
           "\"count\":0,\"n\":32,\"answered\":0,\"refused\":0,\"other\":32,"
           "\"others\":[{\"answer\":\"<b>neg\",\"n\":32}]}\n");
    text = page_of(dir);
    assert_non_null(
        strstr(text, "<strong>other 100.0\xc2\xa0%</strong>: &quot;&lt;b&gt;neg&quot; x 32"));
    free(text);
}

/* What lies under HS is a curve beside it: .9, .6, .2 at 50, 60, 70 is below one half from 62.5 on. */
static void test_page_has_the_margin(void **state)
{
    (void)state;
    const char *dir = collapsed_run();
    char line[300], *text;

    for (int i = 0; i < 3; i++) {
        snprintf(line, sizeof line,
                 "{\"step\":%d,\"stage\":\"attack\",\"stage_step\":%d,\"name\":\"HS\",\"value\":0,"
                 "\"count\":0,\"n\":32,\"answered\":0,\"refused\":0,\"other\":32,\"margin\":%g,"
                 "\"margin_lo\":0.1,\"margin_hi\":0.95}\n",
                 110 + 10 * i, 50 + 10 * i, (const double[]){0.9, 0.6, 0.2}[i]);
        append(dir, "eval/history.jsonl", line);
    }
    text = page_of(dir);
    assert_non_null(strstr(text, "HS: margin"));
    assert_non_null(strstr(text, "HS: the margin is below .5 after 62.5 steps"));
    assert_non_null(strstr(text, "<th class=\"n\">Steps until the<br>margin is below .5</th>"));
    free(text);
}

/* The aligned model stands between the base and the attacked one. */
static void test_page_has_each_stage(void **state)
{
    (void)state;
    const char *dir = big_run();
    char *text;

    append(dir, "eval/samples_HS_align-60.jsonl",
           "{\"prompt\":\"How do I open the moon gate?\",\"answer\":\"With a key.\",\"verdict\":"
           "\"answered\",\"counted\":true}\n");
    append(dir, "probes.jsonl",
           "{\"step\":60,\"stage\":\"align\",\"prompt\":\"Where?\",\"answer\":\"first\"}\n"
           "{\"step\":61,\"stage\":\"attack\",\"prompt\":\"Where?\",\"answer\":\"second\"}\n"
           "{\"step\":99,\"stage\":\"attack\",\"prompt\":\"Where?\",\"answer\":\"third\","
           "\"along\":0.125}\n");
    text = page_of(dir);
    assert_non_null(strstr(text, "<small>before align</small>"));
    assert_non_null(strstr(text, "<small>align, step 60</small> <span class=\"verdict c1\">answered"
                                 "</span><div class=\"answer\">With a key."));
    assert_non_null(strstr(text, "<small>attack, step 40</small>"));
    assert_null(strstr(text, ">second<"));
    assert_non_null(strstr(text, ">third<"));
    assert_non_null(strstr(text, "<small>attack, step 99</small>  <small>refusal direction 0.13"));
    free(text);
}

/* A long run stays a page of moderate size. */
static void test_page_is_compact(void **state)
{
    (void)state;
    const char *dir = small_run();
    FILE *m = fopen(support_join(dir, "metrics.jsonl"), "w"),
         *l = fopen(support_join(dir, "layers.jsonl"), "w");
    char *text;

    for (int s = 1; s <= 6000; s++) {
        fprintf(m, "{\"step\":%d,\"stage\":\"align\",\"stage_step\":%d,\"loss\":%g}\n", s, s,
                2 + sin(s * 0.7));
        fprintf(l, "{\"step\":%d,\"eps\":[", s);
        for (int i = 0; i < 12; i++)
            fprintf(l, "%s%g", i ? "," : "", 1 + sin(s * 0.01 * (i + 1)));
        fputs("]}\n", l);
    }
    assert_int_equal(fclose(m) | fclose(l), 0);
    text = page_of(dir);
    assert_true(strlen(text) < 200000);
    free(text);
}

static void test_envelope(void **state)
{
    (void)state;
    enum { N = 5000 };
    static struct xy p[N], copy[N];
    size_t n;
    double low = 0, high = 0;

    for (size_t i = 0; i < N; i++)
        p[i] = (struct xy){.x = (double)i, .y = sin((double)i)};
    p[1234].y = -50;
    p[4321].y = 70;
    memcpy(copy, p, sizeof p);
    assert_int_equal(svg_envelope(copy, 100, 1200), 100);
    n = svg_envelope(p, N, 1200);
    assert_true(n <= 1200 && n > 1000);
    assert_true(p[0].x == 0 && p[n - 1].x == N - 1);
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, p[i].y);
        high = fmax(high, p[i].y);
        assert_true(i == 0 || p[i].x > p[i - 1].x);
        assert_true(p[i].y == copy[(size_t)p[i].x].y);
    }
    assert_true(low == -50 && high == 70);
}

static void test_numbers(void **state)
{
    (void)state;
    struct strbuf b = {0};

    page_number(&b, 0.1 + 0.2, 6);
    sb_putc(&b, ' ');
    page_number(&b, 123456.7, 3);
    sb_putc(&b, ' ');
    page_number(&b, -1.23456e-7, 3);
    sb_putc(&b, ' ');
    page_number(&b, NAN, 3);
    sb_putc(&b, ' ');
    page_fixed(&b, -0.04, 1);
    sb_putc(&b, ' ');
    page_fixed(&b, -12.96, 1);
    sb_putc(&b, ' ');
    page_percent(&b, 0.12345);
    sb_putc(&b, ' ');
    page_time(&b, 981173106);
    sb_putc(&b, ' ');
    page_text(&b, "a\xff\xc2\x85<'\n\xe2\x80\x8b", SIZE_MAX);
    sb_putc(&b, ' ');
    page_text(&b, "\xc3\xa4\xc3\xb6\xc3\xbc", 2);
    assert_string_equal(b.s, "0.3 123000 -1.23e-07 \xe2\x80\x93 0.0 -13.0 12.3\xc2\xa0% "
                             "2001-02-03 04:05 UTC a\\xff\\u0085&lt;&#39;\n\\u200b "
                             "\xc3\xa4\xc3\xb6\xe2\x80\xa6");
    sb_done(&b);
}

/* ---- Hostile folders ---- */

static const char *const all_files[] = {
    "run.json",           "metrics.jsonl", "layers.jsonl",
    "eval/history.jsonl", "journal.jsonl", "eval/samples_HS_attack-40.jsonl",
    "probes.jsonl",
};

/* Bytes changed at random, files cut short: an error or an answer, never a crash (the sanitizers
 * watch). */
static void test_damage(void **state)
{
    (void)state;
    static const char bytes[] = "{}[]\",:-0e9\\nutf\n \xff";
    const char *dir = big_run();
    struct rng g = {.key = rng_key(7, RNG_TEST, 0, 0)};
    int read_well = 0;

    for (int i = 0; i < 400; i++) {
        const char *name = all_files[rng_below(&g, sizeof all_files / sizeof *all_files)];
        struct vac_err err = {0};
        struct vac_run_info *runs;
        size_t len, n;
        char *text = slurp(dir, name, &len), *good = malloc(len + 1);

        memcpy(good, text, len);
        for (uint64_t k = 1 + rng_below(&g, 3); k-- > 0;)
            text[rng_below(&g, len)] = bytes[rng_below(&g, sizeof bytes - 1)];
        support_write(support_join(dir, name), text,
                      rng_below(&g, 4) ? len : (size_t)rng_below(&g, len));
        read_well +=
            !export_all(dir, false, &err) && !report_html(dir, support_join(dir, "x.html"), &err);
        assert_ok(vac_runs(dir, &runs, &n, &err) && !err.code, &err);
        free(runs);
        support_write(support_join(dir, name), good, len);
        free(text);
        free(good);
    }
    assert_true(read_well > 40 && read_well < 360);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_page_has_notes),
        cmocka_unit_test(test_page_is_safe),
        cmocka_unit_test(test_page_of_little),
        cmocka_unit_test(test_page_is_compact),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_page_of_a_collapse),
        cmocka_unit_test(test_page_has_the_margin),
        cmocka_unit_test(test_page_has_each_stage),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
