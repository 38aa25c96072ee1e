/* html_samples.h - what the model answered. */
#ifndef REPORT_HTML_SAMPLES_H
#define REPORT_HTML_SAMPLES_H

#include "record/reader.h"

int page_samples(struct strbuf *out, const struct run_data *r, struct vac_err *err);
void page_probes(struct strbuf *out, const struct run_data *r);
#endif
