/* event.h - filling what an event carries: all its memory is given back at once (vac_event_done). */
#ifndef RECORD_EVENT_H
#define RECORD_EVENT_H

#include <vaccine/vaccine.h>

/* n zeroed elements that live as long as the event; a text of n bytes (NULL stays NULL). NULL and an error when
 * there is no memory. */
void *event_alloc(struct vac_event *e, size_t n, size_t size, struct vac_err *err);
const char *event_text(struct vac_event *e, const char *s, size_t n, struct vac_err *err);
#endif
