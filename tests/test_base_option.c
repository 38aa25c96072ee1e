/* test_base_option.c - the option table: defaults, JSON, typed text, messages. */
#include "support.h"
#include <math.h>
#include "base/option.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

struct config {
    double rho, lr, shift;
    int64_t steps, seed;
    bool on;
    char *name;
    int schedule;
};

static const char *const schedules[] = {"constant", "linear", "cosine", NULL};
static const struct option_row rows[] = {
    {.name = "rho",
     .type = OPTION_NUM,
     .min = 0,
     .max = 100,
     .def = 2,
     .live = true,
     .offset = offsetof(struct config, rho)},
    {.name = "lr",
     .type = OPTION_NUM,
     .min = 0,
     .max = INFINITY,
     .def = 1e-3,
     .offset = offsetof(struct config, lr)},
    {.name = "shift", .type = OPTION_NUM, .offset = offsetof(struct config, shift)},
    {.name = "steps",
     .type = OPTION_INT,
     .min = 1,
     .max = 10,
     .def = 5,
     .required = true,
     .offset = offsetof(struct config, steps)},
    {.name = "seed", .type = OPTION_INT, .def = -1, .offset = offsetof(struct config, seed)},
    {.name = "on", .type = OPTION_BOOL, .def = 1, .offset = offsetof(struct config, on)},
    {.name = "name",
     .type = OPTION_STRING,
     .def_text = "plain",
     .offset = offsetof(struct config, name)},
    {.name = "schedule",
     .type = OPTION_CHOICE,
     .def = 2,
     .choices = schedules,
     .offset = offsetof(struct config, schedule)},
    {.name = NULL},
};

static void test_defaults(void **state)
{
    struct vac_err err = {0};
    struct config c;

    (void)state;
    memset(&c, 0xee, sizeof c);
    assert_ok(option_defaults(rows, &c, &err), &err);
    assert_true(c.rho == 2 && c.lr == 1e-3 && c.steps == 5 && c.seed == -1 && c.on);
    assert_int_equal(c.schedule, 2);
    assert_string_equal(c.name, "plain");
    assert_ptr_equal(option_find(rows, "steps"), &rows[3]);
    assert_null(option_find(rows, "Steps"));
    option_free(rows, &c);
    assert_null(c.name);
    option_free(rows, &c);
}

static int read_text(const char *text, struct config *c, struct vac_err *err)
{
    cJSON *doc = json_parse(text, strlen(text), "f", err);
    struct jnode root = json_root(doc, "f"), one;
    int rc = doc ? json_get(&root, "s", JSON_OBJECT, &one, err) : -1;

    if (!rc)
        rc = option_read(rows, &one, c, err);
    cJSON_Delete(doc);
    return rc;
}

static void test_read(void **state)
{
    struct vac_err err = {0};
    struct config c;

    (void)state;
    assert_ok(option_defaults(rows, &c, &err), &err);
    assert_ok(
        read_text(
            "{\"s\": {\"rho\": 0.25, \"steps\": 10, \"seed\": 9007199254740992, \"on\": false,"
            "\"name\": \"été\", \"schedule\": \"linear\", \"lr\": null, \"other\": []}}",
            &c, &err),
        &err);
    assert_true(c.rho == 0.25 && c.lr == 1e-3 && c.steps == 10 && !c.on && c.schedule == 1);
    assert_true(c.seed == 9007199254740992);
    assert_string_equal(c.name, "été");
    option_free(rows, &c);
}

