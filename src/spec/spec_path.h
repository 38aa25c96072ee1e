/* spec_path.h - paths of a run file, absolute and there. */
#ifndef SPEC_SPEC_PATH_H
#define SPEC_SPEC_PATH_H

#include "base/option.h"

enum { SPEC_NAME_ROOM = 256 };
/* The entry of the path's folder that is most like its last part, or "". */
void spec_nearest(const char *path, char best[SPEC_NAME_ROOM]);
/* Replaces *text (owned; NULL stays) by its absolute form, relative to `dir`; what is not there, or
 * of the wrong kind, is an error at the node. A model may also be a name that hub_find knows. */
int spec_path(char **text, enum option_path kind, const struct jnode *n, const char *dir,
              struct vac_err *err);
/* The same for every row of the object that names something on the disk. */
int spec_paths(const struct option_row *rows, void *base, const struct jnode *obj, const char *dir,
               struct vac_err *err);
#endif
