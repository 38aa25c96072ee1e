/* test_batch.c - packing without padding, dropout streams, and the order of epochs. */
#include "data/batch.h"
#include "base/rng.h"
#include "support.h"

/* --- packing --- */

static const int32_t ids_a[] = {10, 11, 12}, labels_a[] = {10, -100, 12};
static const int32_t ids_b[] = {20, 21}, labels_b[] = {-100, 21};
static const int32_t ids_c[] = {30, 31, 32, 33}, labels_c[] = {-100, -100, -100, 33};
static struct sample samples[] = {
    {.ids = ids_a, .labels = labels_a, .n = 3, .n_labels = 1},
    {.ids = ids_b, .labels = labels_b, .n = 2, .n_labels = 1},
    {.ids = ids_c, .labels = labels_c, .n = 4, .n_labels = 1},
};
static const struct dataset data = {.sample = samples, .n = 3};

static void open_batch(struct batch *b, size_t max_N, size_t max_S)
{
    struct vac_err err = {0};

    assert_ok(batch_init(b, max_N, max_S, &err), &err);
}

static void test_packing(void **state)
{
    static const size_t order[] = {2, 0, 1};
    static const int32_t ids[] = {30, 31, 32, 33, 10, 11, 12, 20, 21};
    static const int32_t pos[] = {0, 1, 2, 3, 0, 1, 2, 0, 1};
    static const uint32_t slot[] = {5, 5, 5, 5, 6, 6, 6, 7, 7};
    static const struct seq seq[] = {{0, 4, 0, 4}, {4, 3, 4, 3}, {7, 2, 7, 2}};
    static const int32_t lab_row[] = {2, 5, 7}, lab_id[] = {33, 12, 21};
    struct batch b;

    (void)state;
    open_batch(&b, 9, 3);
    for (int round = 0; round < 2; round++) {
        batch_fill(&b, &data, order, 3, 5);
        assert_int_equal(b.N, 9);
        assert_int_equal(b.S, 3);
        assert_int_equal(b.n_lab, 3);
        assert_memory_equal(b.ids, ids, sizeof ids);
        assert_memory_equal(b.pos, pos, sizeof pos);
        assert_memory_equal(b.slot, slot, sizeof slot);
        assert_memory_equal(b.seq, seq, sizeof seq);
        assert_memory_equal(b.lab_row, lab_row, sizeof lab_row);
        assert_memory_equal(b.lab_id, lab_id, sizeof lab_id);
        assert_memory_equal(b.sample, order, sizeof order);
    }
    batch_fill(&b, &data, order + 1, 1, 0);
    assert_int_equal(b.N, 3);
    assert_int_equal(b.S, 1);
    assert_int_equal(b.n_lab, 1);
    batch_done(&b);
}

static void test_ready_ids(void **state)
{
    struct batch b;

    (void)state;
    open_batch(&b, 4, 1);
    batch_fill_ids(&b, ids_c, NULL, 4);
    assert_int_equal(b.N, 4);
    assert_int_equal(b.n_lab, 0);
    assert_memory_equal(b.ids, ids_c, sizeof ids_c);
    batch_fill_ids(&b, ids_a, ids_a, 3);
    assert_int_equal(b.N, 3);
    assert_int_equal(b.n_lab, 2);
    assert_int_equal(b.lab_row[1], 1);
    assert_int_equal(b.lab_id[1], 12);
    assert_int_equal(b.seq[0].nk, 3);
    batch_fill_ids(&b, NULL, NULL, 0);
    assert_int_equal(b.N, 0);
    batch_done(&b);
    batch_done(&b);
}

static void test_no_memory(void **state)
{
    struct vac_err err = {0};
    struct batch b;

    (void)state;
    assert_int_equal(batch_init(&b, SIZE_MAX / 2, 1, &err), -1);
    assert_int_equal(err.code, VAC_ERR_MEMORY);
    assert_null(b.ids);
}

/* --- dropout streams --- */

/* The keys of four samples in micro-batches of `micro`, one after another. */
static size_t keys_of(size_t micro, uint64_t seed, uint64_t step, uint64_t *out)
{
    static const size_t order[] = {1, 2, 0, 2};
    struct batch b;
    size_t n = 0;

    open_batch(&b, 13, 4);
    for (size_t i = 0; i < 4; i += micro) {
        batch_fill(&b, &data, order + i, micro, i);
        batch_keys(&b, seed, step);
        memcpy(out + n, b.row_key, b.N * sizeof *out);
        n += b.N;
    }
    batch_done(&b);
    return n;
}

