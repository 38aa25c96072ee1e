/* labelling.h - answers of a run are labelled one after the other, without anything that tells where they are from. */
#ifndef PANELS_LABELLING_H
#define PANELS_LABELLING_H

#include "panels/state.h"

/* Opens the labels of the run in place of *labels, and asks for the next; `done` gets the key, and hands it to
 * labelling_take. */
void labelling_begin(struct ui *ui, struct vac_labels **labels, void done(struct ui *ui, int key));
/* Writes it down, and asks on. */
void labelling_take(struct ui *ui, struct vac_labels *labels, int key,
                    void done(struct ui *ui, int key));
#endif
