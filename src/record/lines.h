/* lines.h - files of JSON lines that a run writes, read back.
 *
 * A folder of a run that is still going on, or was killed, reads as far as it goes; a torn last line is
 * dropped. */
#ifndef RECORD_LINES_H
#define RECORD_LINES_H

#include <vaccine/vaccine.h>
#include "base/json.h"

enum { LINES_LIMIT = 1 << 30 }; /* bytes of a file */

/* Each whole line of DIR/NAME in turn; a missing file has none, a torn last line is dropped. -1 of
 * the visitor ends it; errors name file and line. Returns -1, or 0. */
typedef int lines_visitor(void *ctx, const struct jnode *line, struct vac_err *err);
int lines_visit(const char *dir, const char *name, lines_visitor *visit, void *ctx,
                struct vac_err *err);
/* Each whole line of a file from the byte *at on and before `end`; *at and *number count on what was
 * visited. */
int lines_visit_file(const char *path, int64_t end, int64_t *at, size_t *number,
                     lines_visitor *visit, void *ctx, struct vac_err *err);
/* All of them as an array; free with cJSON_Delete, after a failure too. */
int lines_array(cJSON **out, const char *dir, const char *name, struct vac_err *err);
/* Visitor: a copy of the line is appended to the cJSON array ctx. */
int lines_keep(void *ctx, const struct jnode *line, struct vac_err *err);
/* lines_visit of the first `end` bytes. */
int lines_visit_to(const char *dir, const char *name, int64_t end, lines_visitor *visit, void *ctx,
                   struct vac_err *err);
/* Copies text, cut at a character's boundary. */
void lines_name(char *out, size_t size, const char *text);
#endif