static void test_keys(void **state)
{
    uint64_t one[13], two[13], four[13], other[13];

    (void)state;
    assert_int_equal(keys_of(4, 1, 7, one), 13);
    keys_of(2, 1, 7, two);
    keys_of(1, 1, 7, four);
    assert_memory_equal(one, two, sizeof one);
    assert_memory_equal(one, four, sizeof one);
    for (size_t i = 0; i < 13; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(one[i] != one[j]);
    keys_of(4, 1, 8, other);
    for (size_t i = 0; i < 13; i++)
        assert_true(one[i] != other[i]);
    keys_of(4, 2, 7, other);
    assert_true(one[0] != other[0]);
    assert_true(one[3] == rng_mix(rng_key(1, RNG_DROPOUT, 7, 1), 1));
}

/* --- cursors --- */

enum { ROWS = 23 };

static void test_every_sample_once(void **state)
{
    struct cursor c = {.seed = 3, .stage = 1, .shuffle = true};
    size_t order[ROWS], out[5], epochs[2][ROWS];

    (void)state;
    cursor_order(&c, order, ROWS);
    for (size_t e = 0; e < 2; e++) {
        unsigned seen[ROWS] = {0};
        size_t n = 0;

        while (n < ROWS) {
            size_t got = cursor_next(&c, order, ROWS, 5, out);

            assert_int_equal(got, n == 20 ? 3 : 5);
            assert_int_equal(c.epoch, e);
            for (size_t i = 0; i < got; i++) {
                assert_true(out[i] < ROWS);
                seen[out[i]]++;
                epochs[e][n++] = out[i];
            }
        }
        for (size_t i = 0; i < ROWS; i++)
            assert_int_equal(seen[i], 1);
    }
    assert_memory_not_equal(epochs[0], epochs[1], sizeof epochs[0]);
}

/* Saving and restoring the plain numbers at any moment changes nothing of what follows. */
static void test_resume(void **state)
{
    struct cursor c = {.seed = 9, .stage = 2, .shuffle = true}, saved[20];
    size_t order[ROWS], again[ROWS], out[20][4], n[20], redo[4];

    (void)state;
    cursor_order(&c, order, ROWS);
    for (size_t i = 0; i < 20; i++) {
        saved[i] = c;
        n[i] = cursor_next(&c, order, ROWS, 4, out[i]);
    }
    assert_int_equal(c.epoch, 3);
    for (size_t from = 0; from < 20; from++) {
        c = saved[from];
        cursor_order(&c, again, ROWS);
        for (size_t i = from; i < 20; i++) {
            assert_int_equal(cursor_next(&c, again, ROWS, 4, redo), n[i]);
            assert_memory_equal(redo, out[i], n[i] * sizeof *redo);
        }
    }
}

static void test_order_depends(void **state)
{
    const struct cursor c[] = {
        {.seed = 1, .stage = 0, .epoch = 0, .shuffle = true},
        {.seed = 2, .stage = 0, .epoch = 0, .shuffle = true},
        {.seed = 1, .stage = 1, .epoch = 0, .shuffle = true},
        {.seed = 1, .stage = 0, .epoch = 1, .shuffle = true},
        {.seed = 1},
    };
    size_t order[5][ROWS];

    (void)state;
    for (size_t i = 0; i < 5; i++)
        cursor_order(&c[i], order[i], ROWS);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(order[i], order[j], sizeof order[i]);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(order[4][i], i);
}

static void test_cursor_edges(void **state)
{
    struct cursor c = {.seed = 1};
    size_t order[3], out[8];

    (void)state;
    cursor_order(&c, order, 3);
    assert_int_equal(cursor_next(&c, order, 3, 8, out), 3);
    assert_int_equal(c.epoch, 0);
    assert_int_equal(cursor_next(&c, order, 3, 8, out), 3);
    assert_int_equal(c.epoch, 1);
    assert_int_equal(out[2], 2);
    assert_int_equal(cursor_next(&c, order, 3, 1, out), 1);
    assert_int_equal(c.epoch, 2);
    assert_int_equal(out[0], 0);
    assert_int_equal(cursor_next(&c, order, 3, 0, out), 0);
    assert_int_equal(cursor_next(&c, order, 0, 4, out), 0);
    assert_int_equal(c.next, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packing),           cmocka_unit_test(test_ready_ids),
        cmocka_unit_test(test_no_memory),         cmocka_unit_test(test_keys),
        cmocka_unit_test(test_every_sample_once), cmocka_unit_test(test_resume),
        cmocka_unit_test(test_order_depends),     cmocka_unit_test(test_cursor_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
