/* support.h - what the tests share: where data lies, temporary folders, comparison of numbers. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/err.h"

/* Paths live to the end of the program. */

/* A path under tests/ of the source tree ("golden/opt"). */
const char *support_path(const char *rel);
/* A path under $VACCINE_TESTDATA (real models, tokenizers, datasets), or NULL when it is not there:
 * then say so and skip:  if (!(p = support_testdata("models/x"))) skip(); */
const char *support_testdata(const char *rel);
/* A fresh folder for this test, removed at exit. */
const char *support_tmp(void);
/* DIR/NAME. */
const char *support_join(const char *dir, const char *name);
/* One temporary folder for the whole program, a path in it, a fresh folder there, and a file with this
 * text. */
const char *support_own(void);
const char *support_file(const char *name);
const char *support_folder(const char *name);
const char *support_text(const char *name, const char *text);
/* Writes a file for a test to read. */
void support_write(const char *path, const void *data, size_t n);
void support_write_text(const char *path, const char *text);
/* Largest |a - b| over largest |b|; NaN anywhere gives infinity. */
double support_diff(const float *a, const float *b, size_t n);
double support_diff_d(const float *a, const double *b, size_t n);

/* Asserts that a call succeeded, showing the error's message when not. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if (call)                                                                                  \
            fail_msg("%s: %s", #call, (err)->msg);                                                 \
    } while (0)
/* Asserts that an error is set and that its message contains the text. */
#define assert_error(err, text)                                                                    \
    do {                                                                                           \
        if ((err)->code == 0 || !strstr((err)->msg, text))                                         \
            fail_msg("expected an error with \"%s\", got %d \"%s\"", text, (err)->code,            \
                     (err)->msg);                                                                  \
    } while (0)
/* Asserts support_diff(a, b, n) <= tol. */
#define assert_close(what, a, b, n, tol)                                                           \
    do {                                                                                           \
        double d_ = support_diff(a, b, n);                                                         \
        if (!(d_ <= (tol)))                                                                        \
            fail_msg("%s: differs by %.3g of the largest value (tolerance %.1g)", what, d_,        \
                     (double)(tol));                                                               \
    } while (0)
#endif
