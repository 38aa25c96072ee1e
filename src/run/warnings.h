/* warnings.h - what is legal and yet not what its user thinks. `validate` prints it, a run tells it
 * before its first step and writes it into run.json. */
#ifndef RUN_WARNINGS_H
#define RUN_WARNINGS_H

#include "run/stage.h"

struct data_counts warnings_count(const struct stage *st);
/* Of a stage, and of what is watched: a line each. */
int warnings_of_stage(const struct rig *rig, size_t index, const struct data_counts *c,
                      struct strbuf *out, struct vac_err *err);
void warnings_of_watch(const struct rig *rig, struct strbuf *out);
typedef int warnings_visit(void *ctx, const char *line, struct vac_err *err);
int warnings_each(const struct strbuf *lines, warnings_visit *visit, void *ctx,
                  struct vac_err *err);
#endif
