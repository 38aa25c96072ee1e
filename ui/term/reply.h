/* reply.h - reading JSON files for the screen. Nothing in them is
 * trusted: what is missing or of another type reads as NaN or "". */
#ifndef TERM_REPLY_H
#define TERM_REPLY_H

#include <cjson/cJSON.h>

double reply_number(const cJSON *obj, const char *key);
/* Borrowed from obj; "" when missing. */
const char *reply_text(const cJSON *obj, const char *key);
/* strdup that turns "no memory" into NULL and NULL into NULL. */
char *reply_copy(const char *text);
#endif
