/* html_immunity.h - how immunity grew: what attacks on the weights of a run's steps came to. */
#ifndef REPORT_HTML_IMMUNITY_H
#define REPORT_HTML_IMMUNITY_H

#include "record/reader.h"

/* A section with a curve for each attack that was made on two steps at least; nothing where none was. */
int page_immunity(struct strbuf *out, const struct run_data *r, struct vac_err *err);
#endif
