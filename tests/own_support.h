/* own_support.h - the keys that a judge or a metric has of its own, for tests. */
#ifndef TESTS_OWN_SUPPORT_H
#define TESTS_OWN_SUPPORT_H

#include "eval/own.h"
#include "support.h"

/* Defaults, and KEY = TEXT unless it is NULL. Stays until 16 more have been made. */
static inline void *own_options(const char *judge, const char *metric, const char *key,
                                const char *text)
{
    static struct {
        struct own_keys own;
        void *options;
    } made[16];
    static size_t n;
    struct vac_err err = {0};
    size_t i = n++ % 16;

    if (made[i].options)
        own_free(&made[i].own, made[i].options);
    assert_true(own_of(judge, metric, &made[i].own, &err));
    made[i].options = own_new(&made[i].own, &err);
    assert_non_null(made[i].options);
    if (text)
        assert_ok(option_set(option_find(made[i].own.rows, key), text, made[i].options, key, &err),
                  &err);
    return made[i].options;
}
/* A key that is text. */
static inline const char *own_text(const char *judge, const void *options, const char *key)
{
    struct own_keys own;

    assert_true(own_of(judge, NULL, &own, NULL) && options);
    return *(char *const *)((const char *)options + option_find(own.rows, key)->offset);
}
#endif
