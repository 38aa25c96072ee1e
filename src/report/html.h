/* html.h - the report of a run: one self-contained HTML page, made from the run folder's own files.
 *
 * A folder of a run that is still going on, or was killed, reads as far as it goes. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "base/err.h"

int report_html(const char *dir, const char *out, struct vac_err *err);
#endif
