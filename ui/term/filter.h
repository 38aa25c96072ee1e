/* filter.h - the filter language of lists: words that must be there, in any order and case.
 *
 *     rho set          lines with both
 *     rho | lr         lines with one of them ("|" binds weaker than the blank)
 *     !checkpoint      lines without it
 *     "two words"      a term with a blank in it
 *     /step 1[0-9]+/   an extended regular expression
 */
#ifndef TERM_FILTER_H
#define TERM_FILTER_H

#include <stdbool.h>
#include <stddef.h>

struct filter;

/* NULL, and why not in `why` (a regular expression that is not one, no memory). An empty text
 * matches all. */
struct filter *filter_new(const char *text, char *why, size_t size);
bool filter_match(const struct filter *f, const char *line);
void filter_free(struct filter *f);
#endif
