/* html_heat.h - a number of every layer at every step, as a picture. */
#ifndef REPORT_HTML_HEAT_H
#define REPORT_HTML_HEAT_H

#include "record/reader.h"

enum { HEAT_COLUMNS = 240 };
struct heat {
    const char *title, *note, *unit;
    size_t series; /* number of the series */
};
/* One <figure>; nothing when the series was never measured. 0, or -1 out of memory. */
int svg_heat(struct strbuf *out, const struct heat *h, const struct run_data *r,
             struct vac_err *err);
void heat_style(struct strbuf *out);
#endif
