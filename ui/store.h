/* store.h - filling what state.h shows. For the framework only. */
#ifndef UI_STORE_H
#define UI_STORE_H

#include "ui/state.h"

/* Each is appended behind the last step; a step that is not greater drops what it goes back over.
 */
void history_push(struct history *h, const struct vac_point *p);
void history_done(struct history *h);
void layer_history_push(struct layer_history *h, const struct vac_layers *l, int n_layers);
void layer_history_done(struct layer_history *h);
void journal_push(struct journal *j, const struct vac_event *e);
void journal_done(struct journal *j);
#endif
