/* past.h - the history of a run as one list: what its files held when the session began, what the
 * rings hold, and again from the files what has left the rings unread. */
#ifndef DOOR_PAST_H
#define DOOR_PAST_H

#include "run/control.h"

/* A file of lines, read on where a gap of a ring begins. */
struct gap {
    FILE *file;
    char *line;
    size_t cap;
    uint64_t number; /* of the next line */
};
struct past {
    uint64_t first_point,
        first_layer;              /* numbers of the rings' first entries in the run's history */
    struct vac_point *old_points; /* what its files held; layers stay in theirs until asked for */
    struct gap point_gap, layer_gap;
};
/* Takes over what the line files in dir hold up to these sizes. */
int past_read(struct past *p, const char *dir, int64_t points_end, int64_t layers_end,
              struct vac_err *err);
/* As vac_history and vac_layer_history. */
size_t past_points(struct past *p, struct control *ctl, const char *dir, uint64_t *next,
                   struct vac_point *out, size_t max);
size_t past_layers(struct past *p, struct control *ctl, const char *dir, uint64_t *next,
                   struct vac_layers *out, size_t max);
void past_done(struct past *p);
#endif
