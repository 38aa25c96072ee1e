/* html_curves.h - what was measured over the steps. */
#ifndef REPORT_HTML_CURVES_H
#define REPORT_HTML_CURVES_H

#include "record/reader.h"
#include "report/html_svg.h"

/* What an entry of "evaluate" tells, which gives it its colour. */
enum role { ROLE_HARM, ROLE_REFUSAL, ROLE_TASK, ROLE_LOSS };
struct entry {
    char name[VAC_NAME];
    enum role role;
    bool dashed; /* an earlier entry has the same role */
};
size_t page_entries(const struct run_data *r, struct entry out[VAC_MAX_EVALS]);
enum hue role_hue(enum role role);
int page_curves(struct strbuf *out, const struct run_data *r, struct vac_err *err);
#endif
