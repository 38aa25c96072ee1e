/* battery_text.h - batteries of attacks as tables: for people, for spreadsheets, for programs. */
#ifndef REPORT_BATTERY_TEXT_H
#define REPORT_BATTERY_TEXT_H

#include <vaccine/vaccine.h>
#include "base/mem.h"

/* A table, an attack a row, and under it the worst case within the bounds, what falls outside them, and what the
 * steps went into. */
void battery_text(struct strbuf *out, const struct vac_battery *v);
/* A line of CSV for every score of every attack, behind a head. */
void battery_csv(struct strbuf *out, const struct vac_battery *v, size_t n);
/* One JSON object a line and battery, with the curves. */
void battery_json(struct strbuf *out, const struct vac_battery *v, size_t n);
#endif
