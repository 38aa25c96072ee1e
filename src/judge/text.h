/* text.h - how judges and metrics look at an answer: without regard to case, to
 * the kind of apostrophe, and to what surrounds it. Text that is not valid UTF-8 is taken byte by
 * byte. */
#ifndef JUDGE_TEXT_H
#define JUDGE_TEXT_H

#include "base/mem.h"

/* A part of a text; borrows it. */
struct part {
    const char *s;
    size_t n;
};
bool text_is_space(char c);
struct part text_trim(const char *s);
/* Without white space on both sides and without punctuation at its end. */
struct part text_trim_marks(const char *s);
/* Equal but for case. */
bool text_same(struct part a, struct part b);
/* Appends at most max_chars characters of s in lower case, with every kind of apostrophe as '. */
void text_fold(struct strbuf *out, const char *s, size_t max_chars);
/* Appends to out[size] `"s" x n`, and ", " before it where something stands there: whole, with a
 * long s shortened, or not at all where there is no room. */
void text_put_count(char *out, size_t size, const char *s, size_t n);
/* Copies s into out[size], shortened at the end of a character where it does not fit. */
void text_copy(char *out, size_t size, const char *s);
#endif
