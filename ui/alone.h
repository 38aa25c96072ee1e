/* alone.h - a run whose screen nobody looks at any more. */
#ifndef UI_ALONE_H
#define UI_ALONE_H

#include "ui/frame.h"

/* To be called after each pump once nobody is there to answer a pause: one that was asked for is
 * over, and faults are dealt with as in a run that began without a screen. */
void alone_answer(struct ui *ui);
#endif
