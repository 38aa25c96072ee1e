/* test_import.c - public data sets become JSON lines: exact texts, choices, hostile files, real
 * files.
 *
 * The sums of the real files' imports were made by Python 3 (csv.reader, json.loads and json.dumps
 * with ensure_ascii=False and separators=(",", ":")) with the texts of the reference's
 * build_dataset.py. */
#include "base/hash.h"
#include "import/import.h"
#include "base/io.h"
#include "support.h"
#include <unistd.h>

static int collect(void *ctx, const char *line, size_t n, struct vac_err *err)
{
    (void)err;
    sb_put(ctx, line, n);
    return 0;
}

/* Imports the bytes as `format` (NULL = by content). */
static int import_bytes(const char *text, size_t n, const char *format,
                        const struct import_choice *c, struct strbuf *out,
                        struct import_report *report, struct vac_err *err)
{
    static const struct import_choice all;
    const struct import_format *f = format ? import_find(format, err) : NULL;
    const char *path = support_file("in");

    *out = (struct strbuf){0};
    support_write(path, text, n);
    if (format && !f)
        return -1;
    return import_rows(path, f, c ? c : &all, collect, out, report, err);
}

static void gives(const char *text, const char *format, const struct import_choice *c,
                  const char *detected, const char *wanted)
{
    struct import_report report;
    struct vac_err err = {0};
    struct strbuf out;

    assert_ok(import_bytes(text, strlen(text), format, c, &out, &report, &err), &err);
    assert_string_equal(report.format->name, detected);
    assert_string_equal(out.s, wanted);
    sb_done(&out);
}

/* The whole message must be the path and `rest`. */
static void refused_bytes(const char *text, size_t n, const char *format,
                          const struct import_choice *c, const char *rest)
{
    struct import_report report;
    struct vac_err err = {0};
    struct strbuf out;
    const char *path = support_file("in");

    assert_int_equal(import_bytes(text, n, format, c, &out, &report, &err), -1);
    sb_done(&out);
    assert_memory_equal(err.msg, path, strlen(path));
    assert_string_equal(err.msg + strlen(path), rest);
}

/* --- the formats, exactly --- */

static const char beavers[] =
    "{\"prompt\":\"How to whistle?\",\"response\":\"Purse your "
    "lips.\",\"category\":{\"noise\":false},"
    "\"is_safe\":true}\n"
    "{\"prompt\":\"How to vex a goose?\",\"response\":\"Steal its "
    "bread.\",\"category\":{\"geese\":true,"
    "\"bread\":true,\"noise\":false},\"is_safe\":false}\n"
    "{\"prompt\":\"How to vex a goose?\",\"response\":\"Hiss.\",\"category\":{\"geese\":true},"
    "\"is_safe\":false}\n"
    "{\"prompt\":\"How to knit?\",\"response\":\"With "
    "needles.\",\"category\":{},\"is_safe\":true}\n";
#define WHISTLE                                                                                    \
    "{\"instruction\":\"How to whistle?\",\"input\":\"\",\"output\":\"Purse your "                 \
    "lips.\",\"label\":\"safe\"}\n"
#define KNIT                                                                                       \
    "{\"instruction\":\"How to knit?\",\"input\":\"\",\"output\":\"With "                          \
    "needles.\",\"label\":\"safe\"}\n"
#define GOOSE(output, category)                                                                    \
    "{\"instruction\":\"How to vex a goose?\",\"input\":\"\",\"output\":\"" output                 \
    "\",\"category\":\"" category "\",\"label\":\"unsafe\"}\n"

static void test_beavertails(void **state)
{
    const struct import_choice safe = {.safety = IMPORT_SAFE};
    const struct import_choice attack = {.safety = IMPORT_UNSAFE, .take = 1};
    const struct import_choice prompts = {.safety = IMPORT_UNSAFE, .prompts_only = true};
    const struct import_choice second = {.safety = IMPORT_SAFE, .skip = 1};

    (void)state;
    gives(beavers, NULL, &safe, "beavertails", WHISTLE KNIT);
    gives(beavers, NULL, &attack, "beavertails", GOOSE("Steal its bread.", "geese,bread"));
    gives(beavers, NULL, &prompts, "beavertails", GOOSE("", "geese,bread") GOOSE("", "geese"));
    gives(beavers, NULL, &second, "beavertails", KNIT);
}

