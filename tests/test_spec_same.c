/* test_spec_same.c - what must arrive as it was written: a seed of 64 bits, and the adapter that a
 * stage goes on with; and what is told of the file, and not of an override. */
#include <stdlib.h>
#include <sys/stat.h>
#include "spec/spec.h"
#include "support.h"

static char folder[1024], run_file[1100];

static int setup(void **state)
{
    char path[1100];

    (void)state;
    if (!realpath(support_tmp(), folder))
        return -1;
    snprintf(run_file, sizeof run_file, "%s/lab.json", folder);
    snprintf(path, sizeof path, "%s/align.jsonl", folder);
    support_write_text(path, "{}\n");
    snprintf(path, sizeof path, "%s/adapter", folder);
    if (mkdir(path, 0700))
        return -1;
    snprintf(path, sizeof path, "%s/tiny-base", folder);
    return mkdir(path, 0700);
}

static int read_text(struct run_spec *s, const char *text, const char *const *set, size_t n,
                     struct vac_err *err)
{
    support_write_text(run_file, text);
    return spec_read(s, run_file, set, n, err);
}

/* ---- A seed has 64 bits, from the file, from an override, and back from run.json ---- */

static void check_seed(const char *file, const char *set, uint64_t want)
{
    char text[2048], digits[40], *again;
    const char *const sets[] = {set};
    struct vac_err err = {0};
    struct run_spec s, t;
    cJSON *doc;
    struct jnode root;
    struct strbuf whole = {0};

    snprintf(text, sizeof text,
             "{\"seed\":%s,\"model\":\"tiny-base\",\"stages\":[{\"train\":[\"align.jsonl\"]}]}",
             file);
    assert_ok(read_text(&s, text, sets, set != NULL, &err), &err);
    assert_true(s.seed == want);
    again = json_text(s.json, true, &err);
    snprintf(digits, sizeof digits, "\"seed\":\t%llu,", (unsigned long long)want);
    assert_non_null(strstr(again, digits));
    sb_printf(&whole, "{\"spec\": %s}", again);
    doc = json_parse(whole.s, whole.len, "run.json", &err);
    assert_non_null(doc);
    root = json_root(doc, "run.json");
    assert_ok(spec_from(&t, &root, folder, &err), &err);
    assert_true(t.seed == want);
    cJSON_free(again);
    sb_done(&whole);
    spec_done(&s);
    spec_done(&t);
    cJSON_Delete(doc);
}

static void test_seed(void **state)
{
    (void)state;
    check_seed("9007199254740993", NULL, 9007199254740993u);
    check_seed("18446744073709551615", NULL, UINT64_MAX);
    check_seed("1", "seed=9007199254740993", 9007199254740993u);
    check_seed("1", "seed=18446744073709551615", UINT64_MAX);
    check_seed("18446744073709551615", "seed=0", 0);
}

/* ---- "same" goes on with the adapter as it is ---- */

static void same_with(const char *first, const char *lora, const char *says)
{
    char text[2048];
    struct vac_err err = {0};
    struct run_spec s;
    int rc;

    snprintf(text, sizeof text,
             "{\"model\":\"tiny-base\",\"stages\":[{\"train\":[\"align.jsonl\"],\"lora\":{%s}},"
             "{\"adapter\":\"same\",\"train\":[\"align.jsonl\"]},"
             "{\"adapter\":\"same\",\"train\":[\"align.jsonl\"],\"lora\":{%s}}]}",
             first, lora);
    rc = read_text(&s, text, NULL, 0, &err);
    if (!says) {
        assert_ok(rc, &err);
        spec_done(&s);
        return;
    }
    assert_int_equal(rc, -1);
    assert_error(&err, says);
    assert_error(&err, "leave this key out");
}

static void test_same(void **state)
{
    (void)state;
    static const char first[] = "\"r\":4,\"alpha\":8,\"targets\":[\"q_proj\",\"v_proj\"]";

    same_with(first, "", NULL);
    same_with(first, "\"dropout\":0.1", NULL);
    same_with(first, "\"r\":4,\"alpha\":8,\"rslora\":false", NULL);
    same_with(first, first, NULL);
    same_with("", "\"r\":8,\"alpha\":4,\"targets\":\"all\"", NULL);
    same_with(first, "\"r\":8",
              "stages[2].lora.r: \"same\" goes on with the adapter of stage \"stage1\", "
              "whose r is 4");
    same_with(first, "\"alpha\":16", "whose alpha is 8");
    same_with(first, "\"targets\":\"q_proj\"", "whose targets is q_proj,v_proj");
    same_with(first, "\"rslora\":true", "whose rslora is false");
    same_with("\"init\":\"adapter\"", "\"r\":8", "stages[2].lora.r");
}

/* A fault of the file stays one, also where an override mends what stands before it. */
static void test_set_is_not_blamed_for_the_file(void **state)
{
    static const char *const right[] = {"seed=2", "model=tiny-base"}, *const wrong =
                                                                          "model=/nowhere";
    struct vac_err err = {0};
    struct run_spec s;

    (void)state;
    assert_int_equal(read_text(&s, "{\"stages\": 1}", right, 2, &err), -1);
    assert_int_equal(err.code, VAC_ERR_FORMAT);
    assert_non_null(strstr(err.msg, "lab.json: stages: expected a list"));
    assert_null(strstr(err.msg, "--set"));
    err = (struct vac_err){0};
    assert_int_equal(read_text(&s, "{\"stages\": 1}", &wrong, 1, &err), -1);
    assert_int_equal(strncmp(err.msg, "--set model=/nowhere: model: ", 29), 0);
}

/* A battery has no stages: it is not said to have a key that is unknown. */
static void test_a_battery_is_no_run(void **state)
{
    struct vac_err err = {0};
    struct run_spec s;

    (void)state;
    assert_int_equal(read_text(&s, "{\"within\": {}, \"attacks\": []}", NULL, 0, &err), -1);
    assert_non_null(strstr(err.msg, "lab.json: it describes attacks on a run: vaccine attack RUN"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_set_is_not_blamed_for_the_file),
        cmocka_unit_test(test_a_battery_is_no_run),
    };

    return cmocka_run_group_tests_name("spec_same", tests, setup, NULL);
}
