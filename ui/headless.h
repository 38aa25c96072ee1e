/* headless.h - after the screen: training that goes on in the terminal, and how the program ends. */
#ifndef UI_HEADLESS_H
#define UI_HEADLESS_H

#include "ui/frame.h"

/* To be called after each pump once nobody is there to answer a pause: one that was asked for is
 * over, and faults are dealt with as in a run that began without a screen. */
void headless_answer(struct ui *ui);
/* A line to standard output, of safe text; on a terminal it breaks between words, and no word does. */
void headless_say(const struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "step 1204 loss 0.412 rho 2.0 HS 3.2" into out. */
void headless_line(const struct ui *ui, char *out, size_t size);
/* As `vaccine run` until the run ends, with next to no cycles of its own. */
void headless_run(struct ui *ui);
/* The exit status; waits for the session's end. err: what went wrong. */
int headless_end(struct ui *ui, struct vac_err *err);
#endif
