/* options.h - live options of the stage at work: shown, set by a command, set when a run goes on. */
#ifndef RUN_OPTIONS_H
#define RUN_OPTIONS_H

#include "run/book.h"

/* As the driver sees them. */
void options_mirror(struct steer *steer, const struct stage *st);
/* Refuses one that is not live. */
int options_fixed(const char *key, struct vac_err *err);
/* As text; no such option is an error. */
int options_value(const struct stage *st, const char *key, struct strbuf *out, struct vac_err *err);
/* Sets one, with its journal line, whose reason is `why` (may be NULL); what the method refuses stays as it was. */
int options_set(struct book *book, struct stage *st, const char *who, const char *key,
                const char *text, const char *why, struct vac_err *err);
/* What somebody sets: only while a step is to come that uses it. */
int options_change(struct book *book, struct stage *st, const char *who, const char *key,
                   const char *text, struct vac_err *err);
/* Applies the --set options of a run that goes on to the stage that is open: all or none. */
int options_set_all(struct book *book, struct stage *st, const struct vac_open *how,
                    struct vac_err *err);
/* Whether they can be, as far as that shows before the stage is open. */
int options_check_all(struct stage_spec *s, size_t index, const char *dir,
                      const struct vac_open *how, struct vac_err *err);
#endif
