/* export.h - files for other tools, in the run's folder: made from its own files, and grown with them.
 *
 * Each reads only what is new since it was last made. A file that another program has changed meanwhile is
 * made anew from all. */
#ifndef REPORT_EXPORT_H
#define REPORT_EXPORT_H

#include "record/reader.h"

/* What an exporter has written of the run so far; all zero = nothing. */
struct export_part {
    int64_t size; /* bytes of its file */
    int n_layers, number;
    int64_t from, to; /* where in the file the list is that grows */
    double sum;
    size_t n;
};
/* Exporters: an X-macro list, one file export_NAME.c each. */
#define EXPORTS(X) X(csv) X(trainer_state) X(tensorboard)
struct export_row {
    const char *name;
    const char *help;
    /* r holds what is new since *part, or all of the run. 1 = it has to be all. */
    int (*write)(const struct run_data *r, bool done, struct export_part *part,
                 struct vac_err *err);
};
/* For them: puts text behind what part says of DIR/NAME, in place of the file when that is nothing. 1 = somebody
 * else has changed it. */
int export_grow(const char *dir, const char *name, const struct strbuf *text,
                struct export_part *part, struct vac_err *err);

struct exports;
int exports_open(struct exports **out, const char *dir, struct vac_err *err);
/* All files, up to the last line of the run's; done: no more will come. After a failure, which does not keep the
 * others from being written, the next call makes all of them anew. */
int exports_update(struct exports *x, bool done, struct vac_err *err);
void exports_close(struct exports *x); /* NULL is fine */
#endif