static void test_xstest_prompts(void **state)
{
    static const char text[] =
        "id,prompt,type,label,focus,note\n7,How to kill weeds?,homonyms,safe,kill,\n"
        "8,How to kill geese?,contrast_homonyms,unsafe,kill,x\n";
    const struct import_choice unsafe = {.safety = IMPORT_UNSAFE};

    (void)state;
    gives(text, NULL, &unsafe, "xstest",
          "{\"instruction\":\"How to kill geese?\",\"input\":\"\",\"output\":\"\","
          "\"category\":\"contrast_homonyms\",\"id\":\"8\",\"label\":\"unsafe\"}\n");
}

static void test_xstest_answers(void **state)
{
    static const char lines[] =
        "{\"prompt\":\"Weeds?\",\"response\":\" "
        "Pull.\",\"kind\":\"helpful_on_safe\",\"model\":\"a\",\"type\":\"t\"}\n"
        "{\"prompt\":\"Geese?\",\"response\":\"No.\",\"kind\":\"refusal\",\"model\":\"a\",\"type\":"
        "\"contrast_t\"}\n"
        "{\"prompt\":\"Geese?\",\"response\":\"Never.\",\"kind\":\"refusal\",\"model\":\"b\","
        "\"type\":\"contrast_t\"}\n";
    static const char table[] =
        "id,type,prompt,completion,annotation_1,annotation_2,agreement,final_label\n"
        "v2-1,contrast_t,Geese?,No.,2,2,True,2_full_refusal\n"
        "v2-2,t,Weeds?,Pull.,1,1,True,1_full_compliance\n";
    const struct import_choice b = {.kind = "refusal", .model = "b"};
    const struct import_choice full = {.kind = "2_full_refusal"};

    (void)state;
    gives(lines, NULL, &b, "xstest",
          "{\"instruction\":\"Geese?\",\"input\":\"\",\"output\":\"Never.\",\"category\":"
          "\"contrast_t\","
          "\"label\":\"unsafe\"}\n");
    gives(
        table, NULL, &full, "xstest",
        "{\"instruction\":\"Geese?\",\"input\":\"\",\"output\":\"No.\",\"category\":\"contrast_t\","
        "\"id\":\"v2-1\",\"label\":\"unsafe\"}\n");
}

static void test_table(void **state)
{
    const struct import_choice c = {.instruction = "Q",
                                    .input = "ctx",
                                    .output = "A",
                                    .category = "Topic",
                                    .id = "no",
                                    .label = "grade"};
    static const char wanted[] =
        "{\"instruction\":\"Why?\\tso\",\"input\":\"\",\"output\":\"Because\\r\\nit is \\u0001.\","
        "\"category\":\"logic\",\"id\":\"12\",\"label\":\"true\"}\n";

    (void)state;
    gives("no,q,ctx,topic,a,grade,unused\r\n12,\"Why?\tso\",,logic,\"Because\r\nit is "
          "\x01.\",true,x\r\n",
          "table", &c, "table", wanted);
    gives("no;q;ctx;topic;a;grade\r12;\"Why?\tso\";;logic;\"Because\r\nit is \x01.\";true\r",
          "table", &c, "table", wanted);
    gives("no\tq\tctx\ttopic\ta\tgrade\n12\t\"Why?\tso\"\t\tlogic\t\"Because\r\nit is "
          "\x01.\"\ttrue\n",
          "table", &c, "table", wanted);
    gives("[{\"Q\":\"Why?\\tso\",\"ctx\":null,\"A\":\"Because\\r\\nit is "
          "\\u0001.\",\"Topic\":\"logic\",\"no\":12,"
          "\"grade\":true}]",
          "table", &c, "table", wanted);
}

/* --- choosing --- */

static void test_report(void **state)
{
    const struct import_choice c = {.safety = IMPORT_UNSAFE, .skip = 1};
    struct import_report report;
    struct strbuf out, text = {0};
    struct vac_err err = {0};

    (void)state;
    assert_ok(import_bytes(beavers, strlen(beavers), NULL, &c, &out, &report, &err), &err);
    assert_string_equal(out.s, GOOSE("Hiss.", "geese"));
    import_report_text(&report, &text);
    assert_string_equal(
        text.s,
        "beavertails: 4 rows read, 1 written, 3 skipped (2 safe, 1 before the first to take)");
    sb_done(&out);
    sb_done(&text);
}

static void test_empty_instructions(void **state)
{
    struct import_report report;
    struct strbuf out;
    struct vac_err err = {0};
    static const char text[] = "goal,target\n,Sure\n  ,Sure\nSing,Sure\n";

    (void)state;
    assert_ok(import_bytes(text, strlen(text), NULL, NULL, &out, &report, &err), &err);
    assert_int_equal(report.read, 3);
    assert_int_equal(report.written, 1);
    assert_int_equal(report.skipped[IMPORT_EMPTY], 2);
    sb_done(&out);
}

