/* plain.h - the line mode: for screen readers, logs and terminals that can do nothing else. */
#ifndef UI_PLAIN_H
#define UI_PLAIN_H

#include "ui/frame.h"

/* Opens args->path and drives it by typed lines; the exit status, or -1 and err. */
int plain_main(struct ui *ui, struct vac_err *err);
#endif
