/* html_labels.h - what blind labels say of the judges. */
#ifndef REPORT_HTML_LABELS_H
#define REPORT_HTML_LABELS_H

#include "base/mem.h"
#include "record/reader.h"

/* Nothing where there are no labels. */
int page_labels(struct strbuf *out, const struct run_data *r, struct vac_err *err);
#endif
