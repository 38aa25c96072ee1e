/* html_text.h - parts of a page: text, numbers, times.
 *
 * Everything that comes from a run's files is put with page_text, which no text can leave: markup
 * is escaped, control and direction-changing characters are shown by their numbers. Numbers are
 * written without the locale's help. */
#ifndef REPORT_HTML_TEXT_H
#define REPORT_HTML_TEXT_H

#include "base/mem.h"

/* At most max_chars characters, then an ellipsis; SIZE_MAX = all. */
void page_text(struct strbuf *out, const char *s, size_t max_chars);
/* Rounded to `digits` significant digits; a dash for what is not finite. */
void page_number(struct strbuf *out, double x, int digits);
/* With `digits` digits behind the point. */
void page_fixed(struct strbuf *out, double x, int digits);
void page_percent(struct strbuf *out, double x); /* 0.125 -> "12.5 %" */
void page_time(struct strbuf *out, double unix_seconds);
extern const char page_style[];
#endif
