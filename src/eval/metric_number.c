/* metric_number.c - GSM8K's rule: the number behind "The final answer is: ", else the last one in
 * the text. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/metric.h"

#define MARK "The final answer is: "

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of the number that begins at s: -?[0-9]+\.?[0-9]*; 0 = none begins here. */
static size_t number_at(const char *s)
{
    size_t n = *s == '-';

    if (!is_digit(s[n]))
        return 0;
    while (is_digit(s[n]))
        n++;
    if (s[n] == '.')
        n++;
    while (is_digit(s[n]))
        n++;
    return n;
}

/* The first or the last number of a text; NULL = there is none. */
static const char *find_number(const char *s, const char *end, bool last)
{
    const char *found = NULL;

    while (s < end && *s) {
        size_t n = number_at(s);

        if (n > 0 && !last)
            return s;
        if (n > 0)
            found = s;
        s += n ? n : 1;
    }
    return found;
}

/* In place: a thousand's comma is part of no number. */
static void drop_commas(char *s)
{
    char *to = s;

    for (; *s; s++)
        if (*s != ',')
            *to++ = *s;
    *to = '\0';
}

/* The point is a point whatever the locale says. */
static bool convert(const char *s, double *x)
{
    const char *point = localeconv()->decimal_point;
    char digits[512];
    size_t n = number_at(s), at = strcspn(s, ".");

    if (n + strlen(point) >= sizeof digits)
        return false;
    at = at < n ? at : n;
    snprintf(digits, sizeof digits, "%.*s%s%.*s", (int)at, s, at < n ? point : "",
             at < n ? (int)(n - at - 1) : 0, s + at + (at < n));
    *x = strtod(digits, NULL);
    return true;
}

/* The number that a text gives as its answer. A marker without a number behind it counts for
 * nothing. */
static bool answer_number(char *text, double *x)
{
    const char *mark, *next, *end, *at = NULL;

    drop_commas(text);
    end = text + strlen(text);
    mark = strstr(text, MARK);
    if (mark) {
        mark += strlen(MARK);
        next = strstr(mark, MARK);
        at = find_number(mark, next ? next : end, false);
    }
    if (!at)
        at = find_number(text, end, true);
    return at && convert(at, x);
}

/* A solution as GSM8K writes it has its number behind "####". */
static bool expected_number(char *text, double *x)
{
    char *mark = strstr(text, "####");

    return answer_number(mark ? mark + 4 : text, x);
}

static bool number_correct(const void *options, const char *expected, const char *answer,
                           struct vac_err *err)
{
    char *want = mem_strdup(expected, err), *have = mem_strdup(answer, err);
    double x, y;
    bool same = want && have && expected_number(want, &x) && answer_number(have, &y) && x == y;

    (void)options;
    free(want);
    free(have);
    return same;
}

const struct metric metric_number = {
    .name = "number",
    .help =
        "the number behind \"The final answer is: \", else the last one, is the expected number",
    .correct = number_correct,
};
