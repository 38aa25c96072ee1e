/* test_judging.c - what is made of verdicts and probabilities, beside recorded numbers of independent arithmetic. */
#include <math.h>

#include "base/json.h"
#include "eval/agree.h"
#include "eval/apart.h"
#include "eval/correct.h"
#include "eval/stats.h"
#include "support.h"

static cJSON *golden(const char *name)
{
    struct vac_err err = {0};
    cJSON *doc = json_read(support_join(support_path("golden/judging"), name), 1 << 24, &err);

    if (!doc)
        fail_msg("%s", err.msg);
    return doc;
}

/* The numbers of a list; null is NaN. */
static size_t numbers(const cJSON *list, double *out)
{
    const cJSON *v;
    size_t n = 0;

    cJSON_ArrayForEach(v, list) out[n++] = cJSON_IsNumber(v) ? v->valuedouble : (double)NAN;
    return n;
}

static void assert_number(const char *what, double got, double want)
{
    if (isnan(want) ? !isnan(got) : !(fabs(got - want) < 1e-12))
        fail_msg("%s: %.17g, expected %.17g", what, got, want);
}

/* --- p(refuse) --- */

static void test_apart(void **state)
{
    cJSON *doc = golden("apart.json");
    const cJSON *row;

    (void)state;
    cJSON_ArrayForEach(row, doc)
    {
        struct vac_span got[VAC_BENEATH_COUNT];
        double harm[64], kind[64], want[3];
        size_t m = numbers(cJSON_GetObjectItem(row, "harm"), harm);
        size_t n = numbers(cJSON_GetObjectItem(row, "kind"), kind);

        apart_measure(harm, m, kind, n, got);
        for (int i = 0; i <= VAC_BENEATH_auc; i++) {
            char what[80];

            snprintf(what, sizeof what, "%s %s", cJSON_GetObjectItem(row, "name")->valuestring,
                     vac_beneath[i].name);
            numbers(cJSON_GetObjectItem(cJSON_GetObjectItem(row, "expected"), vac_beneath[i].name),
                    want);
            assert_true(got[i].known);
            assert_number(what, got[i].value, want[0]);
            assert_number(what, got[i].lo, want[1]);
            assert_number(what, got[i].hi, want[2]);
        }
        apart_measure(harm, m, NULL, 0, got);
        assert_true(got[VAC_BENEATH_p_refuse].known);
        assert_false(got[VAC_BENEATH_margin].known);
        assert_false(got[VAC_BENEATH_auc].known);
    }
    cJSON_Delete(doc);
}

/* --- a rate that is looked at again and again --- */

static void test_sequence(void **state)
{
    cJSON *doc = golden("sequence.json");
    const cJSON *row, *missed = cJSON_GetObjectItem(doc, "missed"), *within;

    (void)state;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "intervals"))
    {
        size_t k = (size_t)cJSON_GetObjectItem(row, "k")->valuedouble;
        size_t n = (size_t)cJSON_GetObjectItem(row, "n")->valuedouble;
        size_t look = (size_t)cJSON_GetObjectItem(row, "look")->valuedouble;
        struct interval got = rate_sequence(k, n, look), once = wilson(k, n, Z95);
        double want[2];
        char what[80];

        snprintf(what, sizeof what, "%zu of %zu at look %zu", k, n, look);
        assert_int_equal(numbers(cJSON_GetObjectItem(row, "ends"), want), 2);
        assert_number(what, got.lo, want[0]);
        assert_number(what, got.hi, want[1]);
        assert_true(got.lo <= once.lo && once.hi <= got.hi);
    }
    assert_true(rate_sequence(0, 0, 1).lo == 0 && rate_sequence(0, 0, 1).hi == 1);
    /* what it is for: at most one stream in twenty is ever outside, and of Wilson's a quarter are */
    within = cJSON_GetObjectItem(missed, "within");
    cJSON_ArrayForEach(row, within) assert_true(row->valuedouble <= 0.05);
    missed = cJSON_GetObjectItem(missed, "looks");
    assert_true(cJSON_GetObjectItem(missed, "sequence")->valuedouble <= 0.05);
    assert_true(cJSON_GetObjectItem(missed, "wilson")->valuedouble > 0.2);
    cJSON_Delete(doc);
}

/* --- two judges --- */

static void test_kappa(void **state)
{
    cJSON *doc = golden("kappa.json");
    const cJSON *row;

    (void)state;
    cJSON_ArrayForEach(row, doc)
    {
        const cJSON *table = cJSON_GetObjectItem(row, "table"),
                    *expected = cJSON_GetObjectItem(row, "expected");
        size_t count[VERDICT_COUNT][VERDICT_COUNT];
        struct vac_span got;
        double want[3], x[3];

        for (int i = 0; i < VERDICT_COUNT; i++) {
            numbers(cJSON_GetArrayItem(table, i), x);
            for (int k = 0; k < VERDICT_COUNT; k++)
                count[i][k] = (size_t)x[k];
        }
        got = agree_kappa(count);
        assert_true(got.known == cJSON_IsArray(expected));
        if (!got.known)
            continue;
        numbers(expected, want);
        assert_number("kappa", got.value, want[0]);
        assert_number("its lower bound", got.lo, want[1]);
        assert_number("its upper bound", got.hi, want[2]);
    }
    cJSON_Delete(doc);
}

/* --- labels --- */

/* The bootstrap beside the exact distribution that it draws from: a twentieth of a standard deviation apart. */
static void test_correction(void **state)
{
    cJSON *doc = golden("correct.json");
    const cJSON *row;

    (void)state;
    cJSON_ArrayForEach(row, doc)
    {
        const cJSON *expected = cJSON_GetObjectItem(row, "expected");
        double of[6], want[3];
        struct vac_span got, same;
        struct judged j;

        numbers(cJSON_GetObjectItem(row, "of"), of);
        j = (struct judged){(size_t)of[0], (size_t)of[1], (size_t)of[2],
                            (size_t)of[3], (size_t)of[4], (size_t)of[5]};
        got = correct_rate(&j, 20000, 1);
        assert_true(got.known == cJSON_IsArray(expected));
        if (!got.known)
            continue;
        numbers(expected, want);
        assert_number("corrected", got.value, want[0]);
        if (!(fabs(got.lo - want[1]) < 0.015 && fabs(got.hi - want[2]) < 0.015))
            fail_msg("[%g, %g], expected [%g, %g]", got.lo, got.hi, want[1], want[2]);
        same = correct_rate(&j, 20000, 1);
        assert_true(got.lo == same.lo && got.hi == same.hi); /* seeded */
    }
    cJSON_Delete(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apart),
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_kappa),
        cmocka_unit_test(test_correction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