static void test_read_messages(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"s\":{}}", "f: s: \"steps\" is missing (a whole number from 1 to 10)"},
        {"{\"s\":{\"steps\":null}}", "f: s: \"steps\" is missing (a whole number from 1 to 10)"},
        {"{\"s\":{\"steps\":1,\"rho\":\"two\"}}",
         "f: s.rho: expected a number from 0 to 100, found \"two\""},
        {"{\"s\":{\"rho\":100.5}}", "f: s.rho: expected a number from 0 to 100, found 100.5"},
        {"{\"s\":{\"lr\":-1}}", "f: s.lr: expected a number of at least 0, found -1"},
        {"{\"s\":{\"shift\":1e999}}",
         "f: s.shift: expected a number, found a number too large for a double"},
        {"{\"s\":{\"steps\":2.5}}", "f: s.steps: expected a whole number from 1 to 10, found 2.5"},
        {"{\"s\":{\"steps\":1,\"seed\":1e300}}",
         "f: s.seed: expected a whole number, found 1e+300"},
        {"{\"s\":{\"steps\":1,\"on\":1}}", "f: s.on: expected true or false, found 1"},
        {"{\"s\":{\"steps\":1,\"name\":[]}}", "f: s.name: expected text, found a list"},
        {"{\"s\":{\"steps\":1,\"schedule\":\"cosin\"}}",
         "f: s.schedule: expected one of constant, linear, cosine, found \"cosin\" "
         "(did you mean \"cosine\"?)"},
        {"{\"s\":{\"steps\":1,\"schedule\":2}}",
         "f: s.schedule: expected one of constant, linear, cosine, found 2"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vac_err err = {0};
        struct config c;

        assert_ok(option_defaults(rows, &c, &err), &err);
        assert_int_equal(read_text(cases[i].text, &c, &err), -1);
        assert_string_equal(err.msg, cases[i].error);
        assert_int_equal(err.code, VAC_ERR_FORMAT);
        option_free(rows, &c);
    }
}

static void test_set_and_show(void **state)
{
    static const struct {
        const char *name, *text, *shown, *json; /* shown == NULL: refused, json is the error */
    } cases[] = {
        {"rho", "2.5", "2.5", "2.5"},
        {"rho", " .5 ", "0.5", "0.5"},
        {"rho", "1e-3", "0.001", "0.001"},
        {"rho", "101", NULL, "--set rho: expected a number from 0 to 100, found \"101\""},
        {"rho", "", NULL, "--set rho: expected a number from 0 to 100, found \"\""},
        {"rho", "nan", NULL, "found \"nan\""},
        {"rho", "0x10", NULL, "found \"0x10\""},
        {"rho", "1,5", NULL, "found \"1,5\""},
        {"rho", "2 3", NULL, "found \"2 3\""},
        {"lr", "inf", NULL, "a number of at least 0"},
        {"lr", "1e999", NULL, "a number of at least 0"},
        {"steps", "7", "7", "7"},
        {"steps", "7.5", NULL, "a whole number from 1 to 10, found \"7.5\""},
        {"seed", "-12", "-12", "-12"},
        {"seed", "1e6", "1000000", "1000000"},
        {"on", "off", "false", "false"},
        {"on", "true", "true", "true"},
        {"on", "maybe", NULL, "expected true or false, found \"maybe\""},
        {"name", " a \"b\" ", " a \"b\" ", "\" a \\\"b\\\" \""},
        {"name", "", "", "null"},
        {"name", "\xff", NULL, "expected text, found \"\\xff\""},
        {"schedule", "linear", "linear", "\"linear\""},
        {"schedule", "Linear", NULL, "(did you mean \"linear\"?)"},
    };
    struct vac_err err = {0};
    struct strbuf b = {0};
    struct config c;

    (void)state;
    assert_ok(option_defaults(rows, &c, &err), &err);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct option_row *row = option_find(rows, cases[i].name);
        char where[64];
        int rc;

        snprintf(where, sizeof where, "--set %s", cases[i].name);
        err_clear(&err);
        rc = option_set(row, cases[i].text, &c, where, &err);
        assert_int_equal(rc, cases[i].shown ? 0 : -1);
        if (!cases[i].shown) {
            assert_error(&err, cases[i].json);
            assert_int_equal(err.code, VAC_ERR_USAGE);
            continue;
        }
        sb_clear(&b);
        sb_puts(&b, "");
        option_text(row, &c, &b);
        assert_string_equal(b.s, cases[i].shown);
        sb_clear(&b);
        option_json(row, &c, &b);
        assert_string_equal(b.s, cases[i].json);
    }
    sb_done(&b);
    option_free(rows, &c);
}

/* What option_text says of every row is what option_set takes. */
static void test_text_reads_back(void **state)
{
    struct vac_err err = {0};
    struct strbuf b = {0}, again = {0};
    struct config c, d;

    (void)state;
    assert_ok(option_defaults(rows, &c, &err), &err);
    assert_ok(option_defaults(rows, &d, &err), &err);
    c.rho = 1.0 / 3;
    c.seed = -9007199254740992;
    c.schedule = 0;
    c.on = false;
    for (const struct option_row *r = rows; r->name; r++) {
        sb_clear(&b);
        sb_clear(&again);
        option_text(r, &c, &b);
        assert_ok(option_set(r, b.s, &d, NULL, &err), &err);
        option_text(r, &d, &again);
        assert_string_equal(b.s, again.s);
    }
    assert_true(d.rho == c.rho && d.seed == c.seed && d.schedule == 0 && !d.on);
    sb_done(&b);
    sb_done(&again);
    option_free(rows, &c);
    option_free(rows, &d);
}

