/* report.h - what leaves a run: other tools' files, the HTML page; all made from the run folder's own files.
 *
 * Nothing here knows a model or a trainer. A folder of a run that is still going on, or was killed, reads
 * as far as it goes; a torn last line is dropped. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "record/reader.h"

/* Exporters: an X-macro list, one file export_NAME.c each. Each replaces its file in the run folder. */
#define EXPORTS(X) X(csv) X(trainer_state) X(tensorboard)
struct export_row {
    const char *name;
    const char *help;
    int (*write)(const struct run_data *r, struct vac_err *err);
};
const struct export_row *export_at(size_t i);
/* All of them; called at the end of a run and at its checkpoints. */
int export_all(const char *dir, bool done, struct vac_err *err);

/* One self-contained HTML page. */
int report_html(const char *dir, const char *out, struct vac_err *err);
#endif
