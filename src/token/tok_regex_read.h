/* tok_regex_read.h - from the regular expressions of Oniguruma to those of PCRE2. */
#ifndef TOKEN_TOK_REGEX_READ_H
#define TOKEN_TOK_REGEX_READ_H

#include "base/mem.h"

/* Appends the PCRE2 form of an Oniguruma pattern. */
int tok_regex_translate(const char *pattern, struct strbuf *out, struct vac_err *err);
#endif
