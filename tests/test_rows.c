/* test_rows.c - reading data set files: their list, visiting, every beginning of one. What each format makes of
 * good and hostile ones is in triplets/rows.txt. */
#include "data/dataset.h"
#include "data/rows.h"
#include "support.h"

static void test_format_list(void **state)
{
    static const char *const names[] = {"tokens", "messages",    "sharegpt",   "prompt",
                                        "alpaca", "beavertails", "completion", "text"};

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(format_at(i)->name, names[i]);
        assert_non_null(format_at(i)->help);
        assert_non_null(format_at(i)->keys[0]);
    }
    assert_null(format_at(8));
}

static int count_visits(void *ctx, const struct row *row, size_t index, struct vac_err *err)
{
    size_t *seen = ctx;
    const cJSON *label = cJSON_GetObjectItemCaseSensitive(row->json, "label");

    assert_int_equal(index, *seen);
    assert_int_equal((size_t)label->valuedouble, index + 10);
    if (++*seen == 3)
        return err_set(err, VAC_ERR_STOPPED, "enough");
    return 0;
}

static void test_visit(void **state)
{
    struct vac_err err = {0};
    size_t seen = 0;
    struct rows r;
    const char *path =
        support_text("visit.jsonl", "{\"text\":\"a\",\"label\":10}\n{\"text\":\"a\",\"label\":11}");

    (void)state;
    assert_ok(rows_read(&r, path, count_visits, &seen, &err), &err);
    assert_int_equal(seen, 2);
    rows_done(&r);
    seen = 0;
    path =
        support_text("visit.jsonl", "{\"text\":\"a\",\"label\":10}\n{\"text\":\"a\",\"label\":11}\n"
                                    "{\"text\":\"a\",\"label\":12}\n{\"text\":\"a\",\"label\":13}");
    assert_int_equal(rows_read(&r, path, count_visits, &seen, &err), -1);
    assert_string_equal(err.msg, "enough");
    assert_int_equal(seen, 3);
    err_clear(&err);
    assert_int_equal(rows_read(&r, support_file("none.jsonl"), NULL, NULL, &err), -1);
    assert_error(&err, "none.jsonl");
}

/* Every beginning of a good file is either read or refused: nothing else happens to it. */
static void test_truncations(void **state)
{
    static const char text[] =
        "[{\"messages\":[{\"role\":\"user\",\"content\":\"\xc3\xa9\\u00e9\"},{\"role\":"
        "\"assistant\","
        "\"content\":\"b\",\"weight\":1}],\"id\":1},{\"messages\":[{\"role\":\"user\",\"content\":"
        "\"[\"}]}]";
    const char *path = support_file("cut.json");

    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        struct vac_err err = {0};
        struct rows r;
        int rc;

        support_write(path, text, n);
        rc = rows_read(&r, path, NULL, NULL, &err);
        assert_int_equal(rc, n == sizeof text - 1 ? 0 : -1);
        if (rc)
            assert_error(&err, path);
        rows_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_list),
        cmocka_unit_test(test_visit),
        cmocka_unit_test(test_truncations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
