/* tok_regex.h - regular expressions of tokenizer.json: written for Oniguruma, run by PCRE2.
 *
 * The two agree on most of the syntax but not on \s, \w, \h, {n,m}+, (?m) and others, so a pattern
 * is translated first. What has no exact counterpart is refused. */
#ifndef TOKEN_TOK_REGEX_H
#define TOKEN_TOK_REGEX_H

#include "base/mem.h"

struct tok_regex;

/* `literal` takes the pattern as plain text. The message of an error says what is wrong with the
 * pattern; the caller puts the place in front. */
struct tok_regex *tok_regex_new(const char *pattern, bool literal, struct vac_err *err);
void tok_regex_free(struct tok_regex *re);

/* A text of n bytes begins: all matches in it and in its parts together get so much work. */
void tok_regex_begin(struct tok_regex *re, size_t n);

/* A text cut into what matches and what lies between, in order, without gaps; a match may be empty.
 */
struct tok_span {
    size_t from, to;
    bool match;
};
/* The spans of s (valid UTF-8) are borrowed until the next call with the same re. */
int tok_regex_spans(struct tok_regex *re, const char *s, size_t n, const struct tok_span **v,
                    size_t *count, struct vac_err *err);
#endif
