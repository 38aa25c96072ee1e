/* reply.h - reading the JSON bodies of events. Nothing in them is
 * trusted: what is missing or of another type reads as NaN or "". */
#ifndef PANELS_REPLY_H
#define PANELS_REPLY_H

#include <cjson/cJSON.h>
#include "panels/state.h"

double reply_number(const cJSON *obj, const char *key);
/* As a whole number; `missing` when it is none, or beyond 2^53. */
int64_t reply_int(const cJSON *obj, const char *key, int64_t missing);
bool reply_true(const cJSON *obj, const char *key);
/* Borrowed from obj; "" when missing. */
const char *reply_text(const cJSON *obj, const char *key);
/* strdup that turns "no memory" into NULL and NULL into NULL. */
char *reply_copy(const char *text);
#endif