/* ---- Whole numbers that no double holds ---- */

struct wide {
    int64_t whole;
    uint64_t seed;
};
static const struct option_row wide_rows[] = {
    {.name = "whole", .type = OPTION_INT, .offset = offsetof(struct wide, whole)},
    {.name = "seed", .type = OPTION_SEED, .def = 7, .offset = offsetof(struct wide, seed)},
    {.name = NULL},
};

/* As JSON and as typed: the row's value and its text are the number's own digits. */
static void keeps(const struct option_row *row, const char *digits)
{
    struct vac_err err = {0};
    struct wide w[2] = {{0}};
    struct strbuf b = {0};
    char text[128];
    cJSON *doc;
    struct jnode root;

    snprintf(text, sizeof text, "{\"x\":[1.5,\"9007199254740999\",-3],\"%s\":%s}", row->name,
             digits);
    doc = json_parse(text, strlen(text), "f", &err);
    if (!doc)
        fail_msg("%s", err.msg);
    root = json_root(doc, "f");
    assert_ok(option_defaults(wide_rows, &w[0], &err), &err);
    assert_ok(option_defaults(wide_rows, &w[1], &err), &err);
    assert_ok(option_read(wide_rows, &root, &w[0], &err), &err);
    assert_ok(option_set(row, digits, &w[1], NULL, &err), &err);
    for (int i = 0; i < 2; i++) {
        sb_clear(&b);
        option_json(row, &w[i], &b);
        assert_string_equal(b.s, digits);
    }
    char *again = json_text(doc, false, &err);
    assert_string_equal(again, text);
    cJSON_free(again);
    cJSON_Delete(doc);
    sb_done(&b);
}

static void refuses(const struct option_row *row, const char *digits)
{
    struct vac_err err = {0};
    struct wide w = {0};
    char text[64];
    cJSON *doc;
    struct jnode root;

    snprintf(text, sizeof text, "{\"%s\":%s}", row->name, digits);
    doc = json_parse(text, strlen(text), "f", &err);
    root = json_root(doc, "f");
    assert_int_equal(option_read(wide_rows, &root, &w, &err), -1);
    assert_error(&err, "expected a whole number");
    err_clear(&err);
    assert_int_equal(option_set(row, digits, &w, NULL, &err), -1);
    assert_error(&err, "expected a whole number");
    cJSON_Delete(doc);
}

static void test_all_digits(void **state)
{
    static const char *const whole[] = {"0",
                                        "-1",
                                        "9007199254740991",
                                        "9007199254740992",
                                        "9007199254740993",
                                        "-9007199254740993",
                                        "9223372036854775807",
                                        "-9223372036854775808"};
    static const char *const seed[] = {"0", "9007199254740993", "9223372036854775808",
                                       "18446744073709551615"};
    static const char *const none[] = {"9007199254740993.0",
                                       "9007199254740992.5",
                                       "1e16",
                                       "18446744073709551616",
                                       "1e400",
                                       "99999999999999999999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        keeps(&wide_rows[0], whole[i]);
    for (size_t i = 0; i < sizeof seed / sizeof *seed; i++)
        keeps(&wide_rows[1], seed[i]);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        for (int k = 0; k < 2; k++)
            refuses(&wide_rows[k], none[i]);
    refuses(&wide_rows[0], "9223372036854775808");
    refuses(&wide_rows[1], "-1");
    refuses(&wide_rows[1], "-9007199254740993");
}

/* Four digits, never an exponent. */
static void test_quantities(void **state)
{
    static const struct {
        double x;
        const char *want;
    } rows[] = {{0, "0 B"},       {87, "87 B"},           {999.94, "999.9 B"},
                {999.96, "1 kB"}, {12345678, "12.35 MB"}, {1.3474e12, "1.347 TB"},
                {64e9, "64 GB"},  {-2500, "-2.5 kB"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf s = {0};

        sb_quantity(&s, rows[i].x, "B");
        assert_string_equal(s.s, rows[i].want);
        sb_done(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),        cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_messages),   cmocka_unit_test(test_set_and_show),
        cmocka_unit_test(test_text_reads_back), cmocka_unit_test(test_all_digits),
        cmocka_unit_test(test_quantities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