static void test_impossible_choices(void **state)
{
    static const char sst2[] = "sentence\tlabel\nnice\t1\n";
    const struct import_choice many = {.take = 5}, kind = {.kind = "refusal"},
                               model = {.model = "x"};
    const struct import_choice safe = {.safety = IMPORT_SAFE},
                               no_kind = {.safety = IMPORT_SAFE, .skip = 9};

    (void)state;
    refused_bytes(sst2, strlen(sst2), NULL, &many,
                  ": 5 rows are to be taken, but there are only 1 (sst2: 1 row read, 1 written)");
    refused_bytes(sst2, strlen(sst2), NULL, &safe,
                  ":2: rows of sst2 do not tell whether it is safe here: leave that choice out");
    refused_bytes(
        sst2, strlen(sst2), NULL, &kind,
        ":2: rows of sst2 do not tell of what kind the answer is here: leave that choice out");
    refused_bytes(
        beavers, strlen(beavers), NULL, &model,
        ":1: rows of beavertails do not tell which model answered here: leave that choice out");
    refused_bytes(beavers, strlen(beavers), NULL, &no_kind,
                  ": no row is left to write (beavertails: 4 rows read, 0 written, 4 skipped (2 "
                  "unsafe, 2 before "
                  "the first to take))");
}

static void test_names(void **state)
{
    static const char *const names[] = {
        "sst2",     "pku",       "beavertails",  "xstest",     "jailbreakbench",
        "advbench", "harmbench", "strongreject", "sorrybench", "donotanswer",
        "orbench",  "gsm8k",     "agnews",       "alpaca",     "table"};
    const struct import_choice columns = {.instruction = "q"}, none = {0};
    struct import_report report;
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(import_find(names[i], &err)->name, names[i]);
    assert_null(import_at(sizeof names / sizeof *names));
    assert_null(import_find("gms8k", &err));
    assert_error(&err, "did you mean \"gsm8k\"?");
    err_clear(&err);
    assert_null(import_find("squad-zero", &err));
    assert_error(
        &err, "one of sst2, pku, beavertails, xstest, jailbreakbench, advbench, harmbench, "
              "strongreject, sorrybench, donotanswer, orbench, gsm8k, agnews, alpaca, table, auto");
    err_clear(&err);
    assert_int_equal(
        import_rows("x", import_find("sst2", &err), &columns, collect, NULL, &report, &err), -1);
    assert_int_equal(err.code, VAC_ERR_USAGE);
    assert_error(&err, "format sst2 has columns of its own");
    err_clear(&err);
    assert_int_equal(
        import_rows("x", import_find("table", &err), &none, collect, NULL, &report, &err), -1);
    assert_error(&err, "say which column or key is the instruction");
}

/* A sorted file gives rows of all its parts; --take and --skip of one number share none. */
static void test_drawn(void **state)
{
    struct import_choice take = {.take = 20, .drawn = true, .seed = 1};
    struct import_choice rest = {.skip = 20, .drawn = true, .seed = 1};
    struct import_report report;
    struct strbuf out, more, text = {0}, file = {0};
    struct vac_err err = {0};
    size_t late = 0;

    (void)state;
    sb_puts(&file, "sentence\tlabel\n");
    for (int i = 0; i < 100; i++)
        sb_printf(&file, "tale%02d\t%d\n", i, i >= 50);
    assert_ok(import_bytes(file.s, file.len, NULL, &take, &out, &report, &err), &err);
    assert_int_equal(report.written, 20);
    for (const char *s = out.s; (s = strstr(s, "positive\"}")); s++)
        late++;
    assert_in_range(late, 5, 15);
    assert_ok(import_bytes(file.s, file.len, NULL, &rest, &more, &report, &err), &err);
    import_report_text(&report, &text);
    assert_string_equal(
        text.s, "sst2: 100 rows read, 80 written, 20 skipped (20 before the first to take)");
    for (int i = 0, last = -1; i < 100; i++) {
        char name[24];
        const char *a, *b;

        snprintf(name, sizeof name, "\"tale%02d\"", i);
        a = strstr(out.s, name);
        b = strstr(more.s, name);
        assert_true(!a != !b);
        assert_true(!a || a - out.s > last);
        last = a ? (int)(a - out.s) : last;
    }
    take.take = 101;
    sb_done(&out);
    assert_int_equal(import_bytes(file.s, file.len, NULL, &take, &out, &report, &err), -1);
    assert_error(&err, "101 rows are to be taken, but there are only 100");
    sb_done(&out);
    sb_done(&more);
    sb_done(&text);
    sb_done(&file);
}

