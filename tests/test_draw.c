/* test_draw.c - rows that a seed draws out of all of a file. */
#include "dataset_support.h"

static const struct encoder tokens_only = {.eos = -1};

/* n rows whose ids count from `first`. */
static const char *numbered(const char *name, int first, size_t n)
{
    struct strbuf b = {0};
    const char *path;

    for (size_t i = 0; i < n; i++)
        sb_printf(&b, "{\"input_ids\":[%zu,%zu]}\n", (size_t)first + i, (size_t)first + i);
    path = support_text(name, b.s);
    sb_done(&b);
    return path;
}

/* What is drawn comes from all of the file, stands in its order, and is the same for one seed. */
static void test_drawn(void **state)
{
    struct dataset_spec spec = {
        .file = numbered("sorted.jsonl", 0, 100), .take = 20, .drawn = true, .seed = 7};
    bool seen[100] = {false};
    struct dataset d = {0}, again = {0}, other = {0};
    struct vac_err err = {0};
    size_t late = 0, same = 0;

    (void)state;
    assert_ok(dataset_add(&d, &spec, &tokens_only, &err), &err);
    assert_int_equal(d.n, 20);
    assert_int_equal(d.rows_seen, 20);
    for (size_t i = 0; i < d.n; i++) {
        int row = d.sample[i].ids[0];

        assert_true(i == 0 || row > d.sample[i - 1].ids[0]);
        seen[row] = true;
        late += row >= 50;
    }
    assert_in_range(late, 5, 15);
    assert_ok(dataset_add(&again, &spec, &tokens_only, &err), &err);
    spec.seed = 8;
    assert_ok(dataset_add(&other, &spec, &tokens_only, &err), &err);
    for (size_t i = 0; i < d.n; i++) {
        assert_int_equal(again.sample[i].ids[0], d.sample[i].ids[0]);
        same += other.sample[i].ids[0] == d.sample[i].ids[0];
    }
    assert_true(same < 20);
    dataset_done(&again);
    /* the rest is what those skipped are not */
    spec.seed = 7;
    spec.skip = 20;
    spec.take = 0;
    assert_ok(dataset_add(&again, &spec, &tokens_only, &err), &err);
    assert_int_equal(again.n, 80);
    for (size_t i = 0; i < again.n; i++)
        assert_false(seen[again.sample[i].ids[0]]);
    dataset_done(&d);
    dataset_done(&again);
    dataset_done(&other);
    spec.skip = 100;
    assert_int_equal(dataset_add(&d, &spec, &tokens_only, &err), -1);
    assert_message(&err, spec.file, ": skip is 100, but the file holds only 100 rows");
    dataset_done(&d);
    err_clear(&err);
    spec.skip = 90;
    spec.take = 11;
    assert_int_equal(dataset_add(&d, &spec, &tokens_only, &err), -1);
    assert_message(&err, spec.file,
                   ": take asks for 11 rows, but there are only 10 after the 90 skipped: take "
                   "fewer, or set \"repeat\": true");
    dataset_done(&d);
}

/* A mix draws, too; rows that lose their labels make room, and the order stays the file's. */
static void test_drawn_mix(void **state)
{
    struct dataset_spec spec[] = {
        {.drawn = true, .seed = 3},
        {.file = numbered("h.jsonl", 500, 100), .harmful = true, .drawn = true, .seed = 3}};
    char text[4096];
    size_t n = 0, late = 0;
    struct dataset d = {0};
    struct vac_err err = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              i % 3 ? "{\"input_ids\":[9]}\n" : "{\"input_ids\":[%d,1]}\n", i);
    spec[0].file = support_text("gaps.jsonl", text);
    assert_ok(dataset_mix(&d, spec, 2, 30, 0.5, &tokens_only, &err), &err);
    assert_int_equal(d.n, 30);
    for (size_t i = 0; i < d.n; i++) {
        assert_int_equal(d.sample[i].harmful, i < 15);
        assert_true(i % 15 == 0 || d.sample[i].ids[0] > d.sample[i - 1].ids[0]);
        late += i >= 15 ? d.sample[i].ids[0] >= 50 : d.sample[i].ids[0] >= 550;
    }
    assert_in_range(late, 8, 22);
    assert_true(d.rows_seen - d.rows_skipped == 30 && d.rows_skipped > 0);
    dataset_done(&d);
    assert_ok(dataset_mix(&d, spec, 1, 34, 0, &tokens_only, &err), &err); /* all there are */
    assert_int_equal(d.sample[33].ids[0], 99);
    dataset_done(&d);
    spec[0].repeat = true;
    assert_ok(dataset_mix(&d, spec, 1, 40, 0, &tokens_only, &err), &err);
    assert_int_equal(d.sample[34].ids[0], 0);
    dataset_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_drawn_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
