/* test_ui_pace.c - how far apart frames are. */
#include <math.h>
#include "support.h"
#include "term/clock.h"

/* Seconds to the next frame after many alike, each of so many processor seconds and bytes. */
static double settled(struct pace *p, int w, int h, double cost, size_t bytes, bool spare,
                      bool unfocused)
{
    double now = 100, used = 7;

    p->used = used;
    for (int i = 0; i < 200; i++) {
        used += cost;
        pace_frame(p, now, used, w, h, bytes, spare, unfocused);
        if (i < 199)
            now = p->next;
    }
    return p->next - now;
}

/* What frames take of a processor is .18 % of it, where four a second are not cheaper and one not dearer. */
static void test_frames_are_as_far_apart_as_they_cost(void **state)
{
    (void)state;
    assert_float_equal(settled(&(struct pace){0}, 80, 24, .0004, 100, true, false), .25, 1e-6);
    assert_float_equal(settled(&(struct pace){0}, 200, 60, .00144, 100, true, false), .8, 1e-6);
    assert_float_equal(settled(&(struct pace){0}, 200, 60, .009, 100, true, false), 1, 1e-6);
    assert_float_equal(settled(&(struct pace){0}, 200, 60, .009, 100, false, false), .25, 1e-6);
}

/* One dear frame among cheap ones changes little. */
static void test_a_single_frame_changes_little(void **state)
{
    struct pace p = {0};
    double now;

    (void)state;
    settled(&p, 200, 60, .00144, 100, true, false);
    now = p.next;
    pace_frame(&p, now, p.used + .00216, 200, 60, 100, true, false);
    assert_float_equal((p.next - now), .85, 1e-6);
}

static void test_what_was_asked_for_holds(void **state)
{
    (void)state;
    assert_float_equal(settled(&(struct pace){.asked = .1}, 200, 60, .009, 10, true, false), .1,
                       1e-6);
    assert_float_equal(settled(&(struct pace){.asked = 3}, 80, 24, .0001, 10, true, false), 3,
                       1e-6);
    assert_float_equal(settled(&(struct pace){.asked = .1}, 80, 24, .0001, 10, false, true), 2,
                       1e-6);
    assert_float_equal(settled(&(struct pace){0}, 80, 24, .0001, 10, false, true), 2, 1e-6);
}

/* No more bytes a second than the line takes, however many a frame has. */
static void test_the_line_takes_no_more(void **state)
{
    (void)state;
    assert_float_equal(3000 * settled(&(struct pace){0}, 80, 24, .0001, 2400, true, false), 2400,
                       1);
    assert_float_equal(10000 * settled(&(struct pace){0}, 200, 60, .0001, 8000, true, false), 8000,
                       1);
    assert_float_equal(800 * settled(&(struct pace){.line = 800}, 80, 24, .0001, 600, true, false),
                       600, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_are_as_far_apart_as_they_cost),
        cmocka_unit_test(test_a_single_frame_changes_little),
        cmocka_unit_test(test_what_was_asked_for_holds),
        cmocka_unit_test(test_the_line_takes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