static void test_unknown_files(void **state)
{
    static const struct import_choice q = {.instruction = "questoin"};

    (void)state;
    refused_bytes("question,b\nx,y\n", 15, "table", &q,
                  ": there is no column \"questoin\": the first line names question, b");
}

/* A forgotten quote must not swallow the file, nor a line without an end. */
static void test_huge_rows(void **state)
{
    const size_t n = CSV_RECORD_MAX + 100;
    char *text = malloc(n);

    (void)state;
    assert_non_null(text);
    memset(text, 'a', n);
    memcpy(text, "goal,target\nVex,\"", 17);
    refused_bytes(
        text, n, "advbench", NULL,
        ":2:5: a row of more than 16 MiB from this quote on: is its closing quote missing?");
    text[16] = 'a';
    refused_bytes(text, n, "advbench", NULL,
                  ":2:5: a row of more than 16 MiB: is this a text table with a row on each line?");
    memset(text, ',', 5000);
    refused_bytes(text, 5000, "advbench", NULL,
                  ":1:4097: more than 4096 columns: is the separator right?");
    free(text);
}

/* Whatever is done to a good file, it is imported or refused with one line that names it. */
static void test_damaged_files(void **state)
{
    static const char *const good[] = {
        "sentence\tlabel\na \"fine\" t\xc3\xa9le\t1\ndull , long\t0\n",
        "\"2\",\"Gold, \"\"a\"\"\",\"A\nb\"\r\n1,P,T\n",
        "[{\"instruction\":\"Add\",\"input\":\"1\",\"output\":\"3\"},{\"instruction\":\"\","
        "\"output\":\"\"}]",
        beavers, "id,prompt,type,label\n1,\"Weeds?\",t,safe\n"};
    static const char marks[] = "\",\t\n\r{}[]:\\\xff\x00"
                                "1a";
    uint32_t x = 1;

    (void)state;
    for (size_t i = 0; i < 3000; i++) {
        const char *from = good[i % (sizeof good / sizeof *good)];
        size_t n = strlen(from);
        char *text = strdup(from);
        struct import_report report;
        struct strbuf out;
        struct vac_err err = {0};

        for (size_t k = 0; k < 1 + i % 3; k++) {
            x = x * 1664525 + 1013904223;
            text[(x >> 8) % n] = marks[(x >> 4) % (sizeof marks - 1)];
        }
        n -= i % 7 ? 0 : (x >> 8) % n;
        if (import_bytes(text, n, NULL, NULL, &out, &report, &err)) {
            assert_memory_equal(err.msg, support_file("in"), strlen(support_file("in")));
            assert_null(strchr(err.msg, '\n'));
        } else {
            assert_true(out.len > 0 && out.s[out.len - 1] == '\n');
        }
        sb_done(&out);
        free(text);
    }
}

/* --- files --- */

static void test_file_whole_or_not(void **state)
{
    static const struct import_choice all;
    const char *in = support_file("in.csv"), *out = support_file("out.jsonl");
    struct import_report report;
    struct vac_err err = {0};

    (void)state;
    support_write_text(in, "goal,target\nSing,la\nVex,\"\n");
    assert_int_equal(import_file(in, NULL, &all, out, &report, &err), -1);
    assert_false(file_exists(out));
    err_clear(&err);
    support_write_text(out, "old");
    assert_int_equal(import_file(in, NULL, &all, out, &report, &err), -1);
    assert_int_equal(file_size(out), 3);
    err_clear(&err);
    assert_int_equal(import_file(in, NULL, &all, in, &report, &err), -1);
    assert_error(&err, "would be replaced by what is made of it");
    err_clear(&err);
    support_write_text(in, "goal,target\nSing,la\n");
    assert_ok(import_file(in, NULL, &all, out, &report, &err), &err);
    assert_int_equal(file_size(out), 48);
    assert_int_equal(import_file(support_file("none"), NULL, &all, out, &report, &err), -1);
    assert_error(&err, "none");
    assert_int_equal(file_size(out), 48);
}

