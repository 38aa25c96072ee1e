/* st_foreign.h - a folder that holds something else in the place of what was looked for. */
#ifndef WEIGHTS_ST_FOREIGN_H
#define WEIGHTS_ST_FOREIGN_H

#include "base/err.h"

/* -1 and an error with advice when a name in the folder is one of those that people have in place
 * of the `wanted` one, else 0. */
int st_refuse_folder(const char *dir, const char *wanted, struct vac_err *err);
#endif
