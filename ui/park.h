/* park.h - a run that trains while another one is looked at: it is set aside with all that the screen
 * knows of it. */
#ifndef UI_PARK_H
#define UI_PARK_H

#include "ui/frame.h"

/* Sets the run that is open aside: none is open then. False without memory. */
bool park_make(struct ui *ui);
/* Exchanges the one set aside with the one that is open: nothing is drawn meanwhile. */
void park_swap(struct ui *ui);
/* The one set aside is none any more. */
void park_free(struct ui *ui);
#endif