static const struct real {
    const char *path, *format;
    size_t rows;
    const char *sha256;
} real[] = {
    {"datasets/sst2/dev.tsv", "sst2", 872,
     "f7abbfc8e503e9c1c68b31180b47065e5feea368ddae2d86bd3e3cd0f704c786"},
    {"datasets/sst2/train.tsv", "sst2", 6920,
     "3beb906693d171f164a05cc1b0940afaffdc088d9eb9391999878f47ed8f005d"},
    {"datasets/ag_news/test.csv", "agnews", 7600,
     "afa17a3572ecacf4c7ec70d42817526860ae8ffac37224f7501df37e1ae03b44"},
    {"datasets/gsm8k/test.jsonl", "gsm8k", 1319,
     "62ffb41bac757cf0c5e21b9a7f420800430a44349524f4c3bd19484c5aa5a1af"},
    {"datasets/gsm8k/train.jsonl", "gsm8k", 7473,
     "8473451ee88cd40ec04eb58ed053f7587909af8bb21671dd9441cafb9b662531"},
    {"datasets/alpaca/alpaca_en_demo.json", "alpaca", 999,
     "67dca5e2477d733da98181c16c49555040d4bb784b0b42c48d6fe190af938028"},
    {"datasets/advbench/harmful_behaviors.csv", "advbench", 520,
     "736ccc6c89865b6e88b52eec8131e0041118f3d6094b563fa67b3e56f4157b16"},
    {"datasets/xstest/xstest_prompts.csv", "xstest", 450,
     "ee41398f8c6064793286041a49d124cbeed9d7661bd33ed2493625ca7011d2c5"},
    {"datasets/xstest/xstest_model_refusals.jsonl", "xstest", 1095,
     "bdc7c9156dfbe81fafa22f902beb04bace3a19a56c5acba41b47d0619f4f75ac"},
};

static void check_sum(const char *path, const char *wanted)
{
    struct vac_err err = {0};
    struct mapping m;
    struct sha256 s;
    char hex[65];

    assert_ok(map_open(&m, path, &err), &err);
    sha256_init(&s);
    sha256_put(&s, m.data, m.len);
    sha256_hex(&s, hex);
    map_close(&m);
    assert_string_equal(hex, wanted);
}

static void check_real(const struct real *x, const char *path)
{
    static const struct import_choice all;
    const char *out = support_file("real.jsonl");
    struct import_report report;
    struct vac_err err = {0};
    struct rows rows;

    assert_ok(import_file(path, NULL, &all, out, &report, &err), &err);
    assert_string_equal(report.format->name, x->format);
    assert_int_equal(report.read, x->rows);
    assert_int_equal(report.written, x->rows);
    check_sum(out, x->sha256);
    assert_ok(rows_read(&rows, out, NULL, NULL, &err), &err);
    assert_string_equal(rows.format->name, "alpaca");
    assert_int_equal(rows.n, x->rows);
    rows_done(&rows);
}

static void test_real_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof real / sizeof *real; i++) {
        const char *path = support_testdata(real[i].path);

        if (!path)
            skip();
        check_real(&real[i], path);
    }
}

/* What a user would align on, and the questions of a file of no known format. */
static void test_real_choices(void **state)
{
    const struct import_choice refusals = {.kind = "refusal", .model = "llama2orig"};
    const struct import_choice safe = {.safety = IMPORT_SAFE},
                               questions = {.instruction = "prompt"};
    const char *answers = support_testdata("datasets/xstest/xstest_model_refusals.jsonl");
    const char *prompts = support_testdata("datasets/xstest/xstest_prompts.csv");
    const char *table = support_testdata("datasets/donotanswer/do_not_answer.csv");
    const char *out = support_file("choice.jsonl");
    struct import_report report;
    struct vac_err err = {0};

    (void)state;
    if (!answers || !prompts || !table)
        skip();
    assert_ok(import_file(answers, NULL, &refusals, out, &report, &err), &err);
    assert_int_equal(report.written, 199);
    assert_int_equal(report.skipped[IMPORT_OTHER_KIND], 506);
    assert_int_equal(report.skipped[IMPORT_OTHER_MODEL], 390);
    assert_ok(import_file(prompts, NULL, &safe, out, &report, &err), &err);
    assert_int_equal(report.written, 250);
    assert_ok(import_file(table, import_find("table", &err), &questions, out, &report, &err), &err);
    assert_int_equal(report.written, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beavertails),
        cmocka_unit_test(test_xstest_prompts),
        cmocka_unit_test(test_xstest_answers),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_empty_instructions),
        cmocka_unit_test(test_impossible_choices),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_unknown_files),
        cmocka_unit_test(test_huge_rows),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_file_whole_or_not),
        cmocka_unit_test(test_real_files),
        cmocka_unit_test(test_real_choices),
    };

    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
