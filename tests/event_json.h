/* event_json.h - what an event carries, from JSON: a test says in one string what it tells the screen. */
#ifndef TESTS_EVENT_JSON_H
#define TESTS_EVENT_JSON_H

#include <vaccine/vaccine.h>

/* Fills it by its kind; what is missing or of another type is empty, as no core sends it. NULL = nothing. */
void event_from_json(struct vac_event *e, const char *json);
#endif
